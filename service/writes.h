// What one append to the ledger is about to write: a view of the database in which it is written
// already, so that the rows of an atomic batch see each other. Not thread-safe.
#ifndef KLUIS_SERVICE_WRITES_H_
#define KLUIS_SERVICE_WRITES_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "policy/state_view.h"
#include "storage/batch.h"
#include "storage/reader.h"

namespace kluis::service {

class Writes final : public policy::StateView {
 public:
  explicit Writes(const storage::Reader& base) : base_(base) {}

  absl::StatusOr<std::optional<std::string>> Get(storage::Column column,
                                                 std::string_view key) const {
    const auto pending = pending_.find({column, std::string(key)});
    if (pending != pending_.end()) return pending->second;
    return base_.Get(column, key);
  }

  // Reads a state record, for policy/.
  absl::StatusOr<std::optional<std::string>> Read(std::string_view key) const override {
    return Get(storage::Column::kState, key);
  }

  void Put(storage::Column column, std::string key, std::string value) {
    pending_[{column, std::move(key)}] = std::move(value);
  }
  void Delete(storage::Column column, std::string key) {
    pending_[{column, std::move(key)}] = std::nullopt;
  }

  storage::Batch ToBatch() const {
    storage::Batch batch;
    for (const auto& [where, value] : pending_) {
      if (value.has_value()) {
        batch.Put(where.first, where.second, *value);
      } else {
        batch.Delete(where.first, where.second);
      }
    }
    return batch;
  }

 private:
  const storage::Reader& base_;
  std::map<std::pair<storage::Column, std::string>, std::optional<std::string>> pending_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_WRITES_H_
