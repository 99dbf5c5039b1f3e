// SPDX-License-Identifier: Apache-2.0
#include "service/ledger/closing.h"

#include <string>
#include <string_view>

#include "crypto/sha256.h"
#include "policy/record_key.h"
#include "storage/layout.h"

namespace kluis::service {

absl::Status FillClosing(const storage::Database& database, const StateSummary& state,
                         std::optional<policy::Time> time, v1::CloseCheckpoint& closing) {
  constexpr int kMost = 1'000;
  StateSummary left = state;
  const std::string prefix = policy::KindPrefix(v1::RecordChange::kUsedStatement);
  const auto forget = [&](std::string_view key, std::string_view value) {
    const std::string_view rest = key.substr(prefix.size());  // begins with the statement's end
    if (policy::OverAt(rest) > *time || closing.over_statements_size() == kMost) return false;
    closing.add_over_statements(std::string(rest));
    left.digest.Remove(key, value);
    --left.records;
    return true;
  };
  if (time.has_value()) {
    const absl::Status scanned = database.Scan(storage::Column::kState, prefix, forget);
    if (!scanned.ok()) return scanned;
  }
  closing.set_state_digest(std::string(crypto::Bytes(left.digest.Value())));
  closing.set_records(left.records);
  return absl::OkStatus();
}

}  // namespace kluis::service
