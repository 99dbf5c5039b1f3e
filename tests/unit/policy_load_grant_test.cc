// SPDX-License-Identifier: Apache-2.0
// The permission to load a gallery: who gets it, and when nobody does.
#include <gtest/gtest.h>

#include "tests/fakes/policy_expect.h"

namespace kluis::policy::load_grant_test {
namespace {

using W = PolicyWorld;

std::optional<Grant> GrantNow(const W& world, const std::string& id) {
  const auto grant = GrantToLoad(world.state, world.Case(id), world.now);
  EXPECT_TRUE(grant.ok()) << grant.status();
  return grant.ok() ? *grant : std::nullopt;
}

template <class Change>
void ChangePurpose(W& world, Change change) {
  v1::RecordChange record;
  *record.mutable_purpose() = world.Get<v1::PurposeRecord>(key::Purpose(W::kPurpose));
  change(*record.mutable_purpose());
  world.Put(record);
}

TEST(GrantToLoad, ComesOnceACaseIsActiveAndSearchesNothing) {
  W world = W::Ready();
  for (const bool warrant_first : {true, false}) {
    const std::string id = world.Opened();
    const v1::Command first = warrant_first ? world.IssueWarrant(id) : world.ApproveCase(id);
    world.Do(first);
    EXPECT_FALSE(GrantNow(world, id).has_value());
    world.Do(warrant_first ? world.ApproveCase(id) : world.IssueWarrant(id));
    const std::optional<Grant> grant = GrantNow(world, id);
    ASSERT_TRUE(grant.has_value());
    EXPECT_EQ(grant->purpose(), W::kPurpose);
    EXPECT_EQ(grant->candidate_cap(), 0u);
    EXPECT_TRUE(grant->categories().empty());
    EXPECT_EQ(grant->only_template(), nullptr);
  }
}

TEST(GrantToLoad, IsGivenWithinTheWarrantsWindowOnly) {
  W world = W::Ready();
  const std::string id = world.Active();
  const v1::Warrant warrant = world.Case(id).warrant();
  for (const auto& [now, given] : {std::pair<Time, bool>(warrant.not_before().seconds() - 1, false),
                                   {warrant.not_before().seconds(), true},
                                   {warrant.not_after().seconds() - 1, true},
                                   {warrant.not_after().seconds(), false}}) {
    world.now = now;
    EXPECT_EQ(GrantNow(world, id).has_value(), given) << now;
  }
}

TEST(GrantToLoad, IsForActiveCasesOnly) {
  W world = W::Ready();
  const std::string id = world.Active();
  v1::CaseRecord kase = world.Case(id);
  for (int state = v1::CaseState_MIN; state <= v1::CaseState_MAX; ++state) {
    kase.set_state(static_cast<v1::CaseState>(state));
    const auto grant = GrantToLoad(world.state, kase, world.now);
    EXPECT_EQ(grant.ok() && grant->has_value(), state == v1::CASE_STATE_ACTIVE) << state;
  }
}

TEST(GrantToLoad, IsNotGivenForAPurposeThatIsStoppedRotatesOrDoesNotIdentify) {
  W world = W::Ready();
  const std::string id = world.Active();
  ASSERT_TRUE(GrantNow(world, id).has_value());
  {
    W stopped = world;
    v1::RecordChange stop;
    stop.mutable_purpose_stop()->set_purpose(std::string(W::kPurpose));
    stop.mutable_purpose_stop()->set_stopped(true);
    stopped.Put(stop);
    EXPECT_FALSE(GrantNow(stopped, id).has_value());
  }
  {
    W rotating = world;
    ChangePurpose(rotating, [](v1::PurposeRecord& record) { record.set_previous_slot(3); });
    EXPECT_FALSE(GrantNow(rotating, id).has_value());
  }
  W other = world;
  ChangePurpose(other, [](v1::PurposeRecord& record) {
    record.mutable_registration()->clear_operations();
    record.mutable_registration()->add_operations(v1::OPERATION_VERIFY);
  });
  EXPECT_FALSE(GrantNow(other, id).has_value());
  v1::CaseRecord unknown = world.Case(id);
  unknown.mutable_opening()->set_purpose("nowhere");
  EXPECT_FALSE(GrantToLoad(world.state, unknown, world.now)->has_value());
}

// Fails from the n-th read on.
class FailingView final : public StateView {
 public:
  FailingView(const StateView& state, int reads) : state_(state), reads_(reads) {}
  absl::StatusOr<std::optional<std::string>> Read(std::string_view key) const override {
    if (--reads_ < 0) return absl::UnavailableError("store: down");
    return state_.Read(key);
  }

 private:
  const StateView& state_;
  mutable int reads_;
};

TEST(GrantToLoad, IsNotGivenByAStoreThatIsDown) {
  W world = W::Ready();
  const v1::CaseRecord kase = world.Case(world.Active());
  for (const int reads : {0, 1}) {
    EXPECT_EQ(GrantToLoad(FailingView(world.state, reads), kase, world.now).status().code(),
              absl::StatusCode::kUnavailable);
  }
  EXPECT_TRUE(GrantToLoad(FailingView(world.state, 2), kase, world.now).ok());
}

}  // namespace
}  // namespace kluis::policy::load_grant_test
