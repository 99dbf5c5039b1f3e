// SPDX-License-Identifier: Apache-2.0
#include "audit/statement.h"

#include <google/protobuf/descriptor.h>

#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/command_line.h"
#include "client/files.h"
#include "client/verbs/verbs.h"
#include "crypto/key_file.h"

namespace kluis::client::statement_verbs {
namespace {

struct SignOptions {
  std::string kind;
  std::vector<std::string> keys;
  std::string payload;
  std::vector<std::string> fields;
  std::string out;
};

struct ShowOptions {
  std::string file;
  std::vector<std::string> keys;
};

struct CosignOptions {
  std::string file;
  std::vector<std::string> keys;
  std::string out;
};

struct NoOptions {};

Outcome Sign(Session& session, const SignOptions& options) {
  const absl::StatusOr<std::unique_ptr<google::protobuf::Message>> payload =
      NewPayload(options.kind);
  if (!payload.ok()) return payload.status();
  if (!options.payload.empty()) {
    const absl::StatusOr<std::string> text = ReadText(options.payload);
    if (!text.ok()) return text.status();
    const absl::Status read = FromJson(*text, **payload);
    if (!read.ok()) return read;
  }
  for (const std::string& field : options.fields) {
    const size_t equals = field.find('=');
    if (equals == std::string::npos) return UsageError("--set: must be field=value");
    const absl::StatusOr<std::string> value = TextOrFile(field.substr(equals + 1));
    if (!value.ok()) return value.status();
    const absl::Status set = SetField(field.substr(0, equals), *value, Now(), **payload);
    if (!set.ok()) return set;
  }
  const absl::StatusOr<v1::Envelope> envelope = session.Sign(options.keys, **payload);
  if (!envelope.ok()) return envelope.status();
  const absl::Status written = WriteStatement(options.out, *envelope);
  if (!written.ok()) return written;
  return ExitCode::kDone;
}

// One signature of the statement, and what the given keys say about it.
struct SignatureCheck {
  std::string keyid;
  std::string result;  // "verifies", "does not verify" or "key not given"
};

// The keys given, and the one that a subject's statement names as its own.
absl::StatusOr<std::vector<crypto::PublicKey>> KeysFor(const ShowOptions& options,
                                                       const google::protobuf::Message& payload) {
  std::vector<crypto::PublicKey> keys;
  for (const std::string& text : options.keys) {
    const absl::StatusOr<crypto::PublicKey> key = ReadPublicKey(text);
    if (!key.ok()) return key.status();
    keys.push_back(*key);
  }
  const google::protobuf::FieldDescriptor* subject =
      payload.GetDescriptor()->FindFieldByName("subject_public_key");
  if (subject != nullptr) {
    const absl::StatusOr<crypto::PublicKey> key =
        crypto::ParsePublicKey(payload.GetReflection()->GetString(payload, subject));
    if (key.ok()) keys.push_back(*key);
  }
  return keys;
}

std::vector<SignatureCheck> CheckSignatures(const v1::Envelope& envelope,
                                            const std::vector<crypto::PublicKey>& keys) {
  std::vector<SignatureCheck> checks;
  for (const v1::Envelope::Signature& signature : envelope.signatures()) {
    SignatureCheck check{signature.keyid(), "key not given"};
    v1::Envelope alone = envelope;  // with this signature only
    alone.clear_signatures();
    *alone.add_signatures() = signature;
    for (const crypto::PublicKey& key : keys) {
      if (crypto::KeyIdOf(key) != signature.keyid()) continue;
      check.result = audit::IsSignedBy(alone, key) ? "verifies" : "does not verify";
    }
    checks.push_back(check);
  }
  return checks;
}

void PrintStatement(Session& session, std::string_view kind,
                    const google::protobuf::Message& payload,
                    const std::vector<SignatureCheck>& checks) {
  if (session.json()) {
    nlohmann::ordered_json json{{"kind", std::string(kind)},
                                {"payload", nlohmann::ordered_json::parse(ToJson(payload))},
                                {"signatures", nlohmann::ordered_json::array()}};
    for (const SignatureCheck& check : checks) {
      json["signatures"].push_back({{"keyid", check.keyid}, {"result", check.result}});
    }
    session.out() << json.dump() << "\n";
    return;
  }
  std::vector<std::vector<std::string>> rows = {{"SIGNED BY", "RESULT"}};
  for (const SignatureCheck& check : checks) rows.push_back({Printable(check.keyid), check.result});
  session.out() << kind << "\n\n" << ToText(payload) << "\n" << AlignedTable(rows);
}

Outcome Show(Session& session, const ShowOptions& options) {
  const absl::StatusOr<v1::Envelope> envelope = ReadStatement(options.file);
  if (!envelope.ok()) return envelope.status();
  const std::string_view kind = audit::KindOf(envelope->payload_type());
  const absl::StatusOr<std::unique_ptr<google::protobuf::Message>> payload = NewPayload(kind);
  if (!payload.ok()) return payload.status();
  const absl::Status read = audit::ReadPayload(*envelope, **payload);
  if (!read.ok()) return read;
  const absl::StatusOr<std::vector<crypto::PublicKey>> keys = KeysFor(options, **payload);
  if (!keys.ok()) return keys.status();

  const std::vector<SignatureCheck> checks = CheckSignatures(*envelope, *keys);
  PrintStatement(session, kind, **payload, checks);
  std::set<std::string> verified;
  for (const SignatureCheck& check : checks) {
    if (check.result == "verifies") verified.insert(check.keyid);
  }
  for (const crypto::PublicKey& key : *keys) {
    const std::string keyid = crypto::KeyIdOf(key);
    if (verified.contains(keyid)) continue;
    return absl::DataLossError(
        absl::StrCat(options.file, ": no signature of key ", keyid, " that verifies"));
  }
  return ExitCode::kDone;
}

Outcome Cosign(Session&, const CosignOptions& options) {
  absl::StatusOr<v1::Envelope> envelope = ReadStatement(options.file);
  if (!envelope.ok()) return envelope.status();
  const absl::StatusOr<std::unique_ptr<google::protobuf::Message>> payload =
      NewPayload(audit::KindOf(envelope->payload_type()));
  if (!payload.ok()) return payload.status();
  const absl::Status read = audit::ReadPayload(*envelope, **payload);
  if (!read.ok()) return read;
  for (const std::string& path : options.keys) {
    const absl::StatusOr<crypto::SigningKey> key = crypto::ReadSigningKey(path);
    if (!key.ok()) return key.status();
    audit::AddSignature(*key, *envelope);
  }
  const absl::Status written =
      WriteStatement(options.out.empty() ? options.file : options.out, *envelope);
  if (!written.ok()) return written;
  return ExitCode::kDone;
}

Outcome Kinds(Session& session, const NoOptions&) {
  for (const std::string& kind : StatementKinds()) {
    const auto payload = NewPayload(kind);
    std::vector<std::string> fields;
    const google::protobuf::Descriptor& type = *(*payload)->GetDescriptor();
    for (int i = 3; i < type.field_count(); ++i) fields.push_back(type.field(i)->name());
    if (session.json()) {
      session.out() << nlohmann::ordered_json{{"kind", kind}, {"fields", fields}}.dump() << "\n";
    } else {
      session.out() << kind << "\n  " << absl::StrJoin(fields, " ") << "\n";
    }
  }
  return ExitCode::kDone;
}

}  // namespace

void Add(CommandLine& line) {
  base::Verb group = line.Group("statement", "Signed statements in files");
  auto [sign, to_sign] = line.Verb<SignOptions>(
      group, "sign", "Sign a statement of any kind, offline",
      "kluis statement sign stop-order --key dpa.key --set purpose=missing-persons \\\n"
      "    --set reasons=\"complaint 2026-17\" -o stop.dsse.json",
      Sign);
  sign.Text("kind", to_sign->kind, "See kluis statement kinds").Called("KIND").Required();
  AddKeys(sign, to_sign->keys, "Who signs; repeatable");
  sign.Text("--payload", to_sign->payload, "The statement's fields as JSON").Called("FILE");
  sign.Repeated("--set", to_sign->fields,
                "A field: text, @FILE, a number, a name or a time such as +30d; repeatable")
      .Called("FIELD=VALUE");
  sign.Text("-o,--out", to_sign->out, "Where to write it; - is stdout").Called("FILE").Required();

  auto [show, to_show] =
      line.Verb<ShowOptions>(group, "show",
                             "Print what a statement says and whether the given keys signed it "
                             "(exit code 7 when one did not)",
                             "kluis statement show stop.dsse.json --key dpa.pub", Show);
  show.Text("file", to_show->file, "The statement; - is stdin").Called("FILE").Required();
  show.Repeated("--key", to_show->keys, "ed25519:... or a file with it; repeatable").Called("KEY");

  auto [cosign, to_cosign] =
      line.Verb<CosignOptions>(group, "cosign", "Add a signature; read the statement first",
                               "kluis statement cosign lift.dsse.json --key dpa-2.key", Cosign);
  cosign.Text("file", to_cosign->file, "The statement, replaced unless -o is given")
      .Called("FILE")
      .Required();
  AddKeys(cosign, to_cosign->keys, "Who signs; repeatable");
  cosign.Text("-o,--out", to_cosign->out, "Where to write it").Called("FILE");

  line.Verb<NoOptions>(group, "kinds", "List the kinds of statements and their fields",
                       "kluis statement kinds", Kinds);
}

}  // namespace kluis::client::statement_verbs
