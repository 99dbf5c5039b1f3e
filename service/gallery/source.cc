// SPDX-License-Identifier: Apache-2.0
#include "service/gallery/source.h"

#include <string>
#include <string_view>
#include <utility>

#include "base/id.h"
#include "policy/record_key.h"
#include "service/gallery/resident_gallery.h"
#include "service/ledger/database_state.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

using Record = std::optional<v1::TemplateRecord>;

// The live template of the grant's purpose under the row's slot; nullopt: there is none any more,
// or its subject restricted it.
absl::StatusOr<Record> FindRecord(const storage::Reader& reader, const policy::Grant& grant,
                                  const matching::RowRef& row) {
  const std::string prefix = policy::KindPrefix(v1::RecordChange::kTemplate) +
                             std::string(row.record_id_start.begin(), row.record_id_start.end());
  Record found;
  const absl::Status scanned = DatabaseState(reader).ForEachUnder<v1::TemplateRecord>(
      prefix, [&](const v1::TemplateRecord& record) {
        if (record.slot() == row.slot && record.purpose() == grant.purpose() &&
            record.state() == v1::TEMPLATE_STATE_ACTIVE && !record.restricted()) {
          found = record;
        }
      });
  if (!scanned.ok()) return scanned;
  return found;
}

}  // namespace

matching::TemplateSource TemplatesOnDisk(const storage::Database& database, const Sealer& sealer,
                                         const policy::Grant& grant) {
  return [&](std::span<const matching::RowRef> rows, const auto& take) -> absl::Status {
    const storage::Snapshot snapshot = database.TakeSnapshot();
    for (const matching::RowRef& row : rows) {
      const absl::StatusOr<Record> record = FindRecord(snapshot, grant, row);
      if (!record.ok()) return record.status();
      if (!record->has_value()) continue;
      const auto id = base::IdFromBytes((*record)->id());
      if (!id.ok()) return id.status();
      const auto sealed = snapshot.Get(storage::Column::kSealed, storage::TemplateKey(*id));
      if (!sealed.ok()) return sealed.status();
      if (!sealed->has_value()) return absl::DataLossError("template: its record is missing");
      const absl::StatusOr<crypto::SecretBytes> opened =
          sealer.OpenTemplate(grant, **record, **sealed);
      if (!opened.ok()) {
        // Its key may have been destroyed since the snapshot.
        const absl::StatusOr<Record> now = FindRecord(database, grant, row);
        if (!now.ok()) return now.status();
        if (!now->has_value()) continue;
        return opened.status();
      }
      const absl::StatusOr<std::span<const float>> values = AsFloats(*opened);
      if (!values.ok()) return values.status();
      const absl::StatusOr<matching::Row> found = RowOf(**record);
      if (!found.ok()) return found.status();
      take(*found, *values);
    }
    return absl::OkStatus();
  };
}

}  // namespace kluis::service
