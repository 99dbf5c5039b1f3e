// SPDX-License-Identifier: Apache-2.0
// Random batches, scans, snapshots and reopenings against std::map. Prints its seed.
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "storage/database.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::storage::model_test {
namespace {

using Records = std::map<std::string, std::string>;
using Model = std::array<Records, kColumnCount>;

class StorageProperty : public testing::Test {
 protected:
  StorageProperty() : seed_(std::random_device()()), random_(seed_) {
    std::cout << "seed " << seed_ << '\n';
  }

  std::uint32_t Below(std::uint32_t bound) {
    return std::uniform_int_distribution<std::uint32_t>(0, bound - 1)(random_);
  }

  // Few and short, so that keys collide and are prefixes of each other.
  std::string Key() {
    std::string key;
    for (std::uint32_t i = Below(4); i > 0; --i) key.push_back("\x00\x01 a\xff"[Below(5)]);
    return key;
  }

  void ChangeBoth(Batch& batch, Model& model) {
    const auto index = Below(kColumnCount);
    const Column column = kColumns[index];
    Records& records = model[index];
    const std::string key = Key();
    if (Below(4) == 0) {
      batch.Delete(column, key);
      records.erase(key);
      return;
    }
    const std::string value(Below(40), static_cast<char>('a' + Below(26)));
    batch.Put(column, key, value);
    records[key] = value;
  }

  void ExpectSame(const Reader& reader, const Model& model) {
    for (std::size_t i = 0; i < kColumnCount; ++i) {
      const std::string prefix = Key();
      Records expected;
      for (const auto& [key, value] : model[i]) {
        if (key.starts_with(prefix)) expected.emplace(key, value);
      }
      Records seen;
      std::string before;
      ASSERT_TRUE(reader
                      .Scan(kColumns[i], prefix,
                            [&](std::string_view key, std::string_view value) {
                              EXPECT_TRUE(seen.empty() || before < key);
                              before = key;
                              seen.emplace(key, value);
                              return true;
                            })
                      .ok());
      ASSERT_EQ(seen, expected);
      const std::string key = Key();
      const auto found = model[i].find(key);
      const auto value = reader.Get(kColumns[i], key);
      ASSERT_TRUE(value.ok());
      ASSERT_EQ(value->has_value(), found != model[i].end());
      if (value->has_value()) {
        ASSERT_EQ(**value, found->second);
      }
    }
  }

  const std::uint32_t seed_;
  std::mt19937 random_;
  ScratchDirectory scratch_;
};

TEST_F(StorageProperty, TheDatabaseIsAnOrderedMapWithSnapshots) {
  const Database::Options options = {scratch_.path() + "/db", true, nullptr};
  auto database = Database::Open(options);
  ASSERT_TRUE(database.ok()) << database.status();
  Model model;
  std::vector<std::pair<Snapshot, Model>> snapshots;
  for (int step = 0; step < 1500 && !HasFatalFailure(); ++step) {
    Batch batch;
    for (std::uint32_t i = Below(6); i > 0; --i) ChangeBoth(batch, model);
    ASSERT_TRUE((*database)->Write(std::move(batch)).ok());
    ExpectSame(**database, model);
    for (const auto& [snapshot, then] : snapshots) ExpectSame(snapshot, then);
    const std::uint32_t dice = Below(200);
    if (dice < 20) {
      snapshots.emplace_back((*database)->TakeSnapshot(), model);
      if (snapshots.size() > 3) snapshots.erase(snapshots.begin());
    } else if (dice < 23) {
      ASSERT_TRUE((*database)->Flush().ok());
    } else if (dice < 25) {
      ASSERT_TRUE((*database)->Compact(kColumns[Below(kColumnCount)], Key(), "").ok());
    } else if (dice < 27) {
      snapshots.clear();
      database->reset();
      database = Database::Open(options);
      ASSERT_TRUE(database.ok()) << database.status();
    }
  }
}

}  // namespace
}  // namespace kluis::storage::model_test
