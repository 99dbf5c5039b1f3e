// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "client/synth.h"
#include "matching/algorithm.h"
#include "tests/bench/rows.h"
#include "tests/fakes/linkage.h"

namespace kluis::bench {
namespace {

constexpr Figure kPurposes = {"d_sys_purposes", "", 0.05, false};
constexpr Figure kRotation = {"d_sys_rotation", "", 0.05, false};
constexpr size_t kPeople = 20'000;
constexpr size_t kSecrets = 10;

}  // namespace

absl::Status UnlinkabilityRows(Report& report) {
  if (!report.Wants(kPurposes) && !report.Wants(kRotation)) return absl::OkStatus();
  std::vector<double> purposes;
  std::vector<double> rotation;
  Linkage last;
  for (int i = 0; i < report.plan().samples; ++i) {
    report.Progress(absl::StrCat("d_sys: sample ", i + 1, " of ", report.plan().samples));
    const auto seed = static_cast<uint64_t>(i);
    const auto population = client::Population::Create("arcface-512", seed);
    if (!population.ok()) return population.status();
    last = MeasureLinkage(*population, *matching::FindAlgorithm("arcface-512/1"), kPeople, kSecrets,
                          seed);
    purposes.push_back(last.purposes);
    rotation.push_back(last.rotation);
  }
  if (report.Wants(kPurposes)) report.Add(kPurposes, purposes);
  if (report.Wants(kRotation)) report.Add(kRotation, rotation);
  report.Note(absl::StrCat("d_sys: ", kPeople * kSecrets, " mated and as many other pairs under ",
                           kSecrets, " pairs of secrets, ", kLinkageBins, " bins; unprotected ",
                           last.unprotected, "; the estimate gives ", last.floor,
                           " where there is nothing to find; worst single pair of secrets ",
                           last.worst_purposes, " and ", last.worst_rotation));
  return absl::OkStatus();
}

}  // namespace kluis::bench
