// SPDX-License-Identifier: Apache-2.0
#include "service/upkeep/rotation.h"

#include <algorithm>
#include <utility>

#include "base/id.h"
#include "policy/record_key.h"
#include "service/ledger/database_state.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

constexpr size_t kRenewedAtOnce = 64;
constexpr char kMethod[] = "Rotate";

absl::StatusOr<v1::PurposeRecord> ReadPurpose(const storage::Database& database,
                                              const std::string& purpose) {
  auto record =
      policy::Find<v1::PurposeRecord>(DatabaseState(database), policy::key::Purpose(purpose));
  if (!record.ok()) return record.status();
  if (!record->has_value()) return absl::DataLossError("purpose: its record is missing");
  return **std::move(record);
}

}  // namespace

absl::StatusOr<Rotations::Ids> Rotations::TemplatesUnder(const std::string& purpose,
                                                         uint32_t transform_slot) const {
  Ids ids;
  const absl::Status scanned = DatabaseState(database_).ForEach<v1::TemplateRecord>(
      v1::RecordChange::kTemplate, [&](const v1::TemplateRecord& record) {
        if (record.purpose() == purpose && record.transform_slot() == transform_slot &&
            record.state() == v1::TEMPLATE_STATE_ACTIVE) {
          ids.push_back(record.id());
        }
      });
  if (!scanned.ok()) return scanned;
  return ids;
}

// In the batch of the entry: the row is opened as it was, under the entry's own grant, and sealed
// as the record now is. The protected template is in plain only in guarded memory.
absl::Status Rotations::Move(const policy::Ruling& ruling, Writes& writes) const {
  const v1::TemplateRecord& before = *ruling.grant->only_template();
  const v1::TemplateRecord* after = nullptr;
  for (const v1::RecordChange& change : ruling.changes) {
    if (change.has_template_()) after = &change.template_();
  }
  if (after == nullptr) return absl::InternalError("rotation: an allowed act has no record");
  const auto from = galleries_.RoomOf(before.purpose(), before.transform_slot());
  if (!from.ok()) return from.status();
  const auto to = galleries_.RoomOf(after->purpose(), after->transform_slot());
  if (!to.ok()) return to.status();

  const auto id = base::IdFromBytes(before.id());
  if (!id.ok()) return id.status();
  const std::string key = storage::TemplateKey(*id);
  const auto sealed = writes.Get(storage::Column::kSealed, key);
  if (!sealed.ok()) return sealed.status();
  if (!sealed->has_value()) return absl::DataLossError("template: its record is missing");
  absl::StatusOr<crypto::SecretBytes> opened =
      sealer_.OpenTemplate(*ruling.grant, before, **sealed);
  if (!opened.ok()) return opened.status();
  const absl::StatusOr<std::span<float>> values = AsMutableFloats(*opened);
  if (!values.ok()) return values.status();
  const absl::Status renewed = (*to)->transform.Renew((*from)->transform, *values, *values);
  if (!renewed.ok()) return absl::DataLossError("template: is not one of its algorithm");
  const absl::StatusOr<std::string> resealed = sealer_.SealTemplate(*after, *values);
  if (!resealed.ok()) return resealed.status();
  writes.Put(storage::Column::kSealed, key, *resealed);
  return absl::OkStatus();
}

Act Rotations::ActFor(const std::string& id) const {
  Act act;
  act.kind = v1::LOG_KIND_ALTERATION;
  act.command.set_method(kMethod);
  act.command.mutable_renew_template()->set_template_id(id);
  act.attach = [this](const policy::Ruling& ruling, uint64_t, Writes& writes) {
    return Move(ruling, writes);
  };
  return act;
}

// One batch, one sync, one puncture. A template that was withdrawn meanwhile is refused, and its
// own erasure sees to it.
absl::StatusOr<uint64_t> Rotations::Renew(std::span<const std::string> ids) {
  std::vector<Act> acts;
  for (const std::string& id : ids) acts.push_back(ActFor(id));
  const absl::StatusOr<Appended> appended = ledger_.Append(std::move(acts));
  if (!appended.ok()) return appended.status();
  const absl::Status synced = ledger_.Sync(*appended);
  if (!synced.ok()) return synced;
  const auto renewed =
      std::count_if(appended->acts.begin(), appended->acts.end(),
                    [](const Committed& committed) { return committed.ruling.decision.allowed(); });
  return static_cast<uint64_t>(renewed);
}

// As Renew, but when a row does not open, those that do are renewed one by one.
absl::StatusOr<uint64_t> Rotations::RenewReadable(std::span<const std::string> ids) {
  const absl::StatusOr<uint64_t> all = Renew(ids);
  if (!absl::IsDataLoss(all.status())) return all;
  uint64_t renewed = 0;
  for (const std::string& id : ids) {
    const absl::StatusOr<uint64_t> one = Renew({&id, 1});
    if (!one.ok() && !absl::IsDataLoss(one.status())) return one;
    if (one.ok()) renewed += *one;
  }
  return renewed;
}

absl::Status Rotations::End(const std::string& purpose) {
  Act act;
  act.kind = v1::LOG_KIND_UPKEEP;
  act.command.set_method(kMethod);
  act.command.mutable_finish_rotation()->set_purpose(purpose);
  const absl::StatusOr<Committed> ended = ledger_.Commit(std::move(act));
  if (!ended.ok()) return ended.status();
  const absl::Status loaded = galleries_.LoadActive(ended->decided_at);
  if (!loaded.ok()) return loaded;
  // What the rows were before is unreadable, and still in old tables.
  const absl::Status concluded = eraser_.concluder().Conclude();
  return Concluder::Waits(concluded) ? absl::OkStatus() : concluded;
}

absl::StatusOr<uint64_t> Rotations::Finish(const std::string& purpose,
                                           const ShouldStop& should_stop) {
  const std::lock_guard lock(mutex_);
  const absl::StatusOr<v1::PurposeRecord> record = ReadPurpose(database_, purpose);
  if (!record.ok()) return record.status();
  const uint32_t former = record->previous_slot();
  if (former == 0) return uint64_t{0};
  const absl::Status durable = database_.SyncWritten();  // the order, before a template is opened
  if (!durable.ok()) return durable;
  absl::StatusOr<Ids> ids = TemplatesUnder(purpose, former);
  if (!ids.ok()) return ids.status();
  // A slot of theirs may wait from the rotation before: of each template, one at a time can.
  const absl::Status concluded = ids->empty() ? absl::Status() : eraser_.concluder().Conclude();
  if (!concluded.ok()) return concluded;
  uint64_t renewed = 0;
  for (std::span<const std::string> rest(*ids); !rest.empty();) {
    if (should_stop && should_stop()) {
      return absl::DeadlineExceededError("rotation: begun; the vault goes on with it by itself");
    }
    const size_t some = std::min(rest.size(), kRenewedAtOnce);
    const absl::StatusOr<uint64_t> moved = RenewReadable(rest.first(some));
    if (!moved.ok()) return moved;
    renewed += *moved;
    rest = rest.subspan(some);
  }
  // Since the order's entry templates are enrolled under the new slot: none is added to these.
  ids = TemplatesUnder(purpose, former);
  if (!ids.ok()) return ids.status();
  if (!ids->empty()) return absl::DataLossError("rotation: the row of a template does not open");
  const absl::Status ended = End(purpose);
  if (!ended.ok()) return ended;
  return renewed;
}

absl::Status Rotations::FinishAll(const ShouldStop& should_stop) {
  Ids rotating;
  const absl::Status scanned = DatabaseState(database_).ForEach<v1::PurposeRecord>(
      v1::RecordChange::kPurpose, [&](const v1::PurposeRecord& record) {
        if (record.previous_slot() != 0) rotating.push_back(record.registration().purpose());
      });
  if (!scanned.ok()) return scanned;
  absl::Status first;
  for (const std::string& purpose : rotating) first.Update(Finish(purpose, should_stop).status());
  return first;
}

absl::Status Rotations::FinishAtStart() {
  const absl::Status finished = FinishAll({});
  const bool waits =
      absl::IsDataLoss(finished) || absl::IsUnavailable(finished) || Concluder::Waits(finished);
  return waits ? absl::OkStatus() : finished;
}

}  // namespace kluis::service
