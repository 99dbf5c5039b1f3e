// SPDX-License-Identifier: Apache-2.0
#include "matching/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace kluis::matching {
namespace {

// Every kernel comes in one shape for both metrics: add q * r, or (q - r)^2.
enum class Sum { kProducts, kSquares };

template <Sum sum>
void PortableRows(const float* query, const float* rows, std::size_t row_count,
                  std::size_t dimension, float* scores) {
  constexpr std::size_t kLanes = 8;  // independent sums, so that a compiler may use vectors
  for (std::size_t row = 0; row < row_count; ++row, rows += dimension) {
    float lanes[kLanes] = {};
    const auto add = [&](std::size_t lane, std::size_t i) {
      if constexpr (sum == Sum::kProducts) {
        lanes[lane] += query[i] * rows[i];
      } else {
        const float difference = query[i] - rows[i];
        lanes[lane] += difference * difference;
      }
    };
    std::size_t i = 0;
    for (; i + kLanes <= dimension; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) add(lane, i + lane);
    }
    for (std::size_t lane = 0; i + lane < dimension; ++lane) add(lane, i + lane);
    scores[row] = ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) +
                  ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
  }
}

#if defined(__x86_64__)

// One query vector of floats times one row vector, four rows at a time: four independent sums hide
// the latency of the fused multiply-add, and each query vector is loaded once for four rows. A row
// keeps one sum whatever its place, so its score does too.

[[gnu::target("avx2,fma")]] inline float Total(__m256 sums) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps(sums, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

template <Sum sum>
[[gnu::target("avx2,fma")]] inline __m256 Add(__m256 q, __m256 r, __m256 total) {
  if constexpr (sum == Sum::kProducts) return _mm256_fmadd_ps(q, r, total);
  const __m256 difference = _mm256_sub_ps(q, r);
  return _mm256_fmadd_ps(difference, difference, total);
}

template <Sum sum>
[[gnu::target("avx2,fma")]] void Avx2Rows(const float* query, const float* rows,
                                          std::size_t row_count, std::size_t dimension,
                                          float* scores) {
  // The last 1 to 7 values of a row are loaded under a mask; the others count as zero.
  alignas(32) static constexpr int kMask[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  const std::size_t whole = dimension / 8 * 8;
  const std::size_t rest = dimension - whole;
  const __m256i mask = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMask + 8 - rest));
  const __m256 tail = _mm256_maskload_ps(query + whole, mask);
  std::size_t row = 0;
  for (; row + 4 <= row_count; row += 4, rows += 4 * dimension) {
    const float* r1 = rows + dimension;
    const float* r2 = r1 + dimension;
    const float* r3 = r2 + dimension;
    __m256 s0 = _mm256_setzero_ps();
    __m256 s1 = _mm256_setzero_ps();
    __m256 s2 = _mm256_setzero_ps();
    __m256 s3 = _mm256_setzero_ps();
    for (std::size_t i = 0; i < whole; i += 8) {
      const __m256 q = _mm256_loadu_ps(query + i);
      s0 = Add<sum>(q, _mm256_loadu_ps(rows + i), s0);
      s1 = Add<sum>(q, _mm256_loadu_ps(r1 + i), s1);
      s2 = Add<sum>(q, _mm256_loadu_ps(r2 + i), s2);
      s3 = Add<sum>(q, _mm256_loadu_ps(r3 + i), s3);
    }
    scores[row] = Total(Add<sum>(tail, _mm256_maskload_ps(rows + whole, mask), s0));
    scores[row + 1] = Total(Add<sum>(tail, _mm256_maskload_ps(r1 + whole, mask), s1));
    scores[row + 2] = Total(Add<sum>(tail, _mm256_maskload_ps(r2 + whole, mask), s2));
    scores[row + 3] = Total(Add<sum>(tail, _mm256_maskload_ps(r3 + whole, mask), s3));
  }
  for (; row < row_count; ++row, rows += dimension) {
    __m256 total = _mm256_setzero_ps();
    for (std::size_t i = 0; i < whole; i += 8) {
      total = Add<sum>(_mm256_loadu_ps(query + i), _mm256_loadu_ps(rows + i), total);
    }
    scores[row] = Total(Add<sum>(tail, _mm256_maskload_ps(rows + whole, mask), total));
  }
}

// Halved through memory: GCC 12 warns of its own AVX-512 extract intrinsics.
[[gnu::target("avx512f,avx2,fma")]] inline float Total(__m512 sums) {
  alignas(64) float lanes[16];
  _mm512_store_ps(lanes, sums);
  return Total(_mm256_add_ps(_mm256_load_ps(lanes), _mm256_load_ps(lanes + 8)));
}

template <Sum sum>
[[gnu::target("avx512f,avx2,fma")]] inline __m512 Add(__m512 q, __m512 r, __m512 total) {
  if constexpr (sum == Sum::kProducts) return _mm512_fmadd_ps(q, r, total);
  const __m512 difference = _mm512_sub_ps(q, r);
  return _mm512_fmadd_ps(difference, difference, total);
}

template <Sum sum>
[[gnu::target("avx512f,avx2,fma")]] void Avx512Rows(const float* query, const float* rows,
                                                    std::size_t row_count, std::size_t dimension,
                                                    float* scores) {
  const std::size_t whole = dimension / 16 * 16;
  const auto mask = static_cast<__mmask16>((1U << (dimension - whole)) - 1);
  const __m512 tail = _mm512_maskz_loadu_ps(mask, query + whole);
  std::size_t row = 0;
  for (; row + 4 <= row_count; row += 4, rows += 4 * dimension) {
    const float* r1 = rows + dimension;
    const float* r2 = r1 + dimension;
    const float* r3 = r2 + dimension;
    __m512 s0 = _mm512_setzero_ps();
    __m512 s1 = _mm512_setzero_ps();
    __m512 s2 = _mm512_setzero_ps();
    __m512 s3 = _mm512_setzero_ps();
    for (std::size_t i = 0; i < whole; i += 16) {
      const __m512 q = _mm512_loadu_ps(query + i);
      s0 = Add<sum>(q, _mm512_loadu_ps(rows + i), s0);
      s1 = Add<sum>(q, _mm512_loadu_ps(r1 + i), s1);
      s2 = Add<sum>(q, _mm512_loadu_ps(r2 + i), s2);
      s3 = Add<sum>(q, _mm512_loadu_ps(r3 + i), s3);
    }
    scores[row] = Total(Add<sum>(tail, _mm512_maskz_loadu_ps(mask, rows + whole), s0));
    scores[row + 1] = Total(Add<sum>(tail, _mm512_maskz_loadu_ps(mask, r1 + whole), s1));
    scores[row + 2] = Total(Add<sum>(tail, _mm512_maskz_loadu_ps(mask, r2 + whole), s2));
    scores[row + 3] = Total(Add<sum>(tail, _mm512_maskz_loadu_ps(mask, r3 + whole), s3));
  }
  for (; row < row_count; ++row, rows += dimension) {
    __m512 total = _mm512_setzero_ps();
    for (std::size_t i = 0; i < whole; i += 16) {
      total = Add<sum>(_mm512_loadu_ps(query + i), _mm512_loadu_ps(rows + i), total);
    }
    scores[row] = Total(Add<sum>(tail, _mm512_maskz_loadu_ps(mask, rows + whole), total));
  }
}

#endif  // defined(__x86_64__)

constexpr Kernels kPortable = {PortableRows<Sum::kProducts>, PortableRows<Sum::kSquares>};
#if defined(__x86_64__)
constexpr Kernels kAvx2 = {Avx2Rows<Sum::kProducts>, Avx2Rows<Sum::kSquares>};
constexpr Kernels kAvx512 = {Avx512Rows<Sum::kProducts>, Avx512Rows<Sum::kSquares>};
#endif

}  // namespace

bool IsAvailable(KernelSet set) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  if (set == KernelSet::kAvx2) return avx2;
  if (set == KernelSet::kAvx512) return avx2 && __builtin_cpu_supports("avx512f") != 0;
#endif
  return set == KernelSet::kPortable;
}

const Kernels& KernelsOf(KernelSet set) {
#if defined(__x86_64__)
  if (set == KernelSet::kAvx512 && IsAvailable(set)) return kAvx512;
  if (set == KernelSet::kAvx2 && IsAvailable(set)) return kAvx2;
#endif
  return kPortable;
}

const Kernels& BestKernels() {
  static const Kernels& best =
      IsAvailable(KernelSet::kAvx512) ? KernelsOf(KernelSet::kAvx512) : KernelsOf(KernelSet::kAvx2);
  return best;
}

}  // namespace kluis::matching
