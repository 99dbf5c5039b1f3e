// SPDX-License-Identifier: Apache-2.0
#include "service/acts/calibration.h"

#include <sodium.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "matching/calibration.h"
#include "service/acts/search.h"
#include "service/ledger/names.h"
#include "service/ledger/outcome.h"
#include "service/ledger/statements.h"

namespace kluis::service {
namespace {

constexpr size_t kMaxTemplates = 20'000;
constexpr size_t kFewestTemplates = 1'000;  // calibration.people refuses fewer
constexpr size_t kTemplatesPerLook = 256;   // between two looks at the call, and two messages

// Each of the comparable templates with the same chance. Source: Vitter, "Random Sampling with a
// Reservoir", ACM TOMS 11 (1985), 37, algorithm R.
absl::StatusOr<std::vector<v1::TemplateRecord>> DrawTemplates(const storage::Snapshot& snapshot,
                                                              const std::string& purpose,
                                                              int64_t now) {
  std::vector<v1::TemplateRecord> drawn;
  uint32_t seen = 0;
  const absl::Status visited =
      VisitComparable(snapshot, purpose, now, [&](const v1::TemplateRecord& record) {
        ++seen;
        if (drawn.size() < kMaxTemplates) {
          drawn.push_back(record);
          return;
        }
        const uint32_t place = randombytes_uniform(seen);
        if (place < kMaxTemplates) drawn[place] = record;
      });
  if (!visited.ok()) return visited;
  return drawn;
}

// To `digits` after the point: what stands in the log tells of the crowd and of no single pair.
double Rounded(double value, double digits) { return std::round(value * digits) / digits; }
double RoundedUp(double value, double digits) { return std::ceil(value * digits) / digits; }

// The model as it goes into the log and as cuts are taken from it: mean and spread to the nearest,
// the tail upwards, which is stricter.
matching::ImpostorModel Published(matching::ImpostorModel model) {
  model.mean = Rounded(model.mean, 1e3);
  model.sd = Rounded(model.sd, 1e3);
  model.tail_start = RoundedUp(model.tail_start, 1e3);
  model.tail_scale = RoundedUp(model.tail_scale, 1e4);
  model.tail_shape = RoundedUp(model.tail_shape, 1e2);
  return model;
}

// Whether strangers are as strangers are. People who are enrolled twice make the tail so heavy that
// no cut lets anybody through; invented templates are less alike than faces, and loosen it.
absl::Status CheckPlausible(const SearchRoom& room, const matching::ImpostorModel& model) {
  const matching::Algorithm& algorithm = *room.algorithm;
  const v1::ThresholdPolicy& policy = room.purpose.threshold();
  const auto passable = [&](double target, size_t size) {
    const double cut = matching::CutFor(algorithm, model, target, size);
    return target == 0 || matching::IsMatch(algorithm, algorithm.repeat_score, cut);
  };
  const bool heavy =
      !passable(policy.target_fpir(), model.templates) || !passable(policy.target_fmr(), 1);
  if (!heavy && model.sd >= algorithm.impostor_sd / 2) return absl::OkStatus();
  return WithReason(
      absl::FailedPreconditionError(
          heavy ? "calibration: so many strangers are so alike that no cut would let anybody "
                  "through; look for people who are enrolled twice"
                : "calibration: strangers are less alike than faces are; look for templates that "
                  "are none"),
      "IMPLAUSIBLE_STRANGERS");
}

v1::ImpostorDistribution RecordOf(const matching::ImpostorModel& model, int64_t now) {
  v1::ImpostorDistribution record;
  record.set_measured_at(now);
  record.set_templates(model.templates);
  record.set_pairs(model.pairs);
  record.set_mean(model.mean);
  record.set_sd(model.sd);
  record.set_tail_start(model.tail_start);
  record.set_tail_rate(model.tail_rate);
  record.set_tail_scale(model.tail_scale);
  record.set_tail_shape(model.tail_shape);
  return record;
}

absl::StatusOr<matching::ImpostorModel> Measure(Vault& vault, const Call& call,
                                                const policy::Grant& grant, policy::Time now,
                                                const TellProgress& tell) {
  const auto room = vault.galleries().Room(grant.purpose());
  if (!room.ok()) return room.status();
  std::optional<storage::Snapshot> snapshot = vault.database().TakeSnapshot();
  const auto drawn = DrawTemplates(*snapshot, grant.purpose(), now);
  if (!drawn.ok()) return drawn.status();

  matching::TemplateSample sample(*(*room)->algorithm, drawn->size());
  for (size_t i = 0; i < drawn->size(); ++i) {
    if (i % kTemplatesPerLook == 0) {
      if (HasEnded(call)) return EndedStatus();
      tell(ProgressOf(v1::MeasurementProgress::STEP_OPEN_TEMPLATES, i, drawn->size()));
    }
    const absl::Status opened =
        OpenTemplate(vault, *snapshot, grant, **room, (*drawn)[i],
                     [&](std::span<const float> values) -> absl::Status {
                       if (sample.Add(values).ok()) return absl::OkStatus();
                       return absl::DataLossError("template: is not one of its algorithm");
                     });
    if (!opened.ok()) return opened;
  }

  snapshot.reset();

  matching::CalibrationPlan plan;
  plan.threads = std::max(1U, std::thread::hardware_concurrency());
  randombytes_buf(plan.seed.data(), plan.seed.size());
  plan.should_stop = [&] { return HasEnded(call); };
  plan.progress = [&](uint64_t done, uint64_t all) {
    tell(ProgressOf(v1::MeasurementProgress::STEP_COMPARE, done, all));
  };
  absl::StatusOr<matching::ImpostorModel> model = matching::MeasureImpostors(sample, plan);
  if (absl::IsCancelled(model.status())) return EndedStatus();
  // Too few for any distribution: the rules say how few are.
  if (absl::IsFailedPrecondition(model.status())) {
    return matching::ImpostorModel{.templates = sample.size()};
  }
  if (!model.ok()) return model.status();
  const matching::ImpostorModel published = Published(*model);
  const absl::Status plausible = CheckPlausible(**room, published);
  if (!plausible.ok() && sample.size() >= kFewestTemplates) return plausible;
  return published;
}

}  // namespace

absl::StatusOr<Calibrated> Calibrate(Vault& vault, const Call& call, const v1::Envelope& envelope,
                                     const TellProgress& tell) {
  v1::CalibrationOrder order;
  absl::StatusOr<v1::StatementFacts> facts = TakeStatement(vault.state(), envelope, order);
  if (!facts.ok()) return facts.status();
  Act act = call.NewAct();
  act.envelopes.push_back(envelope);
  v1::Calibrate& command = *act.command.mutable_calibrate();
  *command.mutable_statement() = *std::move(facts);
  *command.mutable_order() = std::move(order);
  command.set_new_search_id(NewId());
  absl::StatusOr<Committed> intent = CommitAct(vault.ledger(), std::move(act));
  if (!intent.ok()) return intent.status();

  const std::string& search_id = intent->command.calibrate().new_search_id();
  const auto model = Measure(vault, call, *intent->ruling.grant, intent->decided_at, tell);
  if (!model.ok()) return Abort(vault, call, search_id, model.status());
  Act concluding = call.NewAct();
  v1::CalibrationOutcome& outcome = *concluding.command.mutable_calibration_outcome();
  outcome.set_search_id(search_id);
  *outcome.mutable_distribution() = RecordOf(*model, intent->decided_at);
  absl::StatusOr<Committed> concluded = CommitAct(vault.ledger(), std::move(concluding));
  if (!concluded.ok()) return Abort(vault, call, search_id, concluded.status());
  return Calibrated{*std::move(intent), *std::move(concluded)};
}

}  // namespace kluis::service
