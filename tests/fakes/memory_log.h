// SPDX-License-Identifier: Apache-2.0
// Replays a log of log_builder.h as it stands in memory. Functions of their arguments.
#ifndef KLUIS_TESTS_FAKES_MEMORY_LOG_H_
#define KLUIS_TESTS_FAKES_MEMORY_LOG_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <istream>
#include <string>
#include <vector>

#include "audit/replay/replay.h"
#include "audit/tiles.h"
#include "tests/fakes/log_builder.h"

namespace kluis::audit {

// `entries` must outlive the reader.
inline BundleReader ReaderOf(const std::vector<std::string>& entries) {
  return [&entries](uint64_t bundle) -> absl::StatusOr<BundleBytes> {
    const size_t begin = bundle * kTileWidth;
    const size_t end = std::min<size_t>(entries.size(), begin + kTileWidth);
    BundleBytes bytes;
    for (size_t i = begin; i < end; ++i) bytes.entries.push_back(entries[i]);
    return bytes;
  };
}

inline ReplayReport ReplayOf(const LogBuilder& log, std::istream* details = nullptr) {
  ReplayOptions options;
  options.threads = 1;
  options.details = details;
  const auto report = Replay(log.checkpoint(), log.key(), ReaderOf(log.entries()), options);
  EXPECT_TRUE(report.ok()) << report.status();
  return report.ok() ? *report : ReplayReport();
}

inline v1::Entry EntryAt(const LogBuilder& log, uint64_t index) {
  v1::Entry entry;
  EXPECT_TRUE(entry.ParseFromString(log.entries()[index]));
  return entry;
}

}  // namespace kluis::audit

#endif  // KLUIS_TESTS_FAKES_MEMORY_LOG_H_
