// SPDX-License-Identifier: Apache-2.0
#include "crypto/keyring_path.h"

#include <sodium.h>

#include <bit>
#include <cstring>

namespace kluis::crypto {
namespace {

constexpr size_t kSeedBytes = 32;

}  // namespace

KeyringPath::KeyringPath() : seeds_(SecretBytes::Zero((kSlotBits + 1) * kSeedBytes)) {}

SecretKey32 KeyringPath::Key(const CoverNode& node, uint32_t slot) {
  int depth = node.depth;
  if (top_ == node.depth && node.Covers(slot_)) {
    depth = std::countl_zero(slot ^ slot_);  // 32 for the same slot
  } else {
    std::memcpy(SeedAt(depth).data(), node.seed.data(), kSeedBytes);
    top_ = depth;
  }
  for (; depth < kSlotBits; ++depth) {
    DeriveChild(SeedAt(depth), BranchOf(slot, depth), SeedAt(depth + 1));
  }
  slot_ = slot;
  return SecretKey32{std::span<const uint8_t, kSeedBytes>(SeedAt(kSlotBits))};
}

void KeyringPath::Forget() {
  top_ = -1;
  sodium_memzero(seeds_.ExposeMutable().data(), seeds_.size());
}

std::span<uint8_t, 32> KeyringPath::SeedAt(int depth) {
  return seeds_.ExposeMutable()
      .subspan(static_cast<size_t>(depth) * kSeedBytes)
      .first<kSeedBytes>();
}

}  // namespace kluis::crypto
