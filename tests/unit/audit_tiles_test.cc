// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "audit/tiles.h"

namespace kluis::audit::tiles_test {
namespace {

constexpr auto kMalformed = absl::StatusCode::kInvalidArgument;

TEST(TileNumber, MatchesThePublishedExample) {
  EXPECT_EQ(TileNumber(1234067), "x001/x234/067");
  EXPECT_EQ(TileNumber(0), "000");
  EXPECT_EQ(TileNumber(999), "999");
  EXPECT_EQ(TileNumber(1000), "x001/000");
  EXPECT_EQ(TileNumber(~uint64_t{0}), "x018/x446/x744/x073/x709/x551/615");
}

TEST(TilePath, NamesFullAndPartialTilesAndBundles) {
  EXPECT_EQ(*TilePath({.level = 0, .index = 1234067}), "tile/0/x001/x234/067");
  EXPECT_EQ(*TilePath({.level = 1, .index = 0, .width = 17}), "tile/1/000.p/17");
  EXPECT_EQ(*TilePath({.entries = true, .index = 1000}), "tile/entries/x001/000");
  EXPECT_EQ(*TilePath({.entries = true, .index = 5, .width = 255}), "tile/entries/005.p/255");
}

TEST(TilePath, RefusesWhatNoTileHas) {
  EXPECT_EQ(TilePath({.level = 64}).status().code(), kMalformed);
  EXPECT_EQ(TilePath({.width = 0}).status().code(), kMalformed);
  EXPECT_EQ(TilePath({.width = 257}).status().code(), kMalformed);
  EXPECT_EQ(TilePath({.entries = true, .level = 1}).status().code(), kMalformed);
}

TEST(ParseTilePath, UndoesTilePath) {
  for (const bool entries : {false, true}) {
    for (const uint32_t level : {0U, 1U, 7U, 63U}) {
      if (entries && level != 0) continue;
      for (const uint64_t index :
           {uint64_t{0}, uint64_t{999}, uint64_t{1000}, uint64_t{1234067}, ~uint64_t{0}}) {
        for (const uint32_t width : {1U, 10U, 255U, 256U}) {
          const Tile tile{entries, level, index, width};
          const absl::StatusOr<Tile> parsed = ParseTilePath(*TilePath(tile));
          ASSERT_TRUE(parsed.ok()) << *TilePath(tile);
          EXPECT_EQ(*parsed, tile);
        }
      }
    }
  }
}

TEST(ParseTilePath, RefusesEveryOtherSpelling) {
  for (const char* path : {"",
                           "tile",
                           "tile/",
                           "tile/0",
                           "tile/0/",
                           "tile/0/0",
                           "tile/0/00",
                           "tile/0/0000",
                           "tile/0/x000/001",
                           "tile/0/001/002",
                           "tile/0/x001",
                           "tile/0/x001/",
                           "tile/0/x001/x002",
                           "tile/0/x1/002",
                           "tile/00/001",
                           "tile/64/001",
                           "tile/-1/001",
                           "tile/0/001.p",
                           "tile/0/001.p/",
                           "tile/0/001.p/0",
                           "tile/0/001.p/01",
                           "tile/0/001.p/256",
                           "tile/0/001.p/1.p/1",
                           "tile/0/001/",
                           "/tile/0/001",
                           "tile//001",
                           "tile/entries",
                           "tile/entries/",
                           "tile/entries/1",
                           "tile/0/../001",
                           "tile/0/x018/x446/x744/x073/x709/x551/616",
                           "tile/0/X001/002",
                           "tile/0/001\n",
                           "tile/entry/001"}) {
    EXPECT_EQ(ParseTilePath(path).status().code(), kMalformed) << path;
  }
}

TEST(TileWidthAt, IsTheWidthOfTheFormula) {
  EXPECT_EQ(TileWidthAt(0, 0, 0), 0U);
  EXPECT_EQ(TileWidthAt(0, 0, 1), 1U);
  EXPECT_EQ(TileWidthAt(0, 0, 255), 255U);
  EXPECT_EQ(TileWidthAt(0, 0, 256), 256U);
  EXPECT_EQ(TileWidthAt(0, 1, 256), 0U);
  EXPECT_EQ(TileWidthAt(1, 0, 255), 0U);
  EXPECT_EQ(TileWidthAt(1, 0, 256), 1U);
  EXPECT_EQ(TileWidthAt(0, 273, 70000), 112U);
  EXPECT_EQ(TileWidthAt(1, 1, 70000), 17U);
  EXPECT_EQ(TileWidthAt(2, 0, 70000), 1U);
  EXPECT_EQ(TileWidthAt(3, 0, 70000), 0U);
  EXPECT_EQ(TileWidthAt(7, 0, ~uint64_t{0}), 255U);
  EXPECT_EQ(TileWidthAt(8, 0, ~uint64_t{0}), 0U);
  EXPECT_EQ(TileWidthAt(63, 0, ~uint64_t{0}), 0U);
}

TEST(TileBytes, AreTheHashesInOrder) {
  std::vector<Hash> hashes;
  for (uint32_t i = 0; i < kTileWidth; ++i) hashes.push_back(LeafHash(std::to_string(i)));
  const absl::StatusOr<std::string> full = EncodeTile(hashes);
  ASSERT_TRUE(full.ok());
  EXPECT_EQ(full->size(), 8192U);
  EXPECT_EQ(*DecodeTile(*full, kTileWidth), hashes);
  EXPECT_EQ(*DecodeTile(full->substr(0, 64), 2), (std::vector<Hash>{hashes[0], hashes[1]}));
}

TEST(TileBytes, RefuseOtherWidths) {
  EXPECT_EQ(EncodeTile({}).status().code(), kMalformed);
  EXPECT_EQ(EncodeTile(std::vector<Hash>(257)).status().code(), kMalformed);
  EXPECT_EQ(DecodeTile("", 0).status().code(), kMalformed);
  EXPECT_EQ(DecodeTile(std::string(257 * 32, 'a'), 257).status().code(), kMalformed);
  EXPECT_EQ(DecodeTile(std::string(63, 'a'), 2).status().code(), kMalformed);
  EXPECT_EQ(DecodeTile(std::string(65, 'a'), 2).status().code(), kMalformed);
}

TEST(EntryBundle, PutsABigEndianLengthBeforeEachEntry) {
  const std::vector<std::string> entries = {"abc", "", std::string(258, 'z')};
  const absl::StatusOr<std::string> bytes = EncodeEntryBundle(entries);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(*bytes, std::string("\0\3abc\0\0\1\2", 9) + entries[2]);
  EXPECT_EQ(*DecodeEntryBundle(*bytes, 3), entries);
}

TEST(EntryBundle, TakesTheLongestEntryAndNoLongerOne) {
  const std::vector<std::string> longest(1, std::string(kMaxEntryBytes, 'a'));
  EXPECT_EQ(*DecodeEntryBundle(*EncodeEntryBundle(longest), 1), longest);
  const std::vector<std::string> longer(1, std::string(kMaxEntryBytes + 1, 'a'));
  EXPECT_EQ(EncodeEntryBundle(longer).status().code(), kMalformed);
}

TEST(EntryBundle, RefusesOtherWidthsAndCutBytes) {
  EXPECT_EQ(EncodeEntryBundle({}).status().code(), kMalformed);
  EXPECT_EQ(EncodeEntryBundle(std::vector<std::string>(257)).status().code(), kMalformed);
  const std::vector<std::string> entries = {"abc", "de"};
  const std::string bytes = *EncodeEntryBundle(entries);
  EXPECT_EQ(DecodeEntryBundle(bytes, 0).status().code(), kMalformed);
  EXPECT_EQ(DecodeEntryBundle(bytes, 1).status().code(), kMalformed);
  EXPECT_EQ(DecodeEntryBundle(bytes, 3).status().code(), kMalformed);
  EXPECT_EQ(DecodeEntryBundle(bytes, 257).status().code(), kMalformed);
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_EQ(DecodeEntryBundle(bytes.substr(0, length), 2).status().code(), kMalformed) << length;
  }
}

}  // namespace
}  // namespace kluis::audit::tiles_test
