// SPDX-License-Identifier: Apache-2.0
// New shares of a vault that has some: no operator takes it by them, and every step is an entry.
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "base/codec.h"
#include "policy/record_key.h"
#include "tests/fakes/file_bytes.h"
#include "tests/fakes/replayed.h"
#include "tests/fakes/share_holders.h"

namespace kluis::rekey_test {
namespace {

using Stub = v1::VaultService::Stub;

v1::OrderRekeyRequest OrderOf(const TestWorld& vault,
                              const std::vector<const crypto::SigningKey*>& keys) {
  v1::RekeyOrder order;
  order.set_reasons("two holders have left");
  order.set_needed(2);
  order.set_holders(3);
  order.set_follows(vault.Status().seal().last_rekey());
  v1::OrderRekeyRequest request;
  *request.mutable_order() = vault.Sign(order, keys);
  return request;
}

v1::OrderRekeyResponse OrderByTwo(const TestWorld& vault) {
  return Must(vault.Call(kOperator, &Stub::OrderRekey,
                         OrderOf(vault, {&vault.KeyOf(kOperator), &vault.KeyOf("operator/two")})),
              "order");
}

Reply<v1::CancelRekeyResponse> CancelAsSupervisor(TestVault& vault) {
  const auto order =
      policy::Find<v1::PendingRekey>(vault.vault().state(), policy::key::PendingRekey());
  v1::RekeyCancellation cancellation;
  cancellation.set_reasons("the holders were not asked");
  cancellation.set_order(base::ToHex((*order)->order()));
  v1::CancelRekeyRequest request;
  *request.mutable_cancellation() = vault.Sign(cancellation, {&vault.KeyOf("supervisor/three")});
  return vault.Call("supervisor/three", &Stub::CancelRekey, request);
}

Reply<v1::CancelRekeyResponse> CancelWith(const TestWorld& vault, const std::string& share) {
  v1::CancelRekeyRequest request;
  request.set_share(share);
  return vault.Call(kOperator, &Stub::CancelRekey, request);
}

// Every share of its own making is proven, and the vault sealed: before, that was the vault.
TEST(Rekey, OfOneOperatorAloneIsNeverInForce) {
  SharedVault vault;
  const Shares own = Rekey(*vault, 2, 2);
  for (const std::string& share : own)
    EXPECT_FALSE(Must(Prove(*vault, share), "prove").has_receipt());
  EXPECT_FALSE(Must(Prove(*vault, own[0]), "prove again").has_receipt());
  vault.Seal();
  EXPECT_EQ(Give(*vault, own[0]).reason, "SHARE_REFUSED");
  EXPECT_TRUE(vault.OpensWith(vault.shares()));
  CleanlyReplayed(*vault);
}

TEST(Rekey, WithAsManyOldHoldersAsOpenTheVaultIsInForceAtOnceAndEndsTheOldOnes) {
  SharedVault vault;
  const uint64_t before = vault->vault().ledger().size();
  const Shares renewed = Rekey(*vault, 2, 2);
  EXPECT_TRUE(vault->EntryAt(before).command().has_begin_rekey());
  EXPECT_FALSE(Must(Prove(*vault, vault.shares()[2]), "agree").has_receipt());
  EXPECT_EQ(Prove(*vault, vault.shares()[2]).status.error_code(), grpc::StatusCode::ALREADY_EXISTS)
      << "one holder counts once";
  EXPECT_EQ(vault->Status().seal().agreed(), 1U);
  for (const std::string& share : renewed) {
    EXPECT_FALSE(Must(Prove(*vault, share), "prove").has_receipt());
  }
  const auto last = Must(Prove(*vault, vault.shares()[0]), "agree");
  const v1::Rekey rekey = vault->EntryAt(last.receipt().log_index()).command().rekey();
  EXPECT_EQ(rekey.generation(), 2U);
  EXPECT_EQ(std::vector<uint32_t>(rekey.old_shares().begin(), rekey.old_shares().end()),
            (std::vector<uint32_t>{1, 3}));
  vault.Seal();
  EXPECT_EQ(Give(*vault, vault.shares()[0]).reason, "SHARE_REFUSED");
  EXPECT_TRUE(vault.OpensWith(renewed));
  CleanlyReplayed(*vault);
}

// The holders' commitments stand on the disk, where somebody may put those of holders of his own.
TEST(Rekey, OldSharesOfASetThatSomebodyPutOnTheDiskAgreeToNothing) {
  SharedVault vault;
  SharedVault foreign;
  const std::string place = vault->config().keys.root_key;
  const std::string true_key = FileBytes(place);
  for (const std::string& share : Rekey(*vault, 2, 2)) Must(Prove(*vault, share), "prove");
  std::ofstream(place, std::ios::binary) << FileBytes(foreign->config().keys.root_key);
  Must(Prove(*vault, foreign.shares()[0]), "the share belongs to what lies there");
  EXPECT_FALSE(Prove(*vault, foreign.shares()[1]).ok());
  std::ofstream(place, std::ios::binary) << true_key;
  vault.Seal();
  EXPECT_TRUE(vault.OpensWith(vault.shares()));
}

// Who agreed and what was proven is lost to no rekey that may not begin.
TEST(Rekey, GoesOnWhenAnotherOneMayNotBegin) {
  SharedVault vault;
  const Shares renewed = Rekey(*vault, 2, 2);
  Must(Prove(*vault, vault.shares()[0]), "agree");
  Must(Prove(*vault, renewed[0]), "prove");
  vault->clock().Step(120);
  v1::RekeyVaultRequest request;
  request.set_needed(2);
  request.set_holders(3);
  EXPECT_EQ(vault->Call(kOperator, &Stub::RekeyVault, request).reason, "CLOCK");
  vault->clock().Step(-120);
  Must(Prove(*vault, renewed[1]), "prove");
  EXPECT_TRUE(Must(Prove(*vault, vault.shares()[1]), "agree").has_receipt());
}

TEST(Rekey, ThatTwoOperatorsOrderedIsInForceAfterADayAndNotASecondBefore) {
  SharedVault vault;
  const auto alone =
      vault->Call(kOperator, &Stub::OrderRekey,
                  OrderOf(*vault, {&vault->KeyOf(kOperator), &vault->KeyOf("operator/stranger")}));
  EXPECT_EQ(alone.reason, "TOO_FEW_SIGNATURES");
  const v1::OrderRekeyResponse ordered = OrderByTwo(*vault);
  EXPECT_EQ(ordered.due_at().seconds(), vault->now() + kDay);
  vault.Seal();
  vault->Advance(kDay - 1);
  ASSERT_TRUE(vault.OpensWith(vault.shares())) << "the old shares alone open it until then";
  const Shares renewed = Rekey(*vault, 2, 3);
  for (const std::string& share : renewed) {
    EXPECT_FALSE(Must(Prove(*vault, share), "too early").has_receipt());
  }
  vault->Advance(kDay - 1);
  EXPECT_FALSE(Must(Prove(*vault, renewed[0]), "a day since the start").has_receipt());
  vault->Advance(1);
  EXPECT_TRUE(Must(Prove(*vault, renewed[0]), "prove again").has_receipt());
  EXPECT_FALSE(vault->Status().seal().has_ordered());
  vault.Seal();
  EXPECT_EQ(Give(*vault, vault.shares()[0]).reason, "SHARE_REFUSED");
  EXPECT_TRUE(vault.OpensWith(renewed));
  const audit::ReplayReport report = Replayed(*vault);  // which finds the day without checkpoints
  EXPECT_EQ(report.decisions.mismatched, 0u);
  EXPECT_EQ(report.state.mismatches.count(), 0u);
}

TEST(Rekey, ThatIsOrderedIsCancelledByOneSupervisorAlsoWhileSealed) {
  SharedVault vault;
  OrderByTwo(*vault);
  vault.Seal();
  vault->Advance(kHour);
  const uint64_t index = Must(CancelAsSupervisor(*vault), "cancel").receipt().log_index();
  vault->Advance(kDay);
  ASSERT_TRUE(vault.OpensWith(vault.shares()));
  EXPECT_TRUE(vault->EntryAt(index).command().has_cancel_rekey());
  const Shares renewed = Rekey(*vault, 2, 3);
  for (const std::string& share : renewed) {
    EXPECT_FALSE(Must(Prove(*vault, share), "prove").has_receipt());
  }
  CleanlyReplayed(*vault);
}

TEST(Rekey, ThatIsOrderedIsCancelledByAsManyOldHoldersAsOpenTheVault) {
  SharedVault vault;
  EXPECT_EQ(CancelWith(*vault, vault.shares()[0]).status.error_code(),
            grpc::StatusCode::FAILED_PRECONDITION)
      << "no order stands";
  OrderByTwo(*vault);
  const auto first = Must(CancelWith(*vault, vault.shares()[1]), "cancel");
  EXPECT_EQ(first.have(), 1U);
  EXPECT_EQ(first.need(), 2U);
  EXPECT_FALSE(first.has_receipt());
  EXPECT_EQ(CancelWith(*vault, vault.shares()[1]).status.error_code(),
            grpc::StatusCode::ALREADY_EXISTS);
  const auto second = Must(CancelWith(*vault, vault.shares()[2]), "cancel");
  const v1::VoidRekey entered = vault->EntryAt(second.receipt().log_index()).command().void_rekey();
  EXPECT_EQ(entered.old_shares_size(), 2);
  EXPECT_FALSE(vault->Status().seal().has_ordered());
  CleanlyReplayed(*vault);
}

// Shares that were given against one order do not count against the next.
TEST(Rekey, OldSharesAreGivenAgainstOneOrderOnly) {
  SharedVault vault;
  OrderByTwo(*vault);
  Must(CancelWith(*vault, vault.shares()[0]), "cancel");
  Must(CancelAsSupervisor(*vault), "cancel");
  OrderByTwo(*vault);
  EXPECT_FALSE(Must(CancelWith(*vault, vault.shares()[1]), "cancel").has_receipt());
  EXPECT_TRUE(vault->Status().seal().has_ordered());
}

v1::BackUpVaultResponse BackUp(const TestWorld& vault) {
  Stub stub(vault.ChannelOf(kOperator));
  grpc::ClientContext context;
  TestWorld::SetDeadline(context);
  const auto stream = stub.BackUpVault(&context, v1::BackUpVaultRequest());
  v1::BackUpVaultResponse last;
  for (v1::BackUpVaultResponse message; stream->Read(&message);) last = message;
  Require(stream->Finish(), "back up");
  return last;
}

TEST(Backup, IsAnEntryAndOneOfASealedVaultIsEnteredAtTheNextUnsealing) {
  SharedVault vault;
  const auto open = BackUp(*vault);
  const v1::Entry entry = vault->EntryAt(open.receipt().log_index());
  EXPECT_EQ(entry.command().back_up().id(), open.backup().id());
  EXPECT_EQ(entry.command().caller().name(), "one");
  vault.Seal();
  const auto sealed = BackUp(*vault);
  EXPECT_FALSE(sealed.has_receipt());
  ASSERT_TRUE(vault.OpensWith(vault.shares()));
  size_t entered = 0;
  for (uint64_t i = open.receipt().log_index() + 1; i < vault->vault().ledger().size(); ++i) {
    const v1::Command command = vault->EntryAt(i).command();
    if (!command.has_back_up()) continue;
    ++entered;
    EXPECT_EQ(command.back_up().id(), sealed.backup().id());
    EXPECT_TRUE(command.back_up().while_sealed());
  }
  EXPECT_EQ(entered, 1U);
  CleanlyReplayed(*vault);
}

}  // namespace
}  // namespace kluis::rekey_test
