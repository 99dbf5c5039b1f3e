// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "service/rpc/request_cache.h"
#include "tests/fakes/fake_clock.h"

namespace kluis::service::request_cache_test {
namespace {

struct RequestCacheTest : testing::Test {
  // Asks for the first time, and keeps an answer of so many bytes.
  void Keep(RequestCache& cache, const std::string& owner, int number, size_t bytes) {
    const std::string key = owner + "/" + std::to_string(number);
    const auto first = cache.Begin(key, {});
    ASSERT_TRUE(first.ok());
    ASSERT_EQ(*first, nullptr);
    auto answer = std::make_shared<RequestCache::Answer>();
    answer->response = std::string(bytes, 'a');
    cache.Finish(key, owner, std::move(answer), true);
  }
  // Whether the answer is still there; one that is not begins, and is forgotten again.
  static bool Has(RequestCache& cache, const std::string& owner, int number) {
    const std::string key = owner + "/" + std::to_string(number);
    const auto found = cache.Begin(key, {});
    if (found.ok() && *found != nullptr) return true;
    cache.Finish(key, owner, std::make_shared<RequestCache::Answer>(), false);
    return false;
  }

  FakeClock clock{1'800'000'000};
};

TEST_F(RequestCacheTest, CountsBytesOfOneCallerAndDropsItsOldest) {
  RequestCache cache(clock, {1 << 20, 64 << 10});
  Keep(cache, "other", 0, 1000);
  for (int i = 0; i < 4000; ++i) Keep(cache, "one", i, 20'000);
  EXPECT_LE(cache.bytes(), (64u << 10) + 2000);
  EXPECT_FALSE(Has(cache, "one", 3900));
  EXPECT_TRUE(Has(cache, "one", 3999));
  EXPECT_TRUE(Has(cache, "other", 0)) << "one caller takes nothing of another's";
}

TEST_F(RequestCacheTest, CountsBytesOfAllAndDropsTheOldest) {
  RequestCache cache(clock, {100'000, 50'000});
  for (int i = 0; i < 100; ++i) Keep(cache, "caller " + std::to_string(i), 0, 20'000);
  EXPECT_LE(cache.bytes(), 100'000u);
  EXPECT_FALSE(Has(cache, "caller 0", 0));
  EXPECT_TRUE(Has(cache, "caller 99", 0));
}

TEST_F(RequestCacheTest, CountsWhatAnEmptyAnswerTakesToo) {
  RequestCache cache(clock, {1 << 20, 64 << 10});
  for (int i = 0; i < 1000; ++i) Keep(cache, "one", i, 0);
  EXPECT_FALSE(Has(cache, "one", 0));
  EXPECT_LE(cache.bytes(), 64u << 10);
}

TEST_F(RequestCacheTest, KeepsNoAnswerThatIsLargerThanItsBounds) {
  RequestCache cache(clock, {1 << 20, 1000});
  Keep(cache, "one", 1, 2000);
  EXPECT_FALSE(Has(cache, "one", 1));
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST_F(RequestCacheTest, HasNothingLeftAfterTenMinutesAndAfterForget) {
  RequestCache cache(clock, {1 << 20, 1 << 20});
  Keep(cache, "one", 1, 10);
  clock.Advance(599);
  EXPECT_TRUE(Has(cache, "one", 1));
  clock.Advance(1);
  EXPECT_FALSE(Has(cache, "one", 1));
  Keep(cache, "one", 2, 10);
  cache.Forget();
  EXPECT_FALSE(Has(cache, "one", 2));
  EXPECT_EQ(cache.bytes(), 0u);
}

}  // namespace
}  // namespace kluis::service::request_cache_test
