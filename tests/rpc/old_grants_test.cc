// SPDX-License-Identifier: Apache-2.0
// Statements that were signed before something was taken back, and are brought afterwards; and
// statements of which somebody else knows the id.
#include <string>

#include "audit/statement.h"
#include "base/codec.h"
#include "client/draft.h"
#include "gtest/gtest.h"
#include "service/publish/publisher.h"
#include "tests/fakes/replayed.h"
#include "tests/fakes/test_vault.h"

namespace kluis::old_grants_test {
namespace {

size_t UsedStatements(TestVault& vault) {
  size_t count = 0;
  const absl::Status scanned = vault.vault().state().ForEach<v1::UsedStatement>(
      v1::RecordChange::kUsedStatement, [&](const v1::UsedStatement&) { ++count; });
  EXPECT_TRUE(scanned.ok()) << scanned;
  return count;
}

TEST(OldConsent, SignedBeforeTheWithdrawalEnrolsNobodyAgain) {
  TestVault vault;
  const Person person = vault.NewPerson();
  const v1::EnrollRequest first = vault.EnrollRequestOf(person);
  v1::EnrollRequest second = vault.EnrollRequestOf(person);
  const std::string name = vault.ActiveCase();
  Must(vault.Call("registrar/desk", &v1::EnrollmentService::Stub::Enroll, first), "enrol");
  EXPECT_EQ(vault.Identify(name, vault.Face(person, 1))->matches(), 1u);
  Must(vault.Withdraw(person), "withdraw");
  EXPECT_EQ(vault.Call("registrar/desk", &v1::EnrollmentService::Stub::Enroll, second).reason,
            "PREDECESSOR_DIFFERS");
  EXPECT_EQ(vault.Identify(name, vault.Face(person, 1))->matches(), 0u);

  // Who wants to be enrolled again says so after the withdrawal, and names it.
  TestWorld::Terms terms;
  terms.follows = Must(vault.Holdings(person), "holdings").holdings(0).end();
  EXPECT_EQ(terms.follows.size(), 64u);
  Must(vault.Enroll(person, terms), "enrol again");
  EXPECT_EQ(vault.Identify(name, vault.Face(person, 1))->matches(), 1u);
  Must(vault.Withdraw(person), "withdraw again");
  EXPECT_EQ(vault.Enroll(person, terms).reason, "PREDECESSOR_DIFFERS");
}

TEST(OldConsent, AfterATemplateThatEndedByItselfNamesThatTemplate) {
  TestVault vault;
  const Person person = vault.NewPerson();
  TestWorld::Terms terms;
  terms.days = 1;
  const v1::EnrollResponse first = Must(vault.Enroll(person, terms), "enrol");
  vault.Advance(2 * kDay);
  vault.Sweep();
  EXPECT_EQ(vault.Enroll(person).reason, "PREDECESSOR_DIFFERS");
  const v1::GetHoldingsResponse held = Must(vault.Holdings(person), "holdings");
  EXPECT_EQ(held.holdings(0).end(), first.template_record());
  terms.follows = held.holdings(0).end();
  Must(vault.Enroll(person, terms), "enrol again");
}

TEST(OldLift, SignedBeforeASecondStopLiftsNothing) {
  TestVault vault;
  Must(vault.Stop(), "stop");
  v1::LiftOrder payload;
  payload.set_purpose(TestWorld::kPurpose);
  payload.set_reasons("inspection ended");
  payload.set_stop(vault.Purpose(TestWorld::kPurpose).last_stop());
  v1::LiftStopRequest request;
  *request.mutable_order() =
      vault.Sign(payload, {&vault.KeyOf("supervisor/one"), &vault.KeyOf("supervisor/two")});
  Must(vault.Stop(), "second stop");
  EXPECT_EQ(vault.Call("supervisor/one", &v1::SupervisionService::Stub::LiftStop, request).reason,
            "PREDECESSOR_DIFFERS");
  EXPECT_TRUE(vault.Purpose(TestWorld::kPurpose).stopped());
  Must(vault.Lift({"supervisor/one", "supervisor/three"}), "lift");
  EXPECT_FALSE(vault.Purpose(TestWorld::kPurpose).stopped());
}

// Ids are chosen by who signs, and can be read over a shoulder: they stand for nothing by
// themselves.
TEST(StatementId, OfAWithdrawalThatAnOfficerUsesFirstDoesNotVoidTheWithdrawal) {
  TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enrol");
  v1::Withdrawal payload;
  payload.set_subject_public_key(crypto::PublicKeyText(person.key.public_key()));
  payload.set_purpose(TestWorld::kPurpose);
  v1::WithdrawConsentRequest unsent;
  *unsent.mutable_withdrawal() = vault.Sign(payload, {&person.key});
  v1::CaseOpening opening = vault.Opening();
  opening.set_statement_id(payload.statement_id());
  Must(vault.Call("officer/one", &v1::CaseService::Stub::OpenCase,
                  vault.OpenCaseRequestOf(opening, vault.Details())),
       "open");
  Must(vault.Call("subject/portal", &v1::SubjectService::Stub::WithdrawConsent, unsent),
       "withdraw");
}

TEST(UsedStatements, LeaveTheStateAtAClosingWhenNobodyCanUseThemAnyMore) {
  TestVault vault;
  const Person person = vault.NewPerson();
  const v1::EnrollRequest request = vault.EnrollRequestOf(person);
  Must(vault.Call("registrar/desk", &v1::EnrollmentService::Stub::Enroll, request), "enrol");
  const auto used_after = [&](int64_t seconds) {
    vault.Advance(seconds);
    EXPECT_TRUE(vault.vault().publisher().Sign().ok());
    return UsedStatements(vault);
  };
  const size_t used = used_after(2 * kMinute);  // the founding, which has no age, is over
  EXPECT_GT(used, 5u);
  EXPECT_EQ(used_after(kDay - 3 * kMinute), used);  // the profile gives a statement a day
  const size_t of_several = used_after(2 * kMinute);
  EXPECT_LT(of_several, used);
  EXPECT_GT(of_several, 0u) << "those of several signers state an end of a week";
  EXPECT_EQ(used_after(6 * kDay), 0u);
  const v1::Entry last = vault.EntryAt(vault.vault().ledger().size() - 1);
  EXPECT_GT(last.command().close_checkpoint().over_statements_size(), 0);
  EXPECT_EQ(last.command().close_checkpoint().state_digest(),
            crypto::Bytes(vault.vault().ledger().state().digest.Value()));
  v1::EnrollRequest again = request;
  again.set_request_id(client::NewRequestId());
  EXPECT_EQ(vault.Call("registrar/desk", &v1::EnrollmentService::Stub::Enroll, again).reason,
            "STATEMENT_STALE");
  const v1::CheckVaultResponse check = vault.CheckVault();
  EXPECT_TRUE(check.consistent()) << check.first_difference();
  vault.Restart();
  EXPECT_EQ(Replayed(vault).state.mismatches.count(), 0u);
}

}  // namespace
}  // namespace kluis::old_grants_test
