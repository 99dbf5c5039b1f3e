// Which keys were deleted since their columns were last compacted: until then their bytes are still
// in files. What an earlier process deleted is not known, so all of a column counts at first.
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
    std::set<std::string> keys;  // empty when all
  };

  void Add(Column column, std::string_view key) {
    const std::lock_guard lock(mutex_);
    InColumn& deleted = columns_[static_cast<std::size_t>(column)];
    if (deleted.all) return;
    deleted.keys.emplace(key);
    if (deleted.keys.size() > kMost) deleted = {};
  }

  // What was deleted so far; from now on it counts as compacted.
  InColumn Take(Column column) {
    const std::lock_guard lock(mutex_);
    return std::exchange(columns_[static_cast<std::size_t>(column)], {false, {}});
  }

  // What was taken is not compacted after all.
  void PutBack(Column column, const InColumn& taken) {
    for (const std::string& key : taken.keys) Add(column, key);
    const std::lock_guard lock(mutex_);
    if (taken.all) columns_[static_cast<std::size_t>(column)] = {};
  }

 private:
  std::mutex mutex_;
  std::array<InColumn, kColumnCount> columns_;
};

}  // namespace kluis::storage

#endif  // KLUIS_STORAGE_DELETED_KEYS_H_
