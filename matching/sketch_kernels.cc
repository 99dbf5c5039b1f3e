// SPDX-License-Identifier: Apache-2.0
#include "matching/sketch_kernels.h"

#include <bit>
#include <cmath>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace kluis::matching {
namespace {

constexpr std::size_t kGroup = 8;  // rows whose words lie side by side
constexpr float kAlignmentUnit = 0x1p-16F;
// What a row of length 0 has in place of 1 - x^2: any limit is met.
constexpr float kNoLength = 1e30F;

void PortableScan(const SketchBlock& block, std::span<SketchTest> tests) {
  for (SketchTest& test : tests) {
    test.compared = 0;
    for (std::size_t i = 0; i < block.rows / 64; ++i) test.hits[i] = 0;
  }
  for (std::size_t row = 0; row < block.rows; ++row) {
    const std::uint64_t* const sketch =
        block.words + row / kGroup * block.words_per_sketch * kGroup + row % kGroup;
    const float x = static_cast<float>(block.alignments[row]) * kAlignmentUnit;
    const float n = DecodeLength(block.lengths[row]);
    const bool has_length = block.lengths[row] != 0;
    const float over = has_length ? x / n : 0;
    const float times = has_length ? x * n : 0;
    const float gap = has_length ? std::fma(-x, x, 1.0F) : kNoLength;
    for (SketchTest& test : tests) {
      if (block.expires[row] <= test.now || (block.categories[row] & test.categories) == 0) {
        continue;
      }
      ++test.compared;
      const SketchLimit& limit = test.limit;
      const float most =
          std::fma(limit.spread, gap,
                   std::fma(limit.direct, times, std::fma(limit.inverse, over, limit.base)));
      const std::uint32_t sum = SketchSum(sketch, kGroup, test.planes, block.words_per_sketch);
      if (static_cast<float>(sum) <= most) test.hits[row / 64] |= std::uint64_t{1} << row % 64;
    }
  }
}

#if defined(__x86_64__)

// The factors of eight rows, as the limit takes them.
struct Factors {
  __m256 over;
  __m256 times;
  __m256 gap;
};

[[gnu::target("avx2,fma")]] inline __m256i LoadEight(const std::uint16_t* from) {
  return _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}

[[gnu::target("avx2,fma")]] inline Factors FactorsOf(const SketchBlock& block, std::size_t row) {
  const __m256i code = LoadEight(block.lengths + row);
  const __m256 x = _mm256_mul_ps(_mm256_cvtepi32_ps(LoadEight(block.alignments + row)),
                                 _mm256_set1_ps(kAlignmentUnit));
  const __m256 n = _mm256_castsi256_ps(
      _mm256_add_epi32(_mm256_slli_epi32(code, 12), _mm256_set1_epi32(110 << 23)));
  const __m256 none = _mm256_castsi256_ps(_mm256_cmpeq_epi32(code, _mm256_setzero_si256()));
  return {_mm256_andnot_ps(none, _mm256_div_ps(x, n)), _mm256_andnot_ps(none, _mm256_mul_ps(x, n)),
          _mm256_blendv_ps(_mm256_fnmadd_ps(x, x, _mm256_set1_ps(1.0F)), _mm256_set1_ps(kNoLength),
                           none)};
}

[[gnu::target("avx2,fma")]] inline __m256 MostOf(const SketchLimit& limit, const Factors& factors) {
  return _mm256_fmadd_ps(
      _mm256_set1_ps(limit.spread), factors.gap,
      _mm256_fmadd_ps(_mm256_set1_ps(limit.direct), factors.times,
                      _mm256_fmadd_ps(_mm256_set1_ps(limit.inverse), factors.over,
                                      _mm256_set1_ps(limit.base))));
}

// Which of eight rows are in scope, one bit each.
[[gnu::target("avx2,fma")]] inline unsigned ScopeOf(const SketchBlock& block, std::size_t row,
                                                    const SketchTest& test) {
  // Unsigned order is signed order with the top bit turned.
  const __m256i top = _mm256_set1_epi32(static_cast<int>(0x80000000U));
  const __m256i expires = _mm256_xor_si256(
      _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block.expires + row)), top);
  const __m256i now = _mm256_xor_si256(_mm256_set1_epi32(static_cast<int>(test.now)), top);
  const __m256i category = _mm256_cvtepu8_epi32(
      _mm_loadl_epi64(reinterpret_cast<const __m128i*>(block.categories + row)));
  const __m256i shared = _mm256_and_si256(category, _mm256_set1_epi32(test.categories));
  const __m256i outside = _mm256_cmpeq_epi32(shared, _mm256_setzero_si256());
  const __m256i inside = _mm256_andnot_si256(outside, _mm256_cmpgt_epi32(expires, now));
  return static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(inside)));
}

// How many bits differ, per byte (Mula: a table of sixteen).
[[gnu::target("avx2,fma")]] inline __m256i CountBytes(__m256i value) {
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2,
                                         1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low = _mm256_set1_epi8(15);
  return _mm256_add_epi8(
      _mm256_shuffle_epi8(table, _mm256_and_si256(value, low)),
      _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(value, 4), low)));
}

// Sums of four rows, whose words lie `kGroup` apart.
[[gnu::target("avx2,fma")]] inline __m256i SumsOfFour(const std::uint64_t* words,
                                                      const std::uint64_t* planes,
                                                      std::size_t count) {
  __m256i sums = _mm256_setzero_si256();
  for (std::size_t first = 0; first < count; first += 8) {
    for (int plane = 0; plane < static_cast<int>(kQueryPlanes); ++plane) {
      __m256i bytes = _mm256_setzero_si256();  // 8 words of at most 8 each: no overflow
      for (std::size_t word = first; word < first + 8; ++word) {
        const __m256i sketch =
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(words + word * kGroup));
        const __m256i query = _mm256_set1_epi64x(
            static_cast<long long>(planes[word * kQueryPlanes + static_cast<std::size_t>(plane)]));
        bytes = _mm256_add_epi8(bytes, CountBytes(_mm256_xor_si256(sketch, query)));
      }
      sums = _mm256_add_epi64(
          sums, _mm256_slli_epi64(_mm256_sad_epu8(bytes, _mm256_setzero_si256()), plane));
    }
  }
  return sums;
}

[[gnu::target("avx2,fma")]] void Avx2Scan(const SketchBlock& block, std::span<SketchTest> tests) {
  for (SketchTest& test : tests) test.compared = 0;
  for (std::size_t row = 0; row < block.rows; row += kGroup) {
    const std::uint64_t* const words = block.words + row * block.words_per_sketch;
    const Factors factors = FactorsOf(block, row);
    for (SketchTest& test : tests) {
      const unsigned scope = ScopeOf(block, row, test);
      unsigned hits = 0;
      if (scope != 0) {
        const __m256i low = SumsOfFour(words, test.planes, block.words_per_sketch);
        const __m256i high = SumsOfFour(words + 4, test.planes, block.words_per_sketch);
        // Sums are below 2^16: the even 32-bit lanes of both, in order.
        const __m256i mixed = _mm256_castps_si256(_mm256_shuffle_ps(
            _mm256_castsi256_ps(low), _mm256_castsi256_ps(high), _MM_SHUFFLE(2, 0, 2, 0)));
        const __m256 sums = _mm256_cvtepi32_ps(_mm256_permute4x64_epi64(mixed, 0xd8));
        hits = static_cast<unsigned>(
            _mm256_movemask_ps(_mm256_cmp_ps(sums, MostOf(test.limit, factors), _CMP_LE_OQ)));
      }
      test.compared += static_cast<std::uint32_t>(std::popcount(scope));
      reinterpret_cast<std::uint8_t*>(test.hits)[row / kGroup] =
          static_cast<std::uint8_t>(hits & scope);
    }
  }
}

// GCC 12 warns of its own unmasked narrowing; the masked form with all lanes is the same
// instruction.

// Eight words of eight rows against one query. Four sums, one per plane, are joined at the end.
[[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,avx512vpopcntdq,avx2,fma")]] inline void
CountEight(const __m512i (&sketch)[8], const std::uint64_t* planes,
           __m512i (&counts)[kQueryPlanes]) {
  for (std::size_t word = 0; word < 8; ++word) {
    for (std::size_t plane = 0; plane < kQueryPlanes; ++plane) {
      const __m512i query =
          _mm512_set1_epi64(static_cast<long long>(planes[word * kQueryPlanes + plane]));
      const __m512i count = _mm512_popcnt_epi64(_mm512_xor_si512(sketch[word], query));
      counts[plane] = word == 0 ? count : _mm512_add_epi64(counts[plane], count);
    }
  }
}

[[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,avx512vpopcntdq,avx2,fma")]] inline __m256 Joined(
    const __m512i (&counts)[kQueryPlanes]) {
  __m512i sums = counts[3];
  for (int plane = 2; plane >= 0; --plane) {
    sums = _mm512_add_epi64(_mm512_add_epi64(sums, sums), counts[plane]);
  }
  return _mm256_cvtepi32_ps(_mm512_maskz_cvtepi64_epi32(0xff, sums));
}

[[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,avx512vpopcntdq,avx2,fma")]] void Avx512Scan(
    const SketchBlock& block, std::span<SketchTest> tests) {
  for (SketchTest& test : tests) test.compared = 0;
  for (std::size_t row = 0; row < block.rows; row += kGroup) {
    const std::uint64_t* const words = block.words + row * block.words_per_sketch;
    const Factors factors = FactorsOf(block, row);
    const __m256i expires =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block.expires + row));
    const __m128i categories =
        _mm_loadl_epi64(reinterpret_cast<const __m128i*>(block.categories + row));
    __m512i sketch[8];
    for (std::size_t word = 0; word < 8; ++word) {
      sketch[word] = _mm512_loadu_si512(words + word * kGroup);
    }
    for (SketchTest& test : tests) {
      __m512i counts[kQueryPlanes];
      CountEight(sketch, test.planes, counts);
      __m256 sums = Joined(counts);
      for (std::size_t first = 8; first < block.words_per_sketch; first += 8) {
        __m512i more[8];
        for (std::size_t word = 0; word < 8; ++word) {
          more[word] = _mm512_loadu_si512(words + (first + word) * kGroup);
        }
        CountEight(more, test.planes + first * kQueryPlanes, counts);
        sums = _mm256_add_ps(sums, Joined(counts));  // whole numbers below 2^24: exact
      }
      const __mmask8 scope =
          _mm256_cmpgt_epu32_mask(expires, _mm256_set1_epi32(static_cast<int>(test.now))) &
          static_cast<__mmask8>(
              _mm_test_epi8_mask(categories, _mm_set1_epi8(static_cast<char>(test.categories))));
      const __mmask8 within = _mm256_cmp_ps_mask(sums, MostOf(test.limit, factors), _CMP_LE_OQ);
      test.compared += static_cast<std::uint32_t>(std::popcount(static_cast<unsigned>(scope)));
      reinterpret_cast<std::uint8_t*>(test.hits)[row / kGroup] =
          static_cast<std::uint8_t>(scope & within);
    }
  }
}

#endif  // defined(__x86_64__)

}  // namespace

bool HasSketchKernel(KernelSet set) {
#if defined(__x86_64__)
  if (set == KernelSet::kAvx512) {
    return IsAvailable(set) && __builtin_cpu_supports("avx512bw") != 0 &&
           __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
           __builtin_cpu_supports("avx512vpopcntdq") != 0;
  }
#endif
  return IsAvailable(set);
}

SketchKernel SketchKernelOf(KernelSet set) {
#if defined(__x86_64__)
  if (set == KernelSet::kAvx512 && HasSketchKernel(set)) return Avx512Scan;
  if (set == KernelSet::kAvx2 && HasSketchKernel(set)) return Avx2Scan;
#endif
  return PortableScan;
}

SketchKernel BestSketchKernel() {
  static const SketchKernel best =
      SketchKernelOf(HasSketchKernel(KernelSet::kAvx512) ? KernelSet::kAvx512 : KernelSet::kAvx2);
  return best;
}

}  // namespace kluis::matching
