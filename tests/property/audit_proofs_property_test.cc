// SPDX-License-Identifier: Apache-2.0
// Proofs of trees of every size up to 600, made from stored nodes and verified against roots that
// the recursive definition gives. The seed is printed; KLUIS_SEED sets it.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "audit/proofs.h"

namespace kluis::audit::proofs_property_test {
namespace {

constexpr uint64_t kMaxSize = 600;

uint64_t Seed() {
  const char* text = std::getenv("KLUIS_SEED");
  const uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device()();
  std::printf("KLUIS_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

class ProofsProperty : public testing::Test {
 protected:
  ProofsProperty() : random_(Seed()) {
    MerkleFrontier frontier;
    roots_.push_back(frontier.Root());
    for (uint64_t i = 0; i < kMaxSize; ++i) {
      leaves_.push_back(LeafHash(std::to_string(random_())));
      for (const Node& node : frontier.Append(leaves_.back())) {
        nodes_[{node.level, node.index}] = node.hash;
      }
      roots_.push_back(RootOf(leaves_));
      EXPECT_EQ(frontier.Root(), roots_.back()) << frontier.size();
    }
  }

  // Answers only for nodes that are complete at `size`, as a log of that size would.
  NodeReader ReaderAt(uint64_t size) const {
    return [this, size](uint32_t level, uint64_t index) -> absl::StatusOr<Hash> {
      const auto found = nodes_.find({level, index});
      if (found == nodes_.end() || (index + 1) << level > size) return absl::NotFoundError("node");
      return found->second;
    };
  }

  uint64_t Below(uint64_t bound) { return random_() % bound; }

  void CheckInclusion(uint64_t index, uint64_t size) {
    const auto proof = ProveInclusion(index, size, ReaderAt(size));
    ASSERT_TRUE(proof.ok()) << index << " of " << size;
    ASSERT_TRUE(VerifyInclusion(leaves_[index], index, size, *proof, roots_[size]).ok())
        << index << " of " << size;
    ASSERT_EQ(proof->size(), InclusionProofLength(index, size));
  }

  void CheckConsistency(uint64_t old_size, uint64_t new_size) {
    const auto proof = ProveConsistency(old_size, new_size, ReaderAt(new_size));
    ASSERT_TRUE(proof.ok()) << old_size << " to " << new_size;
    ASSERT_TRUE(
        VerifyConsistency(old_size, roots_[old_size], new_size, roots_[new_size], *proof).ok())
        << old_size << " to " << new_size;
  }

  std::mt19937_64 random_;
  std::vector<Hash> leaves_;
  std::vector<Hash> roots_;  // by size
  std::map<std::pair<uint32_t, uint64_t>, Hash> nodes_;
};

TEST_F(ProofsProperty, EveryLeafIsProvenInEveryTree) {
  for (uint64_t size = 1; size <= kMaxSize; ++size) {
    for (uint64_t index = 0; index < size; ++index) CheckInclusion(index, size);
  }
}

TEST_F(ProofsProperty, EveryPairOfTreesIsConsistent) {
  for (uint64_t size = 0; size <= kMaxSize; ++size) {
    for (uint64_t old_size = 0; old_size <= size; ++old_size) CheckConsistency(old_size, size);
  }
}

TEST_F(ProofsProperty, NoProofSurvivesAFlippedBitOrAnotherLength) {
  for (int i = 0; i < 2000; ++i) {
    const uint64_t size = 2 + Below(kMaxSize - 1);
    const uint64_t index = Below(size);
    const uint64_t old_size = 1 + Below(size - 1);
    std::vector<Hash> inclusion = *ProveInclusion(index, size, ReaderAt(size));
    std::vector<Hash> consistency = *ProveConsistency(old_size, size, ReaderAt(size));
    const auto verify = [&] {
      const bool included =
          VerifyInclusion(leaves_[index], index, size, inclusion, roots_[size]).ok();
      const bool consistent =
          VerifyConsistency(old_size, roots_[old_size], size, roots_[size], consistency).ok();
      return std::pair(included, consistent);
    };
    ASSERT_EQ(verify(), std::pair(true, true));
    const uint8_t mask = static_cast<uint8_t>(1U << Below(8));
    uint8_t& a = inclusion[Below(inclusion.size())][Below(32)];
    uint8_t& b = consistency[Below(consistency.size())][Below(32)];
    a ^= mask, b ^= mask;
    ASSERT_EQ(verify(), std::pair(false, false)) << index << " " << old_size << " " << size;
    a ^= mask, b ^= mask;
    inclusion.push_back(inclusion.front());
    consistency.push_back(consistency.front());
    ASSERT_EQ(verify(), std::pair(false, false)) << index << " " << old_size << " " << size;
    inclusion.resize(Below(inclusion.size() - 1));
    consistency.resize(Below(consistency.size() - 1));
    ASSERT_EQ(verify(), std::pair(false, false)) << index << " " << old_size << " " << size;
  }
}

TEST_F(ProofsProperty, NoTreeIsConsistentWithARewrittenPast) {
  for (int i = 0; i < 300; ++i) {
    const uint64_t size = 2 + Below(kMaxSize - 1);
    const uint64_t old_size = 1 + Below(size - 1);
    std::vector<Hash> past(leaves_.begin(), leaves_.begin() + static_cast<ptrdiff_t>(old_size));
    past[Below(old_size)] = LeafHash("rewritten");
    const auto proof = *ProveConsistency(old_size, size, ReaderAt(size));
    EXPECT_EQ(VerifyConsistency(old_size, RootOf(past), size, roots_[size], proof).code(),
              absl::StatusCode::kDataLoss);
  }
}

}  // namespace
}  // namespace kluis::audit::proofs_property_test
