// SPDX-License-Identifier: Apache-2.0
// A purpose of subject-held custody in a vault of a test, and what devices and officers do under
// it. Thread-safe as TestWorld.
#ifndef KLUIS_TESTS_FAKES_HELD_LANE_H_
#define KLUIS_TESTS_FAKES_HELD_LANE_H_

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "audit/statement.h"
#include "base/codec.h"
#include "client/draft.h"
#include "crypto/release.h"
#include "gtest/gtest.h"
#include "tests/fakes/test_world.h"

namespace kluis {

// A person, the secret on the person's device, and the name that the vault gave.
struct Holder {
  Person person;
  crypto::SecretBytes secret = crypto::SecretBytes::Random(crypto::kDeviceSecretBytes);
  std::string subject{};  // subjects/<id>, once enrolled
};

class HeldLane {
 public:
  static constexpr char kPurpose[] = "fast-lane";

  explicit HeldLane(const TestWorld& world) : world_(world) {
    Must(world.RegisterPurpose(kPurpose,
                               [](v1::PurposeRegistration& purpose) {
                                 purpose.set_custody(v1::CUSTODY_SUBJECT_HELD);
                                 purpose.clear_operations();
                                 purpose.add_operations(v1::OPERATION_VERIFY);
                               }),
         "held purpose");
  }

  std::string Seal(const crypto::SecretBytes& secret) const {
    const auto answer = Must(world_.Call("subject/portal", &v1::VaultService::Stub::GetReleaseKey,
                                         v1::GetReleaseKeyRequest()),
                             "release key");
    crypto::ReleasePublicKey key{};
    EXPECT_EQ(answer.release_key().size(), key.size());
    std::copy_n(answer.release_key().begin(), key.size(), key.begin());
    return *crypto::SealToVault(key, secret);
  }

  static std::string DigestText(const crypto::SecretBytes& secret) {
    return base::ToHex(crypto::Bytes(crypto::CustodyDigest(secret)));
  }

  // `digest`: what the consent names; empty: nothing.
  v1::EnrollRequest RequestOf(const Holder& holder, const std::string& digest,
                              const std::string& purpose = kPurpose) const {
    TestWorld::Terms terms;
    terms.purpose = purpose;
    v1::EnrollRequest request = world_.EnrollRequestOf(holder.person, terms);
    v1::Consent consent;
    EXPECT_TRUE(audit::ReadPayload(request.consent(), consent).ok());
    consent.set_custody_sha256(digest);
    *request.mutable_consent() = world_.Sign(consent, {&holder.person.key});
    return request;
  }
  v1::EnrollRequest RequestOf(const Holder& holder) const {
    v1::EnrollRequest request = RequestOf(holder, DigestText(holder.secret));
    request.set_sealed_custody_secret(Seal(holder.secret));
    return request;
  }
  Reply<v1::EnrollResponse> Enroll(const v1::EnrollRequest& request) const {
    return world_.Call("registrar/desk", &v1::EnrollmentService::Stub::Enroll, request);
  }
  Holder Enrolled() const {
    Holder holder{world_.NewPerson()};
    holder.subject = Must(Enroll(RequestOf(holder)), "enrol").subject();
    return holder;
  }

  // `change` may be empty; it comes before the signature.
  v1::Envelope ReleaseOf(const Holder& holder,
                         const std::function<void(v1::Release&)>& change = {}) const {
    v1::Release release;
    release.set_subject_public_key(crypto::PublicKeyText(holder.person.key.public_key()));
    release.set_purpose(kPurpose);
    release.set_verifier("one");
    *release.mutable_expires_at() = client::ToTimestamp(world_.now() + 5 * kMinute);
    release.set_sealed_secret(base::ToBase64(Seal(holder.secret)));
    if (change) change(release);
    return world_.Sign(release, {&holder.person.key});
  }

  v1::VerifyRequest VerifyRequestOf(const std::string& subject, const v1::Template& probe) const {
    v1::VerifyRequest request;
    request.set_purpose(absl::StrCat("purposes/", kPurpose));
    request.set_subject(subject);
    *request.mutable_probe() = probe;
    return request;
  }
  Reply<v1::VerifyResponse> Verify(const v1::VerifyRequest& request,
                                   const std::string& who = "officer/one") const {
    return world_.Call(who, &v1::SearchService::Stub::Verify, request);
  }
  Reply<v1::VerifyResponse> Verify(const Holder& holder, const v1::Envelope& release,
                                   const std::string& who = "officer/one") const {
    v1::VerifyRequest request = VerifyRequestOf(holder.subject, world_.Face(holder.person, 1));
    *request.mutable_release() = release;
    return Verify(request, who);
  }

 private:
  const TestWorld& world_;
};

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_HELD_LANE_H_
