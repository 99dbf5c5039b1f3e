// SPDX-License-Identifier: Apache-2.0
#include "client/command_line.h"
#include "client/files.h"
#include "client/verbs/verbs.h"
#include "kluis/v1/supervision_service.grpc.pb.h"

namespace kluis::client::authority_verbs {
namespace {

using Stub = v1::SupervisionService::Stub;

struct AccreditOptions {
  std::vector<std::string> keys;
  std::string name;
  std::string contact;
  std::string mandate;
  uint32_t days = 0;
};

struct MemberOptions {
  std::vector<std::string> keys;
  std::string role;
  std::string name;
  std::string authority;
  std::string public_key;
  uint32_t days = 0;
};

struct TermOptions {
  std::vector<std::string> keys;
  std::string role;
  std::string name;
  std::string follows;
  uint32_t days = 0;
  bool end = false;
};

Outcome SetTerm(Session& session, const TermOptions& options) {
  const absl::StatusOr<int> role = ParseEnum(*v1::Role_descriptor(), options.role);
  if (!role.ok()) return role.status();
  if (options.end == (options.days > 0)) return UsageError("--valid-days or --end: one of both");
  v1::MemberTerm payload;
  payload.set_role(static_cast<v1::Role>(*role));
  payload.set_member(options.name);
  payload.set_follows(options.follows);
  if (!options.end) {
    *payload.mutable_valid_until() = ToTimestamp(Now() + options.days * kDaySeconds);
  }
  return session.Act(&Stub::SetMemberTerm, &v1::SetMemberTermRequest::mutable_term, options.keys,
                     payload);
}

Outcome Accredit(Session& session, const AccreditOptions& options) {
  v1::Accreditation payload;
  payload.set_authority_name(options.name);
  payload.set_contact(options.contact);
  payload.set_legal_mandate(options.mandate);
  *payload.mutable_valid_until() = ToTimestamp(Now() + options.days * kDaySeconds);
  return session.Act(&Stub::AccreditAuthority, &v1::AccreditAuthorityRequest::mutable_accreditation,
                     options.keys, payload);
}

Outcome Register(Session& session, const MemberOptions& options) {
  const absl::StatusOr<int> role = ParseEnum(*v1::Role_descriptor(), options.role);
  if (!role.ok()) return role.status();
  if ((*role == v1::ROLE_OFFICER) == options.authority.empty()) {
    return UsageError("--authority: must be given for officers, and for nobody else");
  }
  const absl::StatusOr<crypto::PublicKey> key = ReadPublicKey(options.public_key);
  if (!key.ok()) return key.status();
  v1::Registration payload;
  payload.set_role(static_cast<v1::Role>(*role));
  payload.set_member(options.name);
  payload.set_authority(options.authority);
  payload.set_public_key(crypto::PublicKeyText(*key));
  payload.set_follows("none");
  *payload.mutable_valid_until() = ToTimestamp(Now() + options.days * kDaySeconds);
  return session.Act(&Stub::RegisterMember, &v1::RegisterMemberRequest::mutable_registration,
                     options.keys, payload);
}

}  // namespace

void Add(CommandLine& line) {
  base::Verb group = line.Group("authority", "Who may use the vault (supervisor)");
  auto [accredit, to_accredit] = line.Verb<AccreditOptions>(
      group, "accredit", "Accredit an authority until a day",
      "kluis authority accredit --key dpa.key --name \"Police, missing persons\" \\\n"
      "    --contact info@police.example --mandate \"Police Act, article 3\" --valid-days 365",
      Accredit);
  AddKeys(accredit, to_accredit->keys, "A supervisor's key");
  accredit.Text("--name", to_accredit->name, "Its name").Required();
  accredit.Text("--contact", to_accredit->contact, "How to reach it").Required();
  accredit.Text("--mandate", to_accredit->mandate, "The law that gives it the task").Required();
  accredit.Count("--valid-days", to_accredit->days, "For how long")
      .Called("DAYS")
      .Between(1, 36500)
      .Required();

  auto [member, to_register] = line.Verb<MemberOptions>(
      group, "member",
      "Register the key of a member; of operators and auditors k of n supervisors sign",
      "kluis authority member --key dpa.key --role officer --name anna \\\n"
      "    --authority authorities/... --public-key ed25519:... --valid-days 365",
      Register);
  AddKeys(member, to_register->keys, "A supervisor's key");
  member.Text("--role", to_register->role, "officer, judge, registrar, operator or auditor")
      .Called("ROLE")
      .OneOf({"officer", "judge", "registrar", "operator", "auditor"})
      .Required();
  member.Text("--name", to_register->name, "The NAME of its certificate, ROLE/NAME").Required();
  member.Text("--authority", to_register->authority, "authorities/ID; officers only");
  member.Text("--public-key", to_register->public_key, "ed25519:... or a file with it")
      .Called("KEY")
      .Required();
  member.Count("--valid-days", to_register->days, "For how long")
      .Called("DAYS")
      .Between(1, 36500)
      .Required();

  auto [term, to_set] = line.Verb<TermOptions>(
      group, "term",
      "Prolong a membership or end it; that an operator or an auditor stays, k of n sign",
      "kluis authority term --key dpa-1.key --key dpa-2.key --role operator --name anna \\\n"
      "    --follows DIGEST --valid-days 365",
      SetTerm);
  AddKeys(term, to_set->keys, "A supervisor's key");
  term.Text("--role", to_set->role, "officer, judge, registrar, operator or auditor")
      .Called("ROLE")
      .OneOf({"officer", "judge", "registrar", "operator", "auditor"})
      .Required();
  term.Text("--name", to_set->name, "The NAME of its certificate, ROLE/NAME").Required();
  term.Text("--follows", to_set->follows,
            "The digest of the registration, founding or term before; `kluis vault "
            "status` has it of operators and auditors")
      .Called("ID")
      .Required();
  term.Count("--valid-days", to_set->days, "For how long from now on")
      .Called("DAYS")
      .Between(1, 36500);
  term.Flag("--end", to_set->end, "It ends at once");
}

}  // namespace kluis::client::authority_verbs
