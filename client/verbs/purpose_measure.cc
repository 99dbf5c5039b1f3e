// SPDX-License-Identifier: Apache-2.0
// What a purpose's cuts rest on and which errors they make (supervisor). A measurement takes as
// long as it takes: --timeout does not cut it off.
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/algorithm.h"
#include "client/command_line.h"
#include "client/det_plot.h"
#include "client/error_rates.h"
#include "client/files.h"
#include "client/probe_labels.h"
#include "client/progress.h"
#include "client/purposes.h"
#include "client/verbs/purpose_order.h"
#include "client/verbs/verbs.h"
#include "kluis/v1/supervision_service.grpc.pb.h"

namespace kluis::client::purpose_measure_verbs {
namespace {

using Stub = v1::SupervisionService::Stub;

constexpr std::chrono::minutes kLongest{45};

struct EvaluateOptions {
  OrderOptions order;
  std::string probes;
  std::string labels;
  std::string algorithm;
  std::string svg;
  std::string html;
};

void Tell(const v1::MeasurementProgress& progress, Progress& bar) {
  const bool opens = progress.step() == v1::MeasurementProgress::STEP_OPEN_TEMPLATES;
  bar.Show(progress.done(), absl::StrCat(progress.done(), " of ", progress.all(),
                                         opens ? " templates are opened" : " are compared"));
}

Outcome Calibrate(Session& session, const OrderOptions& options) {
  v1::CalibrationOrder unsigned_order;
  if (options.statement.empty()) {
    const absl::StatusOr<v1::Purpose> purpose = FindPurpose(session, options.purpose);
    if (!purpose.ok()) return purpose.status();
    unsigned_order.set_follows(purpose->last_calibration());
  }
  absl::StatusOr<v1::Envelope> order = SignedOrder(session, options, std::move(unsigned_order));
  if (!order.ok()) return order.status();
  const absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = session.Channel();
  if (!channel.ok()) return channel.status();
  v1::CalibratePurposeRequest request;
  request.set_request_id(NewRequestId());
  *request.mutable_order() = *std::move(order);
  Stub stub(*channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kLongest);
  const auto stream = stub.CalibratePurpose(&context, request);
  Progress progress(session.err(), std::nullopt);
  v1::CalibratePurposeResponse last;
  for (v1::CalibratePurposeResponse message; stream->Read(&message); last = message) {
    if (message.has_progress()) Tell(message.progress(), progress);
  }
  progress.End();
  const grpc::Status ended = stream->Finish();
  if (!ended.ok()) return FromServer(ended);
  if (!last.has_receipt()) return absl::DataLossError("calibrate: the vault gave no receipt");
  session.PrintMessage(last);
  return ExitCode::kDone;
}

// Sends order and probes; the vault answers when all have come.
absl::StatusOr<v1::EvaluatePurposeResponse> SendProbes(Session& session, const v1::Envelope& order,
                                                       Templates& probes,
                                                       const std::vector<std::string>& labels) {
  const absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = session.Channel();
  if (!channel.ok()) return channel.status();
  Stub stub(*channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kLongest);
  const auto stream = stub.EvaluatePurpose(&context);
  v1::EvaluatePurposeRequest message;
  message.set_request_id(NewRequestId());
  *message.mutable_order() = order;
  bool open = stream->Write(message);
  message.Clear();
  for (size_t i = 0; open && i < labels.size(); ++i) {
    absl::StatusOr<v1::Template> probe = probes.Next();
    if (!probe.ok()) {
      context.TryCancel();
      stream->Finish();
      return probe.status();
    }
    *message.mutable_labelled()->mutable_template_() = *std::move(probe);
    message.mutable_labelled()->set_subject(labels[i]);
    open = stream->Write(message);
  }
  stream->WritesDone();
  Progress progress(session.err(), std::nullopt);
  v1::EvaluatePurposeResponse last;
  for (v1::EvaluatePurposeResponse answer; stream->Read(&answer); last = answer) {
    if (answer.has_progress()) Tell(answer.progress(), progress);
  }
  progress.End();
  const grpc::Status ended = stream->Finish();
  if (!ended.ok()) return FromServer(ended);
  if (!last.has_report()) return absl::DataLossError("evaluate: the vault gave no report");
  return last;
}

nlohmann::ordered_json JsonOf(const ErrorRate& rate) {
  return {{"errors", rate.errors},
          {"trials", rate.trials},
          {"rate", rate.rate},
          {"low", rate.low},
          {"high", rate.high}};
}

// Counts as the vault gave them, and the rates that follow.
std::string ReportJson(const v1::EvaluatePurposeResponse& answer) {
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(ToJson(answer));
  json.erase("progress");
  const CutRates cut = RatesOf(answer.report(), answer.report().at_policy_cut());
  json["at_policy_cut"] = {{"fpir", JsonOf(cut.fpir)}, {"fnir", JsonOf(cut.fnir)}};
  json["at_target_fpir"] = nlohmann::ordered_json::array();
  for (const TargetRates& at : RatesAtTargets(answer.report())) {
    json["at_target_fpir"].push_back(
        {{"target", at.target}, {"fpir", JsonOf(at.rates.fpir)}, {"fnir", JsonOf(at.rates.fnir)}});
  }
  return json.dump();
}

Outcome Evaluate(Session& session, const EvaluateOptions& options) {
  absl::StatusOr<Templates> probes = Templates::Open(options.probes, options.algorithm);
  if (!probes.ok()) return probes.status();
  const absl::StatusOr<std::vector<std::string>> labels =
      ReadProbeLabels(options.labels, probes->size());
  if (!labels.ok()) return labels.status();
  v1::EvaluationOrder payload;
  payload.set_probes(static_cast<uint32_t>(labels->size()));
  const absl::StatusOr<v1::Envelope> order = SignedOrder(session, options.order, payload);
  if (!order.ok()) return order.status();
  const auto answer = SendProbes(session, *order, *probes, *labels);
  if (!answer.ok()) return answer.status();
  if (session.json()) {
    session.out() << ReportJson(*answer) << "\n";
  } else {
    session.out() << RatesTable(answer->report()) << "log entry " << answer->receipt().log_index()
                  << " says so\n";
  }
  absl::Status written;
  if (!options.svg.empty()) written.Update(WriteText(options.svg, DetSvg(answer->report())));
  if (!options.html.empty()) written.Update(WriteText(options.html, DetHtml(answer->report())));
  if (!written.ok()) return written;
  return ExitCode::kDone;
}

}  // namespace

void Add(CommandLine& line) {
  base::Verb purpose = line.root().Find("purpose");
  auto [calibrate, to_calibrate] = line.Verb<OrderOptions>(
      purpose, "calibrate",
      "Measure how alike strangers are in its gallery, and take its cuts from that; needs 1,000 "
      "people and as many supervisors as a lift",
      "kluis purpose calibrate missing-persons --key dpa-1.key --key dpa-2.key \\\n"
      "    --reasons \"5,000 people are enrolled\"",
      Calibrate);
  AddOrderOptions(calibrate, *to_calibrate);

  auto [evaluate, to_evaluate] = line.Verb<EvaluateOptions>(
      purpose, "evaluate",
      "Measure FNIR and FPIR with a labelled probe set, for a purpose that is for nothing else "
      "(supervisor)",
      "kluis purpose evaluate error-rates --probes probes.npy --labels labels.csv \\\n"
      "    --key dpa.key --reasons \"the yearly test\" --svg det.svg --html det.html",
      Evaluate);
  AddOrderOptions(evaluate, to_evaluate->order);
  evaluate.Text("--probes", to_evaluate->probes, "The probes, .npy or JSON, one a row")
      .Called("FILE")
      .Required();
  evaluate
      .Text("--labels", to_evaluate->labels,
            "Whose they are: subjects/ID a line, or - for somebody who is not enrolled; 100 "
            "of each at least")
      .Called("FILE")
      .Required();
  evaluate.Text("--algorithm", to_evaluate->algorithm,
                "Else by dimension: arcface-512/1, dlib-128/1");
  evaluate.Text("--svg", to_evaluate->svg, "Write the DET plot").Called("FILE");
  evaluate.Text("--html", to_evaluate->html, "Write a page with table and plot").Called("FILE");
}

}  // namespace kluis::client::purpose_measure_verbs
