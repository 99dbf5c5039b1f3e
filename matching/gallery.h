// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_GALLERY_H_
#define KLUIS_MATCHING_GALLERY_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/id.h"
#include "crypto/secret_bytes.h"
#include "matching/algorithm.h"
#include "matching/segment_sealer.h"
#include "matching/sketch.h"
#include "matching/slot_index.h"

namespace kluis::matching {

struct Segment;       // segment.h
struct SegmentShape;  // segment.h
struct ScanTicket;    // shared_scan.h
class SegmentDesk;    // segment.h
class TemplateDesk;   // segment.h
class SharedScan;     // shared_scan.h

using base::Id;

// How a template that is kept elsewhere is found there: among some twenty million records one or
// two have an id that starts so, and one of them has the slot.
using IdStart = std::array<std::uint8_t, 3>;
struct RowRef {
  std::uint32_t slot = 0;
  IdStart record_id_start = {};
};

// What a gallery knows of one template.
struct Row {
  std::uint32_t slot = 0;  // unique in the gallery
  Id record_id = {};
  Id subject_id = {};
  std::uint8_t category = 0;  // one bit, or none: restricted, no scan sees it
  // Unix seconds; from this second on the row matches nothing. Kept in 32 bits: what is later than
  // 2106 expires then.
  std::int64_t expires_at = 0;
};

// Calls take(row, protected template) for each of `rows` that is still there; once each, in any
// order, and from the calling thread only. Rows may be missing: they were removed since.
using TemplateSource = std::function<absl::Status(
    std::span<const RowRef> rows,
    const std::function<void(const Row& row, std::span<const float> protected_template)>& take)>;

struct Query {
  std::span<const float> probe;    // protected by the gallery's transform
  double cut = 0;                  // from CutFor
  std::size_t max_candidates = 0;  // 0 only counts
  std::int64_t now = 0;            // Unix seconds
  std::uint8_t categories = 0;     // rows whose bit is not in it are out of scope
  // Asked every few segments, from threads of the gallery and of other scans; true ends the scan.
  // May be empty.
  std::function<bool()> should_stop;
  // Called once, from a thread of the gallery, when the pass that this query shares begins: until
  // then it waited. May be empty.
  std::function<void()> began = {};
  // Where the second stage reads templates that the gallery does not keep: what may be opened is
  // whoever asks to say. Not used, and may be empty, where it keeps them.
  TemplateSource source = {};
};

struct Candidate {
  std::uint32_t slot = 0;
  Id record_id = {};
  Id subject_id = {};
};

// Scores stay inside the scan; only their order leaves it.
struct ScanResult {
  std::vector<Candidate> candidates;  // best first; of equals, the lower slot first
  std::size_t matches = 0;            // all that passed the cut, also beyond max_candidates
  std::size_t compared = 0;  // rows that were in scope: not expired, of a category asked for
  std::size_t refined = 0;   // rows that the sketches could not rule out
};

// The protected templates of one purpose and one algorithm, resident for 1:N search and never in
// plain: a sketch of each row in sealed segments of 64 KiB, and its quantised template
// (quantised.h) sealed by itself, here or wherever `Query::source` reads it. Keys are random and
// live and die with the gallery; what is opened lies in locked, guarded buffers that fit the cache,
// and is wiped at the end of each call. Only slot numbers stand outside, to find a row that must
// go.
//
// A scan has two stages. Sketches (sketch.h) rule out all rows that cannot reach the cut; a row
// that does reach it is ruled out with a probability of at most Options::miss. The survivors are
// compared by their quantised templates, which alone decides. Concurrent scans share one pass over
// the segments (shared_scan.h).
//
// Sketches are taken about a centre: the origin where the algorithm's templates spread around it,
// else the one given, else the mean of the gallery's own rows, taken at 64, 256 and 1,024 rows, for
// which their sketches are made anew. It is kept in guarded memory, as it tells about all.
//
// Thread-safe. Scans run beside Add, Remove and SetScope, which take effect in place: every scan
// that starts after they have returned sees them, one under way may see either. Whole segments that
// become empty are given back at once, and when more than a quarter of all places is free, a
// removal that meets no scan moves the last segment's rows. The gallery must outlive its calls.
class Gallery {
 public:
  struct Options {
    std::size_t threads = 2;  // 1 to 64; per pass, and kept for the life of the gallery
    std::optional<SegmentSealer::Cipher> cipher;  // Preferred() unless given
    // Keeps templates too, sealed, at 589 bytes more a row of 512 values. Without them each query
    // says where they are, and the sealed segments have the start of each row's record id.
    bool keep_templates = true;
    std::span<const float> centre = {};  // protected by the gallery's transform; copied
    double miss = kMissProbability;
  };

  // The chance that a row at the very cut is passed over: one in a thousand million.
  static constexpr double kMissProbability = 1e-9;

  // Rows in one call of Add, so that no caller gathers a gallery in plain first.
  static constexpr std::size_t kMaxRowsPerAdd = 256;
  static constexpr std::size_t kMaxCandidates = 1024;

  // An empty gallery. `algorithm` must outlive it. kInvalidArgument: threads or miss out of range,
  // a dimension that is not a power of two from 8 to 4096, a centre of another dimension.
  // kUnavailable: the machine does not run the cipher.
  static absl::StatusOr<std::unique_ptr<Gallery>> Create(const Algorithm& algorithm,
                                                         const Options& options);

  Gallery(const Gallery&) = delete;
  Gallery& operator=(const Gallery&) = delete;
  ~Gallery();  // wipes key and buffers

  // Adds rows with their protected templates: `templates` is rows.size() * dimension floats. Seals
  // each touched segment once, so many rows a call are faster than one, and several threads are
  // faster than one. Places of removed rows are used first. kInvalidArgument: no or too many rows,
  // sizes that do not fit, CheckProtected refuses a template, or a category is more than a bit.
  // kAlreadyExists: a slot is taken or given twice; in both cases nothing was added. kDataLoss: a
  // segment did not authenticate; the rows placed before it are in, and every scan fails.
  // kResourceExhausted: 2^32 places are used up.
  absl::Status Add(std::span<const Row> rows, std::span<const float> templates);
  absl::Status Add(const Row& row, std::span<const float> protected_template);

  // Overwrites the row with zeros, seals the segment anew, and frees the place. When it returns OK
  // no copy of the row is left in the gallery, sealed or plain. kNotFound: no such slot. kDataLoss:
  // the segment does not authenticate; the row is still there, but every scan fails.
  absl::Status Remove(std::uint32_t slot);

  // Puts the row into another category, or into none (0: no scan sees it until it has a category
  // again), with another expiry. kInvalidArgument: more than one bit. kNotFound,
  // kDataLoss: as Remove.
  absl::Status SetScope(std::uint32_t slot, std::uint8_t category, std::int64_t expires_at);

  // Compares the probe with every row. kInvalidArgument: CheckProtected refuses the probe, the cut
  // is NaN, max_candidates is over kMaxCandidates, or a source is missing. kCancelled: should_stop.
  // kDataLoss: a segment or a template did not authenticate. Any code of the source. None gives a
  // partial result.
  absl::StatusOr<ScanResult> Scan(const Query& query) const;

  std::size_t size() const { return live_.load(); }  // rows, expired and restricted ones too

  // Bytes of sealed segments and templates, buffers and the table of slots.
  std::size_t bytes_resident() const;

 private:
  friend class GalleryPeer;  // tests: reads and corrupts segments, reads buffers

  struct Batch;    // rows on their way in
  struct Matches;  // what the second stage found

  Gallery(const Algorithm& algorithm, const Options& options);

  absl::Status CheckRows(std::span<const Row> rows, std::span<const float> templates) const;
  absl::Status Encode(std::span<const Row> rows, std::span<const float> templates,
                      TemplateDesk& desk, Batch& batch);
  // Places rows from `done` on as far as free places of the segment go, and advances `done`.
  absl::Status AddToSegment(Segment& segment, std::span<const Row> rows, TemplateDesk& desk,
                            const Batch& batch, std::size_t& done);
  std::shared_ptr<Segment> SegmentWithRoom();
  void DropSegment(const Segment& segment);
  // Opens the slot's segment, lets `change` alter its row, and seals it. `change` also has the
  // segment, under its lock.
  template <typename Change>
  absl::Status ChangeRow(std::uint32_t slot, const Change& change);
  // Under writer_. When many places are free and nobody relies on them, moves the rows of the last
  // segment and drops it.
  void GiveBack();
  absl::Status EmptyLast(Segment& last);
  // Moves the centre when it is time and no scan is under way; the next Add tries again.
  absl::Status LearnCentre();
  absl::Status MoveCentre(TemplateDesk& desk);

  absl::Status Refine(const ScanTicket& ticket, TemplateDesk& desk, Matches& matches) const;
  bool WithCards() const { return keep_templates_ || learn_at_ != 0; }

  absl::StatusOr<std::unique_ptr<TemplateDesk>> TakeDesk() const;
  void ReturnDesk(std::unique_ptr<TemplateDesk> desk) const;     // wiped
  std::shared_ptr<Segment> SegmentAt(std::size_t number) const;  // nullptr: not there

  const Algorithm* const algorithm_;
  const double miss_;
  const bool keep_templates_;
  const SegmentSealer::Cipher cipher_;
  const crypto::SecretBytes key_;  // of segments and templates
  std::unique_ptr<SketchSpace> space_;
  std::unique_ptr<SegmentShape> shape_;
  std::atomic<std::size_t> live_ = 0;
  std::atomic<std::uint64_t> last_counter_ = 0;

  // Shared by whoever relies on places and centre; alone by who changes them.
  mutable std::shared_mutex moving_;
  std::atomic<std::size_t> learn_at_ = 0;  // rows; 0: the centre is settled
  bool broken_ = false;                    // a move failed halfway: no scan is right any more

  mutable std::mutex writer_;  // held by all that change rows; guards the next four
  std::unique_ptr<SegmentDesk> writer_desk_;
  std::unique_ptr<SegmentDesk> second_desk_;
  SlotIndex places_;
  std::set<std::size_t> with_room_;  // segments that are not full

  mutable std::shared_mutex list_;                  // guards the vector, not what it points to
  std::vector<std::shared_ptr<Segment>> segments_;  // by number; nullptr: given back

  mutable std::mutex desks_;  // guards the next
  mutable std::vector<std::unique_ptr<TemplateDesk>> free_desks_;

  std::unique_ptr<SharedScan> scan_;  // last: its threads use the rest
};

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_GALLERY_H_
