#include "matching/slot_index.h"

#include <algorithm>
#include <utility>

namespace kluis::matching {
namespace {

// The first of `count` ascending numbers that is not below `wanted`. Slots of people lie nearly
// evenly, so the search begins where an even spread would have it and widens from there: a few
// neighbours are read, where halving would read all over the memory.
std::size_t FirstNotBelow(std::size_t count, std::uint64_t wanted, const auto& at) {
  if (count == 0 || wanted <= at(0)) return 0;
  const std::uint64_t first = at(0);
  const std::uint64_t last = at(count - 1);
  if (wanted > last) return count;
  std::size_t low = static_cast<std::size_t>((wanted - first) * (count - 1) / (last - first));
  std::size_t high = low;  // the answer is above `low` or there, and at most `high`, in the end
  for (std::size_t step = 4; low > 0 && at(low) >= wanted; step *= 2) {
    high = low;
    low -= std::min(low, step);
  }
  for (std::size_t step = 4; at(high) < wanted; step *= 2) {
    low = high;
    high = std::min(high + step, count - 1);
  }
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (at(middle) < wanted) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// The first entry of the block that is not below `slot`.
auto* LowerBound(auto& block, std::uint32_t slot) {
  return block.begin() +
         FirstNotBelow(block.count, slot, [&](std::size_t i) { return block.entries[i].slot; });
}

}  // namespace

std::size_t SlotIndex::BlockOf(std::uint32_t slot) const {
  const std::size_t after = FirstNotBelow(firsts_.size(), std::uint64_t{slot} + 1,
                                          [this](std::size_t i) { return firsts_[i]; });
  return after == 0 ? 0 : after - 1;
}

SlotIndex::Entry* SlotIndex::EntryOf(std::uint32_t slot) const {
  if (blocks_.empty()) return nullptr;
  Block& block = *blocks_[BlockOf(slot)];
  Entry* const found = LowerBound(block, slot);
  return found != block.end() && found->slot == slot ? found : nullptr;
}

std::optional<std::uint32_t> SlotIndex::Find(std::uint32_t slot) const {
  const Entry* const entry = EntryOf(slot);
  if (entry == nullptr) return std::nullopt;
  return entry->place;
}

void SlotIndex::Move(std::uint32_t slot, std::uint32_t place) {
  Entry* const entry = EntryOf(slot);
  if (entry != nullptr) entry->place = place;
}

bool SlotIndex::Insert(std::uint32_t slot, std::uint32_t place) {
  if (blocks_.empty()) {
    blocks_.push_back(std::make_unique<Block>());
    firsts_.push_back(slot);
  }
  std::size_t number = BlockOf(slot);
  Entry* at = LowerBound(*blocks_[number], slot);
  if (at != blocks_[number]->end() && at->slot == slot) return false;
  if (blocks_[number]->count == kBlockEntries) {
    // Slots in order leave full blocks behind; others split theirs.
    const bool in_order =
        number + 1 == blocks_.size() && slot > blocks_[number]->entries[kBlockEntries - 1].slot;
    auto next = std::make_unique<Block>();
    if (!in_order) {
      Block& full = *blocks_[number];
      const std::size_t kept = kBlockEntries / 2;
      std::copy(full.begin() + kept, full.end(), next->begin());
      next->count = kBlockEntries - kept;
      full.count = kept;
    }
    const bool in_next = in_order || slot > next->entries[0].slot;
    firsts_.insert(firsts_.begin() + static_cast<std::ptrdiff_t>(number) + 1,
                   in_order ? slot : next->entries[0].slot);
    blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(number) + 1, std::move(next));
    if (in_next) ++number;
    at = LowerBound(*blocks_[number], slot);
  }
  Block& block = *blocks_[number];
  std::copy_backward(at, block.end(), block.end() + 1);
  *at = {slot, place};
  ++block.count;
  firsts_[number] = block.entries[0].slot;
  ++size_;
  return true;
}

bool SlotIndex::Erase(std::uint32_t slot) {
  Entry* const entry = EntryOf(slot);
  if (entry == nullptr) return false;
  const std::size_t number = BlockOf(slot);
  Block& block = *blocks_[number];
  std::copy(entry + 1, block.end(), entry);
  --block.count;
  --size_;
  if (block.count == 0) {
    Drop(number);
    return true;
  }
  firsts_[number] = block.entries[0].slot;
  if (number + 1 < blocks_.size()) JoinWithNext(number);
  return true;
}

void SlotIndex::JoinWithNext(std::size_t number) {
  Block& block = *blocks_[number];
  Block& next = *blocks_[number + 1];
  if (block.count + next.count > kBlockEntries / 2) return;
  std::copy(next.begin(), next.end(), block.end());
  block.count += next.count;
  Drop(number + 1);
}

void SlotIndex::Drop(std::size_t number) {
  blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(number));
  firsts_.erase(firsts_.begin() + static_cast<std::ptrdiff_t>(number));
}

std::size_t SlotIndex::bytes() const {
  return blocks_.size() * sizeof(Block) + blocks_.capacity() * sizeof(blocks_[0]) +
         firsts_.capacity() * sizeof(firsts_[0]);
}

}  // namespace kluis::matching
