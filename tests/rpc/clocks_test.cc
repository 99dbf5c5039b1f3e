// SPDX-License-Identifier: Apache-2.0
// Every end date one second before and at it, with a clock that only the test moves.
#include <string>

#include "audit/statement.h"
#include "base/codec.h"
#include "base/id.h"
#include "client/draft.h"
#include "gtest/gtest.h"
#include "policy/facts.h"
#include "policy/record_key.h"
#include "service/host/metrics.h"
#include "service/publish/publisher.h"
#include "storage/layout.h"
#include "tests/fakes/test_vault.h"

namespace kluis::clocks_test {
namespace {

using client::ToTimestamp;
using storage::Column;

size_t Rows(TestVault& vault, Column column, const std::string& prefix) {
  size_t count = 0;
  const absl::Status scanned =
      vault.vault().database().Scan(column, prefix, [&](std::string_view, std::string_view) {
        ++count;
        return true;
      });
  EXPECT_TRUE(scanned.ok());
  return count;
}

base::Id IdOf(const std::string& name, const std::string& collection) {
  return *base::IdFromBytes(policy::IdInName(name, collection));
}

v1::Case CaseNow(const TestWorld& vault, const std::string& name) {
  v1::GetCaseRequest request;
  request.set_name(name);
  return Must(vault.Call("officer/one", &v1::CaseService::Stub::GetCase, request), "get").case_();
}

TEST(ConsentEnd, IsFoundASecondBeforeAndNotAtItWithoutAnySweep) {
  TestVault vault;
  const Person person = vault.NewPerson();
  const std::string subject = Must(vault.Enroll(person, {.days = 10}), "enroll").subject();
  const std::string name = vault.ActiveCase();
  const v1::Template probe = vault.Face(person, 1);
  vault.Advance(10 * kDay - 1);
  EXPECT_EQ(vault.Identify(name, probe)->result(), v1::SEARCH_RESULT_MATCH);
  EXPECT_EQ(vault.Verify(subject, probe)->result(), v1::SEARCH_RESULT_MATCH);
  vault.Advance(1);
  EXPECT_EQ(vault.Identify(name, probe)->result(), v1::SEARCH_RESULT_NO_MATCH);
  EXPECT_EQ(vault.Verify(subject, probe).reason, "NOT_PERMITTED");
}

TEST(ConsentEnd, TheSweepErasesTheTemplateAndItsKey) {
  TestVault vault;
  const Person person = vault.NewPerson();
  const auto enrolled = Must(vault.Enroll(person, {.days = 10}), "enroll");
  const std::string key = storage::TemplateKey(IdOf(enrolled.template_record(), "templates"));
  const auto record = policy::Find<v1::TemplateRecord>(
      vault.vault().state(),
      policy::key::Template(policy::IdInName(enrolled.template_record(), "templates")));
  ASSERT_TRUE(record.ok() && record->has_value());
  const uint32_t slot = (*record)->slot();
  vault.Advance(10 * kDay - 1);
  vault.Sweep();
  EXPECT_EQ(Rows(vault, Column::kSealed, key), 1u);
  EXPECT_FALSE(vault.vault().keyring().IsPunctured(slot));
  vault.Advance(1);
  vault.Sweep();
  EXPECT_EQ(Rows(vault, Column::kSealed, key), 0u);
  EXPECT_TRUE(vault.vault().keyring().IsPunctured(slot));
  const auto held = vault.Holdings(person);
  ASSERT_EQ(held->holdings_size(), 1);
  EXPECT_EQ(held->holdings(0).state(), v1::TEMPLATE_STATE_ERASED);
  EXPECT_EQ(held->holdings(0).end_reason(), v1::END_REASON_EXPIRED);
  EXPECT_EQ(vault.Status().pending_erasures(), 0u);
  EXPECT_TRUE(vault.CheckVault().consistent());
}

TEST(ConsentEnd, IsNeverLaterThanThePurposesRetention) {
  TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person, {.days = 3000}), "enroll");
  EXPECT_EQ(vault.Holdings(person)->holdings(0).expires_at().seconds(), vault.now() + 1825 * kDay);
}

TEST(WarrantWindow, OpensAndClosesOnTheSecond) {
  TestVault vault;
  const int64_t from = vault.now() + kHour;
  const int64_t until = from + 5 * kDay;
  const std::string name = vault.ActiveCase(100, [&](v1::Warrant& warrant) {
    *warrant.mutable_not_before() = ToTimestamp(from);
    *warrant.mutable_not_after() = ToTimestamp(until);
  });
  vault.SetTime(from - 1);
  EXPECT_EQ(vault.Identify(name, vault.Face(0)).reason, "OUTSIDE_WARRANT_WINDOW");
  vault.SetTime(from);
  EXPECT_TRUE(vault.Identify(name, vault.Face(0)).ok());
  vault.SetTime(until - 1);
  vault.Sweep();
  EXPECT_TRUE(vault.Identify(name, vault.Face(0)).ok());
  vault.SetTime(until);
  EXPECT_EQ(vault.Identify(name, vault.Face(0)).reason, "OUTSIDE_WARRANT_WINDOW");
  EXPECT_EQ(CaseNow(vault, name).state(), v1::CASE_STATE_ACTIVE);
  vault.Sweep();
  EXPECT_EQ(CaseNow(vault, name).state(), v1::CASE_STATE_EXPIRED);
  EXPECT_EQ(vault.Status().galleries_size(), 0);
}

// A case that never got both warrant and approval ends by itself, and its key at once.
TEST(CaseLapse, ComesWhenACaseWaitedForTheRetention) {
  TestVault vault;
  const std::string bare = Must(vault.OpenCase(), "open").case_().name();
  const std::string approved = Must(vault.OpenCase(), "open").case_().name();
  Must(vault.Approve(approved), "approve");
  const std::string active = vault.ActiveCase(100, [&](v1::Warrant& warrant) {
    *warrant.mutable_not_before() = ToTimestamp(vault.now() + 360 * kDay);
    *warrant.mutable_not_after() = ToTimestamp(vault.now() + 370 * kDay);
  });
  const auto now = [&](const std::string& name) {
    return **policy::Find<v1::CaseRecord>(vault.vault().state(),
                                          policy::key::Case(policy::IdInName(name, "cases")));
  };
  vault.Advance(365 * kDay - 1);
  vault.Sweep();
  for (const std::string& name : {bare, approved}) {
    EXPECT_EQ(now(name).state(), v1::CASE_STATE_AWAITING_WARRANT);
    EXPECT_FALSE(vault.vault().keyring().IsPunctured(now(name).slot()));
  }
  vault.Advance(1);
  EXPECT_EQ(vault.Issue(vault.WarrantFor(bare)).reason, "CASE_NOT_AWAITING_WARRANT");
  vault.Sweep();
  for (const std::string& name : {bare, approved}) {
    EXPECT_EQ(now(name).state(), v1::CASE_STATE_LAPSED);
    EXPECT_EQ(now(name).ended_at(), vault.now());
    EXPECT_TRUE(now(name).erased());
    EXPECT_TRUE(vault.vault().keyring().IsPunctured(now(name).slot()));
    EXPECT_EQ(vault.Issue(vault.WarrantFor(name)).reason, "CASE_NOT_AWAITING_WARRANT");
  }
  EXPECT_EQ(now(active).state(), v1::CASE_STATE_ACTIVE);
  EXPECT_EQ(vault.Status().pending_erasures(), 0u);
  EXPECT_TRUE(vault.CheckVault().consistent());
}

TEST(CaseLapse, ComesAtTheEndOfAWarrantWithoutApproval) {
  TestVault vault;
  const std::string name = Must(vault.OpenCase(), "open").case_().name();
  v1::Warrant warrant = vault.WarrantFor(name);
  *warrant.mutable_not_after() = ToTimestamp(vault.now() + 5 * kDay);
  Must(vault.Issue(warrant), "issue");
  vault.Advance(5 * kDay - 1);
  vault.Sweep();
  EXPECT_EQ(CaseNow(vault, name).state(), v1::CASE_STATE_AWAITING_WARRANT);
  vault.Advance(1);
  EXPECT_EQ(vault.Approve(name).reason, "CASE_NOT_AWAITING_APPROVAL");
  vault.Sweep();
  EXPECT_EQ(CaseNow(vault, name).state(), v1::CASE_STATE_LAPSED);
  EXPECT_EQ(vault.Identify(name, vault.Face(0)).reason, "CASE_NOT_ACTIVE");
  EXPECT_EQ(vault.Status().pending_erasures(), 0u);
}

TEST(ProbeAge, MustHaveReachedTheProfilesMinimum) {
  const TestVault vault;
  v1::IdentifyRequest request = vault.IdentifyRequestOf(vault.ActiveCase(), vault.Face(0));
  *request.mutable_captured_at() = ToTimestamp(vault.now() - 10 * kMinute + 1);
  EXPECT_EQ(vault.Call("officer/one", &v1::SearchService::Stub::Identify, request).reason,
            "PROBE_TOO_FRESH");
  *request.mutable_captured_at() = ToTimestamp(vault.now() - 10 * kMinute);
  EXPECT_TRUE(vault.Call("officer/one", &v1::SearchService::Stub::Identify, request).ok());
}

TEST(CaseRetention, ProbesAndResultsGoAtItsEnd) {
  TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person, {.days = 1000}), "enroll");
  const std::string name = vault.ActiveCase();
  const std::string prefix = storage::ProbePrefix(IdOf(name, "cases"));
  EXPECT_EQ(vault.Identify(name, vault.Face(person))->result(), v1::SEARCH_RESULT_MATCH);
  EXPECT_EQ(vault.Identify(name, vault.Face(person))->result(), v1::SEARCH_RESULT_MATCH);
  constexpr size_t kRows = 3;  // two searches, and the sketches of their probes
  EXPECT_EQ(Rows(vault, Column::kSealed, prefix), kRows);
  vault.Advance(kDay);
  Must(vault.Close(name), "close");
  vault.Advance(365 * kDay - 1);
  vault.Sweep();
  EXPECT_EQ(Rows(vault, Column::kSealed, prefix), kRows);
  vault.Advance(1);
  vault.Sweep();
  EXPECT_EQ(Rows(vault, Column::kSealed, prefix), 0u);
  EXPECT_TRUE(vault.CheckVault().consistent());
  vault.Restart();
  EXPECT_EQ(Rows(vault, Column::kSealed, prefix), 0u);
}

TEST(DetailsRetention, TheSubjectIsForgottenAtItsEnd) {
  TestVault vault;
  const Person person = vault.NewPerson();
  const std::string subject = Must(vault.Enroll(person), "enroll").subject();
  const std::string name = vault.ActiveCase();
  const auto found = vault.Identify(name, vault.Face(person));
  ASSERT_EQ(found->candidates_size(), 1);
  Must(vault.Confirm(found->candidates(0), "officer/one"), "confirm");
  Must(vault.Confirm(found->candidates(0), "officer/two"), "confirm");
  Must(vault.Disclose(found->candidates(0)), "disclose");
  Must(vault.Withdraw(person), "withdraw");
  const base::Id id = IdOf(subject, "subjects");
  vault.Advance(90 * kDay - 1);
  vault.Sweep();
  EXPECT_TRUE(vault.Holdings(person).ok());
  EXPECT_EQ(Rows(vault, Column::kDetails, storage::SubjectKey(id)), 1u);
  EXPECT_EQ(Rows(vault, Column::kDetails, storage::NoticePrefix(id)), 1u);
  EXPECT_EQ(Rows(vault, Column::kDetails, "k"), 1u);
  vault.Advance(1);
  vault.Sweep();
  EXPECT_EQ(Rows(vault, Column::kDetails, storage::SubjectKey(id)), 0u);
  EXPECT_EQ(Rows(vault, Column::kDetails, storage::NoticePrefix(id)), 0u);
  EXPECT_EQ(Rows(vault, Column::kDetails, "k"), 0u);
  EXPECT_EQ(vault.Holdings(person).reason, "NOT_PERMITTED");
  EXPECT_TRUE(vault.CheckVault().consistent());
  // Who comes back is somebody new.
  EXPECT_NE(Must(vault.Enroll(person), "enroll").subject(), subject);
}

TEST(StatementAge, IsUsedUntilItsEndAndNotBeforeItWasSigned) {
  TestVault vault;
  const auto send_signed_at = [&](int64_t issued_at) {
    v1::CaseOpening opening = vault.Opening();
    *opening.mutable_issued_at() = ToTimestamp(issued_at);
    return vault
        .Call("officer/one", &v1::CaseService::Stub::OpenCase,
              vault.OpenCaseRequestOf(opening, vault.Details()))
        .reason;
  };
  EXPECT_EQ(send_signed_at(vault.now() - 1440 * kMinute + 1), "");
  EXPECT_EQ(send_signed_at(vault.now() - 1440 * kMinute), "STATEMENT_STALE");
  EXPECT_EQ(send_signed_at(vault.now() + 5 * kMinute), "");
  EXPECT_EQ(send_signed_at(vault.now() + 5 * kMinute + 1), "STATEMENT_STALE");
}

// Log time says that a consent is over: nobody may find the person by the machine's clock, which
// says that it is not.
TEST(LogTime, IsWhatASearchAndADisclosureAskWhenTheMachinesClockStepsBack) {
  TestVault vault;
  const Person person = vault.NewPerson();
  const std::string subject = Must(vault.Enroll(person, {.days = 10}), "enroll").subject();
  const std::string name = vault.ActiveCase();
  const auto found = vault.Identify(name, vault.Face(person, 1));
  ASSERT_EQ(found->candidates_size(), 1);
  Must(vault.Confirm(found->candidates(0), "officer/one"), "confirm");
  Must(vault.Confirm(found->candidates(0), "officer/two"), "confirm");
  vault.Advance(10 * kDay + 20);
  const int64_t over = Must(vault.OpenCase(), "open").receipt().decided_at().seconds();
  vault.clock().Step(-50);  // the consent is not over by this clock
  const auto later = Must(vault.OpenCase(), "open").receipt();
  EXPECT_EQ(later.decided_at().seconds(), over);
  EXPECT_EQ(vault.EntryAt(later.log_index()).decided_at(), over);
  EXPECT_EQ(vault.Verify(subject, vault.Face(person, 1)).reason, "NOT_PERMITTED");
  const auto again = vault.Identify(name, vault.Face(person, 2));
  EXPECT_EQ(again->result(), v1::SEARCH_RESULT_NO_MATCH);
  EXPECT_FALSE(vault.Disclose(found->candidates(0)).ok());
  vault.Sweep();
  EXPECT_EQ(vault.Holdings(person)->holdings(0).state(), v1::TEMPLATE_STATE_ERASED);
}

TEST(LogTime, IsWhatASweepAsksWhenTheMachinesClockIsSetAhead) {
  TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person, {.days = 10}), "enroll");
  vault.Advance(10 * kDay - 50);
  vault.clock().Step(70);
  EXPECT_FALSE(vault.vault().sweeper().SweepOnce().ok());
  EXPECT_EQ(vault.Holdings(person)->holdings(0).state(), v1::TEMPLATE_STATE_ACTIVE);
  vault.clock().Step(-70);
  vault.Sweep();
  EXPECT_EQ(vault.Holdings(person)->holdings(0).state(), v1::TEMPLATE_STATE_ACTIVE);
  vault.Advance(50);
  vault.Sweep();
  EXPECT_EQ(vault.Holdings(person)->holdings(0).state(), v1::TEMPLATE_STATE_ERASED);
}

// A dead battery, or a wrong answer of NTP.
TEST(ClockFault, OfNineHundredDaysForEightSecondsDestroysNothing) {
  TestVault vault;
  const Person person = vault.NewPerson();
  const Person other = vault.NewPerson();
  const std::string subject = Must(vault.Enroll(person), "enroll").subject();
  Must(vault.Enroll(other), "enroll");
  const std::string name = vault.ActiveCase();
  const int64_t before = vault.now();

  vault.clock().Step(900 * kDay);
  EXPECT_FALSE(vault.vault().sweeper().SweepOnce().ok());
  EXPECT_EQ(vault.Identify(name, vault.Face(person)).reason, "CLOCK");
  EXPECT_EQ(vault.Verify(subject, vault.Face(person)).reason, "CLOCK");
  EXPECT_EQ(vault.OpenCase().reason, "CLOCK");
  EXPECT_EQ(vault.Enroll(vault.NewPerson()).reason, "CLOCK");
  EXPECT_NE(vault.Status().fault().find("900 d 0 h ahead"), std::string::npos);
  EXPECT_NE(service::MetricsText(vault.vault()).find("\nkluis_clock_fault 1\n"), std::string::npos);
  EXPECT_TRUE(vault.vault().publisher().Sign().ok());  // closing entries go on
  vault.Advance(8);
  vault.clock().Step(-900 * kDay);

  EXPECT_EQ(vault.Status().fault(), "");
  EXPECT_NE(service::MetricsText(vault.vault()).find("\nkluis_clock_fault 0\n"), std::string::npos);
  EXPECT_EQ(vault.now(), before + 8);
  vault.Sweep();
  EXPECT_EQ(vault.Status().pending_erasures(), 0u);
  EXPECT_EQ(vault.Identify(name, vault.Face(person))->result(), v1::SEARCH_RESULT_MATCH);
  const auto withdrawn = Must(vault.Withdraw(other), "withdraw");
  EXPECT_EQ(withdrawn.erasure().started().decided_at().seconds(), before + 8);
  Must(vault.Stop(), "stop");
  EXPECT_EQ(vault.Holdings(person)->holdings(0).state(), v1::TEMPLATE_STATE_ACTIVE);
  EXPECT_TRUE(vault.CheckVault().consistent());
}

TEST(ClockFault, LeavesWithdrawalRestrictionStopAndAccess) {
  TestVault vault;
  const Person one = vault.NewPerson();
  const Person two = vault.NewPerson();
  Must(vault.Enroll(one), "enroll");
  Must(vault.Enroll(two), "enroll");
  vault.clock().Step(-200);
  EXPECT_EQ(vault.OpenCase().reason, "CLOCK");
  Must(vault.Restrict(one), "restrict");
  EXPECT_EQ(vault.LiftRestriction(one).reason, "CLOCK");
  EXPECT_TRUE(vault.Holdings(one).ok());
  Must(vault.Withdraw(two), "withdraw");
  Must(vault.Stop(), "stop");
  EXPECT_EQ(vault.Lift({"supervisor/one", "supervisor/two"}).reason, "CLOCK");
}

// Nothing says what happened to the time in between: no entry, no checkpoint.
TEST(ClockFault, AfterEightDaysSealedIsAsAfterALateStart) {
  for (const int64_t days : {7, 8}) {
    TestVault vault;
    Must(vault.Call("operator/one", &v1::VaultService::Stub::SealVault, v1::SealVaultRequest()),
         "seal");
    vault.Advance(days * kDay);
    ASSERT_TRUE(vault.vault().Unseal().ok());
    EXPECT_EQ(vault.Status().clock().trusted(), days == 7);
    EXPECT_EQ(vault.OpenCase().ok(), days == 7);
  }
}

// The vault's clock is wrong, not theirs: a withdrawal with today's date is far from log time.
TEST(ClockFault, RefusesNoWithdrawalRestrictionAndStopForItsDate) {
  for (const int64_t away : {-900 * kDay, 900 * kDay}) {
    TestVault vault;
    const Person one = vault.NewPerson();
    const Person two = vault.NewPerson();
    Must(vault.Enroll(one), "enroll");
    Must(vault.Enroll(two), "enroll");
    vault.clock().Step(away);
    Must(vault.Restrict(one), "restrict");
    Must(vault.Withdraw(two), "withdraw");
    const auto stopped = Must(vault.Stop(), "stop");
    EXPECT_TRUE(vault.EntryAt(stopped.receipt().log_index()).command().time_unknown());
    EXPECT_EQ(vault.Holdings(one).reason, "STATEMENT_STALE");
    vault.clock().Step(-away);
    EXPECT_TRUE(vault.Holdings(one).ok());
  }
}

TEST(AccessChallenge, MakesARequestFreshForTenMinutesWhateverItsDate) {
  TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  const auto challenge = [&] {
    return Must(vault.Call("subject/portal", &v1::SubjectService::Stub::GetAccessChallenge,
                           v1::GetAccessChallengeRequest()),
                "challenge")
        .challenge();
  };
  const auto asked = [&](const std::string& given) {
    v1::AccessRequest payload;
    payload.set_subject_public_key(crypto::PublicKeyText(person.key.public_key()));
    payload.set_challenge(given);
    client::Stamp(TestWorld::kVault, vault.now() - 900 * kDay, payload);
    auto envelope = audit::MakeStatement(payload);
    audit::AddSignature(person.key, *envelope);
    v1::GetHoldingsRequest request;
    *request.mutable_access_request() = *envelope;
    return vault.Call("subject/portal", &v1::SubjectService::Stub::GetHoldings, request).reason;
  };
  std::string given = challenge();
  EXPECT_EQ(asked(given), "");
  given[70] = given[70] == 'a' ? 'b' : 'a';
  EXPECT_EQ(asked(given), "STATEMENT_STALE");
  EXPECT_EQ(asked(""), "STATEMENT_STALE");
  given = challenge();
  vault.Advance(599);
  EXPECT_EQ(asked(given), "");
  vault.Advance(1);
  EXPECT_EQ(asked(given), "STATEMENT_STALE");
  given = challenge();
  vault.clock().Step(900 * kDay);  // of the other clock
  EXPECT_EQ(asked(given), "");
  vault.clock().Step(-900 * kDay);
  vault.Restart();
  EXPECT_EQ(asked(given), "STATEMENT_STALE") << "another start gave it";
}

TEST(ClockFault, AtAStartStandsStillAtTheLastEntry) {
  for (const int64_t away : {-900 * kDay, 8 * kDay}) {
    TestVault vault;
    const Person person = vault.NewPerson();
    const Person other = vault.NewPerson();
    Must(vault.Enroll(person, {.days = 7}), "enroll");
    Must(vault.Enroll(other), "enroll");
    vault.ShutDown();
    const int64_t last = vault.now();
    vault.clock().Step(away);
    ASSERT_TRUE(vault.TryStart().ok());
    EXPECT_EQ(vault.vault().ledger().Now(), last);
    EXPECT_FALSE(vault.vault().sweeper().SweepOnce().ok());
    EXPECT_EQ(vault.OpenCase().reason, "CLOCK");
    vault.clock().Step(-away);
    EXPECT_TRUE(vault.OpenCase().ok());
    vault.Sweep();
    EXPECT_EQ(vault.Holdings(person)->holdings(0).state(), v1::TEMPLATE_STATE_ACTIVE);
  }
}

}  // namespace
}  // namespace kluis::clocks_test
