// What the server is and does: GET /props, /metrics, /burin/info.
#include <unistd.h>

#include <fstream>

#include "serve/endpoints.h"
#include "serve/json_writer.h"

namespace burin {
namespace {

uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

// Weights of all matrices, a tied one once.
int64_t WeightCount(const QuantizedModel& model) {
  int64_t count = 0;
  for (const PackedMatrix* matrix : MatricesIn(model)) {
    count += matrix->shape.rows * matrix->shape.cols;
  }
  return count;
}

void WriteGeometry(const App& app, JsonWriter& json) {
  const ModelConfig& c = app.model.config;
  json.BeginObject().Field("architecture", c.architecture).Field("layers", c.layers);
  json.Field("hidden", c.hidden).Field("heads", c.heads).Field("kv_heads", c.kv_heads);
  json.Field("head_dim", c.head_dim).Field("ffn", c.ffn).Field("vocab", c.vocab);
  json.Field("weights", WeightCount(app.model)).Field("tied_head", c.tied_head);
  json.Field("group", app.model.group).Field("bits", app.model.quantizer.bits);
  json.Field("tensor_bits", app.model.quantizer.tensor_bits).EndObject();
}

void WriteMemory(uint64_t used, uint64_t total, JsonWriter& json) {
  json.BeginObject().Field("bytes_used", used).Field("bytes_total", total).EndObject();
}

void WriteLoad(const App& app, JsonWriter& json) {
  const SchedulerState s = app.scheduler.state();
  json.Key("load").BeginObject().Field("running", s.running).Field("waiting", s.waiting);
  json.Field("max_sequences", app.scheduler.options().max_sequences);
  json.Field("max_waiting", app.scheduler.options().max_waiting).EndObject();
  const auto bytes = [&app](int64_t positions) {
    return static_cast<uint64_t>(positions) * app.kv_bytes_per_position;
  };
  json.Key("kv").BeginObject().Field("bytes_used", bytes(s.kv_reserved));
  json.Field("bytes_kept", bytes(s.kv_retained)).Field("bytes_total", bytes(s.kv_budget));
  json.Field("positions_used", s.kv_reserved).Field("positions_kept", s.kv_retained);
  json.Field("positions_total", s.kv_budget).EndObject();
  json.Key("adapters_sram");
  WriteMemory(app.adapters.used_bytes(), app.adapters.memory_bytes(), json);
}

}  // namespace

void Props(const App& app, const Call& call) {
  const GenerationDefaults& defaults = app.model.generation;
  JsonWriter json;
  json.BeginObject().Key("default_generation_settings").BeginObject();
  json.Field("n_ctx", app.model.context).Key("params").BeginObject();
  json.Field("temperature",
             defaults.do_sample.value_or(true) ? defaults.temperature.value_or(1) : 0.0);
  json.Field("top_k", defaults.top_k.value_or(0)).Field("top_p", defaults.top_p.value_or(1));
  json.Field("min_p", defaults.min_p.value_or(0));
  json.Field("repeat_penalty", defaults.repetition_penalty.value_or(1));
  json.EndObject().EndObject();
  json.Field("total_slots", app.scheduler.options().max_sequences);
  json.Field("model_alias", app.id);
  json.Field("model_path", app.path.substr(app.path.rfind('/') + 1));  // no folders of the host
  json.Field("chat_template", app.tokenizer.chat_template());
  json.Field("bos_token", app.tokenizer.bos_text()).Field("eos_token", app.tokenizer.eos_text());
  json.Key("modalities").BeginObject().Field("vision", false).Field("audio", false).EndObject();
  json.Field("build_info", app.version).EndObject();
  call.RespondJson(json.Take());
}

void MetricsText(const App& app, const Call& call) {
  const SchedulerState s = app.scheduler.state();
  const HttpServerCounts http = app.http->counts();
  const auto kv = [&s](int64_t positions) {
    return static_cast<double>(positions) / static_cast<double>(s.kv_budget);
  };
  const Gauge gauges[] = {
      {"vllm:num_requests_running", "Sequences at work.", static_cast<double>(s.running)},
      {"vllm:num_requests_waiting", "Sequences that wait.", static_cast<double>(s.waiting)},
      {"vllm:kv_cache_usage_perc", "KV memory of sequences at work; 1 is all.", kv(s.kv_reserved)},
      {"burin:kv_kept_ratio", "KV memory of ended sequences, for reuse; 1 is all.",
       kv(s.kv_retained)},
      {"burin:kv_positions", "Positions of KV memory.", static_cast<double>(s.kv_budget)},
      {"burin:adapter_bytes", "Adapter memory in use.",
       static_cast<double>(app.adapters.used_bytes())},
      {"burin:adapters", "Adapters loaded.", static_cast<double>(app.adapters.List().size())},
      {"burin:http_connections", "Open connections.", static_cast<double>(http.connections)},
      {"burin:http_refused_total", "Connections refused for lack of room.",
       static_cast<double>(http.refused), true},
      {"burin:http_dropped_total", "Clients that went before their answer ended.",
       static_cast<double>(http.dropped), true},
      {"process_resident_memory_bytes", "Resident memory.", static_cast<double>(ResidentBytes())}};
  call.Respond(
      {200, "text/plain; version=0.0.4; charset=utf-8", app.metrics.Print(app.id, gauges), {}});
}

void Info(const App& app, const Call& call) {
  JsonWriter json;
  json.BeginObject().Field("model", app.id).Field("digest", app.digest);
  json.Field("version", app.version).Field("kernels", app.kernels).Field("threads", app.threads);
  json.Key("geometry");
  WriteGeometry(app, json);
  json.Field("cartridge_bytes",
             app.model.file == nullptr ? uint64_t{0} : uint64_t{app.model.file->bytes().size()});
  json.Field("context", app.model.context).Field("chat", app.chat.has_value());
  WriteLoad(app, json);
  json.Key("adapters").BeginArray();
  for (const auto& adapter : app.adapters.List()) {
    json.BeginObject().Field("name", adapter->name).Field("rank", adapter->rank);
    json.Field("bytes", adapter->bytes).Field("digest", adapter->digest).EndObject();
  }
  json.EndArray();
  json.Key("chip");
  app.silicon == nullptr ? json.Null() : json.Raw(app.silicon->Describe());
  json.EndObject();
  call.RespondJson(json.Take());
}

}  // namespace burin
