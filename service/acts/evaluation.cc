// SPDX-License-Identifier: Apache-2.0
#include "service/acts/evaluation.h"

#include <algorithm>
#include <map>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/id.h"
#include "matching/evaluation.h"
#include "matching/threshold.h"
#include "service/acts/measurement.h"
#include "service/acts/requests.h"
#include "service/acts/search.h"
#include "service/ledger/names.h"
#include "service/ledger/outcome.h"
#include "service/ledger/statements.h"

namespace kluis::service {
namespace {

constexpr size_t kTemplatesPerBlock = 1'024;
constexpr size_t kMostOfOneSubject = 10;  // probes: more would weigh an answer about one person

absl::Status OtherCount() {
  return WithReason(
      absl::InvalidArgumentError("evaluation: as many probes must come as the order says"),
      "MALFORMED_REQUEST");
}

// The probes that the order announced, and the end of the stream after them.
absl::Status ReadProbes(const Call& call, const SearchRoom& room, uint32_t ordered,
                        EvaluationStream& stream, matching::Evaluation& evaluation) {
  std::map<base::Id, size_t> probes_of;
  v1::EvaluatePurposeRequest message;
  while (ReadFrom(call, stream, &message)) {
    if (!message.has_labelled() || evaluation.probes() == ordered) return OtherCount();
    absl::Status form = Validate(message);
    if (!form.ok()) return form;
    const v1::LabelledProbe& labelled = message.labelled();
    if (labelled.template_().algorithm() != room.purpose.algorithm()) {
      return WithReason(absl::InvalidArgumentError("labelled: is not of the purpose's algorithm"),
                        "WRONG_ALGORITHM");
    }
    const absl::StatusOr<crypto::SecretBytes> probe = ProtectProbe(room, labelled.template_());
    if (!probe.ok()) return probe.status();
    const absl::StatusOr<std::span<const float>> values = AsFloats(*probe);
    if (!values.ok()) return values.status();
    std::optional<base::Id> mate;
    if (!labelled.subject().empty()) {
      const auto id = base::IdFromBytes(policy::IdInName(labelled.subject(), "subjects"));
      if (!id.ok()) {
        return WithReason(absl::InvalidArgumentError("labelled.subject: must be subjects/ID"),
                          "MALFORMED_REQUEST");
      }
      mate = *id;
      if (++probes_of[*mate] > kMostOfOneSubject) {
        return WithReason(absl::InvalidArgumentError("labelled: at most 10 probes of one subject"),
                          "MALFORMED_REQUEST");
      }
    }
    absl::Status added = evaluation.AddProbe(*values, mate);
    if (!added.ok()) return added;
  }
  return evaluation.probes() == ordered ? absl::OkStatus() : OtherCount();
}

// One block after the other; no more than one is in plain at a time.
absl::Status CompareAll(Vault& vault, const Call& call, const policy::Grant& grant,
                        policy::Time now, const SearchRoom& room, const TellProgress& tell,
                        matching::Evaluation& evaluation) {
  const storage::Snapshot snapshot = vault.database().TakeSnapshot();
  uint64_t all = 0;
  absl::Status status =
      VisitComparable(snapshot, grant.purpose(), now, [&](const v1::TemplateRecord&) { ++all; });
  if (!status.ok()) return status;

  matching::TemplateSample block(*room.algorithm, kTemplatesPerBlock);
  std::vector<base::Id> subjects;
  uint64_t done = 0;
  const auto compare = [&] {
    evaluation.Compare(block, subjects);
    done += block.size();
    block.Clear();
    subjects.clear();
    tell(ProgressOf(v1::MeasurementProgress::STEP_COMPARE, done, all));
    if (HasEnded(call)) status = EndedStatus();
  };
  const absl::Status visited =
      VisitComparable(snapshot, grant.purpose(), now, [&](const v1::TemplateRecord& record) {
        if (!status.ok()) return;
        status =
            OpenTemplate(vault, snapshot, grant, room, record,
                         [&](std::span<const float> values) -> absl::Status {
                           if (!block.Add(values).ok()) {
                             return absl::DataLossError("template: is not one of its algorithm");
                           }
                           const auto subject = base::IdFromBytes(record.subject_id());
                           if (!subject.ok()) return subject.status();
                           subjects.push_back(*subject);
                           return absl::OkStatus();
                         });
        if (status.ok() && block.size() == kTemplatesPerBlock) compare();
      });
  if (status.ok()) status = visited;
  if (status.ok() && block.size() > 0) compare();
  return status;
}

v1::EvaluationReport ReportOf(const SearchRoom& room, const matching::EvaluationCounts& counts,
                              const std::string& threshold_policy) {
  v1::EvaluationReport report;
  report.set_purpose("purposes/" + room.purpose.purpose());
  report.set_algorithm(room.purpose.algorithm());
  report.set_gallery_size(counts.gallery_size);
  report.set_mated_probes(counts.mated);
  report.set_non_mated_probes(counts.non_mated);
  report.set_left_out(counts.left_out);
  report.set_threshold_policy(threshold_policy);
  report.mutable_at_policy_cut()->set_false_positives(counts.at_cut.false_positives);
  report.mutable_at_policy_cut()->set_false_negatives(counts.at_cut.false_negatives);
  for (const matching::ErrorCounts& errors : counts.trade_off) {
    v1::ErrorCounts& point = *report.add_trade_off();
    point.set_false_positives(errors.false_positives);
    point.set_false_negatives(errors.false_negatives);
  }
  return report;
}

// Between intent and outcome. The counts, and what the log says of their cut.
absl::StatusOr<v1::EvaluationReport> Measure(Vault& vault, const Call& call,
                                             const Committed& intent, EvaluationStream& stream) {
  const policy::Grant& grant = *intent.ruling.grant;
  const auto room = vault.galleries().Room(grant.purpose());
  if (!room.ok()) return room.status();
  const uint32_t ordered = intent.command.evaluate().order().probes();
  matching::Evaluation evaluation(*(*room)->algorithm, ordered,
                                  std::max(1U, std::thread::hardware_concurrency()));
  absl::Status status = ReadProbes(call, **room, ordered, stream, evaluation);
  if (!status.ok()) return HasEnded(call) ? EndedStatus() : status;
  const TellProgress tell = [&](const v1::MeasurementProgress& progress) {
    v1::EvaluatePurposeResponse message;
    *message.mutable_progress() = progress;
    WriteTo(call, stream, message);
  };
  status = CompareAll(vault, call, grant, intent.decided_at, **room, tell, evaluation);
  if (!status.ok()) return status;
  const double fpir = (*room)->purpose.threshold().target_fpir();
  const auto size = static_cast<size_t>(evaluation.gallery_size());
  const double cut = matching::CutFor(*(*room)->algorithm, (*room)->impostors, fpir, size);
  return ReportOf(**room, evaluation.Count(cut),
                  matching::PolicyText((*room)->impostors, fpir, size));
}

v1::EvaluationOutcome OutcomeOf(const std::string& search_id, const v1::EvaluationReport& report) {
  v1::EvaluationOutcome outcome;
  outcome.set_search_id(search_id);
  outcome.set_mated_probes(report.mated_probes());
  outcome.set_non_mated_probes(report.non_mated_probes());
  outcome.set_gallery_size(report.gallery_size());
  outcome.set_false_negatives(report.at_policy_cut().false_negatives());
  outcome.set_false_positives(report.at_policy_cut().false_positives());
  outcome.set_threshold_policy(report.threshold_policy());
  return outcome;
}

}  // namespace

absl::Status Evaluate(Vault& vault, const Call& call, const v1::EvaluatePurposeRequest& first,
                      EvaluationStream& stream) {
  if (!first.has_order()) {
    return absl::InvalidArgumentError("evaluation: the first message must be the order");
  }
  absl::Status form = Validate(first);
  if (!form.ok()) return form;
  v1::EvaluationOrder order;
  absl::StatusOr<v1::StatementFacts> facts = TakeStatement(vault.state(), first.order(), order);
  if (!facts.ok()) return facts.status();
  Act act = call.NewAct();
  act.envelopes.push_back(first.order());
  v1::Evaluate& command = *act.command.mutable_evaluate();
  *command.mutable_statement() = *std::move(facts);
  *command.mutable_order() = std::move(order);
  command.set_new_search_id(NewId());
  const absl::StatusOr<Committed> intent = CommitAct(vault.ledger(), std::move(act));
  if (!intent.ok()) return intent.status();

  const std::string& search_id = intent->command.evaluate().new_search_id();
  absl::StatusOr<v1::EvaluationReport> report = Measure(vault, call, *intent, stream);
  if (!report.ok()) return Abort(vault, call, search_id, report.status());
  Act concluding = call.NewAct();
  *concluding.command.mutable_evaluation_outcome() = OutcomeOf(search_id, *report);
  const absl::StatusOr<Committed> outcome = CommitAct(vault.ledger(), std::move(concluding));
  if (!outcome.ok()) return Abort(vault, call, search_id, outcome.status());

  v1::EvaluatePurposeResponse last;
  *last.mutable_report() = *std::move(report);
  *last.mutable_intent() = ReceiptOf(*intent);
  *last.mutable_receipt() = ReceiptOf(*outcome);
  return WriteTo(call, stream, last) ? absl::OkStatus() : EndedStatus();
}

}  // namespace kluis::service
