// SPDX-License-Identifier: Apache-2.0
// The searchable galleries: one for each purpose that has an active case, none for any other.
// Loaded in the background when the first case of a purpose becomes active, kept in step with the
// log, wiped when the last case of the purpose ends. Thread-safe.
#ifndef KLUIS_SERVICE_GALLERY_GALLERIES_H_
#define KLUIS_SERVICE_GALLERY_GALLERIES_H_

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "kluis/v1/gallery.pb.h"
#include "kluis/v1/state.pb.h"
#include "matching/gallery.h"
#include "policy/decide.h"
#include "service/custody/sealer.h"
#include "service/gallery/load.h"
#include "service/gallery/resident_gallery.h"
#include "service/gallery/search_room.h"
#include "service/ledger/followers.h"
#include "storage/database.h"

namespace kluis::service {

class Galleries : public StateFollower {
 public:
  struct Options {
    size_t scan_threads = 2;     // of each gallery
    size_t load_threads = 2;     // of each load
    bool keep_templates = true;  // in memory; else searches read them from the database
  };

  // One that is resident.
  struct Status {
    std::string purpose;
    v1::GalleryLoad load;
    size_t templates;
    size_t resident_bytes;
    ScanFigures::Summary scans;

    double bytes_per_template() const {
      return templates == 0 ? 0
                            : static_cast<double>(resident_bytes) / static_cast<double>(templates);
    }
  };

  Galleries(const storage::Database& database, const Sealer& sealer, const Options& options)
      : database_(database), sealer_(sealer), options_(options) {}
  ~Galleries() override;  // ends loads under way

  // Transform and algorithm of a registered purpose, as it protects now. kNotFound: no such
  // purpose.
  absl::StatusOr<std::shared_ptr<const SearchRoom>> Room(const std::string& purpose);

  // As the purpose protected under `slot`, its own or the one before a rotation that still runs.
  // kNotFound: no such purpose, or another slot.
  absl::StatusOr<std::shared_ptr<const SearchRoom>> RoomOf(const std::string& purpose,
                                                           uint32_t slot);

  // Begins to load the gallery of the case's purpose, in the background, as far as policy lets it
  // at `now` by what the state says, and once that is durable. Does nothing when the gallery is
  // there or on its way, when no case of the purpose is active, or while the purpose rotates. Any
  // error of the store.
  absl::Status LoadFor(const std::string& case_id, policy::Time now);

  // The same for each active case.
  absl::Status LoadActive(policy::Time now);

  // The gallery of the grant's purpose, waited for while it is loaded; one that is not there, or
  // whose load failed, is loaded under this grant. `room` is where the probe was protected.
  // kFailedPrecondition: no case of the purpose is active. kDataLoss: a record does not open.
  // kUnavailable, PURPOSE_ROTATING: a rotation has begun since; VAULT_SEALED: it is being sealed.
  // Errors as ResidentGallery::Wait; a load goes on without who waited for it.
  absl::StatusOr<std::shared_ptr<const matching::Gallery>> Open(const policy::Grant& grant,
                                                                const SearchRoom& room,
                                                                const Patience& patience = {});

  // Whether the purpose still protects as `room` does: else a search that began before a rotation
  // looks at a gallery that follows the log no longer.
  bool StillProtects(const SearchRoom& room) const;

  // For Query::source of a search under `grant`; empty where galleries keep their templates.
  // `grant` must outlive it.
  matching::TemplateSource TemplatesFor(const policy::Grant& grant) const;

  // A template that is added, ended, or restricted by its subject or no longer; a case that becomes
  // active or ends; a purpose that is calibrated or rotated. When a rotation begins or ends, the
  // gallery is dropped, and none is loaded before the end.
  void Follow(const v1::RecordChange& change, std::span<const float> enrolled) override;
  // At a start: as it is.
  void Follow(const v1::CaseRecord& kase);

  // Ends loads under way, and none begins; who waits for one gets VAULT_SEALED. ResumeLoads: for a
  // vault that is not sealed after all.
  void EndLoads();
  void ResumeLoads();

  // Keeps what a scan of the purpose's gallery cost, when it is still resident.
  void NoteScan(const std::string& purpose, const ScanFigures::Scan& scan);

  // Absent unless it is resident.
  v1::GalleryLoad LoadOf(const std::string& purpose) const;
  std::vector<Status> All() const;
  // Whose threads still run, also of galleries that were dropped.
  size_t LoadsUnderWay() const;

  // Told after each batch of a load, from its threads. Call before anything is loaded.
  void TellLoads(LoadStep step) { step_ = std::move(step); }

 private:
  void Follow(const v1::TemplateRecord& record, std::span<const float> enrolled);
  void Follow(const v1::PurposeRecord& record);

  using Rooms = std::map<std::string, std::shared_ptr<const SearchRoom>>;

  struct LoadThread {
    std::thread thread;
    std::shared_ptr<std::atomic<bool>> done;
  };

  absl::StatusOr<std::shared_ptr<const SearchRoom>> MakeRoom(v1::PurposeRecord record,
                                                             uint32_t slot) const;
  absl::Status LoadAll(const std::vector<policy::Grant>& grants);
  // Under mutex_. The resident gallery, loaded if need be. Errors as Open's.
  absl::StatusOr<std::shared_ptr<ResidentGallery>> Ensure(
      const policy::Grant& grant, const std::shared_ptr<const SearchRoom>& room);
  void Drop(const std::string& purpose, const absl::Status& why);  // under mutex_
  std::shared_ptr<ResidentGallery> Find(const std::string& purpose) const;

  const storage::Database& database_;
  const Sealer& sealer_;
  const Options options_;
  LoadStep step_;

  mutable std::mutex mutex_;
  Rooms rooms_;                     // by purpose
  Rooms former_rooms_;              // of purposes that rotate
  std::set<std::string> rotating_;  // purposes
  std::map<std::string, std::shared_ptr<ResidentGallery>> residents_;
  std::map<std::string, std::set<std::string>> active_cases_;  // by purpose
  std::list<LoadThread> loads_;                                // also those that just ended
  bool sealing_ = false;                                       // from EndLoads to ResumeLoads
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_GALLERY_GALLERIES_H_
