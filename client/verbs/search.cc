// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "client/algorithm.h"
#include "client/command_line.h"
#include "client/files.h"
#include "client/purposes.h"
#include "client/verbs/verbs.h"
#include "kluis/v1/search_service.grpc.pb.h"

namespace kluis::client::search_verbs {
namespace {

using Stub = v1::SearchService::Stub;

struct ProbeOptions {
  std::string file;
  std::optional<uint64_t> row;
  std::string algorithm;
};

struct IdentifyOptions {
  std::string name;
  std::string purpose;
  ProbeOptions probe;
  std::string evidence;
  std::string captured_at;
};

struct VerifyOptions {
  std::string subject;
  std::string purpose;
  std::string release;
  ProbeOptions probe;
};

absl::StatusOr<v1::Template> ReadProbe(const ProbeOptions& options) {
  return ReadTemplateRow(options.file, options.row, options.algorithm);
}

// Prints the answer; the exit code says what was found.
template <typename Response>
Outcome PrintResult(Session& session, const absl::StatusOr<Response>& response) {
  const Outcome printed = session.Print(response);
  if (!printed.ok()) return printed;
  switch (response->result()) {
    case v1::SEARCH_RESULT_MATCH:
    case v1::SEARCH_RESULT_OVER_BROAD:
      return ExitCode::kDone;
    case v1::SEARCH_RESULT_NO_MATCH:
      return ExitCode::kNoMatch;
    default:
      return ExitCode::kOther;
  }
}

Outcome Identify(Session& session, const IdentifyOptions& options) {
  const absl::StatusOr<int64_t> captured_at = ParseTime(options.captured_at, Now());
  if (!captured_at.ok()) return captured_at.status();
  absl::StatusOr<v1::Template> probe = ReadProbe(options.probe);
  if (!probe.ok()) return probe.status();
  v1::IdentifyRequest request;
  request.set_request_id(NewRequestId());
  request.set_case_(options.name);
  request.set_purpose(PurposeName(options.purpose));
  *request.mutable_probe() = *std::move(probe);
  *request.mutable_captured_at() = ToTimestamp(*captured_at);
  request.set_evidence_id(options.evidence);
  return PrintResult(session, session.Call(&Stub::Identify, request));
}

Outcome Verify(Session& session, const VerifyOptions& options) {
  absl::StatusOr<v1::Template> probe = ReadProbe(options.probe);
  if (!probe.ok()) return probe.status();
  v1::VerifyRequest request;
  request.set_request_id(NewRequestId());
  if (!options.release.empty()) {
    absl::StatusOr<v1::Envelope> release = ReadStatement(options.release);
    if (!release.ok()) return release.status();
    *request.mutable_release() = *std::move(release);
  }
  request.set_subject(options.subject);
  request.set_purpose(PurposeName(options.purpose));
  *request.mutable_probe() = *std::move(probe);
  return PrintResult(session, session.Call(&Stub::Verify, request));
}

void AddProbeOptions(base::Verb verb, ProbeOptions& options) {
  verb.Text("--probe", options.file, "The template to compare, .npy or JSON")
      .Called("FILE")
      .Required();
  verb.Count("--row", options.row, "Of a file with several; from 0").Called("N");
  verb.Text("--algorithm", options.algorithm, "Else by dimension: arcface-512/1, dlib-128/1");
}

}  // namespace

void Add(CommandLine& line) {
  auto [identify, to_identify] = line.Verb<IdentifyOptions>(
      line.root(), "identify",
      "Search everybody of a case's purpose; answers with candidates, not names. A probe nearly "
      "equal to an earlier one of the case costs two searches (officer)",
      "kluis identify cases/... --purpose missing-persons --probe face.npy \\\n"
      "    --evidence photo-17 --captured-at 2026-11-22T18:00:00Z",
      Identify);
  identify.Text("case", to_identify->name, "cases/ID, active").Called("CASE").Required();
  identify.Text("--purpose", to_identify->purpose, "The case's own").Required();
  AddProbeOptions(identify, to_identify->probe);
  identify.Text("--evidence", to_identify->evidence, "The authority's own id of the probe")
      .Required();
  identify
      .Text("--captured-at", to_identify->captured_at,
            "When the probe was captured: a time, or -2h")
      .Called("TIME")
      .Required();

  auto [verify, to_verify] = line.Verb<VerifyOptions>(
      line.root(), "verify", "Compare with the one person who says who they are (officer)",
      "kluis verify subjects/... --purpose missing-persons --probe face.npy", Verify);
  verify.Text("subject", to_verify->subject, "subjects/ID").Called("SUBJECT").Required();
  verify.Text("--purpose", to_verify->purpose, "See kluis purpose list").Required();
  verify
      .Text("--release", to_verify->release,
            "Where the purpose is in the subject's custody: what the subject signed for me")
      .Called("FILE");
  AddProbeOptions(verify, to_verify->probe);
}

}  // namespace kluis::client::search_verbs
