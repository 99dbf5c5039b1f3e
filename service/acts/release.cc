// SPDX-License-Identifier: Apache-2.0
#include "service/acts/release.h"

#include <utility>

#include "base/codec.h"
#include "crypto/ed25519.h"
#include "crypto/release.h"
#include "policy/record_key.h"
#include "service/custody/subject_details.h"
#include "service/ledger/statements.h"

namespace kluis::service {
namespace {

// The digest in the record of the template that the command is about; empty: there is none.
absl::StatusOr<std::string> CustodyOf(const Writes& writes, const v1::Verify& command) {
  const auto enrollment = policy::Find<v1::Enrollment>(
      writes, policy::key::Enrollment(command.subject_id(), command.purpose()));
  if (!enrollment.ok()) return enrollment.status();
  if (!enrollment->has_value()) return std::string();
  const auto record =
      policy::Find<v1::TemplateRecord>(writes, policy::key::Template((*enrollment)->template_id()));
  if (!record.ok()) return record.status();
  return record->has_value() ? (*record)->custody_sha256() : std::string();
}

}  // namespace

absl::StatusOr<std::optional<crypto::SecretBytes>> OpenDeviceSecret(const Sealer& sealer,
                                                                    std::string_view sealed) {
  const absl::StatusOr<crypto::ReleaseKey> key = sealer.ReleaseKey();
  if (!key.ok()) return key.status();
  absl::StatusOr<crypto::SecretBytes> secret = key->Open(sealed);
  std::optional<crypto::SecretBytes> opened;
  if (secret.ok()) {
    opened = *std::move(secret);
  } else if (!absl::IsDataLoss(secret.status())) {
    return secret.status();
  }
  return opened;
}

absl::StatusOr<Release> TakeRelease(const policy::StateView& state, const Sealer& sealer,
                                    const v1::Envelope& envelope) {
  v1::Release payload;
  absl::StatusOr<v1::StatementFacts> facts = TakeStatement(state, envelope, payload);
  if (!facts.ok()) return facts.status();
  const absl::StatusOr<crypto::PublicKey> key =
      crypto::ParsePublicKey(payload.subject_public_key());
  if (!key.ok()) return WithReason(key.status(), "MALFORMED_STATEMENT");

  Release release;
  release.public_key.assign(key->begin(), key->end());
  *release.found.mutable_statement() = *std::move(facts);
  release.found.set_purpose(payload.purpose());
  release.found.set_verifier(payload.verifier());
  release.found.set_expires_at(payload.expires_at().seconds());
  const absl::StatusOr<std::string> box = base::FromBase64(payload.sealed_secret());
  auto secret = OpenDeviceSecret(sealer, box.ok() ? *box : std::string());
  if (!secret.ok()) return secret.status();
  release.secret = *std::move(secret);
  return release;
}

absl::Status JudgeRelease(const Writes& writes, const Sealer& sealer, const Release& release,
                          v1::Verify& command) {
  const absl::StatusOr<std::string> subject = FindSubject(writes, sealer, release.public_key);
  if (!subject.ok()) return subject.status();
  const absl::StatusOr<std::string> custody = CustodyOf(writes, command);
  if (!custody.ok()) return custody.status();
  command.mutable_released()->set_same_subject(*subject == command.subject_id());
  command.mutable_released()->set_opened(release.secret.has_value() &&
                                         crypto::Bytes(crypto::CustodyDigest(*release.secret)) ==
                                             *custody);
  return absl::OkStatus();
}

}  // namespace kluis::service
