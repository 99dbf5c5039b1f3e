#ifndef KLUIS_MATCHING_SLOT_INDEX_H_
#define KLUIS_MATCHING_SLOT_INDEX_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace kluis::matching {

// Where in a gallery the row of a slot is: a sorted map of u32 to u32 in blocks of 4 KiB, 8 bytes a
// row when slots come in order, as they do when a gallery is loaded (a hash table takes 10 to 20).
// Not thread-safe.
class SlotIndex {
 public:
  // False, and nothing changed: the slot is there already.
  bool Insert(std::uint32_t slot, std::uint32_t place);

  std::optional<std::uint32_t> Find(std::uint32_t slot) const;

  // The slot must be there.
  void Move(std::uint32_t slot, std::uint32_t place);

  // False: no such slot. Neighbouring blocks that have become small are joined.
  bool Erase(std::uint32_t slot);

  std::size_t size() const { return size_; }
  std::size_t bytes() const;

 private:
  struct Entry {
    std::uint32_t slot;
    std::uint32_t place;
  };
  static constexpr std::size_t kBlockEntries = 511;
  struct Block {
    std::size_t count = 0;
    std::array<Entry, kBlockEntries> entries;
    Entry* begin() { return entries.data(); }
    Entry* end() { return entries.data() + count; }
  };
  static_assert(sizeof(Block) == 4096);

  // The block that holds `slot` or would: the last that starts at or below it, else the first.
  std::size_t BlockOf(std::uint32_t slot) const;
  Entry* EntryOf(std::uint32_t slot) const;  // nullptr: not there
  void JoinWithNext(std::size_t block);
  void Drop(std::size_t block);

  std::vector<std::unique_ptr<Block>> blocks_;  // in order, none empty
  std::vector<std::uint32_t> firsts_;  // the first slot of each, to be searched in one place
  std::size_t size_ = 0;
};

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_SLOT_INDEX_H_
