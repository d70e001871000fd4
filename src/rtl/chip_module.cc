#include "rtl/chip_module.h"

#include <fmt/format.h>

#include <algorithm>

#include "numeric/vector_ops.h"
#include "quant/adapter_memory.h"
#include "rtl/bank_rom.h"
#include "rtl/fabric_module.h"

namespace burin {
namespace {

using verilog::Binding;
using verilog::Comment;
using verilog::Direction;
using verilog::Instance;
using verilog::Module;
using verilog::Net;
using verilog::Port;

std::string Number(int64_t value) { return fmt::format("{}", value); }

// The adapter memory's shape on a chip (docs/formats/adapter.md).
struct AdapterShape {
  int64_t ranks, positions, words;
  explicit AdapterShape(const ChipSpec& chip) {
    const AdapterEngine engine = EngineOf(chip.adapter_lanes, chip.max_rank);
    ranks = engine.ranks;
    positions = engine.positions;
    words = std::max<int64_t>(1, chip.adapter_bytes / engine.WordBytes());
  }
};

std::vector<Port> HostPorts() {
  const auto in = Direction::kInput, out = Direction::kOutput;
  return {{in, 1, "in_valid", "Words in: tokens (in_dest 0), adapter image (1)"},
          {out, 1, "in_ready"},
          {in, 32, "in_data"},
          {in, 1, "in_dest"},
          {in, 1, "in_last"},
          {out, 1, "out_valid", "Tokens out, with the largest logits"},
          {in, 1, "out_ready"},
          {out, 32, "out_data"},
          {out, 1, "out_last"},
          {in, 8, "register_address", "Registers"},
          {in, 1, "register_write"},
          {in, 32, "register_write_data"},
          {out, 32, "register_read_data"}};
}

std::vector<Port> TracePorts(int64_t lanes) {
  const auto out = Direction::kOutput;
  return {{out, 1, "trace_write", "For benches: writes of the vector memory, fetches of steps"},
          {out, 16, "trace_address"},
          {out, lanes, "trace_mask"},
          {out, lanes * 32, "trace_data"},
          {out, 1, "trace_fetch"},
          {out, 16, "trace_step"}};
}

class ChipMaker {
 public:
  ChipMaker(const PlacedFabric& fabric, const EnginePlan& plan, RomStore& roms)
      : fabric_(fabric),
        plan_(plan),
        roms_(roms),
        config_(fabric.plan.config),
        adapter_(fabric.chip) {}

  Result<Module> Make() {
    const QuantizedModel& model = *fabric_.plan.weights;
    module_.name = kChipModule;
    module_.comment = fmt::format(
        "{} on chip {}: {} layers, hidden {}, vocabulary {}.\n"
        "Cartridge {}\n"
        "The trace ports show every write of the vector memory and every fetch of a step, for\n"
        "benches; a chip leaves them open.",
        fabric_.plan.name, fabric_.chip.name, config_.layers, config_.hidden, config_.vocab,
        ToHex(model.digest));
    module_.ports = {{Direction::kInput, 1, "clk"}, {Direction::kInput, 1, "reset"}};
    for (const Port& port : HostPorts()) module_.ports.push_back(port);
    for (const Port& port : TracePorts(plan_.lanes)) module_.ports.push_back(port);
    AddNets();
    AddHostPort(model);
    BURIN_TRY(AddRoms());
    AddEngine(model);
    AddFabric();
    module_.items.push_back(verilog::Assign{"trace_fetch", "program_enable"});
    module_.items.push_back(verilog::Assign{"trace_step", "program_address"});
    return std::move(module_);
  }

 private:
  void Add(verilog::Item item) { module_.items.push_back(std::move(item)); }

  // Nets between host port, engine and ROMs: every one is called as the engine's port.
  std::vector<Port> EngineHostPorts() const {
    const auto in = Direction::kInput, out = Direction::kOutput;
    const int64_t k = fabric_.chip.top_k;
    return {{in, 1, "start"},
            {in, 32, "token"},
            {in, 32, "position"},
            {in, 1, "sampling"},
            {in, 1, "adapter"},
            {out, k * 32, "top_ids"},
            {out, k * 32, "top_logits"},
            {out, 1, "step_busy"},
            {out, 4, "step_op"},
            {in, 1, "adapter_write"},
            {in, 32, "adapter_write_address"},
            {in, adapter_.ranks * adapter_.positions * 8, "adapter_write_data"},
            {in, 1, "adapter_table_write"},
            {in, 16, "adapter_table_address"},
            {in, 128, "adapter_table_data"}};
  }
  std::vector<Port> EngineRomPorts() const {
    const auto in = Direction::kInput, out = Direction::kOutput;
    return {{out, 1, "program_enable"},
            {out, 16, "program_address"},
            {in, plan_.program.width(), "program_word"},
            {out, 1, "constant_enable"},
            {out, 16, "constant_address"},
            {in, plan_.constants.width(), "constant_word"},
            {out, 1, "rotary_enable"},
            {out, 32, "rotary_coarse"},
            {out, 32, "rotary_fine"},
            {in, 32, "coarse_word"},
            {in, 32, "fine_word"}};
  }

  void AddNets() {
    Add(Comment{"Host port and engine."});
    Add(Net{1, "engine_busy", {}});
    Add(Net{1, "engine_done", {}});
    for (const Port& port : EngineHostPorts()) Add(Net{port.width, port.name, {}});
    Add(Comment{"ROMs of the engine."});
    for (const Port& port : EngineRomPorts()) Add(Net{port.width, port.name, {}});
    Add(Comment{"Engine and fabric."});
    for (const Port& port : FabricPorts(fabric_)) Add(Net{port.width, port.name, {}});
  }

  void AddHostPort(const QuantizedModel& model) {
    std::string digest = "256'h";
    for (size_t i = model.digest.size(); i-- > 0;) digest += fmt::format("{:02x}", model.digest[i]);
    Instance host{"burin_host_port",
                  "host_port",
                  {{"TOP_K", Number(fabric_.chip.top_k)},
                   {"LAYERS", Number(config_.layers)},
                   {"VOCAB", Number(config_.vocab)},
                   {"CONTEXT", Number(Context())},
                   {"ADAPTER_WORD_BYTES", Number(adapter_.ranks * adapter_.positions)},
                   {"DIGEST", digest}},
                  {{"clk", "clk"}, {"reset", "reset"}}};
    for (const Port& port : HostPorts()) host.ports.push_back({port.name, port.name});
    host.ports.push_back({"engine_busy", "engine_busy"});
    host.ports.push_back({"engine_done", "engine_done"});
    for (const Port& port : EngineHostPorts()) host.ports.push_back({port.name, port.name});
    Add(Comment{"Host port."});
    Add(std::move(host));
  }

  Status AddRom(const std::string& name, const RomImage& image, const std::string& enable,
                const std::string& address, const std::string& word) {
    BURIN_ASSIGN(const std::string module, roms_.Add(image, name));
    const int64_t bits = RomStore::AddressBits(image.depth());
    Add(Instance{module,
                 name,
                 {},
                 {{"clk", "clk"},
                  {"enable", enable},
                  {"address", fmt::format("{}[{}:0]", address, bits - 1)},
                  {"word", word}}});
    return {};
  }

  Status AddRoms() {
    Add(Comment{"Program, constants, and the turns of the rotary embedding."});
    BURIN_TRY(
        AddRom("program_rom", plan_.program, "program_enable", "program_address", "program_word"));
    BURIN_TRY(AddRom("constant_rom", plan_.constants, "constant_enable", "constant_address",
                     "constant_word"));
    BURIN_TRY(AddRom("rotary_coarse_rom", plan_.rotary_coarse, "rotary_enable", "rotary_coarse",
                     "coarse_word"));
    return AddRom("rotary_fine_rom", plan_.rotary_fine, "rotary_enable", "rotary_fine",
                  "fine_word");
  }

  int64_t Context() const { return std::min(fabric_.max_context, fabric_.plan.weights->context); }

  // Of the activation vectors in words, filled up to whole groups.
  int64_t LongestInput() const {
    const int64_t group = fabric_.plan.group;
    int64_t longest = 0;
    for (const ActivationVector& vector : plan_.vectors) {
      longest = std::max(longest, (vector.inputs + group - 1) / group * group / plan_.lanes);
    }
    return longest;
  }

  std::vector<Binding> EngineParameters(const QuantizedModel& model) const {
    const ChipSpec& chip = fabric_.chip;
    const RmsNormConstants hidden =
        MakeRmsNormConstants(config_.hidden, config_.rms_eps, model.residual_fraction);
    const RmsNormConstants head =
        MakeRmsNormConstants(config_.head_dim, config_.rms_eps, kVectorFraction);
    return {{"LANES", Number(plan_.lanes)},
            {"GROUP", Number(model.group)},
            {"HIDDEN", Number(config_.hidden)},
            {"HEADS", Number(config_.heads)},
            {"KV_HEADS", Number(config_.kv_heads)},
            {"HEAD_DIM", Number(config_.head_dim)},
            {"CONTEXT", Number(Context())},
            {"LAYERS", Number(config_.layers)},
            {"VECTOR_WORDS", Number(plan_.map.words)},
            {"TOP_K", Number(chip.top_k)},
            {"HEAD_LANES", Number(chip.head_lanes)},
            {"HEADS_AT_ONCE", Number(chip.attention_heads)},
            {"POSITIONS_AT_ONCE", Number(chip.attention_positions)},
            {"ADAPTER_RANKS", Number(adapter_.ranks)},
            {"ADAPTER_POSITIONS", Number(adapter_.positions)},
            {"ADAPTER_TURNS", Number((chip.max_rank + adapter_.ranks - 1) / adapter_.ranks)},
            {"ADAPTER_WORDS", Number(adapter_.words)},
            {"ADAPTER_ENTRIES", Number(config_.layers * 7)},
            {"ADAPTER_INPUT_WORDS", Number(LongestInput())},
            {"RESIDUAL_FRACTION", Number(model.residual_fraction)},
            {"EMBED_COLUMNS", Number(LogicalColumns(fabric_, 0))},
            {"PASS_TAIL", Number(chip.columns_per_scaler + 4)},
            {"HIDDEN_ROOT", fmt::format("17'd{}", hidden.root)},
            {"HIDDEN_ROOT_EXPONENT", Number(hidden.root_exponent)},
            {"HIDDEN_EPSILON", fmt::format("63'd{}", hidden.epsilon)},
            {"HEAD_ROOT", fmt::format("17'd{}", head.root)},
            {"HEAD_ROOT_EXPONENT", Number(head.root_exponent)},
            {"HEAD_EPSILON", fmt::format("63'd{}", head.epsilon)}};
  }

  void AddEngine(const QuantizedModel& model) {
    Instance engine{
        "burin_engine",
        "engine",
        EngineParameters(model),
        {{"clk", "clk"}, {"reset", "reset"}, {"busy", "engine_busy"}, {"done", "engine_done"}}};
    for (const Port& port : EngineHostPorts()) engine.ports.push_back({port.name, port.name});
    for (const Port& port : EngineRomPorts()) engine.ports.push_back({port.name, port.name});
    for (const Port& port : FabricPorts(fabric_)) engine.ports.push_back({port.name, port.name});
    for (const char* port : {"trace_write", "trace_address", "trace_mask", "trace_data"}) {
      engine.ports.push_back({port, port});
    }
    Add(Comment{"Layer engine."});
    Add(std::move(engine));
  }

  void AddFabric() {
    Instance instance{"burin_fabric", "fabric", {}, {{"clk", "clk"}, {"reset", "reset"}}};
    for (const Port& port : FabricPorts(fabric_)) instance.ports.push_back({port.name, port.name});
    Add(Comment{"Fabric."});
    Add(std::move(instance));
  }

  const PlacedFabric& fabric_;
  const EnginePlan& plan_;
  RomStore& roms_;
  const ModelConfig& config_;
  const AdapterShape adapter_;
  Module module_;
};

}  // namespace

Result<Module> MakeChip(const PlacedFabric& fabric, const EnginePlan& plan, RomStore& roms) {
  return ChipMaker(fabric, plan, roms).Make();
}

}  // namespace burin
