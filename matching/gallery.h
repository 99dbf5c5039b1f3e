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
#include <shared_mutex>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "matching/algorithm.h"
#include "matching/segment_sealer.h"
#include "matching/worker_pool.h"

namespace kluis::matching {

struct Desk;     // segment.h
struct Segment;  // segment.h

using Id = std::array<std::uint8_t, 16>;

// What a gallery knows of one template.
struct Row {
  std::uint32_t slot = 0;  // unique in the gallery
  Id record_id = {};
  Id subject_id = {};
  std::uint8_t category = 0;    // exactly one bit
  std::int64_t expires_at = 0;  // Unix seconds; from this second on the row matches nothing
};

struct Query {
  std::span<const float> probe;    // protected by the gallery's transform
  double cut = 0;                  // from CutFor
  std::size_t max_candidates = 0;  // 0 only counts
  std::int64_t now = 0;            // Unix seconds
  std::uint8_t categories = 0;     // rows whose bit is not in it are out of scope
  // Asked between segments, from the gallery's threads; true ends the scan. May be empty.
  std::function<bool()> should_stop;
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
};

// The protected templates of one purpose and one algorithm, resident for exact 1:N search and never
// in plain: segments of 64 KiB of templates are sealed (SegmentSealer) under a random key that
// lives and dies with the gallery. A scan opens one segment at a time per thread into a locked,
// guarded buffer that fits the cache, and wipes it at the end. Ids, expiry and categories are
// sealed with the templates; only the slot numbers stand outside, to find a row that must go.
//
// Thread-safe. Scans run beside each other; Add and Remove run one at a time and hold up a scan for
// no longer than the sealing of one segment. Every scan that starts after Add or Remove has
// returned sees its effect; a scan under way may see either. The gallery must outlive its scans.
//
//   segment = sealed(row[rows_per_segment] | template[rows_per_segment]); owner = segment number
//   u64; counter = one per sealing, never reused, kept beside the segment
class Gallery {
 public:
  struct Options {
    std::size_t threads = 2;  // 1 to 64; per scan, and kept for the life of the gallery
    std::optional<SegmentSealer::Cipher> cipher;  // Preferred() unless given
  };

  // Rows in one call of Add, so that no caller gathers a gallery in plain first.
  static constexpr std::size_t kMaxRowsPerAdd = 256;
  static constexpr std::size_t kMaxCandidates = 1024;

  // An empty gallery. `algorithm` must outlive it. kInvalidArgument: threads out of range.
  // kUnavailable: the machine does not run the cipher.
  static absl::StatusOr<std::unique_ptr<Gallery>> Create(const Algorithm& algorithm,
                                                         const Options& options);

  Gallery(const Gallery&) = delete;
  Gallery& operator=(const Gallery&) = delete;
  ~Gallery();  // wipes key, buffers and segments

  // Adds rows with their protected templates: `templates` is rows.size() * dimension floats. Seals
  // each touched segment once, so many rows a call are faster than one. Places of removed rows are
  // used first. kInvalidArgument: no or too many rows, sizes that do not fit, CheckProtected
  // refuses a template, or a category is not one bit. kAlreadyExists: a slot is taken or given
  // twice; in both cases nothing was added. kDataLoss: a segment did not authenticate; the rows
  // placed before it are in, and every scan fails. kResourceExhausted: 2^32 places are used up.
  absl::Status Add(std::span<const Row> rows, std::span<const float> templates);
  absl::Status Add(const Row& row, std::span<const float> protected_template);

  // Overwrites the row with zeros, seals the segment anew, and frees the place. When it returns OK
  // no copy of the row is left in the gallery, sealed or plain. kNotFound: no such slot. kDataLoss:
  // the segment does not authenticate; the row is still there, but every scan fails.
  absl::Status Remove(std::uint32_t slot);

  // Compares the probe with every row. Exact: all rows are scored, none is skipped by an index;
  // rows out of scope are masked after scoring. Uses up to `threads` threads; scans at the same
  // time take turns. kInvalidArgument: CheckProtected refuses the probe, the cut is NaN, or
  // max_candidates is over kMaxCandidates. kCancelled: should_stop. kDataLoss: a segment did not
  // authenticate. Neither gives a partial result.
  absl::StatusOr<ScanResult> Scan(const Query& query) const;

  std::size_t size() const { return live_.load(); }  // rows, expired ones too

  // Bytes of sealed segments, buffers and the table of slots.
  std::size_t bytes_resident() const;

 private:
  friend class GalleryPeer;  // tests: reads and corrupts segments, reads buffers

  struct Part;  // what one thread found

  explicit Gallery(const Algorithm& algorithm);

  absl::Status CheckRows(std::span<const Row> rows, std::span<const float> templates) const;
  // Places rows from `done` on as far as free places of the segment go, and advances `done`.
  absl::Status AddToSegment(std::size_t number, std::span<const Row> rows,
                            std::span<const float> templates, std::size_t& done);
  void ScoreDesk(const Query& query, Desk& desk, Part& part) const;
  Segment* SegmentAt(std::size_t number) const;  // nullptr: not there yet

  const Algorithm* const algorithm_;
  const std::size_t rows_per_segment_;
  std::vector<std::unique_ptr<Desk>> desks_;  // one per thread of the pool
  std::atomic<std::size_t> live_ = 0;

  mutable std::mutex writer_;  // held by Add and Remove; guards the next five
  std::unique_ptr<Desk> writer_desk_;
  absl::flat_hash_map<std::uint32_t, std::uint32_t> places_;  // by slot
  std::vector<std::uint32_t> free_places_;
  std::uint64_t next_place_ = 0;
  std::uint64_t last_counter_ = 0;

  mutable std::shared_mutex list_;                  // guards the vector, not what it points to
  std::vector<std::unique_ptr<Segment>> segments_;  // only grows
  std::unique_ptr<WorkerPool> pool_;                // last: its threads use the desks
};

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_GALLERY_H_
