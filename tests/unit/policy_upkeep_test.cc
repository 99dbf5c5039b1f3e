// SPDX-License-Identifier: Apache-2.0
// What the vault ends by itself; what it does with requests that have no rules; a store that fails.
#include <gtest/gtest.h>

#include "tests/fakes/policy_expect.h"

namespace kluis::policy::upkeep_test {
namespace {

using W = PolicyWorld;

TEST(ExpireTemplate, IsDueFromTheEndOfConsentOn) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  const v1::TemplateRecord record = world.TemplateOf(subject);
  world.now = record.expires_at() - 1;
  EXPECT_TRUE(
      RefusedBy("upkeep.template-over", "NOT_DUE", world, world.ExpireTemplate(record.id())));
  world.now += 1;
  EXPECT_TRUE(Allowed(world, world.ExpireTemplate(record.id())));
  world.Do(world.ExpireTemplate(record.id()));
  EXPECT_EQ(world.TemplateOf(subject).state(), v1::TEMPLATE_STATE_ERASING);
  EXPECT_EQ(world.TemplateOf(subject).end_reason(), v1::END_REASON_EXPIRED);
  EXPECT_EQ(world.Subject(subject).live_templates(), 0u);
  EXPECT_TRUE(
      RefusedBy("upkeep.template-over", "NOT_DUE", world, world.ExpireTemplate(record.id())));
  EXPECT_TRUE(RefusedBy("upkeep.template-over", "NOT_DUE", world,
                        world.ExpireTemplate(std::string(16, 'x'))));
}

TEST(EndCase, IsDueFromTheEndOfTheWarrantOn) {
  W world = W::Ready();
  const std::string id = world.Active();
  world.now = world.Case(id).warrant().not_after().seconds() - 1;
  EXPECT_TRUE(RefusedBy("upkeep.case-over", "NOT_DUE", world, world.EndCase(id)));
  world.now += 1;
  EXPECT_TRUE(Allowed(world, world.EndCase(id)));
  world.Do(world.EndCase(id));
  EXPECT_EQ(world.Case(id).state(), v1::CASE_STATE_EXPIRED);
  EXPECT_EQ(world.Case(id).ended_at(), world.now);
  EXPECT_TRUE(RefusedBy("upkeep.case-over", "NOT_DUE", world, world.EndCase(id)));
  EXPECT_TRUE(RefusedBy("upkeep.case-over", "NOT_DUE", world, world.EndCase(std::string(16, 'x'))));
}

// Of a case that nobody may search any more, nothing is kept.
void ExpectLapses(W& world, const std::string& id, Time at) {
  world.now = at - 1;
  EXPECT_TRUE(RefusedBy("upkeep.case-over", "NOT_DUE", world, world.EndCase(id)));
  world.now = at;
  EXPECT_TRUE(Allowed(world, world.EndCase(id)));
  world.Do(world.EndCase(id));
  EXPECT_EQ(world.Case(id).state(), v1::CASE_STATE_LAPSED);
  EXPECT_EQ(world.Case(id).ended_at(), at);
  EXPECT_EQ(world.Get<v1::PendingErasure>(key::PendingErasure(v1::ERASURE_TARGET_CASE, id)).slot(),
            world.Case(id).slot());
  EXPECT_TRUE(RefusedBy("upkeep.case-over", "NOT_DUE", world, world.EndCase(id)));
  world.Do(world.EraseDone(v1::ERASURE_TARGET_CASE, id));
  EXPECT_TRUE(world.Case(id).erased());
  world.now += W::kCaseRetention;
  EXPECT_TRUE(RefusedBy("upkeep.case-over", "NOT_DUE", world, world.EndCase(id)));
}

TEST(EndCase, LapsesACaseWithoutWarrantWhenItWaitedForTheRetention) {
  W world = W::Ready();
  const std::string bare = world.Opened();
  ExpectLapses(world, bare, world.now + W::kCaseRetention);
  const std::string approved = world.Opened();
  world.Do(world.ApproveCase(approved));
  ExpectLapses(world, approved, world.now + W::kCaseRetention);
}

TEST(EndCase, LapsesACaseWhoseWarrantEndedWithoutApproval) {
  W world = W::Ready();
  const std::string id = world.Opened();
  world.Do(world.IssueWarrant(id));
  ExpectLapses(world, id, world.Case(id).warrant().not_after().seconds());
}

TEST(EndCase, LapsesACaseThatWaitsForApprovalNoLaterThanOneWithoutWarrant) {
  W world = W::Ready();
  const std::string id = world.Opened();
  const Time opened = world.now;
  world.now += W::kCaseRetention - kDay;
  world.Do(world.IssueWarrant(id));
  ExpectLapses(world, id, opened + W::kCaseRetention);
}

TEST(EndCase, LapsesNoCaseThatIsActive) {
  W world = W::Ready();
  const std::string id = world.Opened();
  const Time opened = world.now;
  world.now += W::kCaseRetention - kDay;
  world.Do(world.IssueWarrant(id));
  world.Do(world.ApproveCase(id));
  world.now = opened + W::kCaseRetention;
  EXPECT_TRUE(RefusedBy("upkeep.case-over", "NOT_DUE", world, world.EndCase(id)));
}

TEST(EndCase, ErasesAnEndedCaseWhenItsRetentionIsOver) {
  W world = W::Ready();
  const std::string id = world.Active();
  world.Do(world.CloseCase(id));
  world.now += W::kCaseRetention - 1;
  EXPECT_TRUE(RefusedBy("upkeep.case-over", "NOT_DUE", world, world.EndCase(id)));
  world.now += 1;
  EXPECT_TRUE(Allowed(world, world.EndCase(id)));
  world.Do(world.EndCase(id));
  EXPECT_TRUE(RefusedBy("upkeep.case-over", "NOT_DUE", world, world.EndCase(id))) << "it is begun";
  world.Do(world.EraseDone(v1::ERASURE_TARGET_CASE, id));
  EXPECT_TRUE(world.Case(id).erased());
  EXPECT_EQ(world.Case(id).state(), v1::CASE_STATE_CLOSED);
  EXPECT_TRUE(RefusedBy("upkeep.case-over", "NOT_DUE", world, world.EndCase(id)));
}

TEST(StartService, IsTheVaultsOwnAndSaysHowOftenItSigns) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, world.StartService()));
  EXPECT_TRUE(RefusedBy("upkeep.service-starts", "NOT_THE_VAULT", world, world.StartService(0)));
  v1::Command command = world.StartService();
  command.mutable_caller()->set_role(v1::ROLE_OPERATOR);
  EXPECT_TRUE(RefusedBy("upkeep.service-starts", "NOT_THE_VAULT", world, command));
}

TEST(CloseCheckpoint, IsTheVaultsOwnAndHasADigest) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, world.CloseCheckpoint()));
  v1::Command command = world.CloseCheckpoint();
  command.mutable_close_checkpoint()->set_state_digest("short");
  EXPECT_TRUE(RefusedBy("upkeep.checkpoint-closes", "NOT_THE_VAULT", world, command));
  command = world.CloseCheckpoint();
  command.mutable_caller()->set_role(v1::ROLE_OPERATOR);
  EXPECT_TRUE(RefusedBy("upkeep.checkpoint-closes", "NOT_THE_VAULT", world, command));
}

TEST(ForgetSubject, IsDueWhenTheDetailsRetentionIsOver) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  world.Do(world.Withdraw(subject));
  world.now += W::kDetailsRetention - 1;
  EXPECT_TRUE(RefusedBy("upkeep.subject-over", "NOT_DUE", world, world.ForgetSubject(subject)));
  world.now += 1;
  EXPECT_TRUE(Allowed(world, world.ForgetSubject(subject)));
  world.Do(world.ForgetSubject(subject));
  EXPECT_TRUE(RefusedBy("upkeep.subject-over", "NOT_DUE", world, world.ForgetSubject(subject)))
      << "it is begun";
  world.Do(world.EraseDone(v1::ERASURE_TARGET_SUBJECT, subject));
  EXPECT_TRUE(world.Subject(subject).erased());
  EXPECT_TRUE(RefusedBy("upkeep.subject-over", "NOT_DUE", world, world.ForgetSubject(subject)));
}

TEST(ForgetSubject, WaitsForTheLastTemplate) {
  W world = W::Ready();
  world.Do(world.RegisterPurpose("other"));
  const std::string subject = world.Enrolled();
  world.Enrolled(subject, "other");
  world.Do(world.Withdraw(subject));
  world.now += 2 * W::kDetailsRetention;
  EXPECT_TRUE(RefusedBy("upkeep.subject-over", "NOT_DUE", world, world.ForgetSubject(subject)));
  EXPECT_TRUE(RefusedBy("upkeep.subject-over", "NOT_DUE", world,
                        world.ForgetSubject(std::string(16, 'x'))));
}

TEST(EraseDone, IsOfAnErasureThatWasStartedAndOnlyOnce) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  const std::string id = world.TemplateOf(subject).id();
  const auto done = [&] { return world.EraseDone(v1::ERASURE_TARGET_TEMPLATE, id); };
  EXPECT_TRUE(RefusedBy("upkeep.erasure-pending", "NOT_PENDING", world, done()));
  world.Do(world.Withdraw(subject));
  EXPECT_TRUE(Allowed(world, done()));
  EXPECT_TRUE(RefusedBy("upkeep.erasure-pending", "NOT_PENDING", world,
                        world.EraseDone(v1::ERASURE_TARGET_CASE, id)));
  world.Do(done());
  EXPECT_EQ(world.TemplateOf(subject).state(), v1::TEMPLATE_STATE_ERASED);
  EXPECT_TRUE(RefusedBy("upkeep.erasure-pending", "NOT_PENDING", world, done()));
}

TEST(Upkeep, NeedsNobodysLeaveDuringAStop) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  const std::string id = world.Active();
  world.Do(world.Stop());
  world.now += 400 * kDay;
  EXPECT_TRUE(Allowed(world, world.ExpireTemplate(world.TemplateOf(subject).id())));
  EXPECT_TRUE(Allowed(world, world.EndCase(id)));
}

TEST(Decide, RefusesACommandWithoutAnAct) {
  const W world = W::Ready();
  const Ruling ruling = world.Decided(v1::Command());
  EXPECT_FALSE(ruling.decision.allowed());
  EXPECT_EQ(ruling.decision.reason(), "NO_RULE");
  EXPECT_EQ(ruling.public_reason, "NOT_PERMITTED");
  EXPECT_TRUE(ruling.changes.empty());
}

TEST(Decide, LogsARejectedRequestWithItsRegisteredReasonOnly) {
  const W world = W::Ready();
  v1::Command command;
  command.mutable_reject()->set_reason("ROLE_NOT_ALLOWED");
  const Ruling ruling = world.Decided(command);
  EXPECT_FALSE(ruling.decision.allowed());
  EXPECT_EQ(ruling.decision.rule(), "request.accepted");
  EXPECT_EQ(ruling.decision.reason(), "ROLE_NOT_ALLOWED");
  EXPECT_EQ(ruling.public_reason, "ROLE_NOT_ALLOWED");
  EXPECT_TRUE(ruling.changes.empty());
  command.mutable_reject()->set_reason("WHATEVER");
  EXPECT_EQ(Decide(world.state, command, world.now).status().code(), absl::StatusCode::kInternal);
}

TEST(Decide, RefusesEverythingButTheFoundingBeforeTheVaultIsFounded) {
  W world;
  for (const auto& command :
       {world.Accredit(), world.Register(v1::ROLE_JUDGE, "jo"), world.RegisterPurpose(),
        world.Stop(), world.Enroll(), world.OpenCase(), world.Verify(std::string(16, 'x')),
        world.ExpireTemplate(std::string(16, 'x')), world.ReadCase("")}) {
    EXPECT_FALSE(world.Decided(command).decision.allowed());
  }
}

// Reads of `state` until `reads` are done; then FailWith's status.
class FailingView final : public StateView {
 public:
  FailingView(const StateView& state, int reads) : state_(state), reads_(reads) {}

  void FailWith(absl::Status status) { status_ = std::move(status); }
  bool failed() const { return reads_ < 0; }

  absl::StatusOr<std::optional<std::string>> Read(std::string_view key) const override {
    if (--reads_ < 0) return status_;
    return state_.Read(key);
  }

 private:
  const StateView& state_;
  mutable int reads_;
  absl::Status status_;
};

TEST(Decide, DeniesWhicheverReadOfTheStoreFails) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  const std::string opened = world.Opened();
  const std::string active = world.Active();
  const std::string search = world.Searched(active);
  const std::string candidate = world.Confirmed(active);
  const std::string record = world.TemplateOf(subject).id();
  const v1::Command commands[] = {world.Accredit(),
                                  world.Register(v1::ROLE_OFFICER, "new", world.police),
                                  world.RegisterPurpose("other"),
                                  world.Stop(),
                                  world.Enroll(),
                                  world.Withdraw(subject),
                                  world.Access(subject),
                                  world.OpenCase(),
                                  world.IssueWarrant(opened),
                                  world.RefuseWarrant(opened),
                                  world.ApproveCase(opened),
                                  world.CloseCase(active),
                                  world.ReadCase(active),
                                  world.Identify(active),
                                  world.Verify(subject),
                                  world.Outcome(search),
                                  world.Disclose(active, candidate),
                                  world.ExpireTemplate(record)};
  for (const v1::Command& command : commands) {
    int reads = 0;
    for (;; ++reads) {
      FailingView view(world.state, reads);
      view.FailWith(absl::UnavailableError("store: down"));
      const auto ruling = Decide(view, command, world.now);
      if (!view.failed()) {
        EXPECT_TRUE(ruling.ok());
        break;
      }
      ASSERT_FALSE(ruling.ok()) << "act " << command.act_case() << " read " << reads;
      EXPECT_EQ(ruling.status().code(), absl::StatusCode::kUnavailable);
    }
    EXPECT_GE(reads, 2) << "act " << command.act_case();
  }
}

TEST(Decide, DeniesOnARecordThatDoesNotParse) {
  W world = W::Ready();
  v1::RecordChange change;
  const std::string subject = world.Enrolled();
  class Garbled final : public StateView {
   public:
    absl::StatusOr<std::optional<std::string>> Read(std::string_view) const override {
      return std::optional<std::string>("\xff\xff\xff");
    }
  } garbled;
  EXPECT_EQ(Decide(garbled, world.Verify(subject), world.now).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(Decide, DeniesOnATemplateWhoseSubjectIsGone) {
  W world = W::Ready();
  const std::string subject = world.Enrolled();
  const std::string id = world.TemplateOf(subject).id();
  world.now += 400 * kDay;
  v1::RecordChange gone;
  gone.set_removed_key(key::Subject(subject));
  world.Put(gone);
  EXPECT_EQ(Decide(world.state, world.ExpireTemplate(id), world.now).status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace kluis::policy::upkeep_test
