#include "matching/gallery.h"

#include <sodium.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "crypto/secret_bytes.h"
#include "matching/kernels.h"
#include "matching/segment.h"
#include "matching/template_check.h"
#include "matching/threshold.h"

namespace kluis::matching {
namespace {

constexpr std::size_t kTemplateBytesPerSegment = 64 * 1024;
constexpr std::size_t kMaxThreads = 64;
constexpr std::uint64_t kMaxPlaces = std::uint64_t{1} << 32;

struct Scored {
  double badness;  // lower is better, for both metrics
  SealedRow row;
};

bool Better(const Scored& a, const Scored& b) {
  return a.badness != b.badness ? a.badness < b.badness : a.row.slot < b.row.slot;
}

void Wipe(std::vector<Scored>& scored) {
  if (!scored.empty()) sodium_memzero(scored.data(), scored.size() * sizeof(Scored));
}

enum class Failure { kNone, kCancelled, kDataLoss };

}  // namespace

struct Gallery::Part {
  std::vector<Scored> best;  // a heap, the worst on top; its capacity never grows
  std::size_t matches = 0;
  std::size_t compared = 0;
};

absl::StatusOr<std::unique_ptr<Gallery>> Gallery::Create(const Algorithm& algorithm,
                                                         const Options& options) {
  if (options.threads < 1 || options.threads > kMaxThreads) {
    return absl::InvalidArgumentError("threads: must be 1 to 64");
  }
  const SegmentSealer::Cipher cipher = options.cipher.value_or(SegmentSealer::Preferred());
  const crypto::SecretBytes key = crypto::SecretBytes::Random(SegmentSealer::kKeyBytes);
  const auto key_bytes = key.Expose().first<SegmentSealer::kKeyBytes>();

  auto gallery = std::unique_ptr<Gallery>(new Gallery(algorithm));
  for (std::size_t i = 0; i <= options.threads; ++i) {
    absl::StatusOr<std::unique_ptr<Desk>> desk =
        Desk::Create(gallery->rows_per_segment_, algorithm.dimension, cipher, key_bytes);
    if (!desk.ok()) return desk.status();
    if (i == 0) {
      gallery->writer_desk_ = *std::move(desk);
    } else {
      gallery->desks_.push_back(*std::move(desk));
    }
  }
  gallery->pool_ = std::make_unique<WorkerPool>(options.threads);
  return gallery;
}

Gallery::Gallery(const Algorithm& algorithm)
    : algorithm_(&algorithm),
      rows_per_segment_(std::max<std::size_t>(
          kTemplateBytesPerSegment / (algorithm.dimension * sizeof(float)), 1)) {}

Gallery::~Gallery() = default;

Segment* Gallery::SegmentAt(std::size_t number) const {
  const std::shared_lock<std::shared_mutex> lock(list_);
  return number < segments_.size() ? segments_[number].get() : nullptr;
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
    if (!std::has_single_bit(rows[i].category)) {
      return absl::InvalidArgumentError("category: must be exactly one bit");
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
  const std::lock_guard<std::mutex> lock(writer_);
  absl::flat_hash_set<std::uint32_t> seen;
  for (const Row& row : rows) {
    if (places_.contains(row.slot) || !seen.insert(row.slot).second) {
      return absl::AlreadyExistsError("slot: already in the gallery");
    }
  }
  if (next_place_ + rows.size() > kMaxPlaces + free_places_.size()) {
    return absl::ResourceExhaustedError("gallery: full");
  }

  absl::Status status;
  for (std::size_t done = 0; status.ok() && done < rows.size();) {
    const std::uint64_t first = free_places_.empty() ? next_place_ : free_places_.back();
    status = AddToSegment(first / rows_per_segment_, rows, templates, done);
    writer_desk_->Wipe();
  }
  return status;
}

absl::Status Gallery::AddToSegment(std::size_t number, std::span<const Row> rows,
                                   std::span<const float> templates, std::size_t& done) {
  const std::size_t dimension = algorithm_->dimension;
  Desk& desk = *writer_desk_;
  Segment* segment = SegmentAt(number);
  std::unique_ptr<Segment> fresh;
  if (segment == nullptr) {  // the desk is empty, and so is a new segment
    fresh = std::make_unique<Segment>(number, desk.plain_bytes);
    segment = fresh.get();
  } else if (absl::Status status = desk.Open(*segment); !status.ok()) {
    return status;
  }

  const std::size_t before = done;
  while (done < rows.size()) {
    const std::uint64_t place = free_places_.empty() ? next_place_ : free_places_.back();
    if (place / rows_per_segment_ != number) break;
    if (free_places_.empty()) {
      ++next_place_;
    } else {
      free_places_.pop_back();
    }
    const std::size_t i = place % rows_per_segment_;
    const Row& row = rows[done];
    desk.rows[i] = {.expires_at = row.expires_at,
                    .slot = row.slot,
                    .live = 1,
                    .category = row.category,
                    .zero = 0,
                    .record_id = row.record_id,
                    .subject_id = row.subject_id};
    std::copy_n(templates.begin() + static_cast<std::ptrdiff_t>(done * dimension), dimension,
                desk.templates.begin() + static_cast<std::ptrdiff_t>(i * dimension));
    places_[row.slot] = static_cast<std::uint32_t>(place);
    ++done;
  }
  live_ += done - before;
  absl::Status status = desk.Seal(++last_counter_, *segment);
  if (fresh != nullptr) {
    const std::unique_lock<std::shared_mutex> lock(list_);
    segments_.push_back(std::move(fresh));
  }
  return status;
}

absl::Status Gallery::Remove(std::uint32_t slot) {
  const std::lock_guard<std::mutex> lock(writer_);
  const auto found = places_.find(slot);
  if (found == places_.end()) return absl::NotFoundError("slot: not in the gallery");
  const std::size_t dimension = algorithm_->dimension;
  const std::size_t i = found->second % rows_per_segment_;
  Segment* const segment = SegmentAt(found->second / rows_per_segment_);
  Desk& desk = *writer_desk_;
  absl::Status status = desk.Open(*segment);
  if (status.ok()) {
    sodium_memzero(&desk.rows[i], sizeof(SealedRow));
    sodium_memzero(&desk.templates[i * dimension], dimension * sizeof(float));
    status = desk.Seal(++last_counter_, *segment);
  }
  desk.Wipe();
  if (!status.ok()) return status;
  free_places_.push_back(found->second);
  places_.erase(found);
  --live_;
  return absl::OkStatus();
}

void Gallery::ScoreDesk(const Query& query, Desk& desk, Part& part) const {
  const bool larger_is_alike = algorithm_->metric == Metric::kCosine;
  const Kernels& kernels = BestKernels();
  (larger_is_alike ? kernels.dot : kernels.squared_distance)(
      query.probe.data(), desk.templates.data(), desk.rows.size(), algorithm_->dimension,
      desk.scores.data());
  for (std::size_t i = 0; i < desk.rows.size(); ++i) {
    const SealedRow& row = desk.rows[i];
    const double raw = static_cast<double>(desk.scores[i]);
    const double score = larger_is_alike ? raw : std::sqrt(raw);
    const bool in_scope =
        row.live == 1 && row.expires_at > query.now && (row.category & query.categories) != 0;
    part.compared += in_scope ? 1 : 0;
    if (!in_scope || !IsMatch(*algorithm_, score, query.cut)) continue;
    ++part.matches;
    if (query.max_candidates == 0) continue;
    const Scored scored = {.badness = larger_is_alike ? -score : score, .row = row};
    if (part.best.size() == query.max_candidates) {
      if (!Better(scored, part.best.front())) continue;
      std::pop_heap(part.best.begin(), part.best.end(), Better);
      part.best.pop_back();
    }
    part.best.push_back(scored);
    std::push_heap(part.best.begin(), part.best.end(), Better);
  }
}

absl::StatusOr<ScanResult> Gallery::Scan(const Query& query) const {
  if (absl::Status status = CheckProtected(*algorithm_, query.probe); !status.ok()) return status;
  if (std::isnan(query.cut)) return absl::InvalidArgumentError("cut: not a number");
  if (query.max_candidates > kMaxCandidates) {
    return absl::InvalidArgumentError("max_candidates: must be 0 to 1024");
  }
  std::size_t segment_count = 0;
  {
    const std::shared_lock<std::shared_mutex> lock(list_);
    segment_count = segments_.size();
  }

  std::vector<Part> parts(desks_.size());
  for (Part& part : parts) part.best.reserve(query.max_candidates);
  std::atomic<std::size_t> next_segment = 0;
  std::atomic<Failure> failure = Failure::kNone;
  pool_->Run(std::min(desks_.size(), segment_count), [&](std::size_t worker) {
    Desk& desk = *desks_[worker];
    while (failure.load() == Failure::kNone) {
      const std::size_t number = next_segment.fetch_add(1);
      if (number >= segment_count) break;
      if (query.should_stop && query.should_stop()) {
        Failure none = Failure::kNone;
        failure.compare_exchange_strong(none, Failure::kCancelled);
        break;
      }
      if (!desk.Open(*SegmentAt(number)).ok()) {
        failure = Failure::kDataLoss;
        break;
      }
      ScoreDesk(query, desk, parts[worker]);
    }
    desk.Wipe();
  });

  ScanResult result;
  std::vector<Scored> best;
  best.reserve(query.max_candidates * parts.size());
  for (Part& part : parts) {
    result.matches += part.matches;
    result.compared += part.compared;
    best.insert(best.end(), part.best.begin(), part.best.end());
    Wipe(part.best);
  }
  std::sort(best.begin(), best.end(), Better);
  const std::size_t count = std::min(best.size(), query.max_candidates);
  result.candidates.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const SealedRow& row = best[i].row;
    result.candidates.push_back(
        {.slot = row.slot, .record_id = row.record_id, .subject_id = row.subject_id});
  }
  Wipe(best);
  if (failure.load() == Failure::kCancelled) return absl::CancelledError("scan: stopped");
  if (failure.load() == Failure::kDataLoss) {
    return absl::DataLossError("gallery: a segment does not authenticate");
  }
  return result;
}

std::size_t Gallery::bytes_resident() const {
  std::size_t bytes = 0;
  for (const std::unique_ptr<Desk>& desk : desks_) bytes += desk->memory.size();
  bytes += writer_desk_->memory.size();
  {
    const std::lock_guard<std::mutex> lock(writer_);
    bytes += places_.capacity() * (sizeof(*places_.begin()) + 1);
    bytes += free_places_.capacity() * sizeof(free_places_[0]);
  }
  const std::shared_lock<std::shared_mutex> lock(list_);
  const std::size_t segment_bytes =
      sizeof(Segment) + writer_desk_->plain_bytes + SegmentSealer::kTagBytes;
  return bytes + segments_.size() * segment_bytes;
}

}  // namespace kluis::matching
