// SPDX-License-Identifier: Apache-2.0
// Which keys were deleted or replaced since their columns were last compacted: until then their
// bytes are still in files. What an earlier process did is not known, so at first all of a column
// may have to be rewritten, and its tables say whether.
// Thread-safe.
#ifndef KLUIS_STORAGE_DELETED_KEYS_H_
#define KLUIS_STORAGE_DELETED_KEYS_H_

#include <array>
#include <cstddef>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "storage/layout.h"

namespace kluis::storage {

class DeletedKeys {
 public:
  static constexpr std::size_t kMost = 1024;  // kept of a column; more than that count as all

  struct InColumn {
    bool all = true;
    bool certain = false;        // else the tables are asked whether there is anything
    std::set<std::string> keys;  // empty when all

    bool empty() const { return !all && keys.empty(); }
  };

  void Add(Column column, std::string_view key) {
    const std::lock_guard lock(mutex_);
    InColumn& deleted = columns_[static_cast<std::size_t>(column)];
    deleted.certain = true;
    if (deleted.all) return;
    deleted.keys.emplace(key);
    if (deleted.keys.size() > kMost) deleted = {true, true, {}};
  }

  // What was deleted so far; from now on it counts as compacted.
  InColumn Take(Column column) {
    const std::lock_guard lock(mutex_);
    return std::exchange(columns_[static_cast<std::size_t>(column)], {false, false, {}});
  }

  // What was taken is not compacted after all.
  void PutBack(Column column, const InColumn& taken) {
    for (const std::string& key : taken.keys) Add(column, key);
    if (!taken.all) return;
    const std::lock_guard lock(mutex_);
    InColumn& deleted = columns_[static_cast<std::size_t>(column)];
    deleted = {true, taken.certain || deleted.certain, {}};
  }

 private:
  std::mutex mutex_;
  std::array<InColumn, kColumnCount> columns_;
};

}  // namespace kluis::storage

#endif  // KLUIS_STORAGE_DELETED_KEYS_H_
