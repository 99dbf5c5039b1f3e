// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "client/command_line.h"
#include "client/holdings.h"
#include "client/purposes.h"
#include "client/verbs/verbs.h"
#include "kluis/v1/subject_service.grpc.pb.h"

namespace kluis::client::me_verbs {
namespace {

using Stub = v1::SubjectService::Stub;

using Steady = std::chrono::steady_clock;

// Each look at what is held is an entry of the log: first soon, then ever less often.
constexpr std::chrono::milliseconds kFirstPause{250};
constexpr std::chrono::milliseconds kLongestPause{15'000};

struct MeOptions {
  std::vector<std::string> keys;
  std::string purpose;
  int wait_seconds = 0;  // of a withdrawal
};

// Names the person's own key in the payload.
template <typename Payload>
absl::Status NameSubject(const MeOptions& options, Payload& payload) {
  const absl::StatusOr<std::string> key = SubjectKey(options.keys);
  if (!key.ok()) return key.status();
  payload.set_subject_public_key(*key);
  return absl::OkStatus();
}

Outcome Show(Session& session, const MeOptions& options) {
  return session.Print(AskHoldings(session, options.keys));
}

// The state of one template as its subject sees it; nullopt: it is not shown.
absl::StatusOr<std::optional<v1::TemplateState>> StateOf(Session& session, const MeOptions& options,
                                                         const std::string& template_record) {
  const absl::StatusOr<v1::GetHoldingsResponse> held = AskHoldings(session, options.keys);
  if (!held.ok()) return held.status();
  for (const v1::Holding& holding : held->holdings()) {
    if (holding.template_record() == template_record) return holding.state();
  }
  return std::nullopt;
}

// Until the files are rewritten, `options.wait_seconds` at most; follows that in `erasure`.
absl::Status AwaitErased(Session& session, const MeOptions& options, v1::ErasureReceipt& erasure) {
  const auto end = Steady::now() + std::chrono::seconds(options.wait_seconds);
  Steady::duration pause = kFirstPause;
  while (erasure.state() != v1::TEMPLATE_STATE_ERASED && Steady::now() < end) {
    std::this_thread::sleep_for(std::min(pause, end - Steady::now()));
    pause = std::min<Steady::duration>(2 * pause, kLongestPause);
    const auto state = StateOf(session, options, erasure.template_record());
    if (!state.ok()) return state.status();
    if (state->has_value()) erasure.set_state(**state);
  }
  return absl::OkStatus();
}

Outcome Withdraw(Session& session, const MeOptions& options) {
  v1::Withdrawal payload;
  const absl::Status named = NameSubject(options, payload);
  if (!named.ok()) return named;
  payload.set_purpose(options.purpose);
  const absl::StatusOr<v1::Envelope> statement = session.Sign(options.keys, payload);
  if (!statement.ok()) return statement.status();
  absl::StatusOr<v1::WithdrawConsentResponse> withdrawn = session.Send(
      &Stub::WithdrawConsent, &v1::WithdrawConsentRequest::mutable_withdrawal, *statement);
  if (!withdrawn.ok()) return withdrawn.status();
  v1::ErasureReceipt& erasure = *withdrawn->mutable_erasure();
  const absl::Status awaited = AwaitErased(session, options, erasure);
  session.PrintMessage(*withdrawn);  // in any case: the withdrawal stands
  if (!awaited.ok()) return awaited;
  const bool erased = erasure.state() == v1::TEMPLATE_STATE_ERASED;
  if (options.wait_seconds > 0 && !erased) {
    return absl::DeadlineExceededError(
        "the key is destroyed, the vault's files are not rewritten yet: see `kluis me show`");
  }
  if (!session.json()) {
    session.out() << "The key of your template is destroyed: nothing opens it, no backup either.\n"
                  << (erased ? "Its ciphertext is in none of the vault's files.\n"
                             : "Its ciphertext leaves the vault's files within ten minutes; then "
                               "`kluis me show` says erased.\n");
  }
  return ExitCode::kDone;
}

// Completes a payload with who and which purpose, signs it and sends it.
template <typename Payload, typename Method, typename Field>
Outcome ActOnPurpose(Session& session, const MeOptions& options, Method method, Field field,
                     Payload payload) {
  const absl::Status named = NameSubject(options, payload);
  if (!named.ok()) return named;
  payload.set_purpose(options.purpose);
  return session.Act(method, field, options.keys, payload);
}

Outcome Restrict(Session& session, const MeOptions& options) {
  return ActOnPurpose(session, options, &Stub::RestrictProcessing,
                      &v1::RestrictProcessingRequest::mutable_restriction, v1::Restriction());
}

// Names the restriction that is in force.
Outcome Lift(Session& session, const MeOptions& options) {
  const absl::StatusOr<v1::GetHoldingsResponse> held = AskHoldings(session, options.keys);
  if (!held.ok()) return held.status();
  v1::RestrictionLift lift;
  for (const v1::Holding& holding : held->holdings()) {
    if (holding.purpose() == PurposeName(options.purpose))
      lift.set_restriction(holding.restriction());
  }
  return ActOnPurpose(session, options, &Stub::LiftRestriction,
                      &v1::LiftRestrictionRequest::mutable_lift, std::move(lift));
}

}  // namespace

void Add(CommandLine& line) {
  base::Verb group = line.Group("me", "What is held about me (subject)");
  auto [show, to_show] =
      line.Verb<MeOptions>(group, "show", "Print what is held about me and who was told my name",
                           "kluis me show --key me.key", Show);
  AddKeys(show, to_show->keys, "The person's own key");
  auto [withdraw, to_withdraw] = line.Verb<MeOptions>(
      group, "withdraw",
      "End my consent; my template's key is destroyed before this returns, and within ten minutes "
      "the vault's files are rewritten without it",
      "kluis me withdraw --key me.key --purpose missing-persons", Withdraw);
  AddKeys(withdraw, to_withdraw->keys, "The person's own key");
  withdraw.Text("--purpose", to_withdraw->purpose, "Which consent").Required();
  withdraw
      .Count("--wait", to_withdraw->wait_seconds, "Seconds to wait until the files are rewritten")
      .Between(0, 3600);
  auto [restrict, to_restrict] = line.Verb<MeOptions>(
      group, "restrict", "Keep my template, and compare it with nothing until I lift that",
      "kluis me restrict --key me.key --purpose missing-persons", Restrict);
  AddKeys(restrict, to_restrict->keys, "The person's own key");
  restrict.Text("--purpose", to_restrict->purpose, "Which template").Required();
  auto [lift, to_lift] = line.Verb<MeOptions>(
      group, "lift", "Let my restricted template be compared again, as I consented to",
      "kluis me lift --key me.key --purpose missing-persons", Lift);
  AddKeys(lift, to_lift->keys, "The person's own key");
  lift.Text("--purpose", to_lift->purpose, "Which template").Required();
}

}  // namespace kluis::client::me_verbs
