// SPDX-License-Identifier: Apache-2.0
#include "service/acts/enroll.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/id.h"
#include "crypto/secret_bytes.h"
#include "crypto/template_digest.h"
#include "service/acts/release.h"
#include "service/custody/commitments.h"
#include "service/custody/subject_details.h"
#include "service/ledger/names.h"
#include "service/ledger/outcome.h"
#include "service/ledger/statements.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

// What the act carries until it is written; shared by its two steps.
struct Enrolment {
  std::string public_key;      // 32 bytes
  std::string new_subject_id;  // used when the public key is not known yet
  v1::SubjectDetails details;
  std::vector<Opening> openings;
  std::shared_ptr<const SearchRoom> room;  // whose transform protects the template; null: none does
  std::optional<crypto::SecretBytes> protected_template;
  std::optional<crypto::SecretBytes> device_secret;  // the one that the consent names
};

std::span<const float> Values(const v1::Template& value) {
  return {value.values().data(), static_cast<size_t>(value.values_size())};
}

absl::StatusOr<crypto::SecretBytes> MemoryFor(size_t bytes, crypto::SecretArena* arena) {
  return arena == nullptr ? crypto::SecretBytes::Create(bytes) : arena->Zero(bytes);
}

// Protects the template for its purpose, when there is such a purpose and the template is of its
// algorithm; otherwise policy refuses the act and the template is dropped.
absl::Status Protect(Galleries& galleries, const std::string& purpose, const v1::Template& value,
                     crypto::SecretArena* arena, Enrolment& enrolment) {
  const auto room = galleries.Room(purpose);
  if (absl::IsNotFound(room.status())) return absl::OkStatus();
  if (!room.ok()) return room.status();
  if ((*room)->algorithm->id != value.algorithm()) return absl::OkStatus();
  absl::StatusOr<crypto::SecretBytes> memory = MemoryFor(Values(value).size_bytes(), arena);
  if (!memory.ok()) return memory.status();
  enrolment.room = *room;
  enrolment.protected_template = *std::move(memory);
  const absl::StatusOr<std::span<float>> floats = AsMutableFloats(*enrolment.protected_template);
  if (!floats.ok()) return floats.status();
  return (*room)->transform.Apply(Values(value), *floats);
}

// A rotation was ordered after Protect: the template follows it before it is sealed.
absl::Status FollowRotation(Galleries& galleries, const v1::TemplateRecord& record,
                            Enrolment& enrolment) {
  if (record.transform_slot() == enrolment.room->slot) return absl::OkStatus();
  const auto room = galleries.RoomOf(record.purpose(), record.transform_slot());
  if (!room.ok()) return room.status();
  const absl::StatusOr<std::span<float>> floats = AsMutableFloats(*enrolment.protected_template);
  if (!floats.ok()) return floats.status();
  const absl::Status renewed =
      (*room)->transform.Renew(enrolment.room->transform, *floats, *floats);
  if (renewed.ok()) enrolment.room = *room;
  return renewed;
}

// Of an enrolment's changes, the record that it made and not the one that it replaced.
bool IsNewTemplate(const v1::RecordChange& change) {
  return change.has_template_() && change.template_().state() == v1::TEMPLATE_STATE_ACTIVE;
}

// Opens the secret of the device that came along, and keeps it when it is the one that the consent
// names; policy says whether there must be one.
absl::Status TakeDeviceSecret(const Sealer& sealer, const v1::EnrollRequest& request,
                              crypto::SecretArena* arena, v1::Enroll& command,
                              std::optional<crypto::SecretBytes>& out) {
  if (request.sealed_custody_secret().empty()) return absl::OkStatus();
  if (command.custody_sha256().empty()) {
    return WithReason(
        absl::InvalidArgumentError("sealed_custody_secret: the consent names no such secret"),
        "MALFORMED_REQUEST");
  }
  auto secret = OpenDeviceSecret(sealer, request.sealed_custody_secret());
  if (!secret.ok()) return secret.status();
  if (!secret->has_value() ||
      crypto::Bytes(crypto::CustodyDigest(**secret)) != command.custody_sha256()) {
    return absl::OkStatus();
  }
  absl::StatusOr<crypto::SecretBytes> kept = MemoryFor((*secret)->size(), arena);
  if (!kept.ok()) return kept.status();
  std::ranges::copy((*secret)->Expose(), kept->ExposeMutable().begin());
  command.set_custody_opened(true);
  out = *std::move(kept);
  return absl::OkStatus();
}

absl::Status Attach(Vault& vault, Enrolment& enrolment, const policy::Ruling& ruling,
                    uint64_t index, Writes& writes) {
  const Sealer& sealer = vault.sealer();
  const v1::SubjectRecord* subject = nullptr;
  const v1::TemplateRecord* record = nullptr;
  for (const v1::RecordChange& change : ruling.changes) {
    if (change.has_subject()) subject = &change.subject();
    if (IsNewTemplate(change)) record = &change.template_();
  }
  if (subject == nullptr || record == nullptr || !enrolment.protected_template) {
    return absl::InternalError("enroll: an allowed act has no record or no template");
  }
  const absl::Status followed = FollowRotation(vault.galleries(), *record, enrolment);
  if (!followed.ok()) return followed;
  const absl::StatusOr<std::span<const float>> values = AsFloats(*enrolment.protected_template);
  if (!values.ok()) return values.status();
  const absl::StatusOr<std::string> sealed = sealer.SealTemplate(
      *record, *values, enrolment.device_secret ? &*enrolment.device_secret : nullptr);
  enrolment.device_secret.reset();  // wiped: nothing more is sealed with it
  if (!sealed.ok()) return sealed.status();
  const auto id = base::IdFromBytes(record->id());
  if (!id.ok()) return id.status();
  writes.Put(storage::Column::kSealed, storage::TemplateKey(*id), *sealed);
  if (subject->id() == enrolment.new_subject_id) {
    const absl::Status stored =
        StoreSubject(sealer, *subject, enrolment.details, enrolment.public_key, writes);
    if (!stored.ok()) return stored;
  }
  return StoreOpenings(sealer, subject->slot(), index, enrolment.openings, writes);
}

}  // namespace

absl::StatusOr<Act> EnrollAct(Vault& vault, const Call& call, const v1::EnrollRequest& request,
                              crypto::SecretArena* arena) {
  auto enrolment = std::make_shared<Enrolment>();
  enrolment->details = request.details();

  v1::Consent consent;
  v1::CaptureAttestation attestation;
  absl::StatusOr<v1::StatementFacts> consent_facts =
      TakeStatement(vault.state(), request.consent(), consent);
  if (!consent_facts.ok()) return consent_facts.status();
  absl::StatusOr<v1::StatementFacts> attestation_facts =
      TakeStatement(vault.state(), request.attestation(), attestation);
  if (!attestation_facts.ok()) return attestation_facts.status();
  const absl::StatusOr<crypto::PublicKey> key =
      crypto::ParsePublicKey(consent.subject_public_key());
  if (!key.ok()) return WithReason(key.status(), "MALFORMED_STATEMENT");
  enrolment->public_key.assign(key->begin(), key->end());

  Act act = call.NewAct();
  v1::Enroll& command = *act.command.mutable_enroll();
  *command.mutable_consent_statement() = *std::move(consent_facts);
  *command.mutable_attestation_statement() = *std::move(attestation_facts);
  audit::SetConsent(consent, command);
  audit::SetAttestation(attestation, command);
  const absl::Status custody =
      TakeDeviceSecret(vault.sealer(), request, arena, command, enrolment->device_secret);
  if (!custody.ok()) return custody;
  const v1::Template& value = request.template_();
  command.set_algorithm(value.algorithm());
  command.set_same_subject(consent.subject_public_key() == attestation.subject_public_key());
  command.set_template_attested(
      attestation.algorithm() == value.algorithm() &&
      attestation.template_sha256() ==
          base::ToHex(crypto::Bytes(crypto::TemplateDigest(value.algorithm(), Values(value)))));
  enrolment->new_subject_id = NewId();
  command.set_new_subject_id(enrolment->new_subject_id);
  command.set_new_template_id(NewId());

  enrolment->openings.push_back(CommitTo("consent", request.consent().SerializeAsString()));
  enrolment->openings.push_back(
      CommitTo("capture-attestation", request.attestation().SerializeAsString()));
  command.set_consent_commitment(enrolment->openings.front().commitment.digest());
  for (const Opening& opening : enrolment->openings) act.commitments.push_back(opening.commitment);

  const absl::Status protection =
      Protect(vault.galleries(), consent.purpose(), value, arena, *enrolment);
  if (!protection.ok()) return protection;

  act.prepare = [&vault, enrolment](const Writes& writes, policy::Time, v1::Command& prepared) {
    absl::StatusOr<std::string> subject =
        FindSubject(writes, vault.sealer(), enrolment->public_key);
    if (!subject.ok()) return subject.status();
    prepared.mutable_enroll()->set_known_subject_id(*std::move(subject));
    return absl::OkStatus();
  };
  act.attach = [&vault, enrolment](const policy::Ruling& ruling, uint64_t index, Writes& writes) {
    return Attach(vault, *enrolment, ruling, index, writes);
  };
  // Where nothing could be protected the act is refused.
  if (enrolment->protected_template) act.enrolled = {enrolment, &*enrolment->protected_template};
  return act;
}

v1::EnrollResponse EnrollResponseOf(const Committed& committed) {
  v1::EnrollResponse response;
  for (const v1::RecordChange& change : committed.ruling.changes) {
    if (!IsNewTemplate(change)) continue;
    response.set_subject(NameOf("subjects", change.template_().subject_id()));
    response.set_template_record(
        TemplateName(change.template_().subject_id(), change.template_().id()));
  }
  *response.mutable_receipt() = ReceiptOf(committed);
  return response;
}

}  // namespace kluis::service
