// SPDX-License-Identifier: Apache-2.0
// Cases, warrants and approvals.
#include <gtest/gtest.h>

#include <limits>

#include "tests/fakes/policy_expect.h"

namespace kluis::policy::case_test {
namespace {

using W = PolicyWorld;

template <class Change>
v1::Command OpenWith(W& world, Change change) {
  v1::Command command = world.OpenCase();
  change(*command.mutable_open_case()->mutable_opening());
  return command;
}

// With something else found of the details.
template <class Change>
v1::Command FoundWith(W& world, Change change) {
  v1::Command command = world.OpenCase();
  change(*command.mutable_open_case());
  return command;
}

template <class Change>
v1::Command IssueWith(W& world, const std::string& id, Change change) {
  v1::Command command = world.IssueWarrant(id);
  change(*command.mutable_issue_warrant()->mutable_warrant());
  return command;
}

TEST(OpenCase, NamesReferenceBasisAndMatter) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, world.OpenCase()));
  for (const auto& command : {FoundWith(world, [](auto& o) { o.clear_reference_given(); }),
                              OpenWith(world, [](auto& o) { o.clear_legal_basis(); }),
                              OpenWith(world, [](auto& o) { o.clear_matter(); }),
                              FoundWith(world, [](auto& o) { o.clear_description_given(); })}) {
    EXPECT_TRUE(RefusedBy("case.complete", "CASE_INCOMPLETE", world, command));
  }
}

TEST(OpenCase, IsForAPurposeThatIsRegisteredInForceAndRunning) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("purpose.registered", "PURPOSE_UNKNOWN", world,
                        OpenWith(world, [](auto& o) { o.set_purpose("unknown"); })));
  const Time end = world.Get<v1::PurposeRecord>(key::Purpose(W::kPurpose))
                       .registration()
                       .legal_basis()
                       .valid_until()
                       .seconds();
  world.now = end - 1;
  EXPECT_TRUE(Allowed(world, world.OpenCase()));
  world.now = end;
  EXPECT_TRUE(RefusedBy("purpose.lawful", "LEGAL_BASIS_LAPSED", world, world.OpenCase()));
}

TEST(OpenCase, IsForAPurposeThatAllowsIdentification) {
  W world = W::Ready();
  auto purpose = world.RegisterPurpose("verify-only");
  purpose.mutable_register_purpose()->mutable_registration()->mutable_operations()->RemoveLast();
  world.Do(purpose);
  EXPECT_TRUE(RefusedBy("case.purpose-identifies", "OPERATION_NOT_ALLOWED", world,
                        OpenWith(world, [](auto& o) { o.set_purpose("verify-only"); })));
}

TEST(OpenCase, StatesItsNecessityAtTheProfilesLength) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, FoundWith(world, [](auto& o) { o.set_necessity_characters(40); })));
  for (const uint32_t characters : {39, 0}) {
    EXPECT_TRUE(
        RefusedBy("case.necessity", "NECESSITY_MISSING", world,
                  FoundWith(world, [&](auto& o) { o.set_necessity_characters(characters); })));
  }
}

TEST(OpenCase, RefusesANecessityCopiedFromAnotherCase) {
  W world = W::Ready();
  auto first = world.OpenCase();
  auto second = world.OpenCase();
  second.mutable_open_case()->set_necessity_digest(first.open_case().necessity_digest());
  EXPECT_TRUE(Allowed(world, second));
  world.Do(first);
  EXPECT_TRUE(RefusedBy("case.necessity-own", "NECESSITY_COPIED", world, second));
}

TEST(OpenCase, NamesCategoriesThatThePurposeAdmits) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("case.scope", "CATEGORY_OUT_OF_SCOPE", world,
                        OpenWith(world, [](auto& o) { o.clear_subject_categories(); })));
  EXPECT_TRUE(RefusedBy("case.scope", "CATEGORY_OUT_OF_SCOPE", world, OpenWith(world, [](auto& o) {
                          o.add_subject_categories(v1::SUBJECT_CATEGORY_SUSPECT);
                        })));
}

TEST(IssueWarrant, IsAllowedForACaseThatWaits) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, world.IssueWarrant(world.Opened())));
}

TEST(IssueWarrant, IsForACaseThatExists) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("case.known", "NO_CASE", world, world.IssueWarrant(std::string(16, 'x'))));
  EXPECT_TRUE(RefusedBy("case.known", "NO_CASE", world, world.RefuseWarrant("")));
}

TEST(IssueWarrant, IsGivenOnce) {
  W world = W::Ready();
  const std::string id = world.Opened();
  world.Do(world.IssueWarrant(id));
  EXPECT_TRUE(
      RefusedBy("case.awaits-warrant", "CASE_NOT_AWAITING_WARRANT", world, world.IssueWarrant(id)));
  EXPECT_TRUE(RefusedBy("case.awaits-warrant", "CASE_NOT_AWAITING_WARRANT", world,
                        world.RefuseWarrant(id)));
  const std::string closed = world.Opened();
  world.Do(world.CloseCase(closed));
  EXPECT_TRUE(RefusedBy("case.awaits-warrant", "CASE_NOT_AWAITING_WARRANT", world,
                        world.IssueWarrant(closed)));
}

TEST(IssueWarrant, SetsABudgetAndACapWithinThePurposes) {
  W world = W::Ready();
  const std::string id = world.Opened();
  for (const auto& command : {IssueWith(world, id, [](auto& w) { w.set_budget(0); }),
                              IssueWith(world, id, [](auto& w) { w.set_budget(10'001); }),
                              IssueWith(world, id, [](auto& w) { w.set_candidate_cap(0); }),
                              IssueWith(world, id, [](auto& w) { w.set_candidate_cap(6); })}) {
    EXPECT_TRUE(RefusedBy("warrant.limits", "WARRANT_LIMITS_INVALID", world, command));
  }
  EXPECT_TRUE(Allowed(world, IssueWith(world, id, [](auto& w) {
                        w.set_budget(10'000);
                        w.set_candidate_cap(5);
                      })));
}

TEST(IssueWarrant, StaysWithinTheCategoriesOfTheCase) {
  W world = W::Ready();
  auto narrow = OpenWith(world, [](auto& o) { o.mutable_subject_categories()->RemoveLast(); });
  world.Do(narrow);
  const std::string id = narrow.open_case().new_case_id();
  EXPECT_TRUE(
      RefusedBy("warrant.scope", "CATEGORY_OUT_OF_SCOPE", world, IssueWith(world, id, [](auto& w) {
                  w.add_subject_categories(v1::SUBJECT_CATEGORY_WITNESS);
                })));
  EXPECT_TRUE(RefusedBy("warrant.scope", "CATEGORY_OUT_OF_SCOPE", world,
                        IssueWith(world, id, [](auto& w) { w.clear_subject_categories(); })));
}

TEST(IssueWarrant, HasAWindowThatIsNotOverAndNotTooLong) {
  W world = W::Ready();
  const std::string id = world.Opened();
  const Time now = world.now;
  const auto window = [&](Time from, Time until) {
    return IssueWith(world, id, [&](auto& w) {
      w.mutable_not_before()->set_seconds(from);
      w.mutable_not_after()->set_seconds(until);
    });
  };
  EXPECT_TRUE(Allowed(world, window(now - kDay, now + 1)));
  EXPECT_TRUE(Allowed(world, window(now, now + W::kWarrantMax)));
  for (const auto& command :
       {window(now - kDay, now), window(now + 1, now + 1), window(now + 2, now + 1),
        window(now, now + W::kWarrantMax + 1), window(0, now + 1),
        window(std::numeric_limits<Time>::min(), std::numeric_limits<Time>::max())}) {
    EXPECT_TRUE(RefusedBy("warrant.window-set", "WARRANT_WINDOW_INVALID", world, command));
  }
}

TEST(IssueWarrant, DelaysTheNoticeWithAGroundAndAnEndOnly) {
  W world = W::Ready();
  const std::string id = world.Opened();
  const auto delay = [&](const char* ground, Time until) {
    return IssueWith(world, id, [&](auto& w) {
      w.mutable_notice_delay()->set_ground(ground);
      w.mutable_notice_delay()->mutable_until()->set_seconds(until);
    });
  };
  const Time now = world.now;
  EXPECT_TRUE(Allowed(world, delay("The suspect would flee.", now + 1)));
  EXPECT_TRUE(Allowed(world, delay("The suspect would flee.", now + W::kDelayMax)));
  for (const auto& command : {delay("", now + 1), delay("The suspect would flee.", now),
                              delay("The suspect would flee.", now + W::kDelayMax + 1)}) {
    EXPECT_TRUE(RefusedBy("warrant.notice-delay", "NOTICE_DELAY_INVALID", world, command));
  }
}

TEST(RefuseWarrant, GivesReasons) {
  W world = W::Ready();
  auto command = world.RefuseWarrant(world.Opened());
  EXPECT_TRUE(Allowed(world, command));
  command.mutable_refuse_warrant()->clear_reasons_given();
  EXPECT_TRUE(RefusedBy("warrant.refusal-reasoned", "REASONS_MISSING", world, command));
}

TEST(RefuseWarrant, EndsTheCaseAndStartsTheErasureOfItsSlot) {
  W world = W::Ready();
  const std::string id = world.Opened();
  world.Do(world.RefuseWarrant(id));
  EXPECT_EQ(world.Case(id).state(), v1::CASE_STATE_REFUSED);
  EXPECT_EQ(world.Case(id).ended_at(), world.now);
  EXPECT_EQ(world.Get<v1::PendingErasure>(key::PendingErasure(v1::ERASURE_TARGET_CASE, id)).slot(),
            world.Case(id).slot());
}

TEST(ApproveCase, IsForACaseOfTheOfficersAuthority) {
  W world = W::Ready();
  const std::string id = world.Opened();
  EXPECT_TRUE(Allowed(world, world.ApproveCase(id)));
  EXPECT_TRUE(RefusedBy("case.of-authority", "NO_CASE", world, world.ApproveCase(id, "carl")));
  EXPECT_TRUE(
      RefusedBy("case.of-authority", "NO_CASE", world, world.ApproveCase(std::string(16, 'x'))));
}

TEST(ApproveCase, IsNotForTheOfficerWhoOpenedIt) {
  W world = W::Ready();
  EXPECT_TRUE(RefusedBy("case.second-officer", "SAME_OFFICER", world,
                        world.ApproveCase(world.Opened(), "anna")));
}

TEST(ApproveCase, IsGivenOnce) {
  W world = W::Ready();
  const std::string id = world.Opened();
  world.Do(world.ApproveCase(id));
  EXPECT_TRUE(RefusedBy("case.awaits-approval", "CASE_NOT_AWAITING_APPROVAL", world,
                        world.ApproveCase(id, "zoe")));
  const std::string closed = world.Opened();
  world.Do(world.CloseCase(closed));
  EXPECT_TRUE(RefusedBy("case.awaits-approval", "CASE_NOT_AWAITING_APPROVAL", world,
                        world.ApproveCase(closed)));
}

// Before the sweep comes by, and after it.
TEST(Case, ThatLapsedTakesNoWarrantAndNoApproval) {
  W world = W::Ready();
  const std::string bare = world.Opened();
  const std::string warranted = world.Opened();
  world.now += W::kCaseRetention - 1;
  world.Do(world.IssueWarrant(warranted));
  EXPECT_TRUE(Allowed(world, world.IssueWarrant(bare)));
  EXPECT_TRUE(Allowed(world, world.RefuseWarrant(bare)));
  EXPECT_TRUE(Allowed(world, world.ApproveCase(bare)));
  EXPECT_TRUE(Allowed(world, world.ApproveCase(warranted)));
  world.now += 1;
  for (const bool swept : {false, true}) {
    if (swept) {
      world.Do(world.EndCase(bare));
      world.Do(world.EndCase(warranted));
    }
    EXPECT_TRUE(RefusedBy("case.awaits-warrant", "CASE_NOT_AWAITING_WARRANT", world,
                          world.IssueWarrant(bare)));
    EXPECT_TRUE(RefusedBy("case.awaits-warrant", "CASE_NOT_AWAITING_WARRANT", world,
                          world.RefuseWarrant(bare)));
    EXPECT_TRUE(RefusedBy("case.awaits-approval", "CASE_NOT_AWAITING_APPROVAL", world,
                          world.ApproveCase(bare)));
    EXPECT_TRUE(RefusedBy("case.awaits-approval", "CASE_NOT_AWAITING_APPROVAL", world,
                          world.ApproveCase(warranted)));
  }
  EXPECT_TRUE(RefusedBy("case.open", "CASE_ENDED", world, world.CloseCase(bare)));
}

TEST(ApproveCase, ComesTooLateAtTheEndOfTheWarrant) {
  W world = W::Ready();
  const std::string id = world.Opened();
  world.Do(world.IssueWarrant(id));
  world.now = world.Case(id).warrant().not_after().seconds() - 1;
  EXPECT_TRUE(Allowed(world, world.ApproveCase(id)));
  world.now += 1;
  EXPECT_TRUE(RefusedBy("case.awaits-approval", "CASE_NOT_AWAITING_APPROVAL", world,
                        world.ApproveCase(id)));
}

TEST(Case, IsActiveOnceItHasWarrantAndApprovalInEitherOrder) {
  W world = W::Ready();
  const std::string first = world.Opened();
  world.Do(world.IssueWarrant(first));
  EXPECT_EQ(world.Case(first).state(), v1::CASE_STATE_AWAITING_WARRANT);
  world.Do(world.ApproveCase(first));
  EXPECT_EQ(world.Case(first).state(), v1::CASE_STATE_ACTIVE);
  const std::string second = world.Opened();
  world.Do(world.ApproveCase(second));
  EXPECT_EQ(world.Case(second).state(), v1::CASE_STATE_AWAITING_WARRANT);
  world.Do(world.IssueWarrant(second));
  EXPECT_EQ(world.Case(second).state(), v1::CASE_STATE_ACTIVE);
}

TEST(CloseCase, EndsACaseOnce) {
  W world = W::Ready();
  const std::string id = world.Active();
  EXPECT_TRUE(Allowed(world, world.CloseCase(id)));
  world.Do(world.CloseCase(id));
  EXPECT_EQ(world.Case(id).state(), v1::CASE_STATE_CLOSED);
  EXPECT_TRUE(RefusedBy("case.open", "CASE_ENDED", world, world.CloseCase(id)));
  const std::string refused = world.Opened();
  world.Do(world.RefuseWarrant(refused));
  EXPECT_TRUE(RefusedBy("case.open", "CASE_ENDED", world, world.CloseCase(refused)));
}

TEST(CloseCase, IsForTheCasesOwnAuthority) {
  W world = W::Ready();
  EXPECT_TRUE(
      RefusedBy("case.of-authority", "NO_CASE", world, world.CloseCase(std::string(16, 'x'))));
}

TEST(ReadCase, IsForOfficersOfItsAuthorityAndForJudges) {
  W world = W::Ready();
  const std::string id = world.Opened();
  EXPECT_TRUE(Allowed(world, world.ReadCase(id)));
  EXPECT_TRUE(Allowed(world, world.ReadCase("")));
  EXPECT_TRUE(Allowed(world, world.ReadCase(id, v1::ROLE_JUDGE, "jo")));
  EXPECT_TRUE(Allowed(world, world.ReadCase("", v1::ROLE_JUDGE, "jo")));
  EXPECT_TRUE(Allowed(world, world.ReadCase("", v1::ROLE_OFFICER, "carl")));
  const std::string unknown(16, 'x');
  for (const auto& command : {world.ReadCase(id, v1::ROLE_OFFICER, "carl"), world.ReadCase(unknown),
                              world.ReadCase(unknown, v1::ROLE_JUDGE, "jo")}) {
    EXPECT_TRUE(RefusedBy("case.readable", "NO_CASE", world, command));
  }
  EXPECT_TRUE(RefusedBy("member.registered", "MEMBER_NOT_REGISTERED", world,
                        world.ReadCase(id, v1::ROLE_OFFICER, "nobody")));
}

TEST(ReadCase, EndsWithTheAccreditation) {
  W world = W::Ready();
  const std::string id = world.Opened();
  v1::RecordChange change;
  *change.mutable_authority() = world.Get<v1::AuthorityRecord>(key::Authority(world.police));
  change.mutable_authority()->set_valid_until(world.now + 1);
  world.Put(change);
  EXPECT_TRUE(Allowed(world, world.ReadCase(id)));
  change.mutable_authority()->set_valid_until(world.now);
  world.Put(change);
  EXPECT_TRUE(RefusedBy("case.readable", "NO_CASE", world, world.ReadCase(id)));
}

}  // namespace
}  // namespace kluis::policy::case_test
