// SPDX-License-Identifier: Apache-2.0
#include "service/acts/measurement.h"

#include <chrono>

#include "base/id.h"
#include "policy/record_key.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

absl::Status ProtectedAnew() {
  return WithReason(
      absl::UnavailableError("measurement: the purpose's templates are protected anew"),
      "PURPOSE_ROTATING");
}

// Whether the template may be compared now, as it was; kUnavailable: it was protected anew. Its
// slot is punctured right after its record says so.
absl::StatusOr<bool> StandsAsBefore(const Vault& vault, const v1::TemplateRecord& before) {
  const auto now =
      policy::Find<v1::TemplateRecord>(vault.state(), policy::key::Template(before.id()));
  if (!now.ok()) return now.status();
  if (!now->has_value() || (*now)->state() != v1::TEMPLATE_STATE_ACTIVE || (*now)->restricted()) {
    return false;
  }
  if ((*now)->slot() != before.slot()) return ProtectedAnew();
  return true;
}

}  // namespace

v1::MeasurementProgress ProgressOf(v1::MeasurementProgress::Step step, uint64_t done,
                                   uint64_t all) {
  v1::MeasurementProgress progress;
  progress.set_step(step);
  progress.set_done(done);
  progress.set_all(all);
  return progress;
}

bool HasEnded(const Call& call) {
  return call.context->IsCancelled() || std::chrono::system_clock::now() > call.context->deadline();
}

absl::Status CheckDeadline(const grpc::ServerContext& context) {
  if (context.deadline() <= std::chrono::system_clock::now() + kLongestMeasurement) {
    return absl::OkStatus();
  }
  return WithReason(absl::InvalidArgumentError(
                        "measurement: the call needs a deadline, 50 minutes ahead at most"),
                    "MALFORMED_REQUEST");
}

absl::Status EndedStatus() {
  return absl::CancelledError("measurement: the call ended before it was done");
}

absl::Status VisitComparable(const storage::Snapshot& snapshot, const std::string& purpose,
                             int64_t now,
                             const std::function<void(const v1::TemplateRecord& record)>& visit) {
  return DatabaseState(snapshot).ForEach<v1::TemplateRecord>(
      v1::RecordChange::kTemplate, [&](const v1::TemplateRecord& record) {
        if (record.purpose() == purpose && record.state() == v1::TEMPLATE_STATE_ACTIVE &&
            !record.restricted() && record.expires_at() > now) {
          visit(record);
        }
      });
}

absl::Status OpenTemplate(Vault& vault, const storage::Snapshot& snapshot,
                          const policy::Grant& grant, const SearchRoom& room,
                          const v1::TemplateRecord& record,
                          const std::function<absl::Status(std::span<const float>)>& take) {
  if (record.transform_slot() != room.slot) return ProtectedAnew();
  const absl::StatusOr<bool> stands = StandsAsBefore(vault, record);
  if (!stands.ok() || !*stands) return stands.status();
  const auto id = base::IdFromBytes(record.id());
  if (!id.ok()) return id.status();
  const auto sealed = snapshot.Get(storage::Column::kSealed, storage::TemplateKey(*id));
  if (!sealed.ok()) return sealed.status();
  if (!sealed->has_value()) return absl::DataLossError("template: its record is missing");
  const absl::StatusOr<crypto::SecretBytes> opened =
      vault.sealer().OpenTemplate(grant, record, **sealed);
  if (!opened.ok()) {
    const absl::StatusOr<bool> still = StandsAsBefore(vault, record);
    if (!still.ok()) return still.status();
    return *still ? opened.status() : absl::OkStatus();
  }
  const absl::StatusOr<std::span<const float>> values = AsFloats(*opened);
  return values.ok() ? take(*values) : values.status();
}

}  // namespace kluis::service
