#include "client/command_line.h"
#include "client/verbs.h"
#include "crypto/key_file.h"
#include "kluis/v1/subject_service.grpc.pb.h"

namespace kluis::client {
namespace {

using Stub = v1::SubjectService::Stub;

struct MeOptions {
  std::vector<std::string> keys;
  std::string purpose;
};

// Names the person's own key in the payload.
template <typename Payload>
absl::Status NameSubject(const MeOptions& options, Payload& payload) {
  if (options.keys.size() != 1) return UsageError("--key: one person acts, with one key");
  const absl::StatusOr<crypto::SigningKey> key = crypto::ReadSigningKey(options.keys.front());
  if (!key.ok()) return key.status();
  payload.set_subject_public_key(crypto::PublicKeyText(key->public_key()));
  return absl::OkStatus();
}

Outcome Show(Session& session, const MeOptions& options) {
  v1::AccessRequest payload;
  const absl::Status named = NameSubject(options, payload);
  if (!named.ok()) return named;
  return session.Act(&Stub::GetHoldings, &v1::GetHoldingsRequest::mutable_access_request,
                     options.keys, payload);
}

Outcome Withdraw(Session& session, const MeOptions& options) {
  v1::Withdrawal payload;
  const absl::Status named = NameSubject(options, payload);
  if (!named.ok()) return named;
  payload.set_purpose(options.purpose);
  return session.Act(&Stub::WithdrawConsent, &v1::WithdrawConsentRequest::mutable_withdrawal,
                     options.keys, payload);
}

}  // namespace

void AddMeVerbs(CommandLine& line) {
  CLI::App& group = line.Group("me", "What is held about me (subject)");
  auto [show, to_show] =
      line.Verb<MeOptions>(group, "show", "Print what is held about me and who was told my name",
                           "kluis me show --key me.key", Show);
  AddKeys(*show, to_show->keys, "The person's own key");
  auto [withdraw, to_withdraw] = line.Verb<MeOptions>(
      group, "withdraw", "End my consent; my template's key is destroyed before this returns",
      "kluis me withdraw --key me.key --purpose missing-persons", Withdraw);
  AddKeys(*withdraw, to_withdraw->keys, "The person's own key");
  withdraw->add_option("--purpose", to_withdraw->purpose, "Which consent")->required();
}

}  // namespace kluis::client
