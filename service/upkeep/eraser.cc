// SPDX-License-Identifier: Apache-2.0
#include "service/upkeep/eraser.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/id.h"
#include "service/ledger/database_state.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

using storage::Column;

constexpr size_t kErasedAtOnce = 64;

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

absl::Status Eraser::RemoveRows(const v1::PendingErasure& erasure, storage::Batch& batch) const {
  const auto remove_all = [&](Column column, const std::string& prefix) {
    return database_.Scan(column, prefix, [&](std::string_view key, std::string_view) {
      batch.Delete(column, key);
      return true;
    });
  };
  if (erasure.target() == v1::ERASURE_TARGET_AUTHORITY_YEAR) {
    const auto year = storage::YearIdFromBytes(erasure.id());
    if (!year.ok()) return year.status();
    return remove_all(Column::kDetails, storage::WrittenPrefix(*year));
  }
  const auto id = base::IdFromBytes(erasure.id());
  if (!id.ok()) return id.status();
  switch (erasure.target()) {
    case v1::ERASURE_TARGET_TEMPLATE:
      batch.Delete(Column::kSealed, storage::TemplateKey(*id));
      return absl::OkStatus();
    case v1::ERASURE_TARGET_CASE:
      return remove_all(Column::kSealed, storage::ProbePrefix(*id));
    case v1::ERASURE_TARGET_SUBJECT:
      batch.Delete(Column::kDetails, storage::SubjectKey(*id));
      return remove_all(Column::kDetails, storage::NoticePrefix(*id));
    case v1::ERASURE_TARGET_SLOT:  // its row was sealed anew in the batch that began this
      database_.CountAsDeleted(Column::kSealed, storage::TemplateKey(*id));
      return absl::OkStatus();
    case v1::ERASURE_TARGET_TRANSFORM:  // has no row
      return absl::OkStatus();
    default:
      return absl::DataLossError("erasure: its target is damaged");
  }
}

// After the puncture nothing can be sealed under the slot, and the entry that started the erasure
// refuses every row that would come: what the scan does not see, nobody writes.
absl::StatusOr<std::string> Eraser::Erase(std::span<const v1::PendingErasure> erasures) {
  absl::Status status = Puncture(erasures);
  if (!status.ok()) return status;
  const std::string commitment(crypto::Bytes(keyring_.Commitment()));
  storage::Batch batch;
  for (const v1::PendingErasure& erasure : erasures) {
    status = RemoveRows(erasure, batch);
    if (!status.ok()) return status;
  }
  if (!batch.empty()) status = database_.WriteSynced(std::move(batch));
  if (!status.ok()) return status;
  concluder_.Add(erasures);
  return commitment;
}

absl::StatusOr<std::string> Eraser::Follow(std::span<const Committed> entries) {
  std::vector<v1::PendingErasure> started;
  for (const Committed& entry : entries) {
    for (const v1::RecordChange& change : entry.ruling.changes) {
      if (change.has_pending_erasure()) started.push_back(change.pending_erasure());
    }
  }
  return EraseInTurns(started);
}

absl::StatusOr<std::string> Eraser::EraseInTurns(std::span<const v1::PendingErasure> erasures) {
  absl::StatusOr<std::string> commitment = std::string();
  while (!erasures.empty() && commitment.ok()) {
    const size_t some = std::min(erasures.size(), kErasedAtOnce);
    commitment = Erase(erasures.first(some));
    erasures = erasures.subspan(some);
  }
  return commitment;
}

absl::Status Eraser::FinishAll() {
  std::vector<v1::PendingErasure> pending;
  const absl::Status scanned = DatabaseState(database_).ForEach<v1::PendingErasure>(
      v1::RecordChange::kPendingErasure,
      [&](const v1::PendingErasure& erasure) { pending.push_back(erasure); });
  if (!scanned.ok() || pending.empty()) return scanned;
  const absl::Status erased = EraseInTurns(pending).status();
  if (!erased.ok()) return erased;
  const absl::Status concluded = concluder_.Conclude();
  return Concluder::Waits(concluded) ? absl::OkStatus() : concluded;
}

std::string Eraser::failure() const {
  const std::lock_guard lock(mutex_);
  if (last_status_.ok()) return concluder_.failure();
  return absl::StrCat("erasures wait: ", std::string(last_status_.message()));
}

}  // namespace kluis::service
