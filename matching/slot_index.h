// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_SLOT_INDEX_H_
#define KLUIS_MATCHING_SLOT_INDEX_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace kluis::matching {

// Where in a gallery the row of a slot is: for each range of 1,024 slots one bit a slot, and the
// places of those that are there, in order. 4.4 bytes a row when every second slot is there, 6.9
// for every sixteenth, in whatever order they come. Not thread-safe.
class SlotIndex {
 public:
  // False, and nothing changed: the slot is there already.
  bool Insert(std::uint32_t slot, std::uint32_t place);

  std::optional<std::uint32_t> Find(std::uint32_t slot) const;

  // The slot must be there.
  void Move(std::uint32_t slot, std::uint32_t place);

  // False: no such slot.
  bool Erase(std::uint32_t slot);

  std::size_t size() const { return size_; }
  std::size_t bytes() const;

 private:
  static constexpr std::uint32_t kRangeSlots = 1024;

  struct Range {
    bool Has(std::uint32_t bit) const { return (present[bit / 64] >> bit % 64 & 1) != 0; }
    std::size_t Rank(std::uint32_t bit) const;  // how many are there below it

    std::array<std::uint64_t, kRangeSlots / 64> present = {};
    std::vector<std::uint32_t> places;
  };

  std::uint32_t* PlaceOf(std::uint32_t slot) const;  // nullptr: not there

  absl::flat_hash_map<std::uint32_t, std::unique_ptr<Range>> ranges_;  // none empty
  std::size_t size_ = 0;
};

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_SLOT_INDEX_H_
