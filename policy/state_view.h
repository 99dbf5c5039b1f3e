// SPDX-License-Identifier: Apache-2.0
// What a decision may read: state records by key, nothing else. Implemented over the database by
// service/ and in memory by MemoryState below, which a replay folds the log into.
#ifndef KLUIS_POLICY_STATE_VIEW_H_
#define KLUIS_POLICY_STATE_VIEW_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kluis/v1/ledger.pb.h"

namespace kluis::policy {

// Parsed records by key, and which keys have none. Whoever writes a record forgets it here. Not
// thread-safe.
class RecordCache {
 public:
  // No record has a longer key; what a request asks for may, and is not kept.
  static constexpr size_t kMaxKeyBytes = 128;

  using Record = std::shared_ptr<const google::protobuf::Message>;  // its type is that of the kind

  RecordCache() = default;
  // At most so many records, and as many that were not asked for since.
  explicit RecordCache(size_t max_records) : max_records_(max_records) {}

  // Nothing: not known. Null: there is no such record.
  const Record* Find(const std::string& key) {
    const auto found = records_.find(key);
    if (found != records_.end()) return &found->second;
    auto older = older_.extract(key);
    return older.empty() ? nullptr : Keep(key, std::move(older.mapped()));
  }
  const Record* Keep(const std::string& key, Record record) {
    if (records_.size() >= max_records_) older_ = std::exchange(records_, {});
    return &(records_[key] = std::move(record));
  }
  void Forget(const std::string& key) {
    records_.erase(key);
    older_.erase(key);
  }

 private:
  size_t max_records_ = 16'384;
  std::unordered_map<std::string, Record> records_;
  std::unordered_map<std::string, Record> older_;  // not asked for since; the next to go
};

class StateView {
 public:
  virtual ~StateView() = default;

  // The record under `key`, or nothing. Any error denies whatever is being decided.
  virtual absl::StatusOr<std::optional<std::string>> Read(std::string_view key) const = 0;

  // Where records that are read more often than written may be kept parsed; null: nowhere.
  virtual RecordCache* cache() const { return nullptr; }
};

// Reads and parses one record. kDataLoss: bytes that are not a `Record`.
template <class Record>
absl::StatusOr<std::optional<Record>> Find(const StateView& state, std::string_view key) {
  absl::StatusOr<std::optional<std::string>> bytes = state.Read(key);
  if (!bytes.ok()) return bytes.status();
  if (!bytes->has_value()) return std::optional<Record>();
  std::optional<Record> record(std::in_place);
  if (!record->ParseFromString(**bytes)) {
    return absl::DataLossError("state: a record does not parse");
  }
  return record;
}

// As Find, and remembered in the state's cache when there is one; null: no such record.
template <class Record>
absl::StatusOr<std::shared_ptr<const Record>> FindShared(const StateView& state,
                                                         const std::string& key) {
  RecordCache* const cache = key.size() <= RecordCache::kMaxKeyBytes ? state.cache() : nullptr;
  if (cache != nullptr) {
    if (const RecordCache::Record* kept = cache->Find(key)) {
      return std::static_pointer_cast<const Record>(*kept);
    }
  }
  absl::StatusOr<std::optional<Record>> found = Find<Record>(state, key);
  if (!found.ok()) return found.status();
  std::shared_ptr<const Record> record;
  if (found->has_value()) record = std::make_shared<const Record>(**std::move(found));
  if (cache != nullptr) cache->Keep(key, record);
  return record;
}

// A state that is nothing but the fold of the entries applied to it. Not thread-safe.
class MemoryState : public StateView {
 public:
  absl::StatusOr<std::optional<std::string>> Read(std::string_view key) const override;

  // Applies an entry's changes in order.
  void ApplyChanges(const v1::Entry& entry);

  const std::map<std::string, std::string, std::less<>>& records() const { return records_; }

 private:
  std::map<std::string, std::string, std::less<>> records_;
};

}  // namespace kluis::policy

#endif  // KLUIS_POLICY_STATE_VIEW_H_
