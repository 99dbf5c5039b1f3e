#include "matching/slot_index.h"

#include <algorithm>
#include <utility>

namespace kluis::matching {

std::size_t SlotIndex::BlockOf(std::uint32_t slot) const {
  const auto after = std::upper_bound(
      blocks_.begin(), blocks_.end(), slot,
      [](std::uint32_t wanted, const auto& block) { return wanted < block->entries[0].slot; });
  return after == blocks_.begin() ? 0 : static_cast<std::size_t>(after - blocks_.begin()) - 1;
}

SlotIndex::Entry* SlotIndex::EntryOf(std::uint32_t slot) const {
  if (blocks_.empty()) return nullptr;
  Block& block = *blocks_[BlockOf(slot)];
  Entry* const found = std::lower_bound(
      block.begin(), block.end(), slot,
      [](const Entry& entry, std::uint32_t wanted) { return entry.slot < wanted; });
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
  if (EntryOf(slot) != nullptr) return false;
  if (blocks_.empty()) blocks_.push_back(std::make_unique<Block>());
  std::size_t number = BlockOf(slot);
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
    blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(number) + 1, std::move(next));
    if (in_next) ++number;
  }
  Block& block = *blocks_[number];
  Entry* const at = std::lower_bound(
      block.begin(), block.end(), slot,
      [](const Entry& entry, std::uint32_t wanted) { return entry.slot < wanted; });
  std::copy_backward(at, block.end(), block.end() + 1);
  *at = {slot, place};
  ++block.count;
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
    blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(number));
  } else if (number + 1 < blocks_.size()) {
    JoinWithNext(number);
  }
  return true;
}

void SlotIndex::JoinWithNext(std::size_t number) {
  Block& block = *blocks_[number];
  Block& next = *blocks_[number + 1];
  if (block.count + next.count > kBlockEntries / 2) return;
  std::copy(next.begin(), next.end(), block.end());
  block.count += next.count;
  blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(number) + 1);
}

std::size_t SlotIndex::bytes() const {
  return blocks_.size() * sizeof(Block) + blocks_.capacity() * sizeof(blocks_[0]);
}

}  // namespace kluis::matching
