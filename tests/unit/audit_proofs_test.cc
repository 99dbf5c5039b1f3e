// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "audit/proofs.h"

namespace kluis::audit::proofs_test {
namespace {

// A tree that answers for its nodes from its leaves, by the recursive definition.
class Tree {
 public:
  explicit Tree(size_t size) {
    for (size_t i = 0; i < size; ++i) leaves_.push_back(LeafHash("entry " + std::to_string(i)));
  }

  const Hash& leaf(uint64_t index) const { return leaves_[index]; }
  Hash Root(uint64_t size) const { return RootOf(std::span(leaves_).first(size)); }
  Hash Root(uint64_t begin, uint64_t end) const {
    return RootOf(std::span(leaves_).subspan(begin, end - begin));
  }

  NodeReader Reader() const {
    return [this](uint32_t level, uint64_t index) -> absl::StatusOr<Hash> {
      const uint64_t begin = index << level;
      const uint64_t end = (index + 1) << level;
      if (end > leaves_.size()) return absl::NotFoundError("node: not complete");
      return Root(begin, end);
    };
  }

 private:
  std::vector<Hash> leaves_;
};

constexpr auto kMalformed = absl::StatusCode::kInvalidArgument;
constexpr auto kFails = absl::StatusCode::kDataLoss;

// The example tree of RFC 6962 s.2.1.3: seven leaves d0..d6, a = d0, ... g = [d0 d1], k = [d0..d3]
// ...
TEST(ProveInclusion, FollowsTheOrderOfTheRfcExample) {
  const Tree tree(7);
  EXPECT_EQ(*ProveInclusion(0, 7, tree.Reader()),
            (std::vector<Hash>{tree.leaf(1), tree.Root(2, 4), tree.Root(4, 7)}));
  EXPECT_EQ(*ProveInclusion(3, 7, tree.Reader()),
            (std::vector<Hash>{tree.leaf(2), tree.Root(0, 2), tree.Root(4, 7)}));
  EXPECT_EQ(*ProveInclusion(4, 7, tree.Reader()),
            (std::vector<Hash>{tree.leaf(5), tree.leaf(6), tree.Root(0, 4)}));
  EXPECT_EQ(*ProveInclusion(6, 7, tree.Reader()),
            (std::vector<Hash>{tree.Root(4, 6), tree.Root(0, 4)}));
}

TEST(ProveConsistency, FollowsTheOrderOfTheRfcExample) {
  const Tree tree(7);
  EXPECT_EQ(*ProveConsistency(3, 7, tree.Reader()),
            (std::vector<Hash>{tree.leaf(2), tree.leaf(3), tree.Root(0, 2), tree.Root(4, 7)}));
  EXPECT_EQ(*ProveConsistency(4, 7, tree.Reader()), (std::vector<Hash>{tree.Root(4, 7)}));
  EXPECT_EQ(*ProveConsistency(6, 7, tree.Reader()),
            (std::vector<Hash>{tree.Root(4, 6), tree.leaf(6), tree.Root(0, 4)}));
}

TEST(ProveInclusion, OfTheOnlyLeafIsEmpty) {
  const Tree tree(1);
  EXPECT_TRUE(ProveInclusion(0, 1, tree.Reader())->empty());
  EXPECT_TRUE(VerifyInclusion(tree.leaf(0), 0, 1, {}, tree.leaf(0)).ok());
}

TEST(InclusionProofLength, MatchesTheFormula) {
  EXPECT_EQ(InclusionProofLength(0, 1), 0U);
  EXPECT_EQ(InclusionProofLength(0, 8), 3U);
  EXPECT_EQ(InclusionProofLength(6, 7), 2U);
  EXPECT_EQ(InclusionProofLength(0, ~uint64_t{0}), 64U);
  EXPECT_EQ(InclusionProofLength(~uint64_t{0} - 1, ~uint64_t{0}), 63U);
}

TEST(Proofs, RefuseAnIndexOrASizeOutsideTheTree) {
  const Tree tree(5);
  const Hash root = tree.Root(5);
  EXPECT_EQ(ProveInclusion(5, 5, tree.Reader()).status().code(), kMalformed);
  EXPECT_EQ(ProveInclusion(0, 0, tree.Reader()).status().code(), kMalformed);
  EXPECT_EQ(ProveConsistency(6, 5, tree.Reader()).status().code(), kMalformed);
  EXPECT_EQ(VerifyInclusion(tree.leaf(0), 5, 5, {}, root).code(), kMalformed);
  EXPECT_EQ(VerifyInclusion(tree.leaf(0), 0, 0, {}, root).code(), kMalformed);
  EXPECT_EQ(VerifyConsistency(6, root, 5, root, {}).code(), kMalformed);
}

TEST(Proofs, PassAReadErrorOn) {
  const NodeReader broken = [](uint32_t, uint64_t) -> absl::StatusOr<Hash> {
    return absl::UnavailableError("disk");
  };
  EXPECT_EQ(ProveInclusion(1, 3, broken).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ProveConsistency(1, 3, broken).status().code(), absl::StatusCode::kUnavailable);
}

TEST(VerifyInclusion, RefusesEveryFlippedBit) {
  const Tree tree(11);
  const Hash root = tree.Root(11);
  for (uint64_t index = 0; index < 11; ++index) {
    std::vector<Hash> proof = *ProveInclusion(index, 11, tree.Reader());
    ASSERT_TRUE(VerifyInclusion(tree.leaf(index), index, 11, proof, root).ok());
    for (Hash& hash : proof) {
      for (size_t bit = 0; bit < 256; ++bit) {
        hash[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
        ASSERT_EQ(VerifyInclusion(tree.leaf(index), index, 11, proof, root).code(), kFails);
        hash[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
      }
    }
  }
}

TEST(VerifyInclusion, RefusesAnotherLeafIndexOrRoot) {
  const Tree tree(8);
  const std::vector<Hash> proof = *ProveInclusion(3, 8, tree.Reader());
  EXPECT_EQ(VerifyInclusion(tree.leaf(2), 3, 8, proof, tree.Root(8)).code(), kFails);
  EXPECT_EQ(VerifyInclusion(tree.leaf(3), 2, 8, proof, tree.Root(8)).code(), kFails);
  EXPECT_EQ(VerifyInclusion(tree.leaf(3), 3, 8, proof, tree.Root(7)).code(), kFails);
}

TEST(VerifyInclusion, RefusesAProofOneHashShorterOrLonger) {
  const Tree tree(11);
  for (uint64_t index = 0; index < 11; ++index) {
    std::vector<Hash> proof = *ProveInclusion(index, 11, tree.Reader());
    const Hash last = proof.back();
    proof.pop_back();
    EXPECT_EQ(VerifyInclusion(tree.leaf(index), index, 11, proof, tree.Root(11)).code(),
              kMalformed);
    proof.push_back(last);
    proof.push_back(last);
    EXPECT_EQ(VerifyInclusion(tree.leaf(index), index, 11, proof, tree.Root(11)).code(),
              kMalformed);
  }
}

TEST(VerifyConsistency, RefusesEveryFlippedBit) {
  const Tree tree(11);
  for (uint64_t old_size = 1; old_size < 11; ++old_size) {
    std::vector<Hash> proof = *ProveConsistency(old_size, 11, tree.Reader());
    const Hash old_root = tree.Root(old_size);
    ASSERT_TRUE(VerifyConsistency(old_size, old_root, 11, tree.Root(11), proof).ok());
    for (Hash& hash : proof) {
      for (size_t bit = 0; bit < 256; ++bit) {
        hash[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
        ASSERT_EQ(VerifyConsistency(old_size, old_root, 11, tree.Root(11), proof).code(), kFails);
        hash[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
      }
    }
  }
}

TEST(VerifyConsistency, RefusesAnotherOldOrNewRoot) {
  const Tree tree(11);
  for (uint64_t old_size = 1; old_size < 11; ++old_size) {
    const std::vector<Hash> proof = *ProveConsistency(old_size, 11, tree.Reader());
    const Hash other = LeafHash("other");
    EXPECT_EQ(VerifyConsistency(old_size, other, 11, tree.Root(11), proof).code(), kFails);
    EXPECT_EQ(VerifyConsistency(old_size, tree.Root(old_size), 11, other, proof).code(), kFails);
  }
}

TEST(VerifyConsistency, RefusesAProofOneHashShorterOrLonger) {
  const Tree tree(11);
  for (uint64_t old_size = 1; old_size < 11; ++old_size) {
    std::vector<Hash> proof = *ProveConsistency(old_size, 11, tree.Reader());
    const Hash old_root = tree.Root(old_size);
    const Hash last = proof.back();
    proof.pop_back();
    EXPECT_EQ(VerifyConsistency(old_size, old_root, 11, tree.Root(11), proof).code(), kMalformed);
    proof.push_back(last);
    proof.push_back(last);
    EXPECT_EQ(VerifyConsistency(old_size, old_root, 11, tree.Root(11), proof).code(), kMalformed);
  }
}

TEST(VerifyConsistency, OfEqualSizesNeedsEqualRootsAndNoHashes) {
  const Tree tree(5);
  const std::vector<Hash> extra = {tree.leaf(0)};
  EXPECT_TRUE(ProveConsistency(5, 5, tree.Reader())->empty());
  EXPECT_TRUE(VerifyConsistency(5, tree.Root(5), 5, tree.Root(5), {}).ok());
  EXPECT_EQ(VerifyConsistency(5, tree.Root(5), 5, tree.Root(4), {}).code(), kFails);
  EXPECT_EQ(VerifyConsistency(5, tree.Root(5), 5, tree.Root(5), extra).code(), kMalformed);
}

TEST(VerifyConsistency, WithTheEmptyTreeNeedsTheEmptyRootAndNoHashes) {
  const Tree tree(5);
  const std::vector<Hash> extra = {tree.leaf(0)};
  EXPECT_TRUE(ProveConsistency(0, 5, tree.Reader())->empty());
  EXPECT_TRUE(VerifyConsistency(0, EmptyRoot(), 5, tree.Root(5), {}).ok());
  EXPECT_TRUE(VerifyConsistency(0, EmptyRoot(), 0, EmptyRoot(), {}).ok());
  EXPECT_EQ(VerifyConsistency(0, tree.Root(1), 5, tree.Root(5), {}).code(), kFails);
  EXPECT_EQ(VerifyConsistency(0, EmptyRoot(), 5, tree.Root(5), extra).code(), kMalformed);
}

TEST(VerifyConsistency, EndsForTheLargestSizes) {
  const std::vector<Hash> proof(70);
  const uint64_t largest = ~uint64_t{0};
  EXPECT_EQ(VerifyConsistency(largest - 1, {}, largest, {}, proof).code(), kMalformed);
  EXPECT_EQ(VerifyConsistency(uint64_t{1} << 63, {}, largest, {}, proof).code(), kMalformed);
  EXPECT_EQ(VerifyInclusion({}, largest - 1, largest, proof, {}).code(), kMalformed);
}

}  // namespace
}  // namespace kluis::audit::proofs_test
