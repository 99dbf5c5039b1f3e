// SPDX-License-Identifier: Apache-2.0
// State records as they are in the database now, for reads outside of a decision. Thread-safe.
#ifndef KLUIS_SERVICE_LEDGER_DATABASE_STATE_H_
#define KLUIS_SERVICE_LEDGER_DATABASE_STATE_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "policy/record_key.h"
#include "policy/state_view.h"
#include "storage/reader.h"

namespace kluis::service {

class DatabaseState final : public policy::StateView {
 public:
  explicit DatabaseState(const storage::Reader& reader) : reader_(reader) {}

  absl::StatusOr<std::optional<std::string>> Read(std::string_view key) const override {
    return reader_.Get(storage::Column::kState, key);
  }

  // Visits every record of one kind, in the order of the keys. kDataLoss: one does not parse.
  template <class Record>
  absl::Status ForEach(v1::RecordChange::ChangeCase kind,
                       const std::function<void(const Record&)>& visit) const {
    return ForEachUnder<Record>(policy::KindPrefix(kind), visit);
  }

  template <class Record>
  absl::Status ForEachUnder(std::string_view prefix,
                            const std::function<void(const Record&)>& visit) const {
    bool parsed = true;
    const absl::Status scanned = reader_.Scan(
        storage::Column::kState, prefix, [&](std::string_view, std::string_view value) {
          Record record;
          parsed = record.ParseFromArray(value.data(), static_cast<int>(value.size()));
          if (parsed) visit(record);
          return parsed;
        });
    if (!scanned.ok()) return scanned;
    return parsed ? absl::OkStatus() : absl::DataLossError("state: a record does not parse");
  }

 private:
  const storage::Reader& reader_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_LEDGER_DATABASE_STATE_H_
