// The searchable galleries: one for each purpose that has an active case, none for any other.
// Loaded under the Grant of the first search, kept in step with the log, wiped when the last case
// of the purpose ends. Thread-safe.
#ifndef KLUIS_SERVICE_GALLERIES_H_
#define KLUIS_SERVICE_GALLERIES_H_

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kluis/v1/state.pb.h"
#include "matching/gallery.h"
#include "matching/transform.h"
#include "policy/grant.h"
#include "service/sealer.h"
#include "storage/database.h"

namespace kluis::service {

// What a search of one purpose works with.
struct SearchRoom {
  v1::PurposeRegistration purpose;
  const matching::Algorithm* algorithm;
  matching::Transform transform;
  uint32_t slot;  // that the secret of the transform comes from
};

class Galleries {
 public:
  struct Size {
    std::string purpose;
    size_t templates;
    size_t resident_bytes;
  };

  Galleries(const storage::Database& database, const Sealer& sealer, size_t threads)
      : database_(database), sealer_(sealer), threads_(threads) {}

  // Transform and algorithm of a registered purpose, as it protects now. kNotFound: no such
  // purpose.
  absl::StatusOr<std::shared_ptr<const SearchRoom>> Room(const std::string& purpose);

  // As the purpose protected under `slot`, its own or the one before a rotation that still runs.
  // kNotFound: no such purpose, or another slot.
  absl::StatusOr<std::shared_ptr<const SearchRoom>> RoomOf(const std::string& purpose,
                                                           uint32_t slot);

  // The gallery of the grant's purpose, loaded if need be; other callers wait for the same load.
  // `room` is where the probe was protected. kFailedPrecondition: no case of the purpose is active.
  // kDataLoss: a record does not open. kUnavailable, PURPOSE_ROTATING: a rotation has begun since.
  absl::StatusOr<std::shared_ptr<const matching::Gallery>> Open(const policy::Grant& grant,
                                                                const SearchRoom& room);

  // Called in the order of the log. Each takes effect before it returns.
  void TemplateAdded(const v1::TemplateRecord& record, std::span<const float> protected_template);
  void TemplateEnded(const v1::TemplateRecord& record);
  void CaseChanged(const v1::CaseRecord& kase);
  // A rotation began or ended: the gallery is dropped, and none is loaded before the end.
  void PurposeChanged(const v1::PurposeRecord& record);

  std::vector<Size> Sizes() const;

 private:
  struct Resident {
    std::mutex mutex;  // guards what follows and makes load and removal take turns
    std::condition_variable loaded;
    bool done = false;
    absl::Status status;
    std::set<uint32_t> gone;  // ended while loading
    std::shared_ptr<matching::Gallery> gallery;
  };

  using Rooms = std::map<std::string, std::shared_ptr<const SearchRoom>>;

  absl::StatusOr<std::shared_ptr<const SearchRoom>> MakeRoom(v1::PurposeRecord record,
                                                             uint32_t slot) const;
  class Batch;

  absl::Status Load(const policy::Grant& grant, const SearchRoom& room, Resident& resident);
  std::shared_ptr<Resident> Find(const std::string& purpose) const;

  const storage::Database& database_;
  const Sealer& sealer_;
  const size_t threads_;

  mutable std::mutex mutex_;
  Rooms rooms_;                     // by purpose
  Rooms former_rooms_;              // of purposes that rotate
  std::set<std::string> rotating_;  // purposes
  std::map<std::string, std::shared_ptr<Resident>> residents_;
  std::map<std::string, std::set<std::string>> active_cases_;  // by purpose
};

// The bit that stands for a category in a gallery's masks.
uint8_t CategoryBit(v1::SubjectCategory category);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_GALLERIES_H_
