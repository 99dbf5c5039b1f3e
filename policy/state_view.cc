// SPDX-License-Identifier: Apache-2.0
#include "policy/state_view.h"

#include "policy/record_key.h"

namespace kluis::policy {

absl::StatusOr<std::optional<std::string>> MemoryState::Read(std::string_view key) const {
  const auto found = records_.find(key);
  if (found == records_.end()) return std::optional<std::string>();
  return std::optional<std::string>(found->second);
}

void MemoryState::ApplyChanges(const v1::Entry& entry) {
  for (const v1::RecordChange& change : entry.changes()) {
    RecordWrite write = Apply(change);
    if (write.value.has_value()) {
      records_[write.key] = *std::move(write.value);
    } else {
      records_.erase(write.key);
    }
  }
}

}  // namespace kluis::policy
