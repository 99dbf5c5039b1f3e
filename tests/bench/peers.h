// SPDX-License-Identifier: Apache-2.0
// What the gallery is measured against: search engines that people use, from Debian, on the same
// templates in plain. Debian builds them for any processor; built for AVX-512 FAISS is about five
// times as fast (BENCHMARKS.md).
#ifndef KLUIS_TESTS_BENCH_PEERS_H_
#define KLUIS_TESTS_BENCH_PEERS_H_

#include <cstddef>
#include <vector>

#include "tests/bench/protected_faces.h"

namespace kluis::bench {

struct PeerSearches {
  std::vector<double> milliseconds;  // of each search
  double recall = 0;                 // of the people searched for, found among the ten best
};

// FAISS, exact inner products. IndexFlatIP shares out queries among its threads, so one query has
// one; in `halves` = 2 indexes, each searched on a thread of its own, it has two.
PeerSearches SearchFaissFlat(const ProtectedFaces& faces, size_t halves, size_t searches);

// FAISS, one byte a value (QT_8bit), one thread a query.
PeerSearches SearchFaissBytes(const ProtectedFaces& faces, size_t searches);

// hnswlib, a graph of the first `people` (M 16, ef_construction 200), searched with this `ef`, one
// thread a query.
PeerSearches SearchHnsw(const ProtectedFaces& faces, size_t people, size_t ef, size_t searches);

}  // namespace kluis::bench

#endif  // KLUIS_TESTS_BENCH_PEERS_H_
