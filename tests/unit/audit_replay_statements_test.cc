// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "audit/replay/replay.h"
#include "audit/statement_facts.h"
#include "tests/fakes/log_builder.h"
#include "tests/fakes/measurement_acts.h"
#include "tests/fakes/memory_log.h"
#include "tests/fakes/operator_acts.h"
#include "tests/fakes/policy_world.h"
#include "tests/fakes/rotation_acts.h"

namespace kluis::audit::replay_statements_test {
namespace {

using policy::PolicyWorld;
using testing::HasSubstr;

// A replay of a history in which the last of these acts is edited before it is decided, so that the
// decision, the changes and the digests are those of the lie. The act may be a refused one.
struct Lie {
  uint64_t index = 0;
  ReplayReport report;
};

Lie Tell(const std::function<v1::Command(PolicyWorld&)>& act,
         const std::function<void(BuiltAct&, LogBuilder&)>& edit) {
  PolicyWorld world = PolicyWorld::Ready();
  const v1::Command command = act(world);
  LogBuilder log;
  log.Import(world.log);
  BuiltAct built = log.Real(command);
  edit(built, log);
  Lie lie;
  lie.index = log.size();
  log.Append(built);
  log.Close();
  lie.report = ReplayOf(log);
  return lie;
}

void ExpectWrong(const Lie& lie, const std::string& reason) {
  ASSERT_EQ(lie.report.decisions.mismatched, 1u) << ReplayText(lie.report, 20);
  EXPECT_EQ(lie.report.decisions.mismatches.first()[0].index, lie.index);
  EXPECT_THAT(lie.report.decisions.mismatches.first()[0].reason, HasSubstr(reason));
  EXPECT_EQ(lie.report.state.mismatches.count(), 0u);
}

v1::Command Opening(PolicyWorld& world) { return world.OpenCase(); }
v1::Command Stopping(PolicyWorld& world) { return world.Stop(); }
v1::Command Enrolling(PolicyWorld& world) { return world.Enroll(); }

TEST(ReplayStatements, AreFineWhenNothingIsEdited) {
  const Lie honest = Tell(Opening, [](BuiltAct&, LogBuilder&) {});
  EXPECT_TRUE(honest.report.clean()) << ReplayText(honest.report, 20);
}

TEST(ReplayStatements, MayBeWrittenInAnyOrderOfFieldsAndWithWhiteSpace) {
  const Lie honest = Tell(Stopping, [](BuiltAct& act, LogBuilder& log) {
    v1::Envelope& envelope = act.envelopes[0];
    envelope.mutable_payload()->insert(1, "\n  ");
    envelope.clear_signatures();
    AddSignature(log.KeyOf("sup-1"), envelope);
    act.command.mutable_stop()->mutable_statement()->set_digest(DigestOf(envelope));
  });
  EXPECT_TRUE(honest.report.clean()) << ReplayText(honest.report, 20);
}

// Orders of operators and supervisors that change no case stand whole as well.
TEST(ReplayStatements, OfMeasurementsAreReadAgain) {
  const auto calibrating = [](PolicyWorld& world) { return policy::Calibrate(world); };
  const auto evaluating = [](PolicyWorld& world) {
    world.Do(policy::RegisterEvaluationPurpose(world));
    return policy::Evaluate(world);
  };
  EXPECT_EQ(Tell(calibrating, [](BuiltAct&, LogBuilder&) {}).report.decisions.mismatched, 0u);
  EXPECT_EQ(Tell(evaluating, [](BuiltAct&, LogBuilder&) {}).report.decisions.mismatched, 0u);
  ExpectWrong(Tell(calibrating,
                   [](BuiltAct& act, LogBuilder&) {
                     act.command.mutable_calibrate()->mutable_order()->set_reasons("Other.");
                   }),
              "does not say");
  ExpectWrong(Tell(evaluating,
                   [](BuiltAct& act, LogBuilder&) {
                     act.command.mutable_evaluate()->mutable_order()->set_probes(201);
                   }),
              "does not say");
}

TEST(ReplayStatements, OfARecoveryAndARotationAreReadAgain) {
  const auto recovering = [](PolicyWorld& world) { return policy::Recover(world); };
  const auto rotating = [](PolicyWorld& world) { return policy::RotateTransform(world); };
  EXPECT_TRUE(Tell(recovering, [](BuiltAct&, LogBuilder&) {}).report.clean());
  EXPECT_TRUE(Tell(rotating, [](BuiltAct&, LogBuilder&) {}).report.clean());
  ExpectWrong(Tell(recovering,
                   [](BuiltAct& act, LogBuilder&) {
                     act.command.mutable_recover()->mutable_order()->set_reasons("Another.");
                   }),
              "does not say");
  ExpectWrong(Tell(rotating,
                   [](BuiltAct& act, LogBuilder&) {
                     act.command.mutable_rotate_transform()->mutable_order()->set_reasons("Other.");
                   }),
              "does not say");
  ExpectWrong(
      Tell(recovering,
           [](BuiltAct& act, LogBuilder&) { act.envelopes[0].mutable_signatures()->RemoveLast(); }),
      "signatures");
}

TEST(ReplayStatements, FindAnEnumThatNamesNothing) {
  ExpectWrong(Tell(Opening,
                   [](BuiltAct& act, LogBuilder& log) {
                     v1::CaseOpening& opening = *act.command.mutable_open_case()->mutable_opening();
                     opening.set_matter(static_cast<v1::Matter>(77));
                     act.envelopes[0] = *MakeStatement(opening);
                     AddSignature(log.KeyOf("anna"), act.envelopes[0]);
                   }),
              "not readable");
}

TEST(ReplayStatements, FindASignerThatDidNotSign) {
  ExpectWrong(Tell(Stopping,
                   [](BuiltAct& act, LogBuilder& log) {
                     act.command.mutable_stop()->mutable_statement()->add_signed_by(
                         crypto::KeyIdOf(log.KeyOf("sup-2").public_key()));
                   }),
              "signatures");
}

TEST(ReplayStatements, FindASignerThatIsLeftOut) {
  ExpectWrong(Tell(Stopping,
                   [](BuiltAct& act, LogBuilder&) {
                     act.command.mutable_stop()->mutable_statement()->clear_signed_by();
                   }),
              "signatures");
}

TEST(ReplayStatements, FindASignatureThatDoesNotVerify) {
  for (const auto& act : {Opening, Stopping}) {
    ExpectWrong(Tell(act,
                     [](BuiltAct& built, LogBuilder&) {
                       std::string& sig = *built.envelopes[0].mutable_signatures(0)->mutable_sig();
                       sig[10] = static_cast<char>(sig[10] ^ 1);
                     }),
                "signatures");
  }
}

TEST(ReplayStatements, FindAPayloadThatIsNotWhatTheCommandSays) {
  ExpectWrong(Tell(Stopping,
                   [](BuiltAct& act, LogBuilder&) {
                     act.command.mutable_stop()->mutable_order()->set_reasons("Another reason.");
                   }),
              "does not say");
  ExpectWrong(Tell(Stopping,
                   [](BuiltAct& act, LogBuilder&) {
                     std::string& payload = *act.envelopes[0].mutable_payload();
                     payload.replace(payload.find("misuse"), 6, "nothin");
                   }),
              "does not say");
}

TEST(ReplayStatements, FindAPayloadThatIsNotReadable) {
  ExpectWrong(Tell(Stopping, [](BuiltAct& act,
                                LogBuilder&) { act.envelopes[0].mutable_payload()->append("{}"); }),
              "not readable");
  ExpectWrong(Tell(Stopping,
                   [](BuiltAct& act, LogBuilder&) {
                     act.envelopes[0].set_payload_type("application/vnd.kluis.lift-order.v1+json");
                   }),
              "not readable");
}

TEST(ReplayStatements, FindFactsThatAreNotThoseOfTheStatement) {
  using Edit = void (*)(v1::StatementFacts&);
  const Edit edits[] = {[](v1::StatementFacts& f) { f.set_kind("lift-order"); },
                        [](v1::StatementFacts& f) { f.set_digest(std::string(32, 'i')); },
                        [](v1::StatementFacts& f) { f.set_issued_at(f.issued_at() + 1); },
                        [](v1::StatementFacts& f) { f.set_vault("other"); },
                        [](v1::StatementFacts& f) { f.set_usable_until(f.issued_at() + 1); },
                        [](v1::StatementFacts& f) { f.set_subject_signed(true); }};
  for (const Edit edit : edits) {
    ExpectWrong(Tell(Stopping,
                     [edit](BuiltAct& act, LogBuilder&) {
                       edit(*act.command.mutable_stop()->mutable_statement());
                     }),
                "facts");
  }
}

TEST(ReplayStatements, FindOneTooManyOrTooFew) {
  ExpectWrong(
      Tell(Stopping, [](BuiltAct& act, LogBuilder&) { act.envelopes.push_back(act.envelopes[0]); }),
      "exactly one");
  ExpectWrong(Tell(Stopping, [](BuiltAct& act, LogBuilder&) { act.envelopes.clear(); }),
              "exactly one");
  ExpectWrong(Tell(Enrolling, [](BuiltAct& act, LogBuilder&) { act.envelopes.emplace_back(); }),
              "stands on no statement");
}

TEST(ReplayDerived, FindsAKeyThatIsNotTheRegistrations) {
  const auto registering = [](PolicyWorld& world) { return world.Register(v1::ROLE_JUDGE, "kim"); };
  ExpectWrong(Tell(registering,
                   [](BuiltAct& act, LogBuilder&) {
                     act.command.mutable_register_()->set_public_key(std::string(32, 'k'));
                   }),
              "key to be registered");
  ExpectWrong(Tell(registering,
                   [](BuiltAct& act, LogBuilder&) {
                     act.command.mutable_register_()->set_keyid(std::string(32, '0'));
                   }),
              "key to be registered");
}

TEST(ReplayDerived, FindsDetailsThatTheSignedStatementDoesNotCommitTo) {
  ExpectWrong(Tell(Opening,
                   [](BuiltAct& act, LogBuilder&) {
                     act.command.mutable_open_case()->set_necessity_digest("x");
                   }),
              "necessity");
  const auto refusing = [](PolicyWorld& world) { return world.RefuseWarrant(world.Opened()); };
  using Edit = void (*)(BuiltAct&, LogBuilder&);
  const Edit edits[] = {
      [](BuiltAct& act, LogBuilder&) { act.openings[0].mutable_nonce()->back() ^= 1; },
      [](BuiltAct& act, LogBuilder&) { act.openings[0].mutable_payload()->back() ^= 1; },
      [](BuiltAct& act, LogBuilder&) { act.openings[0].set_what("consent"); },
      [](BuiltAct& act, LogBuilder&) { act.openings.push_back(act.openings[0]); },
      [](BuiltAct& act, LogBuilder&) { act.openings.clear(); },
  };
  for (const Edit edit : edits) {
    ExpectWrong(Tell(Opening, edit), "commits to its details");
    ExpectWrong(Tell(refusing, edit), "commits to its reasons");
  }
}

TEST(ReplayDerived, FindsCommitmentsThatTheCommandDoesNotMake) {
  ExpectWrong(Tell(Enrolling,
                   [](BuiltAct& act, LogBuilder&) {
                     act.command.mutable_enroll()->set_consent_commitment(std::string(32, 'c'));
                   }),
              "commits to its consent");
  ExpectWrong(Tell(Enrolling, [](BuiltAct& act, LogBuilder&) { act.openings.pop_back(); }),
              "commits to its consent");
  ExpectWrong(Tell(
                  [](PolicyWorld& world) {
                    const std::string kase = world.Active();
                    return world.Disclose(kase, world.Confirmed(kase));
                  },
                  [](BuiltAct& act, LogBuilder&) {
                    act.command.mutable_disclose()->set_subject_commitment(std::string(32, 's'));
                  }),
              "commits to whom it named");
}

TEST(ReplayDerived, FindsAReleaseThatIsNone) {
  ExpectWrong(Tell(
                  [](PolicyWorld& world) {
                    world.Do(world.RegisterHeldPurpose());
                    return world.VerifyHeld(world.EnrolledHeld());
                  },
                  [](BuiltAct& act, LogBuilder&) {
                    act.command.mutable_verify()->mutable_released()->mutable_statement()->set_kind(
                        "consent");
                  }),
              "no release");
}

TEST(ReplayDerived, FindsACommittedStatementOfAnotherKind) {
  ExpectWrong(Tell(Enrolling,
                   [](BuiltAct& act, LogBuilder&) {
                     act.command.mutable_enroll()->mutable_consent_statement()->set_kind("access");
                   }),
              "consent and a capture attestation");
  ExpectWrong(Tell([](PolicyWorld& world) { return world.Withdraw(world.Enrolled()); },
                   [](BuiltAct& act, LogBuilder&) {
                     act.command.mutable_withdraw()->mutable_statement()->set_kind("consent");
                   }),
              "not a withdrawal");
  ExpectWrong(Tell([](PolicyWorld& world) { return world.Access(world.Enrolled()); },
                   [](BuiltAct& act, LogBuilder&) {
                     act.command.mutable_access()->mutable_statement()->set_kind("consent");
                   }),
              "not an access request");
}

TEST(ReplayDerived, FindsAFoundingOfAnotherLogOrVault) {
  for (const bool key : {true, false}) {
    LogBuilder log;
    PolicyWorld world;
    v1::Command command = world.Found();
    if (!key) {
      command.mutable_found()->mutable_founding()->set_vault("another.example/log");
      command.mutable_found()->mutable_statement()->set_vault("another.example/log");
    }
    log.SetTime(world.now);
    log.Append(command);
    log.Start();
    log.Close();
    const VerifierKey other = *VerifierKey::Create(log.key().name(), KeyType::kEd25519,
                                                   log.KeyOf("another log").public_key());
    const auto report =
        Replay(log.checkpoint(), key ? other : log.key(), ReaderOf(log.entries()), {});
    ASSERT_TRUE(report.ok());
    ASSERT_EQ(report->decisions.mismatched, 1u);
    EXPECT_EQ(report->decisions.mismatches.first()[0].index, 0u);
    EXPECT_THAT(report->decisions.mismatches.first()[0].reason,
                HasSubstr(key ? "another log key" : "another vault"));
  }
}

TEST(ReplayForm, FindsWhatThisVersionDoesNotKnowAndWhatIsNoEntry) {
  for (const bool unknown : {true, false}) {
    PolicyWorld world = PolicyWorld::Ready();
    LogBuilder log;
    log.Import(world.log);
    BuiltAct built = log.Real(world.ReadCase(""));
    v1::Entry entry = log.EntryOf(built, log.Append(built).decision, {});
    if (unknown) {
      entry.mutable_command()
          ->GetReflection()
          ->MutableUnknownFields(entry.mutable_command())
          ->AddVarint(999, 1);
    } else {
      entry.set_version(2);
    }
    log.AppendEntry(entry);
    log.Close();
    const ReplayReport report = ReplayOf(log);
    ASSERT_EQ(report.decisions.mismatched, 1u) << ReplayText(report, 5);
    EXPECT_EQ(report.decisions.mismatches.first()[0].index, log.size() - 2);
    EXPECT_THAT(report.decisions.mismatches.first()[0].reason,
                HasSubstr(unknown ? "does not know" : "not an entry"));
  }
}

}  // namespace
}  // namespace kluis::audit::replay_statements_test
