#include "service/log_rows.h"

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

}  // namespace kluis::service
