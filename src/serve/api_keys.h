// API keys from a file: one a line; empty lines and lines that begin with # do not count.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"

namespace burin {

class ApiKeys {
 public:
  ApiKeys() = default;  // none: everybody may ask
  // Errors: a file that cannot be read, or without a key, or that others may read or write.
  static Result<ApiKeys> Load(const std::filesystem::path& path);

  bool needed() const { return !digests_.empty(); }
  // True for "Bearer KEY" with one of the keys. Takes the same time whatever the key: digests of
  // equal length are compared in full with every key.
  bool Allows(std::string_view authorization) const;

 private:
  std::vector<Sha256Digest> digests_;
};

}  // namespace burin
