// SPDX-License-Identifier: Apache-2.0
#include "crypto/slot_keys.h"

#include <sodium.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace kluis::crypto {
namespace {

constexpr char kBranches[2] = {0, 1};

}  // namespace

SlotKeys::SlotKeys(size_t capacity)
    : capacity_(capacity), memory_(SecretBytes::Zero(capacity * 3 * kKeyBytes)) {}

uint8_t* SlotKeys::SeedAt(size_t half, size_t i) {
  return memory_.ExposeMutable().data() + ((half + 1) * capacity_ + i) * kKeyBytes;
}

void SlotKeys::Wipe() {
  sodium_memzero(memory_.ExposeMutable().data(), memory_.size());
  has_.clear();
}

void SlotKeys::Derive(const SegmentedCover& cover, std::span<const uint32_t> slots) {
  if (slots.size() > capacity_) std::abort();  // the seeds would end up beyond the memory
  Wipe();
  has_.assign(slots.size(), false);
  order_.clear();
  for (uint32_t i = 0; i < slots.size(); ++i) order_.push_back({slots[i], i});
  std::sort(order_.begin(), order_.end(),
            [](const Asked& a, const Asked& b) { return a.slot < b.slot; });
  FindStarts(cover);

  subtrees_.clear();
  auto start = starts_.begin();
  for (int depth = 0; depth <= kSlotBits; ++depth) {
    for (; start != starts_.end() && start->node->depth == depth; ++start) {
      std::memcpy(SeedAt(half_, subtrees_.size()), start->node->seed.data(), kKeyBytes);
      subtrees_.push_back(start->below);
    }
    if (depth < kSlotBits) Descend(depth);
  }
  for (size_t i = 0; i < subtrees_.size(); ++i) {
    for (uint32_t at = subtrees_[i].begin; at < subtrees_[i].end; ++at) {
      std::memcpy(ExposeMutable(order_[at].index).data(), SeedAt(half_, i), kKeyBytes);
      has_[order_[at].index] = true;
    }
  }
  const size_t seeds = 2 * capacity_ * kKeyBytes;
  sodium_memzero(SeedAt(0, 0), seeds);
}

// Slots that no node covers are punctured and begin nowhere.
void SlotKeys::FindStarts(const SegmentedCover& cover) {
  starts_.clear();
  const CoverNode* node = nullptr;
  for (uint32_t at = 0; at < order_.size(); ++at) {
    const uint32_t slot = order_[at].slot;
    if (node != nullptr && node->Covers(slot)) {
      ++starts_.back().below.end;
      continue;
    }
    node = cover.Find(slot);
    if (node != nullptr) starts_.push_back({node, {at, at + 1}});
  }
  std::stable_sort(starts_.begin(), starts_.end(),
                   [](const Start& a, const Start& b) { return a.node->depth < b.node->depth; });
}

void SlotKeys::Descend(int depth) {
  children_.clear();
  jobs_.clear();
  for (size_t i = 0; i < subtrees_.size(); ++i) {
    const Subtree& all = subtrees_[i];
    const auto first = order_.begin() + all.begin;
    const auto right = std::partition_point(
        first, order_.begin() + all.end,
        [depth](const Asked& asked) { return BranchOf(asked.slot, depth) == 0; });
    const uint32_t middle = all.begin + static_cast<uint32_t>(right - first);
    for (const Subtree& child : {Subtree{all.begin, middle}, Subtree{middle, all.end}}) {
      if (child.begin == child.end) continue;
      const size_t bit = child.begin == middle ? 1 : 0;
      jobs_.push_back(
          {SeedAt(half_, i), {&kBranches[bit], 1}, SeedAt(1 - half_, children_.size())});
      children_.push_back(child);
    }
  }
  KeyedBlake2bEach(kChildLabel, jobs_);
  subtrees_.swap(children_);
  half_ = 1 - half_;
}

}  // namespace kluis::crypto
