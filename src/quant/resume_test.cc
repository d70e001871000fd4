#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <functional>

#include "base/interrupt.h"
#include "quant/cartridge.h"
#include "quant/engrave.h"
#include "quant/nearest_quantizer.h"
#include "quant/test_models.h"

namespace burin {
namespace {

namespace fs = std::filesystem;

// Sends itself a signal at the n-th tile.
class Stopper : public NearestQuantizer {
 public:
  Stopper(int tile, int signal) : left_(tile), signal_(signal) {}
  TileError QuantizeTile(const TileInput& input, const MatrixFit& fit,
                         const TileOutput& output) const override {
    if (left_.fetch_sub(1) == 0) ::raise(signal_);
    return NearestQuantizer::QuantizeTile(input, fit, output);
  }

 private:
  mutable std::atomic<int> left_;
  const int signal_;
};

// Runs `body` in a child process; its wait status.
int InChild(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

class Resume : public testing::Test {
 protected:
  Resume() : owned_(MakeModel(SmallConfig(), 6)) {
    options_.journal_bytes = 1;
    ThreadPool pool(1);
    EXPECT_TRUE(Engrave(owned_.model, options_, folder_ / "whole.burin", pool));
    whole_ = ReadAll(folder_ / "whole.burin");
  }

  Result<EngraveSummary> EngraveAgain(const EngraveOptions& options) {
    ThreadPool pool(2);
    return Engrave(owned_.model, options, out(), pool);
  }
  void KillAtTile(int tile) {
    const int status = InChild([&] {
      const Stopper stopper(tile, SIGKILL);
      EngraveOptions options = options_;
      options.quantizer = &stopper;
      ThreadPool pool(1);
      return Engrave(owned_.model, options, out(), pool) ? 0 : 1;
    });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    EXPECT_FALSE(fs::exists(out()));
    EXPECT_TRUE(fs::exists(partial()));
  }
  fs::path out() const { return folder_ / "m.burin"; }
  fs::path partial() const { return folder_ / "m.burin.partial"; }
  fs::path journal() const { return folder_ / "m.burin.partial.journal"; }

  TestFolder folder_;
  OwnedModel owned_;
  EngraveOptions options_;
  std::string whole_;
};

TEST_F(Resume, GoesOnAfterAKillAndGivesTheSameBytes) {
  size_t most = 0;
  for (const int tile : {0, 2, 9, 23, 40}) {
    KillAtTile(tile);
    const auto summary = EngraveAgain(options_);
    ASSERT_TRUE(summary) << summary.error().ToString();
    EXPECT_FALSE(summary->discarded);
    most = std::max(most, summary->resumed);
    EXPECT_EQ(ReadAll(out()), whole_) << tile;
    EXPECT_FALSE(fs::exists(partial()));
    EXPECT_FALSE(fs::exists(journal()));
    fs::remove(out());
  }
  EXPECT_GT(most, 8u);
}

TEST_F(Resume, SurvivesATornJournalAndDamagedData) {
  KillAtTile(40);
  const std::string lines = ReadAll(journal()), data = ReadAll(partial());
  for (size_t i = 0; i < 12; ++i) {
    std::string torn = lines.substr(0, lines.size() * i / 11);
    std::string bent = data;
    if (i % 3 == 1) bent[bent.size() * i / 13] ^= 4;
    if (i % 3 == 2 && !torn.empty()) torn[torn.size() / 2] ^= 1;
    if (i == 9) bent.resize(bent.size() / 3);
    std::ofstream(journal(), std::ios::binary) << torn;
    std::ofstream(partial(), std::ios::binary) << bent;
    const auto summary = EngraveAgain(options_);
    ASSERT_TRUE(summary) << summary.error().ToString();
    EXPECT_EQ(ReadAll(out()), whole_) << i;
    fs::remove(out());
  }
}

TEST_F(Resume, DiscardsAPartialOfOtherOptionsOrWeights) {
  KillAtTile(30);
  EngraveOptions other = options_;
  other.bits = 4;
  const auto four = EngraveAgain(other);
  ASSERT_TRUE(four);
  EXPECT_TRUE(four->discarded);
  EXPECT_EQ(four->resumed, 0u);
  fs::remove(out());
  KillAtTile(30);
  FloatsOf(owned_, owned_.model.embedding)[5] += 1;
  const auto changed = EngraveAgain(options_);
  ASSERT_TRUE(changed);
  EXPECT_TRUE(changed->discarded);
  EXPECT_NE(ReadAll(out()), whole_);
}

TEST_F(Resume, AnInterruptRemovesThePartialAndKeepsTheOldOutput) {
  std::ofstream(out()) << "old";
  const int status = InChild([&] {
    CatchInterrupts();
    const Stopper stopper(20, SIGINT);
    EngraveOptions options = options_;
    options.quantizer = &stopper;
    ThreadPool pool(2);
    const auto summary = Engrave(owned_.model, options, out(), pool);
    return !summary && summary.error().kind == ErrorKind::kInterrupted ? 42 : 1;
  });
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 42);
  EXPECT_EQ(ReadAll(out()), "old");
  EXPECT_FALSE(fs::exists(partial()));
  EXPECT_FALSE(fs::exists(journal()));
}

TEST_F(Resume, RefusesOutputsThatCannotBeWritten) {
  ThreadPool pool(1);
  const auto missing = Engrave(owned_.model, options_, folder_ / "no/such/m.burin", pool);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kIo);
  fs::create_directory(out());
  EXPECT_FALSE(EngraveAgain(options_));
}

TEST_F(Resume, WeightsThatAreNotFiniteAreNamed) {
  FloatsOf(owned_, owned_.model.layers[1].up)[48 * 7 + 3] = std::numeric_limits<float>::quiet_NaN();
  const auto summary = EngraveAgain(options_);
  ASSERT_FALSE(summary);
  EXPECT_THAT(summary.error().ToString(),
              testing::HasSubstr("model.layers.1.mlp.up_proj.weight: row 7"));
}

}  // namespace
}  // namespace burin
