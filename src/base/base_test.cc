#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <vector>

#include "base/mapped_file.h"
#include "base/output_file.h"
#include "base/output_folder.h"
#include "base/philox.h"
#include "base/progress.h"
#include "base/result.h"
#include "base/sha256.h"
#include "base/thread_pool.h"

namespace burin {
namespace {

TEST(Result, ErrorTextNamesObjectFoundExpectedAdvice) {
  const Error error{ErrorKind::kBadInput, "a.bin", "3 bytes", "4 bytes", "Copy it again."};
  EXPECT_EQ(error.ToString(), "a.bin: 3 bytes; expected 4 bytes. Copy it again.");
}

TEST(Philox, EqualsTheKnownAnswersOfRandom123) {
  EXPECT_EQ(Philox({0, 0, 0, 0}, 0),
            (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox({~0u, ~0u, ~0u, ~0u}, ~uint64_t{0}),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0a4093822),
            (std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Sha256, EqualsFips180Example) {
  const std::string text = "abc";
  EXPECT_EQ(ToHex(Sha256Of(std::as_bytes(std::span(text)))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(ThreadPool, CoversTheRangeOnceForAnyThreadsCountAndGrain) {
  for (int threads : {1, 2, 3, 5}) {
    ThreadPool pool(threads);
    for (size_t count : {0, 1, 2, 7, 16, 100}) {
      for (size_t grain : {1, 4, 16}) {
        std::vector<int> hits(count, 0);
        pool.ParallelFor(count, grain, [&](size_t begin, size_t end, int) {
          EXPECT_EQ(begin % grain, 0u);
          for (size_t i = begin; i < end; ++i) ++hits[i];
        });
        EXPECT_THAT(hits, testing::Each(1));
        pool.ForEach(count, [&](size_t i) { ++hits[i]; });
        EXPECT_THAT(hits, testing::Each(2));
      }
    }
  }
}

TEST(ThreadPool, ManyShortRunsDoNotLoseWork) {
  ThreadPool pool(2);
  std::vector<uint64_t> sums(2, 0);
  for (int i = 0; i < 20000; ++i) {
    pool.ParallelFor(2, 1, [&](size_t begin, size_t, int) { sums[begin] += 1; });
  }
  EXPECT_THAT(sums, testing::Each(20000u));
}

TEST(Progress, LineHasShareRateAndTimeLeft) {
  EXPECT_EQ(Progress::Line("quantize", "weights", 500'000'000, 0, 1'000'000'000, 5),
            "quantize  50 %  500 M of 1.00 G weights  100 M/s  5 s left");
  EXPECT_EQ(Progress::Line("q", "w", 0, 0, 10, 0), "q  0 %  0 of 10 w  0/s  ? left");
}

TEST(MappedFile, MapsWritesAndRefuses) {
  const auto path = std::filesystem::temp_directory_path() / "burin_mapped_file_test";
  ASSERT_TRUE(WriteFileAtomically(path, "hello"));
  EXPECT_EQ(*ReadTextFile(path), "hello");
  EXPECT_FALSE(ReadTextFile(path, 4));
  std::filesystem::remove(path);
  const auto missing = MappedFile::Open(path);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kIo);
  EXPECT_FALSE(MappedFile::Open("/tmp"));
}

class OutputFileTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  // Names in the folder, so that what is left behind shows.
  size_t Entries() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / fmt::format("burin_output_file_{}", ::getpid());
};

TEST_F(OutputFileTest, TheOldContentStaysUntilCommit) {
  ASSERT_TRUE(WriteFileAtomically(folder_ / "file", "old"));
  {
    auto file = OutputFile::Create(folder_ / "file");
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->Write("new"));
    EXPECT_EQ(*ReadTextFile(folder_ / "file"), "old");
    ASSERT_TRUE(file->Commit());
    EXPECT_EQ(*ReadTextFile(folder_ / "file"), "new");
  }
  ASSERT_TRUE(OutputFile::Create(folder_ / "file")->Write("never committed"));
  EXPECT_EQ(*ReadTextFile(folder_ / "file"), "new");
  EXPECT_EQ(Entries(), 1u);
}

TEST_F(OutputFileTest, ALinkStaysALink) {
  ASSERT_TRUE(WriteFileAtomically(folder_ / "file", "old"));
  std::filesystem::create_symlink("file", folder_ / "link");
  std::filesystem::create_symlink("not-yet", folder_ / "dangling");
  ASSERT_TRUE(WriteFileAtomically(folder_ / "link", "new"));
  ASSERT_TRUE(WriteFileAtomically(folder_ / "dangling", "made"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "link"));
  EXPECT_EQ(*ReadTextFile(folder_ / "file"), "new");
  ASSERT_TRUE(std::filesystem::exists(folder_ / "not-yet"));
  EXPECT_EQ(*ReadTextFile(folder_ / "not-yet"), "made");
  std::filesystem::create_symlink("circle", folder_ / "circle");
  EXPECT_FALSE(WriteFileAtomically(folder_ / "circle", "x"));
}

TEST_F(OutputFileTest, ADeviceOrPipeIsWrittenNotReplaced) {
  const std::filesystem::path pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int reader = ::open(pipe.c_str(), O_RDWR | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  EXPECT_TRUE(WriteFileAtomically(pipe, "text"));
  char got[8] = {};
  EXPECT_EQ(::read(reader, got, sizeof got), 4);
  EXPECT_STREQ(got, "text");
  ::close(reader);
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  EXPECT_FALSE(ReplaceableFile(pipe));
}

TEST_F(OutputFileTest, RefusesAFolderAndAMissingOne) {
  EXPECT_FALSE(WriteFileAtomically(folder_, "x"));
  EXPECT_FALSE(WriteFileAtomically(folder_ / "no" / "file", "x"));
  EXPECT_EQ(Entries(), 0u);
}

TEST_F(OutputFileTest, AFolderReplacesOnlyWhatItsKindMade) {
  const std::filesystem::path path = folder_ / "out";
  auto make = [&](const char* content, bool force) -> Status {
    BURIN_ASSIGN(OutputFolder out, OutputFolder::Create(path, "mark", force));
    BURIN_TRY(out.Write("mark", ""));
    BURIN_TRY(out.Write("a/file", content));
    return out.Finish();
  };
  ASSERT_TRUE(make("one", false));
  const Status refused = make("two", false);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().ToString(), testing::HasSubstr("--force"));
  EXPECT_EQ(*ReadTextFile(path / "a" / "file"), "one");
  ASSERT_TRUE(make("two", true));
  EXPECT_EQ(*ReadTextFile(path / "a" / "file"), "two");
  std::filesystem::remove(path / "mark");
  EXPECT_FALSE(make("three", true));
  EXPECT_EQ(*ReadTextFile(path / "a" / "file"), "two");
  EXPECT_EQ(Entries(), 1u);
}

TEST_F(OutputFileTest, AFolderThatIsNotFinishedLeavesNothing) {
  {
    auto out = OutputFolder::Create(folder_ / "out", "mark", false);
    ASSERT_TRUE(out);
    ASSERT_TRUE(out->Write("a/b.txt", "x"));
  }
  EXPECT_EQ(Entries(), 0u);
}

}  // namespace
}  // namespace burin
