// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "policy/record_key.h"
#include "policy/state_view.h"

namespace kluis::policy::record_cache_test {
namespace {

RecordCache::Record Named(const std::string& name) {
  auto record = std::make_shared<v1::AuthorityRecord>();
  record->set_name(name);
  return record;
}

std::string NameIn(RecordCache& cache, const std::string& key) {
  const RecordCache::Record* const record = cache.Find(key);
  if (record == nullptr) return "unknown";
  if (*record == nullptr) return "none";
  return static_cast<const v1::AuthorityRecord&>(**record).name();
}

TEST(RecordCache, KeepsRecordsAndThatThereIsNone) {
  RecordCache cache;
  EXPECT_EQ(NameIn(cache, "a"), "unknown");
  cache.Keep("a", Named("A"));
  cache.Keep("b", nullptr);
  EXPECT_EQ(NameIn(cache, "a"), "A");
  EXPECT_EQ(NameIn(cache, "b"), "none");
}

TEST(RecordCache, KeepsWhatIsAskedForAndDropsTheRest) {
  RecordCache cache(2);
  cache.Keep("a", Named("A"));
  cache.Keep("b", Named("B"));
  cache.Keep("c", Named("C"));  // a and b are older now
  EXPECT_EQ(NameIn(cache, "a"), "A");
  cache.Keep("d", Named("D"));  // b goes
  EXPECT_EQ(NameIn(cache, "a"), "A");
  EXPECT_EQ(NameIn(cache, "b"), "unknown");
  EXPECT_EQ(NameIn(cache, "d"), "D");
}

TEST(RecordCache, ForgetsAlsoWhatIsOlder) {
  RecordCache cache(1);
  cache.Keep("a", Named("A"));
  cache.Keep("b", Named("B"));  // a is older now
  cache.Forget("a");
  cache.Forget("b");
  EXPECT_EQ(NameIn(cache, "a"), "unknown");
  EXPECT_EQ(NameIn(cache, "b"), "unknown");
}

TEST(RecordCache, KeepsNothingUnderAKeyThatNoRecordHas) {
  class Empty : public StateView {
   public:
    absl::StatusOr<std::optional<std::string>> Read(std::string_view) const override {
      return std::optional<std::string>();
    }
    RecordCache* cache() const override { return &cache_; }

   private:
    mutable RecordCache cache_;
  };
  const Empty state;
  const std::string longest = key::Enrollment(std::string(16, 'i'), std::string(64, 'p'));
  for (const std::string& key : {longest, std::string(1024, 'k')}) {
    const auto found = FindShared<v1::Enrollment>(state, key);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(*found, nullptr);
  }
  EXPECT_EQ(NameIn(*state.cache(), longest), "none");
  EXPECT_EQ(NameIn(*state.cache(), std::string(1024, 'k')), "unknown");
}

TEST(RecordCache, HoldsAtMostTwiceItsSizeHoweverItIsAsked) {
  RecordCache cache(4);
  for (int i = 0; i < 100; ++i) {
    cache.Keep(std::to_string(i), Named("record"));
    for (int k = 0; k <= i; ++k) cache.Find(std::to_string(k));
  }
  int held = 0;
  for (int i = 0; i < 100; ++i) {
    RecordCache look = cache;
    held += look.Find(std::to_string(i)) != nullptr ? 1 : 0;
  }
  EXPECT_LE(held, 8);
}

}  // namespace
}  // namespace kluis::policy::record_cache_test
