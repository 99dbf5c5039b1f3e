// SPDX-License-Identifier: Apache-2.0
// What one batch of the ledger is about to write: a view of the database in which it is written
// already, so that acts of one batch see each other. Not thread-safe.
#ifndef KLUIS_SERVICE_LEDGER_WRITES_H_
#define KLUIS_SERVICE_LEDGER_WRITES_H_

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "absl/status/statusor.h"
#include "policy/state_view.h"
#include "storage/batch.h"
#include "storage/reader.h"

namespace kluis::service {

// State records that were written of late, as they are in the database: the outcome of a search
// reads what its intent has written. Whoever writes a record keeps it here. Not thread-safe.
class LastWritten {
 public:
  using Value = std::optional<std::string>;  // nothing: there is no such record

  // Null: not known.
  const Value* Find(std::string_view key) const {
    const auto found = values_.find(std::string(key));
    return found == values_.end() ? nullptr : &found->second;
  }
  void Keep(const std::string& key, Value value) {
    if (values_.size() >= kMaxRecords) values_.clear();
    values_[key] = std::move(value);
  }

 private:
  static constexpr size_t kMaxRecords = 4096;
  std::unordered_map<std::string, Value> values_;
};

class Writes final : public policy::StateView {
 public:
  // `cache` and `last` may be null.
  Writes(const storage::Reader& base, policy::RecordCache* cache, const LastWritten* last)
      : base_(base), cache_(cache), last_(last) {}

  // What is written here, else what the database has: it is asked once for each key.
  absl::StatusOr<std::optional<std::string>> Get(storage::Column column,
                                                 std::string_view key) const {
    std::string place = Place(column, key);
    const auto known = known_.find(place);
    if (known != known_.end()) return known->second;
    if (last_ != nullptr && column == storage::Column::kState) {
      if (const Value* const value = last_->Find(key)) {
        return known_.emplace(std::move(place), *value).first->second;
      }
    }
    absl::StatusOr<Value> value = base_.Get(column, key);
    if (value.ok()) known_.emplace(std::move(place), *value);
    return value;
  }

  // Reads a state record, for policy/.
  absl::StatusOr<std::optional<std::string>> Read(std::string_view key) const override {
    return Get(storage::Column::kState, key);
  }
  policy::RecordCache* cache() const override { return cache_; }

  void Put(storage::Column column, std::string_view key, std::string_view value) {
    known_[Place(column, key)] = std::string(value);
    batch_.Put(column, key, value);
  }
  void Delete(storage::Column column, std::string_view key) {
    known_[Place(column, key)] = std::nullopt;
    batch_.Delete(column, key);
  }
  // Put of what this append does not read again.
  void Append(storage::Column column, std::string_view key, std::string_view value) {
    batch_.Put(column, key, value);
  }

  storage::Batch TakeBatch() { return std::move(batch_); }

 private:
  using Value = LastWritten::Value;

  static std::string Place(storage::Column column, std::string_view key) {
    std::string place(1, static_cast<char>(column));
    place.append(key);
    return place;
  }

  const storage::Reader& base_;
  policy::RecordCache* const cache_;
  const LastWritten* const last_;
  mutable std::unordered_map<std::string, Value> known_;
  storage::Batch batch_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_LEDGER_WRITES_H_
