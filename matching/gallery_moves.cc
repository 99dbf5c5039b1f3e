// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "matching/gallery.h"
#include "matching/quantised.h"
#include "matching/segment.h"

// What changes places or sketches of many rows at once, while nobody relies on them: the last
// segment's rows move when there is room, and all sketches are made anew when the centre is learnt.

namespace kluis::matching {
namespace {

// The centre is the mean of the first 64, 256 and 1,024 rows or a few more: what an Add brings.
constexpr std::size_t kLastLearning = 1024;

}  // namespace

void Gallery::GiveBack() {
  std::shared_ptr<Segment> last;
  std::size_t places = 0;
  {
    const std::shared_lock<std::shared_mutex> lock(list_);
    if (segments_.empty()) return;
    last = segments_.back();
    for (const auto& segment : segments_) places += segment == nullptr ? 0 : shape_->rows;
  }
  const std::size_t free = places - live_;
  if (free < shape_->rows || free <= places / 4) return;  // else the last one's rows fit elsewhere
  const std::unique_lock<std::shared_mutex> alone(moving_, std::try_to_lock);
  if (!alone.owns_lock()) return;
  if (!EmptyLast(*last).ok()) broken_ = true;
  writer_desk_->Wipe();
  second_desk_->Wipe();
}

absl::Status Gallery::EmptyLast(Segment& last) {
  with_room_.erase(last.number);
  const std::unique_lock<std::shared_mutex> from_lock(last.mutex);
  if (absl::Status status = second_desk_->OpenLocked(last); !status.ok()) return status;
  const SegmentView from = second_desk_->view();
  std::size_t row = 0;
  const auto next_live = [&] {
    while (row < shape_->rows && !last.IsLive(row)) ++row;
    return row < shape_->rows;
  };
  while (next_live()) {
    const std::shared_ptr<Segment> to = SegmentAt(*with_room_.begin());
    const std::unique_lock<std::shared_mutex> to_lock(to->mutex);
    if (absl::Status status = writer_desk_->OpenLocked(*to); !status.ok()) return status;
    SegmentView view = writer_desk_->view();
    for (; next_live() && to->live_rows < shape_->rows; ++row) {
      const std::size_t at = to->FreeRow();
      view.PutRow(at, from, row);
      if (!to->card_tags.empty()) {
        to->card_tags[at] = last.card_tags[row];
        std::ranges::copy(last.Card(row, *shape_), to->Card(at, *shape_).begin());
      }
      to->SetLive(at, true);
      places_.Move(from.slots[row], static_cast<std::uint32_t>(to->number * shape_->rows + at));
    }
    if (to->live_rows == shape_->rows) with_room_.erase(to->number);
    if (absl::Status status = writer_desk_->SealLocked(++last_counter_, *to); !status.ok()) {
      return status;
    }
  }
  DropSegment(last);
  return absl::OkStatus();
}

absl::Status Gallery::LearnCentre() {
  if (learn_at_ == 0 || live_ < learn_at_) return absl::OkStatus();
  const std::unique_lock<std::shared_mutex> alone(moving_, std::try_to_lock);
  if (!alone.owns_lock()) return absl::OkStatus();
  const std::lock_guard<std::mutex> lock(writer_);
  if (learn_at_ == 0 || live_ < learn_at_) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<TemplateDesk>> desk = TakeDesk();
  if (!desk.ok()) return desk.status();
  absl::Status status = MoveCentre(**desk);
  ReturnDesk(*std::move(desk));
  writer_desk_->Wipe();
  if (!status.ok()) {
    broken_ = true;
    return status;
  }
  while (learn_at_ != 0 && live_ >= learn_at_) {
    learn_at_ = learn_at_ == kLastLearning ? 0 : learn_at_ * 4;
  }
  if (!WithCards()) {
    for (const std::shared_ptr<Segment>& segment : segments_) {
      if (segment != nullptr) segment->DropCards();
    }
  }
  return absl::OkStatus();
}

absl::Status Gallery::MoveCentre(TemplateDesk& desk) {
  crypto::SecretBytes memory = crypto::SecretBytes::Zero(algorithm_->dimension * sizeof(float));
  const std::span<float> mean(reinterpret_cast<float*>(memory.ExposeMutable().data()),
                              algorithm_->dimension);
  // Calls use(row) for each live row of the segment, whose template is then in desk.floats().
  const auto for_each = [&](const Segment& segment, const auto& use) -> absl::Status {
    for (std::size_t row = 0; row < shape_->rows; ++row) {
      if (!segment.IsLive(row)) continue;
      Card card;
      if (!desk.Open(segment.card_tags[row], segment.Card(row, *shape_), card)) {
        return absl::DataLossError("gallery: a template does not authenticate");
      }
      Dequantise(*algorithm_, card.head, card.values, desk.floats());
      use(row);
    }
    return absl::OkStatus();
  };
  const float share = 1.0F / static_cast<float>(live_.load());
  for (const std::shared_ptr<Segment>& segment : segments_) {
    if (segment == nullptr) continue;
    absl::Status status = for_each(*segment, [&](std::size_t) {
      for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += share * desk.floats()[i];
    });
    if (!status.ok()) return status;
  }
  space_->SetCentre(mean);
  for (const std::shared_ptr<Segment>& segment : segments_) {
    if (segment == nullptr) continue;
    const std::unique_lock<std::shared_mutex> lock(segment->mutex);
    absl::Status status = writer_desk_->OpenLocked(*segment);
    if (!status.ok()) return status;
    SegmentView view = writer_desk_->view();
    *view.head = {};
    status = for_each(*segment, [&](std::size_t row) {
      space_->Encode(desk.floats(), desk.sketch(0), desk.factors(0));
      view.PutSketch(row, desk.sketch(0), desk.factors(0));
    });
    if (status.ok()) status = writer_desk_->SealLocked(++last_counter_, *segment);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace kluis::matching
