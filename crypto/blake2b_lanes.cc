// SPDX-License-Identifier: Apache-2.0
#include "crypto/blake2b_lanes.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace kluis::crypto {
namespace {

constexpr size_t kLanes = 8;
constexpr size_t kBlockBytes = 128;
constexpr size_t kLaneKeyBytes = 32;
constexpr size_t kFewest = 2;  // fewer are faster one by one
// More than the calls below KeyedBlake2bEachIn reach down, sanitized ones also.
constexpr size_t kStackBytes = 8192;

void OneByOne(const Label& use, std::span<const HashJob> jobs) {
  for (const HashJob& job : jobs) {
    KeyedBlake2b(std::span<const uint8_t, kLaneKeyBytes>(job.key, kLaneKeyBytes), use,
                 {Raw(job.message), job.message.size()},
                 std::span<uint8_t, kLaneKeyBytes>(job.hash, kLaneKeyBytes));
  }
}

#if defined(__x86_64__)

constexpr std::array<uint64_t, 8> kIv = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                         0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                         0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
// Digest and key of 32 bytes, fan-out and depth 1.
constexpr uint64_t kParameters = 0x01012020;

constexpr size_t kRounds = 12;
constexpr uint8_t kSigma[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

// Words of eight hashes, those of one word side by side.
struct Lanes {
  alignas(64) uint64_t state[8][kLanes];
  alignas(64) uint64_t block[16][kLanes];
  alignas(64) uint64_t counter[kLanes];
};

// One instruction; GCC 12 warns of its own intrinsic for it.
template <int bits>
[[gnu::target("avx512f"), gnu::always_inline]] inline __m512i RotateRight(__m512i value) {
  const auto words = reinterpret_cast<__v8du>(value);
  return reinterpret_cast<__m512i>(words >> bits | words << (64 - bits));
}

[[gnu::target("avx512f"), gnu::always_inline]] inline void Mix(__m512i& a, __m512i& b, __m512i& c,
                                                               __m512i& d, const uint64_t* x,
                                                               const uint64_t* y) {
  a = _mm512_add_epi64(_mm512_add_epi64(a, b), _mm512_load_si512(x));
  d = RotateRight<32>(_mm512_xor_si512(d, a));
  c = _mm512_add_epi64(c, d);
  b = RotateRight<24>(_mm512_xor_si512(b, c));
  a = _mm512_add_epi64(_mm512_add_epi64(a, b), _mm512_load_si512(y));
  d = RotateRight<16>(_mm512_xor_si512(d, a));
  c = _mm512_add_epi64(c, d);
  b = RotateRight<63>(_mm512_xor_si512(b, c));
}

// The compression of RFC 7693, section 3.2.
[[gnu::target("avx512f")]] void CompressAvx512(Lanes& lanes, bool last) {
  __m512i v[16];
  for (size_t i = 0; i < 8; ++i) {
    v[i] = _mm512_load_si512(lanes.state[i]);
    v[i + 8] = _mm512_set1_epi64(static_cast<long long>(kIv[i]));
  }
  v[12] = _mm512_xor_si512(v[12], _mm512_load_si512(lanes.counter));
  if (last) v[14] = _mm512_xor_si512(v[14], _mm512_set1_epi64(-1));
  for (size_t round = 0; round < kRounds; ++round) {
    const uint8_t* const s = kSigma[round % 10];
    Mix(v[0], v[4], v[8], v[12], lanes.block[s[0]], lanes.block[s[1]]);
    Mix(v[1], v[5], v[9], v[13], lanes.block[s[2]], lanes.block[s[3]]);
    Mix(v[2], v[6], v[10], v[14], lanes.block[s[4]], lanes.block[s[5]]);
    Mix(v[3], v[7], v[11], v[15], lanes.block[s[6]], lanes.block[s[7]]);
    Mix(v[0], v[5], v[10], v[15], lanes.block[s[8]], lanes.block[s[9]]);
    Mix(v[1], v[6], v[11], v[12], lanes.block[s[10]], lanes.block[s[11]]);
    Mix(v[2], v[7], v[8], v[13], lanes.block[s[12]], lanes.block[s[13]]);
    Mix(v[3], v[4], v[9], v[14], lanes.block[s[14]], lanes.block[s[15]]);
  }
  for (size_t i = 0; i < 8; ++i) {
    const __m512i before = _mm512_load_si512(lanes.state[i]);
    _mm512_store_si512(lanes.state[i], _mm512_xor_si512(before, _mm512_xor_si512(v[i], v[i + 8])));
  }
}

template <int bits>
[[gnu::target("avx2"), gnu::always_inline]] inline __m256i RotateRight(__m256i value) {
  return _mm256_or_si256(_mm256_srli_epi64(value, bits), _mm256_slli_epi64(value, 64 - bits));
}

[[gnu::target("avx2"), gnu::always_inline]] inline void Mix(__m256i& a, __m256i& b, __m256i& c,
                                                            __m256i& d, const uint64_t* x,
                                                            const uint64_t* y) {
  const auto* const first = reinterpret_cast<const __m256i*>(x);
  const auto* const second = reinterpret_cast<const __m256i*>(y);
  a = _mm256_add_epi64(_mm256_add_epi64(a, b), _mm256_load_si256(first));
  d = RotateRight<32>(_mm256_xor_si256(d, a));
  c = _mm256_add_epi64(c, d);
  b = RotateRight<24>(_mm256_xor_si256(b, c));
  a = _mm256_add_epi64(_mm256_add_epi64(a, b), _mm256_load_si256(second));
  d = RotateRight<16>(_mm256_xor_si256(d, a));
  c = _mm256_add_epi64(c, d);
  b = RotateRight<63>(_mm256_xor_si256(b, c));
}

// The same for the four lanes from `lane` on.
[[gnu::target("avx2")]] void CompressAvx2(Lanes& lanes, bool last, size_t lane) {
  const auto at = [lane](uint64_t* words) { return reinterpret_cast<__m256i*>(words + lane); };
  __m256i v[16];
  for (size_t i = 0; i < 8; ++i) {
    v[i] = *at(lanes.state[i]);
    v[i + 8] = _mm256_set1_epi64x(static_cast<long long>(kIv[i]));
  }
  v[12] = _mm256_xor_si256(v[12], *at(lanes.counter));
  if (last) v[14] = _mm256_xor_si256(v[14], _mm256_set1_epi64x(-1));
  for (size_t round = 0; round < kRounds; ++round) {
    const uint8_t* const s = kSigma[round % 10];
    Mix(v[0], v[4], v[8], v[12], lanes.block[s[0]] + lane, lanes.block[s[1]] + lane);
    Mix(v[1], v[5], v[9], v[13], lanes.block[s[2]] + lane, lanes.block[s[3]] + lane);
    Mix(v[2], v[6], v[10], v[14], lanes.block[s[4]] + lane, lanes.block[s[5]] + lane);
    Mix(v[3], v[7], v[11], v[15], lanes.block[s[6]] + lane, lanes.block[s[7]] + lane);
    Mix(v[0], v[5], v[10], v[15], lanes.block[s[8]] + lane, lanes.block[s[9]] + lane);
    Mix(v[1], v[6], v[11], v[12], lanes.block[s[10]] + lane, lanes.block[s[11]] + lane);
    Mix(v[2], v[7], v[8], v[13], lanes.block[s[12]] + lane, lanes.block[s[13]] + lane);
    Mix(v[3], v[4], v[9], v[14], lanes.block[s[14]] + lane, lanes.block[s[15]] + lane);
  }
  for (size_t i = 0; i < 8; ++i) {
    *at(lanes.state[i]) = _mm256_xor_si256(*at(lanes.state[i]), _mm256_xor_si256(v[i], v[i + 8]));
  }
}

void Compress(LaneKind kind, Lanes& lanes, bool last, size_t used) {
  if (kind == LaneKind::kAvx512) return CompressAvx512(lanes, last);
  CompressAvx2(lanes, last, 0);
  if (used > kLanes / 2) CompressAvx2(lanes, last, kLanes / 2);
}

// Copies `bytes` into one lane of the block, which is zeros.
void Put(Lanes& lanes, size_t lane, const uint8_t* bytes, size_t size) {
  size_t word = 0;
  for (; size >= 8; size -= 8, bytes += 8) std::memcpy(&lanes.block[word++][lane], bytes, 8);
  std::memcpy(&lanes.block[word % 16][lane], bytes, size);  // x86-64 is little-endian
}

// Up to eight jobs with messages of 1 to 128 bytes. A keyed hash has the key as its first block.
void SideBySide(LaneKind kind, const Label& use, std::span<const HashJob> jobs, Lanes& lanes) {
  std::array<uint64_t, 2> person;
  std::memcpy(person.data(), use.data(), sizeof(person));
  for (size_t i = 0; i < 8; ++i) {
    const uint64_t start = kIv[i] ^ (i == 0 ? kParameters : 0) ^ (i >= 6 ? person[i - 6] : 0);
    std::fill_n(lanes.state[i], kLanes, start);
  }
  std::memset(lanes.block, 0, sizeof(lanes.block));
  for (size_t lane = 0; lane < jobs.size(); ++lane) Put(lanes, lane, jobs[lane].key, kLaneKeyBytes);
  std::fill_n(lanes.counter, kLanes, kBlockBytes);
  Compress(kind, lanes, /*last=*/false, jobs.size());

  std::memset(lanes.block, 0, kLaneKeyBytes / 8 * sizeof(lanes.block[0]));
  for (size_t lane = 0; lane < jobs.size(); ++lane) {
    Put(lanes, lane, Raw(jobs[lane].message), jobs[lane].message.size());
    lanes.counter[lane] += jobs[lane].message.size();
  }
  Compress(kind, lanes, /*last=*/true, jobs.size());
  for (size_t lane = 0; lane < jobs.size(); ++lane) {
    for (size_t word = 0; word < kLaneKeyBytes / 8; ++word) {
      std::memcpy(jobs[lane].hash + word * 8, &lanes.state[word][lane], 8);
    }
  }
}

void InGroups(LaneKind kind, const Label& use, std::span<const HashJob> jobs) {
  Lanes lanes;
  std::array<HashJob, kLanes> group;
  size_t size = 0;
  const auto flush = [&] {
    if (size < kFewest) {
      OneByOne(use, std::span(group).first(size));
    } else {
      SideBySide(kind, use, std::span(group).first(size), lanes);
    }
    size = 0;
  };
  for (const HashJob& job : jobs) {
    if (job.message.empty() || job.message.size() > kBlockBytes) {
      OneByOne(use, {&job, 1});
      continue;
    }
    group[size++] = job;
    if (size == kLanes) flush();
  }
  flush();
  sodium_memzero(&lanes, sizeof(lanes));
}

#endif  // defined(__x86_64__)

// Not inlined, so that all its calls leave is below the caller's frame.
[[gnu::noinline]] void HashEach(LaneKind kind, const Label& use, std::span<const HashJob> jobs) {
#if defined(__x86_64__)
  if (kind != LaneKind::kOneByOne && jobs.size() >= kFewest) return InGroups(kind, use, jobs);
#endif
  OneByOne(use, jobs);
}

LaneKind Fastest() {
  if (HasLanes(LaneKind::kAvx512)) return LaneKind::kAvx512;
  return HasLanes(LaneKind::kAvx2) ? LaneKind::kAvx2 : LaneKind::kOneByOne;
}

}  // namespace

void KeyedBlake2bEach(const Label& use, std::span<const HashJob> jobs) {
  static const LaneKind fastest = Fastest();
  KeyedBlake2bEachIn(fastest, use, jobs);
}

bool HasLanes(LaneKind kind) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (kind == LaneKind::kAvx2) return __builtin_cpu_supports("avx2") != 0;
  if (kind == LaneKind::kAvx512) return __builtin_cpu_supports("avx512f") != 0;
#endif
  return kind == LaneKind::kOneByOne;
}

void KeyedBlake2bEachIn(LaneKind kind, const Label& use, std::span<const HashJob> jobs) {
  HashEach(HasLanes(kind) ? kind : LaneKind::kOneByOne, use, jobs);
  sodium_stackzero(kStackBytes);  // vectors that did not fit into registers
}

}  // namespace kluis::crypto
