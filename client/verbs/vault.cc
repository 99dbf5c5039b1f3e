// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "absl/strings/str_cat.h"
#include "base/codec.h"
#include "client/command_line.h"
#include "client/draft.h"
#include "client/files.h"
#include "client/record_name.h"
#include "client/verbs/verbs.h"
#include "crypto/key_file.h"
#include "kluis/v1/vault_service.grpc.pb.h"

namespace kluis::client::vault_verbs {
namespace {

struct FoundOptions {
  std::string origin;
  std::string log_key;
  std::vector<std::string> supervisors;
  std::vector<std::string> operators;
  std::vector<std::string> auditors;
  uint32_t days = 365;
  uint32_t threshold = 0;
  std::string profile;
  std::string out = "founding.dsse.json";
};

struct NoOptions {};

// Adds NAME with the key's public half; the key file is added to `key_files`.
absl::Status AddSupervisor(const std::string& argument, v1::Founding& founding,
                           std::vector<std::string>& key_files) {
  const size_t equals = argument.find('=');
  if (equals == std::string::npos || equals == 0) {
    return UsageError("--supervisor: must be NAME=KEYFILE");
  }
  const std::string path = argument.substr(equals + 1);
  const absl::StatusOr<crypto::SigningKey> key = crypto::ReadSigningKey(path);
  if (!key.ok()) return key.status();
  v1::FoundingSupervisor& supervisor = *founding.add_supervisors();
  supervisor.set_name(argument.substr(0, equals));
  supervisor.set_public_key(crypto::PublicKeyText(key->public_key()));
  key_files.push_back(path);
  return absl::OkStatus();
}

// Adds NAME with its public key, until `valid_until`.
absl::Status AddMember(const std::string& option, const std::string& argument, int64_t valid_until,
                       v1::FoundingMember& member) {
  const size_t equals = argument.find('=');
  if (equals == std::string::npos || equals == 0) {
    return UsageError(option + ": must be NAME=KEY");
  }
  const absl::StatusOr<crypto::PublicKey> key = ReadPublicKey(argument.substr(equals + 1));
  if (!key.ok()) return key.status();
  member.set_name(argument.substr(0, equals));
  member.set_public_key(crypto::PublicKeyText(*key));
  *member.mutable_valid_until() = ToTimestamp(valid_until);
  return absl::OkStatus();
}

Outcome Found(Session& session, const FoundOptions& options) {
  v1::Founding founding;
  founding.set_vault(options.origin);
  std::vector<std::string> key_files;
  for (const std::string& supervisor : options.supervisors) {
    const absl::Status added = AddSupervisor(supervisor, founding, key_files);
    if (!added.ok()) return added;
  }
  const int64_t end = Now() + options.days * kDaySeconds;
  for (const std::string& named : options.operators) {
    const absl::Status added = AddMember("--operator", named, end, *founding.add_operators());
    if (!added.ok()) return added;
  }
  for (const std::string& named : options.auditors) {
    const absl::Status added = AddMember("--auditor", named, end, *founding.add_auditors());
    if (!added.ok()) return added;
  }
  if (options.threshold < 1 || options.threshold > key_files.size()) {
    return UsageError("--threshold: must be 1 to the number of supervisors");
  }
  founding.set_threshold(options.threshold);
  const absl::StatusOr<crypto::PublicKey> log_key = ReadPublicKey(options.log_key);
  if (!log_key.ok()) return log_key.status();
  founding.set_log_public_key(crypto::PublicKeyText(*log_key));
  *founding.mutable_legal_profile() = DefaultProfile();
  if (!options.profile.empty()) {
    const absl::StatusOr<std::string> text = ReadText(options.profile);
    if (!text.ok()) return text.status();
    founding.clear_legal_profile();
    const absl::Status read = FromJson(*text, *founding.mutable_legal_profile());
    if (!read.ok()) return read;
  }
  const absl::StatusOr<v1::Envelope> statement = session.Sign(key_files, founding);
  if (!statement.ok()) return statement.status();
  const absl::Status written = WriteStatement(options.out, *statement);
  if (!written.ok()) return written;
  session.PrintMessage(founding);
  return ExitCode::kDone;
}

Outcome Status(Session& session, const NoOptions&) {
  const absl::StatusOr<v1::GetVaultStatusResponse> response =
      session.Call(&v1::VaultService::Stub::GetVaultStatus, v1::GetVaultStatusRequest());
  const Outcome printed = session.Print(response);
  if (printed.ok() && !response->fault().empty()) {
    session.err() << "kluis: the vault stands still: " << Printable(response->fault()) << "\n";
  }
  return printed;
}

Outcome SelfCheck(Session& session, const NoOptions&) {
  const absl::StatusOr<v1::CheckVaultResponse> response =
      session.Call(&v1::VaultService::Stub::CheckVault, v1::CheckVaultRequest());
  const Outcome printed = session.Print(response);
  if (!printed.ok() || response->consistent()) return printed;
  const absl::StatusOr<std::string> key = base::FromHex(response->first_difference());
  return absl::DataLossError(
      absl::StrCat(RecordName(key.ok() ? *key : ""), ": differs from what the log says"));
}

Outcome Policy(Session& session, const NoOptions&) {
  return session.PrintList(
      session.CallPages(&v1::VaultService::Stub::ListPolicyRules, v1::ListPolicyRulesRequest()),
      "rules",
      {{"RULE", "id"}, {"LAW", "law"}, {"REASON", "public_reason"}, {"SENTENCE", "sentence"}});
}

}  // namespace

void Add(CommandLine& line) {
  base::Verb vault = line.Group("vault", "Found a vault, look at it, check it");
  auto [found, options] = line.Verb<FoundOptions>(
      vault, "found", "Make the statement a vault starts from, signed by all its supervisors",
      "kluis vault found --origin vault.example/nl --log-key log.key --supervisor dpa-1=dpa-1.key "
      "\\\n"
      "    --supervisor dpa-2=dpa-2.key --supervisor dpa-3=dpa-3.key --threshold 2 \\\n"
      "    --operator anna=anna.key.pub --operator ben=ben.key.pub --auditor press=press.key.pub",
      Found);
  found.Text("--origin", options->origin, "The vault's name: a URL without https://")
      .Called("ORIGIN")
      .Required();
  found.Text("--log-key", options->log_key, "The log's key, public or whole")
      .Called("KEY")
      .Required();
  found.Repeated("--supervisor", options->supervisors, "Name and key file; repeatable")
      .Called("NAME=FILE")
      .Required();
  found
      .Repeated("--operator", options->operators,
                "Who may run it first: name and public key; repeatable")
      .Called("NAME=KEY")
      .Required();
  found
      .Repeated("--auditor", options->auditors,
                "Who may check it first: name and public key; repeatable")
      .Called("NAME=KEY");
  found.Count("--valid-days", options->days, "For how long operators and auditors may")
      .Called("DAYS")
      .Between(1, 36500)
      .ShowingDefault();
  found
      .Count("--threshold", options->threshold,
             "How many supervisors lift a stop or register an operator")
      .Called("K")
      .Required();
  found.Text("--profile", options->profile, "Legal limits as JSON; else those of nl")
      .Called("FILE");
  found.Text("-o,--out", options->out, "Where to write it").Called("FILE").ShowingDefault();

  line.Verb<NoOptions>(vault, "status", "Print what the vault is doing", "kluis vault status",
                       Status);
  line.Verb<NoOptions>(
      vault, "selfcheck",
      "Let the vault compare its database with its log; names a record that was edited behind its "
      "back (exit code 7)",
      "kluis vault selfcheck --timeout 600", SelfCheck);

  base::Verb policy = line.Group("policy", "The rules that decide");
  line.Verb<NoOptions>(policy, "list", "List each rule, its law and its reason",
                       "kluis policy list", Policy);
}

}  // namespace kluis::client::vault_verbs
