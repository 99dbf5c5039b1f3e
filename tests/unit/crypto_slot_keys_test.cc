// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <random>
#include <string>
#include <vector>

#include "base/codec.h"
#include "crypto/keyring.h"
#include "tests/fakes/memory_file_system.h"

namespace kluis::crypto::slot_keys_test {
namespace {

const KeyringPaths kPaths{"data/keyring", "root/key"};

std::string Text(std::span<const uint8_t> bytes) {
  return base::ToHex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

class SlotKeysTest : public testing::Test {
 protected:
  SlotKeysTest() : keyring_(*Keyring::Create(kPaths, files_)) {}

  // Whether a batch says of every slot what Key says.
  void ExpectAsKey(const std::vector<uint32_t>& slots) {
    SlotKeys keys(slots.size());
    keyring_->Keys(slots, keys);
    for (size_t i = 0; i < slots.size(); ++i) {
      const auto key = keyring_->Key(slots[i]);
      ASSERT_EQ(keys.Has(i), key.ok()) << slots[i];
      EXPECT_EQ(Text(keys.Expose(i)), key.ok() ? Text(key->Expose()) : std::string(64, '0'))
          << slots[i];
    }
  }

  MemoryFileSystem files_;
  std::unique_ptr<Keyring> keyring_;
};

TEST_F(SlotKeysTest, AreTheKeysOfSlotsInAnyOrderAlsoTwice) {
  ExpectAsKey({});
  ExpectAsKey({7});
  ExpectAsKey({0, 0xffffffff, 5, 4, 5, 0x80000000, 0x7fffffff, 6, 0});
  std::vector<uint32_t> neighbours(500);
  for (uint32_t i = 0; i < 500; ++i) neighbours[i] = 4000 + (i * 7) % 500;  // over a segment's end
  ExpectAsKey(neighbours);
}

TEST_F(SlotKeysTest, OfPuncturedSlotsAreMissingAndOfTheirNeighboursAreThere) {
  ASSERT_TRUE(keyring_->Puncture(std::vector<uint32_t>{0, 5, 6, 4095, 4096, 9000}).ok());
  std::vector<uint32_t> slots;
  for (uint32_t slot = 0; slot < 20; ++slot) slots.push_back(slot);
  for (uint32_t slot = 4090; slot < 4100; ++slot) slots.push_back(slot);
  for (uint32_t slot = 8990; slot < 9010; ++slot) slots.push_back(slot);
  slots.push_back(0xffffffff);
  ExpectAsKey(slots);
  ExpectAsKey({5});
}

TEST_F(SlotKeysTest, AreRightAroundAnyPunctures) {
  std::mt19937 random(20'26);
  for (int round = 0; round < 20; ++round) {
    std::vector<uint32_t> punctured(30);
    for (uint32_t& slot : punctured) slot = static_cast<uint32_t>(random() % 10'000);
    ASSERT_TRUE(keyring_->Puncture(punctured).ok());
    std::vector<uint32_t> slots(200);
    for (uint32_t& slot : slots) slot = static_cast<uint32_t>(random() % 10'000);
    slots.insert(slots.end(), punctured.begin(), punctured.end());
    ExpectAsKey(slots);
  }
}

TEST_F(SlotKeysTest, OfTheLastPassAreGoneAfterTheNextAndAfterWipe) {
  SlotKeys keys(4);
  keyring_->Keys(std::vector<uint32_t>{1, 2, 3, 4}, keys);
  EXPECT_EQ(keys.capacity(), 4u);
  keyring_->Keys(std::vector<uint32_t>{1}, keys);
  EXPECT_EQ(Text(keys.Expose(0)), Text(keyring_->Key(1)->Expose()));
  EXPECT_EQ(Text(keys.Expose(1)), std::string(64, '0'));
  keys.Wipe();
  EXPECT_EQ(Text(keys.Expose(0)), std::string(64, '0'));
}

// By SIGABRT: the guard behind the memory would end it by SIGSEGV, and only after the keys.
using SlotKeysDeathTest = SlotKeysTest;
TEST_F(SlotKeysDeathTest, BeyondTheirCapacityEndTheProcessBeforeAnythingIsWritten) {
  SlotKeys keys(4);
  const std::vector<uint32_t> slots{1, 2, 3, 4, 5};
  EXPECT_EXIT(keyring_->Keys(slots, keys), testing::KilledBySignal(SIGABRT), "");
}

}  // namespace
}  // namespace kluis::crypto::slot_keys_test
