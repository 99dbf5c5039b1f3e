// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "crypto/keyring_segments.h"
#include "crypto/keyring_table.h"

namespace kluis::crypto::keyring_segments_test {
namespace {

using absl::StatusCode;

SegmentedCover Punctured(SegmentedCover cover, std::vector<uint32_t> slots) {
  cover.Apply(cover.Puncture(slots));
  return cover;
}

StatusCode AssembleCode(const KeyringCover& top, const SegmentedCover::Segments& segments) {
  return SegmentedCover::Assemble(top, segments).status().code();
}

TEST(SegmentedCoverPuncture, ChangesOnlyTheSegmentsOfItsSlots) {
  SegmentedCover cover = Punctured(SegmentedCover::Fresh(), {1, 5000, 9000});
  EXPECT_EQ(cover.segments().size(), 3u);
  const SegmentedCover::Change change = cover.Puncture(std::vector<uint32_t>{5000, 5001});
  EXPECT_FALSE(change.top.has_value());
  ASSERT_EQ(change.segments.size(), 1u);
  EXPECT_EQ(change.segments.begin()->first, 1u);
}

TEST(SegmentedCoverPuncture, OfPuncturedSlotsChangesNothing) {
  const SegmentedCover cover = Punctured(SegmentedCover::Fresh(), {1, 5000});
  const SegmentedCover::Change change = cover.Puncture(std::vector<uint32_t>{1, 5000});
  EXPECT_FALSE(change.top.has_value());
  EXPECT_TRUE(change.segments.empty());
}

TEST(SegmentedCoverPuncture, EndsASegmentWithItsLastSlot) {
  std::vector<uint32_t> slots(4096);
  std::iota(slots.begin(), slots.end(), 4096u);
  const uint32_t last = slots.back();
  slots.pop_back();
  SegmentedCover cover = Punctured(SegmentedCover::Fresh(), slots);
  ASSERT_EQ(cover.segments().size(), 1u);
  EXPECT_EQ(cover.segments().begin()->second.cover.size(), 1u);
  EXPECT_NE(cover.Find(last), nullptr);
  cover = Punctured(std::move(cover), {last});
  EXPECT_TRUE(cover.segments().empty());
  EXPECT_EQ(cover.Find(last), nullptr);
  EXPECT_NE(cover.Find(last + 1), nullptr);
  EXPECT_EQ(cover.size(), cover.top().size());
  EXPECT_EQ(cover.Puncture(std::vector<uint32_t>{last}).segments.size(), 0u);
}

TEST(SegmentedCoverPuncture, KeepsAPageWithinItsBoundAtTheWorst) {
  std::vector<uint32_t> every_other;
  for (uint32_t slot = 0; slot < 4096; slot += 2) every_other.push_back(slot);
  const SegmentedCover cover = Punctured(SegmentedCover::Fresh(), every_other);
  ASSERT_EQ(cover.segments().size(), 1u);
  EXPECT_EQ(cover.segments().begin()->second.cover.size(), 2048u);
  EXPECT_LE(NewPage(0, cover.segments().begin()->second).bytes(), 68u * 1024 + kPageTagBytes);
}

TEST(SegmentedCoverComesFrom, HoldsForLaterStatesOnly) {
  const SegmentedCover fresh = SegmentedCover::Fresh();
  const SegmentedCover one = Punctured(fresh, {7});
  const SegmentedCover two = Punctured(one, {9, 100'000});
  const SegmentedCover other = Punctured(fresh, {9});
  EXPECT_TRUE(fresh.ComesFrom(fresh));
  EXPECT_TRUE(one.ComesFrom(fresh));
  EXPECT_TRUE(two.ComesFrom(fresh));
  EXPECT_TRUE(two.ComesFrom(one));
  EXPECT_TRUE(two.ComesFrom(other));
  EXPECT_FALSE(fresh.ComesFrom(one));
  EXPECT_FALSE(one.ComesFrom(two));
  EXPECT_FALSE(one.ComesFrom(other));
  EXPECT_FALSE(Punctured(SegmentedCover::Fresh(), {7}).ComesFrom(fresh)) << "other keys";
}

TEST(SegmentedCoverAssemble, RefusesPartsThatDoNotFit) {
  const SegmentedCover cover = Punctured(SegmentedCover::Fresh(), {5, 5000});
  EXPECT_EQ(AssembleCode(cover.top(), cover.segments()), StatusCode::kOk);
  EXPECT_EQ(AssembleCode(KeyringCover::Fresh(), cover.segments()), StatusCode::kDataLoss);
  const KeyringCover narrow = KeyringCover::Fresh().Without(std::vector<uint32_t>{5});
  EXPECT_EQ(AssembleCode(narrow, {}), StatusCode::kDataLoss);
  SegmentedCover::Segments moved;
  moved.emplace(7, cover.segments().at(1));
  EXPECT_EQ(AssembleCode(cover.top(), moved), StatusCode::kDataLoss);
  SegmentedCover::Segments empty;
  const KeyringCover nothing = *KeyringCover::Parse({});
  empty.emplace(1, SegmentedCover::Segment{nothing, nothing.PositionDigest()});
  EXPECT_EQ(AssembleCode(cover.top(), empty), StatusCode::kDataLoss);
}

PageEntry PageAt(uint32_t segment, uint32_t block, uint32_t blocks) {
  PageEntry page{};
  page.segment = segment;
  page.block = block;
  page.nodes = static_cast<uint32_t>((blocks * kPageBlockBytes - kPageTagBytes) / kPageNodeBytes);
  return page;
}

TEST(PlacePages, TakesTheFirstGapThatFitsAndNeverAUsedBlock) {
  const PageEntries used = {PageAt(1, 1, 2), PageAt(2, 4, 1), PageAt(3, 8, 2)};
  PageEntries pages = {PageAt(1, 1, 2), PageAt(2, 0, 3), PageAt(3, 0, 1), PageAt(4, 0, 4)};
  EXPECT_EQ(PlacePages(pages, std::vector<uint32_t>{2, 3, 4}, used), 14u);
  EXPECT_EQ(pages[0].block, 1u);
  EXPECT_EQ(pages[1].block, 5u);
  EXPECT_EQ(pages[2].block, 0u);
  EXPECT_EQ(pages[3].block, 10u);
}

TEST(PlacePages, EndsAtTheLastPageThatIsLeft) {
  PageEntries pages = {PageAt(1, 0, 1)};
  EXPECT_EQ(PlacePages(pages, std::vector<uint32_t>{1}, {PageAt(1, 3, 1)}), 1u);
}

TEST(KeyringTable, IsTheSameAfterSerializeAndParse) {
  const SegmentedCover cover = Punctured(SegmentedCover::Fresh(), {5, 5000});
  KeyringTable table;
  table.id[3] = 9;
  table.pages_generation = 77;
  for (const auto& [number, segment] : cover.segments()) {
    table.pages.push_back(NewPage(number, segment));
  }
  const SecretBytes bytes = SerializeTable(table, cover.top());
  const auto parsed = ParseTable(bytes.Expose());
  ASSERT_TRUE(parsed.ok());
  EXPECT_TRUE(SerializeTable(parsed->table, parsed->top).ConstantTimeEquals(bytes));
  EXPECT_EQ(parsed->table.pages.size(), 2u);
  EXPECT_EQ(parsed->table.id[3], 9);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(ParseTable(bytes.Expose().first(size)).status().code(), StatusCode::kDataLoss);
  }
}

TEST(KeyringTable, RefusesPagesOutOfOrder) {
  const SegmentedCover cover = Punctured(SegmentedCover::Fresh(), {5});
  for (const uint32_t second : {0u, 1u << kSegmentDepth}) {
    KeyringTable table;
    table.pages.push_back(NewPage(0, cover.segments().at(0)));
    table.pages.push_back(NewPage(second, cover.segments().at(0)));
    const SecretBytes bytes = SerializeTable(table, cover.top());
    EXPECT_EQ(ParseTable(bytes.Expose()).status().code(), StatusCode::kDataLoss) << second;
  }
}

TEST(KeyringPage, OpensOnlyAsTheSegmentAndWithTheSlotsOfItsTable) {
  const SegmentedCover cover = Punctured(SegmentedCover::Fresh(), {5});
  const PageEntry page = NewPage(0, cover.segments().at(0));
  const std::vector<uint8_t> sealed = SealPage(page, cover.segments().at(0).cover);
  const auto opened = OpenPage(page, sealed);
  ASSERT_TRUE(opened.ok());
  EXPECT_TRUE(
      opened->cover.Serialize().ConstantTimeEquals(cover.segments().at(0).cover.Serialize()));
  PageEntry other = page;
  other.segment = 1;
  EXPECT_EQ(OpenPage(other, sealed).status().code(), StatusCode::kDataLoss);
  other = page;
  other.positions[0] ^= 1;
  EXPECT_EQ(OpenPage(other, sealed).status().code(), StatusCode::kDataLoss);
  other = page;
  other.block = 0xffffffff;
  EXPECT_EQ(OpenPage(other, sealed).status().code(), StatusCode::kDataLoss);
}

TEST(KeyringPage, IsNeverSealedTwiceUnderOneKey) {
  const SegmentedCover cover = Punctured(SegmentedCover::Fresh(), {5});
  EXPECT_NE(NewPage(0, cover.segments().at(0)).key, NewPage(0, cover.segments().at(0)).key);
}

}  // namespace
}  // namespace kluis::crypto::keyring_segments_test
