// SPDX-License-Identifier: Apache-2.0
// A real vault's published log, replayed: what the service writes is what an auditor reaches again.

#include <sstream>
#include <string>

#include "audit/replay/details.h"
#include "base/codec.h"
#include "client/draft.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/civil_time.h"
#include "tests/fakes/clock_confirmed.h"
#include "tests/fakes/held_lane.h"
#include "tests/fakes/replayed.h"
#include "tests/fakes/test_vault.h"

namespace kluis::replay_test {
namespace {

constexpr int64_t kHalfYear = 180 * kDay;

// What two supervisors get to see of all entries, as `kluis order inspect` writes it.
std::string Inspected(TestVault& vault) {
  v1::InspectionOrder order;
  order.set_end_index(1'000'000);
  order.set_reasons("complaint 2026-17");
  v1::InspectEntriesRequest request;
  request.set_request_id(client::NewRequestId());
  *request.mutable_order() =
      vault.Sign(order, {&vault.KeyOf("supervisor/one"), &vault.KeyOf("supervisor/three")});
  v1::SupervisionService::Stub stub(vault.ChannelOf("supervisor/one"));
  grpc::ClientContext context;
  TestWorld::SetDeadline(context);
  const auto stream = stub.InspectEntries(&context, request);
  std::string lines;
  v1::InspectEntriesResponse message;
  while (stream->Read(&message)) {
    const v1::CommitmentOpening& opening = message.opening();
    if (!message.has_opening()) continue;
    lines += R"({"log_index":)" + std::to_string(opening.log_index()) + R"(,"what":")" +
             opening.what() + R"(","nonce":")" + base::ToBase64(opening.nonce()) +
             R"(","payload":")" + base::ToBase64(opening.payload()) + "\"}\n";
  }
  EXPECT_TRUE(stream->Finish().ok());
  return lines;
}

// Everything that the API can do, and some of what it refuses.
void LiveThroughIt(TestVault& vault) {
  const Person found = vault.NewPerson();
  const Person leaving = vault.NewPerson();
  const std::string subject = Must(vault.Enroll(found), "enrol").subject();
  Must(vault.Enroll(leaving), "enrol");
  EXPECT_FALSE(vault.Enroll(found).ok());  // once
  TestWorld::Terms over;
  over.days = -1;
  EXPECT_FALSE(vault.Enroll(vault.NewPerson(), over).ok());
  Must(vault.Verify(subject, vault.Face(found, 1)), "verify");

  const HeldLane lane(vault);
  const Holder holder = lane.Enrolled();
  const v1::Envelope release = lane.ReleaseOf(holder);
  Must(lane.Verify(holder, release), "verify with a release");
  EXPECT_FALSE(lane.Verify(holder, release).ok());  // once

  const v1::CaseDetails details = vault.Details();
  Must(vault.Refuse(Must(vault.OpenCaseWith(details), "open").case_().name()), "refuse");
  EXPECT_FALSE(vault.OpenCaseWith(details).ok());  // copied
  const std::string kase = vault.ActiveCase();
  const auto search = Must(vault.Identify(kase, vault.Face(found, 1)), "identify");
  ASSERT_EQ(search.candidates_size(), 1);
  Must(vault.Confirm(search.candidates(0), "officer/one"), "confirm");
  EXPECT_FALSE(vault.Confirm(search.candidates(0), "officer/one").ok());
  Must(vault.Confirm(search.candidates(0), "officer/two"), "confirm");
  Must(vault.Disclose(search.candidates(0)), "disclose");
  Must(vault.Disclose(search.candidates(0)), "disclose again");
  EXPECT_FALSE(vault.Disclose(search.candidates(0), "officer/two").ok());
  EXPECT_FALSE(vault.Identify(kase, vault.Face(found, 1), "officer/outside").ok());

  Must(vault.Holdings(found), "holdings");
  Must(vault.Restrict(leaving), "restrict");
  EXPECT_FALSE(vault.Restrict(leaving).ok());
  Must(vault.LiftRestriction(leaving), "lift the restriction");
  Must(vault.Withdraw(leaving), "withdraw");
  EXPECT_FALSE(vault.Withdraw(leaving).ok());
  Must(vault.Stop(), "stop");
  EXPECT_FALSE(vault.Identify(kase, vault.Face(found, 1)).ok());
  Must(vault.Lift({"supervisor/one", "supervisor/two"}), "lift");
  Must(vault.Close(kase), "close");
  vault.FinishErasures();
}

TEST(Replay, OfARealVaultsLogFindsNothing) {
  TestVault vault;
  LiveThroughIt(vault);
  const audit::ReplayReport report = Replayed(vault);
  EXPECT_TRUE(report.clean()) << audit::ReplayText(report, 20);
  EXPECT_EQ(report.completeness.searches, 3u);
  EXPECT_EQ(report.completeness.concluded, 3u);
  EXPECT_EQ(report.completeness.erased, 2u);
  EXPECT_EQ(report.decisions.erased, 1u);
  EXPECT_GT(report.decisions.statements, 10u);
}

TEST(Replay, OfARealVaultsLogGoesOnAfterRestartsAndErasures) {
  TestVault vault;
  LiveThroughIt(vault);
  SleepFor(vault, kHalfYear);
  vault.Sweep();
  vault.ShutDown();
  vault.Advance(kDay);
  ASSERT_TRUE(vault.TryStart().ok());
  const audit::ReplayReport report = Replayed(vault);
  EXPECT_TRUE(report.clean()) << audit::ReplayText(report, 20);
  EXPECT_EQ(report.completeness.restarts, 2u);
  // The half year is in the order of two operators, and the day in the start.
  EXPECT_EQ(report.completeness.downtimes[1].to - report.completeness.downtimes[1].from, kDay);
  EXPECT_GE(report.decisions.erased, 2u);  // both enrolments
  EXPECT_EQ(report.completeness.open_erasures, 0u);
}

TEST(Replay, OpensTheCommitmentsOfARealInspection) {
  TestVault vault;
  LiveThroughIt(vault);
  std::istringstream details(Inspected(vault));
  const audit::ReplayReport report = Replayed(vault, &details);
  EXPECT_TRUE(report.clean()) << audit::ReplayText(report, 20);
  ASSERT_TRUE(report.details.has_value());
  // Three enrolments, two cases, a refusal, and a disclosure that was told again.
  EXPECT_EQ(report.details->opened, 11u);
  EXPECT_EQ(report.details->not_kept, 6u);  // refused: two enrolments, a case, a disclosure
  EXPECT_EQ(report.details->withheld, 0u);
}

TEST(Replay, KnowsWhatWasForgottenWithItsAuthoritysYear) {
  TestVault vault;
  LiveThroughIt(vault);
  SleepFor(vault, policy::MonthsAfterYear(policy::YearOf(vault.now()), 6) - vault.now());
  vault.Sweep();
  std::istringstream details(Inspected(vault));
  const audit::ReplayReport report = Replayed(vault, &details);
  EXPECT_TRUE(report.clean()) << audit::ReplayText(report, 20);
  EXPECT_GE(report.details->erased, 3u);  // two cases and a refusal
  EXPECT_GE(report.decisions.erased, 3u);
  EXPECT_EQ(report.details->withheld, 0u);
}

}  // namespace
}  // namespace kluis::replay_test
