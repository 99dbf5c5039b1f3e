// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "matching/slot_index.h"

namespace kluis::matching::slot_index_test {
namespace {

// As a load brings them: by the order of random ids.
TEST(SlotIndex, TakesLittleInWhateverOrderSlotsCome) {
  for (const std::uint32_t every : {2U, 16U}) {
    std::vector<std::uint32_t> slots(100'000);
    for (std::uint32_t i = 0; i < slots.size(); ++i) slots[i] = every * i;
    std::shuffle(slots.begin(), slots.end(), std::mt19937_64(every));
    SlotIndex index;
    for (const std::uint32_t slot : slots) ASSERT_TRUE(index.Insert(slot, slot + 1));
    EXPECT_EQ(index.size(), slots.size());
    EXPECT_LT(index.bytes(), slots.size() * (every == 2 ? 45 : 70) / 10);
    EXPECT_EQ(index.Find(every * 777), every * 777 + 1);
    EXPECT_EQ(index.Find(every * 777 + 1), std::nullopt);
  }
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
}  // namespace kluis::matching::slot_index_test
