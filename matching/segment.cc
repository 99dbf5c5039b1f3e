// SPDX-License-Identifier: Apache-2.0
#include "matching/segment.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <mutex>
#include <utility>

namespace kluis::matching {
namespace {

std::array<std::uint8_t, 8> Owner(std::uint64_t number) {
  std::array<std::uint8_t, 8> bytes;
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
  return bytes;
}

constexpr std::size_t Aligned(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

SegmentShape::SegmentShape(std::size_t dimension_, std::size_t words_, bool with_id_starts_)
    : dimension(dimension_), words(words_), with_id_starts(with_id_starts_), rows(0) {
  const std::size_t room = kSegmentBytes - SegmentSealer::kTagBytes - kHeadBytes;
  rows = std::max<std::size_t>(room / row_bytes() / 16 * 16, 16);
}

SegmentView::SegmentView(std::span<std::uint8_t> plain, const SegmentShape& shape)
    : rows(shape.rows), words_per_sketch(shape.words) {
  std::uint8_t* at = plain.data();
  const auto take = [&at](std::size_t bytes) { return std::exchange(at, at + bytes); };
  head = reinterpret_cast<SegmentHead*>(take(SegmentShape::kHeadBytes));
  words = reinterpret_cast<std::uint64_t*>(take(rows * shape.words * 8));
  expires = reinterpret_cast<std::uint32_t*>(take(rows * 4));
  slots = reinterpret_cast<std::uint32_t*>(take(rows * 4));
  alignments = reinterpret_cast<std::uint16_t*>(take(rows * 2));
  lengths = reinterpret_cast<std::uint16_t*>(take(rows * 2));
  categories = take(rows);
  id_starts =
      shape.with_id_starts ? reinterpret_cast<IdStart*>(take(rows * sizeof(IdStart))) : nullptr;
}

void SegmentView::PutSketch(std::size_t row, std::span<const std::uint64_t> sketch,
                            const SketchFactors& factors) {
  std::uint64_t* const first = words + row / 8 * words_per_sketch * 8 + row % 8;
  for (std::size_t word = 0; word < words_per_sketch; ++word) first[word * 8] = sketch[word];
  alignments[row] = factors.alignment;
  lengths[row] = factors.length;
  if (factors.length == 0) return;
  const bool none = head->longest == 0;
  head->shortest = none ? factors.length : std::min(head->shortest, factors.length);
  head->longest = std::max(head->longest, factors.length);
}

void SegmentView::PutRow(std::size_t row, const SegmentView& from, std::size_t from_row) {
  std::array<std::uint64_t, kMaxSketchWords> sketch;
  const std::uint64_t* const first =
      from.words + from_row / 8 * words_per_sketch * 8 + from_row % 8;
  for (std::size_t word = 0; word < words_per_sketch; ++word) sketch[word] = first[word * 8];
  PutSketch(row, std::span(sketch).first(words_per_sketch),
            {.alignment = from.alignments[from_row], .length = from.lengths[from_row]});
  sodium_memzero(sketch.data(), sizeof(sketch));
  expires[row] = from.expires[from_row];
  slots[row] = from.slots[from_row];
  categories[row] = from.categories[from_row];
  if (id_starts != nullptr) id_starts[row] = from.id_starts[from_row];
}

void SegmentView::ClearRow(std::size_t row) {
  std::uint64_t* const first = words + row / 8 * words_per_sketch * 8 + row % 8;
  for (std::size_t word = 0; word < words_per_sketch; ++word) first[word * 8] = 0;
  alignments[row] = 0;
  lengths[row] = 0;
  expires[row] = 0;
  slots[row] = 0;
  categories[row] = 0;
  if (id_starts != nullptr) id_starts[row] = {};
}

Segment::Segment(std::size_t number_, const SegmentShape& shape, bool with_cards)
    : number(number_),
      sealed(shape.plain_bytes() + SegmentSealer::kTagBytes),
      live((shape.rows + 63) / 64) {
  if (!with_cards) return;
  cards = Pages(shape.rows * shape.sealed_card_bytes());
  card_tags.resize(shape.rows);
}

void Segment::SetLive(std::size_t row, bool is_live) {
  if (IsLive(row) == is_live) return;
  live[row / 64] ^= std::uint64_t{1} << row % 64;
  is_live ? ++live_rows : --live_rows;
}

std::size_t Segment::FreeRow() const {
  std::size_t word = 0;
  while (~live[word] == 0) ++word;
  return word * 64 + static_cast<std::size_t>(std::countr_one(live[word]));
}

void Segment::DropCards() {
  cards = Pages();
  card_tags = {};
}

std::size_t Segment::bytes(const SegmentShape& shape) const {
  const std::size_t sealed_cards = card_tags.empty() ? 0 : live_rows * shape.sealed_card_bytes();
  return sizeof(Segment) + sealed.size() + sealed_cards + card_tags.size() * sizeof(CardTag) +
         live.size() * sizeof(live[0]);
}

SegmentDesk::SegmentDesk(const SegmentShape& shape)
    // Guarded memory ends where a page ends: a multiple of 64 bytes is aligned to 64.
    : shape_(shape), memory_(crypto::SecretBytes::Zero(Aligned(shape.plain_bytes()))) {}

absl::StatusOr<std::unique_ptr<SegmentDesk>> SegmentDesk::Create(
    const SegmentShape& shape, SegmentSealer::Cipher cipher,
    std::span<const std::uint8_t, SegmentSealer::kKeyBytes> key) {
  absl::StatusOr<std::unique_ptr<SegmentSealer>> sealer = SegmentSealer::Create(cipher, key);
  if (!sealer.ok()) return sealer.status();
  auto desk = std::unique_ptr<SegmentDesk>(new SegmentDesk(shape));
  desk->sealer_ = *std::move(sealer);
  return desk;
}

absl::Status SegmentDesk::Open(Segment& segment) {
  const std::shared_lock<std::shared_mutex> lock(segment.mutex);
  return OpenLocked(segment);
}

absl::Status SegmentDesk::OpenLocked(const Segment& segment) {
  const std::span<std::uint8_t> sealed =
      segment.sealed.bytes().first(shape_.plain_bytes() + SegmentSealer::kTagBytes);
  if (!sealer_->Open(segment.counter, Owner(segment.number), sealed, plain())) {
    return absl::DataLossError("gallery: a segment does not authenticate");
  }
  return absl::OkStatus();
}

absl::Status SegmentDesk::SealLocked(std::uint64_t counter, Segment& segment) {
  segment.counter = counter;
  const std::span<std::uint8_t> sealed =
      segment.sealed.bytes().first(shape_.plain_bytes() + SegmentSealer::kTagBytes);
  if (!sealer_->Seal(counter, Owner(segment.number), plain(), sealed)) {
    return absl::InternalError("gallery: a segment cannot be sealed");
  }
  return absl::OkStatus();
}

void SegmentDesk::Wipe() { sodium_memzero(memory_.ExposeMutable().data(), memory_.size()); }

TemplateDesk::TemplateDesk(const SegmentShape& shape)
    : shape_(shape),
      probe_at_(Aligned(shape.card_bytes())),
      floats_at_(probe_at_ + Aligned(shape.dimension)),
      sketches_at_(floats_at_ + Aligned(shape.dimension * sizeof(float))),
      factors_at_(sketches_at_ + Gallery::kMaxRowsPerAdd * shape.words * sizeof(std::uint64_t)),
      memory_(crypto::SecretBytes::Zero(
          Aligned(factors_at_ + Gallery::kMaxRowsPerAdd * sizeof(SketchFactors)))) {}

absl::StatusOr<std::unique_ptr<TemplateDesk>> TemplateDesk::Create(
    const SegmentShape& shape, SegmentSealer::Cipher cipher,
    std::span<const std::uint8_t, SegmentSealer::kKeyBytes> key) {
  absl::StatusOr<std::unique_ptr<SegmentSealer>> sealer = SegmentSealer::Create(cipher, key);
  if (!sealer.ok()) return sealer.status();
  auto desk = std::unique_ptr<TemplateDesk>(new TemplateDesk(shape));
  desk->sealer_ = *std::move(sealer);
  return desk;
}

Card TemplateDesk::Make(std::span<const float> values, const Row& row) {
  std::uint8_t* const bytes = card().data();
  const std::span<std::int8_t> quantised(
      reinterpret_cast<std::int8_t*>(bytes + SegmentShape::kCardHeadBytes), shape_.dimension);
  const Quantised head = Quantise(values, quantised);
  std::memcpy(bytes, &head.scale, 4);
  std::memcpy(bytes + 4, &head.squares, 4);
  std::memcpy(bytes + 8, row.record_id.data(), 16);
  std::memcpy(bytes + 24, row.subject_id.data(), 16);
  return Read();
}

Card TemplateDesk::Read() {
  const std::uint8_t* const bytes = card().data();
  Card read;
  std::memcpy(&read.head.scale, bytes, 4);
  std::memcpy(&read.head.squares, bytes + 4, 4);
  std::memcpy(read.record_id.data(), bytes + 8, 16);
  std::memcpy(read.subject_id.data(), bytes + 24, 16);
  read.values = {reinterpret_cast<const std::int8_t*>(bytes + SegmentShape::kCardHeadBytes),
                 shape_.dimension};
  return read;
}

bool TemplateDesk::Seal(const CardTag& tag, std::span<std::uint8_t> sealed) {
  return sealer_->Seal(tag.counter, Owner(tag.slot), card(), sealed);
}

bool TemplateDesk::Open(const CardTag& tag, std::span<const std::uint8_t> sealed, Card& opened) {
  if (!sealer_->Open(tag.counter, Owner(tag.slot), sealed, card())) return false;
  opened = Read();
  return true;
}

std::span<float> TemplateDesk::floats() {
  return {reinterpret_cast<float*>(memory_.ExposeMutable().data() + floats_at_), shape_.dimension};
}

std::span<std::int8_t> TemplateDesk::probe() {
  return {reinterpret_cast<std::int8_t*>(memory_.ExposeMutable().data() + probe_at_),
          shape_.dimension};
}

std::span<std::uint64_t> TemplateDesk::sketch(std::size_t row) {
  auto* const first =
      reinterpret_cast<std::uint64_t*>(memory_.ExposeMutable().data() + sketches_at_);
  return {first + row * shape_.words, shape_.words};
}

SketchFactors& TemplateDesk::factors(std::size_t row) {
  return reinterpret_cast<SketchFactors*>(memory_.ExposeMutable().data() + factors_at_)[row];
}

void TemplateDesk::Wipe() { sodium_memzero(memory_.ExposeMutable().data(), memory_.size()); }

}  // namespace kluis::matching
