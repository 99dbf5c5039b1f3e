// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "matching/gallery.h"
#include "matching/threshold.h"
#include "tests/bench/exhaustive.h"
#include "tests/bench/load.h"
#include "tests/bench/peers.h"
#include "tests/bench/protected_faces.h"
#include "tests/bench/rows.h"

namespace kluis::bench {
namespace {

using matching::Gallery;

constexpr Figure kOneQuery = {"identify_1m_ms", "ms", 8, false};
constexpr Figure kVersusFlat = {"identify_1m_vs_faiss_flat", "ratio", 0.03, false};
constexpr Figure kShared = {"identify_1m_32q_per_s", "1/s", 600, true};
constexpr Figure kMisses = {"identify_misses", "count", 0, false};
constexpr Figure kBytes = {"bytes_per_template", "B", 90, false};
constexpr Figure kWithdraw = {"withdraw_gallery_us", "us", 1000, false};
constexpr Figure kLarge = {"identify_20m_ms", "ms", 200, false};
constexpr Figure kLargeMemory = {"identify_20m_rss_gb", "GB", 3, false};

constexpr size_t kPeople = 1'000'000;
constexpr size_t kManyPeople = 20'000'000;
constexpr size_t kDistinct = kPeople;  // of the many, who are there twenty times each
constexpr double kFpir = 0.003;
constexpr double kLowCut = 0.40;  // of an investigation that would rather see a stranger than miss
constexpr int kThreads = 2;
constexpr size_t kSearchesPerSample = 20;
constexpr size_t kPlanted = 10'000;
constexpr int kInFlight = 32;
constexpr size_t kWithdrawals = 400;  // per sample
constexpr size_t kGraphPeople = 100'000;
constexpr size_t kGraphSearches = 1000;

double MillisecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

matching::Query QueryFor(std::span<const float> probe, double cut) {
  return {.probe = probe,
          .cut = cut,
          .max_candidates = 100,
          .now = 1,
          .categories = 1,
          .should_stop = [] { return false; }};
}

// What reads the templates of the second stage from `faces`, as from a disk that costs nothing.
matching::TemplateSource SourceOf(const ProtectedFaces& faces) {
  return [&faces](std::span<const matching::RowRef> rows, const auto& take) {
    for (const matching::RowRef& row : rows) {
      take(ProtectedFaces::RowOf(row.slot), faces.Template(row.slot % faces.people()));
    }
    return absl::OkStatus();
  };
}

// A gallery that keeps templates, sealed, or one that leaves them to a source.
absl::StatusOr<std::unique_ptr<Gallery>> NewGallery(const ProtectedFaces& faces, bool keeps) {
  Gallery::Options options;
  options.threads = kThreads;
  options.keep_templates = keeps;
  return Gallery::Create(faces.algorithm(), options);
}

// One search at a time, of people who are there, each by another capture.
struct Searches {
  std::vector<double> medians;
  std::vector<double> latencies;
  size_t found = 0;
  size_t refined = 0;
  size_t matches = 0;
};

absl::StatusOr<Searches> SearchOneByOne(const Gallery& gallery, const ProtectedFaces& faces,
                                        double cut, const Report& report) {
  Searches searches;
  for (int sample = 0; sample < report.plan().samples; ++sample) {
    report.Progress(absl::StrCat("gallery: searching, sample ", sample + 1));
    std::vector<double> times;
    for (size_t i = 0; i < kSearchesPerSample; ++i) {
      const size_t person = static_cast<size_t>(sample) * kSearchesPerSample + i;
      const std::vector<float> probe = faces.Probe(person, 1);
      const auto start = std::chrono::steady_clock::now();
      const auto result = gallery.Scan(QueryFor(probe, cut));
      times.push_back(MillisecondsSince(start));
      if (!result.ok()) return result.status();
      searches.refined += result->refined;
      searches.matches += result->matches;
      for (const matching::Candidate& candidate : result->candidates) {
        if (candidate.slot == person) ++searches.found;
      }
    }
    searches.medians.push_back(Quantile(times, 0.5));
    searches.latencies.insert(searches.latencies.end(), times.begin(), times.end());
  }
  return searches;
}

// The same searches by the peers. The ratio is to one FAISS flat query on its one thread.
void MeasurePeers(const ProtectedFaces& faces, const std::vector<double>& medians, Report& report) {
  const auto note = [&](const char* what, const PeerSearches& peer) {
    report.Note(absl::StrCat("gallery: ", what, ": median ", Quantile(peer.milliseconds, 0.5),
                             " ms, fastest ", Quantile(peer.milliseconds, 0), " ms; ",
                             peer.recall * 100, " % of the people among the ten best"));
  };
  report.Progress("gallery: FAISS");
  const PeerSearches flat = SearchFaissFlat(faces, 1, kSearchesPerSample);
  std::vector<double> ratios;
  for (const double median : medians) ratios.push_back(median / Quantile(flat.milliseconds, 0.5));
  report.Add(kVersusFlat, ratios);
  note("FAISS IndexFlatIP on the same templates, plain, one thread a query", flat);
  note("in two halves on two threads", SearchFaissFlat(faces, 2, kSearchesPerSample));
  note("FAISS IndexScalarQuantizer QT_8bit, one thread a query",
       SearchFaissBytes(faces, kSearchesPerSample));
  report.Progress("gallery: hnswlib");
  for (const size_t ef : {64, 512}) {
    const std::string what = absl::StrCat("hnswlib among ", kGraphPeople, " with ef ", ef);
    note(what.c_str(), SearchHnsw(faces, kGraphPeople, ef, kGraphSearches));
  }
}

absl::Status MeasureShared(const Gallery& gallery, const ProtectedFaces& faces, double cut,
                           Report& report) {
  std::vector<std::vector<float>> probes;
  for (size_t person = 0; person < 1000; ++person) probes.push_back(faces.Probe(person, 1));
  std::vector<double> rates;
  std::vector<double> latencies;
  for (int sample = 0; sample < report.plan().samples; ++sample) {
    report.Progress(absl::StrCat("gallery: 32 in flight, sample ", sample + 1));
    std::atomic<size_t> next = 0;
    const absl::StatusOr<Load> load =
        RunLoad(kInFlight, report.plan().seconds, [&](int) -> absl::Status {
          return gallery.Scan(QueryFor(probes[next++ % probes.size()], cut)).status();
        });
    if (!load.ok()) return load.status();
    rates.push_back(load->per_second);
    latencies.insert(latencies.end(), load->latencies_ms.begin(), load->latencies_ms.end());
  }
  report.Add(kShared, rates, latencies);
  return absl::OkStatus();
}

// Of kPlanted probes that lie exactly at the cut: those whose person is not found, and every other
// difference from what exhaustive scoring finds.
absl::StatusOr<size_t> CountMisses(const Gallery& gallery, const ProtectedFaces& faces, double cut,
                                   std::string_view shape, Report& report) {
  report.Progress(absl::StrCat("gallery: planted matches of ", std::string(shape)));
  std::vector<std::vector<float>> probes(kPlanted);
  std::vector<size_t> given(kPlanted);
  std::atomic<size_t> next = 0;
  std::atomic<size_t> missed = 0;
  std::atomic<size_t> refined = 0;
  std::atomic<bool> failed = false;
  std::vector<std::thread> threads;
  for (int t = 0; t < kInFlight; ++t) {
    threads.emplace_back([&] {
      for (size_t i = next++; i < kPlanted; i = next++) {
        const size_t person = i * (faces.people() / kPlanted);
        probes[i] = faces.ProbeAtTheCut(person, cut);
        const auto result = gallery.Scan(QueryFor(probes[i], cut));
        if (!result.ok()) {
          failed = true;
          return;
        }
        given[i] = result->matches;
        refined += result->refined;
        if (std::none_of(result->candidates.begin(), result->candidates.end(),
                         [&](const auto& candidate) { return candidate.slot == person; })) {
          ++missed;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (failed) return absl::InternalError("gallery: a search failed");

  report.Progress(absl::StrCat("gallery: exhaustive scoring of ", kPlanted, " probes"));
  const std::vector<size_t> wanted = ExhaustiveMatches(faces, probes, cut);
  size_t differences = 0;
  for (size_t i = 0; i < kPlanted; ++i) {
    differences += wanted[i] > given[i] ? wanted[i] - given[i] : given[i] - wanted[i];
  }
  report.Note(absl::StrCat("gallery: ", std::string(shape), ": cut ", cut, "; ", kPlanted,
                           " probes at the cut: ", missed.load(), " missed, ",
                           refined.load() / kPlanted, " survivors each; exhaustive scoring finds ",
                           std::accumulate(wanted.begin(), wanted.end(), size_t{0}),
                           " matches, the scan ",
                           std::accumulate(given.begin(), given.end(), size_t{0})));
  return missed + differences;
}

absl::Status MeasureWithdrawals(Gallery& gallery, Report& report) {
  std::vector<double> medians;
  std::vector<double> all;
  uint32_t slot = 0;
  for (int sample = 0; sample < report.plan().samples; ++sample) {
    std::vector<double> times;
    for (size_t i = 0; i < kWithdrawals; ++i) {
      slot = static_cast<uint32_t>((slot + 7919) % kPeople);
      const auto start = std::chrono::steady_clock::now();
      const absl::Status removed = gallery.Remove(slot);
      times.push_back(MillisecondsSince(start) * 1000);
      if (!removed.ok()) return removed;
    }
    medians.push_back(Quantile(times, 0.5));
    all.insert(all.end(), times.begin(), times.end());
  }
  report.Add(kWithdraw, medians, all);
  return absl::OkStatus();
}

absl::Status ArcfaceRows(Report& report, size_t& misses) {
  report.Progress("gallery: making a million faces");
  const auto faces = ProtectedFaces::Create("arcface-512", kPeople);
  if (!faces.ok()) return faces.status();
  const double cut = matching::CutFor((*faces)->algorithm(), kFpir, kPeople);

  report.Progress("gallery: filling");
  absl::StatusOr<std::unique_ptr<Gallery>> made = NewGallery(**faces, true);
  if (!made.ok()) return made.status();
  const std::unique_ptr<Gallery> gallery = *std::move(made);
  const absl::StatusOr<double> filled = (*faces)->Load(*gallery);
  if (!filled.ok()) return filled.status();
  report.Note(absl::StrCat("gallery: filled at ", static_cast<int64_t>(kPeople / *filled),
                           " opened templates a second"));

  if (report.Wants(kOneQuery) || report.Wants(kVersusFlat)) {
    const absl::StatusOr<Searches> searches = SearchOneByOne(*gallery, **faces, cut, report);
    if (!searches.ok()) return searches.status();
    report.Add(kOneQuery, searches->medians, searches->latencies);
    const size_t count = searches->latencies.size();
    report.Note(absl::StrCat(
        "gallery: ", searches->found, " of ", count, " searches found their person at the cut ",
        cut, "; ", searches->refined / count, " survivors each; fastest ",
        Quantile(searches->latencies, 0), " ms; ", gallery->bytes_resident() / kPeople,
        " bytes a template with templates in memory"));
    const absl::StatusOr<Searches> low = SearchOneByOne(*gallery, **faces, kLowCut, report);
    if (!low.ok()) return low.status();
    report.Note(absl::StrCat("gallery: the same searches at a cut of ", kLowCut, ": median ",
                             Quantile(low->latencies, 0.5), " ms, fastest ",
                             Quantile(low->latencies, 0), " ms; ", low->found,
                             " found their person, ", low->refined / count, " survivors and ",
                             low->matches / count, " matches each"));
    if (report.Wants(kVersusFlat)) MeasurePeers(**faces, searches->medians, report);
  }
  absl::Status status;
  if (report.Wants(kShared)) status = MeasureShared(*gallery, **faces, cut, report);
  if (status.ok() && report.Wants(kMisses)) {
    const auto counted = CountMisses(*gallery, **faces, cut, "arcface-512", report);
    if (!counted.ok()) return counted.status();
    misses += *counted;
  }
  if (status.ok() && report.Wants(kWithdraw)) status = MeasureWithdrawals(*gallery, report);
  if (!status.ok() || !report.Wants(kBytes)) return status;

  absl::StatusOr<std::unique_ptr<Gallery>> light = NewGallery(**faces, false);
  if (!light.ok()) return light.status();
  const absl::StatusOr<double> seconds = (*faces)->Load(**light);
  if (!seconds.ok()) return seconds.status();
  report.Add(kBytes, {static_cast<double>((*light)->bytes_resident()) / kPeople});
  return absl::OkStatus();
}

absl::Status DlibMisses(Report& report, size_t& misses) {
  report.Progress("gallery: making a million faces");
  const auto faces = ProtectedFaces::Create("dlib-128", kPeople);
  if (!faces.ok()) return faces.status();
  absl::StatusOr<std::unique_ptr<Gallery>> gallery = NewGallery(**faces, true);
  if (!gallery.ok()) return gallery.status();
  const absl::StatusOr<double> seconds = (*faces)->Load(**gallery);
  if (!seconds.ok()) return seconds.status();
  const double cut = matching::CutFor((*faces)->algorithm(), kFpir, kPeople);
  const auto counted = CountMisses(**gallery, **faces, cut, "dlib-128", report);
  if (!counted.ok()) return counted.status();
  misses += *counted;
  return absl::OkStatus();
}

double ResidentGigabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1e6;
  }
  return 0;
}

absl::Status FillLarge(const ProtectedFaces& faces, Gallery& gallery, const Report& report) {
  const size_t dimension = faces.algorithm().dimension;
  std::atomic<bool> failed = false;
  OnTwoThreads(kManyPeople, 250, [&](size_t first, size_t end) {
    if (first % 1'000'000 == 0) report.Progress(absl::StrCat("gallery: loaded ", first));
    std::vector<matching::Row> rows;
    for (size_t person = first; person < end; ++person) {
      rows.push_back(ProtectedFaces::RowOf(person));
    }
    const auto templates =
        faces.all().subspan(first % kDistinct * dimension, (end - first) * dimension);
    if (!gallery.Add(rows, templates).ok()) failed = true;
  });
  return failed ? absl::InternalError("gallery: cannot load") : absl::OkStatus();
}

// Twenty million rows, their templates elsewhere: searches, and what the process grows by.
absl::Status LargeRows(Report& report) {
  report.Progress("gallery: making faces for twenty million");
  const auto faces = ProtectedFaces::Create("arcface-512", kDistinct);
  if (!faces.ok()) return faces.status();
  const double before = ResidentGigabytes();
  const absl::StatusOr<std::unique_ptr<Gallery>> gallery = NewGallery(**faces, false);
  if (!gallery.ok()) return gallery.status();
  const absl::Status filled = FillLarge(**faces, **gallery, report);
  if (!filled.ok()) return filled;
  const double cut = matching::CutFor((*faces)->algorithm(), kFpir, kManyPeople);
  std::vector<double> medians;
  std::vector<double> latencies;
  size_t refined = 0;
  for (int sample = 0; sample < report.plan().samples; ++sample) {
    report.Progress(absl::StrCat("gallery: searching 20,000,000, sample ", sample + 1));
    std::vector<double> times;
    for (size_t i = 0; i < kSearchesPerSample; ++i) {
      // Somebody who is not there: those who are, are there twenty times.
      const size_t stranger = kManyPeople + static_cast<size_t>(sample) * kSearchesPerSample + i;
      const std::vector<float> probe = (*faces)->Probe(stranger, 1);
      const auto start = std::chrono::steady_clock::now();
      matching::Query query = QueryFor(probe, cut);
      query.source = SourceOf(**faces);
      const auto result = (*gallery)->Scan(query);
      times.push_back(MillisecondsSince(start));
      if (!result.ok()) return result.status();
      refined += result->refined;
    }
    medians.push_back(Quantile(times, 0.5));
    latencies.insert(latencies.end(), times.begin(), times.end());
  }
  report.Add(kLarge, medians, latencies);
  report.Add(kLargeMemory, {ResidentGigabytes() - before});
  report.Note(absl::StrCat("gallery: searches among ", kManyPeople, " at a cut of ", cut, ": ",
                           static_cast<double>(refined) / static_cast<double>(latencies.size()),
                           " survivors each, read from memory in the place of a disk; ",
                           static_cast<double>((*gallery)->bytes_resident()) / kManyPeople,
                           " bytes a template"));
  return absl::OkStatus();
}

}  // namespace

absl::Status GalleryRows(Report& report) {
  absl::Status status;
  size_t misses = 0;
  const auto wants_any = [&report](auto... figures) { return (report.Wants(figures) || ...); };
  if (wants_any(kOneQuery, kVersusFlat, kShared, kMisses, kBytes, kWithdraw)) {
    status = ArcfaceRows(report, misses);
  }
  if (status.ok() && report.Wants(kMisses)) {
    status = DlibMisses(report, misses);
    if (status.ok()) report.Add(kMisses, {static_cast<double>(misses)});
  }
  if (status.ok() && (report.Wants(kLarge) || report.Wants(kLargeMemory))) {
    status = LargeRows(report);
  }
  return status;
}

}  // namespace kluis::bench
