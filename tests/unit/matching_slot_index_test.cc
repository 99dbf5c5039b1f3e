#include <gtest/gtest.h>

#include <map>
#include <random>

#include "matching/slot_index.h"

namespace kluis::matching {
namespace {

TEST(SlotIndex, TakesEightBytesAndLittleMoreForSlotsInOrder) {
  SlotIndex index;
  for (std::uint32_t slot = 0; slot < 100'000; ++slot) ASSERT_TRUE(index.Insert(3 * slot, slot));
  EXPECT_EQ(index.size(), 100'000U);
  EXPECT_LT(index.bytes(), 100'000U * 81 / 10);
  EXPECT_EQ(index.Find(3 * 777), 777U);
  EXPECT_EQ(index.Find(3 * 777 + 1), std::nullopt);
}

TEST(SlotIndex, RefusesASlotTwice) {
  SlotIndex index;
  EXPECT_TRUE(index.Insert(5, 1));
  EXPECT_FALSE(index.Insert(5, 2));
  EXPECT_EQ(index.Find(5), 1U);
  EXPECT_FALSE(index.Erase(6));
  EXPECT_TRUE(index.Erase(5));
  EXPECT_FALSE(index.Erase(5));
  EXPECT_EQ(index.Find(5), std::nullopt);
}

TEST(SlotIndex, AnswersAsAMapAfterAnyHistory) {
  for (const std::uint32_t range : {50U, 3000U, 0xffffffffU}) {
    std::mt19937_64 random(range);
    SlotIndex index;
    std::map<std::uint32_t, std::uint32_t> map;
    for (int step = 0; step < 30'000; ++step) {
      const auto slot = static_cast<std::uint32_t>(random() % range);
      const auto place = static_cast<std::uint32_t>(random());
      // Grows for a while, then shrinks.
      if (random() % 10 < (step < 15'000 ? 7U : 3U)) {
        ASSERT_EQ(index.Insert(slot, place), map.emplace(slot, place).second);
      } else if (const auto near = map.lower_bound(slot); near != map.end()) {
        if (random() % 4 == 0) {
          index.Move(near->first, place);
          near->second = place;
        } else {
          ASSERT_TRUE(index.Erase(near->first));
          map.erase(near);
        }
      }
      ASSERT_EQ(index.size(), map.size());
    }
    for (const auto& [slot, place] : map) ASSERT_EQ(index.Find(slot), place);
    while (!map.empty()) {
      ASSERT_TRUE(index.Erase(map.begin()->first));
      map.erase(map.begin());
    }
    EXPECT_EQ(index.size(), 0U);
    EXPECT_LT(index.bytes(), 64U * 1024);
  }
}

}  // namespace
}  // namespace kluis::matching
