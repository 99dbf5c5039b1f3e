// SPDX-License-Identifier: Apache-2.0
#include "audit/log/verify_log.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/codec.h"

namespace kluis::audit {

absl::StatusOr<LogReport> VerifyEntries(const EntryReader& next_entry,
                                        const Checkpoint& checkpoint) {
  MerkleFrontier tree;
  LogReport report;
  while (true) {
    const absl::StatusOr<std::optional<std::string>> entry = next_entry();
    if (!entry.ok()) return entry.status();
    if (!entry->has_value()) break;
    if (tree.size() == checkpoint.size) {
      return absl::DataLossError(
          absl::StrCat("log: has more entries than the checkpoint's size ", checkpoint.size));
    }
    tree.Append(LeafHash(**entry));
  }
  if (tree.size() != checkpoint.size) {
    return absl::DataLossError(absl::StrCat(
        "log: ends after ", tree.size(), " entries, the checkpoint's size is ", checkpoint.size));
  }
  report.entries = tree.size();
  report.root = tree.Root();
  if (report.root != checkpoint.root) {
    return absl::DataLossError(absl::StrCat(
        "log: root of ", tree.size(), " entries is ", base::ToHex(crypto::Bytes(report.root)),
        ", the checkpoint says ", base::ToHex(crypto::Bytes(checkpoint.root))));
  }
  return report;
}

}  // namespace kluis::audit
