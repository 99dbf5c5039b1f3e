#include "service/galleries.h"

#include <sodium.h>

#include <algorithm>
#include <utility>

#include "crypto/secret_bytes.h"
#include "policy/record_key.h"
#include "service/database_state.h"
#include "service/errors.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

matching::Id IdOf(std::string_view bytes) {
  matching::Id id{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), id.size()), id.begin());
  return id;
}

matching::Row RowOf(const v1::TemplateRecord& record) {
  return {.slot = record.slot(),
          .record_id = IdOf(record.id()),
          .subject_id = IdOf(record.subject_id()),
          .category = CategoryBit(record.category()),
          .expires_at = record.expires_at()};
}

absl::Status Rotating() {
  return WithReason(
      absl::UnavailableError("identify: the purpose's templates are protected anew; call again"),
      "PURPOSE_ROTATING");
}

}  // namespace

uint8_t CategoryBit(v1::SubjectCategory category) { return static_cast<uint8_t>(1u << category); }

absl::StatusOr<std::shared_ptr<const SearchRoom>> Galleries::MakeRoom(v1::PurposeRecord record,
                                                                      uint32_t slot) const {
  const matching::Algorithm* algorithm = matching::FindAlgorithm(record.registration().algorithm());
  if (algorithm == nullptr) return absl::InternalError("purpose: its algorithm is not known");
  record.set_slot(slot);
  const absl::StatusOr<crypto::SecretKey32> key = sealer_.TransformKey(record);
  if (!key.ok()) return key.status();
  absl::StatusOr<matching::Transform> transform =
      matching::Transform::Create(*algorithm, key->Expose());
  if (!transform.ok()) return transform.status();
  return std::make_shared<const SearchRoom>(
      SearchRoom{record.registration(), algorithm, *std::move(transform), slot});
}

absl::StatusOr<std::shared_ptr<const SearchRoom>> Galleries::Room(const std::string& purpose) {
  const std::lock_guard lock(mutex_);
  const auto known = rooms_.find(purpose);
  if (known != rooms_.end()) return known->second;
  const auto record =
      policy::Find<v1::PurposeRecord>(DatabaseState(database_), policy::key::Purpose(purpose));
  if (!record.ok()) return record.status();
  if (!record->has_value()) return absl::NotFoundError("purpose: not registered");
  auto room = MakeRoom(**record, (*record)->slot());
  if (room.ok()) rooms_[purpose] = *room;
  return room;
}

absl::StatusOr<std::shared_ptr<const SearchRoom>> Galleries::RoomOf(const std::string& purpose,
                                                                    uint32_t slot) {
  absl::StatusOr<std::shared_ptr<const SearchRoom>> now = Room(purpose);
  if (!now.ok() || (*now)->slot == slot) return now;
  const std::lock_guard lock(mutex_);
  const auto known = former_rooms_.find(purpose);
  if (known != former_rooms_.end() && known->second->slot == slot) return known->second;
  const auto record =
      policy::Find<v1::PurposeRecord>(DatabaseState(database_), policy::key::Purpose(purpose));
  if (!record.ok()) return record.status();
  if (!record->has_value() || slot == 0 || (*record)->previous_slot() != slot) {
    return absl::NotFoundError("purpose: does not protect under that slot");
  }
  auto room = MakeRoom(**record, slot);
  if (room.ok() && rotating_.contains(purpose)) former_rooms_[purpose] = *room;
  return room;
}

std::shared_ptr<Galleries::Resident> Galleries::Find(const std::string& purpose) const {
  const std::lock_guard lock(mutex_);
  const auto found = residents_.find(purpose);
  return found == residents_.end() ? nullptr : found->second;
}

absl::StatusOr<std::shared_ptr<const matching::Gallery>> Galleries::Open(const policy::Grant& grant,
                                                                         const SearchRoom& room) {
  const absl::StatusOr<std::shared_ptr<const SearchRoom>> now = Room(grant.purpose());
  if (!now.ok()) return now.status();

  std::shared_ptr<Resident> resident;
  bool load = false;
  {
    const std::lock_guard lock(mutex_);
    if (active_cases_[grant.purpose()].empty()) {
      return absl::FailedPreconditionError("case: ended before the search began");
    }
    if (rotating_.contains(grant.purpose()) || (*now)->slot != room.slot) return Rotating();
    std::shared_ptr<Resident>& place = residents_[grant.purpose()];
    if (place == nullptr) {
      matching::Gallery::Options options;
      options.threads = threads_;
      auto gallery = matching::Gallery::Create(*room.algorithm, options);
      if (!gallery.ok()) return gallery.status();
      place = std::make_shared<Resident>();
      place->gallery = *std::move(gallery);
      load = true;
    }
    resident = place;
  }
  if (load) {
    const absl::Status status = Load(grant, room, *resident);
    const std::lock_guard lock(resident->mutex);
    resident->status = status;
    resident->done = true;
    resident->loaded.notify_all();
  }
  std::unique_lock lock(resident->mutex);
  resident->loaded.wait(lock, [&] { return resident->done; });
  if (!resident->status.ok()) {
    const absl::Status status = resident->status;
    lock.unlock();
    const std::lock_guard map_lock(mutex_);
    const auto found = residents_.find(grant.purpose());
    if (found != residents_.end() && found->second == resident) residents_.erase(found);
    return status;
  }
  return std::shared_ptr<const matching::Gallery>(resident->gallery);
}

// Templates on their way into a gallery, opened in locked memory, a few at a time: each time a
// segment is sealed for many rows and not for one.
class Galleries::Batch {
 public:
  Batch(Resident& resident, size_t dimension)
      : resident_(resident),
        dimension_(dimension),
        values_(crypto::SecretBytes::Zero(kRows * dimension * sizeof(float))) {}

  absl::Status Add(const matching::Row& row, std::span<const float> values) {
    if (values.size() != dimension_) return absl::DataLossError("template: of another dimension");
    const auto place = Place(rows_.size());
    std::copy(values.begin(), values.end(), place.begin());
    rows_.push_back(row);
    return rows_.size() == kRows ? Flush() : absl::OkStatus();
  }

  // Leaves out what ended meanwhile.
  absl::Status Flush() {
    const std::lock_guard lock(resident_.mutex);
    size_t kept = 0;
    for (size_t i = 0; i < rows_.size(); ++i) {
      if (resident_.gone.contains(rows_[i].slot)) continue;
      if (kept != i) {
        rows_[kept] = rows_[i];
        std::ranges::copy(Place(i), Place(kept).begin());
      }
      ++kept;
    }
    rows_.resize(kept);
    absl::Status added;
    if (kept > 0) {
      added = resident_.gallery->Add(rows_, All().first(kept * dimension_));
      // Somebody enrolled while the gallery loads is in already: one by one.
      if (absl::IsAlreadyExists(added)) added = AddEach();
    }
    rows_.clear();
    sodium_memzero(values_.ExposeMutable().data(), values_.size());
    return added;
  }

 private:
  static constexpr size_t kRows = 256;

  absl::Status AddEach() {
    for (size_t i = 0; i < rows_.size(); ++i) {
      const absl::Status added = resident_.gallery->Add(rows_[i], Place(i));
      if (!added.ok() && !absl::IsAlreadyExists(added)) return added;
    }
    return absl::OkStatus();
  }

  std::span<float> All() {
    const std::span<uint8_t> bytes = values_.ExposeMutable();
    return {reinterpret_cast<float*>(bytes.data()), bytes.size() / sizeof(float)};
  }
  std::span<float> Place(size_t i) { return All().subspan(i * dimension_, dimension_); }

  Resident& resident_;
  const size_t dimension_;
  std::vector<matching::Row> rows_;
  crypto::SecretBytes values_;
};

// The resident is in the map before the snapshot is taken, so every change is in the snapshot or
// comes through TemplateAdded and TemplateEnded, or both: a slot that is in already, or gone
// already, is left as it is.
absl::Status Galleries::Load(const policy::Grant& grant, const SearchRoom& room,
                             Resident& resident) {
  const storage::Snapshot snapshot = database_.TakeSnapshot();
  Batch batch(resident, room.algorithm->dimension);
  absl::Status status;
  const auto add = [&](const v1::TemplateRecord& record) {
    if (!status.ok() || record.purpose() != grant.purpose() ||
        record.state() != v1::TEMPLATE_STATE_ACTIVE) {
      return;
    }
    if (record.transform_slot() != room.slot) {  // renewed before the snapshot
      status = Rotating();
      return;
    }
    {
      const std::lock_guard lock(resident.mutex);
      if (resident.gone.contains(record.slot())) return;
    }
    const auto id = storage::IdFromBytes(record.id());
    const auto sealed = snapshot.Get(storage::Column::kSealed, storage::TemplateKey(*id));
    if (!sealed.ok() || !sealed->has_value()) {
      status =
          sealed.ok() ? absl::DataLossError("template: its record is missing") : sealed.status();
      return;
    }
    const absl::StatusOr<crypto::SecretBytes> opened =
        sealer_.OpenTemplate(grant, record, **sealed);
    if (!opened.ok()) {
      // Its key may have been destroyed since the record was read.
      const std::lock_guard lock(resident.mutex);
      if (!resident.gone.contains(record.slot())) status = opened.status();
      return;
    }
    const absl::StatusOr<std::span<const float>> floats = AsFloats(*opened);
    status = floats.ok() ? batch.Add(RowOf(record), *floats) : floats.status();
  };
  const absl::Status scanned =
      DatabaseState(snapshot).ForEach<v1::TemplateRecord>(v1::RecordChange::kTemplate, add);
  if (!scanned.ok()) return scanned;
  return status.ok() ? batch.Flush() : status;
}

void Galleries::TemplateAdded(const v1::TemplateRecord& record,
                              std::span<const float> protected_template) {
  const std::shared_ptr<Resident> resident = Find(record.purpose());
  if (resident == nullptr) return;
  const std::lock_guard lock(resident->mutex);
  const absl::Status added = resident->gallery->Add(RowOf(record), protected_template);
  if (!added.ok() && !absl::IsAlreadyExists(added)) resident->status = added;  // fails closed
}

void Galleries::TemplateEnded(const v1::TemplateRecord& record) {
  const std::shared_ptr<Resident> resident = Find(record.purpose());
  if (resident == nullptr) return;
  const std::lock_guard lock(resident->mutex);
  resident->gone.insert(record.slot());
  const absl::Status removed = resident->gallery->Remove(record.slot());
  if (!removed.ok() && !absl::IsNotFound(removed)) resident->status = removed;  // fails closed
}

void Galleries::CaseChanged(const v1::CaseRecord& kase) {
  const std::lock_guard lock(mutex_);
  const std::string& purpose = kase.opening().purpose();
  std::set<std::string>& active = active_cases_[purpose];
  if (kase.state() == v1::CASE_STATE_ACTIVE) {
    active.insert(kase.id());
  } else {
    active.erase(kase.id());
    if (active.empty()) residents_.erase(purpose);  // wiped when the last scan lets go
  }
}

void Galleries::PurposeChanged(const v1::PurposeRecord& record) {
  const std::lock_guard lock(mutex_);
  const std::string& purpose = record.registration().purpose();
  rooms_.erase(purpose);
  former_rooms_.erase(purpose);
  residents_.erase(purpose);  // wiped when the last scan lets go
  if (record.previous_slot() != 0) {
    rotating_.insert(purpose);
  } else {
    rotating_.erase(purpose);
  }
}

std::vector<Galleries::Size> Galleries::Sizes() const {
  const std::lock_guard lock(mutex_);
  std::vector<Size> sizes;
  for (const auto& [purpose, resident] : residents_) {
    sizes.push_back({purpose, resident->gallery->size(), resident->gallery->bytes_resident()});
  }
  return sizes;
}

}  // namespace kluis::service
