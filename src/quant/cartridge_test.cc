#include "quant/cartridge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <new>

#include "quant/cartridge_format.h"
#include "quant/engrave.h"
#include "quant/metadata.h"
#include "quant/test_models.h"

namespace burin {
namespace {

using testing::HasSubstr;

// Bytes at an address that is a multiple of 64.
class Image {
 public:
  explicit Image(const std::string& bytes)
      : size_(bytes.size()),
        data_(static_cast<std::byte*>(::operator new (size_ + 1, std::align_val_t{64}))) {
    std::memcpy(data_, bytes.data(), size_);
  }
  ~Image() { ::operator delete (data_, std::align_val_t{64}); }
  Image(const Image&) = delete;
  std::span<std::byte> bytes() { return {data_, size_}; }
  template <typename T>
  void Put(size_t offset, T value) {
    std::memcpy(data_ + offset, &value, sizeof value);
  }
  template <typename T>
  T Get(size_t offset) {
    T value;
    std::memcpy(&value, data_ + offset, sizeof value);
    return value;
  }
  // Makes the root digest fit what the table says now.
  void Seal() {
    const auto sections = Get<uint32_t>(16);
    const Sha256Digest root = RootDigest(bytes().first(kHeaderBytes + sections * kEntryBytes));
    std::memcpy(data_ + 64, root.data(), root.size());
  }

 private:
  size_t size_;
  std::byte* data_;
};

ModelConfig TinyConfig() {
  ModelConfig config = SmallConfig();
  config.hidden = 20;
  config.layers = 1;
  config.heads = 2;
  config.kv_heads = 1;
  config.head_dim = 4;
  config.ffn = 24;
  config.vocab = 18;
  config.max_positions = 70;
  config.qkv_bias = config.qk_norm = true;
  return config;
}

std::string TinyCartridge(const EngraveOptions& options, const ModelConfig& config = TinyConfig()) {
  TestFolder folder;
  ThreadPool pool(1);
  const OwnedModel owned = MakeModel(config, 4);
  const auto summary = Engrave(owned.model, options, folder / "t.burin", pool);
  EXPECT_TRUE(summary) << summary.error().ToString();
  return ReadAll(folder / "t.burin");
}

EngraveOptions Mixed() { return {.bits = 3, .tensor_bits = "*.k_proj=4,*.v_proj=6", .group = 32}; }

TEST(Cartridge, HoldsWhatWasEngraved) {
  const std::string words = "tokenizer bytes";
  EngraveOptions options = Mixed();
  options.tokenizer = std::as_bytes(std::span(words));
  options.context = 65;
  options.residual_fraction = 17;
  Image image(TinyCartridge(options));
  const auto model = OpenCartridge(image.bytes(), "t");
  ASSERT_TRUE(model) << model.error().ToString();
  EXPECT_EQ(model->config, TinyConfig());
  EXPECT_EQ(model->generation.temperature, 0.7);
  EXPECT_EQ(model->generation.top_k, std::nullopt);
  EXPECT_EQ(model->context, 65);
  EXPECT_EQ(model->group, 32);
  EXPECT_EQ(model->residual_fraction, 17);
  EXPECT_EQ(
      std::string(reinterpret_cast<const char*>(model->tokenizer.data()), model->tokenizer.size()),
      words);
  EXPECT_EQ(model->rotary.positions, 65);
  EXPECT_EQ(model->layers[0].k.shape, (MatrixShape{20, 4, 4, 32}));
  EXPECT_EQ(model->layers[0].v.shape, (MatrixShape{20, 4, 6, 32}));
  EXPECT_EQ(model->layers[0].q_bias.size(), 8u);
  EXPECT_EQ(model->layers[0].q_norm.mantissas.size(), 4u);
  EXPECT_EQ(model->layers[0].attention_norm.mantissas.size(), 20u);
  EXPECT_EQ(model->layers[0].ffn_norm.mantissas.size(), 20u);
  EXPECT_TRUE(model->final_norm.mantissas.empty());
  EXPECT_EQ(model->quantizer.method, "nearest");
  for (const PackedMatrix* matrix : MatricesIn(*model)) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(matrix->codes.data()) % 64, 0u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(matrix->scales.data()) % 16, 0u);
  }
  EXPECT_THAT(std::string(model->metadata), HasSubstr("\"residual_fraction\":17"));
}

TEST(Cartridge, EveryFlippedBitIsFound) {
  Image image(TinyCartridge(Mixed()));
  ThreadPool pool(1);
  ASSERT_TRUE(VerifyCartridge(image.bytes(), "t", pool, nullptr));
  for (size_t i = 0; i < image.bytes().size(); ++i) {
    const auto bit = std::byte{static_cast<uint8_t>(1u << (i * 5 % 8))};
    image.bytes()[i] ^= bit;
    ASSERT_FALSE(VerifyCartridge(image.bytes(), "t", pool, nullptr)) << "byte " << i;
    image.bytes()[i] ^= bit;
  }
}

TEST(Cartridge, EveryTruncationIsRefusedByOpen) {
  const std::string bytes = TinyCartridge(Mixed());
  for (size_t size = 0; size < bytes.size(); size += size < 3000 ? 7 : 501) {
    Image image(bytes.substr(0, size));
    EXPECT_FALSE(OpenCartridge(image.bytes(), "t")) << size;
  }
  Image longer(bytes + "x");
  EXPECT_FALSE(OpenCartridge(longer.bytes(), "t"));
}

TEST(Cartridge, VerifyNamesTheDamagedSection) {
  Image image(TinyCartridge(Mixed()));
  ThreadPool pool(2);
  const auto sections = DecodeHead(image.bytes(), "t");
  ASSERT_TRUE(sections);
  for (const Section& section : *sections) {
    if (section.kind != SectionKind::kScales || section.tensor != TensorKind::kDown) continue;
    image.bytes()[section.offset] ^= std::byte{1};
    EXPECT_TRUE(OpenCartridge(image.bytes(), "t"));
    const Status status = VerifyCartridge(image.bytes(), "t", pool, nullptr);
    ASSERT_FALSE(status);
    EXPECT_THAT(status.error().object, HasSubstr("scales of model.layers.0.mlp.down_proj"));
  }
}

TEST(Cartridge, FutureAndForeignFilesAreRefusedClearly) {
  const std::string bytes = TinyCartridge(Mixed());
  {
    Image image(bytes);
    image.Put<uint32_t>(8, kCartridgeVersion + 1);
    const auto model = OpenCartridge(image.bytes(), "t");
    ASSERT_FALSE(model);
    EXPECT_THAT(model.error().ToString(), HasSubstr("format version 3"));
    EXPECT_THAT(model.error().ToString(), HasSubstr("newer burin"));
    image.Put<uint32_t>(8, 1);
    const auto old = OpenCartridge(image.bytes(), "t");
    ASSERT_FALSE(old);
    EXPECT_THAT(old.error().ToString(), HasSubstr("format version 1; expected version 2"));
    EXPECT_THAT(old.error().ToString(), HasSubstr("Engrave the model again"));
  }
  {
    Image image(bytes);
    image.Put<uint32_t>(12, 9);
    EXPECT_THAT(OpenCartridge(image.bytes(), "t").error().ToString(),
                HasSubstr("contract version 9"));
  }
  Image image(std::string(4096, 'G'));
  EXPECT_THAT(OpenCartridge(image.bytes(), "t").error().ToString(), HasSubstr("no cartridge"));
}

// The file is sealed again after each change, so only the checks of the reader stand in the way.
TEST(Cartridge, HostileTablesAreRefused) {
  const std::string bytes = TinyCartridge(Mixed());
  const auto count = Image(bytes).Get<uint32_t>(16);
  for (uint32_t entry = 0; entry < count; ++entry) {
    const size_t at = kHeaderBytes + entry * kEntryBytes;
    for (const size_t field : {0, 4, 8, 12}) {
      for (const uint32_t value : {99u, 0xFFFFFFFEu}) {
        Image image(bytes);
        image.Put(at + field, value);
        image.Seal();
        EXPECT_FALSE(OpenCartridge(image.bytes(), "t")) << entry << " " << field;
      }
    }
    for (const size_t field : {16, 24}) {
      for (const uint64_t value :
           {uint64_t{1} << 63, ~uint64_t{0} - 63, uint64_t{64}, uint64_t{1} << 33}) {
        Image image(bytes);
        image.Put(at + field, value);
        image.Seal();
        EXPECT_FALSE(OpenCartridge(image.bytes(), "t")) << entry << " " << field << " " << value;
      }
    }
  }
  Image image(bytes);
  image.Put<uint32_t>(16, 0x7FFFFFFF);
  EXPECT_FALSE(OpenCartridge(image.bytes(), "t"));
}

TEST(Cartridge, CodesWhereThereIsNoWeightAreRefusedByVerify) {
  Image image(TinyCartridge(Mixed()));
  ThreadPool pool(1);
  const auto sections = DecodeHead(image.bytes(), "t");
  const auto model = OpenCartridge(image.bytes(), "t");
  ASSERT_TRUE(sections && model);
  for (size_t i = 0; i < sections->size(); ++i) {
    const Section& section = (*sections)[i];
    if (section.kind != SectionKind::kCodes || section.tensor != TensorKind::kQ) continue;
    const auto codes = image.bytes().subspan(section.offset, section.size);
    SetCode(model->layers[0].q.shape, {reinterpret_cast<uint8_t*>(codes.data()), codes.size()},
            /*row=*/25, /*col=*/0, 3);
    const Sha256Digest digest = Sha256Of(codes);
    std::memcpy(image.bytes().data() + kHeaderBytes + i * kEntryBytes + 32, digest.data(), 32);
    image.Seal();
  }
  const Status status = VerifyCartridge(image.bytes(), "t", pool, nullptr);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().ToString(), HasSubstr("row 25, column 0"));
}

TEST(Metadata, IsCanonicalAndRefusesWhatIsOutOfRange) {
  Image image(TinyCartridge(Mixed()));
  const auto model = OpenCartridge(image.bytes(), "t");
  ASSERT_TRUE(model);
  const std::string text(model->metadata);
  const auto parsed = ParseMetadata(text, "t");
  ASSERT_TRUE(parsed) << parsed.error().ToString();
  EXPECT_EQ(WriteMetadata(*parsed), text);
  auto change = [&](const std::string& from, const std::string& to) {
    std::string other = text;
    const size_t at = other.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return other.replace(at, from.size(), to);
  };
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"hidden\":20", "\"hidden\":-20"},
           {"\"hidden\":20", "\"hidden\":99999999999999999999"},
           {"\"hidden\":20", "\"hidden\":\"20\""},
           {"\"hidden\":20", "\"hidden\":20,\"more\":1"},
           {"\"hidden\":20", "\"hidden\": 20"},
           {"\"hidden\":20", "\"hidden\":40000"},
           {"\"layers\":1", "\"layers\":2"},
           {"\"group\":32", "\"group\":48"},
           {"\"context\":70", "\"context\":71"},
           {"\"context\":70", "\"context\":0"},
           {"\"residual_fraction\":20", "\"residual_fraction\":30"},
           {"\"bits\":4", "\"bits\":5"},
           {"[-7,-5,-3,-1,1,3,5,7]", "[-7,-5,-3,-1,1,3,5,6]"},
           {"\"codebook\":[", "\"codebook\":[-31,"},
           {"\"rope_theta\":10000.0", "\"rope_theta\":1e999"},
           {"\"rope_theta\":10000.0", "\"rope_theta\":1e4"},
           {"model.embed_tokens", "model.embed_tokenz"},
           {"\"gain_exponents\":[", "\"gain_exponents\":[1,"}}) {
    EXPECT_FALSE(ParseMetadata(change(from, to), "t")) << from << " -> " << to;
  }
  EXPECT_FALSE(ParseMetadata("", "t"));
  EXPECT_FALSE(ParseMetadata("[]", "t"));
  EXPECT_FALSE(ParseMetadata(std::string(100000, '['), "t"));
}

}  // namespace
}  // namespace burin
