// SPDX-License-Identifier: Apache-2.0
#include "crypto/keyring_table.h"

#include <sodium.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "base/little_endian.h"
#include "crypto/memory.h"

namespace kluis::crypto {
namespace {

constexpr std::string_view kPageContext = "kluis-keyring-page";
constexpr size_t kTableHeaderBytes = 16 + 8 + 4 + 4;
constexpr size_t kTopNodeBytes = 37;
constexpr size_t kEntryBytes = 4 + 4 + 4 + 32 + 32;
constexpr std::array<uint8_t, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES> kZeroNonce{};
static_assert(kPageTagBytes == crypto_aead_xchacha20poly1305_ietf_ABYTES);

std::array<uint8_t, kPageContext.size() + 4> ContextOf(uint32_t segment) {
  std::array<uint8_t, kPageContext.size() + 4> context;
  std::memcpy(context.data(), kPageContext.data(), kPageContext.size());
  base::PutU32(segment, context.data() + kPageContext.size());
  return context;
}

// The nodes of a segment, each by its place in it.
SecretBytes PackNodes(const KeyringCover& cover) {
  SecretBytes bytes = SecretBytes::Zero(cover.size() * kPageNodeBytes);
  uint8_t* out = bytes.ExposeMutable().data();
  for (const CoverNode& node : cover.nodes()) {
    const uint32_t below = 1u << (node.depth - kSegmentDepth);
    const uint32_t place = below | ((node.first >> (kSlotBits - node.depth)) & (below - 1));
    out[0] = static_cast<uint8_t>(place);
    out[1] = static_cast<uint8_t>(place >> 8);
    std::memcpy(out + 2, node.seed.data(), node.seed.size());
    out += kPageNodeBytes;
  }
  return bytes;
}

// Inverse of PackNodes. kDataLoss: not the places of nodes in order.
absl::StatusOr<KeyringCover> UnpackNodes(uint32_t segment, std::span<const uint8_t> bytes) {
  SecretBytes nodes = SecretBytes::Zero(bytes.size() / kPageNodeBytes * kTopNodeBytes);
  uint8_t* out = nodes.ExposeMutable().data();
  for (; !bytes.empty(); bytes = bytes.subspan(kPageNodeBytes)) {
    const uint32_t place = bytes[0] | uint32_t{bytes[1]} << 8;
    const int below = static_cast<int>(std::bit_width(place)) - 1;
    if (below < 0 || below > kSegmentSlotBits) return absl::DataLossError("a node has no place");
    out[0] = static_cast<uint8_t>(kSegmentDepth + below);
    base::PutU32(segment << kSegmentSlotBits | (place - (1u << below))
                                                   << (kSegmentSlotBits - below),
                 out + 1);
    std::memcpy(out + 5, bytes.data() + 2, 32);
    out += kTopNodeBytes;
  }
  return KeyringCover::Parse(nodes.Expose());
}

}  // namespace

PageEntry NewPage(uint32_t segment, const SegmentedCover::Segment& content) {
  EnsureSodium();
  PageEntry page{};
  page.segment = segment;
  page.nodes = static_cast<uint32_t>(content.cover.size());
  randombytes_buf(page.key.data(), page.key.size());
  page.positions = content.positions;
  return page;
}

uint32_t PlacePages(PageEntries& pages, std::span<const uint32_t> moved, const PageEntries& used) {
  using Extent = std::pair<uint32_t, uint32_t>;  // first block, block after the last
  std::vector<Extent> taken;
  taken.reserve(used.size() + moved.size());
  for (const PageEntry& page : used) taken.emplace_back(page.block, page.end());
  std::sort(taken.begin(), taken.end());
  uint32_t end = 0;
  for (PageEntry& page : pages) {
    if (std::binary_search(moved.begin(), moved.end(), page.segment)) {
      page.block = 0;
      auto next = taken.begin();
      while (next != taken.end() && next->first < page.end()) {
        page.block = next->second;
        ++next;
      }
      taken.emplace(next, page.block, page.end());
    }
    end = std::max(end, page.end());
  }
  return end;
}

std::vector<uint8_t> SealPage(const PageEntry& page, const KeyringCover& cover) {
  const SecretBytes plain = PackNodes(cover);
  const auto context = ContextOf(page.segment);
  std::vector<uint8_t> sealed(plain.size() + kPageTagBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(sealed.data(), nullptr, plain.Expose().data(),
                                             plain.size(), context.data(), context.size(), nullptr,
                                             kZeroNonce.data(), page.key.data());
  return sealed;
}

absl::StatusOr<SegmentedCover::Segment> OpenPage(const PageEntry& page,
                                                 std::span<const uint8_t> file) {
  const size_t offset = size_t{page.block} * kPageBlockBytes;
  if (offset > file.size() || file.size() - offset < page.bytes()) {
    return absl::DataLossError("a page is cut off");
  }
  const std::span<const uint8_t> sealed = file.subspan(offset, page.bytes());
  const auto context = ContextOf(page.segment);
  SecretBytes plain = SecretBytes::Zero(size_t{page.nodes} * kPageNodeBytes);
  const int rc = crypto_aead_xchacha20poly1305_ietf_decrypt(
      plain.ExposeMutable().data(), nullptr, nullptr, sealed.data(), sealed.size(), context.data(),
      context.size(), kZeroNonce.data(), page.key.data());
  if (rc != 0) return absl::DataLossError("a page is not the one of its table");
  absl::StatusOr<KeyringCover> cover = UnpackNodes(page.segment, plain.Expose());
  if (!cover.ok()) return cover.status();
  const Hash positions = cover->PositionDigest();
  if (positions != page.positions) return absl::DataLossError("a page has other slots");
  return SegmentedCover::Segment{*std::move(cover), positions};
}

SecretBytes SerializeTable(const KeyringTable& table, const KeyringCover& top) {
  const SecretBytes nodes = top.Serialize();
  SecretBytes bytes =
      SecretBytes::Zero(kTableHeaderBytes + nodes.size() + table.pages.size() * kEntryBytes);
  uint8_t* out = bytes.ExposeMutable().data();
  std::memcpy(out, table.id.data(), table.id.size());
  base::PutU64(table.pages_generation, out + 16);
  base::PutU32(static_cast<uint32_t>(top.size()), out + 24);
  base::PutU32(static_cast<uint32_t>(table.pages.size()), out + 28);
  out += kTableHeaderBytes;
  std::copy(nodes.Expose().begin(), nodes.Expose().end(), out);
  out += nodes.size();
  for (const PageEntry& page : table.pages) {
    base::PutU32(page.segment, out);
    base::PutU32(page.block, out + 4);
    base::PutU32(page.nodes, out + 8);
    std::memcpy(out + 12, page.key.data(), page.key.size());
    std::memcpy(out + 44, page.positions.data(), page.positions.size());
    out += kEntryBytes;
  }
  return bytes;
}

absl::StatusOr<ParsedTable> ParseTable(std::span<const uint8_t> bytes) {
  if (bytes.size() < kTableHeaderBytes) return absl::DataLossError("its table is cut off");
  KeyringTable table;
  std::memcpy(table.id.data(), bytes.data(), table.id.size());
  table.pages_generation = base::GetU64(bytes.data() + 16);
  const size_t top_bytes = size_t{base::GetU32(bytes.data() + 24)} * kTopNodeBytes;
  const size_t pages = base::GetU32(bytes.data() + 28);
  if (bytes.size() != kTableHeaderBytes + top_bytes + pages * kEntryBytes) {
    return absl::DataLossError("its table is cut off");
  }
  absl::StatusOr<KeyringCover> top =
      KeyringCover::Parse(bytes.subspan(kTableHeaderBytes, top_bytes));
  if (!top.ok()) return top.status();
  table.pages.resize(pages);
  const uint8_t* in = bytes.data() + kTableHeaderBytes + top_bytes;
  uint64_t next = 0;
  for (PageEntry& page : table.pages) {
    page.segment = base::GetU32(in);
    page.block = base::GetU32(in + 4);
    page.nodes = base::GetU32(in + 8);
    std::memcpy(page.key.data(), in + 12, page.key.size());
    std::memcpy(page.positions.data(), in + 44, page.positions.size());
    if (page.segment < next || page.segment >> kSegmentDepth != 0) {
      return absl::DataLossError("its pages are not in order");
    }
    next = uint64_t{page.segment} + 1;
    in += kEntryBytes;
  }
  return ParsedTable{std::move(table), *std::move(top)};
}

}  // namespace kluis::crypto
