// SHA-256 (FIPS 180-4) by OpenSSL.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace burin {

using Sha256Digest = std::array<uint8_t, 32>;

// Digest of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(std::span<const std::byte> bytes);
  // The digest of all bytes given so far; the object takes no more afterwards.
  Sha256Digest Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Sha256Digest Sha256Of(std::span<const std::byte> bytes);

// 64 lower-case hexadecimal digits.
std::string ToHex(std::span<const uint8_t> bytes);

}  // namespace burin
