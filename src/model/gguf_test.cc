#include "model/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/test_files.h"

namespace burin {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace testing_files;

constexpr uint32_t kUint8 = 0, kInt16 = 3, kUint32 = 4, kFloat32 = 6, kBool = 7, kArray = 9,
                   kUint64 = 10, kInt64 = 11, kFloat64 = 12, kString = 8;

std::string Refusal(std::string_view file) {
  return ErrorOf(GgufFile::Parse(AsBytes(file), "a.gguf"));
}
std::string Refusal(const GgufWriter& writer) { return Refusal(writer.Finish()); }

std::string ArrayOf(uint32_t element, uint64_t count, std::string_view bytes) {
  return Raw(element) + Raw(count) + std::string(bytes);
}
std::string Header(uint32_t version, uint64_t tensors, uint64_t keys) {
  return "GGUF" + Raw(version) + Raw(tensors) + Raw(keys);
}

TEST(Gguf, GivesTypedMetadata) {
  GgufWriter writer;
  writer.String("name", "x y");
  writer.Key("u8", kUint8, "\xFF");
  writer.Key("i16", kInt16, Raw(int16_t{-2}));
  writer.Key("u64", kUint64, Raw(~uint64_t{0}));
  writer.Key("f32", kFloat32, Raw(0.5f));
  writer.Key("f64", kFloat64, Raw(0.25));
  writer.Key("yes", kBool, "\1");
  writer.Key("maybe", kBool, "\2");
  writer.Key("texts", kArray, ArrayOf(kString, 2, GgufWriter::Text("a") + GgufWriter::Text("")));
  writer.Key("ints", kArray, ArrayOf(kInt64, 2, Raw(int64_t{-5}) + Raw(int64_t{6})));
  writer.Key("floats", kArray, ArrayOf(kFloat32, 1, Raw(1.5f)));
  writer.Key("none", kArray, ArrayOf(kString, 0, ""));
  const std::string bytes = writer.Finish();
  const auto file = GgufFile::Parse(AsBytes(bytes), "a.gguf");
  ASSERT_TRUE(file) << file.error().ToString();
  EXPECT_EQ(file->keys().size(), 12u);
  EXPECT_EQ(file->String("name").value(), "x y");
  EXPECT_EQ(file->Int("u8", 0, 255).value(), 255);
  EXPECT_EQ(file->Int("i16", -9, 9).value(), -2);
  EXPECT_EQ(file->Number("f32").value(), 0.5);
  EXPECT_EQ(file->Number("f64").value(), 0.25);
  EXPECT_EQ(file->Bool("yes").value(), true);
  EXPECT_EQ(file->Int("absent", 0, 1).value(), std::nullopt);
  EXPECT_THAT(file->Strings("texts").value().value(), ElementsAre("a", ""));
  EXPECT_THAT(file->Ints("ints").value().value(), ElementsAre(-5, 6));
  EXPECT_THAT(file->Floats("floats").value().value(), ElementsAre(1.5f));
  EXPECT_THAT(file->Strings("none").value().value(), ElementsAre());

  EXPECT_THAT(ErrorOf(file->Int("u64", 0, INT64_MAX)), HasSubstr("key 'u64': uint64"));
  EXPECT_THAT(ErrorOf(file->Int("i16", 0, 9)), HasSubstr("-2; expected an integer 0 to 9"));
  EXPECT_THAT(ErrorOf(file->Int("name", 0, 9)), HasSubstr("string; expected an integer"));
  EXPECT_THAT(ErrorOf(file->String("u8")), HasSubstr("uint8; expected string"));
  EXPECT_THAT(ErrorOf(file->Bool("maybe")), HasSubstr("0 or 1"));
  EXPECT_THAT(ErrorOf(file->Bool("u8")), HasSubstr("expected bool"));
  EXPECT_THAT(ErrorOf(file->Number("u8")), HasSubstr("expected float32"));
  EXPECT_THAT(ErrorOf(file->Strings("ints")), HasSubstr("an array of strings"));
  EXPECT_THAT(ErrorOf(file->Ints("texts")), HasSubstr("an array of integers"));
  EXPECT_THAT(ErrorOf(file->Floats("ints")), HasSubstr("an array of float32"));
}

TEST(Gguf, GivesTensorsWithOutermostDimensionFirst) {
  GgufWriter writer;
  writer.Key("general.alignment", kUint32, Raw(uint32_t{64}));
  writer.alignment = 64;
  writer.Add({"a", {2, 3}, RawFloats(std::vector<float>{1, 2, 3, 4, 5, 6})});
  writer.Add({.name = "q", .shape = {32}, .bytes = std::string(34, '\1'), .ggml_type = 8});
  const std::string bytes = writer.Finish();
  const auto file = GgufFile::Parse(AsBytes(bytes), "a.gguf");
  ASSERT_TRUE(file) << file.error().ToString();
  ASSERT_EQ(file->tensors().size(), 2u);
  EXPECT_THAT(file->tensors()[0].shape, ElementsAre(2, 3));
  EXPECT_EQ(file->tensors()[0].data.size(), 24u);
  EXPECT_EQ(file->tensors()[1].type, TensorType::kQ8_0);
  EXPECT_EQ(file->tensors()[1].data.size(), 34u);
  EXPECT_EQ(static_cast<char>(file->tensors()[1].data[33]), '\1');
}

TEST(Gguf, RefusesFilesCutShort) {
  GgufWriter writer;
  writer.String("name", "x");
  writer.Key("texts", kArray, ArrayOf(kString, 1, GgufWriter::Text("abc")));
  writer.Add({"a", {8}, std::string(32, 'x')});
  const std::string file = writer.Finish();
  ASSERT_EQ(Refusal(file), "(no error)");
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_NE(Refusal(file.substr(0, size)), "(no error)") << size;
  }
  EXPECT_THAT(Refusal(file + std::string(32, 'x')), HasSubstr("bytes after the last tensor"));
}

TEST(Gguf, RefusesOtherMagicVersionAndByteOrder) {
  EXPECT_THAT(Refusal("GGML" + std::string(20, '\0')), HasSubstr("does not begin with GGUF"));
  EXPECT_THAT(Refusal(Header(1, 0, 0)), HasSubstr("GGUF version 1; expected version 2 or 3"));
  EXPECT_THAT(Refusal(Header(4, 0, 0)), HasSubstr("GGUF version 4"));
  EXPECT_THAT(Refusal(Header(0x03000000, 0, 0)), HasSubstr("big-endian GGUF"));
  EXPECT_EQ(Refusal(Header(2, 0, 0)), "(no error)");
}

TEST(Gguf, RefusesCountsAndLengthsBeyondTheFile) {
  EXPECT_THAT(Refusal(Header(3, ~uint64_t{0}, 0)), HasSubstr("as many as 0 bytes can hold"));
  EXPECT_THAT(Refusal(Header(3, 0, ~uint64_t{0} / 13)), HasSubstr("can hold"));
  EXPECT_THAT(Refusal(Header(3, 0, 1) + Raw(uint64_t{65536}) + std::string(70000, 'k')),
              HasSubstr("key of 65536 bytes"));
  EXPECT_THAT(Refusal(Header(3, 0, 1) + Raw(~uint64_t{0}) + std::string(20, 'k')),
              HasSubstr("at most 65535"));
  GgufWriter text;
  text.Key("t", kString, Raw(~uint64_t{0}) + "abc");
  EXPECT_THAT(Refusal(text), HasSubstr("string of 18446744073709551615 bytes"));
  GgufWriter array;
  array.Key("t", kArray, ArrayOf(kUint64, ~uint64_t{0} / 8 + 2, "12345678"));
  EXPECT_THAT(Refusal(array), HasSubstr("an array of"));
  GgufWriter texts;
  texts.Key("t", kArray, ArrayOf(kString, uint64_t{1} << 60, "12345678"));
  EXPECT_THAT(Refusal(texts), HasSubstr("an array of"));
}

TEST(Gguf, RefusesDeepNestingAndUnknownValueTypes) {
  std::string nested = ArrayOf(kUint8, 1, "x");
  for (int i = 0; i < 3; ++i) nested = ArrayOf(kArray, 1, nested);
  GgufWriter four;
  four.Key("t", kArray, nested);
  EXPECT_EQ(Refusal(four), "(no error)");
  std::string levels;
  for (int i = 0; i < 100000; ++i) levels += ArrayOf(kArray, 1, "");
  GgufWriter deep;
  deep.Key("t", kArray, levels + nested);
  EXPECT_THAT(Refusal(deep), HasSubstr("arrays within arrays; expected at most 4 levels"));
  GgufWriter unknown;
  unknown.Key("t", 13, "x");
  EXPECT_THAT(Refusal(unknown), HasSubstr("value type 13; expected 0 to 12"));
}

TEST(Gguf, RefusesWhatComesTwice) {
  GgufWriter keys;
  keys.String("name", "x");
  keys.String("name", "y");
  EXPECT_THAT(Refusal(keys), HasSubstr("key 'name': comes twice"));
  GgufWriter tensors;
  tensors.Add({"a", {1}, "1234"});
  tensors.Add({"a", {1}, "1234"});
  EXPECT_THAT(Refusal(tensors), HasSubstr("tensor 'a': comes twice"));
}

TEST(Gguf, RefusesAlignmentsThatAreNoPowerOfTwo) {
  for (const uint32_t alignment : {0u, 3u, 48u, 0x80000000u}) {
    GgufWriter writer;
    writer.Uint32("general.alignment", alignment);
    EXPECT_THAT(Refusal(writer), HasSubstr("key 'general.alignment'")) << alignment;
  }
}

TEST(Gguf, RefusesTensorsThatDoNotFit) {
  const auto one = [](const FileTensor& tensor) {
    GgufWriter writer;
    writer.Add(tensor);
    return Refusal(writer);
  };
  EXPECT_THAT(one({"a", {}, ""}), HasSubstr("0 dimensions; expected 1 to 4"));
  EXPECT_THAT(one({"a", {1, 1, 1, 1, 1}, "1234"}), HasSubstr("5 dimensions"));
  EXPECT_THAT(one({"a", {0}, ""}), HasSubstr("dimension 0"));
  EXPECT_THAT(one({"a", {uint64_t{1} << 32, uint64_t{1} << 32}, "1234"}), HasSubstr("below 2^60"));
  EXPECT_THAT(one({"a", {~uint64_t{0}}, "1234"}), HasSubstr("below 2^60"));
  EXPECT_THAT(one({"a", {uint64_t{1} << 50}, "1234"}), HasSubstr("cut short"));
  EXPECT_THAT(one({"a", {100}, "1234"}), HasSubstr("400 bytes at offset 0"));
  EXPECT_THAT(one({std::string(64, 'n'), {1}, "1234"}), HasSubstr("tensor name of 64 bytes"));
  EXPECT_THAT(one({.name = "a", .shape = {2, 48}, .bytes = "x", .ggml_type = 2}),
              HasSubstr("rows of 48 weights; expected a multiple of 32 for Q4_0"));
  EXPECT_THAT(one({.name = "a", .shape = {256}, .bytes = "x", .ggml_type = 13}),
              AllOf(HasSubstr("tensor 'a': type Q5_K"), HasSubstr("Q6_K")));
  EXPECT_THAT(one({.name = "a", .shape = {256}, .bytes = "x", .ggml_type = 39}),
              HasSubstr("type MXFP4"));
  EXPECT_THAT(one({.name = "a", .shape = {256}, .bytes = "x", .ggml_type = 999}),
              HasSubstr("type number 999"));
}

TEST(Gguf, RefusesDataThatDoNotFollowEachOther) {
  // Two tensors of one float; the offset of the second is what varies.
  const auto second_at = [](uint64_t offset) {
    std::string file = Header(3, 2, 0);
    for (const uint64_t at : {uint64_t{0}, offset}) {
      file += GgufWriter::Text(at == 0 && file.size() < 30 ? "a" : "b") + Raw(uint32_t{1}) +
              Raw(uint64_t{1}) + Raw(uint32_t{0}) + Raw(at);
    }
    file.resize((file.size() + 31) / 32 * 32 + 64);
    return Refusal(file);
  };
  EXPECT_EQ(second_at(32), "(no error)");
  EXPECT_THAT(second_at(0), HasSubstr("tensor 'b': offset 0; expected 32"));
  EXPECT_THAT(second_at(4), HasSubstr("offset 4; expected 32"));
  EXPECT_THAT(second_at(64), HasSubstr("offset 64; expected 32"));
  EXPECT_THAT(second_at(~uint64_t{31}), HasSubstr("expected 32"));
}

}  // namespace
}  // namespace burin
