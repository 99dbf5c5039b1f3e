// SPDX-License-Identifier: Apache-2.0
#include "service/ledger/self_check.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/codec.h"
#include "kluis/v1/ledger.pb.h"
#include "policy/state_view.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

absl::Status Ended() { return absl::CancelledError("check: it was ended before it was done"); }

}  // namespace

absl::StatusOr<SelfCheck> CheckState(const storage::Database& database,
                                     const std::function<bool()>& gone) {
  const auto ended = [&] { return gone && gone(); };
  const storage::Snapshot snapshot = database.TakeSnapshot();
  SelfCheck check;
  policy::MemoryState fold;
  absl::Status status;
  absl::Status scanned =
      snapshot.Scan(storage::Column::kLog, storage::EntryPrefix(),
                    [&](std::string_view key, std::string_view bytes) {
                      v1::Entry entry;
                      if (ended()) {
                        status = Ended();
                        return false;
                      }
                      if (storage::EntryIndexOf(key) != check.entries ||
                          !entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
                        status = absl::DataLossError("log: an entry is missing or damaged");
                        return false;
                      }
                      fold.ApplyChanges(entry);
                      ++check.entries;
                      return true;
                    });
  if (!scanned.ok()) return scanned;
  if (!status.ok()) return status;

  const auto size = snapshot.Get(storage::Column::kLog, storage::LogSizeKey());
  if (!size.ok()) return size.status();
  if (!size->has_value() || storage::DecodeU64(**size) != check.entries) {
    return absl::DataLossError("log: its entries are not as many as it says");
  }

  check.consistent = true;
  auto expected = fold.records().begin();
  scanned =
      snapshot.Scan(storage::Column::kState, "", [&](std::string_view key, std::string_view value) {
        if (ended()) {
          status = Ended();
          return false;
        }
        ++check.records;
        const bool same =
            expected != fold.records().end() && expected->first == key && expected->second == value;
        if (!same) {
          const bool missing = expected != fold.records().end() && expected->first < key;
          check.consistent = false;
          check.first_difference = missing ? expected->first : std::string(key);
          return false;
        }
        ++expected;
        return true;
      });
  if (!scanned.ok()) return scanned;
  if (!status.ok()) return status;
  if (check.consistent && expected != fold.records().end()) {
    check.consistent = false;
    check.first_difference = expected->first;
  }
  return check;
}

absl::Status CheckAgainstLog(const storage::Database& database, const Ledger& ledger) {
  const absl::StatusOr<std::string> last = ledger.Entry(ledger.size() - 1);
  if (!last.ok()) return last.status();
  v1::Entry entry;
  if (!entry.ParseFromString(*last)) return absl::DataLossError("log: the last entry is damaged");
  const StateSummary state = ledger.state();
  const crypto::Hash digest = state.digest.Value();
  if (entry.command().close_checkpoint().state_digest() == crypto::Bytes(digest)) {
    return absl::OkStatus();
  }
  const absl::StatusOr<SelfCheck> check = CheckState(database);
  if (!check.ok()) return check.status();
  if (check->consistent) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("state: record ", base::ToHex(check->first_difference),
                                          " was edited behind the log's back; nothing is served"));
}

}  // namespace kluis::service
