// SPDX-License-Identifier: Apache-2.0
#include "service/rpc/front_door.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "crypto/sha256.h"
#include "policy/rules.h"
#include "service/callers/call_watch.h"
#include "service/ledger/outcome.h"
#include "service/rpc/methods.h"
#include "service/rpc/subject_rights.h"

namespace kluis::service {
namespace {

constexpr char kIndexMetadata[] = "kluis-log-index";
constexpr std::chrono::seconds kToSayLimited{2};

// All words that kluisd's own log may hold besides literals: methods and reasons.
std::vector<std::string> LogWords() {
  std::vector<std::string> words;
  for (const policy::Rule* rule : policy::AllRules()) {
    words.emplace_back(rule->reason);
    words.emplace_back(rule->public_reason);
  }
  for (const Method* method : AllMethods()) words.push_back(method->name);
  for (const char* word : {"MALFORMED_REQUEST",  "MALFORMED_STATEMENT",
                           "MALFORMED_TEMPLATE", "WRONG_ALGORITHM",
                           "ROLE_NOT_ALLOWED",   "UNKNOWN_NAME",
                           "UNAVAILABLE",        "AUDIT_UNAVAILABLE",
                           "VAULT_SEALED",       "SHARE_REFUSED",
                           "SHARE_MALFORMED",    "SEARCH_QUEUE_FULL",
                           "GALLERY_LOADING",    "INTERNAL",
                           "UNAUTHENTICATED",    "MEASUREMENT_RUNS",
                           "NOT_BY_SHARES",      "REKEY_NOT_DUE",
                           "RATE_LIMITED",       "CLOCK",
                           "APPROVAL_TOO_SMALL"}) {
    words.emplace_back(word);
  }
  return words;
}

bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

// Says what anybody with a certificate may know: subjects are no members, so nobody needs to be
// one.
bool IsForEverybody(const v1::MethodPolicy& rules) {
  return rules.kind() == v1::LOG_KIND_PUBLIC &&
         std::find(rules.roles().begin(), rules.roles().end(), v1::ROLE_SUBJECT) !=
             rules.roles().end();
}

// Worth asking again with the same id: there was no answer.
bool MayPass(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kDeadlineExceeded ||
         status.code() == absl::StatusCode::kCancelled ||
         status.code() == absl::StatusCode::kInternal || ReasonOf(status) == "SEARCH_QUEUE_FULL";
}

// The request's id, when its message has one.
const std::string* RequestId(const google::protobuf::Message& request) {
  const auto* field = request.GetDescriptor()->FindFieldByName("request_id");
  if (field == nullptr) return nullptr;
  return &request.GetReflection()->GetStringReference(request, field, nullptr);
}

}  // namespace

Calls::Calls(Vault& vault, const Config& config, const Callers& callers, Logger& logger)
    : vault_(vault),
      callers_(callers),
      deadline_seconds_(config.server.deadline_seconds),
      logger_(logger),
      cache_(vault.clock(), {static_cast<size_t>(config.limits.answers_mib) << 20U,
                             static_cast<size_t>(config.limits.member_answers_kib) << 10U}),
      words_(LogWords()) {}

absl::StatusOr<Call> Calls::Enter(grpc::ServerContext* context, const Method& method) {
  CallWatch::Get().SetDeadline(
      context, CallWatch::Clock::now() + std::chrono::seconds(deadline_seconds_) + kToAnswer);
  const absl::Status sound = vault_.fault().Check(
      method.policy.goes_on() ? Fault::Leaves::kRevocations : Fault::Leaves::kNothing);
  if (!sound.ok()) return sound;
  absl::StatusOr<Peer> peer = callers_.Identify(*context);
  if (!peer.ok()) return peer.status();
  if (!method.is_subject_right || peer->role != v1::ROLE_SUBJECT) {
    const absl::Status room = TakeRoom(context, *peer,
                                       method.streams                ? Limits::Lane::kStream
                                       : method.policy.has_reserve() ? Limits::Lane::kReserved
                                                                     : Limits::Lane::kOrdinary);
    if (!room.ok()) return room;
  }
  Call call;

  call.peer = *std::move(peer);
  call.caller.set_role(call.peer.role);
  if (call.peer.role != v1::ROLE_SUBJECT) call.caller.set_name(call.peer.name);
  call.kind = method.policy.kind();
  call.method = method.name;
  call.deadline = CallDeadline(*context, absl::Seconds(deadline_seconds_));
  call.context = context;
  call.step = std::chrono::seconds(deadline_seconds_);
  const auto& roles = method.policy.roles();
  if (std::find(roles.begin(), roles.end(), call.peer.role) == roles.end()) {
    return LogRejection(
        vault_, call,
        WithReason(absl::PermissionDeniedError("role: this call is not for the certificate's role"),
                   kRoleNotAllowed));
  }
  if (!IsForEverybody(method.policy)) {
    const absl::Status admitted = Admit(call);
    if (!admitted.ok()) return admitted;
  }
  // Who is nobody here does not learn whether it is sealed.
  if (!method.policy.works_sealed()) {
    call.pass = vault_.gate().Enter();
    if (!call.pass.owns_lock()) {
      // An act of a subject takes its room when it is read, and this one never is.
      const bool took = !method.is_subject_right || call.peer.role != v1::ROLE_SUBJECT;
      const absl::Status room =
          took ? absl::OkStatus() : TakeRoom(context, call.peer, Limits::Lane::kOrdinary);
      return room.ok() ? Sealed() : room;
    }
  }
  if (method.policy.takes_its_time()) call.Compute();
  return call;
}

absl::Status Calls::TakeRoom(grpc::ServerContext* context, const Peer& peer, Limits::Lane lane) {
  absl::StatusOr<Limits::Held> room = vault_.limits().Enter(peer, lane);
  if (!room.ok()) return Limited(context, room.status());
  CallWatch::Get().Hold(context, *std::move(room));
  return absl::OkStatus();
}

absl::Status Calls::TakeSubjectRoom(const Call& call, const google::protobuf::Message& request) {
  const bool too_long = request.ByteSizeLong() > kMaxSubjectRequestBytes;
  absl::StatusOr<std::string> signer = std::string();
  if (!too_long) signer = KnownSigner(vault_, request);
  if (!signer.ok()) return signer.status();
  absl::Status room;
  if (signer->empty()) {
    room = TakeRoom(call.context, call.peer, Limits::Lane::kOrdinary);
  } else {
    room = vault_.limits().EnterSubject(call.peer, *signer, RightOf(request));
    if (!room.ok()) room = Limited(call.context, std::move(room));
  }
  if (!room.ok() || !too_long) return room;
  return LogRejection(vault_, call,
                      absl::InvalidArgumentError("request: a subject's is at most 16 KiB"));
}

// It leaves at once, or not at all: answers that a caller does not read must not take all threads.
absl::Status Calls::Limited(grpc::ServerContext* context, absl::Status status) {
  Limits::Held answer = vault_.limits().AnswerLimited();
  if (answer == nullptr) {
    context->TryCancel();
    return status;
  }
  CallWatch::Get().Hold(context, std::move(answer));
  CallWatch::Get().SetDeadline(context, CallWatch::Clock::now() + kToSayLimited);
  return status;
}

absl::Status Calls::Admit(const Call& call) {
  Act act = call.NewAct();
  act.command.mutable_admit();
  absl::StatusOr<policy::Ruling> ruling = vault_.ledger().Judge(act.command);
  if (!ruling.ok()) return ruling.status();
  if (ruling->decision.allowed()) return absl::OkStatus();
  // Sealing waits for who has a pass: no entry comes after the one that says that it is sealed.
  const Gate::Pass pass = vault_.gate().Enter();
  if (call.kind == v1::LOG_KIND_PUBLIC || !pass.owns_lock()) return RefusalOf(*ruling);
  return CommitAct(vault_.ledger(), std::move(act)).status();  // registered meanwhile: let in
}

grpc::Status Calls::Answer(grpc::ServerContext* context, const Method& method,
                           const absl::Status& status) {
  if (const auto index = LogIndexOf(status)) {
    context->AddTrailingMetadata(kIndexMetadata, absl::StrCat(*index));
  }
  if (!status.ok()) {
    logger_.Info("refused", {{"method", words_.Find(method.name)},
                             {"code", static_cast<int>(status.code())},
                             {"reason", words_.Find(ReasonOf(status))}});
  } else {
    logger_.Debug("served", {{"method", words_.Find(method.name)}});
  }
  return ToGrpc(status);
}

grpc::Status Calls::Run(grpc::ServerContext* context, const Method& method,
                        const google::protobuf::Message& request,
                        google::protobuf::Message& response,
                        const std::function<absl::Status()>& validate,
                        const std::function<absl::Status(const Call&)>& act) {
  const absl::StatusOr<Call> call = Enter(context, method);
  if (!call.ok()) return Answer(context, method, call.status());
  if (method.is_subject_right) {
    const absl::Status room = TakeSubjectRoom(*call, request);
    if (!room.ok()) return Answer(context, method, room);
  }

  const std::string* request_id = RequestId(request);
  std::string owner;
  std::string key;
  if (request_id != nullptr) {
    if (!IsUuid(*request_id)) {
      return Answer(
          context, method,
          LogRejection(vault_, *call,
                       absl::InvalidArgumentError("request_id: must be a UUID in lowercase")));
    }
    owner = absl::StrCat(static_cast<int>(call->peer.role), "/", call->peer.name);
    key = absl::StrCat(owner, "/", call->method, "/", *request_id);
    const auto earlier = cache_.Begin(key, crypto::Sha256({request.SerializeAsString()}));
    if (!earlier.ok())
      return Answer(context, method, LogRejection(vault_, *call, earlier.status()));
    if (*earlier != nullptr) {
      if (!response.ParseFromString((*earlier)->response)) {
        return Answer(context, method, absl::InternalError("request_id: kept answer is damaged"));
      }
      return (*earlier)->status;
    }
  }

  absl::Status status = validate();
  if (status.ok()) status = act(*call);
  if (!status.ok()) {
    status = LogRejection(vault_, *call, std::move(status));
    response.Clear();
  }
  if (method.policy.takes_its_time()) call->Touch();
  const grpc::Status answer = Answer(context, method, status);
  if (request_id != nullptr) {
    auto kept = std::make_shared<RequestCache::Answer>();
    kept->status = answer;
    kept->response = response.SerializeAsString();
    cache_.Finish(key, owner, std::move(kept), !MayPass(status) && !method.policy.names_a_person());
  }
  return answer;
}

grpc::Status Calls::RunStream(grpc::ServerContext* context, const Method& method,
                              const std::function<absl::Status()>& validate,
                              const std::function<absl::Status(const Call&)>& act) {
  const absl::StatusOr<Call> call = Enter(context, method);
  if (!call.ok()) return Answer(context, method, call.status());
  call->Compute();
  absl::Status status = validate();
  if (status.ok()) status = act(*call);
  if (!status.ok()) status = LogRejection(vault_, *call, std::move(status));
  call->Touch();
  return Answer(context, method, status);
}

absl::Status CountLimited(Vault& vault) {
  const Gate::Pass pass = vault.gate().Enter();
  if (!pass.owns_lock()) return absl::OkStatus();
  absl::Status status;
  for (const Limits::Counted& counted : vault.limits().TakeCounted()) {
    Act act;
    act.kind = v1::LOG_KIND_UPKEEP;
    act.command.set_method("Sweep");
    v1::CountLimited& command = *act.command.mutable_count_limited();
    command.mutable_limited()->set_role(counted.role);
    command.mutable_limited()->set_name(counted.name);
    command.set_calls(counted.calls);
    act.prepare = [&](const Writes&, policy::Time now, v1::Command& prepared) {
      prepared.mutable_count_limited()->set_since(std::max<policy::Time>(0, now - counted.seconds));
      return absl::OkStatus();
    };
    status.Update(vault.ledger().Commit(std::move(act)).status());
  }
  return status;
}

std::chrono::system_clock::time_point CallDeadline(const grpc::ServerContext& context,
                                                   absl::Duration cap) {
  return std::min(context.deadline(), absl::ToChronoTime(absl::Now() + cap));
}

}  // namespace kluis::service
