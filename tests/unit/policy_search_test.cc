// SPDX-License-Identifier: Apache-2.0
// Searches, outcomes, adjudication and disclosure; and a store that fails.
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "tests/fakes/policy_expect.h"

namespace kluis::policy::search_test {
namespace {

using W = PolicyWorld;

template <class Change>
v1::Command IdentifyWith(W& world, const std::string& id, Change change) {
  v1::Command command = world.Identify(id);
  change(*command.mutable_identify());
  return command;
}

template <class Change>
void ChangeCase(W& world, const std::string& id, Change change) {
  v1::RecordChange record;
  *record.mutable_case_() = world.Case(id);
  change(*record.mutable_case_());
  world.Put(record);
}

template <class Change>
void ChangePurpose(W& world, Change change) {
  v1::RecordChange record;
  *record.mutable_purpose() = world.Get<v1::PurposeRecord>(key::Purpose(W::kPurpose));
  change(*record.mutable_purpose()->mutable_registration());
  world.Put(record);
}

TEST(Identify, GrantsThePurposesGalleryWithinTheWarrant) {
  W world = W::Ready();
  const std::string id = world.Active();
  EXPECT_TRUE(Allowed(world, world.Identify(id)));
  const Ruling ruling = world.Do(world.Identify(id));
  EXPECT_EQ(ruling.grant->purpose(), W::kPurpose);
  EXPECT_EQ(ruling.grant->only_template(), nullptr);
  EXPECT_EQ(ruling.grant->categories(),
            std::vector<v1::SubjectCategory>{v1::SUBJECT_CATEGORY_VICTIM});
  EXPECT_EQ(ruling.grant->candidate_cap(), 2u);
  EXPECT_EQ(ruling.grant->case_id(), id);
  EXPECT_EQ(ruling.grant->case_slot(), world.Case(id).slot());
}

TEST(Identify, IsForACaseOfTheOfficersAuthority) {
  W world = W::Ready();
  const std::string id = world.Active();
  auto command = world.Identify(id);
  command.mutable_caller()->set_name("carl");
  EXPECT_TRUE(RefusedBy("case.of-authority", "NO_CASE", world, command));
  EXPECT_TRUE(RefusedBy("case.of-authority", "NO_CASE", world, world.Identify("")));
}

TEST(Identify, IsForARegisteredMemberOfAnAccreditedAuthority) {
  W world = W::Ready();
  const std::string id = world.Active();
  auto command = world.Identify(id);
  command.mutable_caller()->set_name("nobody");
  EXPECT_TRUE(RefusedBy("member.registered", "MEMBER_NOT_REGISTERED", world, command));
  v1::RecordChange lapsed;
  *lapsed.mutable_authority() =
      world.Get<v1::AuthorityRecord>(key::Authority(world.Case(id).authority_id()));
  lapsed.mutable_authority()->set_valid_until(world.now);
  world.Put(lapsed);
  EXPECT_TRUE(
      RefusedBy("authority.accredited", "AUTHORITY_NOT_ACCREDITED", world, world.Identify(id)));
}

TEST(Identify, NeedsAnActiveCase) {
  W world = W::Ready();
  const std::string id = world.Opened();
  EXPECT_TRUE(RefusedBy("case.active", "CASE_NOT_ACTIVE", world, world.Identify(id)));
  world.Do(world.IssueWarrant(id));
  EXPECT_TRUE(RefusedBy("case.active", "CASE_NOT_ACTIVE", world, world.Identify(id)));
  world.Do(world.ApproveCase(id));
  EXPECT_TRUE(Allowed(world, world.Identify(id)));
  world.Do(world.CloseCase(id));
  EXPECT_TRUE(RefusedBy("case.active", "CASE_NOT_ACTIVE", world, world.Identify(id)));
}

TEST(Identify, RunsWithinTheWarrantsWindowAtBothEnds) {
  W world = W::Ready();
  const std::string id = world.Opened();
  auto warrant = world.IssueWarrant(id);
  const Time from = world.now + kDay;
  const Time until = world.now + 2 * kDay;
  warrant.mutable_issue_warrant()->mutable_warrant()->mutable_not_before()->set_seconds(from);
  warrant.mutable_issue_warrant()->mutable_warrant()->mutable_not_after()->set_seconds(until);
  world.Do(warrant);
  world.Do(world.ApproveCase(id));
  for (const Time at : {from, until - 1}) {
    world.now = at;
    EXPECT_TRUE(Allowed(world, world.Identify(id)));
  }
  for (const Time at : {from - 1, until}) {
    world.now = at;
    EXPECT_TRUE(RefusedBy("warrant.window", "OUTSIDE_WARRANT_WINDOW", world, world.Identify(id)));
  }
  world.Do(world.EndCase(id));
  EXPECT_TRUE(RefusedBy("warrant.window", "OUTSIDE_WARRANT_WINDOW", world, world.Identify(id)));
}

TEST(Identify, IsForThePurposeOfItsCase) {
  W world = W::Ready();
  world.Do(world.RegisterPurpose("other"));
  const std::string id = world.Active();
  EXPECT_TRUE(RefusedBy("case.same-purpose", "WRONG_PURPOSE", world,
                        IdentifyWith(world, id, [](auto& i) { i.set_purpose("other"); })));
}

TEST(Identify, NeedsAPurposeThatStillExists) {
  W world = W::Ready();
  const std::string id = world.Active();
  v1::RecordChange gone;
  gone.set_removed_key(key::Purpose(W::kPurpose));
  world.Put(gone);
  EXPECT_TRUE(RefusedBy("purpose.registered", "PURPOSE_UNKNOWN", world, world.Identify(id)));
}

TEST(Identify, NeedsAPurposeThatAllowsIt) {
  W world = W::Ready();
  const std::string id = world.Active();
  ChangePurpose(world, [](auto& p) { p.mutable_operations()->RemoveLast(); });
  EXPECT_TRUE(RefusedBy("purpose.identify", "OPERATION_NOT_ALLOWED", world, world.Identify(id)));
}

TEST(Identify, EndsWithTheLegalBasisAndWithAStop) {
  W world = W::Ready();
  const std::string id = world.Active();
  const Time now = world.now;
  ChangePurpose(world, [&](auto& p) {
    p.mutable_legal_basis()->mutable_valid_until()->set_seconds(now + 1);
  });
  EXPECT_TRUE(Allowed(world, world.Identify(id)));
  W stopped = world;
  stopped.Do(stopped.Stop());
  EXPECT_TRUE(RefusedBy("purpose.not-stopped", "PURPOSE_STOPPED", stopped, stopped.Identify(id)));
  world.now = now + 1;
  EXPECT_TRUE(RefusedBy("purpose.lawful", "LEGAL_BASIS_LAPSED", world, world.Identify(id)));
}

TEST(Identify, NeedsAProbeOfThePurposesAlgorithm) {
  W world = W::Ready();
  const std::string id = world.Active();
  EXPECT_TRUE(RefusedBy("probe.algorithm", "WRONG_ALGORITHM", world,
                        IdentifyWith(world, id, [](auto& i) { i.set_algorithm("dlib-128/1"); })));
}

TEST(Identify, NamesItsEvidence) {
  W world = W::Ready();
  const std::string id = world.Active();
  EXPECT_TRUE(RefusedBy("probe.evidence", "EVIDENCE_MISSING", world,
                        IdentifyWith(world, id, [](auto& i) { i.clear_evidence_id(); })));
}

TEST(Identify, RefusesAProbeYoungerThanTheProfilesAge) {
  W world = W::Ready();
  const std::string id = world.Active();
  const Time oldest_fresh = world.now - W::kProbeAge + 1;
  EXPECT_TRUE(Allowed(
      world, IdentifyWith(world, id, [&](auto& i) { i.set_captured_at(oldest_fresh - 1); })));
  for (const Time captured : {oldest_fresh, world.now, world.now + kDay, Time{0}, Time{-1},
                              std::numeric_limits<Time>::max()}) {
    EXPECT_TRUE(RefusedBy("probe.not-real-time", "PROBE_TOO_FRESH", world,
                          IdentifyWith(world, id, [&](auto& i) { i.set_captured_at(captured); })));
  }
}

TEST(Identify, StopsWhenTheBudgetIsSpent) {
  W world = W::Ready();
  const std::string id = world.Active();
  for (int i = 0; i < 3; ++i) world.Do(world.Identify(id));
  EXPECT_TRUE(RefusedBy("warrant.budget", "BUDGET_SPENT", world, world.Identify(id)));
}

TEST(Identify, CostsTwoSearchesWhenTheProbeComesAgain) {
  W world = W::Ready();
  const std::string id = world.Active();
  const auto again = [&] {
    return IdentifyWith(world, id, [](auto& search) { search.set_repeated_probe(true); });
  };
  world.Do(again());
  EXPECT_EQ(world.Get<v1::CaseUse>(key::CaseUse(id)).searches(), 2u);
  EXPECT_EQ(world.Get<v1::CaseUse>(key::CaseUse(id)).repeated_probes(), 1u);
  // One of three is left: not enough for a probe that comes again, and enough for another.
  EXPECT_TRUE(RefusedBy("warrant.budget", "BUDGET_SPENT", world, again()));
  world.Do(world.Identify(id));
  EXPECT_EQ(world.Get<v1::CaseUse>(key::CaseUse(id)).searches(), 3u);
  EXPECT_EQ(world.Get<v1::CaseUse>(key::CaseUse(id)).repeated_probes(), 1u);
  EXPECT_TRUE(RefusedBy("warrant.budget", "BUDGET_SPENT", world, world.Identify(id)));
}

TEST(Verify, GrantsTheOneTemplate) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  EXPECT_TRUE(Allowed(world, world.Verify(subject)));
  const Ruling ruling = world.Do(world.Verify(subject));
  EXPECT_EQ(ruling.grant->only_template()->id(), world.TemplateOf(subject).id());
  EXPECT_TRUE(ruling.grant->categories().empty());
  EXPECT_EQ(ruling.grant->candidate_cap(), 0u);
  EXPECT_TRUE(ruling.grant->case_id().empty());
}

TEST(Verify, NeedsMemberAuthorityPurposeAndAlgorithm) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  auto command = world.Verify(subject);
  command.mutable_caller()->set_name("nobody");
  EXPECT_TRUE(RefusedBy("member.registered", "MEMBER_NOT_REGISTERED", world, command));
  command = world.Verify(subject);
  command.mutable_verify()->set_purpose("unknown");
  EXPECT_TRUE(RefusedBy("purpose.registered", "PURPOSE_UNKNOWN", world, command));
  command = world.Verify(subject);
  command.mutable_verify()->set_algorithm("dlib-128/1");
  EXPECT_TRUE(RefusedBy("probe.algorithm", "WRONG_ALGORITHM", world, command));
}

TEST(Verify, NeedsAPurposeThatAllowsItIsInForceAndRuns) {
  const W base = W::Ready();
  W world = base;
  const std::string subject = world.Enrolled();
  W only_identify = world;
  ChangePurpose(only_identify, [](auto& p) { p.set_operations(0, v1::OPERATION_IDENTIFY); });
  EXPECT_TRUE(RefusedBy("purpose.verify", "OPERATION_NOT_ALLOWED", only_identify,
                        only_identify.Verify(subject)));
  W lapsed = world;
  ChangePurpose(lapsed, [&](auto& p) {
    p.mutable_legal_basis()->mutable_valid_until()->set_seconds(world.now);
  });
  EXPECT_TRUE(RefusedBy("purpose.lawful", "LEGAL_BASIS_LAPSED", lapsed, lapsed.Verify(subject)));
  world.Do(world.Stop());
  EXPECT_TRUE(RefusedBy("purpose.not-stopped", "PURPOSE_STOPPED", world, world.Verify(subject)));
}

TEST(Verify, HidesAnUnknownSubject) {
  W world = W::Ready();
  EXPECT_TRUE(HiddenBy("verify.subject-known", "SUBJECT_UNKNOWN", world, world.Verify("")));
  EXPECT_TRUE(HiddenBy("verify.subject-known", "SUBJECT_UNKNOWN", world,
                       world.Verify(std::string(16, 'x'))));
}

TEST(Verify, HidesThatThereIsNoConsentForThePurpose) {
  W world = W::Ready();
  world.Do(world.RegisterPurpose("other"));
  const std::string subject = world.Enrolled({}, "other");
  EXPECT_TRUE(HiddenBy("verify.consent-given", "CONSENT_NOT_GIVEN", world, world.Verify(subject)));
}

TEST(Verify, HidesThatConsentIsOverFromItsEndOn) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  world.now = world.TemplateOf(subject).expires_at() - 1;
  EXPECT_TRUE(Allowed(world, world.Verify(subject)));
  world.now += 1;
  EXPECT_TRUE(HiddenBy("verify.unexpired", "CONSENT_EXPIRED", world, world.Verify(subject)));
}

TEST(Verify, HidesThatConsentWasWithdrawn) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  world.Do(world.Withdraw(subject));
  EXPECT_TRUE(HiddenBy("verify.consent-stands", "CONSENT_WITHDRAWN", world, world.Verify(subject)));
  world.Do(world.EraseDone(v1::ERASURE_TARGET_TEMPLATE, world.TemplateOf(subject).id()));
  EXPECT_TRUE(HiddenBy("verify.consent-stands", "CONSENT_WITHDRAWN", world, world.Verify(subject)));
}

TEST(Verify, GivesOneAnswerForUnknownAbsentExpiredAndWithdrawnAndLogsFour) {
  W world = W::Ready();
  world.Do(world.RegisterPurpose("other"));
  const std::string absent = world.Enrolled({}, "other");
  const std::string withdrawn = world.Enrolled();
  world.Do(world.Withdraw(withdrawn));
  auto short_consent = world.Enroll();
  short_consent.mutable_enroll()->set_consent_expires_at(world.now + 1);
  world.Do(short_consent);
  world.now += 1;
  std::set<std::string> reasons;
  for (const std::string& subject :
       {std::string(16, 'x'), absent, short_consent.enroll().new_subject_id(), withdrawn}) {
    const Ruling ruling = world.Decided(world.Verify(subject));
    EXPECT_FALSE(ruling.decision.allowed());
    EXPECT_EQ(ruling.public_reason, "NOT_PERMITTED");
    EXPECT_EQ(ruling.sentence, "");
    EXPECT_TRUE(ruling.changes.empty());
    reasons.insert(ruling.decision.reason());
  }
  EXPECT_EQ(reasons.size(), 4u);
}

TEST(Outcome, IsOfASearchInTheLogAndEndsItOnce) {
  W world = W::Ready();
  const std::string id = world.Active();
  const std::string search = world.Searched(id);
  EXPECT_TRUE(Allowed(world, world.Outcome(search)));
  EXPECT_TRUE(
      RefusedBy("outcome.of-search", "SEARCH_UNKNOWN", world, world.Outcome(std::string(16, 'x'))));
  world.Do(world.Outcome(search));
  EXPECT_TRUE(RefusedBy("outcome.of-search", "SEARCH_UNKNOWN", world, world.Outcome(search)));
}

v1::Command Aborted(W& world, const std::string& search) {
  v1::Command command = world.Outcome(search, 0);
  command.mutable_search_outcome()->set_result(v1::SEARCH_RESULT_ABORTED);
  return command;
}

TEST(Outcome, ReturnsNothingAfterAStopButMayAbort) {
  W world = W::Ready();
  const std::string search = world.Searched(world.Active());
  world.Do(world.Stop());
  for (const int candidates : {0, 1}) {
    EXPECT_TRUE(RefusedBy("outcome.not-stopped", "PURPOSE_STOPPED", world,
                          world.Outcome(search, candidates)));
  }
  EXPECT_TRUE(Allowed(world, Aborted(world, search)));
}

TEST(Outcome, ReturnsNothingAfterTheCaseEndedButMayAbort) {
  W world = W::Ready();
  const std::string id = world.Active();
  const std::string search = world.Searched(id);
  world.Do(world.CloseCase(id));
  EXPECT_TRUE(RefusedBy("outcome.in-case", "CASE_NOT_ACTIVE", world, world.Outcome(search)));
  EXPECT_TRUE(Allowed(world, Aborted(world, search)));
}

TEST(Outcome, ReturnsNoMoreCandidatesThanTheCap) {
  W world = W::Ready();
  const std::string search = world.Searched(world.Active());
  EXPECT_TRUE(Allowed(world, world.Outcome(search, 2)));
  EXPECT_TRUE(RefusedBy("outcome.within-cap", "OVER_BROAD", world, world.Outcome(search, 3)));
}

TEST(Outcome, ReturnsCandidatesOfAMatchOnly) {
  W world = W::Ready();
  const std::string search = world.Searched(world.Active());
  for (const auto result :
       {v1::SEARCH_RESULT_ABORTED, v1::SEARCH_RESULT_OVER_BROAD, v1::SEARCH_RESULT_NO_MATCH}) {
    auto command = world.Outcome(search, 1);
    command.mutable_search_outcome()->set_result(result);
    EXPECT_TRUE(RefusedBy("outcome.within-cap", "OVER_BROAD", world, command)) << result;
  }
}

TEST(Outcome, OfAVerificationHasNoCandidates) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  auto verify = world.Verify(subject);
  world.Do(verify);
  auto match = world.Outcome(verify.verify().new_search_id(), 0);
  match.mutable_search_outcome()->set_result(v1::SEARCH_RESULT_MATCH);
  EXPECT_TRUE(Allowed(world, match));
  EXPECT_TRUE(RefusedBy("outcome.within-cap", "OVER_BROAD", world,
                        world.Outcome(verify.verify().new_search_id(), 1)));
}

TEST(Adjudicate, IsForACandidateOfACaseOfTheAuthority) {
  W world = W::Ready();
  const std::string id = world.Active();
  const std::string candidate = world.FoundOne(id);
  EXPECT_TRUE(Allowed(world, world.Adjudicate(id, candidate)));
  EXPECT_TRUE(RefusedBy("candidate.known", "CANDIDATE_UNKNOWN", world,
                        world.Adjudicate(id, std::string(16, 'x'))));
  EXPECT_TRUE(
      RefusedBy("case.of-authority", "NO_CASE", world, world.Adjudicate(id, candidate, "carl")));
  const std::string other = world.Active();
  EXPECT_TRUE(
      RefusedBy("candidate.known", "CANDIDATE_UNKNOWN", world, world.Adjudicate(other, candidate)));
}

TEST(Adjudicate, NeedsAnActiveCase) {
  W world = W::Ready();
  const std::string id = world.Active();
  const std::string candidate = world.FoundOne(id);
  world.Do(world.CloseCase(id));
  EXPECT_TRUE(
      RefusedBy("case.not-ended", "CASE_NOT_ACTIVE", world, world.Adjudicate(id, candidate)));
}

TEST(Adjudicate, NeedsAVerdictOnACandidateThatIsStillOpen) {
  W world = W::Ready();
  const std::string id = world.Active();
  const std::string candidate = world.FoundOne(id);
  auto command = world.Adjudicate(id, candidate);
  command.mutable_adjudicate()->mutable_adjudication()->clear_verdict();
  EXPECT_TRUE(RefusedBy("candidate.open", "CANDIDATE_DECIDED", world, command));
  command.mutable_adjudicate()->mutable_adjudication()->set_verdict(v1::VERDICT_REJECTED);
  world.Do(command);
  EXPECT_TRUE(RefusedBy("candidate.open", "CANDIDATE_DECIDED", world,
                        world.Adjudicate(id, candidate, "ben")));
}

TEST(Adjudicate, NeedsTwoDifferentOfficersToConfirm) {
  W world = W::Ready();
  const std::string id = world.Active();
  const std::string candidate = world.FoundOne(id);
  const auto state = [&] {
    return world.Get<v1::CandidateRecord>(key::Candidate(id, candidate)).state();
  };
  world.Do(world.Adjudicate(id, candidate, "anna"));
  EXPECT_EQ(state(), v1::CANDIDATE_STATE_OPEN);
  EXPECT_TRUE(RefusedBy("candidate.another-officer", "SAME_OFFICER", world,
                        world.Adjudicate(id, candidate, "anna")));
  world.Do(world.Adjudicate(id, candidate, "ben"));
  EXPECT_EQ(state(), v1::CANDIDATE_STATE_CONFIRMED);
}

TEST(Disclose, IsForACandidateThatTwoOfficersConfirmed) {
  W world = W::Ready();
  const std::string id = world.Active();
  const std::string candidate = world.FoundOne(id);
  EXPECT_TRUE(
      RefusedBy("disclosure.confirmed", "NOT_CONFIRMED", world, world.Disclose(id, candidate)));
  world.Do(world.Adjudicate(id, candidate, "anna"));
  EXPECT_TRUE(
      RefusedBy("disclosure.confirmed", "NOT_CONFIRMED", world, world.Disclose(id, candidate)));
  world.Do(world.Adjudicate(id, candidate, "ben"));
  EXPECT_TRUE(Allowed(world, world.Disclose(id, candidate)));
}

TEST(Disclose, NamesACandidateToOneOfficerOnceAndAgainForTenMinutesWithoutASecondRecord) {
  W world = W::Ready();
  const std::string id = world.Active();
  const std::string candidate = world.Confirmed(id);
  world.Do(world.Disclose(id, candidate));
  v1::Command by_another = world.Disclose(id, candidate);
  by_another.mutable_caller()->set_name("ben");
  by_another.mutable_disclose()->mutable_statement()->set_signed_by(0, "key-ben");
  EXPECT_TRUE(RefusedBy("disclosure.once", "ALREADY_DISCLOSED", world, by_another));
  world.now += 10 * kMinute - 1;
  for (const v1::RecordChange& change : world.Do(world.Disclose(id, candidate)).changes) {
    EXPECT_TRUE(change.has_used_statement()) << change.DebugString();
  }
  world.now += 1;
  EXPECT_TRUE(
      RefusedBy("disclosure.once", "ALREADY_DISCLOSED", world, world.Disclose(id, candidate)));
}

TEST(Disclose, AgainIsDecidedAgain) {
  W world = W::Ready();
  const std::string id = world.Active();
  const std::string candidate = world.Confirmed(id);
  world.Do(world.Disclose(id, candidate));
  v1::Command gone = world.Disclose(id, candidate);
  gone.mutable_disclose()->set_template_live(false);
  EXPECT_TRUE(RefusedBy("disclosure.consent", "CANDIDATE_GONE", world, gone));
  W stopped = world;
  stopped.Do(stopped.Stop());
  EXPECT_TRUE(RefusedBy("purpose.not-stopped", "PURPOSE_STOPPED", stopped,
                        stopped.Disclose(id, candidate)));
  world.Do(world.CloseCase(id));
  EXPECT_TRUE(RefusedBy("case.not-ended", "CASE_NOT_ACTIVE", world, world.Disclose(id, candidate)));
}

TEST(Disclose, IsToTheOfficersOwnAuthority) {
  W world = W::Ready();
  const std::string id = world.Active();
  auto command = world.Disclose(id, world.Confirmed(id));
  for (const std::string& to : {W::AuthorityName(world.coastguard), std::string("police"),
                                std::string(), W::AuthorityName(world.police) + "/"}) {
    command.mutable_disclose()->mutable_request()->set_recipient(to);
    EXPECT_TRUE(RefusedBy("disclosure.recipient", "RECIPIENT_NOT_ALLOWED", world, command)) << to;
  }
}

TEST(Disclose, NeedsAConsentThatStillStands) {
  W world = W::Ready();
  const std::string id = world.Active();
  auto command = world.Disclose(id, world.Confirmed(id));
  command.mutable_disclose()->set_template_live(false);
  EXPECT_TRUE(RefusedBy("disclosure.consent", "CANDIDATE_GONE", world, command));
}

TEST(Disclose, NeedsARunningPurposeAndAnActiveCaseOfTheAuthority) {
  W world = W::Ready();
  const std::string id = world.Active();
  const std::string candidate = world.Confirmed(id);
  EXPECT_TRUE(RefusedBy("candidate.known", "CANDIDATE_UNKNOWN", world,
                        world.Disclose(id, std::string(16, 'x'))));
  EXPECT_TRUE(RefusedBy("case.of-authority", "NO_CASE", world,
                        world.Disclose(std::string(16, 'x'), candidate)));
  W stopped = world;
  stopped.Do(stopped.Stop());
  EXPECT_TRUE(RefusedBy("purpose.not-stopped", "PURPOSE_STOPPED", stopped,
                        stopped.Disclose(id, candidate)));
  world.Do(world.CloseCase(id));
  EXPECT_TRUE(RefusedBy("case.not-ended", "CASE_NOT_ACTIVE", world, world.Disclose(id, candidate)));
}

TEST(Disclose, TellsTheSubjectAtOnceOrAtTheEndOfTheWarrantsDelay) {
  W world = W::Ready();
  const std::string id = world.Active();
  const Time start = world.now;
  const auto notice_at = [&](Time delay_until) {
    W copy = world;
    if (delay_until > 0) {
      ChangeCase(copy, id, [&](auto& c) {
        c.mutable_warrant()->mutable_notice_delay()->mutable_until()->set_seconds(delay_until);
      });
    }
    auto command = copy.Disclose(id, copy.Confirmed(id));
    copy.Do(command);
    return copy.Get<v1::DisclosureRecord>(key::Disclosure(command.disclose().new_disclosure_id()))
        .notice_at();
  };
  EXPECT_EQ(notice_at(0), start);
  EXPECT_EQ(notice_at(start + kDay), start + kDay);
  EXPECT_EQ(notice_at(start - 1), start);
}

}  // namespace
}  // namespace kluis::policy::search_test
