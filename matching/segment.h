// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_SEGMENT_H_
#define KLUIS_MATCHING_SEGMENT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"
#include "matching/gallery.h"
#include "matching/pages.h"
#include "matching/quantised.h"
#include "matching/segment_sealer.h"
#include "matching/sketch.h"
#include "matching/sketch_kernels.h"

// The parts a gallery is made of; for gallery.cc, shared_scan.cc and their tests only.

namespace kluis::matching {

// How the rows of one gallery are laid out. A row has a place: segment number * rows + index.
//
//   segment = sealed(SegmentHead[64] | words | expires u32[rows] | slot u32[rows]
//                    | alignment u16[rows] | length u16[rows] | category u8[rows]
//                    | start of the record id[3][rows], only where templates are kept elsewhere);
//             words as in SketchBlock; owner = segment number u64; counter beside it
//   card    = sealed(scale f32 | squares i32 | record id[16] | subject id[16]
//                    | value i8[dimension]);
//             owner = slot u64; counter beside it
//
// Counters are one series per gallery, each used once.
struct SegmentShape {
  static constexpr std::size_t kSegmentBytes = 65536;  // sealed, at most
  static constexpr std::size_t kHeadBytes = 64;
  static constexpr std::size_t kCardHeadBytes = 40;

  SegmentShape(std::size_t dimension_, std::size_t words_, bool with_id_starts_ = false);

  std::size_t plain_bytes() const { return kHeadBytes + rows * row_bytes(); }
  std::size_t row_bytes() const { return words * 8 + 13 + (with_id_starts ? sizeof(IdStart) : 0); }
  std::size_t card_bytes() const { return kCardHeadBytes + dimension; }
  std::size_t sealed_card_bytes() const { return card_bytes() + SegmentSealer::kTagBytes; }

  std::size_t dimension;
  std::size_t words;  // u64 per sketch
  bool with_id_starts;
  std::size_t rows;  // per segment, a multiple of 16
};

struct SegmentHead {
  // The range of EncodeLength codes of all rows ever here, 0 left out; both 0: none.
  std::uint16_t shortest;
  std::uint16_t longest;
};

// The parts of an opened segment.
struct SegmentView {
  SegmentView(std::span<std::uint8_t> plain, const SegmentShape& shape);

  void PutSketch(std::size_t row, std::span<const std::uint64_t> sketch,
                 const SketchFactors& factors);
  // Copies a row of another segment of the same shape.
  void PutRow(std::size_t row, const SegmentView& from, std::size_t from_row);
  void ClearRow(std::size_t row);

  SegmentHead* head;
  std::uint64_t* words;
  std::uint32_t* expires;
  std::uint32_t* slots;
  std::uint16_t* alignments;
  std::uint16_t* lengths;
  std::uint8_t* categories;
  IdStart* id_starts;  // nullptr: the shape has none
  std::size_t rows;
  std::size_t words_per_sketch;
};

// What stands beside a sealed card.
struct CardTag {
  std::uint64_t counter;
  std::uint32_t slot;
};

struct Segment {
  // With cards, or without where templates are read from elsewhere.
  Segment(std::size_t number_, const SegmentShape& shape, bool with_cards);

  bool IsLive(std::size_t row) const { return (live[row / 64] >> row % 64 & 1) != 0; }
  void SetLive(std::size_t row, bool is_live);
  std::size_t FreeRow() const;  // the first; there is one
  std::span<std::uint8_t> Card(std::size_t row, const SegmentShape& shape) const {
    return cards.bytes().subspan(row * shape.sealed_card_bytes(), shape.sealed_card_bytes());
  }
  void DropCards();
  std::size_t bytes(const SegmentShape& shape) const;

  const std::size_t number;
  std::shared_mutex mutex;  // guards what follows
  std::uint64_t counter = 0;
  Pages sealed;
  Pages cards;
  std::vector<CardTag> card_tags;
  std::vector<std::uint64_t> live;  // one bit per row
  std::size_t live_rows = 0;
};

// What one thread needs to scan or change segments: a guarded, locked buffer that fits the cache,
// and a sealer. Between uses the buffer is all zeros. One thread at a time.
class SegmentDesk {
 public:
  // kUnavailable, kInternal: see SegmentSealer::Create.
  static absl::StatusOr<std::unique_ptr<SegmentDesk>> Create(
      const SegmentShape& shape, SegmentSealer::Cipher cipher,
      std::span<const std::uint8_t, SegmentSealer::kKeyBytes> key);

  // Opens `segment` into the buffer, holding off its sealing. kDataLoss: it does not authenticate.
  absl::Status Open(Segment& segment);

  // Seals the buffer into `segment`, whose mutex the caller holds, with a counter never used
  // before. kInternal: the library failed; the segment will not open.
  absl::Status SealLocked(std::uint64_t counter, Segment& segment);

  // As Open, with the mutex held by the caller.
  absl::Status OpenLocked(const Segment& segment);

  std::span<std::uint8_t> plain() { return memory_.ExposeMutable().first(shape_.plain_bytes()); }
  SegmentView view() { return {plain(), shape_}; }
  const crypto::SecretBytes& memory() const { return memory_; }
  void Wipe();

 private:
  explicit SegmentDesk(const SegmentShape& shape);

  SegmentShape shape_;
  crypto::SecretBytes memory_;
  std::unique_ptr<SegmentSealer> sealer_;
};

// A template as a card holds it, in the memory of a TemplateDesk.
struct Card {
  Quantised head;
  Id record_id = {};
  Id subject_id = {};
  std::span<const std::int8_t> values;
};

// What one thread needs to make and to read cards and sketches: as SegmentDesk. Wiped by its user.
class TemplateDesk {
 public:
  static absl::StatusOr<std::unique_ptr<TemplateDesk>> Create(
      const SegmentShape& shape, SegmentSealer::Cipher cipher,
      std::span<const std::uint8_t, SegmentSealer::kKeyBytes> key);

  // Makes a card of a protected template, in this desk's memory, valid until the next Make or Open.
  Card Make(std::span<const float> values, const Row& row);

  // Seals the card last made. False: the library failed.
  bool Seal(const CardTag& tag, std::span<std::uint8_t> sealed);

  // False: it does not authenticate.
  bool Open(const CardTag& tag, std::span<const std::uint8_t> sealed, Card& card);

  // dimension floats, for Dequantise; words * kMaxRowsPerAdd u64 and a factor each, for sketches.
  std::span<float> floats();
  std::span<std::int8_t> probe();  // dimension values, beside the card
  std::span<std::uint64_t> sketch(std::size_t row);
  SketchFactors& factors(std::size_t row);

  const crypto::SecretBytes& memory() const { return memory_; }
  void Wipe();

 private:
  explicit TemplateDesk(const SegmentShape& shape);
  std::span<std::uint8_t> card() { return memory_.ExposeMutable().first(shape_.card_bytes()); }
  Card Read();

  SegmentShape shape_;
  std::size_t probe_at_;
  std::size_t floats_at_;
  std::size_t sketches_at_;
  std::size_t factors_at_;
  crypto::SecretBytes memory_;
  std::unique_ptr<SegmentSealer> sealer_;
};

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_SEGMENT_H_
