// What one append to the ledger is about to write: a view of the database in which it is written
// already, so that the rows of an atomic batch see each other. Not thread-safe.
#ifndef KLUIS_SERVICE_WRITES_H_
#define KLUIS_SERVICE_WRITES_H_

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

class Writes final : public policy::StateView {
 public:
  // `cache` may be null.
  Writes(const storage::Reader& base, policy::RecordCache* cache) : base_(base), cache_(cache) {}

  // What is written here, else what the database has: it is asked once for each key.
  absl::StatusOr<std::optional<std::string>> Get(storage::Column column,
                                                 std::string_view key) const {
    std::string place = Place(column, key);
    const auto known = known_.find(place);
    if (known != known_.end()) return known->second;
    absl::StatusOr<std::optional<std::string>> value = base_.Get(column, key);
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
  static std::string Place(storage::Column column, std::string_view key) {
    std::string place(1, static_cast<char>(column));
    place.append(key);
    return place;
  }

  const storage::Reader& base_;
  policy::RecordCache* const cache_;
  mutable std::unordered_map<std::string, std::optional<std::string>> known_;
  storage::Batch batch_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_WRITES_H_
