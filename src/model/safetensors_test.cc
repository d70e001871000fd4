#include "model/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "model/safetensors_folder.h"
#include "model/test_files.h"

namespace burin {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using namespace testing_files;

std::string Refusal(std::string_view file) {
  return ErrorOf(ParseSafetensors(AsBytes(file), "a.safetensors"));
}
// The refusal of a header with so many bytes of data behind it.
std::string HeaderRefusal(std::string_view header, size_t data_bytes = 8) {
  return Refusal(RawSafetensors(header, std::string(data_bytes, '\0')));
}
// One tensor 't' with these members.
std::string TensorRefusal(const std::string& members, size_t data_bytes = 8) {
  return HeaderRefusal("{\"t\":{" + members + "}}", data_bytes);
}

TEST(Safetensors, GivesNamesTypesShapesAndData) {
  const std::string file =
      RawSafetensors(R"({"__metadata__":{"format":"pt"},)"
                     R"("b":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},)"
                     R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                     R"("none":{"dtype":"I64","shape":[0,7],"data_offsets":[16,16]}}  )",
                     "aaaabbbbbbbbbbbb");
  const auto tensors = ParseSafetensors(AsBytes(file), "a.safetensors");
  ASSERT_TRUE(tensors) << tensors.error().ToString();
  ASSERT_EQ(tensors->size(), 3u);
  EXPECT_EQ((*tensors)[0].name, "a");
  EXPECT_EQ((*tensors)[0].shape.size(), 0u);
  EXPECT_EQ((*tensors)[1].name, "b");
  EXPECT_EQ((*tensors)[1].dtype, "BF16");
  EXPECT_EQ((*tensors)[1].shape, (std::vector<uint64_t>{2, 3}));
  EXPECT_EQ((*tensors)[1].data.size(), 12u);
  EXPECT_EQ(static_cast<char>((*tensors)[1].data[0]), 'b');
  EXPECT_EQ((*tensors)[2].data.size(), 0u);
}

TEST(Safetensors, RefusesFilesCutShort) {
  const std::string file = SafetensorsFile({{"t", {4}, std::string(16, 'x')}});
  ASSERT_EQ(Refusal(file), "(no error)");
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_NE(Refusal(file.substr(0, size)), "(no error)") << size;
  }
  EXPECT_THAT(Refusal(file + "x"), HasSubstr("1 bytes after the last tensor"));
}

TEST(Safetensors, RefusesHeaderLengthsBeyondLimitAndFile) {
  EXPECT_THAT(Refusal(Raw(uint64_t{100'000'001}) + "{}"), HasSubstr("at most 100000000"));
  EXPECT_THAT(Refusal(Raw(~uint64_t{0}) + "{}"), HasSubstr("a header of 18446744073709551615"));
  EXPECT_THAT(Refusal(Raw(uint64_t{3}) + "{}"), HasSubstr("more than its header of 3 bytes"));
  EXPECT_THAT(Refusal(Raw(uint64_t{0})), HasSubstr("does not begin with '{'"));
}

TEST(Safetensors, RefusesHundredMegabytesOfNonsenseAtOnce) {
  for (const char* begin : {"{", "{\"a\":[", "[[[[", "{\"a\":{\"b\":{"}) {
    std::string header = begin;
    header.resize(100'000'000, '[');
    const std::string file = RawSafetensors(header, "");
    const std::clock_t start = std::clock();  // processor time: other programs do not count
    EXPECT_NE(Refusal(file), "(no error)");
    EXPECT_LT(std::clock() - start, CLOCKS_PER_SEC / 10);
  }
}

TEST(Safetensors, RefusesJsonOfAnotherShape) {
  EXPECT_THAT(HeaderRefusal("[]"), HasSubstr("does not begin with '{'"));
  EXPECT_THAT(HeaderRefusal("{"), HasSubstr("not valid JSON at its byte"));
  EXPECT_THAT(HeaderRefusal("{} x"), HasSubstr("not valid JSON"));
  EXPECT_THAT(HeaderRefusal(R"({"t":1})"), HasSubstr("a number at 't'"));
  EXPECT_THAT(HeaderRefusal(R"({"t":null})"), HasSubstr("null at 't'"));
  EXPECT_THAT(HeaderRefusal(R"({"t":[]})"), HasSubstr("an array at 't'"));
  EXPECT_THAT(HeaderRefusal(R"({"__metadata__":{"a":{}}})"), HasSubstr("a nested object"));
  EXPECT_THAT(HeaderRefusal(R"({"__metadata__":{"a":1}})"), HasSubstr("a number"));
  EXPECT_THAT(HeaderRefusal(R"({"__metadata__":"a"})"), HasSubstr("a string"));
  EXPECT_THAT(TensorRefusal(R"("dtype":{})"), HasSubstr("a nested object at 't'"));
  EXPECT_THAT(TensorRefusal(R"("dtype":[])"), HasSubstr("an array at 't'"));
  EXPECT_THAT(TensorRefusal(R"("shape":[[1]])"), HasSubstr("an array at 't'"));
  EXPECT_THAT(TensorRefusal(R"("shape":"x")"), HasSubstr("a string at 't'"));
  EXPECT_THAT(TensorRefusal(R"("shape":[true])"), HasSubstr("a boolean at 't'"));
  EXPECT_THAT(TensorRefusal(R"("shape":[-1])"), HasSubstr("a negative number at 't'"));
  EXPECT_THAT(TensorRefusal(R"("shape":[1.5])"), HasSubstr("a fraction"));
  EXPECT_THAT(TensorRefusal(R"("shape":[99999999999999999999])"), HasSubstr("above 2^64"));
  EXPECT_THAT(TensorRefusal(R"("shape":[1,1,1,1,1,1,1,1,1])"), HasSubstr("a number at 't'"));
  EXPECT_THAT(TensorRefusal(R"("colour":1)"), HasSubstr("key 'colour' at 't'"));
  EXPECT_THAT(TensorRefusal(R"("dtype":"F32","shape":[2])"), HasSubstr("not all of dtype"));
  EXPECT_THAT(TensorRefusal(R"("dtype":"F32","shape":[2],"data_offsets":[8])"),
              HasSubstr("two data_offsets"));
  EXPECT_THAT(TensorRefusal(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,9])"),
              HasSubstr("a number"));
}

TEST(Safetensors, RefusesWhatComesTwice) {
  const std::string t = R"("t":{"dtype":"U8","shape":[8],"data_offsets":[0,8]})";
  EXPECT_EQ(HeaderRefusal("{" + t + "}"), "(no error)");
  EXPECT_THAT(HeaderRefusal("{" + t + "," + t + "}"), HasSubstr("comes twice at 't'"));
  EXPECT_THAT(HeaderRefusal(R"({"__metadata__":{"a":"1","a":"2"}})"), HasSubstr("comes twice"));
  EXPECT_THAT(TensorRefusal(R"("dtype":"U8","dtype":"U8","shape":[8],"data_offsets":[0,8])"),
              HasSubstr("key 'dtype' twice"));
}

TEST(Safetensors, RefusesUnknownTypesAndOverflowingShapes) {
  EXPECT_THAT(TensorRefusal(R"("dtype":"F33","shape":[2],"data_offsets":[0,8])"),
              HasSubstr("dtype 'F33' at 't'"));
  EXPECT_THAT(
      TensorRefusal(
          R"("dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,8])"),
      AllOf(HasSubstr("tensor 't'"), HasSubstr("below 2^61 bytes")));
  EXPECT_THAT(TensorRefusal(R"("dtype":"F4","shape":[3],"data_offsets":[0,8])"),
              HasSubstr("12 bits; expected whole bytes"));
}

TEST(Safetensors, RefusesHolesOverlapsAndWrongSizes) {
  const auto two = [](const char* first, const char* second) {
    return HeaderRefusal(fmt::format(R"({{"a":{{"dtype":"U8","shape":[4],"data_offsets":{}}},)"
                                     R"("b":{{"dtype":"U8","shape":[4],"data_offsets":{}}}}})",
                                     first, second));
  };
  EXPECT_EQ(two("[0,4]", "[4,8]"), "(no error)");
  EXPECT_EQ(two("[4,8]", "[0,4]"), "(no error)");
  EXPECT_THAT(two("[0,4]", "[0,4]"), HasSubstr("overlaps the tensor before"));
  EXPECT_THAT(two("[0,4]", "[3,7]"), HasSubstr("overlaps the tensor before"));
  EXPECT_THAT(two("[0,4]", "[5,9]"), HasSubstr("leaves a hole"));
  EXPECT_THAT(two("[1,5]", "[5,9]"), HasSubstr("leaves a hole"));
  EXPECT_THAT(two("[0,4]", "[4,9]"), HasSubstr("4 bytes for U8 [4]"));
  EXPECT_THAT(two("[0,4]", "[4,3]"), HasSubstr("4 bytes for U8 [4]"));
  EXPECT_THAT(TensorRefusal(R"("dtype":"U8","shape":[9],"data_offsets":[0,9])"),
              HasSubstr("the file is cut short"));
}

TEST(Safetensors, NamesInMessagesAreHarmless) {
  EXPECT_THAT(HeaderRefusal(R"({"a\u001b[2Jb":1})"), HasSubstr("'a\\x1b[2Jb'"));
}

// ---- folders
// -------------------------------------------------------------------------------------

class SafetensorsFolderTest : public testing::Test {
 protected:
  void Shard(const std::string& name, const std::vector<std::string>& tensors) {
    std::vector<FileTensor> all;
    for (const std::string& tensor : tensors) all.push_back({tensor, {1}, "1234"});
    WriteFile(folder_.path() / name, SafetensorsFile(all));
  }
  void Index(std::string_view text) {
    WriteFile(folder_.path() / "model.safetensors.index.json", text);
  }
  std::string Open() { return ErrorOf(OpenSafetensorsFolder(folder_.path())); }

  TempFolder folder_;
};

TEST_F(SafetensorsFolderTest, JoinsShards) {
  Shard("one.safetensors", {"a", "b"});
  Shard("two.safetensors", {"c"});
  Index(R"({"metadata":{"total_size":12},"weight_map":{"a":"one.safetensors",)"
        R"("b":"one.safetensors","c":"two.safetensors"}})");
  const auto opened = OpenSafetensorsFolder(folder_.path());
  ASSERT_TRUE(opened) << opened.error().ToString();
  EXPECT_EQ(opened->tensors.size(), 3u);
  EXPECT_EQ(opened->files.size(), 2u);
}

TEST_F(SafetensorsFolderTest, RefusesNamesThatLeaveTheFolder) {
  for (const char* name : {"../one.safetensors", "/etc/passwd", "sub/one.safetensors",
                           "..\\\\one.safetensors", "..", "", "one.bin"}) {
    Index(fmt::format(R"({{"weight_map":{{"a":"{}"}}}})", name));
    EXPECT_THAT(Open(), HasSubstr("a file of the same folder")) << name;
  }
}

TEST_F(SafetensorsFolderTest, RefusesAnIndexThatDoesNotFit) {
  EXPECT_THAT(Open(), HasSubstr("no weights; expected model.safetensors"));
  WriteFile(folder_.path() / "pytorch_model.bin", "");
  EXPECT_THAT(Open(), HasSubstr("pickle"));
  Shard("one.safetensors", {"a", "b"});
  Shard("two.safetensors", {"b"});
  Index("{}");
  EXPECT_THAT(Open(), HasSubstr("no weight_map"));
  Index(R"({"weight_map":{"a":1}})");
  EXPECT_THAT(Open(), HasSubstr("1 for 'a'; expected the name of a shard"));
  Index(R"({"weight_map":{"a":"three.safetensors"}})");
  EXPECT_THAT(Open(), HasSubstr("shard 'three.safetensors' is missing"));
  Index(R"({"weight_map":{"a":"one.safetensors"}})");
  EXPECT_THAT(Open(), HasSubstr("tensor 'b': is not in the index"));
  Index(R"({"weight_map":{"a":"one.safetensors","b":"one.safetensors","c":"one.safetensors"}})");
  EXPECT_THAT(Open(), HasSubstr("no tensor 'c'"));
  Index(R"({"weight_map":{"a":"one.safetensors","b":"two.safetensors"}})");
  EXPECT_THAT(Open(), HasSubstr("comes also in"));
  Index(R"({"weight_map":{"a":"one.safetensors","a":"one.safetensors"}})");
  EXPECT_THAT(Open(), HasSubstr("key 'a' comes twice"));
  Index(std::string(R"({"weight_map":)") + std::string(100, '['));
  EXPECT_THAT(Open(), HasSubstr("nested deeper than 32"));
}

}  // namespace
}  // namespace burin
