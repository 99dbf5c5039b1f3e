// SPDX-License-Identifier: Apache-2.0
#include "matching/gallery.h"

#include <sodium.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "matching/quantised.h"
#include "matching/segment.h"
#include "matching/shared_scan.h"
#include "matching/template_check.h"

namespace kluis::matching {
namespace {

constexpr std::size_t kMaxThreads = 64;
constexpr std::size_t kMaxFreeDesks = 64;
constexpr std::uint64_t kMaxPlaces = std::uint64_t{1} << 32;
constexpr std::size_t kFirstLearning = 64;  // rows; see LearnCentre

std::uint32_t Seconds32(std::int64_t time) {
  constexpr std::int64_t kLast = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(time, 0, kLast));
}

bool IsCategory(std::uint8_t bits) { return bits == 0 || std::has_single_bit(bits); }

IdStart StartOf(const Id& id) {
  IdStart start;
  std::copy_n(id.begin(), start.size(), start.begin());
  return start;
}

}  // namespace

struct Gallery::Batch {
  std::vector<CardTag> tags;         // of each row; empty: no cards
  std::vector<std::uint8_t> sealed;  // the cards, one after another
};

absl::StatusOr<std::unique_ptr<Gallery>> Gallery::Create(const Algorithm& algorithm,
                                                         const Options& options) {
  if (options.threads < 1 || options.threads > kMaxThreads) {
    return absl::InvalidArgumentError("threads: must be 1 to 64");
  }
  if (!(options.miss > 0 && options.miss < 1)) {
    return absl::InvalidArgumentError("miss: must be above 0 and below 1");
  }
  if (!options.centre.empty() && options.centre.size() != algorithm.dimension) {
    return absl::InvalidArgumentError("centre: must have the algorithm's dimension");
  }
  auto gallery = std::unique_ptr<Gallery>(new Gallery(algorithm, options));
  const crypto::SecretBytes rotation = crypto::SecretBytes::Random(SketchSpace::kKeyBytes);
  absl::StatusOr<std::unique_ptr<SketchSpace>> space =
      SketchSpace::Create(algorithm.dimension, rotation.Expose().first<SketchSpace::kKeyBytes>());
  if (!space.ok()) return space.status();
  gallery->space_ = *std::move(space);
  if (!options.centre.empty()) {
    gallery->space_->SetCentre(options.centre);
  } else if (algorithm.mean_length > 0) {
    gallery->learn_at_ = kFirstLearning;
  }
  gallery->shape_ = std::make_unique<SegmentShape>(algorithm.dimension, gallery->space_->words(),
                                                   !options.keep_templates);

  const auto key = gallery->key_.Expose().first<SegmentSealer::kKeyBytes>();
  std::vector<std::unique_ptr<SegmentDesk>> desks;
  for (std::size_t i = 0; i < options.threads + 2; ++i) {
    absl::StatusOr<std::unique_ptr<SegmentDesk>> desk =
        SegmentDesk::Create(*gallery->shape_, gallery->cipher_, key);
    if (!desk.ok()) return desk.status();
    desks.push_back(*std::move(desk));
  }
  gallery->writer_desk_ = std::move(desks.back());
  desks.pop_back();
  gallery->second_desk_ = std::move(desks.back());
  desks.pop_back();
  gallery->scan_ =
      std::make_unique<SharedScan>(*gallery->shape_, std::move(desks), [made = gallery.get()] {
        const std::shared_lock<std::shared_mutex> lock(made->list_);
        return made->segments_;
      });
  return gallery;
}

Gallery::Gallery(const Algorithm& algorithm, const Options& options)
    : algorithm_(&algorithm),
      miss_(options.miss),
      keep_templates_(options.keep_templates),
      cipher_(options.cipher.value_or(SegmentSealer::Preferred())),
      key_(crypto::SecretBytes::Random(SegmentSealer::kKeyBytes)) {}

Gallery::~Gallery() = default;

std::shared_ptr<Segment> Gallery::SegmentAt(std::size_t number) const {
  const std::shared_lock<std::shared_mutex> lock(list_);
  return number < segments_.size() ? segments_[number] : nullptr;
}

absl::StatusOr<std::unique_ptr<TemplateDesk>> Gallery::TakeDesk() const {
  {
    const std::lock_guard<std::mutex> lock(desks_);
    if (!free_desks_.empty()) {
      std::unique_ptr<TemplateDesk> desk = std::move(free_desks_.back());
      free_desks_.pop_back();
      return desk;
    }
  }
  return TemplateDesk::Create(*shape_, cipher_, key_.Expose().first<SegmentSealer::kKeyBytes>());
}

void Gallery::ReturnDesk(std::unique_ptr<TemplateDesk> desk) const {
  desk->Wipe();
  const std::lock_guard<std::mutex> lock(desks_);
  if (free_desks_.size() < kMaxFreeDesks) free_desks_.push_back(std::move(desk));
}

absl::Status Gallery::CheckRows(std::span<const Row> rows, std::span<const float> templates) const {
  const std::size_t dimension = algorithm_->dimension;
  if (rows.empty() || rows.size() > kMaxRowsPerAdd) {
    return absl::InvalidArgumentError("rows: must be 1 to 256");
  }
  if (templates.size() != rows.size() * dimension) {
    return absl::InvalidArgumentError(
        "templates: must be one of the algorithm's dimension per row");
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!IsCategory(rows[i].category)) {
      return absl::InvalidArgumentError("category: must be one bit or none");
    }
    absl::Status status = CheckProtected(*algorithm_, templates.subspan(i * dimension, dimension));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Gallery::Add(const Row& row, std::span<const float> protected_template) {
  return Add(std::span<const Row>(&row, 1), protected_template);
}

absl::Status Gallery::Add(std::span<const Row> rows, std::span<const float> templates) {
  if (absl::Status status = CheckRows(rows, templates); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<TemplateDesk>> desk = TakeDesk();
  if (!desk.ok()) return desk.status();
  absl::Status status;
  {
    const std::shared_lock<std::shared_mutex> places(moving_);
    Batch batch;
    status = Encode(rows, templates, **desk, batch);
    const std::lock_guard<std::mutex> lock(writer_);
    absl::flat_hash_set<std::uint32_t> seen;
    for (std::size_t i = 0; status.ok() && i < rows.size(); ++i) {
      if (places_.Find(rows[i].slot).has_value() || !seen.insert(rows[i].slot).second) {
        status = absl::AlreadyExistsError("slot: already in the gallery");
      }
    }
    for (std::size_t done = 0; status.ok() && done < rows.size();) {
      const std::shared_ptr<Segment> segment = SegmentWithRoom();
      status = segment == nullptr ? absl::ResourceExhaustedError("gallery: full")
                                  : AddToSegment(*segment, rows, **desk, batch, done);
      writer_desk_->Wipe();
    }
  }
  ReturnDesk(*std::move(desk));
  return status.ok() ? LearnCentre() : status;
}

absl::Status Gallery::Encode(std::span<const Row> rows, std::span<const float> templates,
                             TemplateDesk& desk, Batch& batch) {
  const std::size_t dimension = algorithm_->dimension;
  const std::size_t card_bytes = shape_->sealed_card_bytes();
  const bool with_cards = WithCards();
  if (with_cards) batch.sealed.resize(rows.size() * card_bytes);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Card card = desk.Make(templates.subspan(i * dimension, dimension), rows[i]);
    Dequantise(*algorithm_, card.head, card.values, desk.floats());
    space_->Encode(desk.floats(), desk.sketch(i), desk.factors(i));
    if (!with_cards) continue;
    batch.tags.push_back({.counter = ++last_counter_, .slot = rows[i].slot});
    if (!desk.Seal(batch.tags[i], std::span(batch.sealed).subspan(i * card_bytes, card_bytes))) {
      return absl::InternalError("gallery: a template cannot be sealed");
    }
  }
  return absl::OkStatus();
}

std::shared_ptr<Segment> Gallery::SegmentWithRoom() {
  if (!with_room_.empty()) return SegmentAt(*with_room_.begin());
  const std::unique_lock<std::shared_mutex> lock(list_);
  const auto gap = std::find(segments_.begin(), segments_.end(), nullptr);
  const auto number = static_cast<std::size_t>(gap - segments_.begin());
  if ((number + 1) * shape_->rows > kMaxPlaces) return nullptr;
  auto segment = std::make_shared<Segment>(number, *shape_, WithCards());
  if (gap == segments_.end()) {
    segments_.push_back(segment);
  } else {
    *gap = segment;
  }
  with_room_.insert(number);
  return segment;
}

absl::Status Gallery::AddToSegment(Segment& segment, std::span<const Row> rows, TemplateDesk& desk,
                                   const Batch& batch, std::size_t& done) {
  SegmentDesk& opened = *writer_desk_;
  const std::unique_lock<std::shared_mutex> lock(segment.mutex);
  if (segment.counter != 0) {  // else it is new, and as empty as the desk
    if (absl::Status status = opened.OpenLocked(segment); !status.ok()) return status;
  }
  const std::size_t card_bytes = shape_->sealed_card_bytes();
  const std::size_t before = done;
  SegmentView view = opened.view();
  for (; done < rows.size() && segment.live_rows < shape_->rows; ++done) {
    const std::size_t at = segment.FreeRow();
    const Row& row = rows[done];
    view.PutSketch(at, desk.sketch(done), desk.factors(done));
    view.expires[at] = Seconds32(row.expires_at);
    view.slots[at] = row.slot;
    view.categories[at] = row.category;
    if (view.id_starts != nullptr) view.id_starts[at] = StartOf(row.record_id);
    if (!segment.card_tags.empty()) {
      segment.card_tags[at] = batch.tags[done];
      std::copy_n(batch.sealed.begin() + static_cast<std::ptrdiff_t>(done * card_bytes), card_bytes,
                  segment.Card(at, *shape_).begin());
    }
    segment.SetLive(at, true);
    places_.Insert(row.slot, static_cast<std::uint32_t>(segment.number * shape_->rows + at));
  }
  if (segment.live_rows == shape_->rows) with_room_.erase(segment.number);
  live_ += done - before;
  return opened.SealLocked(++last_counter_, segment);
}

template <typename Change>
absl::Status Gallery::ChangeRow(std::uint32_t slot, const Change& change) {
  const std::optional<std::uint32_t> place = places_.Find(slot);
  if (!place.has_value()) return absl::NotFoundError("slot: not in the gallery");
  const std::shared_ptr<Segment> segment = SegmentAt(*place / shape_->rows);
  const std::unique_lock<std::shared_mutex> lock(segment->mutex);
  absl::Status status = writer_desk_->OpenLocked(*segment);
  if (status.ok()) {
    change(*segment, writer_desk_->view(), *place % shape_->rows);
    status = writer_desk_->SealLocked(++last_counter_, *segment);
  }
  writer_desk_->Wipe();
  return status;
}

absl::Status Gallery::SetScope(std::uint32_t slot, std::uint8_t category, std::int64_t expires_at) {
  if (!IsCategory(category)) {
    return absl::InvalidArgumentError("category: must be one bit or none");
  }
  const std::lock_guard<std::mutex> lock(writer_);
  return ChangeRow(slot, [&](Segment&, SegmentView view, std::size_t row) {
    view.categories[row] = category;
    view.expires[row] = Seconds32(expires_at);
  });
}

absl::Status Gallery::Remove(std::uint32_t slot) {
  const std::lock_guard<std::mutex> lock(writer_);
  std::size_t number = 0;
  absl::Status status = ChangeRow(slot, [&](Segment& segment, SegmentView view, std::size_t row) {
    view.ClearRow(row);
    segment.SetLive(row, false);
    number = segment.number;
    if (segment.card_tags.empty()) return;
    segment.card_tags[row] = {};
    const std::span<std::uint8_t> card = segment.Card(row, *shape_);
    sodium_memzero(card.data(), card.size());
  });
  if (!status.ok()) return status;
  places_.Erase(slot);
  with_room_.insert(number);
  --live_;
  if (const std::shared_ptr<Segment> segment = SegmentAt(number); segment->live_rows == 0) {
    DropSegment(*segment);
  }
  GiveBack();
  return absl::OkStatus();
}

void Gallery::DropSegment(const Segment& segment) {
  const std::size_t number = segment.number;
  with_room_.erase(number);
  const std::unique_lock<std::shared_mutex> lock(list_);
  segments_[number] = nullptr;  // a scan under way may still hold it
  while (!segments_.empty() && segments_.back() == nullptr) segments_.pop_back();
}

std::size_t Gallery::bytes_resident() const {
  std::size_t bytes =
      scan_->bytes() + writer_desk_->memory().size() + second_desk_->memory().size();
  {
    const std::lock_guard<std::mutex> lock(desks_);
    for (const auto& desk : free_desks_) bytes += desk->memory().size();
  }
  const std::lock_guard<std::mutex> lock(writer_);
  bytes += places_.bytes();
  const std::shared_lock<std::shared_mutex> list(list_);
  bytes += segments_.capacity() * sizeof(segments_[0]);
  for (const auto& segment : segments_) bytes += segment == nullptr ? 0 : segment->bytes(*shape_);
  return bytes;
}

}  // namespace kluis::matching
