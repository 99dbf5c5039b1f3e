// SPDX-License-Identifier: Apache-2.0
#include "service/ledger/log_rows.h"

#include <algorithm>
#include <optional>

#include "storage/layout.h"

namespace kluis::service {

using storage::Column;

audit::NodeReader NodesOf(const storage::Reader& reader) {
  return [&reader](uint32_t level, uint64_t index) -> absl::StatusOr<crypto::Hash> {
    const auto stored =
        reader.Get(Column::kLog, storage::NodeKey(static_cast<uint8_t>(level), index));
    if (!stored.ok()) return stored.status();
    crypto::Hash hash;
    if (!stored->has_value() || (*stored)->size() != hash.size()) {
      return absl::DataLossError("log: a node of the tree is missing");
    }
    std::copy((*stored)->begin(), (*stored)->end(), hash.begin());
    return hash;
  };
}

absl::StatusOr<uint64_t> LogSizeIn(const storage::Reader& reader) {
  const auto stored = reader.Get(Column::kLog, storage::LogSizeKey());
  if (!stored.ok()) return stored.status();
  if (!stored->has_value()) return 0;
  const std::optional<uint64_t> size = storage::DecodeU64(**stored);
  if (!size.has_value()) return absl::DataLossError("log: the stored size is damaged");
  return *size;
}

absl::Status VisitAllowed(const storage::Reader& reader, uint64_t from, uint64_t end,
                          const std::function<void(uint64_t, const v1::Entry&)>& visit) {
  absl::Status status;
  const absl::Status scanned =
      reader.ScanRange(Column::kLog, storage::EntryKey(from), storage::EntryKey(end),
                       [&](std::string_view key, std::string_view bytes) {
                         v1::Entry entry;
                         const auto index = storage::EntryIndexOf(key);
                         if (!index.has_value() ||
                             !entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
                           status = absl::DataLossError("log: an entry is damaged");
                           return false;
                         }
                         if (entry.decision().allowed()) visit(*index, entry);
                         return true;
                       });
  return scanned.ok() ? status : scanned;
}

}  // namespace kluis::service
