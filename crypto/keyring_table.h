// SPDX-License-Identifier: Apache-2.0
// One place's table of a keyring: where its pages are and what opens them. A page is one segment's
// cover sealed under a key of its own, which is used for that one sealing and kept only here; the
// table is sealed under the root key (keyring_replica.h). Not thread-safe while it is assigned.
//
//   page    sealed nodes | tag[16]: for each node of the segment in order: place u16 | seed[32],
//           where place is 2^d + the node's number among the 2^d nodes d below the segment; under
//           XChaCha20-Poly1305, the page's key, a nonce of zeros (no key
//           seals twice), "kluis-keyring-page" | segment u32 as authenticated data
//   table   keyring id[16] | pages' generation u64 | nodes of the top u32 | pages u32 |
//           for each node of the top: depth u8 | first u32 | seed[32] |
//           for each page: segment u32 | block u32 | nodes u32 | key[32] |
//           PositionDigest[32]; integers little-endian
//
// A page starts at a multiple of 4096 bytes in its file, so that none shares a sector with another
// that is being written.
#ifndef KLUIS_CRYPTO_KEYRING_TABLE_H_
#define KLUIS_CRYPTO_KEYRING_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/keyring_cover.h"
#include "crypto/keyring_segments.h"
#include "crypto/secret_bytes.h"

namespace kluis::crypto {

inline constexpr size_t kPageBlockBytes = 4096;
inline constexpr size_t kPageNodeBytes = 2 + 32;
inline constexpr size_t kPageTagBytes = 16;

// Made at random with the keyring: two keyrings are never taken for one.
using KeyringId = std::array<uint8_t, 16>;

struct PageEntry {
  uint32_t segment;
  uint32_t block;  // the first, counted in blocks from the start of the file
  uint32_t nodes;
  std::array<uint8_t, 32> key;
  Hash positions;

  size_t bytes() const { return size_t{nodes} * kPageNodeBytes + kPageTagBytes; }
  uint32_t blocks() const {
    return static_cast<uint32_t>((bytes() + kPageBlockBytes - 1) / kPageBlockBytes);
  }
  uint32_t end() const { return block + blocks(); }
};

// Ascending by segment, in guarded memory.
using PageEntries = std::vector<PageEntry, GuardedAllocator<PageEntry>>;

struct KeyringTable {
  KeyringId id{};
  uint64_t pages_generation = 0;  // in the name of the file that holds the pages
  PageEntries pages;
};

// An entry with a fresh key and no block yet.
PageEntry NewPage(uint32_t segment, const SegmentedCover::Segment& content);

// Gives each page whose segment is in `moved` (ascending) the first gap that fits and that
// neither a page of `used` nor another page has. Returns the end of the last page in blocks.
uint32_t PlacePages(PageEntries& pages, std::span<const uint32_t> moved, const PageEntries& used);

// The page's bytes.
std::vector<uint8_t> SealPage(const PageEntry& page, const KeyringCover& cover);

// Inverse of SealPage, out of all the pages' file. kDataLoss: cut off, altered, or not this page.
absl::StatusOr<SegmentedCover::Segment> OpenPage(const PageEntry& page,
                                                 std::span<const uint8_t> file);

SecretBytes SerializeTable(const KeyringTable& table, const KeyringCover& top);

struct ParsedTable {
  KeyringTable table;
  KeyringCover top;
};

// Inverse of SerializeTable. kDataLoss: the lengths do not agree, or pages are not in order.
absl::StatusOr<ParsedTable> ParseTable(std::span<const uint8_t> bytes);

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_KEYRING_TABLE_H_
