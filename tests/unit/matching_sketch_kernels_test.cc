// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "matching/sketch_kernels.h"

namespace kluis::matching::sketch_kernels_test {
namespace {

// A segment's worth of random rows, some of them without a length, a category or a future.
struct Rows {
  Rows(std::size_t count, std::size_t words_per_sketch, std::mt19937_64& random)
      : words(count * words_per_sketch),
        alignments(count),
        lengths(count),
        expires(count),
        categories(count) {
    for (std::uint64_t& word : words) word = random();
    for (std::size_t row = 0; row < count; ++row) {
      alignments[row] = static_cast<std::uint16_t>(random() % 40'000 + 25'000);
      lengths[row] = random() % 20 == 0 ? 0 : static_cast<std::uint16_t>(random() % 4096 + 33'000);
      expires[row] = random() % 10 == 0 ? static_cast<std::uint32_t>(random()) : 0x80000000U;
      categories[row] = static_cast<std::uint8_t>(1U << random() % 10);  // 0 for the last two
    }
    block = {.words = words.data(),
             .alignments = alignments.data(),
             .lengths = lengths.data(),
             .expires = expires.data(),
             .categories = categories.data(),
             .rows = count,
             .words_per_sketch = words_per_sketch};
  }

  std::vector<std::uint64_t> words;
  std::vector<std::uint16_t> alignments;
  std::vector<std::uint16_t> lengths;
  std::vector<std::uint32_t> expires;
  std::vector<std::uint8_t> categories;
  SketchBlock block;
};

// Bit by bit, from the definition.
std::uint32_t SlowSum(const Rows& rows, std::size_t row, const std::uint64_t* planes) {
  std::uint32_t sum = 0;
  const std::size_t count = rows.block.words_per_sketch;
  for (std::size_t bit = 0; bit < count * 64; ++bit) {
    const std::uint64_t word = rows.words[(row / 8 * count + bit / 64) * 8 + row % 8];
    for (std::size_t plane = 0; plane < 4; ++plane) {
      const bool mine = (word >> bit % 64 & 1) != 0;
      const bool wanted = (planes[bit / 64 * 4 + plane] >> bit % 64 & 1) != 0;
      if (mine != wanted) sum += 1U << plane;
    }
  }
  return sum;
}

bool SlowScope(const Rows& rows, std::size_t row, const SketchTest& test) {
  return rows.expires[row] > test.now && (rows.categories[row] & test.categories) != 0;
}

bool SlowWithin(const Rows& rows, std::size_t row, const SketchTest& test) {
  if (rows.lengths[row] == 0) return true;
  const float x = static_cast<float>(rows.alignments[row]) / 65536.0F;
  const float n = DecodeLength(rows.lengths[row]);
  const float most = std::fma(
      test.limit.spread, std::fma(-x, x, 1.0F),
      std::fma(test.limit.direct, x * n, std::fma(test.limit.inverse, x / n, test.limit.base)));
  return static_cast<float>(SlowSum(rows, row, test.planes)) <= most;
}

// Queries with limits about the middle of the sums, so that rows fall on both sides.
struct Queries {
  Queries(std::size_t count, const Rows& rows, std::mt19937_64& random)
      : planes(count * rows.block.words_per_sketch * 4),
        hits(count * HitWords(rows), ~std::uint64_t{0}),
        tests(count) {
    for (std::uint64_t& plane : planes) plane = random();
    const auto middle = static_cast<float>(rows.block.words_per_sketch * 480);
    std::uniform_real_distribution<float> part(-1, 1);
    for (std::size_t i = 0; i < count; ++i) {
      SketchTest& test = tests[i];
      test.planes = planes.data() + i * rows.block.words_per_sketch * 4;
      test.limit = {.base = middle + 100 * part(random),
                    .inverse = 100 * part(random),
                    .direct = 100 * part(random),
                    .spread = 50 + 40 * part(random)};
      test.now = static_cast<std::uint32_t>(random() % 3 * 0x7fffffffU);
      test.categories = static_cast<std::uint8_t>(random());
      test.hits = hits.data() + i * HitWords(rows);
      test.hits[HitWords(rows) - 1] = 0;
    }
  }

  static std::size_t HitWords(const Rows& rows) { return (rows.block.rows + 63) / 64; }

  std::vector<std::uint64_t> planes;
  std::vector<std::uint64_t> hits;
  std::vector<SketchTest> tests;
};

class SketchKernels : public testing::TestWithParam<KernelSet> {};

TEST_P(SketchKernels, GiveTheBitsOfASlowPlainOracle) {
  if (!HasSketchKernel(GetParam()))
    GTEST_SKIP() << "the processor has no instructions for this kernel";
  std::mt19937_64 random(11);
  std::size_t hit = 0;
  std::size_t missed = 0;
  for (const std::size_t words : {8, 16, 64}) {
    for (const std::size_t count : {8, 16, 72, 848}) {
      if (words > 8 && count > 72) continue;
      for (const std::size_t queries : {0, 1, 3, 32}) {
        if (count * queries > 3000) continue;
        const Rows rows(count, words, random);
        Queries asked(queries, rows, random);
        SketchKernelOf(GetParam())(rows.block, asked.tests);
        for (const SketchTest& test : asked.tests) {
          std::uint32_t compared = 0;
          for (std::size_t row = 0; row < count; ++row) {
            const bool scope = SlowScope(rows, row, test);
            const bool expected = scope && SlowWithin(rows, row, test);
            compared += scope ? 1 : 0;
            ASSERT_EQ((test.hits[row / 64] >> row % 64 & 1) != 0, expected)
                << words << " words, row " << row << " of " << count;
            ++(expected ? hit : missed);
          }
          ASSERT_EQ(test.compared, compared);
        }
      }
    }
  }
  EXPECT_GT(hit, 500U);  // both sides occurred
  EXPECT_GT(missed, 500U);
}

TEST_P(SketchKernels, GiveThePortableBitsForWholeSegments) {
  if (!HasSketchKernel(GetParam()))
    GTEST_SKIP() << "the processor has no instructions for this kernel";
  std::mt19937_64 random(12);
  const Rows rows(848, 8, random);
  Queries asked(32, rows, random);
  const Queries& plain = asked;
  SketchKernelOf(GetParam())(rows.block, asked.tests);
  const std::vector<std::uint64_t> fast = plain.hits;
  std::vector<std::uint32_t> compared;
  for (const SketchTest& test : asked.tests) compared.push_back(test.compared);
  SketchKernelOf(KernelSet::kPortable)(rows.block, asked.tests);
  EXPECT_EQ(fast, plain.hits);
  for (std::size_t i = 0; i < compared.size(); ++i) {
    EXPECT_EQ(compared[i], asked.tests[i].compared);
  }
}

TEST_P(SketchKernels, MeetNoLimitThatIsNotANumberAndEveryInfiniteOne) {
  if (!HasSketchKernel(GetParam()))
    GTEST_SKIP() << "the processor has no instructions for this kernel";
  std::mt19937_64 random(13);
  Rows rows(64, 8, random);
  for (std::uint32_t& expires : rows.expires) expires = 2;
  for (std::uint8_t& category : rows.categories) category = 1;
  for (std::uint16_t& length : rows.lengths) length = 34'000;
  Queries asked(2, rows, random);
  for (SketchTest& test : asked.tests) {
    test.now = 1;
    test.categories = 1;
  }
  asked.tests[0].limit.base = std::numeric_limits<float>::quiet_NaN();
  asked.tests[1].limit.base = std::numeric_limits<float>::infinity();
  SketchKernelOf(GetParam())(rows.block, asked.tests);
  EXPECT_EQ(asked.tests[0].hits[0], 0U);
  EXPECT_EQ(asked.tests[1].hits[0], ~std::uint64_t{0});
  EXPECT_EQ(asked.tests[0].compared, 64U);
}

INSTANTIATE_TEST_SUITE_P(All, SketchKernels,
                         testing::Values(KernelSet::kPortable, KernelSet::kAvx2,
                                         KernelSet::kAvx512));

}  // namespace
}  // namespace kluis::matching::sketch_kernels_test
