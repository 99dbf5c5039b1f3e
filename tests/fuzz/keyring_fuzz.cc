// SPDX-License-Identifier: Apache-2.0
// Feeds bytes to what reads a keyring's table and its pages, as if the root key had opened them:
// a page's plaintext is sealed here first, under the key that its entry has. What is accepted has
// one spelling. The first byte chooses: even a table, odd a page.
#include <sodium.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "crypto/keyring_table.h"
#include "crypto/memory.h"

namespace {

using namespace kluis::crypto;

void Require(bool holds) {
  if (!holds) std::abort();
}

void ReadTable(std::span<const uint8_t> bytes) {
  auto parsed = ParseTable(bytes);
  if (!parsed.ok()) return;
  const SecretBytes printed = SerializeTable(parsed->table, parsed->top);
  Require(std::ranges::equal(printed.Expose(), bytes));
}

constexpr uint32_t kSegment = 7;

// The nodes of a page in the form of a cover, as keyring_table.h describes it.
absl::StatusOr<KeyringCover> CoverOf(std::span<const uint8_t> plain) {
  std::vector<uint8_t> nodes;
  for (; !plain.empty(); plain = plain.subspan(kPageNodeBytes)) {
    const uint32_t place = plain[0] | uint32_t{plain[1]} << 8;
    const int below = static_cast<int>(std::bit_width(place)) - 1;
    if (below < 0 || below > kSegmentSlotBits) return absl::DataLossError("no place");
    const uint32_t first = kSegment << kSegmentSlotBits | (place - (1U << below))
                                                              << (kSegmentSlotBits - below);
    nodes.push_back(static_cast<uint8_t>(kSegmentDepth + below));
    for (int shift = 0; shift < 32; shift += 8) {
      nodes.push_back(static_cast<uint8_t>(first >> shift));
    }
    for (const uint8_t byte : plain.first(kPageNodeBytes).subspan(2)) nodes.push_back(byte);
  }
  return KeyringCover::Parse(nodes);
}

// `plain` is what a page holds: it opens exactly when its nodes are a cover in order.
void ReadPage(std::span<const uint8_t> plain) {
  if (plain.size() % kPageNodeBytes != 0) return;
  PageEntry page{.segment = kSegment,
                 .block = 0,
                 .nodes = static_cast<uint32_t>(plain.size() / kPageNodeBytes),
                 .key = {1},
                 .positions = {}};
  const auto cover = CoverOf(plain);
  if (cover.ok()) page.positions = cover->PositionDigest();
  std::string owner = "kluis-keyring-page";
  owner += {static_cast<char>(kSegment), 0, 0, 0};
  const std::array<uint8_t, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES> nonce{};
  std::vector<uint8_t> sealed(plain.size() + kPageTagBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(sealed.data(), nullptr, plain.data(), plain.size(),
                                             reinterpret_cast<const uint8_t*>(owner.data()),
                                             owner.size(), nullptr, nonce.data(), page.key.data());
  const auto opened = OpenPage(page, sealed);
  Require(opened.ok() == cover.ok());
  if (opened.ok()) Require(SealPage(page, opened->cover) == sealed);
  if (!sealed.empty()) Require(!OpenPage(page, std::span(sealed).first(sealed.size() - 1)).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  EnsureSodium();
  if (size == 0) return 0;
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    ReadTable(bytes);
  } else {
    ReadPage(bytes);
  }
  return 0;
}
