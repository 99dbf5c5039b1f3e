// SPDX-License-Identifier: Apache-2.0
// A template in its subject's custody, and somebody who has everything but the subject's device:
// root key, keyring, database, log, and a decision that says yes.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "base/id.h"
#include "crypto/derive.h"
#include "crypto/envelope.h"
#include "crypto/keyring.h"
#include "policy/decide.h"
#include "policy/facts.h"
#include "service/custody/sealer.h"
#include "service/ledger/database_state.h"
#include "storage/database.h"
#include "tests/fakes/held_lane.h"
#include "tests/fakes/test_vault.h"

namespace kluis::custody_keys_test {
namespace {

using absl::StatusCode;

// What an operator has who took the machine home.
struct Takeaway {
  std::unique_ptr<crypto::Keyring> keyring;
  std::unique_ptr<storage::Database> database;

  explicit Takeaway(TestVault& vault) {
    vault.ShutDown();
    auto opened = crypto::Keyring::Open(
        crypto::KeyringPaths{vault.config().keys.keyring, vault.config().keys.root_key});
    EXPECT_TRUE(opened.ok()) << opened.status();
    keyring = *std::move(opened);
    storage::Database::Options options;
    options.path = vault.config().vault.data;
    auto data = storage::Database::Open(options);
    EXPECT_TRUE(data.ok()) << data.status();
    database = *std::move(data);
  }

  // As the rules give it when every finding of a release is said to be true.
  policy::Grant GrantFor(const TestWorld& world, const std::string& subject,
                         const std::string& purpose, bool released) const {
    v1::Command command;
    command.mutable_caller()->set_role(v1::ROLE_OFFICER);
    command.mutable_caller()->set_name("one");
    v1::Verify& verify = *command.mutable_verify();
    verify.set_subject_id(policy::IdInName(subject, "subjects"));
    verify.set_purpose(purpose);
    verify.set_algorithm(TestWorld::kAlgorithm);
    verify.set_new_search_id(std::string(16, 's'));
    if (released) {
      v1::Released& claim = *verify.mutable_released();
      claim.mutable_statement()->set_vault(TestWorld::kVault);
      claim.mutable_statement()->set_digest(std::string(32, 'r'));
      claim.mutable_statement()->set_issued_at(world.now());
      claim.mutable_statement()->set_subject_signed(true);
      claim.set_purpose(purpose);
      claim.set_verifier("one");
      claim.set_expires_at(world.now() + 60);
      claim.set_same_subject(true);
      claim.set_opened(true);
    }
    const auto ruling = policy::Decide(service::DatabaseState(*database), command, world.now());
    EXPECT_TRUE(ruling.ok() && ruling->grant.has_value())
        << (ruling.ok() ? ruling->decision.rule() : std::string(ruling.status().message()));
    return *ruling->grant;
  }

  std::string Sealed(const v1::TemplateRecord& record) const {
    const auto id = base::IdFromBytes(record.id());
    return (*database->Get(storage::Column::kSealed, storage::TemplateKey(*id))).value();
  }

  // With the slot's key and nothing else, as a template of the vault's custody is opened.
  absl::Status OpenWithSlotAlone(const v1::TemplateRecord& record) const {
    constexpr crypto::Label kTemplateUse("kluis-template");
    const auto slot = keyring->Key(record.slot());
    return crypto::OpenWith(crypto::DeriveKey(slot->Expose(), kTemplateUse,
                                              {record.purpose(), record.subject_id(),
                                               record.consent_commitment(), record.algorithm()})
                                .Expose(),
                            Sealed(record), record.id())
        .status();
  }
};

TEST(HeldTemplate, DoesNotOpenForWhoHasRootKeyAndDatabaseButNotTheDevicesSecret) {
  TestVault vault;
  const HeldLane lane(vault);
  const Holder holder = lane.Enrolled();
  const Holder other = lane.Enrolled();
  const std::string gated = Must(vault.Enroll(vault.NewPerson()), "enrol").subject();
  const Takeaway all(vault);
  const service::Sealer sealer(*all.keyring);

  // The same means open a template that is in the vault's custody.
  const policy::Grant gated_grant = all.GrantFor(vault, gated, TestWorld::kPurpose, false);
  const v1::TemplateRecord& gated_record = *gated_grant.only_template();
  EXPECT_TRUE(sealer.OpenTemplate(gated_grant, gated_record, all.Sealed(gated_record)).ok());
  EXPECT_TRUE(all.OpenWithSlotAlone(gated_record).ok());

  const policy::Grant grant = all.GrantFor(vault, holder.subject, HeldLane::kPurpose, true);
  const v1::TemplateRecord& record = *grant.only_template();
  const std::string sealed = all.Sealed(record);
  EXPECT_EQ(all.OpenWithSlotAlone(record).code(), StatusCode::kDataLoss);
  EXPECT_EQ(sealer.OpenTemplate(grant, record, sealed).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(sealer.OpenTemplate(grant, record, sealed, &other.secret).status().code(),
            StatusCode::kDataLoss);
  v1::TemplateRecord edited = record;
  edited.clear_custody_sha256();
  EXPECT_EQ(sealer.OpenTemplate(grant, edited, sealed).status().code(), StatusCode::kDataLoss);
  edited.set_custody_sha256(std::string(crypto::Bytes(crypto::CustodyDigest(other.secret))));
  EXPECT_EQ(sealer.OpenTemplate(grant, edited, sealed, &other.secret).status().code(),
            StatusCode::kDataLoss);

  const auto opened = sealer.OpenTemplate(grant, record, sealed, &holder.secret);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->size(), 512 * sizeof(float));
}

TEST(HeldTemplate, IsNotSealedWithoutItsSecretNorWithAnother) {
  TestVault vault;
  const service::Sealer& sealer = vault.vault().sealer();
  const crypto::SecretBytes secret = crypto::SecretBytes::Random(crypto::kDeviceSecretBytes);
  const crypto::SecretBytes other = crypto::SecretBytes::Random(crypto::kDeviceSecretBytes);
  const std::vector<float> values(512, 0.5F);
  v1::TemplateRecord record;
  record.set_id(std::string(16, 't'));
  record.set_slot(1);
  EXPECT_TRUE(sealer.SealTemplate(record, values).ok());
  EXPECT_EQ(sealer.SealTemplate(record, values, &secret).status().code(), StatusCode::kDataLoss);
  record.set_custody_sha256(std::string(crypto::Bytes(crypto::CustodyDigest(secret))));
  EXPECT_TRUE(sealer.SealTemplate(record, values, &secret).ok());
  EXPECT_EQ(sealer.SealTemplate(record, values).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(sealer.SealTemplate(record, values, &other).status().code(), StatusCode::kDataLoss);
}

TEST(HeldTemplate, DoesNotOpenWithTheDevicesSecretAfterItsSlotIsPunctured) {
  TestVault vault;
  const HeldLane lane(vault);
  const Holder holder = lane.Enrolled();
  auto all = std::make_unique<Takeaway>(vault);
  const policy::Grant grant = all->GrantFor(vault, holder.subject, HeldLane::kPurpose, true);
  const std::string sealed = all->Sealed(*grant.only_template());
  all.reset();
  ASSERT_TRUE(vault.TryStart().ok());
  Must(vault.Withdraw(holder.person, HeldLane::kPurpose), "withdraw");
  const Takeaway later(vault);
  EXPECT_EQ(service::Sealer(*later.keyring)
                .OpenTemplate(grant, *grant.only_template(), sealed, &holder.secret)
                .status()
                .code(),
            StatusCode::kDataLoss);
}

// The root key opens a sealed box, so no box may stay: neither that of the enrolment nor that of a
// release, and the secret itself even less.
TEST(HeldSecret, IsNowhereInTheVaultNeitherOpenNorInItsBox) {
  TestVault vault;
  const HeldLane lane(vault);
  Holder holder{vault.NewPerson()};
  const v1::EnrollRequest request = lane.RequestOf(holder);
  holder.subject = Must(lane.Enroll(request), "enrol").subject();
  std::string box;
  const v1::Envelope release =
      lane.ReleaseOf(holder, [&](v1::Release& r) { box = r.sealed_secret(); });
  EXPECT_TRUE(lane.Verify(holder, release).ok());
  EXPECT_FALSE(lane.Verify(holder, release, "officer/two").ok());

  const std::string secret(service::AsText(holder.secret));
  const std::map<std::string, std::string> needles = {
      {"secret", secret},
      {"secret in hexadecimal", base::ToHex(secret)},
      {"secret in base64", base::ToBase64(secret)},
      {"box of the enrolment", request.sealed_custody_secret()},
      {"box of the release", *base::FromBase64(box)},
      {"box of the release in base64", box},
      {"signature of the release", release.signatures(0).sig()},
  };
  std::vector<std::string> found;
  bool digest_found = false;
  const std::string digest(crypto::Bytes(crypto::CustodyDigest(holder.secret)));
  for (const storage::Column column : storage::kColumns) {
    const absl::Status scanned =
        vault.vault().database().Scan(column, "", [&](std::string_view, std::string_view value) {
          digest_found |= value.find(digest) != std::string_view::npos;
          for (const auto& [what, needle] : needles) {
            if (value.find(needle) != std::string_view::npos) found.push_back(what);
          }
          return true;
        });
    EXPECT_TRUE(scanned.ok());
  }
  EXPECT_TRUE(digest_found);  // the scan sees what is there
  vault.ShutDown();
  for (const auto& item : std::filesystem::recursive_directory_iterator(vault.directory())) {
    if (!item.is_regular_file()) continue;
    std::ifstream file(item.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    for (const auto& [what, needle] : needles) {
      if (bytes.find(needle) != std::string::npos) {
        found.push_back(item.path().string() + ": " + what);
      }
    }
  }
  EXPECT_EQ(found, std::vector<std::string>());
}

}  // namespace
}  // namespace kluis::custody_keys_test
