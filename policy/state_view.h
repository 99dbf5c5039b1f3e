// What a decision may read: state records by key, nothing else. Implemented over the database by
// service/ and in memory by MemoryState below, which a replay folds the log into.
#ifndef KLUIS_POLICY_STATE_VIEW_H_
#define KLUIS_POLICY_STATE_VIEW_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kluis/v1/ledger.pb.h"

namespace kluis::policy {

class StateView {
 public:
  virtual ~StateView() = default;

  // The record under `key`, or nothing. Any error denies whatever is being decided.
  virtual absl::StatusOr<std::optional<std::string>> Read(std::string_view key) const = 0;
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
