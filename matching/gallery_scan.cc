// SPDX-License-Identifier: Apache-2.0
#include <sodium.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "matching/gallery.h"
#include "matching/quantised.h"
#include "matching/segment.h"
#include "matching/shared_scan.h"
#include "matching/template_check.h"
#include "matching/threshold.h"

// The reading side of a gallery: first stage, second stage, the order of the answer.

namespace kluis::matching {
namespace {

struct Scored {
  double badness;  // lower is better, for both metrics
  Candidate candidate;
};

bool Better(const Scored& a, const Scored& b) {
  return a.badness != b.badness ? a.badness < b.badness : a.candidate.slot < b.candidate.slot;
}

// The cut as a squared Euclidean distance, which for vectors of length 1 is 2 - 2 cosine. A cut
// that nothing reaches stays one: no squared distance is negative.
double SquaredCut(const Algorithm& algorithm, double cut) {
  if (algorithm.metric == Metric::kCosine) return 2 - 2 * std::clamp(cut, -1.1, 1.1);
  constexpr double kFarthest = 1e5;  // beyond twice the longest template
  return cut < 0 ? -1 : std::min(cut, kFarthest) * std::min(cut, kFarthest);
}

std::uint32_t Seconds32(std::int64_t time) {
  constexpr std::int64_t kLast = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(time, 0, kLast));
}

}  // namespace

struct Gallery::Matches {
  const Algorithm& algorithm;
  const Query& query;
  Quantised probe_head;
  std::span<const std::int8_t> probe;
  std::vector<Scored> best = {};  // a heap, the worst on top; its capacity never grows
  std::size_t count = 0;

  ~Matches() {
    if (!best.empty()) sodium_memzero(best.data(), best.size() * sizeof(Scored));
  }

  void Compare(const Card& card, std::uint32_t slot) {
    const double score = QuantisedScore(algorithm, probe_head, probe, card.head, card.values);
    if (!IsMatch(algorithm, score, query.cut)) return;
    ++count;
    if (query.max_candidates == 0) return;
    const Scored scored = {
        .badness = algorithm.metric == Metric::kCosine ? -score : score,
        .candidate = {.slot = slot, .record_id = card.record_id, .subject_id = card.subject_id}};
    if (best.size() == query.max_candidates) {
      if (!Better(scored, best.front())) return;
      std::pop_heap(best.begin(), best.end(), Better);
      best.back() = scored;
    } else {
      best.push_back(scored);
    }
    std::push_heap(best.begin(), best.end(), Better);
  }
};

absl::StatusOr<ScanResult> Gallery::Scan(const Query& query) const {
  if (absl::Status status = CheckProtected(*algorithm_, query.probe); !status.ok()) return status;
  if (std::isnan(query.cut)) return absl::InvalidArgumentError("cut: not a number");
  if (query.max_candidates > kMaxCandidates) {
    return absl::InvalidArgumentError("max_candidates: must be 0 to 1024");
  }
  if (!keep_templates_ && query.source == nullptr) {
    return absl::InvalidArgumentError("source: this gallery keeps no templates");
  }
  absl::StatusOr<std::unique_ptr<TemplateDesk>> taken = TakeDesk();
  if (!taken.ok()) return taken.status();
  TemplateDesk& desk = **taken;

  const std::shared_lock<std::shared_mutex> places(moving_);
  Matches matches = {.algorithm = *algorithm_,
                     .query = query,
                     .probe_head = Quantise(query.probe, desk.probe()),
                     .probe = desk.probe()};
  matches.best.reserve(query.max_candidates);
  Dequantise(*algorithm_, matches.probe_head, matches.probe, desk.floats());
  SketchQuery sketch;
  space_->Prepare(desk.floats(), SquaredCut(*algorithm_, query.cut), miss_, sketch);

  ScanTicket ticket;
  ticket.query = &sketch;
  ticket.now = Seconds32(query.now);
  ticket.categories = query.categories;
  ticket.should_stop = &query.should_stop;
  ticket.began = &query.began;
  if (broken_) {
    ticket.status = absl::DataLossError("gallery: a segment does not authenticate");
  } else {
    scan_->Ride(ticket);
  }
  absl::Status status = ticket.status;
  if (status.ok()) status = Refine(ticket, desk, matches);
  ReturnDesk(*std::move(taken));
  if (!status.ok()) return status;

  ScanResult result;
  result.compared = ticket.compared;
  result.refined = ticket.survivors.size();
  result.matches = matches.count;
  std::sort(matches.best.begin(), matches.best.end(), Better);
  for (const Scored& scored : matches.best) result.candidates.push_back(scored.candidate);
  return result;
}

absl::Status Gallery::Refine(const ScanTicket& ticket, TemplateDesk& desk, Matches& matches) const {
  std::vector<RowRef> elsewhere;
  for (const Survivor& survivor : ticket.survivors) {
    const std::shared_ptr<Segment> segment = SegmentAt(survivor.place / shape_->rows);
    if (segment == nullptr) continue;  // removed meanwhile, with its whole segment
    const std::size_t row = survivor.place % shape_->rows;
    const std::shared_lock<std::shared_mutex> lock(segment->mutex);
    if (segment->card_tags.empty()) {
      elsewhere.push_back({survivor.slot, survivor.record_id_start});
      continue;
    }
    const CardTag& tag = segment->card_tags[row];
    if (!segment->IsLive(row) || tag.slot != survivor.slot) continue;  // removed meanwhile
    Card card;
    if (!desk.Open(tag, segment->Card(row, *shape_), card)) {
      return absl::DataLossError("gallery: a template does not authenticate");
    }
    matches.Compare(card, survivor.slot);
  }
  if (elsewhere.empty()) return absl::OkStatus();
  absl::Status failure;
  const absl::Status read = matches.query.source(
      elsewhere, [&](const Row& row, std::span<const float> protected_template) {
        absl::Status status = CheckProtected(*algorithm_, protected_template);
        if (!status.ok()) {
          failure = absl::DataLossError("gallery: a template read is none");
          return;
        }
        matches.Compare(desk.Make(protected_template, row), row.slot);
      });
  return read.ok() ? failure : read;
}

}  // namespace kluis::matching
