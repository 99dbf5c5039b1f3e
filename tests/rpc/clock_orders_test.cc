// SPDX-License-Identifier: Apache-2.0
// Mending the clock of a whole vault: two operators confirm, supervisors set back, and a sweep that
// would end many waits for an operator.
#include <functional>
#include <string>
#include <vector>

#include "client/draft.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/clock_confirmed.h"
#include "tests/fakes/replayed.h"
#include "tests/fakes/test_vault.h"

namespace kluis::clock_orders_test {
namespace {

using client::ToTimestamp;
using testing::HasSubstr;
using Stub = v1::VaultService::Stub;

class ClockOrders : public testing::Test {
 protected:
  void DownFor(int64_t seconds) { StayDown(vault_, seconds); }

  template <class Order>
  v1::Envelope OrderOf(const std::vector<const crypto::SigningKey*>& keys,
                       const std::function<void(Order&)>& change = {}) {
    return ClockOrderOf<Order>(vault_, keys, change);
  }

  Reply<v1::ConfirmClockResponse> Confirm(const v1::Envelope& order) {
    return SendConfirm(vault_, order);
  }
  Reply<v1::ConfirmClockResponse> ConfirmWith(const std::function<void(v1::ClockOrder&)>& change) {
    return Confirm(OrderOf<v1::ClockOrder>(Both(), change));
  }
  Reply<v1::SetClockBackResponse> SetBack(const v1::Envelope& order) {
    v1::SetClockBackRequest request;
    *request.mutable_order() = order;
    return vault_.Call("supervisor/one", &Stub::SetClockBack, request);
  }
  Reply<v1::AccreditAuthorityResponse> Accredit(const v1::Envelope& accreditation) {
    v1::AccreditAuthorityRequest request;
    request.set_request_id(client::NewRequestId());
    *request.mutable_accreditation() = accreditation;
    return vault_.Call("supervisor/one", &v1::SupervisionService::Stub::AccreditAuthority, request);
  }
  Reply<v1::ApproveSweepResponse> Approve(uint32_t people) {
    v1::SweepApproval approval;
    approval.set_people(people);
    approval.set_reasons("They are over.");
    v1::ApproveSweepRequest request;
    *request.mutable_approval() = vault_.Sign(approval, {&vault_.KeyOf("operator/one")});
    return vault_.Call("operator/one", &Stub::ApproveSweep, request);
  }
  std::vector<const crypto::SigningKey*> Both() const {
    return {&vault_.KeyOf("operator/one"), &vault_.KeyOf("operator/two")};
  }

  TestVault vault_;
};

TEST_F(ClockOrders, TwoOperatorsConfirmALateStartAndTheLogSaysSo) {
  const Person person = vault_.NewPerson();
  Must(vault_.Enroll(person), "enroll");
  const int64_t last = vault_.now();
  DownFor(10 * kDay);
  EXPECT_FALSE(vault_.Status().clock().trusted());
  EXPECT_EQ(vault_.Status().clock().ahead_seconds(), 10 * kDay);
  EXPECT_THAT(vault_.Status().fault(), HasSubstr("10 d 0 h ahead of the log's last entry"));
  Must(vault_.Restrict(person),
       "restrict");  // goes on, and does not change for what two people sign
  const v1::Envelope order = OrderOf<v1::ClockOrder>(Both());
  EXPECT_EQ(vault_.Holdings(person).reason, "STATEMENT_STALE");
  vault_.Advance(20 * kMinute);
  const auto confirmed = Must(Confirm(order), "confirm");
  EXPECT_EQ(confirmed.receipt().decided_at().seconds(), last);
  EXPECT_EQ(confirmed.time().seconds(), vault_.now());
  EXPECT_TRUE(vault_.Status().clock().trusted());
  EXPECT_EQ(vault_.Status().fault(), "");
  const auto opened = Must(vault_.OpenCase(), "open");
  EXPECT_EQ(opened.receipt().decided_at().seconds(), vault_.now());
  CleanlyReplayed(vault_);
  vault_.Restart();
  EXPECT_TRUE(vault_.Status().clock().trusted());
  EXPECT_FALSE(Confirm(order).ok());
}

TEST_F(ClockOrders, OneOperatorOrAnOfficerConfirmsNothing) {
  DownFor(10 * kDay);
  EXPECT_EQ(Confirm(OrderOf<v1::ClockOrder>({&vault_.KeyOf("operator/two")})).reason,
            "TOO_FEW_SIGNATURES");
  EXPECT_EQ(Confirm(OrderOf<v1::ClockOrder>(
                        {&vault_.KeyOf("operator/two"), &vault_.KeyOf("officer/one")}))
                .reason,
            "TOO_FEW_SIGNATURES");
  EXPECT_FALSE(vault_.Status().clock().trusted());
  EXPECT_EQ(vault_.OpenCase().reason, "CLOCK");
}

TEST_F(ClockOrders, AnOrderIsForTheHeadAndTheTimeThatItNames) {
  DownFor(10 * kDay);
  const v1::Envelope signed_now = OrderOf<v1::ClockOrder>(Both());
  constexpr char kUnfit[] = "CLOCK_ORDER_UNFIT";
  EXPECT_EQ(ConfirmWith([](v1::ClockOrder& o) { o.set_size(o.size() - 1); }).reason, kUnfit);
  EXPECT_EQ(ConfirmWith([](v1::ClockOrder& o) { o.set_size(o.size() + 100); }).reason, kUnfit);
  EXPECT_EQ(ConfirmWith([](v1::ClockOrder& o) { o.set_root(std::string(64, '0')); }).reason,
            kUnfit);
  const auto at = [&](int64_t later) {
    return ConfirmWith(
        [&](v1::ClockOrder& o) { *o.mutable_time() = ToTimestamp(vault_.now() + later); });
  };
  EXPECT_EQ(at(-3601).reason, kUnfit);
  EXPECT_EQ(at(301).reason, kUnfit);
  EXPECT_THAT(at(kDay).status.error_message(), HasSubstr("1 d 0 h behind"));
  // Mended by itself, an order that was signed before is void for the next fault.
  vault_.clock().Step(-10 * kDay);
  Must(vault_.OpenCase(), "open");
  vault_.clock().Step(10 * kDay);
  EXPECT_EQ(Confirm(signed_now).reason, kUnfit);
  EXPECT_TRUE(ConfirmWith({}).ok());
  EXPECT_EQ(ConfirmWith({}).reason, kUnfit) << "nothing is to be confirmed";
}

TEST_F(ClockOrders, ConfirmAStepInARunToo) {
  vault_.clock().Step(3 * kDay);
  EXPECT_EQ(vault_.OpenCase().reason, "CLOCK");
  Must(ConfirmWith({}), "confirm");
  EXPECT_EQ(Must(vault_.OpenCase(), "open").receipt().decided_at().seconds(), vault_.now());
  vault_.Advance(10);
  EXPECT_TRUE(vault_.Status().clock().trusted());
}

TEST_F(ClockOrders, SupervisorsSetALogBackThatIsInTheFutureAndOnlyThey) {
  const Person person = vault_.NewPerson();
  Must(vault_.Enroll(person, {.days = 1000}), "enroll");
  v1::Accreditation accreditation;
  accreditation.set_authority_name("Authority Three");
  accreditation.set_contact("desk@authority.test");
  accreditation.set_legal_mandate("Police Act 2012, article 3");
  *accreditation.mutable_valid_until() = ToTimestamp(vault_.now() + 30 * kDay);
  const v1::Envelope used = vault_.Sign(accreditation, {&vault_.KeyOf("supervisor/one")});
  Must(Accredit(used), "accredit");
  const int64_t right = vault_.now();
  DownFor(300 * kDay);
  Must(ConfirmWith({}), "confirm");  // by mistake
  ASSERT_TRUE(vault_.vault().publisher().Sign().ok());
  Must(vault_.Restrict(person), "restrict");
  vault_.ShutDown();
  vault_.clock().Step(-300 * kDay);
  ASSERT_TRUE(vault_.TryStart().ok());
  EXPECT_EQ(vault_.Status().clock().ahead_seconds(), -300 * kDay);
  EXPECT_EQ(vault_.OpenCase().reason, "CLOCK");
  EXPECT_EQ(ConfirmWith({}).reason, "CLOCK_ORDER_UNFIT") << "operators do not set back";
  const auto order = [&](const std::vector<const crypto::SigningKey*>& keys) {
    return OrderOf<v1::ClockSetBackOrder>(keys);
  };
  EXPECT_EQ(SetBack(order({&vault_.KeyOf("supervisor/one")})).reason, "TOO_FEW_SIGNATURES");
  const v1::Envelope both =
      order({&vault_.KeyOf("supervisor/one"), &vault_.KeyOf("supervisor/two")});
  EXPECT_EQ(Must(SetBack(both), "set back").time().seconds(), right);
  EXPECT_FALSE(SetBack(both).ok());
  // The log forgot what was used when it was over there. It is fresh again, and takes no effect.
  EXPECT_EQ(Accredit(used).reason, "STATEMENT_STALE");
  EXPECT_EQ(vault_.OpenCase().reason, "STATEMENT_STALE")
      << "from before, by a clock that was ahead";
  for (int i = 0; i < 31; ++i) {  // a checkpoint each ten seconds is promised
    vault_.Advance(10);
    ASSERT_TRUE(vault_.vault().publisher().Sign().ok());
  }
  const auto opened = Must(vault_.OpenCase(), "open");
  EXPECT_EQ(opened.receipt().decided_at().seconds(), right + 310);
  Must(vault_.Withdraw(person), "withdraw");
  vault_.Restart();
  EXPECT_TRUE(vault_.Status().clock().trusted());
  CleanlyReplayed(vault_);
}

// 25 of 30 people are over: believable when time ran undisturbed, and looked at when it did not.
TEST_F(ClockOrders, ASweepThatWouldEndManyAfterAStartWaitsForAnOperator) {
  std::vector<Person> people;
  for (int i = 0; i < 30; ++i) {
    people.push_back(vault_.NewPerson());
    Must(vault_.Enroll(people.back(), {.days = i < 25 ? 5 : 50}), "enroll");
  }
  DownFor(6 * kDay);
  EXPECT_TRUE(vault_.Status().clock().trusted());
  EXPECT_FALSE(Approve(1'000'000).ok()) << "before anybody saw a number";
  EXPECT_TRUE(absl::IsFailedPrecondition(vault_.vault().sweeper().SweepOnce()));
  EXPECT_EQ(vault_.Status().clock().sweep_waits_for(), 25u);
  const auto state = [&](const Person& person) {
    return Must(vault_.Holdings(person), "holdings").holdings(0).state();
  };
  EXPECT_EQ(state(people[0]), v1::TEMPLATE_STATE_ACTIVE);
  EXPECT_EQ(Approve(24).reason, "APPROVAL_TOO_SMALL");
  EXPECT_TRUE(absl::IsFailedPrecondition(vault_.vault().sweeper().SweepOnce()));
  Must(Approve(25), "approve");
  vault_.Sweep();
  EXPECT_EQ(vault_.Status().clock().sweep_waits_for(), 0u);
  EXPECT_EQ(state(people[0]), v1::TEMPLATE_STATE_ERASED);
  EXPECT_EQ(state(people[29]), v1::TEMPLATE_STATE_ACTIVE);
  CleanlyReplayed(vault_);
}

TEST_F(ClockOrders, ASweepWaitsNeitherForFewPeopleNorOnTimeThatRanUndisturbed) {
  for (int i = 0; i < 25; ++i) {
    Must(vault_.Enroll(vault_.NewPerson(), {.days = i < 20 ? 5 : 6}), "enroll");
  }
  DownFor(5 * kDay);
  vault_.Sweep();  // twenty
  for (int i = 0; i < 25; ++i) Must(vault_.Enroll(vault_.NewPerson(), {.days = 1}), "enroll");
  for (int hour = 0; hour < 24; ++hour) {
    vault_.Advance(kHour);
    EXPECT_TRUE(vault_.vault().sweeper().SweepOnce().ok());
  }
  vault_.FinishErasures();
  EXPECT_EQ(vault_.Status().clock().sweep_waits_for(), 0u);
  EXPECT_EQ(vault_.Status().pending_erasures(), 0u);
}

TEST(Founding, IsNotBeforeItsDate) {
  TestVault vault;
  const ScratchDirectory place;
  service::Config config = vault.config();
  config.vault.data = place.path() + "/data";
  config.vault.backups = place.path() + "/backups";
  config.keys.keyring = place.path() + "/keys/keyring";
  config.keys.root_key = place.path() + "/keys/root.key";
  config.audit.directory = place.path() + "/log";
  config.audit.anchor = place.path() + "/keys/checkpoint";
  config.log.file = place.path() + "/kluisd.log";
  service::FakeClock clock(vault.now() - 400 * kDay);
  const auto early = service::Daemon::Start(config, clock);
  EXPECT_THAT(std::string(early.status().message()),
              HasSubstr("9600 h after what the machine's clock shows"));
  clock.Step(400 * kDay);
  EXPECT_TRUE(service::Daemon::Start(config, clock).ok());
}

}  // namespace
}  // namespace kluis::clock_orders_test
