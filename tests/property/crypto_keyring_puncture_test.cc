// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "crypto/keyring.h"
#include "tests/fakes/memory_file_system.h"

namespace kluis::crypto::keyring_puncture_test {
namespace {

const KeyringPaths kPaths{"data/keyring", "root/key"};

std::string KeyText(const Keyring& keyring, uint32_t slot) {
  const auto key = keyring.Key(slot);
  if (!key.ok()) return "";
  const auto bytes = key->Expose();
  return {bytes.begin(), bytes.end()};
}

// Slots near one another, near the ends, and anywhere.
uint32_t AnySlot(std::mt19937_64& random) {
  switch (random() % 4) {
    case 0:
      return static_cast<uint32_t>(random() % 64);
    case 1:
      return static_cast<uint32_t>(0xffffffffu - random() % 64);
    case 2:
      return static_cast<uint32_t>(0x80000000u - 32 + random() % 64);
    default:
      return static_cast<uint32_t>(random());
  }
}

TEST(KeyringProperty, PuncturedSlotsNeverDeriveAndAllOthersKeepTheirKeys) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20; ++round) {
    MemoryFileSystem files;
    auto keyring = Keyring::Create(kPaths, files);
    ASSERT_TRUE(keyring.ok());
    std::map<uint32_t, std::string> keys;
    for (int i = 0; i < 300; ++i) {
      const uint32_t slot = AnySlot(random);
      keys[slot] = KeyText(**keyring, slot);
    }
    std::set<uint32_t> punctured;
    for (int step = 0; step < 8; ++step) {
      std::vector<uint32_t> slots;
      for (uint64_t i = random() % 20; i > 0; --i) {
        slots.push_back(random() % 2 == 0 ? AnySlot(random)
                                          : std::next(keys.begin(), static_cast<std::ptrdiff_t>(
                                                                        random() % keys.size()))
                                                ->first);
      }
      ASSERT_TRUE((*keyring)->Puncture(slots).ok());
      punctured.insert(slots.begin(), slots.end());
      const Hash commitment = (*keyring)->Commitment();
      if (random() % 2 == 0) {
        keyring = Keyring::Open(kPaths, files);
        ASSERT_TRUE(keyring.ok());
        EXPECT_EQ((*keyring)->Commitment(), commitment);
      }
      for (const auto& [slot, key] : keys) {
        EXPECT_EQ((*keyring)->IsPunctured(slot), punctured.contains(slot)) << slot;
        EXPECT_EQ(KeyText(**keyring, slot), punctured.contains(slot) ? "" : key) << slot;
      }
      for (const uint32_t slot : punctured) {
        EXPECT_EQ((*keyring)->Key(slot).status().code(), absl::StatusCode::kNotFound) << slot;
      }
      EXPECT_LE((*keyring)->cover_size(), 1 + 31 * punctured.size());
    }
  }
}

TEST(KeyringProperty, TheOrderOfPuncturesDoesNotMatter) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  KeyringCover one = KeyringCover::Fresh();
  const SecretBytes fresh = one.Serialize();
  std::set<uint32_t> slots;
  for (int i = 0; i < 200; ++i) {
    const uint32_t slot = AnySlot(random);
    slots.insert(slot);
    one = one.Without({{slot}});
  }
  const std::vector<uint32_t> sorted(slots.begin(), slots.end());
  const KeyringCover all = KeyringCover::Parse(fresh.Expose())->Without(sorted);
  EXPECT_TRUE(one.Serialize().ConstantTimeEquals(all.Serialize()));
}

// Random sets among 2^20 slots handed out, against the tree that was never punctured.
TEST(KeyringProperty, AnyNumberOfPuncturesLeavesAllOtherSlotsOfTheUnpuncturedTree) {
  constexpr uint32_t kHandedOut = 1u << 20;
  for (const size_t count : {size_t{0}, size_t{1}, size_t{20'000}}) {
    SCOPED_TRACE(count);
    std::mt19937_64 random(count);
    MemoryFileSystem files;
    auto keyring = Keyring::Create(kPaths, files);
    ASSERT_TRUE(keyring.ok());
    MemoryFileSystem copy = files.AfterCrash(0);
    const auto whole = Keyring::Open(kPaths, copy);
    ASSERT_TRUE(whole.ok());
    std::set<uint32_t> punctured;
    while (punctured.size() < count) {
      std::vector<uint32_t> slots;
      for (size_t i = 0; i < std::min<size_t>(1000, count); ++i) {
        slots.push_back(static_cast<uint32_t>(random() % kHandedOut));
      }
      slots.resize(std::min(slots.size(), count - punctured.size()));
      ASSERT_TRUE((*keyring)->Puncture(slots).ok());
      punctured.insert(slots.begin(), slots.end());
    }
    ASSERT_TRUE((*keyring)->Puncture({}).ok());
    keyring = Keyring::Open(kPaths, files);
    ASSERT_TRUE(keyring.ok()) << keyring.status();
    const auto compare = [&](uint32_t slot) {
      ASSERT_EQ((*keyring)->IsPunctured(slot), punctured.contains(slot)) << slot;
      ASSERT_EQ(KeyText(**keyring, slot), punctured.contains(slot) ? "" : KeyText(**whole, slot));
    };
    for (uint32_t slot = 0; slot < 2 * 4096; ++slot) compare(slot);
    for (int i = 0; i < 20'000; ++i) compare(static_cast<uint32_t>(random() % kHandedOut));
    for (int i = 0; i < 1000; ++i) compare(static_cast<uint32_t>(random()));
    for (const uint32_t slot : punctured) ASSERT_TRUE((*keyring)->IsPunctured(slot)) << slot;
    for (const uint32_t edge : {kHandedOut - 1, kHandedOut, 0xffffffffu}) compare(edge);
  }
}

// What is not of the newest state is at most a third of the pages' file, and 32 blocks.
TEST(KeyringProperty, TheFilesStayAsSmallAsWhatIsInThem) {
  std::mt19937_64 random(1);
  MemoryFileSystem files;
  const auto keyring = Keyring::Create(kPaths, files);
  ASSERT_TRUE(keyring.ok());
  for (int i = 0; i < 600; ++i) {
    std::vector<uint32_t> slots(1 + random() % 40);
    for (uint32_t& slot : slots) slot = static_cast<uint32_t>(random() % (1u << 20));
    ASSERT_TRUE((*keyring)->Puncture(slots).ok());
    size_t bytes = 0;
    for (const std::string& path : files.Paths()) bytes += files.BytesOf(path).size();
    const size_t cover = (*keyring)->cover_size() * 34;
    // 256 segments, which lose at most a block each, and their entries in the table.
    ASSERT_LE(bytes, (cover + 256 * 4096) * 4 / 3 + 32 * 4096 + 256 * 76 + 4096) << i;
  }
}

TEST(KeyringProperty, ServesTwentyThousandPunctures) {
  std::mt19937_64 random(20000);
  std::set<uint32_t> slots;
  while (slots.size() < 20000) slots.insert(static_cast<uint32_t>(random() % (1u << 24)));
  const std::vector<uint32_t> list(slots.begin(), slots.end());
  MemoryFileSystem files;
  auto keyring = Keyring::Create(kPaths, files);
  ASSERT_TRUE(keyring.ok());
  const std::string kept = KeyText(**keyring, 1u << 30);
  ASSERT_TRUE((*keyring)->Puncture(list).ok());
  EXPECT_GT((*keyring)->cover_size(), 100'000u);
  ASSERT_TRUE((*keyring)->Puncture({{(1u << 24) + 5}}).ok());
  keyring = Keyring::Open(kPaths, files);
  ASSERT_TRUE(keyring.ok());
  EXPECT_EQ(KeyText(**keyring, 1u << 30), kept);
  for (const uint32_t slot : list) ASSERT_TRUE((*keyring)->IsPunctured(slot));
}

}  // namespace
}  // namespace kluis::crypto::keyring_puncture_test
