#include "serve/api_keys.h"

#include <openssl/crypto.h>
#include <sys/stat.h>

#include <span>

#include "base/mapped_file.h"

namespace burin {
namespace {

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

Sha256Digest DigestOf(std::string_view key) { return Sha256Of(std::as_bytes(std::span(key))); }

}  // namespace

Result<ApiKeys> ApiKeys::Load(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && (status.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
    return BadInput(path.string(), "other users may read or change the keys", "a file of its owner",
                    "chmod 600 " + path.string());
  }
  BURIN_ASSIGN(const std::string text, ReadTextFile(path));
  ApiKeys keys;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t end = rest.find('\n');
    const std::string_view line = Trimmed(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (line.empty() || line.front() == '#') continue;
    keys.digests_.push_back(DigestOf(line));
  }
  if (!keys.needed()) {
    return BadInput(path.string(), "no key", "one key a line", "Write a long random word into it.");
  }
  return keys;
}

bool ApiKeys::Allows(std::string_view authorization) const {
  constexpr std::string_view kBearer = "Bearer ";
  if (!authorization.starts_with(kBearer)) return false;
  const Sha256Digest digest = DigestOf(Trimmed(authorization.substr(kBearer.size())));
  bool allowed = false;
  for (const Sha256Digest& known : digests_) {
    allowed |= CRYPTO_memcmp(known.data(), digest.data(), digest.size()) == 0;
  }
  return allowed;
}

}  // namespace burin
