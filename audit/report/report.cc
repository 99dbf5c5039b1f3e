// SPDX-License-Identifier: Apache-2.0
#include "audit/report/report.h"

#include <utility>

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
    {"lapsed", "cases lapsed without warrant and approval", &CaseActivity::lapsed},
    {"searches", "searches", &CaseActivity::searches},
    {"repeated_probes", "searches with a repeated probe", &CaseActivity::repeated_probes},
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
                                          int year, VerifyOptions options) {
  if (year < kFirstYear || year > kLastYear) {
    return absl::InvalidArgumentError("year: must be 1970 to 9999");
  }
  YearCounter counter(year);
  options.visit = [&](uint64_t index, const v1::Entry& entry) { counter.Add(index, entry); };
  absl::StatusOr<DirectoryReport> verified = LogDirectory(directory).Verify(key, options);
  if (!verified.ok()) return verified.status();
  YearReport report = std::move(counter).Finish();
  report.checkpoint = std::move(verified->checkpoint);
  return report;
}

}  // namespace kluis::audit
