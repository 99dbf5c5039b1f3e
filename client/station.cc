// SPDX-License-Identifier: Apache-2.0
#include "client/station.h"

#include "absl/strings/str_cat.h"
#include "audit/statement.h"
#include "base/codec.h"
#include "client/draft.h"
#include "crypto/template_digest.h"

namespace kluis::client {

absl::StatusOr<v1::EnrollRequest> Station::Request(const v1::Envelope& consent, v1::Template face,
                                                   v1::SubjectDetails details, int64_t now) const {
  v1::Consent terms;
  const absl::Status read = audit::ReadPayload(consent, terms);
  if (!read.ok()) return absl::InvalidArgumentError(absl::StrCat("consent: ", read.message()));
  const absl::StatusOr<crypto::PublicKey> subject =
      crypto::ParsePublicKey(terms.subject_public_key());
  if (!subject.ok() || !audit::IsSignedBy(consent, *subject)) {
    return absl::InvalidArgumentError("consent: not signed by the key that it names");
  }

  v1::CaptureAttestation attestation;
  attestation.set_subject_public_key(terms.subject_public_key());
  attestation.set_purpose(terms.purpose());
  attestation.set_algorithm(face.algorithm());
  const crypto::Hash digest = crypto::TemplateDigest(
      face.algorithm(), {face.values().data(), static_cast<size_t>(face.values_size())});
  attestation.set_template_sha256(base::ToHex(crypto::Bytes(digest)));
  *attestation.mutable_captured_at() = ToTimestamp(capture_.captured_at);
  attestation.set_live_capture(true);
  attestation.set_liveness_method(capture_.liveness_method);
  attestation.set_quality(capture_.quality);
  attestation.set_adult(true);
  attestation.set_subject_category(capture_.category);
  Stamp(vault_, now, attestation);
  absl::StatusOr<v1::Envelope> envelope = audit::MakeStatement(attestation);
  if (!envelope.ok()) return envelope.status();
  audit::AddSignature(registrar_, *envelope);

  v1::EnrollRequest request;
  request.set_request_id(NewRequestId());
  *request.mutable_consent() = consent;
  *request.mutable_attestation() = *std::move(envelope);
  *request.mutable_template_() = std::move(face);
  *request.mutable_details() = std::move(details);
  return request;
}

}  // namespace kluis::client
