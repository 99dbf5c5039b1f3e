// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/peers.h"

#include <faiss/IndexFlat.h>
#include <faiss/IndexScalarQuantizer.h>
#include <hnswlib/hnswlib.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>

namespace kluis::bench {
namespace {

using Label = faiss::Index::idx_t;

constexpr size_t kBest = 10;
constexpr size_t kTrained = 10'000;  // templates that the bounds of the bytes are learnt from
constexpr int kThreads = 2;

// Calls search(person, probe), which says whether it found the person, for the first ones.
PeerSearches SearchEach(const ProtectedFaces& faces, size_t searches,
                        const std::function<bool(size_t, const float*)>& search) {
  PeerSearches result;
  size_t found = 0;
  for (size_t person = 0; person < searches; ++person) {
    const std::vector<float> probe = faces.Probe(person, 1);
    const auto start = std::chrono::steady_clock::now();
    if (search(person, probe.data())) ++found;
    const auto end = std::chrono::steady_clock::now();
    result.milliseconds.push_back(std::chrono::duration<double, std::milli>(end - start).count());
  }
  result.recall = static_cast<double>(found) / static_cast<double>(searches);
  return result;
}

// Whether `person`, counted from the first row of the index, is among the best.
bool Finds(const faiss::Index& index, const float* probe, Label person) {
  std::vector<float> scores(kBest);
  std::vector<Label> labels(kBest);
  index.search(1, probe, static_cast<Label>(kBest), scores.data(), labels.data());
  return std::find(labels.begin(), labels.end(), person) != labels.end();
}

}  // namespace

PeerSearches SearchFaissFlat(const ProtectedFaces& faces, size_t halves, size_t searches) {
  omp_set_num_threads(kThreads);
  const size_t dimension = faces.algorithm().dimension;
  const size_t rows = faces.people() / halves;
  std::vector<std::unique_ptr<faiss::IndexFlatIP>> indexes;
  for (size_t half = 0; half < halves; ++half) {
    indexes.push_back(std::make_unique<faiss::IndexFlatIP>(static_cast<Label>(dimension)));
    indexes.back()->add(static_cast<Label>(rows),
                        faces.all().subspan(half * rows * dimension).data());
  }
  return SearchEach(faces, searches, [&](size_t person, const float* probe) {
    std::vector<char> found(halves);
    const auto search = [&](size_t half) {
      const auto row = static_cast<Label>(person) - static_cast<Label>(half * rows);
      found[half] = Finds(*indexes[half], probe, row) ? 1 : 0;
    };
    std::vector<std::thread> others;
    for (size_t half = 1; half < halves; ++half) others.emplace_back(search, half);
    search(0);
    for (std::thread& other : others) other.join();
    return std::find(found.begin(), found.end(), 1) != found.end();
  });
}

PeerSearches SearchFaissBytes(const ProtectedFaces& faces, size_t searches) {
  omp_set_num_threads(kThreads);
  faiss::IndexScalarQuantizer index(static_cast<int>(faces.algorithm().dimension),
                                    faiss::ScalarQuantizer::QT_8bit, faiss::METRIC_INNER_PRODUCT);
  index.train(static_cast<Label>(std::min(kTrained, faces.people())), faces.all().data());
  index.add(static_cast<Label>(faces.people()), faces.all().data());
  return SearchEach(faces, searches, [&](size_t person, const float* probe) {
    return Finds(index, probe, static_cast<Label>(person));
  });
}

PeerSearches SearchHnsw(const ProtectedFaces& faces, size_t people, size_t ef, size_t searches) {
  hnswlib::InnerProductSpace space(faces.algorithm().dimension);
  hnswlib::HierarchicalNSW<float> graph(&space, people, /*M=*/16, /*ef_construction=*/200);
  OnTwoThreads(people, 64, [&](size_t first, size_t end) {
    for (size_t person = first; person < end; ++person) {
      graph.addPoint(faces.Template(person).data(), person);
    }
  });
  graph.setEf(ef);
  return SearchEach(faces, searches, [&](size_t person, const float* probe) {
    auto best = graph.searchKnn(probe, kBest);
    for (; !best.empty(); best.pop()) {
      if (best.top().second == person) return true;
    }
    return false;
  });
}

}  // namespace kluis::bench
