// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "audit/log/tile_edge.h"

namespace kluis::audit::tile_edge_test {
namespace {

std::vector<Hash> Leaves(uint64_t count) {
  std::vector<Hash> leaves;
  for (uint64_t i = 0; i < count; ++i) leaves.push_back(LeafHash(std::to_string(i)));
  return leaves;
}

TEST(TileEdge, HasTheRootOfTheDefinitionAtEverySmallSize) {
  const std::vector<Hash> leaves = Leaves(600);
  TileEdge edge;
  EXPECT_EQ(edge.Root(), EmptyRoot());
  for (size_t size = 1; size <= leaves.size(); ++size) {
    edge.AppendLeaf(leaves[size - 1]);
    ASSERT_EQ(edge.size(), size);
    ASSERT_EQ(edge.Root(), RootOf(std::span(leaves).first(size))) << size;
  }
}

TEST(TileEdge, HasTheSameRootAsTheFrontierAcrossThreeLevels) {
  TileEdge edge;
  MerkleFrontier frontier;
  for (uint64_t i = 0; i < 3 * 65536 + 700; ++i) {
    const Hash leaf = LeafHash(std::to_string(i));
    edge.AppendLeaf(leaf);
    frontier.Append(leaf);
    const uint64_t around = edge.size() % 65536;
    if (around > 65530 || around < 5 || around % 9973 == 0) {
      ASSERT_EQ(edge.Root(), frontier.Root()) << edge.size();
    }
  }
  EXPECT_EQ(edge.Root(), frontier.Root());
}

TEST(TileEdge, GivesEachFullTileOnceWithTheHashesBelow) {
  TileEdge edge;
  std::vector<Hash> roots;
  for (uint64_t i = 0; i < 65536; ++i) {
    const auto full = edge.AppendLeaf(LeafHash(std::to_string(i)));
    ASSERT_EQ(full.size(), i + 1 == 65536 ? 2U : i % 256 == 255 ? 1U : 0U) << i;
    if (full.empty()) continue;
    EXPECT_EQ(full[0].tile, (Tile{false, 0, i / 256, kTileWidth}));
    EXPECT_EQ(full[0].hashes.back(), LeafHash(std::to_string(i)));
    roots.push_back(RootOf(full[0].hashes));
    if (full.size() < 2) continue;
    EXPECT_EQ(full[1].tile, (Tile{false, 1, 0, kTileWidth}));
    EXPECT_EQ(full[1].hashes, roots);
  }
  EXPECT_EQ(edge.Partial(2).size(), 1U);
}

TEST(TileEdge, TakesWholeBundlesAndATailBehindThem) {
  const std::vector<Hash> leaves = Leaves(600);
  TileEdge edge;
  for (size_t tail = 0; tail <= kTileWidth; ++tail) {
    ASSERT_EQ(edge.Root(std::span(leaves).first(tail)), RootOf(std::span(leaves).first(tail)));
  }
  EXPECT_TRUE(edge.AppendBundle(RootOf(std::span(leaves).first(256))).empty());
  EXPECT_TRUE(edge.AppendBundle(RootOf(std::span(leaves).subspan(256, 256))).empty());
  for (size_t tail = 0; tail <= 88; ++tail) {
    ASSERT_EQ(edge.Root(std::span(leaves).subspan(512, tail)),
              RootOf(std::span(leaves).first(512 + tail)));
  }
}

TEST(TileEdge, GoesOnFromItsPartialTiles) {
  const std::vector<Hash> leaves = Leaves(600);
  TileEdge edge;
  for (const Hash& leaf : leaves) {
    std::vector<std::vector<Hash>> partial;
    for (uint32_t level = 0; level < kTileLevels; ++level) partial.push_back(edge.Partial(level));
    absl::StatusOr<TileEdge> restored = TileEdge::Restore(edge.size(), std::move(partial));
    ASSERT_TRUE(restored.ok()) << restored.status();
    edge.AppendLeaf(leaf);
    restored->AppendLeaf(leaf);
    ASSERT_EQ(restored->Root(), edge.Root());
  }
}

TEST(TileEdge, RefusesWidthsOfAnotherSize) {
  EXPECT_FALSE(TileEdge::Restore(1, {}).ok());
  EXPECT_FALSE(TileEdge::Restore(256, {Leaves(1)}).ok());
  EXPECT_FALSE(TileEdge::Restore(0, std::vector<std::vector<Hash>>(9)).ok());
  EXPECT_TRUE(TileEdge::Restore(257, {Leaves(1), Leaves(1)}).ok());
}

TEST(NewestTile, IsPartialOrTheLastFullOne) {
  EXPECT_EQ(NewestTile(0, 1), (Tile{false, 0, 0, 1}));
  EXPECT_EQ(NewestTile(0, 256), (Tile{false, 0, 0, 256}));
  EXPECT_EQ(NewestTile(0, 257), (Tile{false, 0, 1, 1}));
  EXPECT_EQ(NewestTile(1, 70000), (Tile{false, 1, 1, 17}));
  EXPECT_EQ(NewestTile(2, 70000), (Tile{false, 2, 0, 1}));
}

}  // namespace
}  // namespace kluis::audit::tile_edge_test
