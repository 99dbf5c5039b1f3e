// SPDX-License-Identifier: Apache-2.0
#include "matching/calibration.h"

#include <sodium.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "matching/template_check.h"
#include "matching/worker_pool.h"

namespace kluis::matching {
namespace {

constexpr std::uint64_t kPairsPerTask = 65'536;
constexpr std::size_t kMinTail = 10;
// Tasks between two looks at should_stop: a third of a second or so.
constexpr std::uint64_t kTasksPerRound = 16;

struct Pair {
  std::uint32_t a;
  std::uint32_t b;
};

// The largest values seen, sorted upwards only by Sorted().
class Largest {
 public:
  explicit Largest(std::size_t keep) : keep_(keep) { heap_.reserve(keep); }
  Largest(Largest&&) = default;
  Largest(const Largest&) = delete;
  ~Largest() {
    if (!heap_.empty()) sodium_memzero(heap_.data(), heap_.size() * sizeof(double));
  }

  void Add(double value) {
    if (heap_.size() < keep_) {
      heap_.push_back(value);
      std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    } else if (value > heap_.front()) {
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
      heap_.back() = value;
      std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    }
  }
  void Merge(const Largest& other) {
    for (const double value : other.heap_) Add(value);
  }
  std::span<double> Sorted() {
    std::sort(heap_.begin(), heap_.end());
    return heap_;
  }

 private:
  const std::size_t keep_;
  std::vector<double> heap_;
};

// Running mean and spread. Source: Chan, Golub and LeVeque, "Algorithms for Computing the Sample
// Variance", The American Statistician 37 (1983), 242: their update of one and of two samples.
struct Spread {
  double count = 0;
  double mean = 0;
  double squares = 0;  // of the distances from the mean

  void Add(double value) {
    ++count;
    const double step = value - mean;
    mean += step / count;
    squares += step * (value - mean);
  }
  void Merge(const Spread& other) {
    if (other.count == 0) return;
    const double step = other.mean - mean;
    const double all = count + other.count;
    mean += step * other.count / all;
    squares += other.squares + step * step * count * other.count / all;
    count = all;
  }
};

// What one thread found.
struct Part {
  Spread spread;
  Largest tail;
};

// All pairs in order, or random ones.
class Pairs {
 public:
  Pairs(std::size_t templates, const CalibrationPlan& plan)
      : templates_(templates), seed_(plan.seed) {
    const std::uint64_t all = std::uint64_t{templates} * (templates - 1) / 2;
    random_ = all > plan.max_pairs;
    count_ = random_ ? plan.max_pairs : all;
  }

  std::uint64_t count() const { return count_; }

  // The pairs from `first` to `end` - 1; for random ones `first` is a multiple of kPairsPerTask.
  void Fill(std::uint64_t first, std::uint64_t end, std::vector<Pair>& pairs) const {
    pairs.clear();
    if (random_) {
      Draw(first / kPairsPerTask, end - first, pairs);
      return;
    }
    // Pair number n is (a, b), b < a, with n = a (a - 1) / 2 + b.
    auto a = static_cast<std::uint64_t>((1 + std::sqrt(1 + 8 * static_cast<double>(first))) / 2);
    while (a * (a - 1) / 2 > first) --a;
    while ((a + 1) * a / 2 <= first) ++a;
    std::uint64_t b = first - a * (a - 1) / 2;
    for (std::uint64_t n = first; n < end; ++n) {
      pairs.push_back({static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b)});
      if (++b == a) {
        ++a;
        b = 0;
      }
    }
  }

 private:
  // By ChaCha20 of the seed and the task's number; the bias of the modulo is below 2^-40.
  void Draw(std::uint64_t task, std::uint64_t count, std::vector<Pair>& pairs) const {
    std::array<std::uint8_t, 32> seed = seed_;
    for (std::size_t i = 0; i < sizeof(task); ++i) {
      seed[i] = static_cast<std::uint8_t>(seed[i] ^ (task >> (8 * i)));
    }
    std::vector<std::uint64_t> random(count * 2);
    randombytes_buf_deterministic(random.data(), random.size() * sizeof(std::uint64_t),
                                  seed.data());
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t a = random[2 * i] % templates_;
      const std::uint64_t b = random[2 * i + 1] % (templates_ - 1);
      pairs.push_back(
          {static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b < a ? b : b + 1)});
    }
  }

  const std::uint64_t templates_;
  const std::array<std::uint8_t, 32> seed_;
  bool random_ = false;
  std::uint64_t count_ = 0;
};

absl::Status TooFew(const char* what) { return absl::FailedPreconditionError(what); }

}  // namespace

TemplateSample::TemplateSample(const Algorithm& algorithm, std::size_t capacity)
    : algorithm_(&algorithm),
      stride_(sizeof(Quantised) + algorithm.dimension),
      capacity_(capacity),
      rows_(crypto::SecretBytes::Zero(std::max<std::size_t>(capacity * stride_, 1))) {}

absl::Status TemplateSample::Add(std::span<const float> protected_template) {
  if (size_ == capacity_) return absl::ResourceExhaustedError("sample: is full");
  absl::Status checked = CheckProtected(*algorithm_, protected_template);
  if (!checked.ok()) return checked;
  std::uint8_t* row = rows_.ExposeMutable().data() + size_ * stride_;
  auto* values = reinterpret_cast<std::int8_t*>(row + sizeof(Quantised));
  const Quantised head = Quantise(protected_template, {values, algorithm_->dimension});
  std::memcpy(row, &head, sizeof(head));
  ++size_;
  return absl::OkStatus();
}

Quantised TemplateSample::Head(std::size_t i) const {
  Quantised head;
  std::memcpy(&head, rows_.Expose().data() + i * stride_, sizeof(head));
  return head;
}

std::span<const std::int8_t> TemplateSample::Values(std::size_t i) const {
  const std::uint8_t* row = rows_.Expose().data() + i * stride_ + sizeof(Quantised);
  return {reinterpret_cast<const std::int8_t*>(row), algorithm_->dimension};
}

void TemplateSample::Clear() {
  sodium_memzero(rows_.ExposeMutable().data(), size_ * stride_);
  size_ = 0;
}

double TemplateSample::Alike(std::size_t i, const TemplateSample& other, std::size_t j) const {
  const double score =
      QuantisedScore(*algorithm_, Head(i), Values(i), other.Head(j), other.Values(j));
  return algorithm_->metric == Metric::kCosine ? score : -score;
}

absl::StatusOr<ParetoFit> FitPareto(std::span<const double> excesses) {
  const std::size_t n = excesses.size();
  if (n < 2) return absl::InvalidArgumentError("excesses: at least two");
  double mean = 0;      // of X
  double weighted = 0;  // of X (1 - F(X)), by the unbiased weights (n - i) / (n - 1), i = 1 to n
  for (std::size_t i = 0; i < n; ++i) {
    mean += excesses[i];
    weighted += excesses[i] * static_cast<double>(n - 1 - i) / static_cast<double>(n - 1);
  }
  mean /= static_cast<double>(n);
  weighted /= static_cast<double>(n);
  const double spread = mean - 2 * weighted;
  if (!(spread > 0)) return absl::InvalidArgumentError("excesses: must not be equal");
  return ParetoFit{.scale = 2 * mean * weighted / spread, .shape = 2 - mean / spread};
}

absl::StatusOr<ImpostorModel> MeasureImpostors(const TemplateSample& sample,
                                               const CalibrationPlan& plan) {
  if (sample.size() < 2) return TooFew("calibration: fewer than two templates");
  const Pairs pairs(sample.size(), plan);
  const auto in_tail =
      static_cast<std::size_t>(plan.tail_rate * static_cast<double>(pairs.count()));
  if (in_tail < kMinTail) return TooFew("calibration: too few pairs for a tail");

  WorkerPool pool(std::max<std::size_t>(plan.threads, 1) - 1);
  std::vector<Part> parts;
  for (std::size_t i = 0; i <= pool.threads(); ++i) parts.push_back({{}, Largest(in_tail + 1)});
  const std::uint64_t tasks = (pairs.count() + kPairsPerTask - 1) / kPairsPerTask;
  for (std::uint64_t round = 0; round < tasks; round += kTasksPerRound) {
    if (plan.should_stop && plan.should_stop()) return absl::CancelledError("calibration: stopped");
    const std::uint64_t round_end = std::min(tasks, round + kTasksPerRound);
    std::atomic<std::uint64_t> next = round;
    pool.Run(pool.threads() + 1, [&](std::size_t worker) {
      std::vector<Pair> some;
      for (std::uint64_t task = next++; task < round_end; task = next++) {
        pairs.Fill(task * kPairsPerTask, std::min(pairs.count(), (task + 1) * kPairsPerTask), some);
        for (const Pair& pair : some) {
          const double alike = sample.Alike(pair.a, sample, pair.b);
          parts[worker].spread.Add(alike);
          parts[worker].tail.Add(alike);
        }
      }
    });
    if (plan.progress) {
      plan.progress(std::min(pairs.count(), round_end * kPairsPerTask), pairs.count());
    }
  }
  for (std::size_t i = 1; i < parts.size(); ++i) {
    parts[0].spread.Merge(parts[i].spread);
    parts[0].tail.Merge(parts[i].tail);
  }

  // The tail starts at the best pair that is not in it.
  const std::span<double> largest = parts[0].tail.Sorted();
  const double start = largest[0];
  for (double& value : largest) value -= start;
  const absl::StatusOr<ParetoFit> fit = FitPareto(largest.subspan(1));
  const Spread& spread = parts[0].spread;
  if (!fit.ok() || !(spread.squares > 0)) return TooFew("calibration: all scores are equal");
  return ImpostorModel{
      .measured_at = 0,
      .templates = sample.size(),
      .pairs = pairs.count(),
      .mean = spread.mean,
      .sd = std::sqrt(spread.squares / (spread.count - 1)),
      .tail_start = start,
      .tail_rate = static_cast<double>(in_tail) / static_cast<double>(pairs.count()),
      .tail_scale = fit->scale,
      .tail_shape = fit->shape};
}

}  // namespace kluis::matching
