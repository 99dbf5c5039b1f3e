#include "audit/report/report.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "audit/log/log_directory.h"
#include "audit/log/log_source.h"
#include "audit/log/verify_log.h"
#include "audit/report/year_counter.h"

namespace kluis::audit {
namespace {

constexpr CaseFigure kFigures[] = {
    {"opened", "cases opened", &CaseActivity::opened},
    {"approved", "cases approved by a second officer", &CaseActivity::approved},
    {"warranted", "warrants issued", &CaseActivity::warranted},
    {"refused", "warrants refused", &CaseActivity::refused},
    {"closed", "cases closed", &CaseActivity::closed},
    {"expired", "cases expired", &CaseActivity::expired},
    {"searches", "searches", &CaseActivity::searches},
    {"hits", "searches with a hit", &CaseActivity::hits},
    {"no_match", "searches without a hit", &CaseActivity::no_match},
    {"over_broad", "searches refused as over-broad", &CaseActivity::over_broad},
    {"aborted", "searches aborted", &CaseActivity::aborted},
    {"confirmed", "confirmations of a candidate", &CaseActivity::confirmed},
    {"rejected", "rejections of a candidate", &CaseActivity::rejected},
    {"disclosures", "names disclosed", &CaseActivity::disclosures},
    {"delayed_notices", "disclosures with a delayed notice", &CaseActivity::delayed_notices},
};

constexpr int kFirstYear = 1970;
constexpr int kLastYear = 9999;

}  // namespace

std::span<const CaseFigure> CaseFigures() { return kFigures; }

int64_t ErasureYear::MedianSeconds() const {
  const uint64_t half = (done + 1) / 2;
  uint64_t seen = 0;
  for (const auto& [length, count] : seconds) {
    seen += count;
    if (seen >= half) return length;
  }
  return 0;
}

int64_t ErasureYear::MaxSeconds() const { return seconds.empty() ? 0 : seconds.rbegin()->first; }

absl::StatusOr<YearReport> MakeYearReport(const std::string& directory, const VerifierKey& key,
                                          int year, const ReportProgress& progress) {
  if (year < kFirstYear || year > kLastYear) {
    return absl::InvalidArgumentError("year: must be 1970 to 9999");
  }
  const absl::StatusOr<DirectoryReport> verified = LogDirectory(directory).Verify(key);
  if (!verified.ok()) return verified.status();

  // The entries are read again, and their root computed again: the directory may have changed.
  const Checkpoint& checkpoint = verified->checkpoint;
  DirectorySource source(directory);
  PublishedTiles tiles(source, checkpoint.size);
  YearCounter counter(year);
  std::vector<std::string> bundle;
  uint64_t next = 0;
  const EntryReader read = [&]() -> absl::StatusOr<std::optional<std::string>> {
    if (next == checkpoint.size) return std::nullopt;
    if (next % kTileWidth == 0) {
      absl::StatusOr<std::vector<std::string>> entries = tiles.ReadBundle(next / kTileWidth);
      if (!entries.ok()) return entries.status();
      bundle = *std::move(entries);
      if (progress) progress(next, checkpoint.size);
    }
    std::string& bytes = bundle[next % kTileWidth];
    const absl::StatusOr<v1::Entry> entry = DecodeEntry(bytes, next);
    if (!entry.ok()) return entry.status();
    counter.Add(next++, *entry);
    return std::move(bytes);
  };
  const absl::StatusOr<LogReport> log = VerifyEntries(read, checkpoint);
  if (!log.ok()) return log.status();
  YearReport report = std::move(counter).Finish();
  report.checkpoint = checkpoint;
  return report;
}

}  // namespace kluis::audit
