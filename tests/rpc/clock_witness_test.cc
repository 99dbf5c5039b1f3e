// SPDX-License-Identifier: Apache-2.0
// A start far from the last entry, confirmed by the witnesses of the log: as many as the quorum, at
// one time, which the machine's clock shows too.
#include <memory>
#include <string>
#include <vector>

#include "audit/replay/replay.h"
#include "audit/witness/witness.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/publish/publisher.h"
#include "tests/fakes/growing_log.h"
#include "tests/fakes/loopback_server.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/fakes/test_vault.h"

namespace kluis::clock_witness_test {
namespace {

using testing::HasSubstr;

// One witness, whose clock is the machine's and a little off.
class NamedWitness {
 public:
  NamedWitness(TestVault& vault, char seed)
      : key_(audit::GrowingLog::KeyOf(seed)),
        name_("witness.example/" + std::to_string(seed)),
        witness_(*audit::Witness::Open(
            {name_,
             {*audit::VerifierKey::Parse(vault.vault().publisher().verifier_key())},
             "state",
             [this, &vault] { return static_cast<uint64_t>(vault.now() + ahead); }},
            audit::GrowingLog::KeyOf(seed), files_)),
        server_([this](const std::string& body) {
          if (!answers) return LoopbackAnswer{503, "", ""};
          const audit::WitnessReply reply = witness_->AddCheckpoint(body);
          return LoopbackAnswer{reply.status, reply.content_type, reply.body};
        }) {}

  audit::VerifierKey key() const {
    return *audit::VerifierKey::Create(name_, audit::KeyType::kEd25519Cosignature,
                                       key_.public_key());
  }
  std::string line() const { return server_.url() + " " + key().ToString(); }

  bool answers = true;
  int64_t ahead = 0;

 private:
  const crypto::SigningKey key_;
  const std::string name_;
  crypto::MemoryFileSystem files_;
  std::unique_ptr<audit::Witness> witness_;
  LoopbackServer server_;
};

class ClockWitness : public testing::Test {
 protected:
  ClockWitness() : one_(vault_, 7), two_(vault_, 8) {
    vault_.ShutDown();
    vault_.config().audit.witnesses = {one_.line(), two_.line()};
    vault_.config().audit.witness_quorum = 2;
    vault_.config().audit.witness_seconds = 30;
    vault_.config().audit.checkpoint_seconds = 3600;
    EXPECT_TRUE(vault_.TryStart().ok());
    vault_.ShutDown();
  }

  bool StartsTrustedAfter(int64_t seconds) {
    vault_.Advance(seconds);
    EXPECT_TRUE(vault_.TryStart().ok());
    return vault_.Status().clock().trusted();
  }

  audit::ReplayReport ReplayedWith(const std::vector<audit::VerifierKey>& witnesses) {
    service::Publisher& publisher = vault_.vault().publisher();
    EXPECT_TRUE(publisher.Sign().ok());
    const auto key = audit::VerifierKey::Parse(publisher.verifier_key());
    const auto report = audit::ReplayDirectory(vault_.config().audit.directory, *key, witnesses,
                                               witnesses.size(), audit::ReplayOptions());
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *report : audit::ReplayReport();
  }

  TestVault vault_;
  NamedWitness one_;
  NamedWitness two_;
};

TEST_F(ClockWitness, QuorumConfirmsALateStartAndAReplayThatKnowsThemSeesIt) {
  two_.ahead = -200;
  EXPECT_TRUE(StartsTrustedAfter(10 * kDay));
  EXPECT_EQ(Must(vault_.OpenCase(), "open").receipt().decided_at().seconds(), vault_.now());
  const audit::ReplayReport report = ReplayedWith({one_.key(), two_.key()});
  EXPECT_TRUE(report.clean()) << audit::ReplayText(report, 20);
  const audit::ReplayReport blind = ReplayedWith({});
  ASSERT_EQ(blind.completeness.mismatches.count(), 1u);
  EXPECT_THAT(blind.completeness.mismatches.first().front().reason, HasSubstr("does not know"));
  const audit::ReplayReport half = ReplayedWith({one_.key()});
  EXPECT_THAT(half.completeness.mismatches.first().front().reason, HasSubstr("did not say it"));
}

TEST_F(ClockWitness, OneAloneConfirmsNothing) {
  two_.answers = false;
  EXPECT_FALSE(StartsTrustedAfter(10 * kDay));
  EXPECT_EQ(vault_.OpenCase().reason, "CLOCK");
}

TEST_F(ClockWitness, SixMinutesApartTheyConfirmNothing) {
  two_.ahead = -301;
  EXPECT_FALSE(StartsTrustedAfter(10 * kDay));
}

TEST_F(ClockWitness, ATimeThatTheMachineDoesNotShowIsNotTaken) {
  one_.ahead = two_.ahead = -2 * kDay;
  EXPECT_FALSE(StartsTrustedAfter(10 * kDay));
}

}  // namespace
}  // namespace kluis::clock_witness_test
