// SPDX-License-Identifier: Apache-2.0
#include "crypto/derive.h"

#include <sodium.h>

#include "base/little_endian.h"

namespace kluis::crypto {
namespace {

constexpr Label kCommitLabel("kluis-commit");

// Feeds the length-prefixed parts through one keyed state, wiped at the end.
void HashParts(std::span<const uint8_t, 32> key, const Label& use,
               std::initializer_list<std::string_view> parts, std::span<uint8_t, 32> out) {
  crypto_generichash_blake2b_state state;
  crypto_generichash_blake2b_init_salt_personal(&state, key.data(), key.size(), out.size(), nullptr,
                                                use.data());
  for (const std::string_view part : parts) {
    std::array<uint8_t, 8> length;
    base::PutU64(part.size(), length.data());
    crypto_generichash_blake2b_update(&state, length.data(), length.size());
    crypto_generichash_blake2b_update(&state, reinterpret_cast<const unsigned char*>(part.data()),
                                      part.size());
  }
  crypto_generichash_blake2b_final(&state, out.data(), out.size());
  sodium_memzero(&state, sizeof state);
}

}  // namespace

void KeyedBlake2b(std::span<const uint8_t, 32> key, const Label& use,
                  std::span<const uint8_t> message, std::span<uint8_t, 32> out) {
  crypto_generichash_blake2b_salt_personal(out.data(), out.size(), message.data(), message.size(),
                                           key.data(), key.size(), nullptr, use.data());
}

SecretKey32 DeriveKey(std::span<const uint8_t, 32> parent, const Label& use,
                      std::initializer_list<std::string_view> binding) {
  SecretKey32 key;
  HashParts(parent, use, binding, key.ExposeMutable());
  return key;
}

void AppendParts(std::initializer_list<std::string_view> binding, std::string& message) {
  for (const std::string_view part : binding) {
    std::array<uint8_t, 8> length;
    base::PutU64(part.size(), length.data());
    message.append(length.begin(), length.end());
    message.append(part);
  }
}

Hash KeyedId(std::span<const uint8_t, 32> key, const Label& use, std::string_view data) {
  Hash id;
  HashParts(key, use, {data}, id);
  return id;
}

Hash Commit(std::span<const uint8_t, 32> nonce, std::string_view payload) {
  Hash commitment;
  KeyedBlake2b(nonce, kCommitLabel,
               {reinterpret_cast<const uint8_t*>(payload.data()), payload.size()}, commitment);
  return commitment;
}

}  // namespace kluis::crypto
