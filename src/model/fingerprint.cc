#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/sha256.h"
#include "model/import.h"

namespace burin {

Result<std::string> ImportFingerprint(const Model& model) {
  constexpr size_t kHeadBytes = 1 << 20;
  const ModelConfig& c = model.config;
  const RopeScaling& rope = c.rope_scaling;
  std::string identity = fmt::format(
      "burin import 1\n{} {} {} {} {} {} {} {} {} {:a} {} {:a} {:a} {:a} {} {:a} {} {} {} {}\n",
      c.architecture, c.hidden, c.layers, c.heads, c.kv_heads, c.head_dim, c.ffn, c.vocab,
      c.max_positions, c.rope_theta, static_cast<int>(rope.kind), rope.factor, rope.low_freq_factor,
      rope.high_freq_factor, rope.original_max_positions, c.rms_eps, c.tied_head, c.qkv_bias,
      c.qk_norm, c.sliding_window);
  for (const auto& file : model.files) {
    struct stat info {};
    if (::stat(file->path().c_str(), &info) != 0) {
      return IoError(file->path().string(), std::generic_category().message(errno),
                     "the file that was imported");
    }
    const auto bytes = file->bytes();
    identity += fmt::format("{} {} {}.{:09} {}\n", file->path().filename().string(), bytes.size(),
                            info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                            ToHex(Sha256Of(bytes.first(std::min(bytes.size(), kHeadBytes)))));
  }
  return ToHex(Sha256Of(std::as_bytes(std::span(identity))));
}

}  // namespace burin
