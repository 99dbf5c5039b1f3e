// SPDX-License-Identifier: Apache-2.0
#include "matching/slot_index.h"

#include <bit>

namespace kluis::matching {
namespace {

constexpr std::size_t kSpare = 16;  // places that a range grows by, and shrinks from twice of

}  // namespace

std::size_t SlotIndex::Range::Rank(std::uint32_t bit) const {
  std::size_t rank = 0;
  for (std::size_t word = 0; word < bit / 64; ++word) {
    rank += static_cast<std::size_t>(std::popcount(present[word]));
  }
  const std::uint64_t below = (std::uint64_t{1} << bit % 64) - 1;
  return rank + static_cast<std::size_t>(std::popcount(present[bit / 64] & below));
}

std::uint32_t* SlotIndex::PlaceOf(std::uint32_t slot) const {
  const auto found = ranges_.find(slot / kRangeSlots);
  const std::uint32_t bit = slot % kRangeSlots;
  if (found == ranges_.end() || !found->second->Has(bit)) return nullptr;
  return &found->second->places[found->second->Rank(bit)];
}

std::optional<std::uint32_t> SlotIndex::Find(std::uint32_t slot) const {
  const std::uint32_t* const place = PlaceOf(slot);
  if (place == nullptr) return std::nullopt;
  return *place;
}

void SlotIndex::Move(std::uint32_t slot, std::uint32_t place) {
  std::uint32_t* const found = PlaceOf(slot);
  if (found != nullptr) *found = place;
}

bool SlotIndex::Insert(std::uint32_t slot, std::uint32_t place) {
  std::unique_ptr<Range>& range = ranges_[slot / kRangeSlots];
  if (range == nullptr) range = std::make_unique<Range>();
  const std::uint32_t bit = slot % kRangeSlots;
  if (range->Has(bit)) return false;
  std::vector<std::uint32_t>& places = range->places;
  if (places.size() == places.capacity()) places.reserve(places.size() + kSpare);
  places.insert(places.begin() + static_cast<std::ptrdiff_t>(range->Rank(bit)), place);
  range->present[bit / 64] |= std::uint64_t{1} << bit % 64;
  ++size_;
  return true;
}

bool SlotIndex::Erase(std::uint32_t slot) {
  const auto found = ranges_.find(slot / kRangeSlots);
  const std::uint32_t bit = slot % kRangeSlots;
  if (found == ranges_.end() || !found->second->Has(bit)) return false;
  Range& range = *found->second;
  range.places.erase(range.places.begin() + static_cast<std::ptrdiff_t>(range.Rank(bit)));
  range.present[bit / 64] &= ~(std::uint64_t{1} << bit % 64);
  --size_;
  if (range.places.empty()) {
    ranges_.erase(found);
    if (ranges_.empty()) ranges_ = {};  // and its table
  } else if (range.places.capacity() > range.places.size() + 2 * kSpare) {
    range.places.shrink_to_fit();
  }
  return true;
}

std::size_t SlotIndex::bytes() const {
  std::size_t bytes = ranges_.capacity() * (sizeof(*ranges_.begin()) + 1);
  for (const auto& [number, range] : ranges_) {
    bytes += sizeof(Range) + range->places.capacity() * sizeof(range->places[0]);
  }
  return bytes;
}

}  // namespace kluis::matching
