// SPDX-License-Identifier: Apache-2.0
// What an inspection export says of cases: the authority's words, and the judge's against them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "audit/replay/replay.h"
#include "audit/statement.h"
#include "audit/statement_facts.h"
#include "base/codec.h"
#include "policy/civil_time.h"
#include "policy/record_key.h"
#include "tests/fakes/log_builder.h"
#include "tests/fakes/memory_log.h"
#include "tests/fakes/policy_world.h"

namespace kluis::audit::replay_case_details_test {
namespace {

using policy::PolicyWorld;
using testing::HasSubstr;

ReplayReport ReplayWith(const LogBuilder& log, const std::vector<v1::CommitmentOpening>& openings) {
  std::string lines;
  for (const v1::CommitmentOpening& opening : openings) {
    lines += "{\"log_index\":" + std::to_string(opening.log_index()) + ",\"what\":\"" +
             opening.what() + "\",\"nonce\":\"" + base::ToBase64(opening.nonce()) +
             "\",\"payload\":\"" + base::ToBase64(opening.payload()) + "\"}\n";
  }
  std::istringstream details(lines);
  return ReplayOf(log, &details);
}

// A log that ends with what `make` gives, after `edit`.
LogBuilder Told(const std::function<v1::Command(PolicyWorld&)>& make,
                const std::function<void(BuiltAct&, LogBuilder&)>& edit) {
  PolicyWorld world = PolicyWorld::Ready();
  const v1::Command command = make(world);
  LogBuilder log;
  log.Import(world.log);
  BuiltAct act = log.Real(command);
  edit(act, log);
  EXPECT_TRUE(log.Append(act).decision.allowed());
  log.Close();
  return log;
}

// Found with the export, and only with it.
void ExpectFound(const LogBuilder& log, const std::string& reason) {
  EXPECT_EQ(ReplayOf(log).decisions.mismatched, 0u) << "the commitments hide it";
  const ReplayReport report = ReplayWith(log, log.openings());
  ASSERT_TRUE(report.details.has_value());
  ASSERT_EQ(report.details->mismatches.count(), 1u) << ReplayText(report, 20);
  EXPECT_EQ(report.details->mismatches.first()[0].index, log.size() - 2);
  EXPECT_THAT(report.details->mismatches.first()[0].reason, HasSubstr(reason));
  EXPECT_FALSE(report.clean());
}

v1::Command Opening(PolicyWorld& world) { return world.OpenCase(); }
v1::Command Refusing(PolicyWorld& world) { return world.RefuseWarrant(world.Opened()); }

TEST(ReplayCaseDetails, AreTrueOfAnHonestLog) {
  const LogBuilder log = Told(Refusing, [](BuiltAct&, LogBuilder&) {});
  const ReplayReport report = ReplayWith(log, log.openings());
  EXPECT_TRUE(report.clean()) << ReplayText(report, 20);
  EXPECT_EQ(report.details->opened, 2u);
}

TEST(ReplayCaseDetails, FindACountThatIsNotTheNecessitys) {
  for (const int more : {1, -1}) {
    ExpectFound(Told(Opening,
                     [&](BuiltAct& act, LogBuilder&) {
                       v1::OpenCase& open = *act.command.mutable_open_case();
                       open.set_necessity_characters(open.necessity_characters() +
                                                     static_cast<uint32_t>(more));
                     }),
                "do not say what the entry says");
  }
}

// The vault says that something was there which the rules ask for.
TEST(ReplayCaseDetails, FindFindingsThatWereNeverMade) {
  using Edit = void (*)(v1::OpenCase&);
  const std::pair<Edit, Edit> pretences[] = {
      {[](v1::OpenCase& o) { o.clear_reference_given(); },
       [](v1::OpenCase& o) { o.set_reference_given(true); }},
      {[](v1::OpenCase& o) { o.clear_description_given(); },
       [](v1::OpenCase& o) { o.set_description_given(true); }},
      {[](v1::OpenCase& o) { o.set_necessity_characters(9); },
       [](v1::OpenCase& o) { o.set_necessity_characters(60); }},
  };
  for (const auto& [missing, pretended] : pretences) {
    const auto opening = [missing = missing](PolicyWorld& world) {
      v1::Command command = world.OpenCase();
      missing(*command.mutable_open_case());
      return command;
    };
    const auto pretend = [pretended = pretended](BuiltAct& act, LogBuilder&) {
      pretended(*act.command.mutable_open_case());
    };
    ExpectFound(Told(opening, pretend), "do not say what the entry says");
  }
  const auto without_reasons = [](PolicyWorld& world) {
    v1::Command command = Refusing(world);
    command.mutable_refuse_warrant()->clear_reasons_given();
    return command;
  };
  ExpectFound(Told(without_reasons,
                   [](BuiltAct& act, LogBuilder&) {
                     act.command.mutable_refuse_warrant()->set_reasons_given(true);
                   }),
              "reasons are not what the entry says");
}

TEST(ReplayCaseDetails, FindANecessityThatWasCopiedUnderAnotherDigest) {
  const auto copying = [](PolicyWorld& world) {
    const v1::Command first = world.OpenCase();
    world.Do(first);
    v1::Command second = world.OpenCase();
    second.mutable_open_case()->set_necessity_digest(first.open_case().necessity_digest());
    return second;
  };
  ExpectFound(Told(copying,
                   [](BuiltAct& act, LogBuilder&) {
                     act.command.mutable_open_case()->set_necessity_digest(std::string(32, 'x'));
                   }),
              "earlier case");
}

template <class Payload>
void Sign(const crypto::SigningKey& key, const Payload& payload, BuiltAct& act,
          v1::StatementFacts& facts) {
  act.envelopes[0] = *MakeStatement(payload);
  AddSignature(key, act.envelopes[0]);
  facts.set_digest(FactsOf(act.envelopes[0], payload)->digest());
}

TEST(ReplayCaseDetails, FindDetailsThatAreNone) {
  ExpectFound(Told(Opening,
                   [](BuiltAct& act, LogBuilder& log) {
                     act.openings[0].set_payload("{\"reference\":null}");
                     v1::CaseOpening& opening = *act.command.mutable_open_case()->mutable_opening();
                     opening.set_details(base::ToHex(CommitmentDigest(act.openings[0])));
                     Sign(log.KeyOf("anna"), opening, act,
                          *act.command.mutable_open_case()->mutable_statement());
                   }),
              "the details");
  ExpectFound(Told(Refusing,
                   [](BuiltAct& act, LogBuilder& log) {
                     act.openings[0].set_payload("[]");
                     v1::WarrantRefusal& refusal =
                         *act.command.mutable_refuse_warrant()->mutable_refusal();
                     refusal.set_details(base::ToHex(CommitmentDigest(act.openings[0])));
                     Sign(log.KeyOf("jo"), refusal, act,
                          *act.command.mutable_refuse_warrant()->mutable_statement());
                   }),
              "the details");
}

TEST(ReplayCaseDetails, CountWhatIsErasedWithItsAuthoritysYear) {
  PolicyWorld world = PolicyWorld::Ready();
  const uint32_t year = policy::YearOf(world.now);
  const std::string refused = world.Opened();
  world.Do(world.RefuseWarrant(refused));
  world.Do(world.EraseDone(v1::ERASURE_TARGET_CASE, refused));
  world.Do(world.CloseCase(world.Opened()));
  world.now = policy::MonthsAfterYear(year, 6);
  world.Do(world.CloseCase(world.Opened()));  // of another year
  const auto report_now = [&] {
    LogBuilder log;
    log.Import(world.log);
    log.Close();
    return ReplayWith(log, {});
  };
  EXPECT_EQ(report_now().details->withheld, 4u);
  const uint64_t replayed = report_now().decisions.replayed;
  world.Do(world.ForgetAuthorityYear(world.police, year));
  EXPECT_EQ(report_now().details->withheld, 4u) << "started is not done";
  world.Do(world.EraseDone(v1::ERASURE_TARGET_AUTHORITY_YEAR,
                           policy::AuthorityYearId(world.police, year)));
  const ReplayReport report = report_now();
  EXPECT_TRUE(report.clean()) << ReplayText(report, 20);
  EXPECT_EQ(report.details->erased, 3u);
  EXPECT_EQ(report.details->withheld, 1u);
  EXPECT_EQ(report.decisions.erased, 3u);
  EXPECT_EQ(report.decisions.replayed, replayed + 2 - 3);
}

}  // namespace
}  // namespace kluis::audit::replay_case_details_test
