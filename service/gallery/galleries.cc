// SPDX-License-Identifier: Apache-2.0
#include "service/gallery/galleries.h"

#include <algorithm>
#include <utility>

#include "policy/record_key.h"
#include "service/custody/gate.h"
#include "service/gallery/source.h"
#include "service/ledger/database_state.h"
#include "service/ledger/errors.h"

namespace kluis::service {
namespace {

absl::Status CaseEnded() {
  return absl::FailedPreconditionError("case: ended before the search began");
}

}  // namespace

std::optional<matching::ImpostorModel> ImpostorsOf(const v1::PurposeRecord& record) {
  if (!record.has_calibration()) return std::nullopt;
  const v1::ImpostorDistribution& measured = record.calibration();
  return matching::ImpostorModel{.measured_at = measured.measured_at(),
                                 .templates = measured.templates(),
                                 .pairs = measured.pairs(),
                                 .mean = measured.mean(),
                                 .sd = measured.sd(),
                                 .tail_start = measured.tail_start(),
                                 .tail_rate = measured.tail_rate(),
                                 .tail_scale = measured.tail_scale(),
                                 .tail_shape = measured.tail_shape()};
}

absl::Status Rotating() {
  return WithReason(
      absl::UnavailableError("identify: the purpose's templates are protected anew; call again"),
      "PURPOSE_ROTATING");
}

Galleries::~Galleries() {
  EndLoads();
  for (LoadThread& load : loads_) load.thread.join();
}

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
  return std::make_shared<const SearchRoom>(SearchRoom{
      record.registration(), algorithm, *std::move(transform), slot, ImpostorsOf(record)});
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

std::shared_ptr<ResidentGallery> Galleries::Find(const std::string& purpose) const {
  const std::lock_guard lock(mutex_);
  const auto found = residents_.find(purpose);
  return found == residents_.end() ? nullptr : found->second;
}

absl::StatusOr<std::shared_ptr<ResidentGallery>> Galleries::Ensure(
    const policy::Grant& grant, const std::shared_ptr<const SearchRoom>& room) {
  if (active_cases_[grant.purpose()].empty()) return CaseEnded();
  if (rotating_.contains(grant.purpose())) return Rotating();
  if (sealing_) return Sealed();
  if (const auto found = residents_.find(grant.purpose()); found != residents_.end()) {
    if (!found->second->HasFailed()) return found->second;
    found->second->Drop(absl::CancelledError("gallery: loaded anew"));
    residents_.erase(found);
  }
  matching::Gallery::Options options;
  options.threads = options_.scan_threads;
  options.keep_templates = options_.keep_templates;
  auto gallery = matching::Gallery::Create(*room->algorithm, options);
  if (!gallery.ok()) return gallery.status();
  auto resident = std::make_shared<ResidentGallery>(*std::move(gallery));

  std::erase_if(loads_, [](LoadThread& load) {
    if (!*load.done) return false;
    load.thread.join();
    return true;
  });
  auto done = std::make_shared<std::atomic<bool>>(false);
  // Changes that the load's snapshot does not have wait for mutex_, and find the gallery then.
  std::thread thread([this, grant, room, resident, done] {
    resident->Finish(
        LoadGallery(database_, sealer_, grant, *room, options_.load_threads, step_, *resident));
    *done = true;
  });
  loads_.push_back({std::move(thread), std::move(done)});
  residents_[grant.purpose()] = resident;
  return resident;
}

absl::Status Galleries::LoadAll(const std::vector<policy::Grant>& grants) {
  if (grants.empty()) return absl::OkStatus();
  // What was read may not be on disk yet, and no template is opened before its reason is.
  const absl::Status durable = database_.SyncWritten();
  if (!durable.ok()) return durable;
  for (const policy::Grant& grant : grants) {
    const auto room = Room(grant.purpose());
    if (!room.ok()) continue;  // the first search says why
    const std::lock_guard lock(mutex_);
    if (residents_.contains(grant.purpose())) continue;
    Ensure(grant, *room).status().IgnoreError();
  }
  return absl::OkStatus();
}

absl::Status Galleries::LoadFor(const std::string& case_id, policy::Time now) {
  const DatabaseState state(database_);
  const auto kase = policy::Find<v1::CaseRecord>(state, policy::key::Case(case_id));
  if (!kase.ok() || !kase->has_value()) return kase.status();
  const auto grant = policy::GrantToLoad(state, **kase, now);
  if (!grant.ok() || !grant->has_value()) return grant.status();
  return LoadAll({**grant});
}

absl::Status Galleries::LoadActive(policy::Time now) {
  const DatabaseState state(database_);
  std::vector<policy::Grant> grants;
  absl::Status status;
  const absl::Status scanned =
      state.ForEach<v1::CaseRecord>(v1::RecordChange::kCase, [&](const v1::CaseRecord& kase) {
        const auto grant = policy::GrantToLoad(state, kase, now);
        status.Update(grant.status());
        if (grant.ok() && grant->has_value()) grants.push_back(**grant);
      });
  if (!scanned.ok()) return scanned;
  status.Update(LoadAll(grants));
  return status;
}

absl::StatusOr<std::shared_ptr<const matching::Gallery>> Galleries::Open(const policy::Grant& grant,
                                                                         const SearchRoom& room,
                                                                         const Patience& patience) {
  const absl::StatusOr<std::shared_ptr<const SearchRoom>> now = Room(grant.purpose());
  if (!now.ok()) return now.status();
  absl::StatusOr<std::shared_ptr<ResidentGallery>> resident;
  {
    const std::lock_guard lock(mutex_);
    if ((*now)->slot != room.slot) return Rotating();
    resident = Ensure(grant, *now);
  }
  if (!resident.ok()) return resident.status();
  const absl::Status whole = (*resident)->Wait(patience);
  if (!whole.ok()) return whole;
  return std::shared_ptr<const matching::Gallery>(*resident, &(*resident)->gallery());
}

matching::TemplateSource Galleries::TemplatesFor(const policy::Grant& grant) const {
  if (options_.keep_templates) return {};
  return TemplatesOnDisk(database_, sealer_, grant);
}

void Galleries::Follow(const v1::RecordChange& change, std::span<const float> enrolled) {
  if (change.has_template_()) Follow(change.template_(), enrolled);
  if (change.has_case_()) Follow(change.case_());
  if (change.has_purpose()) Follow(change.purpose());
}

void Galleries::Follow(const v1::TemplateRecord& record, std::span<const float> enrolled) {
  if (record.state() == v1::TEMPLATE_STATE_ERASED) return;  // it ended before
  const std::shared_ptr<ResidentGallery> resident = Find(record.purpose());
  if (resident == nullptr) return;
  if (record.state() != v1::TEMPLATE_STATE_ACTIVE) return resident->Ended(record);
  if (enrolled.empty()) return resident->Restricted(record);
  resident->Added(record, enrolled);
}

void Galleries::Drop(const std::string& purpose, const absl::Status& why) {
  const auto found = residents_.find(purpose);
  if (found == residents_.end()) return;
  found->second->Drop(why);
  residents_.erase(found);  // wiped when the last scan lets go
}

void Galleries::Follow(const v1::CaseRecord& kase) {
  const std::lock_guard lock(mutex_);
  const std::string& purpose = kase.opening().purpose();
  std::set<std::string>& active = active_cases_[purpose];
  if (kase.state() == v1::CASE_STATE_ACTIVE) {
    active.insert(kase.id());
  } else {
    active.erase(kase.id());
    if (active.empty()) Drop(purpose, CaseEnded());
  }
}

void Galleries::Follow(const v1::PurposeRecord& record) {
  const std::lock_guard lock(mutex_);
  const std::string& purpose = record.registration().purpose();
  rooms_.erase(purpose);
  former_rooms_.erase(purpose);
  if (record.previous_slot() != 0 || rotating_.contains(purpose)) Drop(purpose, Rotating());
  if (record.previous_slot() != 0) {
    rotating_.insert(purpose);
  } else {
    rotating_.erase(purpose);
  }
}

void Galleries::EndLoads() {
  const std::lock_guard lock(mutex_);
  sealing_ = true;
  std::erase_if(residents_, [](const auto& resident) {
    if (resident.second->Progress().state() != v1::GALLERY_STATE_LOADING) return false;
    resident.second->Drop(Sealed());
    return true;
  });
}

void Galleries::ResumeLoads() {
  const std::lock_guard lock(mutex_);
  sealing_ = false;
}

void Galleries::NoteScan(const std::string& purpose, const ScanFigures::Scan& scan) {
  const std::shared_ptr<ResidentGallery> resident = Find(purpose);
  if (resident != nullptr) resident->figures().Add(scan);
}

v1::GalleryLoad Galleries::LoadOf(const std::string& purpose) const {
  const std::shared_ptr<ResidentGallery> resident = Find(purpose);
  if (resident != nullptr) return resident->Progress();
  v1::GalleryLoad absent;
  absent.set_state(v1::GALLERY_STATE_ABSENT);
  return absent;
}

bool Galleries::StillProtects(const SearchRoom& room) const {
  const std::lock_guard lock(mutex_);
  const std::string& purpose = room.purpose.purpose();
  const auto now = rooms_.find(purpose);
  return !rotating_.contains(purpose) && (now == rooms_.end() || now->second->slot == room.slot);
}

size_t Galleries::LoadsUnderWay() const {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(
      std::ranges::count_if(loads_, [](const LoadThread& load) { return !*load.done; }));
}

std::vector<Galleries::Status> Galleries::All() const {
  std::map<std::string, std::shared_ptr<ResidentGallery>> residents;
  {
    const std::lock_guard lock(mutex_);
    residents = residents_;
  }
  std::vector<Status> all;
  for (const auto& [purpose, resident] : residents) {
    const matching::Gallery& gallery = resident->gallery();
    all.push_back({purpose, resident->Progress(), gallery.size(), gallery.bytes_resident(),
                   resident->figures().Recent()});
  }
  return all;
}

}  // namespace kluis::service
