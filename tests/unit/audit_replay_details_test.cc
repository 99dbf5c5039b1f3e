// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "audit/replay/details.h"
#include "audit/replay/replay.h"
#include "base/codec.h"
#include "tests/fakes/log_builder.h"
#include "tests/fakes/memory_log.h"
#include "tests/fakes/policy_world.h"

namespace kluis::audit::replay_details_test {
namespace {

using policy::PolicyWorld;
using testing::HasSubstr;
using Openings = std::vector<v1::CommitmentOpening>;

std::string LineOf(const v1::CommitmentOpening& opening) {
  return nlohmann::ordered_json{{"log_index", opening.log_index()},
                                {"what", opening.what()},
                                {"nonce", base::ToBase64(opening.nonce())},
                                {"payload", base::ToBase64(opening.payload())}}
             .dump() +
         "\n";
}

std::string ExportOf(const Openings& openings) {
  std::string lines;
  for (const v1::CommitmentOpening& opening : openings) lines += LineOf(opening);
  return lines;
}

ReplayReport ReplayWith(const LogBuilder& log, const Openings& openings) {
  std::istringstream details(ExportOf(openings));
  return ReplayOf(log, &details);
}

LogBuilder Built(const std::vector<v1::Entry>& entries) {
  LogBuilder log;
  log.Import(entries);
  log.Close();
  return log;
}

// Two people enrolled, a third one refused, a case, and one disclosure.
LogBuilder Story() {
  PolicyWorld world = PolicyWorld::Ready();
  world.Enrolled();
  world.Enrolled();
  v1::Command refused = world.Enroll();
  refused.mutable_enroll()->set_adult(false);
  world.Run(refused);
  const std::string kase = world.Active();
  world.Do(world.Disclose(kase, world.Confirmed(kase)));
  return Built(world.log);
}

// The one finding, at the entry of the opening that was edited.
void ExpectWrong(const LogBuilder& log, const Openings& openings, uint64_t index,
                 const std::string& reason) {
  const ReplayReport report = ReplayWith(log, openings);
  ASSERT_TRUE(report.details.has_value());
  ASSERT_EQ(report.details->mismatches.count(), 1u) << ReplayText(report, 20);
  EXPECT_EQ(report.details->mismatches.first()[0].index, index);
  EXPECT_THAT(report.details->mismatches.first()[0].reason, HasSubstr(reason));
  EXPECT_FALSE(report.clean());
}

TEST(ReplayDetails, AreTrueOfAnHonestLog) {
  const LogBuilder log = Story();
  ASSERT_EQ(log.openings().size(), 6u);
  const ReplayReport report = ReplayWith(log, log.openings());
  EXPECT_TRUE(report.clean()) << ReplayText(report, 20);
  EXPECT_EQ(report.details->opened, 6u);
  EXPECT_EQ(report.details->not_kept, 2u);
  EXPECT_EQ(report.details->withheld, 0u);
  EXPECT_THAT(ReplayJson(report, 20), HasSubstr("\"opened\":6"));
  EXPECT_THAT(ReplayText(report, 20), HasSubstr("commitments opened and found true"));
}

TEST(ReplayDetails, CountWhatIsWithheld) {
  const LogBuilder log = Story();
  Openings some = log.openings();
  some.erase(some.begin() + 1);
  some.pop_back();
  const ReplayReport report = ReplayWith(log, some);
  EXPECT_TRUE(report.clean()) << ReplayText(report, 20);
  EXPECT_EQ(report.details->opened, 4u);
  EXPECT_EQ(report.details->withheld, 2u);
}

TEST(ReplayDetails, CountWhatIsErasedWithItsSubject) {
  PolicyWorld world = PolicyWorld::Ready();
  const std::string gone = world.Enrolled();
  world.Enrolled();
  world.Do(world.Withdraw(gone));
  world.Do(world.EraseDone(v1::ERASURE_TARGET_TEMPLATE, world.TemplateOf(gone).id()));
  world.now += PolicyWorld::kDetailsRetention;
  world.Do(world.ForgetSubject(gone));
  world.Do(world.EraseDone(v1::ERASURE_TARGET_SUBJECT, gone));
  const ReplayReport report = ReplayWith(Built(world.log), {});
  EXPECT_TRUE(report.clean()) << ReplayText(report, 20);
  EXPECT_EQ(report.details->erased, 2u);
  EXPECT_EQ(report.details->withheld, 2u);
}

TEST(ReplayDetails, FindAnOpeningThatIsNotTheCommitments) {
  const LogBuilder log = Story();
  using Edit = void (*)(v1::CommitmentOpening&);
  const Edit edits[] = {
      [](v1::CommitmentOpening& o) { o.mutable_nonce()->back() ^= 1; },
      [](v1::CommitmentOpening& o) { o.mutable_payload()->back() ^= 1; },
      [](v1::CommitmentOpening& o) { o.set_what("capture-attestation"); },
  };
  for (const Edit edit : edits) {
    Openings openings = log.openings();
    edit(openings[0]);
    ExpectWrong(log, openings, openings[0].log_index(), "not that of a commitment");
  }
}

TEST(ReplayDetails, FindACommitmentThatIsOpenedTwice) {
  const LogBuilder log = Story();
  Openings openings = log.openings();
  openings.insert(openings.begin(), openings[0]);
  ExpectWrong(log, openings, openings[0].log_index(), "twice");
}

// As many openings as commitments, and the attestation's stays closed.
TEST(ReplayDetails, FindACommitmentThatIsOpenedInTheSteadOfAnother) {
  const LogBuilder log = Story();
  Openings openings = log.openings();
  ASSERT_EQ(openings[0].log_index(), openings[1].log_index());
  openings[1] = openings[0];
  ExpectWrong(log, openings, openings[0].log_index(), "twice");
}

// Facts that the vault recorded, and the statements behind the commitments do not bear out.
TEST(ReplayDetails, FindFactsThatTheStatementsDoNotBearOut) {
  using Edit = void (*)(v1::Enroll&);
  const Edit edits[] = {
      [](v1::Enroll& e) { e.mutable_consent_statement()->set_issued_at(e.captured_at()); },
      [](v1::Enroll& e) { e.mutable_consent_statement()->set_digest(std::string(32, 'i')); },
      [](v1::Enroll& e) { e.set_consent_expires_at(e.consent_expires_at() + 1); },
      [](v1::Enroll& e) { e.set_quality(e.quality() + 1); },
      [](v1::Enroll& e) { e.set_category(v1::SUBJECT_CATEGORY_WITNESS); },
      [](v1::Enroll& e) { e.set_captured_at(e.captured_at() + 1); },
  };
  for (const Edit edit : edits) {
    LogBuilder log;
    PolicyWorld world = PolicyWorld::Ready();
    log.Import(world.log);
    BuiltAct act = log.Real(world.Enroll());
    edit(*act.command.mutable_enroll());
    const uint64_t index = log.size();
    ASSERT_TRUE(log.Append(act).decision.allowed());
    log.Close();
    EXPECT_EQ(ReplayOf(log).decisions.mismatched, 0u) << "the commitments hide it";
    ExpectWrong(log, log.openings(), index, "do not say what the entry says");
  }
}

TEST(ReplayDetails, FindACustodySecretThatTheConsentDoesNotName) {
  for (const bool honest : {true, false}) {
    LogBuilder log;
    PolicyWorld world = PolicyWorld::Ready();
    world.Do(world.RegisterHeldPurpose());
    log.Import(world.log);
    BuiltAct act = log.Real(world.EnrollHeld());
    if (!honest) act.command.mutable_enroll()->set_custody_sha256(std::string(32, 'x'));
    const uint64_t index = log.size();
    ASSERT_TRUE(log.Append(act).decision.allowed());
    log.Close();
    if (honest) {
      const ReplayReport report = ReplayWith(log, log.openings());
      EXPECT_TRUE(report.clean()) << ReplayText(report, 20);
      EXPECT_EQ(report.details->opened, 2u);
    } else {
      ExpectWrong(log, log.openings(), index, "do not say what the entry says");
    }
  }
}

// Signatures and sameness that the vault pretends to have found.
TEST(ReplayDetails, FindFindingsThatWereNeverMade) {
  struct Pretence {
    void (*missing)(v1::Enroll&);
    void (*pretended)(v1::Enroll&, LogBuilder&);
  };
  const Pretence pretences[] = {
      {[](v1::Enroll& e) { e.mutable_consent_statement()->set_subject_signed(false); },
       [](v1::Enroll& e, LogBuilder&) { e.mutable_consent_statement()->set_subject_signed(true); }},
      {[](v1::Enroll& e) { e.mutable_attestation_statement()->clear_signed_by(); },
       [](v1::Enroll& e, LogBuilder& log) {
         e.mutable_attestation_statement()->add_signed_by(
             crypto::KeyIdOf(log.KeyOf("rex").public_key()));
       }},
      {[](v1::Enroll& e) { e.set_same_subject(false); },
       [](v1::Enroll& e, LogBuilder&) { e.set_same_subject(true); }},
      {[](v1::Enroll& e) { e.set_live_capture(false); },
       [](v1::Enroll& e, LogBuilder&) { e.set_live_capture(true); }},
      {[](v1::Enroll& e) { e.set_explicit_consent(false); },
       [](v1::Enroll& e, LogBuilder&) { e.set_explicit_consent(true); }},
  };
  for (const Pretence& pretence : pretences) {
    LogBuilder log;
    PolicyWorld world = PolicyWorld::Ready();
    log.Import(world.log);
    v1::Command command = world.Enroll();
    pretence.missing(*command.mutable_enroll());
    BuiltAct act = log.Real(command);
    pretence.pretended(*act.command.mutable_enroll(), log);
    const uint64_t index = log.size();
    ASSERT_TRUE(log.Append(act).decision.allowed());
    log.Close();
    ExpectWrong(log, log.openings(), index, "do not say what the entry says");
  }
}

TEST(ReplayDetails, FindAPayloadThatIsNoStatement) {
  LogBuilder log;
  PolicyWorld world = PolicyWorld::Ready();
  log.Import(world.log);
  BuiltAct act = log.Real(world.Enroll());
  act.openings[0].set_payload("not an envelope");
  act.command.mutable_enroll()->set_consent_commitment(CommitmentDigest(act.openings[0]));
  const uint64_t index = log.size();
  ASSERT_TRUE(log.Append(act).decision.allowed());
  log.Close();
  ExpectWrong(log, log.openings(), index, "the consent");
}

TEST(ReplayDetails, MustBeAnExportOfThisLogInItsOrder) {
  const LogBuilder log = Story();
  const auto status_of = [&](const std::string& lines) {
    std::istringstream details(lines);
    ReplayOptions options;
    options.details = &details;
    return Replay(log.checkpoint(), log.key(), ReaderOf(log.entries()), options).status();
  };
  Openings backwards = log.openings();
  std::reverse(backwards.begin(), backwards.end());
  Openings beyond = log.openings();
  beyond.back().set_log_index(log.size());
  EXPECT_EQ(status_of(ExportOf(backwards)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status_of(ExportOf(beyond)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status_of("not JSON\n").code(), absl::StatusCode::kInvalidArgument);
}

// Gives what it holds, and then fails as a disk does.
class FailingBuffer final : public std::stringbuf {
 public:
  using std::stringbuf::stringbuf;

 protected:
  int_type underflow() override {
    const int_type next = std::stringbuf::underflow();
    if (next == traits_type::eof()) throw std::ios_base::failure("disk");
    return next;
  }
};

TEST(ReplayDetails, DoNotEndWhereTheFileCannotBeRead) {
  const LogBuilder log = Story();
  const Openings some(log.openings().begin(), log.openings().begin() + 2);
  for (const std::string& lines : {ExportOf(some), std::string()}) {
    FailingBuffer buffer(lines);
    std::istream details(&buffer);
    ReplayOptions options;
    options.details = &details;
    const absl::Status status =
        Replay(log.checkpoint(), log.key(), ReaderOf(log.entries()), options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("cannot be read"));
  }
  std::ifstream missing("/no/such/export");
  ReplayOptions options;
  options.details = &missing;
  EXPECT_EQ(Replay(log.checkpoint(), log.key(), ReaderOf(log.entries()), options).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST(ParseOpening, ReadsALineAndRefusesEveryOtherForm) {
  v1::CommitmentOpening opening;
  opening.set_log_index(7);
  opening.set_what("consent");
  opening.set_nonce(std::string(32, 'n'));
  opening.set_payload("payload");
  const auto read = ParseOpening(LineOf(opening));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->SerializeAsString(), opening.SerializeAsString());
  const std::string nonce = base::ToBase64(std::string(32, 'n'));
  for (const std::string& line :
       {std::string("{}"), std::string("[]"), std::string(""),
        R"({"log_index":-1,"what":"consent","nonce":")" + nonce + R"(","payload":""})",
        R"({"log_index":"7","what":"consent","nonce":")" + nonce + R"(","payload":""})",
        std::string(R"({"log_index":7,"what":"consent","nonce":"bm8=","payload":""})"),
        R"({"log_index":7,"what":"consent","nonce":")" + nonce + R"(","payload":"*"})",
        R"({"log_index":7,"what":"consent","nonce":")" + nonce + R"(","payload":"","x":1})"}) {
    EXPECT_FALSE(ParseOpening(line).ok()) << line;
  }
}

}  // namespace
}  // namespace kluis::audit::replay_details_test
