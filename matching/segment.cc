#include "matching/segment.h"

#include <array>
#include <mutex>
#include <utility>

namespace kluis::matching {
namespace {

std::array<std::uint8_t, 8> Owner(std::uint64_t segment) {
  std::array<std::uint8_t, 8> bytes;
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(segment >> (8 * i));
  return bytes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Desk>> Desk::Create(
    std::size_t rows, std::size_t dimension, SegmentSealer::Cipher cipher,
    std::span<const std::uint8_t, SegmentSealer::kKeyBytes> key) {
  absl::StatusOr<std::unique_ptr<SegmentSealer>> sealer = SegmentSealer::Create(cipher, key);
  if (!sealer.ok()) return sealer.status();
  auto desk = std::make_unique<Desk>();
  desk->sealer = *std::move(sealer);
  desk->plain_bytes = rows * (sizeof(SealedRow) + dimension * sizeof(float));
  // Guarded memory ends where a page ends: a multiple of 64 bytes is aligned to 64.
  desk->memory =
      crypto::SecretBytes::Zero((desk->plain_bytes + rows * sizeof(float) + 63) / 64 * 64);
  std::uint8_t* const start = desk->memory.ExposeMutable().data();
  desk->rows = {reinterpret_cast<SealedRow*>(start), rows};
  desk->templates = {reinterpret_cast<float*>(start + rows * sizeof(SealedRow)), rows * dimension};
  desk->scores = {reinterpret_cast<float*>(start + desk->plain_bytes), rows};
  return desk;
}

absl::Status Desk::Open(Segment& segment) {
  const std::shared_lock<std::shared_mutex> lock(segment.mutex);
  if (!sealer->Open(segment.counter, Owner(segment.number), segment.sealed, plain())) {
    return absl::DataLossError("gallery: a segment does not authenticate");
  }
  return absl::OkStatus();
}

absl::Status Desk::Seal(std::uint64_t counter, Segment& segment) {
  const std::unique_lock<std::shared_mutex> lock(segment.mutex);
  segment.counter = counter;
  if (!sealer->Seal(counter, Owner(segment.number), plain(), segment.sealed)) {
    return absl::InternalError("gallery: a segment cannot be sealed");
  }
  return absl::OkStatus();
}

}  // namespace kluis::matching
