// SPDX-License-Identifier: Apache-2.0
// Grants and what takes them back. Each pair is played: a grant is signed, something of its kind is
// taken back, and the old grant is tried.
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "audit/whole_statement.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"
#include "tests/fakes/measurement_acts.h"
#include "tests/fakes/operator_acts.h"
#include "tests/fakes/policy_expect.h"
#include "tests/fakes/policy_world.h"
#include "tests/fakes/restriction_acts.h"
#include "tests/fakes/rotation_acts.h"

namespace kluis::policy::predecessor_test {
namespace {

using W = PolicyWorld;
using Act = v1::Command;

struct Pair {
  std::string_view story;
  Act::ActCase grant;
  Act::ActCase revocation;
  std::string_view rule;                                    // refuses the old grant
  std::function<std::string(W&)> prepare;                   // an id that the rest needs
  std::function<v1::Command(W&, const std::string&)> sign;  // allowed now
  std::function<void(W&, const std::string&)> revoke;
  // What the vault finds of the old grant when it comes; empty: the same.
  std::function<void(W&, const std::string&, v1::Command&)> found;
  // A grant that is signed after the revocation, which is allowed; empty: there is none any more.
  std::function<v1::Command(W&, const std::string&)> fresh;
};

v1::Command Rejected(W& world, const std::string& case_id, const std::string& candidate) {
  v1::Command command = world.Adjudicate(case_id, candidate, "ben");
  command.mutable_adjudicate()->mutable_adjudication()->set_verdict(v1::VERDICT_REJECTED);
  return command;
}

std::string LastCandidate(const W& world) {
  return world.log.back().command().search_outcome().candidate_ids(0);
}

std::string Enrolled(W& world) { return world.Enrolled(); }
std::string Nothing(W&) { return {}; }
v1::Command AgainFor(W& world, const std::string& subject) { return world.Enroll(subject); }
v1::Command Replace(W& world, const std::string& subject) { return Replacing(world, subject); }
void FinishARotation(W& world) {
  world.Do(RotateTransform(world));
  world.Do(FinishRotation());
}

std::vector<Pair> ConsentPairs() {
  return {
      {"two consents are signed, one enrols, the person withdraws, the other is brought",
       Act::kEnroll, Act::kWithdraw, "consent.follows", Enrolled,
       [](W& world, const std::string&) { return world.Enroll(); },
       [](W& world, const std::string& subject) { world.Do(world.Withdraw(subject)); },
       [](W&, const std::string& subject, v1::Command& old) {
         old.mutable_enroll()->set_known_subject_id(subject);
       },
       AgainFor},
      {"a consent to replace is signed, the person withdraws",
       Act::kEnroll,
       Act::kWithdraw,
       "enrollment.replaces-live",
       Enrolled,
       Replace,
       [](W& world, const std::string& subject) { world.Do(world.Withdraw(subject)); },
       {},
       AgainFor},
      {"withdrawn and enrolled and withdrawn again: a consent after the first time is brought",
       Act::kEnroll,
       Act::kWithdraw,
       "consent.follows",
       [](W& world) {
         const std::string subject = world.Enrolled();
         world.Do(world.Withdraw(subject));
         return subject;
       },
       AgainFor,
       [](W& world, const std::string& subject) {
         world.Do(world.Enroll(subject));
         world.Do(world.Withdraw(subject));
       },
       {},
       AgainFor},
      {"a consent to replace is signed, the template expires",
       Act::kEnroll,
       Act::kExpireTemplate,
       "enrollment.replaces-live",
       Enrolled,
       Replace,
       [](W& world, const std::string& subject) {
         v1::TemplateRecord over = world.TemplateOf(subject);
         over.set_expires_at(world.now);
         v1::RecordChange change;
         *change.mutable_template_() = over;
         world.Put(change);
         world.Do(world.ExpireTemplate(over.id()));
       },
       {},
       AgainFor},
      {"a consent to replace is signed, the template is lost",
       Act::kEnroll,
       Act::kLoseTemplate,
       "enrollment.replaces-live",
       Enrolled,
       Replace,
       [](W& world, const std::string& subject) {
         world.Do(LoseTemplate(world.TemplateOf(subject).id()));
       },
       {},
       AgainFor},
      {"a release is signed, the person withdraws and enrols with another secret", Act::kVerify,
       Act::kWithdraw, "release.opens",
       [](W& world) {
         world.Do(world.RegisterHeldPurpose());
         return world.EnrolledHeld();
       },
       [](W& world, const std::string& subject) { return world.VerifyHeld(subject); },
       [](W& world, const std::string& subject) {
         world.Do(world.Withdraw(subject, W::kHeldPurpose));
         v1::Command same = world.EnrollHeld(subject);
         EXPECT_TRUE(RefusedBy("custody.secret-new", "CUSTODY_SECRET_USED", world, same));
         same.mutable_enroll()->set_custody_sha256(std::string(32, 'n'));
         world.Do(same);
       },
       [](W&, const std::string&, v1::Command& old) {
         old.mutable_verify()->mutable_released()->set_opened(false);
       },
       [](W& world, const std::string& subject) { return world.VerifyHeld(subject); }},
      {"a lift is signed, another one is used, the person restricts again",
       Act::kLiftRestriction,
       Act::kRestrict,
       "restriction.named",
       [](W& world) {
         const std::string subject = world.Enrolled();
         world.Do(Restrict(world, subject));
         return subject;
       },
       [](W& world, const std::string& subject) { return LiftRestriction(world, subject); },
       [](W& world, const std::string& subject) {
         world.Do(LiftRestriction(world, subject));
         world.Do(Restrict(world, subject));
       },
       {},
       [](W& world, const std::string& subject) { return LiftRestriction(world, subject); }},
  };
}

std::vector<Pair> CasePairs() {
  const auto opened = [](W& world) { return world.Opened(); };
  const auto warrant = [](W& world, const std::string& id) { return world.IssueWarrant(id); };
  const auto approval = [](W& world, const std::string& id) { return world.ApproveCase(id); };
  const auto refuse = [](W& world, const std::string& id) { world.Do(world.RefuseWarrant(id)); };
  const auto close = [](W& world, const std::string& id) { world.Do(world.CloseCase(id)); };
  return {
      {"a warrant is signed, the judge refuses",
       Act::kIssueWarrant,
       Act::kRefuseWarrant,
       "case.awaits-warrant",
       opened,
       warrant,
       refuse,
       {},
       {}},
      {"a warrant is signed, the officer closes the case",
       Act::kIssueWarrant,
       Act::kCloseCase,
       "case.awaits-warrant",
       opened,
       warrant,
       close,
       {},
       {}},
      {"an approval is signed, the judge refuses",
       Act::kApproveCase,
       Act::kRefuseWarrant,
       "case.awaits-approval",
       opened,
       approval,
       refuse,
       {},
       {}},
      {"an approval is signed, the officer closes the case",
       Act::kApproveCase,
       Act::kCloseCase,
       "case.awaits-approval",
       opened,
       approval,
       close,
       {},
       {}},
      {"a case is written down, its purpose is stopped",
       Act::kOpenCase,
       Act::kStop,
       "purpose.not-stopped",
       Nothing,
       [](W& world, const std::string&) { return world.OpenCase(); },
       [](W& world, const std::string&) { world.Do(world.Stop()); },
       {},
       {}},
      {"a candidate is confirmed on paper, another officer rejects it",
       Act::kAdjudicate,
       Act::kAdjudicate,
       "candidate.open",
       [](W& world) {
         const std::string id = world.Active();
         world.FoundOne(id);
         return id;
       },
       [](W& world, const std::string& id) {
         return world.Adjudicate(id, LastCandidate(world), "anna");
       },
       [](W& world, const std::string& id) { world.Do(Rejected(world, id, LastCandidate(world))); },
       {},
       {}},
      {"a disclosure is signed, the candidate withdraws",
       Act::kDisclose,
       Act::kWithdraw,
       "disclosure.consent",
       [](W& world) {
         const std::string id = world.Active();
         return id + world.Confirmed(id);
       },
       [](W& world, const std::string& ids) {
         return world.Disclose(ids.substr(0, kIdBytes), ids.substr(kIdBytes));
       },
       [](W& world, const std::string&) { world.Do(world.Withdraw(world.Enrolled())); },
       [](W&, const std::string&, v1::Command& old) {
         old.mutable_disclose()->set_template_live(false);
       },
       {}},
  };
}

std::vector<Pair> GovernancePairs() {
  return {
      {"a lift is signed, a second stop is ordered",
       Act::kLift,
       Act::kStop,
       "stop.named",
       [](W& world) {
         world.Do(world.Stop());
         return std::string();
       },
       [](W& world, const std::string&) { return world.Lift(); },
       [](W& world, const std::string&) { world.Do(world.Stop()); },
       {},
       [](W& world, const std::string&) { return world.Lift(); }},
      {"a lift is signed, another one is used, the purpose is stopped again",
       Act::kLift,
       Act::kStop,
       "stop.named",
       [](W& world) {
         world.Do(world.Stop());
         return std::string();
       },
       [](W& world, const std::string&) { return world.Lift(); },
       [](W& world, const std::string&) {
         world.Do(world.Lift());
         world.Do(world.Stop());
       },
       {},
       [](W& world, const std::string&) { return world.Lift(); }},
      {"a registration is signed, another one of that name is used",
       Act::kRegister,
       Act::kRegister,
       "registration.follows",
       Nothing,
       [](W& world, const std::string&) { return world.Register(v1::ROLE_JUDGE, "kim"); },
       [](W& world, const std::string&) { world.Do(world.Register(v1::ROLE_JUDGE, "kim")); },
       {},
       {}},
      {"a member is prolonged on paper, and ended",
       Act::kSetTerm,
       Act::kSetTerm,
       "term.follows",
       Nothing,
       [](W& world, const std::string&) {
         return world.SetTerm(v1::ROLE_OPERATOR, "otto", world.now + 100 * kDay);
       },
       [](W& world, const std::string&) { world.Do(world.SetTerm(v1::ROLE_OPERATOR, "otto", 0)); },
       {},
       [](W& world, const std::string&) {
         return world.SetTerm(v1::ROLE_OPERATOR, "otto", world.now + 100 * kDay);
       }},
      {"new shares are ordered twice on paper, a supervisor cancels the first",
       Act::kOrderRekey,
       Act::kCancelRekey,
       "rekey.follows",
       Nothing,
       [](W& world, const std::string&) { return OrderRekey(world); },
       [](W& world, const std::string&) {
         world.Do(OrderRekey(world));
         world.Do(CancelRekey(world));
       },
       {},
       [](W& world, const std::string&) { return OrderRekey(world); }},
      {"new shares are ordered twice on paper, the old holders void the first",
       Act::kOrderRekey,
       Act::kVoidRekey,
       "rekey.follows",
       Nothing,
       [](W& world, const std::string&) { return OrderRekey(world); },
       [](W& world, const std::string&) {
         world.Do(OrderRekey(world));
         world.Do(VoidRekey());
       },
       {},
       [](W& world, const std::string&) { return OrderRekey(world); }},
      {"a calibration is signed, a later one is used",
       Act::kCalibrate,
       Act::kCalibrate,
       "calibration.follows",
       Nothing,
       [](W& world, const std::string&) { return Calibrate(world); },
       [](W& world, const std::string&) { Calibrating(world); },
       {},
       [](W& world, const std::string&) { return Calibrate(world); }},
      {"a rotation is signed, another one is carried out",
       Act::kRotateTransform,
       Act::kRotateTransform,
       "rotation.follows",
       Nothing,
       [](W& world, const std::string&) { return RotateTransform(world); },
       [](W& world, const std::string&) { FinishARotation(world); },
       {},
       [](W& world, const std::string&) { return RotateTransform(world); }},
      {"an evaluation is signed, its purpose is stopped",
       Act::kEvaluate,
       Act::kStop,
       "purpose.not-stopped",
       [](W& world) {
         world.Do(RegisterEvaluationPurpose(world));
         return std::string();
       },
       [](W& world, const std::string&) { return Evaluate(world); },
       [](W& world, const std::string&) { world.Do(world.Stop(kEvaluationPurpose)); },
       {},
       {}},
  };
}

std::vector<Pair> Pairs() {
  std::vector<Pair> all = ConsentPairs();
  for (const auto& more : {CasePairs(), GovernancePairs()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

// Neither grants what could be taken back nor takes something back, and why.
const std::map<Act::ActCase, std::string_view> kNeither = {
    {Act::kFound, "the first act; nothing takes it back"},
    {Act::kAccredit, "makes a new authority each time; ends by its date"},
    {Act::kRegisterPurpose, "once for an id, whatever came later (purpose.new)"},
    {Act::kInspect, "shows once what was there"},
    {Act::kRecover, "orders the recovery that is under way, once"},
    {Act::kAccess, "shows once what is there then"},
    {Act::kReadCase, "shows what is there then"},
    {Act::kIdentify, "stands on the case, not on a statement of its own"},
    {Act::kSearchOutcome, "of the vault itself, of an intent"},
    {Act::kCalibrationOutcome, "of the vault itself, of an intent"},
    {Act::kEvaluationOutcome, "of the vault itself, of an intent"},
    {Act::kEndCase, "of the vault itself; a case that ended stays ended"},
    {Act::kForgetSubject, "of the vault itself; later than any consent can be used"},
    {Act::kForgetAuthorityYear, "of the vault itself, of what is over"},
    {Act::kEraseDone, "of the vault itself, of what is erased"},
    {Act::kStartService, "says that the vault starts"},
    {Act::kCloseCheckpoint, "closes a checkpoint"},
    {Act::kSealService, "of one call, without a statement"},
    {Act::kBeginRekey, "says that new shares are made"},
    {Act::kRekey, "stands on old shares or on an order"},
    {Act::kBackUp, "says that a backup was made"},
    {Act::kRenewTemplate, "of the vault itself, of an order"},
    {Act::kFinishRotation, "of the vault itself, of an order"},
    {Act::kReject, "did nothing"},
    {Act::kConfirmClock, "says what time it is, of one head of the log"},
    {Act::kSetClockBack, "says what time it is, of one head of the log"},
    {Act::kWitnessClock, "of the vault itself, of its witnesses"},
    {Act::kApproveSweep, "lets the sweep go on that waits"},
    {Act::kAdmit, "says that somebody was not let in"},
    {Act::kCountLimited, "says how much was not decided"},
};

TEST(OldGrant, IsRefusedAfterARevocationOfTheSameThing) {
  for (const Pair& pair : Pairs()) {
    SCOPED_TRACE(pair.story);
    W world = W::Ready();
    const std::string id = pair.prepare(world);
    v1::Command old = pair.sign(world, id);
    ASSERT_EQ(old.act_case(), pair.grant);
    ASSERT_TRUE(Allowed(world, old));
    pair.revoke(world, id);
    if (pair.found) pair.found(world, id, old);
    const Ruling ruling = world.Decided(old);
    EXPECT_FALSE(ruling.decision.allowed());
    EXPECT_EQ(ruling.decision.rule(), pair.rule);
    if (pair.fresh) {
      EXPECT_TRUE(Allowed(world, pair.fresh(world, id)));
    }
  }
}

TEST(OldGrant, IsTriedForEveryActThereIs) {
  std::set<Act::ActCase> seen;
  for (const Pair& pair : Pairs()) {
    seen.insert(pair.grant);
    seen.insert(pair.revocation);
  }
  for (const auto& [act, why] : kNeither) EXPECT_TRUE(seen.insert(act).second) << why;
  const auto* acts = v1::Command::descriptor()->FindOneofByName("act");
  for (int i = 0; i < acts->field_count(); ++i) {
    const auto act = static_cast<Act::ActCase>(acts->field(i)->number());
    EXPECT_TRUE(seen.contains(act)) << acts->field(i)->name() << " has no row";
  }
}

TEST(WarrantAndApproval, MayCrossEachOtherInEitherOrder) {
  for (const bool warrant_first : {true, false}) {
    W world = W::Ready();
    const std::string id = world.Opened();
    const v1::Command warrant = world.IssueWarrant(id);
    const v1::Command approval = world.ApproveCase(id);
    world.Do(warrant_first ? warrant : approval);
    world.Do(warrant_first ? approval : warrant);
    EXPECT_EQ(world.Case(id).state(), v1::CASE_STATE_ACTIVE);
  }
}

TEST(WarrantAndApproval, AreNotVoidBecauseAStopCameAndWasLifted) {
  W world = W::Ready();
  const std::string id = world.Opened();
  const v1::Command warrant = world.IssueWarrant(id);
  const v1::Command approval = world.ApproveCase(id);
  world.Do(world.Stop());
  world.Do(world.Lift());
  EXPECT_TRUE(Allowed(world, warrant));
  EXPECT_TRUE(Allowed(world, approval));
}

TEST(Warrant, OfAnotherOpeningOrAfterAWarrantThatIsNotThereIsRefused) {
  W world = W::Ready();
  const std::string id = world.Opened();
  const std::string other = world.Opened();
  v1::Command command = world.IssueWarrant(id);
  command.mutable_issue_warrant()->mutable_warrant()->set_opening(
      world.NameOf(world.Case(other).opening_digest()));
  EXPECT_TRUE(RefusedBy("warrant.follows", "PREDECESSOR_DIFFERS", world, command));
  command = world.IssueWarrant(id);
  command.mutable_issue_warrant()->mutable_warrant()->set_follows(std::string(64, 'a'));
  EXPECT_TRUE(RefusedBy("warrant.follows", "PREDECESSOR_DIFFERS", world, command));
}

TEST(Approval, OfAnotherOpeningOrOfAnotherWarrantThanTheCasesIsRefused) {
  W world = W::Ready();
  const std::string id = world.Opened();
  const std::string other = world.Opened();
  v1::Command command = world.ApproveCase(id);
  v1::CaseApproval& approval = *command.mutable_approve_case()->mutable_approval();
  approval.set_opening(world.NameOf(world.Case(other).opening_digest()));
  EXPECT_TRUE(RefusedBy("approval.follows", "PREDECESSOR_DIFFERS", world, command));
  approval.set_opening(world.NameOf(world.Case(id).opening_digest()));
  approval.set_warrant(std::string(64, 'a'));
  EXPECT_TRUE(RefusedBy("approval.follows", "PREDECESSOR_DIFFERS", world, command));
  approval.set_warrant("none");
  EXPECT_TRUE(RefusedBy("approval.follows", "PREDECESSOR_DIFFERS", world, command));
  world.Do(world.IssueWarrant(id));
  approval.set_warrant(world.NameOf(world.Case(id).warrant_digest()));
  EXPECT_TRUE(Allowed(world, command));
}

TEST(Consent, ThatNamesNoPredecessorOrTwoIsRefused) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  v1::Command command = Replacing(world, subject);
  command.mutable_enroll()->set_follows_none(true);
  EXPECT_TRUE(RefusedBy("consent.follows", "PREDECESSOR_DIFFERS", world, command));
  command = world.Enroll();
  command.mutable_enroll()->clear_follows_none();
  EXPECT_TRUE(RefusedBy("consent.follows", "PREDECESSOR_DIFFERS", world, command));
  world.Do(world.Withdraw(subject));
  command = world.Enroll(subject);
  command.mutable_enroll()->clear_follows();
  EXPECT_TRUE(RefusedBy("consent.follows", "PREDECESSOR_DIFFERS", world, command));
}

// A phone whose clock is a day behind bars nobody: what is named decides, not which date is later.
TEST(Consent, AfterAWithdrawalCountsWhateverTheDateOfThePhone) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  world.now += 50 * kMinute;
  world.Do(world.Withdraw(subject));
  v1::Command command = world.Enroll(subject);
  command.mutable_enroll()->mutable_consent_statement()->set_issued_at(world.now - 55 * kMinute);
  EXPECT_TRUE(Allowed(world, command));
}

// Of what the pairs above try by its rule alone.
TEST(Order, ThatNamesAnotherPredecessorIsRefusedAndSaysWhy) {
  W world = W::Ready();
  world.Do(world.Stop());
  v1::Command command = world.Lift();
  for (const std::string& other : {std::string(64, 'a'), std::string("none"), std::string()}) {
    command.mutable_lift()->mutable_order()->set_stop(other);
    EXPECT_TRUE(RefusedBy("stop.named", "PREDECESSOR_DIFFERS", world, command));
  }
  for (const std::string& other : {std::string(64, 'a'), std::string("None"), std::string()}) {
    command = world.Register(v1::ROLE_JUDGE, "kim");
    command.mutable_register_()->mutable_registration()->set_follows(other);
    EXPECT_TRUE(RefusedBy("registration.follows", "PREDECESSOR_DIFFERS", world, command));
    command = Calibrate(world);
    command.mutable_calibrate()->mutable_order()->set_follows(other);
    EXPECT_TRUE(RefusedBy("calibration.follows", "PREDECESSOR_DIFFERS", world, command));
    command = OrderRekey(world);
    command.mutable_order_rekey()->mutable_order()->set_follows(other);
    EXPECT_TRUE(RefusedBy("rekey.follows", "PREDECESSOR_DIFFERS", world, command));
    command = RotateTransform(world);
    command.mutable_rotate_transform()->mutable_order()->set_follows(other);
    EXPECT_TRUE(RefusedBy("rotation.follows", "PREDECESSOR_DIFFERS", world, command));
  }
}

TEST(Closing, ForgetsOnlyStatementsThatTheVaultTookAndThatAreOver) {
  W world = W::Ready();
  const v1::Command stop = world.Stop();
  world.Do(stop);
  const Time end = world.now + W::kStatementAge;
  const std::string used = key::UsedStatement(end, stop.stop().statement().digest());
  v1::Command command = world.CloseCheckpoint();
  command.mutable_close_checkpoint()->add_over_statements(used.substr(1));
  world.now = end;
  EXPECT_TRUE(RefusedBy("upkeep.statements-over", "NOT_DUE", world, command));
  world.now = end + kMinute;
  EXPECT_TRUE(Allowed(world, command));
  v1::Command wrong = command;
  wrong.mutable_close_checkpoint()->add_over_statements(used.substr(1));  // twice
  EXPECT_TRUE(RefusedBy("upkeep.statements-over", "NOT_DUE", world, wrong));
  wrong.mutable_close_checkpoint()->set_over_statements(1, std::string(20, '\0'));  // not there
  EXPECT_TRUE(RefusedBy("upkeep.statements-over", "NOT_DUE", world, wrong));
  wrong.mutable_close_checkpoint()->set_over_statements(1, used.substr(1, 4));
  EXPECT_TRUE(RefusedBy("upkeep.statements-over", "NOT_DUE", world, wrong));
  world.Do(command);
  EXPECT_FALSE(world.Look<v1::UsedStatement>(used).has_value());
  EXPECT_TRUE(RefusedBy("statement.fresh", "STATEMENT_STALE", world, stop));
}

TEST(StatementOfSeveralSigners, StatesItsOwnEndWithinTheProfilesDays) {
  W world = W::Ready();
  world.Do(world.Stop());
  for (const v1::Command& honest :
       {world.Lift(), world.Inspect(), Calibrate(world), Recover(world)}) {
    EXPECT_TRUE(Allowed(world, honest));
    const auto with_end = [&](Time end) {
      v1::Command command = honest;
      audit::MutableWholeStatement(command)->set_usable_until(end);
      return command;
    };
    EXPECT_TRUE(RefusedBy("statement.own-end", "ORDER_END_INVALID", world, with_end(0)));
    EXPECT_TRUE(RefusedBy("statement.own-end", "ORDER_END_INVALID", world, with_end(world.now)));
    EXPECT_TRUE(Allowed(world, with_end(world.now + W::kOrderMax)));
    EXPECT_TRUE(RefusedBy("statement.own-end", "ORDER_END_INVALID", world,
                          with_end(world.now + W::kOrderMax + 1)));
    W later = world;
    later.now += 2 * W::kStatementAge;  // older than other statements may be
    EXPECT_TRUE(Allowed(later, honest));
    later.now = world.now + kDay;
    EXPECT_TRUE(RefusedBy("statement.fresh", "STATEMENT_STALE", later, honest));
  }
}

TEST(NewId, IsOf16BytesAndUnused) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  const std::string live = world.TemplateOf(subject).id();
  const std::string id = world.Active();
  const std::string search = world.Searched(id);
  const std::string candidate = world.Confirmed(id);
  world.Do(RegisterEvaluationPurpose(world));
  struct Case {
    v1::Command command;
    std::string* (*field)(v1::Command&);
    std::string taken;
  };
  for (Case& item : std::vector<Case>{
           {world.Accredit(),
            [](v1::Command& c) { return c.mutable_accredit()->mutable_new_authority_id(); },
            world.police},
           {world.Enroll(),
            [](v1::Command& c) { return c.mutable_enroll()->mutable_new_subject_id(); }, subject},
           {world.Enroll(),
            [](v1::Command& c) { return c.mutable_enroll()->mutable_new_template_id(); }, live},
           {world.OpenCase(),
            [](v1::Command& c) { return c.mutable_open_case()->mutable_new_case_id(); }, id},
           {world.Identify(id),
            [](v1::Command& c) { return c.mutable_identify()->mutable_new_search_id(); }, search},
           {world.Verify(subject),
            [](v1::Command& c) { return c.mutable_verify()->mutable_new_search_id(); }, search},
           {Calibrate(world),
            [](v1::Command& c) { return c.mutable_calibrate()->mutable_new_search_id(); }, search},
           {Evaluate(world),
            [](v1::Command& c) { return c.mutable_evaluate()->mutable_new_search_id(); }, search},
           {world.Outcome(search),
            [](v1::Command& c) { return c.mutable_search_outcome()->mutable_candidate_ids(0); },
            candidate}}) {
    EXPECT_TRUE(Allowed(world, item.command));
    for (const std::string& bad : {item.taken, std::string("short")}) {
      *item.field(item.command) = bad;
      EXPECT_TRUE(RefusedBy("id.unused", "ID_IN_USE", world, item.command))
          << item.command.act_case();
    }
  }
  v1::Command twice = world.Outcome(search, 2);
  twice.mutable_search_outcome()->set_candidate_ids(1, twice.search_outcome().candidate_ids(0));
  EXPECT_TRUE(RefusedBy("id.unused", "ID_IN_USE", world, twice));
  const v1::Command first = world.Disclose(id, candidate);
  world.Do(first);
  v1::Command second = world.Disclose(id, world.Confirmed(id));
  second.mutable_disclose()->set_new_disclosure_id(first.disclose().new_disclosure_id());
  EXPECT_TRUE(RefusedBy("id.unused", "ID_IN_USE", world, second));
}

}  // namespace
}  // namespace kluis::policy::predecessor_test
