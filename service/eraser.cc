#include "service/eraser.h"

#include <algorithm>
#include <string>
#include <utility>

#include "policy/record_key.h"
#include "service/database_state.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

using storage::Column;

constexpr size_t kAtOnce = 64;

}  // namespace

// One thread punctures for all that waited; who comes meanwhile joins the next round.
absl::Status Eraser::Puncture(std::span<const v1::PendingErasure> erasures) {
  std::unique_lock lock(mutex_);
  for (const v1::PendingErasure& erasure : erasures) waiting_.push_back(erasure.slot());
  const uint64_t mine = round_;
  while (finished_rounds_ <= mine) {
    if (puncturing_) {
      finished_.wait(lock);
      continue;
    }
    puncturing_ = true;
    ++round_;
    const std::vector<uint32_t> slots = std::exchange(waiting_, {});
    lock.unlock();
    const absl::Status status = keyring_.Puncture(slots);
    lock.lock();
    puncturing_ = false;
    last_status_ = status;
    finished_rounds_ = round_;
    finished_.notify_all();
  }
  // A later round that failed leaves its slots, and so possibly this answer, in doubt: say so.
  return last_status_;
}

absl::Status Eraser::RemoveRows(const v1::PendingErasure& erasure, Writes& writes) const {
  const auto id = storage::IdFromBytes(erasure.id());
  if (!id.has_value()) return absl::DataLossError("erasure: its id is damaged");
  const auto remove_all = [&](Column column, const std::string& prefix) {
    return database_.Scan(column, prefix, [&](std::string_view key, std::string_view) {
      writes.Delete(column, std::string(key));
      return true;
    });
  };
  switch (erasure.target()) {
    case v1::ERASURE_TARGET_TEMPLATE:
      writes.Delete(Column::kSealed, storage::TemplateKey(*id));
      return absl::OkStatus();
    case v1::ERASURE_TARGET_CASE:
      return remove_all(Column::kSealed, storage::ProbePrefix(*id));
    case v1::ERASURE_TARGET_SUBJECT:
      writes.Delete(Column::kDetails, storage::SubjectKey(*id));
      return remove_all(Column::kDetails, storage::NoticePrefix(*id));
    case v1::ERASURE_TARGET_SLOT:       // its row was sealed anew in the batch that began this
    case v1::ERASURE_TARGET_TRANSFORM:  // has no row
      return absl::OkStatus();
    default:
      return absl::DataLossError("erasure: its target is damaged");
  }
}

absl::StatusOr<std::vector<Committed>> Eraser::EraseAll(
    std::span<const v1::PendingErasure> erasures) {
  if (erasures.empty()) return std::vector<Committed>();
  const absl::Status punctured = Puncture(erasures);
  if (!punctured.ok()) return punctured;

  const std::string commitment(crypto::Bytes(keyring_.Commitment()));
  std::vector<Act> acts;
  for (const v1::PendingErasure& erasure : erasures) {
    Act& act = acts.emplace_back();
    act.kind = v1::LOG_KIND_ERASURE;
    act.command.set_method("Erase");
    v1::EraseDone* done = act.command.mutable_erase_done();
    done->set_target(erasure.target());
    done->set_id(erasure.id());
    done->set_keyring_commitment(commitment);
    act.attach = [this, &erasure](const policy::Ruling&, uint64_t, Writes& writes) {
      return RemoveRows(erasure, writes);
    };
  }
  absl::StatusOr<Appended> appended = ledger_.Append(std::move(acts));
  if (!appended.ok()) return appended.status();
  const absl::Status synced = ledger_.Sync(*appended);
  if (!synced.ok()) return synced;
  for (const Committed& committed : appended->acts) {
    if (!committed.ruling.decision.allowed()) {
      return absl::InternalError("erasure: was not pending");
    }
  }
  return std::move(appended->acts);
}

absl::StatusOr<Committed> Eraser::Erase(const v1::PendingErasure& erasure) {
  absl::StatusOr<std::vector<Committed>> done = EraseAll({&erasure, 1});
  if (!done.ok()) return done.status();
  return std::move(done->front());
}

absl::Status Eraser::FinishAll() {
  std::vector<v1::PendingErasure> pending;
  const absl::Status scanned = DatabaseState(database_).ForEach<v1::PendingErasure>(
      v1::RecordChange::kPendingErasure,
      [&](const v1::PendingErasure& erasure) { pending.push_back(erasure); });
  if (!scanned.ok()) return scanned;
  for (std::span rest(pending); !rest.empty();) {
    const size_t some = std::min(rest.size(), kAtOnce);
    const auto erased = EraseAll(rest.first(some));
    if (!erased.ok()) return erased.status();
    rest = rest.subspan(some);
  }
  return absl::OkStatus();
}

}  // namespace kluis::service
