// SPDX-License-Identifier: Apache-2.0
// What one scan of a sealed gallery costs, and its parts: opening segments, scanning sketches; and
// the float kernels of 1:1. Random rows: times here do not depend on faces, see rows_gallery.cc.

#include <benchmark/benchmark.h>

#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "matching/algorithm.h"
#include "matching/gallery.h"
#include "matching/kernels.h"
#include "matching/segment_sealer.h"
#include "matching/sketch_kernels.h"

namespace {

using namespace kluis::matching;

std::vector<float> RandomUnitRows(std::size_t rows, std::size_t dimension,
                                  std::mt19937_64& random) {
  std::normal_distribution<float> normal;
  std::vector<float> values(rows * dimension);
  for (std::size_t row = 0; row < rows; ++row) {
    double squared = 0;
    for (std::size_t i = 0; i < dimension; ++i) {
      float& value = values[row * dimension + i] = normal(random);
      squared += static_cast<double>(value) * static_cast<double>(value);
    }
    const auto scale = static_cast<float>(1 / std::sqrt(squared));
    for (std::size_t i = 0; i < dimension; ++i) values[row * dimension + i] *= scale;
  }
  return values;
}

// Arguments: rows, threads.
void ScanGallery(benchmark::State& state) {
  const Algorithm& algorithm = *FindAlgorithm("arcface-512/1");
  std::mt19937_64 random(1);
  auto gallery = Gallery::Create(
      algorithm, {.threads = static_cast<std::size_t>(state.range(1)), .cipher = {}});
  if (!gallery.ok()) return state.SkipWithError("no gallery");
  std::vector<Row> rows(Gallery::kMaxRowsPerAdd);
  std::uint32_t slot = 0;
  while ((*gallery)->size() < static_cast<std::size_t>(state.range(0))) {
    for (Row& row : rows) {
      row.slot = slot++;
      row.category = 1;
      row.expires_at = std::numeric_limits<std::int64_t>::max();
    }
    const auto templates = RandomUnitRows(rows.size(), algorithm.dimension, random);
    if (!(*gallery)->Add(rows, templates).ok()) return state.SkipWithError("cannot add");
  }
  const auto probe = RandomUnitRows(1, algorithm.dimension, random);
  const Query query = {.probe = probe,
                       .cut = 0.5,
                       .max_candidates = 10,
                       .now = 0,
                       .categories = 1,
                       .should_stop = {}};
  for (auto _ : state) {
    if (!(*gallery)->Scan(query).ok()) return state.SkipWithError("scan failed");
  }
  state.counters["resident"] = static_cast<double>((*gallery)->bytes_resident());
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(slot));
}
BENCHMARK(ScanGallery)
    ->Args({100'096, 1})
    ->Args({100'096, 2})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

// Argument: the cipher.
void OpenSegment(benchmark::State& state) {
  const auto cipher = static_cast<SegmentSealer::Cipher>(state.range(0));
  const std::uint8_t key[SegmentSealer::kKeyBytes] = {};
  auto sealer = SegmentSealer::Create(cipher, key);
  if (!sealer.ok()) return state.SkipWithError("cipher not available");
  std::vector<std::uint8_t> plain(64 * 1024);
  std::vector<std::uint8_t> sealed(plain.size() + SegmentSealer::kTagBytes);
  if (!(*sealer)->Seal(1, {}, plain, sealed)) return state.SkipWithError("cannot seal");
  for (auto _ : state) benchmark::DoNotOptimize((*sealer)->Open(1, {}, sealed, plain));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(plain.size()));
}
BENCHMARK(OpenSegment)->DenseRange(0, 3);

// Argument: the set of kernels.
void ScoreBlock(benchmark::State& state) {
  const auto set = static_cast<KernelSet>(state.range(0));
  if (!IsAvailable(set)) return state.SkipWithError("kernels not available");
  std::mt19937_64 random(1);
  const auto rows = RandomUnitRows(32, 512, random);
  const auto query = RandomUnitRows(1, 512, random);
  std::vector<float> scores(32);
  for (auto _ : state) {
    KernelsOf(set).dot(query.data(), rows.data(), 32, 512, scores.data());
    benchmark::DoNotOptimize(scores.data());
  }
  state.SetBytesProcessed(state.iterations() * 32 * 512 * 4);
}
BENCHMARK(ScoreBlock)->DenseRange(0, 2);

// Arguments: the set of kernels, queries in the block. Items are pairs of a sketch and a query.
void ScanSketches(benchmark::State& state) {
  const auto set = static_cast<KernelSet>(state.range(0));
  if (!HasSketchKernel(set)) return state.SkipWithError("kernels not available");
  constexpr std::size_t kRows = 848;
  const auto count = static_cast<std::size_t>(state.range(1));
  std::mt19937_64 random(1);
  std::vector<std::uint64_t> words(kRows * 8);
  std::vector<std::uint64_t> planes(count * 32);
  for (std::uint64_t& word : words) word = random();
  for (std::uint64_t& plane : planes) plane = random();
  const std::vector<std::uint16_t> alignments(kRows, 52'000);
  const std::vector<std::uint16_t> lengths(kRows, EncodeLength(1));
  const std::vector<std::uint32_t> expires(kRows, 1'000);
  const std::vector<std::uint8_t> categories(kRows, 1);
  std::vector<std::uint64_t> hits(count * 14);
  std::vector<SketchTest> tests(count);
  for (std::size_t i = 0; i < count; ++i) {
    tests[i].planes = planes.data() + i * 32;
    tests[i].limit.base = 1'000;
    tests[i].categories = 1;
    tests[i].hits = hits.data() + i * 14;
  }
  const SketchBlock block = {.words = words.data(),
                             .alignments = alignments.data(),
                             .lengths = lengths.data(),
                             .expires = expires.data(),
                             .categories = categories.data(),
                             .rows = kRows,
                             .words_per_sketch = 8};
  for (auto _ : state) {
    SketchKernelOf(set)(block, tests);
    benchmark::DoNotOptimize(hits.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kRows * count));
}
BENCHMARK(ScanSketches)->ArgsProduct({{0, 1, 2}, {1, 32}});

}  // namespace

BENCHMARK_MAIN();
