#include "quant/metadata.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/check.h"
#include "quant/column_quantizer.h"
#include "quant/strict_fields.h"
#include "quant/tensor_list.h"

namespace burin {
namespace {

constexpr const char* kRopeKinds[] = {"none", "linear", "llama3"};
constexpr int64_t kMaxRmsWidth = 32768;         // MakeRmsNormConstants
constexpr int64_t kMaxSize = int64_t{1} << 30;  // ValidateConfig has the true bounds
constexpr int64_t kMaxEosIds = 64;

int64_t CodebookSize(int bits) { return bits == 4 ? 16 : 8; }

template <typename T>
void Set(Json& json, const char* key, const std::optional<T>& value) {
  if (value) json[key] = *value;
}

Json ConfigJson(const ModelConfig& c) {
  Json json = {{"architecture", c.architecture},
               {"hidden", c.hidden},
               {"layers", c.layers},
               {"heads", c.heads},
               {"kv_heads", c.kv_heads},
               {"head_dim", c.head_dim},
               {"ffn", c.ffn},
               {"vocab", c.vocab},
               {"max_positions", c.max_positions},
               {"rope_theta", c.rope_theta},
               {"rms_eps", c.rms_eps},
               {"tied_head", c.tied_head},
               {"qkv_bias", c.qkv_bias},
               {"qk_norm", c.qk_norm},
               {"sliding_window", c.sliding_window},
               {"eos_ids", c.eos_ids}};
  Set(json, "bos_id", c.bos_id);
  const RopeScaling& r = c.rope_scaling;
  json["rope_scaling"] = {{"kind", kRopeKinds[static_cast<size_t>(r.kind)]},
                          {"factor", r.factor},
                          {"low_freq_factor", r.low_freq_factor},
                          {"high_freq_factor", r.high_freq_factor},
                          {"original_max_positions", r.original_max_positions}};
  return json;
}

Json GenerationJson(const GenerationDefaults& g) {
  Json json = Json::object();
  Set(json, "do_sample", g.do_sample);
  Set(json, "temperature", g.temperature);
  Set(json, "top_p", g.top_p);
  Set(json, "min_p", g.min_p);
  Set(json, "repetition_penalty", g.repetition_penalty);
  Set(json, "top_k", g.top_k);
  return json;
}

Json QuantizerJson(const QuantizerRecord& q) {
  return {{"tool", q.tool},
          {"method", q.method},
          {"bits", q.bits},
          {"tensor_bits", q.tensor_bits},
          {"calibration_tokens", q.calibration_tokens},
          {"calibration_digest", q.calibration_digest}};
}

Json MatrixJson(const MatrixEntry& entry, const MatrixRecord& record) {
  Json codebook = Json::array();
  for (int64_t i = 0; i < CodebookSize(record.bits); ++i) {
    codebook.push_back(record.codebook[static_cast<size_t>(i)]);
  }
  return {{"name", entry.name},
          {"bits", record.bits},
          {"exponent", record.exponent},
          {"codebook", std::move(codebook)}};
}

Result<RopeScaling> ReadRopeScaling(const Json& json, const std::string& object) {
  StrictFields f(json, object);
  RopeScaling r;
  const std::string kind = f.String("kind");
  const auto found = std::find(std::begin(kRopeKinds), std::end(kRopeKinds), kind);
  if (found == std::end(kRopeKinds)) {
    f.Fail(Error{
        ErrorKind::kBadInput, f.Field("kind"), Printable(kind), "none, linear or llama3", {}});
  } else {
    r.kind = static_cast<RopeScaling::Kind>(found - std::begin(kRopeKinds));
  }
  r.factor = f.Number("factor");
  r.low_freq_factor = f.Number("low_freq_factor");
  r.high_freq_factor = f.Number("high_freq_factor");
  r.original_max_positions = f.Int("original_max_positions", 0, kMaxSize);
  BURIN_TRY(f.status());
  return r;
}

Result<ModelConfig> ReadConfig(const Json& json, const std::string& object) {
  StrictFields f(json, object);
  ModelConfig c;
  c.architecture = f.String("architecture");
  c.hidden = f.Int("hidden", 1, kMaxSize);
  c.layers = f.Int("layers", 1, kMaxSize);
  c.heads = f.Int("heads", 1, kMaxSize);
  c.kv_heads = f.Int("kv_heads", 1, kMaxSize);
  c.head_dim = f.Int("head_dim", 1, kMaxSize);
  c.ffn = f.Int("ffn", 1, kMaxSize);
  c.vocab = f.Int("vocab", 1, kMaxSize);
  c.max_positions = f.Int("max_positions", 1, kMaxSize);
  c.rope_theta = f.Number("rope_theta");
  c.rms_eps = f.Number("rms_eps");
  c.tied_head = f.Bool("tied_head");
  c.qkv_bias = f.Bool("qkv_bias");
  c.qk_norm = f.Bool("qk_norm");
  c.sliding_window = f.Int("sliding_window", 0, kMaxSize);
  for (const int64_t id : f.Ints("eos_ids", 0, INT32_MAX, kMaxEosIds)) {
    c.eos_ids.push_back(static_cast<int32_t>(id));
  }
  const std::optional<int64_t> bos = f.MaybeInt("bos_id", 0, INT32_MAX);
  if (bos) c.bos_id = static_cast<int32_t>(*bos);
  BURIN_TRY(f.status());
  BURIN_ASSIGN(c.rope_scaling, ReadRopeScaling(f.At("rope_scaling"), f.Field("rope_scaling")));
  BURIN_TRY(ValidateConfig(c, object));
  return c;
}

Result<GenerationDefaults> ReadGeneration(const Json& json, const std::string& object) {
  StrictFields f(json, object);
  GenerationDefaults g;
  g.do_sample = f.MaybeBool("do_sample");
  g.temperature = f.MaybeNumber("temperature");
  g.top_p = f.MaybeNumber("top_p");
  g.min_p = f.MaybeNumber("min_p");
  g.repetition_penalty = f.MaybeNumber("repetition_penalty");
  g.top_k = f.MaybeInt("top_k", INT64_MIN, INT64_MAX);
  BURIN_TRY(f.status());
  return g;
}

Result<QuantizerRecord> ReadQuantizer(const Json& json, const std::string& object) {
  StrictFields f(json, object);
  QuantizerRecord q;
  q.tool = f.String("tool");
  q.method = f.String("method");
  q.bits = static_cast<int>(f.Int("bits", 3, 6));
  q.tensor_bits = f.String("tensor_bits");
  q.calibration_tokens = f.Int("calibration_tokens", 0, INT64_MAX);
  q.calibration_digest = f.String("calibration_digest");
  BURIN_TRY(f.status());
  return q;
}

Status CheckCodebook(const MatrixRecord& record, const std::string& object) {
  if (record.bits == 6) {
    if (record.codebook == kSixBitCodebook) return {};
    return BadInput(object, "another codebook", "-7, -5, ... 7 for 6 bits");
  }
  const auto end = record.codebook.begin() + CodebookSize(record.bits);
  if (std::adjacent_find(record.codebook.begin(), end, std::greater_equal<>()) == end) return {};
  return BadInput(object, "a codebook out of order", "levels that rise");
}

Result<MatrixRecord> ReadMatrix(const Json& json, const MatrixEntry& entry,
                                const std::string& object) {
  StrictFields f(json, object);
  if (f.String("name") != entry.name) {
    return BadInput(object, "another name", "'" + entry.name + "'");
  }
  MatrixRecord record;
  record.bits = static_cast<int>(f.Int("bits", 3, 6));
  if (record.bits == 5) f.Fail(BadInput(f.Field("bits"), "5", "3, 4 or 6").value());
  record.exponent = static_cast<int>(f.Int("exponent", kMinMatrixExponent, kMaxMatrixExponent));
  const int limit = record.bits == 3 ? kMaxLevel3 : kMaxLevel4;
  const auto count = static_cast<size_t>(CodebookSize(record.bits));
  const std::vector<int64_t> codebook = f.Ints("codebook", -limit, limit, count);
  BURIN_TRY(f.status());
  if (codebook.size() != count) {
    return BadInput(f.Field("codebook"), fmt::format("{} levels", codebook.size()),
                    fmt::format("{}", count));
  }
  std::transform(codebook.begin(), codebook.end(), record.codebook.begin(),
                 [](int64_t level) { return static_cast<int8_t>(level); });
  BURIN_TRY(CheckCodebook(record, f.Field("codebook")));
  return record;
}

Status ReadTensors(const Json& json, CartridgeMetadata& m, const std::string& object) {
  // ValidateConfig has bounded the number of layers, hence of entries.
  const std::vector<MatrixEntry> entries = MatricesOf(m.config);
  const Json& tensors = json.contains("tensors") ? json["tensors"] : Json();
  if (!tensors.is_array() || tensors.size() != entries.size()) {
    return BadInput(object + ": tensors", fmt::format("{} records", tensors.size()),
                    fmt::format("{}, as many as the geometry has matrices", entries.size()));
  }
  for (size_t i = 0; i < entries.size(); ++i) {
    BURIN_ASSIGN(MatrixRecord record,
                 ReadMatrix(tensors[i], entries[i],
                            fmt::format("{}: tensor '{}'", object, entries[i].name)));
    m.matrices.push_back(record);
  }
  return {};
}

Status ReadTopLevel(const Json& json, CartridgeMetadata& m, const std::string& object) {
  StrictFields f(json, object);
  m.context = f.Int("context", 1, kMaxSize);
  m.group = f.Int("group", 32, 128);
  m.residual_fraction =
      static_cast<int>(f.Int("residual_fraction", kMinResidualFraction, kMaxResidualFraction));
  BURIN_TRY(f.status());
  BURIN_ASSIGN(m.config, ReadConfig(f.At("config"), f.Field("config")));
  BURIN_TRY(CheckContract(m.config, m.context, m.group, object));
  BURIN_ASSIGN(m.generation, ReadGeneration(f.At("generation"), f.Field("generation")));
  BURIN_ASSIGN(m.quantizer, ReadQuantizer(f.At("quantizer"), f.Field("quantizer")));
  size_t gains = 0;
  for (const VectorEntry& entry : VectorsOf(m.config)) gains += entry.is_gain;
  for (const int64_t exponent :
       f.Ints("gain_exponents", kMinGainExponent, kMaxGainExponent, gains)) {
    m.gain_exponents.push_back(static_cast<int>(exponent));
  }
  BURIN_TRY(f.status());
  if (m.gain_exponents.size() != gains) {
    return BadInput(f.Field("gain_exponents"), fmt::format("{}", m.gain_exponents.size()),
                    fmt::format("{}", gains));
  }
  return {};
}

}  // namespace

std::string WriteMetadata(const CartridgeMetadata& m) {
  const std::vector<MatrixEntry> entries = MatricesOf(m.config);
  BURIN_CHECK(entries.size() == m.matrices.size());
  Json tensors = Json::array();
  for (size_t i = 0; i < entries.size(); ++i) {
    tensors.push_back(MatrixJson(entries[i], m.matrices[i]));
  }
  const Json json = {{"config", ConfigJson(m.config)},
                     {"generation", GenerationJson(m.generation)},
                     {"context", m.context},
                     {"group", m.group},
                     {"residual_fraction", m.residual_fraction},
                     {"quantizer", QuantizerJson(m.quantizer)},
                     {"tensors", std::move(tensors)},
                     {"gain_exponents", m.gain_exponents}};
  // Bytes that are no UTF-8 are replaced, so that the text can always be read back.
  return json.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

Result<CartridgeMetadata> ParseMetadata(std::string_view text, const std::string& object) {
  BURIN_ASSIGN(const Json json, ParseJsonObject(text, object));
  CartridgeMetadata metadata;
  BURIN_TRY(ReadTopLevel(json, metadata, object));
  BURIN_TRY(ReadTensors(json, metadata, object));
  if (WriteMetadata(metadata) != text) {
    return BadInput(object, "fields or a spelling that this version does not write",
                    "canonical JSON of this format version", "Engrave the model again.");
  }
  return metadata;
}

Status CheckContract(const ModelConfig& config, int64_t context, int64_t group,
                     const std::string& object) {
  if (group != 32 && group != 64 && group != 128) {
    return BadInput(object, fmt::format("group = {}", group), "32, 64 or 128");
  }
  const int64_t widest = std::max(config.hidden, config.head_dim);
  if (widest > kMaxRmsWidth) {
    return BadInput(object,
                    fmt::format("a vector of {} values in the residual stream or a head", widest),
                    fmt::format("at most {}", kMaxRmsWidth));
  }
  int64_t most = config.max_positions;
  if (config.sliding_window > 0) most = std::min(most, config.sliding_window);
  if (context < 1 || context > most) {
    return BadInput(object, fmt::format("context = {}", context), fmt::format("1 to {}", most));
  }
  return {};
}

}  // namespace burin
