// SPDX-License-Identifier: Apache-2.0
#include "service/gallery/resident_gallery.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/id.h"
#include "service/ledger/errors.h"

namespace kluis::service {
namespace {

constexpr std::chrono::milliseconds kAskEvery(20);  // whether the caller still waits

uint8_t CategoryOf(const v1::TemplateRecord& record) {
  return record.restricted() ? uint8_t{0} : CategoryBit(record.category());
}

}  // namespace

uint8_t CategoryBit(v1::SubjectCategory category) { return static_cast<uint8_t>(1u << category); }

absl::StatusOr<matching::Row> RowOf(const v1::TemplateRecord& record) {
  const auto id = base::IdFromBytes(record.id());
  const auto subject = base::IdFromBytes(record.subject_id());
  if (!id.ok()) return id.status();
  if (!subject.ok()) return subject.status();
  return matching::Row{.slot = record.slot(),
                       .record_id = *id,
                       .subject_id = *subject,
                       .category = CategoryOf(record),
                       .expires_at = record.expires_at()};
}

void ResidentGallery::Added(const v1::TemplateRecord& record,
                            std::span<const float> protected_template) {
  const auto lock = Alone();
  const absl::StatusOr<matching::Row> row = RowOf(record);
  const absl::Status added = row.ok() ? gallery_->Add(*row, protected_template) : row.status();
  if (!added.ok() && !absl::IsAlreadyExists(added)) status_.Update(added);  // fails closed
}

void ResidentGallery::Ended(const v1::TemplateRecord& record) {
  const auto lock = Alone();
  if (!done_) {
    gone_.insert(record.slot());
    any_gone_ = true;
  }
  const absl::Status removed = gallery_->Remove(record.slot());
  if (!removed.ok() && !absl::IsNotFound(removed)) status_.Update(removed);  // fails closed
}

void ResidentGallery::Restricted(const v1::TemplateRecord& record) {
  const auto lock = Alone();
  if (!done_) categories_[record.slot()] = CategoryOf(record);
  const absl::Status scoped =
      gallery_->SetScope(record.slot(), CategoryOf(record), record.expires_at());
  if (!scoped.ok() && !absl::IsNotFound(scoped)) status_.Update(scoped);  // fails closed
}

absl::Status ResidentGallery::AddLoaded(std::vector<matching::Row>& rows, std::span<float> values) {
  if (rows.empty()) return absl::OkStatus();
  const size_t dimension = values.size() / rows.size();
  const auto place = [&](size_t i) { return values.subspan(i * dimension, dimension); };
  const size_t read = rows.size();
  const auto lock = Shared();
  size_t kept = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (gone_.contains(rows[i].slot)) continue;
    if (kept != i) {
      rows[kept] = rows[i];
      std::ranges::copy(place(i), place(kept).begin());
    }
    const auto changed = categories_.find(rows[kept].slot);
    if (changed != categories_.end()) rows[kept].category = changed->second;
    ++kept;
  }
  rows.resize(kept);
  absl::Status added;
  if (kept > 0) added = gallery_->Add(rows, values.first(kept * dimension));
  // Somebody enrolled while the gallery loads is in already: one by one.
  if (absl::IsAlreadyExists(added)) {
    added = absl::OkStatus();
    for (size_t i = 0; i < kept && added.ok(); ++i) {
      const absl::Status one = gallery_->Add(rows[i], place(i));
      if (!absl::IsAlreadyExists(one)) added = one;
    }
  }
  if (added.ok()) loaded_ += read;
  return added;
}

bool ResidentGallery::HasEnded(uint32_t slot) const {
  if (!any_gone_) return false;
  const auto lock = Shared();
  return gone_.contains(slot);
}

void ResidentGallery::Finish(absl::Status status) {
  const auto lock = Alone();
  status_.Update(status);
  done_ = true;
  gone_.clear();
  categories_.clear();
  ended_.notify_all();
}

void ResidentGallery::Drop(absl::Status why) {
  dropped_ = true;
  const auto lock = Alone();
  if (!done_) status_.Update(why);
  ended_.notify_all();
}

absl::Status ResidentGallery::Wait(const Patience& patience) const {
  auto lock = Shared();
  // One that was whole when the search came to it is used, also when it is dropped meanwhile: the
  // outcome decides whether what it found may leave.
  while (!done_ && status_.ok()) {
    if (patience.cancelled && patience.cancelled()) {
      return absl::CancelledError("identify: cancelled while the gallery was loaded");
    }
    if (std::chrono::system_clock::now() >= patience.deadline) {
      return WithReason(absl::DeadlineExceededError(
                            "identify: the gallery was still being loaded at the deadline"),
                        "GALLERY_LOADING");
    }
    ended_.wait_for(lock, kAskEvery);
  }
  return status_;
}

bool ResidentGallery::HasFailed() const {
  const auto lock = Shared();
  return !status_.ok();
}

v1::GalleryLoad ResidentGallery::Progress() const {
  const auto lock = Shared();
  v1::GalleryLoad progress;
  progress.set_state(!status_.ok() ? v1::GALLERY_STATE_FAILED
                     : done_       ? v1::GALLERY_STATE_READY
                                   : v1::GALLERY_STATE_LOADING);
  const bool whole = done_ && status_.ok();
  progress.set_loaded(whole ? gallery_->size() : loaded_.load());
  progress.set_total(whole ? gallery_->size()
                           : std::max<uint64_t>(total_, progress.loaded()));  // it may be estimated
  return progress;
}

}  // namespace kluis::service
