// SPDX-License-Identifier: Apache-2.0
#include "audit/proofs.h"

#include <bit>

namespace kluis::audit {
namespace {

// A range of leaves whose root goes into a proof.
struct Range {
  uint64_t begin;
  uint64_t end;
};

// The leaves of the left child of a subtree of `leaves` > 1: the largest power of two below it.
uint64_t Split(uint64_t leaves) { return std::bit_floor(leaves - 1); }

// The siblings were collected from the root downwards; a proof lists them upwards.
absl::StatusOr<std::vector<Hash>> RootsUpwards(std::span<const Range> ranges,
                                               const NodeReader& read) {
  std::vector<Hash> proof;
  for (size_t i = ranges.size(); i > 0; --i) {
    const absl::StatusOr<Hash> root = RangeRoot(ranges[i - 1].begin, ranges[i - 1].end, read);
    if (!root.ok()) return root.status();
    proof.push_back(*root);
  }
  return proof;
}

// Descends from [0, size) towards leaf `at` until `stop` holds of the subtree, which goes to
// `reached`. Returns the siblings on the way, from the root downwards.
template <typename Stop>
std::vector<Range> Siblings(uint64_t at, uint64_t size, Stop stop, Range* reached) {
  std::vector<Range> siblings;
  uint64_t begin = 0;
  uint64_t end = size;
  while (!stop(begin, end)) {
    const uint64_t middle = begin + Split(end - begin);
    if (at < middle) {
      siblings.push_back({middle, end});
      end = middle;
    } else {
      siblings.push_back({begin, middle});
      begin = middle;
    }
  }
  *reached = {begin, end};
  return siblings;
}

}  // namespace

size_t InclusionProofLength(uint64_t index, uint64_t size) {
  const auto inner = static_cast<size_t>(std::bit_width(index ^ (size - 1)));
  const uint64_t above = inner == 64 ? 0 : index >> inner;
  return inner + static_cast<size_t>(std::popcount(above));
}

absl::StatusOr<std::vector<Hash>> ProveInclusion(uint64_t index, uint64_t size,
                                                 const NodeReader& read) {
  if (index >= size) return absl::InvalidArgumentError("index: not below the tree size");
  Range leaf{};
  const auto is_leaf = [](uint64_t begin, uint64_t end) { return end - begin == 1; };
  return RootsUpwards(Siblings(index, size, is_leaf, &leaf), read);
}

absl::StatusOr<std::vector<Hash>> ProveConsistency(uint64_t old_size, uint64_t new_size,
                                                   const NodeReader& read) {
  if (old_size > new_size) return absl::InvalidArgumentError("old size: above the new size");
  if (old_size == 0 || old_size == new_size) return std::vector<Hash>();
  Range shared{};
  const auto ends_at_old = [old_size](uint64_t, uint64_t end) { return end == old_size; };
  std::vector<Range> ranges = Siblings(old_size - 1, new_size, ends_at_old, &shared);
  // The verifier knows the shared subtree only when it is the whole old tree.
  if (shared.begin != 0) ranges.push_back(shared);
  return RootsUpwards(ranges, read);
}

absl::Status VerifyInclusion(const Hash& leaf_hash, uint64_t index, uint64_t size,
                             std::span<const Hash> proof, const Hash& root) {
  if (index >= size) return absl::InvalidArgumentError("index: not below the tree size");
  if (proof.size() != InclusionProofLength(index, size)) {
    return absl::InvalidArgumentError("inclusion proof: wrong length");
  }
  uint64_t fn = index;
  uint64_t sn = size - 1;
  Hash r = leaf_hash;
  for (const Hash& p : proof) {
    if (sn == 0) return absl::InvalidArgumentError("inclusion proof: too long");
    if ((fn & 1) != 0 || fn == sn) {
      r = NodeHash(p, r);
      while ((fn & 1) == 0 && fn != 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      r = NodeHash(r, p);
    }
    fn >>= 1;
    sn >>= 1;
  }
  if (sn != 0) return absl::InvalidArgumentError("inclusion proof: too short");
  if (r != root) return absl::DataLossError("inclusion proof: leads to another root");
  return absl::OkStatus();
}

absl::Status VerifyConsistency(uint64_t old_size, const Hash& old_root, uint64_t new_size,
                               const Hash& new_root, std::span<const Hash> proof) {
  if (old_size > new_size) return absl::InvalidArgumentError("old size: above the new size");
  if (old_size == 0 || old_size == new_size) {
    if (!proof.empty()) return absl::InvalidArgumentError("consistency proof: must be empty");
    if (old_size == new_size && old_root != new_root) {
      return absl::DataLossError("consistency: two roots for one size");
    }
    if (old_size == 0 && old_root != EmptyRoot()) {
      return absl::DataLossError("consistency: the old root is not the empty root");
    }
    return absl::OkStatus();
  }
  if (proof.empty()) return absl::InvalidArgumentError("consistency proof: too short");
  const bool old_is_perfect = std::has_single_bit(old_size);
  uint64_t fn = old_size - 1;
  uint64_t sn = new_size - 1;
  const int shared_levels = std::countr_one(fn);  // below 64: fn < sn
  fn >>= shared_levels;
  sn >>= shared_levels;
  Hash fr = old_is_perfect ? old_root : proof.front();
  Hash sr = fr;
  for (const Hash& c : proof.subspan(old_is_perfect ? 0 : 1)) {
    if (sn == 0) return absl::InvalidArgumentError("consistency proof: too long");
    if ((fn & 1) != 0 || fn == sn) {
      fr = NodeHash(c, fr);
      sr = NodeHash(c, sr);
      while ((fn & 1) == 0 && fn != 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      sr = NodeHash(sr, c);
    }
    fn >>= 1;
    sn >>= 1;
  }
  if (sn != 0) return absl::InvalidArgumentError("consistency proof: too short");
  if (fr != old_root) return absl::DataLossError("consistency proof: leads to another old root");
  if (sr != new_root) return absl::DataLossError("consistency proof: leads to another new root");
  return absl::OkStatus();
}

}  // namespace kluis::audit
