// SPDX-License-Identifier: Apache-2.0
#include "audit/state_digest.h"

#include <array>
#include <cstdint>

namespace kluis::audit {
namespace {

std::array<char, 4> LengthOf(std::string_view key) {
  const auto size = static_cast<std::uint32_t>(key.size());
  return {static_cast<char>(size >> 24), static_cast<char>(size >> 16 & 0xff),
          static_cast<char>(size >> 8 & 0xff), static_cast<char>(size & 0xff)};
}

}  // namespace

void StateDigest::Add(std::string_view key, std::string_view value) {
  const std::array<char, 4> length = LengthOf(key);
  hash_.Add({std::string_view(length.data(), length.size()), key, value});
}

void StateDigest::Remove(std::string_view key, std::string_view value) {
  const std::array<char, 4> length = LengthOf(key);
  hash_.Remove({std::string_view(length.data(), length.size()), key, value});
}

}  // namespace kluis::audit
