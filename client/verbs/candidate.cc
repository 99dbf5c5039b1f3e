// SPDX-License-Identifier: Apache-2.0
#include "client/command_line.h"
#include "client/verbs/verbs.h"
#include "kluis/v1/search_service.grpc.pb.h"

namespace kluis::client::candidate_verbs {
namespace {

using Stub = v1::SearchService::Stub;

struct CandidateOptions {
  std::string name;
  std::vector<std::string> keys;
  std::string recipient;
};

Outcome Adjudicate(Session& session, const CandidateOptions& options, v1::Verdict verdict) {
  v1::Adjudication payload;
  payload.set_candidate(options.name);
  payload.set_verdict(verdict);
  return session.Act(&Stub::AdjudicateCandidate,
                     &v1::AdjudicateCandidateRequest::mutable_adjudication, options.keys, payload);
}

Outcome Confirm(Session& session, const CandidateOptions& options) {
  return Adjudicate(session, options, v1::VERDICT_CONFIRMED);
}

Outcome Reject(Session& session, const CandidateOptions& options) {
  return Adjudicate(session, options, v1::VERDICT_REJECTED);
}

Outcome Disclose(Session& session, const CandidateOptions& options) {
  v1::DisclosureRequest payload;
  payload.set_candidate(options.name);
  payload.set_recipient(options.recipient);
  return session.Act(&Stub::DiscloseCandidate,
                     &v1::DiscloseCandidateRequest::mutable_disclosure_request, options.keys,
                     payload);
}

void AddCandidateOptions(base::Verb verb, CandidateOptions& options) {
  verb.Text("candidate", options.name, "cases/ID/candidates/ID").Called("CANDIDATE").Required();
  AddKeys(verb, options.keys, "The officer's key");
}

}  // namespace

void Add(CommandLine& line) {
  base::Verb group = line.Group("candidate", "What a search found (officer)");
  auto [confirm, to_confirm] = line.Verb<CandidateOptions>(
      group, "confirm", "I compared it myself: the same person; two officers must",
      "kluis candidate confirm cases/.../candidates/... --key anna.key", Confirm);
  AddCandidateOptions(confirm, *to_confirm);
  auto [reject, to_reject] = line.Verb<CandidateOptions>(
      group, "reject", "I compared it myself: another person",
      "kluis candidate reject cases/.../candidates/... --key anna.key", Reject);
  AddCandidateOptions(reject, *to_reject);
  auto [disclose, to_disclose] = line.Verb<CandidateOptions>(
      group, "disclose", "Name the confirmed candidate, once, to one authority",
      "kluis candidate disclose cases/.../candidates/... --key anna.key \\\n"
      "    --recipient authorities/...",
      Disclose);
  AddCandidateOptions(disclose, *to_disclose);
  disclose.Text("--recipient", to_disclose->recipient, "Who is told")
      .Called("AUTHORITY")
      .Required();
}

}  // namespace kluis::client::candidate_verbs
