// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <vector>

#include "audit/statement.h"
#include "base/codec.h"
#include "client/draft.h"
#include "client/station.h"
#include "crypto/template_digest.h"

namespace kluis::client::station_test {
namespace {

constexpr int64_t kNow = 1'795'374'201;
constexpr char kVault[] = "vault.example/nl";

struct Person {
  crypto::SigningKey key = crypto::SigningKey::Generate();

  v1::Envelope Consent() const {
    v1::Consent consent;
    consent.set_subject_public_key(crypto::PublicKeyText(key.public_key()));
    consent.set_purpose("missing-persons");
    consent.set_explicit_consent(true);
    Stamp(kVault, kNow, consent);
    v1::Envelope envelope = *audit::MakeStatement(consent);
    audit::AddSignature(key, envelope);
    return envelope;
  }
};

v1::Template Face() {
  v1::Template face;
  face.set_algorithm("dlib-128/1");
  for (int i = 0; i < 128; ++i) face.add_values(0.5f);
  return face;
}

TEST(StationRequest, AttestsExactlyThisTemplateOfThisPerson) {
  const Person person;
  crypto::SigningKey registrar = crypto::SigningKey::Generate();
  const crypto::PublicKey registrar_public = registrar.public_key();
  Capture capture;
  capture.captured_at = kNow - 60;
  const Station station(kVault, std::move(registrar), capture);
  v1::SubjectDetails details;
  details.set_full_name("Anna Jansen");

  const absl::StatusOr<v1::EnrollRequest> request =
      station.Request(person.Consent(), Face(), details, kNow);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->details().full_name(), "Anna Jansen");
  EXPECT_EQ(request->template_().values_size(), 128);
  EXPECT_FALSE(request->request_id().empty());

  v1::CaptureAttestation attestation;
  ASSERT_TRUE(audit::ReadPayload(request->attestation(), attestation).ok());
  EXPECT_TRUE(audit::IsSignedBy(request->attestation(), registrar_public));
  EXPECT_EQ(attestation.vault(), kVault);
  EXPECT_EQ(attestation.purpose(), "missing-persons");
  EXPECT_EQ(attestation.subject_public_key(), crypto::PublicKeyText(person.key.public_key()));
  EXPECT_EQ(attestation.captured_at().seconds(), kNow - 60);
  const std::vector<float> values(128, 0.5f);
  EXPECT_EQ(attestation.template_sha256(),
            base::ToHex(crypto::Bytes(crypto::TemplateDigest("dlib-128/1", values))));
  EXPECT_TRUE(attestation.live_capture());
  EXPECT_TRUE(attestation.adult());
}

TEST(StationRequest, RefusesAConsentThatItsOwnKeyDidNotSign) {
  const Person person;
  const Station station(kVault, crypto::SigningKey::Generate(), Capture());
  v1::Envelope unsigned_consent = person.Consent();
  unsigned_consent.clear_signatures();
  EXPECT_FALSE(station.Request(unsigned_consent, Face(), {}, kNow).ok());

  v1::Envelope signed_by_another = unsigned_consent;
  audit::AddSignature(crypto::SigningKey::Generate(), signed_by_another);
  EXPECT_FALSE(station.Request(signed_by_another, Face(), {}, kNow).ok());
}

TEST(StationRequest, RefusesAnotherKindOfStatement) {
  const Person person;
  v1::Withdrawal withdrawal;
  withdrawal.set_subject_public_key(crypto::PublicKeyText(person.key.public_key()));
  Stamp(kVault, kNow, withdrawal);
  v1::Envelope envelope = *audit::MakeStatement(withdrawal);
  audit::AddSignature(person.key, envelope);
  const Station station(kVault, crypto::SigningKey::Generate(), Capture());
  EXPECT_FALSE(station.Request(envelope, Face(), {}, kNow).ok());
}

}  // namespace
}  // namespace kluis::client::station_test
