// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "audit/merkle.h"
#include "base/codec.h"

namespace kluis::audit::merkle_test {
namespace {

std::string Hex(const Hash& hash) { return base::ToHex(crypto::Bytes(hash)); }
std::string Base64(const Hash& hash) { return base::ToBase64(crypto::Bytes(hash)); }

// The eight entries of the RFC 6962 reference implementation.
std::vector<Hash> ReferenceLeaves() {
  std::vector<Hash> leaves;
  for (const char* hex : {"", "00", "10", "2021", "3031", "40414243", "5051525354555657",
                          "606162636465666768696a6b6c6d6e6f"}) {
    leaves.push_back(LeafHash(*base::FromHex(hex)));
  }
  return leaves;
}

// Keeps every node that a frontier completes.
class NodeMap {
 public:
  void Put(const std::vector<Node>& nodes) {
    for (const Node& node : nodes) nodes_[{node.level, node.index}] = node.hash;
  }

  NodeReader Reader() const {
    return [this](uint32_t level, uint64_t index) -> absl::StatusOr<Hash> {
      const auto found = nodes_.find({level, index});
      if (found == nodes_.end()) return absl::NotFoundError("node");
      return found->second;
    };
  }

 private:
  std::map<std::pair<uint32_t, uint64_t>, Hash> nodes_;
};

std::vector<Hash> CountedLeaves(size_t count) {
  std::vector<Hash> leaves;
  for (size_t i = 0; i < count; ++i) leaves.push_back(LeafHash("entry " + std::to_string(i)));
  return leaves;
}

TEST(MerkleHash, MatchesThePublishedHashes) {
  EXPECT_EQ(Hex(EmptyRoot()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Hex(LeafHash("")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  EXPECT_EQ(Hex(LeafHash("L123456")),
            "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56");
}

// The published vector joins two four-byte strings, so it pins the prefix rather than NodeHash's
// width.
TEST(MerkleHash, MatchesThePublishedNodePrefix) {
  EXPECT_EQ(Hex(crypto::Sha256({"\x01", "N123", "N456"})),
            "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb");
  const Hash left = LeafHash("N123");
  const Hash right = LeafHash("N456");
  EXPECT_EQ(NodeHash(left, right),
            crypto::Sha256({"\x01", crypto::Bytes(left), crypto::Bytes(right)}));
  EXPECT_NE(NodeHash(left, right), NodeHash(right, left));
}

TEST(MerkleRoot, MatchesThePublishedEightLeaves) {
  const std::vector<Hash> leaves = ReferenceLeaves();
  const std::span<const Hash> all(leaves);
  EXPECT_EQ(Hex(RootOf(all)), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
  EXPECT_EQ(Hex(RootOf(all.first(7))),
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c");
  EXPECT_EQ(Hex(RootOf(all.first(3))),
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77");
  MerkleFrontier frontier;
  for (const Hash& leaf : leaves) frontier.Append(leaf);
  EXPECT_EQ(frontier.Root(), RootOf(all));
}

TEST(MerkleRoot, MatchesTheGoldenLog) {
  const std::map<uint64_t, std::string> golden = {
      {1, "dziFphNIniTOLPdhmdakI/BC5LvxLX7s7pEu8nbGVwE="},
      {3, "lPvQ3YNvUDAWkubQ6t5yjuGexSv/8WBu2AfIV11aqhk="},
      {256, "2mWW2VNp9f7zIquOTg2jsLUCNqqcijsdJG90Ecni4y4="},
      {257, "XB/f6DU1gCLyOS3keNvgU/wTDP4dOggoeakM9r8Uv34="},
      {1000, "NGxrnLicS3b6ydyyDNqG46AcCldBfBOQKOrNRTj96Vs="}};
  const std::vector<Hash> leaves = CountedLeaves(1000);
  MerkleFrontier frontier;
  size_t compared = 0;
  for (const Hash& leaf : leaves) {
    frontier.Append(leaf);
    const auto expected = golden.find(frontier.size());
    if (expected == golden.end()) continue;
    EXPECT_EQ(Base64(frontier.Root()), expected->second) << frontier.size();
    EXPECT_EQ(Base64(RootOf(std::span(leaves).first(frontier.size()))), expected->second);
    ++compared;
  }
  EXPECT_EQ(compared, golden.size());
}

TEST(MerkleFrontier, StartsAsTheEmptyTree) {
  const MerkleFrontier frontier;
  EXPECT_EQ(frontier.size(), 0U);
  EXPECT_EQ(frontier.Root(), EmptyRoot());
  EXPECT_EQ(RootOf({}), EmptyRoot());
}

TEST(MerkleFrontier, EmitsEveryNodeThatALeafCompletes) {
  const std::vector<Hash> leaves = CountedLeaves(4);
  const std::span<const Hash> all(leaves);
  MerkleFrontier frontier;
  EXPECT_EQ(frontier.Append(leaves[0]), (std::vector<Node>{{0, 0, leaves[0]}}));
  EXPECT_EQ(frontier.Append(leaves[1]),
            (std::vector<Node>{{0, 1, leaves[1]}, {1, 0, RootOf(all.first(2))}}));
  EXPECT_EQ(frontier.Append(leaves[2]), (std::vector<Node>{{0, 2, leaves[2]}}));
  EXPECT_EQ(
      frontier.Append(leaves[3]),
      (std::vector<Node>{{0, 3, leaves[3]}, {1, 1, RootOf(all.subspan(2))}, {2, 0, RootOf(all)}}));
}

TEST(MerkleFrontier, RestoredAtAnySizeGrowsAsIfItHadNeverStopped) {
  const std::vector<Hash> leaves = CountedLeaves(70);
  NodeMap nodes;
  MerkleFrontier whole;
  for (const Hash& leaf : leaves) nodes.Put(whole.Append(leaf));
  for (uint64_t size = 0; size <= leaves.size(); ++size) {
    absl::StatusOr<MerkleFrontier> restored = MerkleFrontier::Restore(size, nodes.Reader());
    ASSERT_TRUE(restored.ok()) << size;
    EXPECT_EQ(restored->size(), size);
    EXPECT_EQ(restored->Root(), RootOf(std::span(leaves).first(size))) << size;
    for (uint64_t i = size; i < leaves.size(); ++i) restored->Append(leaves[i]);
    EXPECT_EQ(restored->Root(), whole.Root()) << size;
  }
}

TEST(MerkleFrontier, RestoreReadsOneNodePerSetBitUpToTheLargestSize) {
  std::vector<std::pair<uint32_t, uint64_t>> asked;
  const NodeReader reader = [&](uint32_t level, uint64_t index) -> absl::StatusOr<Hash> {
    asked.emplace_back(level, index);
    return Hash{};
  };
  ASSERT_TRUE(MerkleFrontier::Restore(0b1011, reader).ok());
  EXPECT_EQ(asked, (std::vector<std::pair<uint32_t, uint64_t>>{{3, 0}, {1, 4}, {0, 10}}));
  asked.clear();
  ASSERT_TRUE(MerkleFrontier::Restore(~uint64_t{0}, reader).ok());
  EXPECT_EQ(asked.size(), 64U);
  EXPECT_EQ(asked.back(), std::pair(0U, ~uint64_t{0} - 1));
}

TEST(MerkleFrontier, RestorePassesAReadErrorOn) {
  const NodeReader broken = [](uint32_t, uint64_t) -> absl::StatusOr<Hash> {
    return absl::UnavailableError("disk");
  };
  EXPECT_EQ(MerkleFrontier::Restore(3, broken).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(MerkleFrontier::Restore(0, broken).ok());
}

TEST(RangeRoot, IsTheRootOfEverySubtreeAndRefusesOtherRanges) {
  const std::vector<Hash> leaves = CountedLeaves(20);
  NodeMap nodes;
  MerkleFrontier frontier;
  for (const Hash& leaf : leaves) nodes.Put(frontier.Append(leaf));
  for (uint64_t begin = 0; begin <= leaves.size(); ++begin) {
    for (uint64_t end = begin; end <= leaves.size(); ++end) {
      uint64_t power = 1;
      while (power < end - begin) power *= 2;
      const absl::StatusOr<Hash> root = RangeRoot(begin, end, nodes.Reader());
      if (begin == end || begin % power == 0) {
        ASSERT_TRUE(root.ok()) << begin << " " << end;
        EXPECT_EQ(*root, RootOf(std::span(leaves).subspan(begin, end - begin)));
      } else {
        EXPECT_EQ(root.status().code(), absl::StatusCode::kInvalidArgument) << begin << " " << end;
      }
    }
  }
  EXPECT_EQ(RangeRoot(2, 1, nodes.Reader()).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace kluis::audit::merkle_test
