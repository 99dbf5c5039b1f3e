// SPDX-License-Identifier: Apache-2.0
// Checkpoints and the published directory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "audit/checkpoint.h"
#include "audit/state_digest.h"
#include "audit/statement_facts.h"
#include "audit/verifier_key.h"
#include "audit/witness/witness.h"
#include "kluis/v1/audit_service.grpc.pb.h"
#include "service/publish/publisher.h"
#include "storage/layout.h"
#include "tests/fakes/growing_log.h"
#include "tests/fakes/loopback_server.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/fakes/test_vault.h"

namespace kluis::publication_test {
namespace {

using testing::HasSubstr;

v1::Entry EntryAt(TestVault& vault, uint64_t index) {
  v1::Entry entry;
  const auto bytes = vault.vault().ledger().Entry(index);
  if (bytes.ok()) entry.ParseFromString(*bytes);
  return entry;
}

std::string FileText(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// The TCP ports that this process listens on, by the kernel's own tables.
std::vector<int> ListeningPorts() {
  std::set<std::string> own;  // inodes of this process's sockets
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (target.starts_with("socket:[")) own.insert(target.substr(8, target.size() - 9));
  }
  std::vector<int> ports;
  for (const char* table : {"/proc/self/net/tcp", "/proc/self/net/tcp6"}) {
    std::ifstream lines(table);
    std::string line;
    std::getline(lines, line);  // the titles
    while (std::getline(lines, line)) {
      std::istringstream words(line);
      std::vector<std::string> fields{std::istream_iterator<std::string>(words), {}};
      constexpr size_t kInode = 9;
      if (fields.size() <= kInode || fields[3] != "0A" || !own.contains(fields[kInode])) continue;
      ports.push_back(std::stoi(fields[1].substr(fields[1].rfind(':') + 1), nullptr, 16));
    }
  }
  return ports;
}

TEST(Checkpoint, EndsWithTheDigestOfTheStateThatTheEntriesBeforeItMake) {
  TestVault vault;
  Must(vault.Enroll(vault.NewPerson()), "enrol");
  const auto checkpoint = vault.vault().publisher().Sign();
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  policy::MemoryState state;
  for (uint64_t i = 0; i + 1 < checkpoint->size; ++i) state.ApplyChanges(EntryAt(vault, i));
  audit::StateDigest digest;
  for (const auto& [key, value] : state.records()) digest.Add(key, value);
  const v1::CloseCheckpoint closing =
      EntryAt(vault, checkpoint->size - 1).command().close_checkpoint();
  EXPECT_EQ(closing.state_digest(), crypto::Bytes(digest.Value()));
  EXPECT_EQ(closing.records(), state.records().size());
}

TEST(Checkpoint, IsMadeAlsoWhenNothingHappens) {
  TestVault vault;
  vault.ShutDown();
  vault.config().audit.checkpoint_seconds = 1;
  ASSERT_TRUE(vault.TryStart().ok());
  const uint64_t size = vault.vault().publisher().Last().size;
  for (int i = 0; i < 500 && vault.vault().publisher().Last().size < size + 2; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_GE(vault.vault().publisher().Last().size, size + 2);
}

TEST(Checkpoint, IsNotMadeAgainForWhatTheLastOneCovers) {
  TestVault vault;
  const auto first = vault.vault().publisher().Latest();
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(vault.vault().publisher().Latest()->note, first->note);
  EXPECT_EQ(vault.vault().publisher().Covering(first->size - 1)->note, first->note);
  EXPECT_GT(vault.vault().publisher().Covering(first->size)->size, first->size);
}

// A vault whose checkpoints come from the test alone, and whose one witness does with each call
// what `answer` says.
class WitnessedVault {
 public:
  explicit WitnessedVault(std::function<LoopbackAnswer(const std::string&)> answer)
      : server_(std::move(answer)) {
    vault_.ShutDown();
    const auto key =
        audit::VerifierKey::Create("witness.example/1", audit::KeyType::kEd25519Cosignature,
                                   audit::GrowingLog::KeyOf(7).public_key());
    vault_.config().audit.witnesses = {server_.url() + " " + key->ToString()};
    vault_.config().audit.witness_quorum = 1;
    vault_.config().audit.witness_seconds = 30;
    vault_.config().audit.checkpoint_seconds = 3600;
    EXPECT_TRUE(vault_.TryStart().ok());
  }

  service::Publisher& publisher() { return vault_.vault().publisher(); }

 private:
  LoopbackServer server_;
  TestVault vault_;
};

TEST(Quorum, IsMetWhenTheWitnessesCosign) {
  crypto::MemoryFileSystem files;
  std::unique_ptr<audit::Witness> witness;  // none yet
  WitnessedVault vault([&](const std::string& body) {
    if (witness == nullptr) return LoopbackAnswer{503, "", ""};
    const audit::WitnessReply reply = witness->AddCheckpoint(body);
    return LoopbackAnswer{reply.status, reply.content_type, reply.body};
  });
  service::Publisher& publisher = vault.publisher();
  EXPECT_EQ(publisher.witness_quorum(), 1U);
  EXPECT_EQ(publisher.Last().cosigned, 0U);
  EXPECT_FALSE(publisher.Last().quorum);
  EXPECT_GT(publisher.Last().size, 0U);  // made, and published, all the same

  witness = *audit::Witness::Open({"witness.example/1",
                                   {*audit::VerifierKey::Parse(publisher.verifier_key())},
                                   "state",
                                   [] { return uint64_t{1'800'000'000}; }},
                                  audit::GrowingLog::KeyOf(7), files);
  const auto signed_now = publisher.Sign();
  ASSERT_TRUE(signed_now.ok()) << signed_now.status();
  EXPECT_EQ(signed_now->cosigned, 1U);
  EXPECT_TRUE(signed_now->quorum);
  EXPECT_TRUE(publisher.Last().quorum);
}

TEST(Quorum, OfNobodyIsMet) {
  TestVault vault;
  EXPECT_EQ(vault.vault().publisher().Last().cosigned, 0U);
  EXPECT_TRUE(vault.vault().publisher().Last().quorum);
}

TEST(Checkpoint, ThatWaitsForASlowWitnessHoldsUpNeitherChecksNorReaders) {
  std::atomic<bool> slow = false;
  std::atomic<bool> asked = false;
  WitnessedVault vault([&](const std::string&) {
    asked = slow.load();
    while (slow) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return LoopbackAnswer{503, "", ""};
  });
  service::Publisher& publisher = vault.publisher();
  const service::SignedCheckpoint last = publisher.Last();
  slow = true;
  auto signing = std::async(std::launch::async, [&] { return publisher.Sign().status(); });
  while (!asked) std::this_thread::yield();
  EXPECT_TRUE(publisher.Check().ok());
  EXPECT_EQ(publisher.Covering(last.size - 1)->note, last.note);
  EXPECT_EQ(signing.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  slow = false;
  EXPECT_TRUE(signing.get().ok());
}

TEST(Audit, ReadsBeyondTheLogWithoutANewCheckpointEachTime) {
  TestVault vault;
  vault.ShutDown();
  vault.config().audit.checkpoint_seconds = 3600;
  ASSERT_TRUE(vault.TryStart().ok());
  Must(vault.Enroll(vault.NewPerson()), "enrol");
  const size_t entries = vault.Entries(0, 1'000'000).size();
  EXPECT_EQ(entries, vault.vault().ledger().size());
  EXPECT_EQ(vault.Entries(0, 1'000'000).size(), entries);
  EXPECT_EQ(vault.vault().ledger().size(), entries);
}

TEST(Audit, ProvesNoConsistencyWithWhatWasNotSigned) {
  TestVault vault;
  vault.ShutDown();
  vault.config().audit.checkpoint_seconds = 3600;
  ASSERT_TRUE(vault.TryStart().ok());
  Must(vault.Enroll(vault.NewPerson()), "enrol");
  v1::GetConsistencyProofRequest request;
  request.set_old_size(1);
  request.set_new_size(vault.vault().publisher().Last().size);
  Must(vault.Call("auditor/one", &v1::AuditService::Stub::GetConsistencyProof, request), "proof");
  request.set_new_size(vault.vault().ledger().size());
  const auto refused =
      vault.Call("auditor/one", &v1::AuditService::Stub::GetConsistencyProof, request);
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(refused.reason, "MALFORMED_REQUEST");
}

TEST(Ledger, TellsAnEntryThatIsMissingFromOneThatNeverWas) {
  TestVault vault;
  const service::Ledger& ledger = vault.vault().ledger();
  storage::Batch batch;
  batch.Delete(storage::Column::kLog, storage::EntryKey(2));
  ASSERT_TRUE(vault.vault().database().Write(std::move(batch)).ok());
  const auto read = ledger.Entries(ledger.size());
  EXPECT_TRUE(read(1).ok());
  for (const absl::Status& missing : {ledger.Entry(2).status(), read(2).status()}) {
    EXPECT_TRUE(absl::IsDataLoss(missing)) << missing;
  }
  EXPECT_TRUE(read(3).ok());
  EXPECT_TRUE(absl::IsNotFound(ledger.Entry(1'000'000).status()));
}

TEST(Checkpoint, StandsInTheAnchorInThePublishedLogAndInTheAnswer) {
  TestVault vault;
  const auto answer = Must(
      vault.Call("auditor/one", &v1::AuditService::Stub::GetCheckpoint, v1::GetCheckpointRequest()),
      "checkpoint");
  EXPECT_EQ(FileText(vault.directory() + "/log/checkpoint"), answer.checkpoint());
  EXPECT_EQ(FileText(vault.directory() + "/keys/checkpoint"), answer.checkpoint());
  EXPECT_EQ(FileText(vault.directory() + "/log.vkey"), answer.verifier_key() + "\n");
}

// As if its signer had been registered between taking in the statement and deciding on it.
TEST(Ledger, FindsWhoSignedAtTheMomentOfTheDecision) {
  TestVault vault;
  v1::StopOrder order;
  order.set_purpose(TestWorld::kPurpose);
  order.set_reasons("Misuse.");
  service::Act act;
  act.kind = v1::LOG_KIND_GOVERNANCE;
  act.command.mutable_caller()->set_role(v1::ROLE_SUPERVISOR);
  act.command.mutable_caller()->set_name("one");
  act.envelopes.push_back(vault.Sign(order, {&vault.KeyOf("supervisor/one")}));
  *act.command.mutable_stop()->mutable_order() = order;
  const auto facts = audit::FactsOf(act.envelopes.front(), order);
  ASSERT_TRUE(facts.ok());
  *act.command.mutable_stop()->mutable_statement() = *facts;
  const auto committed = vault.vault().ledger().Commit(std::move(act));
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_TRUE(committed->ruling.decision.allowed()) << committed->ruling.decision.rule();
  EXPECT_EQ(EntryAt(vault, committed->index).command().stop().statement().signed_by_size(), 1);
}

TEST(StartService, IsTheFirstEntryOfEachStart) {
  TestVault vault;
  vault.ShutDown();
  ASSERT_TRUE(vault.TryStart().ok());
  const uint64_t size = vault.vault().publisher().Last().size;
  const v1::Entry start = EntryAt(vault, size - 2);
  EXPECT_EQ(start.command().start_service().checkpoint_seconds(), 10U);
  EXPECT_EQ(start.kind(), v1::LOG_KIND_UPKEEP);
  EXPECT_TRUE(EntryAt(vault, size - 3).command().has_close_checkpoint());
}

// Callers' gRPC is the only thing that a vault listens for by itself: what it publishes others
// serve.
TEST(Publication, OpensNoPortForTheLog) {
  TestVault vault;
  EXPECT_EQ(ListeningPorts(), std::vector<int>{vault.daemon().port()});
}

}  // namespace
}  // namespace kluis::publication_test
