#ifndef KLUIS_MATCHING_SEGMENT_H_
#define KLUIS_MATCHING_SEGMENT_H_

#include <sodium.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <span>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"
#include "matching/gallery.h"
#include "matching/segment_sealer.h"

// The parts a gallery is made of; for gallery.cc and its tests only.

namespace kluis::matching {

// A row as it lies in an opened segment; all zeros is an empty place.
struct SealedRow {
  std::int64_t expires_at;
  std::uint32_t slot;
  std::uint8_t live;
  std::uint8_t category;
  std::uint16_t zero;
  Id record_id;
  Id subject_id;
};
static_assert(sizeof(SealedRow) == 48 && std::is_trivially_copyable_v<SealedRow>);

// One sealed stretch of the gallery: row[n] | template[n], n = rows per segment.
struct Segment {
  Segment(std::size_t number_, std::size_t plain_bytes)
      : number(number_), sealed(plain_bytes + SegmentSealer::kTagBytes) {}
  ~Segment() { sodium_memzero(sealed.data(), sealed.size()); }
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  const std::size_t number;
  std::shared_mutex mutex;  // guards what follows
  std::uint64_t counter = 0;
  std::vector<std::uint8_t> sealed;
};

// What one thread needs to open a segment: a guarded, locked buffer, and a sealer with the
// gallery's key. Between uses the buffer is all zeros. One thread at a time.
struct Desk {
  // kUnavailable, kInternal: see SegmentSealer::Create.
  static absl::StatusOr<std::unique_ptr<Desk>> Create(
      std::size_t rows, std::size_t dimension, SegmentSealer::Cipher cipher,
      std::span<const std::uint8_t, SegmentSealer::kKeyBytes> key);

  // Opens `segment` into the buffer, holding off its sealing. kDataLoss: it does not authenticate.
  absl::Status Open(Segment& segment);

  // Seals the buffer into `segment`, holding off all others. kInternal: the library failed; the
  // segment will not open.
  absl::Status Seal(std::uint64_t counter, Segment& segment);

  std::span<std::uint8_t> plain() { return memory.ExposeMutable().first(plain_bytes); }
  void Wipe() { sodium_memzero(memory.ExposeMutable().data(), memory.size()); }

  crypto::SecretBytes memory = crypto::SecretBytes::Zero(0);  // rows | templates | scores
  std::size_t plain_bytes = 0;
  std::span<SealedRow> rows;
  std::span<float> templates;
  std::span<float> scores;
  std::unique_ptr<SegmentSealer> sealer;
};

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_SEGMENT_H_
