// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "audit/witness/cosignature.h"
#include "audit/witness/witness.h"
#include "base/codec.h"
#include "tests/fakes/growing_log.h"
#include "tests/fakes/memory_file_system.h"

namespace kluis::audit::witness_test {
namespace {

constexpr std::string_view kName = "witness.example/w1";
constexpr uint64_t kNow = 1679315147;
const auto KeyOf = &GrowingLog::KeyOf;
constexpr std::string_view kPlain = "text/plain; charset=utf-8";

absl::StatusOr<std::unique_ptr<Witness>> Open(std::vector<VerifierKey> logs,
                                              crypto::FileSystem& files,
                                              const std::string& directory = "state") {
  return Witness::Open({std::string(kName), std::move(logs), directory, [] { return kNow; }},
                       KeyOf(9), files);
}

// One witness of one log, on a disk that can fail and lose power.
class WitnessTest : public testing::Test {
 protected:
  WitnessTest() { Restart(); }

  void Restart() {
    auto opened = Open({log_.key()}, files_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    witness_ = *std::move(opened);
  }
  std::string StatePath() const {
    const crypto::Hash id = crypto::Sha256({log_.origin()});
    return "state/" + base::ToHex(crypto::Bytes(id)) + ".witness";
  }
  // True when `reply` is exactly one cosignature of the log's checkpoint at `size`.
  testing::AssertionResult IsCosigned(const WitnessReply& reply, uint64_t size) {
    if (reply.status != 200) {
      return testing::AssertionFailure() << reply.status << " " << reply.body;
    }
    const auto lines = ParseSignatureLines(reply.body);
    if (!lines.ok() || lines->size() != 1) return testing::AssertionFailure() << reply.body;
    const auto found = FindCosignature(*lines, *FormatCheckpoint(log_.At(size)), witness_->key());
    if (!found.ok()) return testing::AssertionFailure() << found.status();
    return *CosignatureTime(*found) == kNow ? testing::AssertionSuccess()
                                            : testing::AssertionFailure() << "another time";
  }
  // An answer 409 that says which size is held.
  void ExpectHolds(uint64_t size, const WitnessReply& reply) {
    EXPECT_EQ(reply.status, 409);
    EXPECT_EQ(reply.content_type, "text/x.tlog.size");
    EXPECT_EQ(reply.body, std::to_string(size) + "\n");
  }

  GrowingLog log_;
  crypto::MemoryFileSystem files_;
  std::unique_ptr<Witness> witness_;
};

// The requests of litewitness, internal/witness/witness_test.go: another implementation's log.
TEST(WitnessVector, CosignsTheRequestsThatAnotherImplementationPublished) {
  const std::string origin =
      "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562";
  const std::string dash = "\xE2\x80\x94 " + origin + " ";
  crypto::PublicKey key{};
  const std::string bytes =
      *base::FromHex("ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f");
  std::copy(bytes.begin(), bytes.end(), key.begin());
  crypto::MemoryFileSystem files;
  const auto witness = *Open({*VerifierKey::Create(origin, KeyType::kEd25519, key)}, files);
  EXPECT_EQ(witness
                ->AddCheckpoint("old 0\n\n" + origin +
                                "\n1\nKgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n" + dash +
                                "UgIom7fPZTqpxWWhyjWduBvTvGVqsokMbqTArsQilegKoFBJQjUFAmQ0+YeSPM3wfU"
                                "QMFSzVnnNuWRTYrajXpNUbIQY=\n")
                .status,
            200);
  const std::string from_one =
      "old 1\nKgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
      "+fUDV+k970B4I3uKrqJM4aP1lloPZP8mvr2Z4wRw2LI=\n"
      "KgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n" +
      origin + "\n5\nQrtXrQZCCvpIgsSmOsah7HdICzMLLyDfxToMql9WTjY=\n\n" + dash +
      "UgIomw/EOJmWi0i1FQsOj+etB7F8IccFam/jgd6wzRns4QPVmyEZtdvl1U2KEmLOZ/ASRcWJi0tW90dJWAShei7sDww"
      "=\n";
  EXPECT_EQ(witness->AddCheckpoint(from_one).status, 200);
  EXPECT_EQ(witness->SizeOf(origin), 5);
  // The size that lost the race in the published test.
  const WitnessReply late = witness->AddCheckpoint(
      "old 1\nKgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
      "KgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n" +
      origin + "\n3\nRcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0=\n\n" + dash +
      "UgIom2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6go"
      "=\n");
  EXPECT_EQ(late.status, 409);
  EXPECT_EQ(late.body, "5\n");
}

TEST_F(WitnessTest, CosignsWhatExtendsTheLast) {
  EXPECT_TRUE(IsCosigned(witness_->AddCheckpoint(log_.Body(0, 3)), 3));
  EXPECT_TRUE(IsCosigned(witness_->AddCheckpoint(log_.Body(3, 7)), 7));
  EXPECT_TRUE(IsCosigned(witness_->AddCheckpoint(log_.Body(7, 300)), 300));
  EXPECT_EQ(witness_->SizeOf(log_.origin()), 300);
}

TEST_F(WitnessTest, CosignsTheEmptyLogAndThenItsFirstEntry) {
  EXPECT_TRUE(IsCosigned(witness_->AddCheckpoint(log_.Body(0, 0)), 0));
  EXPECT_TRUE(IsCosigned(witness_->AddCheckpoint(log_.Body(0, 1)), 1));
}

TEST_F(WitnessTest, CosignsTheSameCheckpointAgain) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(IsCosigned(witness_->AddCheckpoint(log_.Body(i == 0 ? 0 : 5, 5)), 5));
  }
}

TEST_F(WitnessTest, AnswersOtherOldSizesWithTheSizeThatItHolds) {
  ExpectHolds(0, witness_->AddCheckpoint(log_.Body(2, 5)));
  ASSERT_TRUE(IsCosigned(witness_->AddCheckpoint(log_.Body(0, 5)), 5));
  for (const uint64_t old_size : {uint64_t{0}, uint64_t{4}, uint64_t{6}}) {
    ExpectHolds(5, witness_->AddCheckpoint(log_.Body(old_size, 8)));
  }
  ExpectHolds(5, witness_->AddCheckpoint(log_.Body(3, 3)));  // never a smaller size
}

TEST_F(WitnessTest, RefusesAnotherRootForTheSizeThatItHolds) {
  GrowingLog fork(log_.origin(), 2);
  ASSERT_TRUE(IsCosigned(witness_->AddCheckpoint(log_.Body(0, 5)), 5));
  const WitnessReply reply = witness_->AddCheckpoint(fork.Body(5, 5));
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(reply.content_type, kPlain);
  EXPECT_TRUE(IsCosigned(witness_->AddCheckpoint(log_.Body(5, 6)), 6));
}

TEST_F(WitnessTest, RefusesAForkAndEveryProofThatIsNotTheProof) {
  ASSERT_TRUE(IsCosigned(witness_->AddCheckpoint(log_.Body(0, 5)), 5));
  GrowingLog fork(log_.origin(), 2);
  EXPECT_EQ(witness_->AddCheckpoint(fork.Body(5, 9)).status, 422);
  const std::vector<Hash> good = log_.Proof(5, 9);
  std::vector<std::vector<Hash>> proofs = {{}, good, good, good, log_.Proof(4, 9)};
  proofs[1].pop_back();
  proofs[2].push_back(good[0]);
  proofs[3][0][0] ^= 1;
  for (const std::vector<Hash>& proof : proofs) {
    EXPECT_EQ(witness_->AddCheckpoint(*FormatAddCheckpoint({5, proof, log_.Note(9)})).status, 422);
  }
  // Where the specification wants no proof, there must be none.
  EXPECT_EQ(witness_->AddCheckpoint(*FormatAddCheckpoint({5, {good[0]}, log_.Note(5)})).status,
            422);
  EXPECT_TRUE(IsCosigned(witness_->AddCheckpoint(log_.Body(5, 9)), 9));
}

TEST_F(WitnessTest, RefusesAProofFromNothing) {
  const std::vector<Hash> proof = log_.Proof(1, 2);
  EXPECT_EQ(witness_->AddCheckpoint(*FormatAddCheckpoint({0, proof, log_.Note(2)})).status, 422);
}

TEST_F(WitnessTest, RefusesAnEmptyLogWithAnotherRoot) {
  const Checkpoint odd{log_.origin(), 0, LeafHash("entry 0")};
  const std::string note = *SignCheckpoint(odd, KeyOf(1));
  EXPECT_EQ(witness_->AddCheckpoint("old 0\n\n" + note).status, 409);
}

TEST_F(WitnessTest, RefusesAnUnknownOrigin) {
  GrowingLog other("other.example/log");
  const WitnessReply reply = witness_->AddCheckpoint(other.Body(0, 1));
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.summary.find("other.example"), std::string::npos);
}

TEST_F(WitnessTest, RefusesASignatureOfAnUnknownKey) {
  GrowingLog impostor(log_.origin(), GrowingLog::kNoTwist, 2);
  EXPECT_EQ(witness_->AddCheckpoint(impostor.Body(0, 1)).status, 403);
}

TEST_F(WitnessTest, RefusesEveryChangedBitOfACheckpoint) {
  const std::string note = log_.Note(1);
  for (size_t bit = 0; bit < note.size() * 8; ++bit) {
    std::string bad = note;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    const WitnessReply reply = witness_->AddCheckpoint("old 0\n\n" + bad);
    EXPECT_TRUE(reply.status == 400 || reply.status == 403 || reply.status == 404) << bit;
  }
  EXPECT_EQ(witness_->SizeOf(log_.origin()), 0);
}

TEST_F(WitnessTest, IgnoresSignaturesOfUnknownKeysBesideTheLogs) {
  const Checkpoint checkpoint = log_.At(1);
  const NoteSignature other =
      *SignText(*FormatCheckpoint(checkpoint), "stranger.example/x", KeyOf(3));
  const std::string note = *AddSignatures(log_.Note(1), std::vector{other});
  EXPECT_TRUE(IsCosigned(witness_->AddCheckpoint("old 0\n\n" + note), 1));
  EXPECT_EQ(files_.BytesOf(StatePath()).find("stranger"), std::string::npos);
  Restart();
}

TEST_F(WitnessTest, CosignsExtensionLinesWithTheCheckpoint) {
  const std::string text = *FormatCheckpoint(log_.At(2)) + "extension line\nand another\n";
  const std::string note = *SignNote(text, log_.origin(), KeyOf(1));
  const WitnessReply reply = witness_->AddCheckpoint("old 0\n\n" + note);
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_TRUE(FindCosignature(*ParseSignatureLines(reply.body), text, witness_->key()).ok());
  Restart();
  EXPECT_EQ(witness_->SizeOf(log_.origin()), 2);
  for (const std::string& bad : {*FormatCheckpoint(log_.At(3)) + "\nextension\n",
                                 *FormatCheckpoint(log_.At(3)) + "one\n\ntwo\n"}) {
    const std::string odd = *SignNote(bad, log_.origin(), KeyOf(1));
    EXPECT_EQ(witness_->AddCheckpoint(*FormatAddCheckpoint({2, log_.Proof(2, 3), odd})).status,
              400);
  }
}

TEST_F(WitnessTest, CallsMalformedWhatIsMalformed) {
  for (const std::string& body :
       {std::string(), std::string("old 0\n\n"), std::string("old x\n\n") + log_.Note(1),
        std::string("old 0\n") + log_.Note(1), log_.Note(1), "old 0\n\n" + log_.Note(1) + "x",
        std::string(kMaxAddCheckpointBytes + 1, 'x')}) {
    EXPECT_EQ(witness_->AddCheckpoint(body).status, 400) << body.substr(0, 100);
  }
  const std::string above = "old 2\n\n" + log_.Note(1);
  EXPECT_EQ(witness_->AddCheckpoint(above).status, 400);
  const std::string no_checkpoint =
      *SignNote(log_.origin() + "\nno checkpoint\n", log_.origin(), KeyOf(1));
  EXPECT_EQ(witness_->AddCheckpoint("old 0\n\n" + no_checkpoint).status, 400);
}

TEST_F(WitnessTest, RemembersAcrossARestart) {
  ASSERT_TRUE(IsCosigned(witness_->AddCheckpoint(log_.Body(0, 5)), 5));
  Restart();
  ExpectHolds(5, witness_->AddCheckpoint(log_.Body(0, 3)));
  EXPECT_EQ(witness_->AddCheckpoint(GrowingLog(log_.origin(), 2).Body(5, 5)).status, 409);
  EXPECT_TRUE(IsCosigned(witness_->AddCheckpoint(log_.Body(5, 8)), 8));
}

TEST_F(WitnessTest, RefusesToOpenAnyDamagedState) {
  ASSERT_TRUE(IsCosigned(witness_->AddCheckpoint(log_.Body(0, 5)), 5));
  const std::string good = files_.BytesOf(StatePath());
  std::vector<std::string> bad = {good + "x", good + good, "\n" + good};
  for (size_t size = 0; size < good.size(); ++size) bad.push_back(good.substr(0, size));
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    bad.push_back(good);
    bad.back()[bit / 8] = static_cast<char>(good[bit / 8] ^ (1 << bit % 8));
  }
  for (const std::string& bytes : bad) {
    files_.Put(StatePath(), bytes);
    const absl::Status refused = Open({log_.key()}, files_).status();
    EXPECT_TRUE(absl::IsDataLoss(refused)) << bytes;
    EXPECT_NE(refused.message().find(StatePath()), std::string::npos);
    EXPECT_EQ(refused.message().find('\n'), std::string::npos);
  }
  files_.Put(StatePath(), good);
  Restart();
}

TEST_F(WitnessTest, RefusesTheStateOfAnotherLog) {
  GrowingLog other("other.example/log");
  ASSERT_TRUE(IsCosigned(witness_->AddCheckpoint(log_.Body(0, 5)), 5));
  // Signed by another log, for another log by this one's key, and with a line beside the log's.
  const std::string misplaced = *SignNote(*FormatCheckpoint(other.At(1)), log_.origin(), KeyOf(1));
  const NoteSignature stranger = *SignText("text\n", "stranger.example/x", KeyOf(3));
  const std::string crowded = *AddSignatures(log_.Note(5), std::vector{stranger});
  for (const std::string& note : {other.Note(1), misplaced, crowded}) {
    files_.Put(StatePath(), "kluis-witness-state-v1\n" + note);
    EXPECT_TRUE(absl::IsDataLoss(Open({log_.key()}, files_).status())) << note;
  }
}

// With each disk operation failing in turn: nothing is signed, and after a restart or a power cut
// at any moment the witness still never signs another root for a size that it signed.
TEST_F(WitnessTest, SignsNothingThatItCouldNotStore) {
  ASSERT_TRUE(IsCosigned(witness_->AddCheckpoint(log_.Body(0, 5)), 5));
  int failures = 0;
  for (int n = 1;; ++n) {
    crypto::MemoryFileSystem files = files_.AfterCrash(0);
    auto witness = *Open({log_.key()}, files);
    files.FailAt(n, crypto::MemoryFileSystem::Failure::kOnce);
    const WitnessReply reply = witness->AddCheckpoint(log_.Body(5, 8));
    if (!files.Failed()) {
      EXPECT_EQ(reply.status, 200);
      break;
    }
    ++failures;
    EXPECT_EQ(reply.status, 500) << n;
    EXPECT_EQ(reply.body.find("\xE2\x80\x94"), std::string::npos);
    EXPECT_EQ(witness->SizeOf(log_.origin()), 5);
    for (size_t kept = 0; kept <= files.pending(); ++kept) {
      crypto::MemoryFileSystem after = files.AfterCrash(kept);
      const auto reopened = Open({log_.key()}, after);
      ASSERT_TRUE(reopened.ok()) << n << " " << kept << " " << reopened.status();
      const uint64_t size = (*reopened)->SizeOf(log_.origin());
      EXPECT_TRUE(size == 5 || size == 8) << size;
      EXPECT_TRUE(IsCosigned((*reopened)->AddCheckpoint(log_.Body(size, 9)), 9));
    }
    // The disk works again: so does the witness, without a restart.
    EXPECT_TRUE(IsCosigned(witness->AddCheckpoint(log_.Body(5, 7)), 7)) << n;
    EXPECT_EQ((*Open({log_.key()}, files))->SizeOf(log_.origin()), 7);
  }
  EXPECT_EQ(failures, 4);  // remove, create, rename, sync of the directory
}

TEST_F(WitnessTest, AnswersOnlyAfterThePowerMayFail) {
  ASSERT_TRUE(IsCosigned(witness_->AddCheckpoint(log_.Body(0, 5)), 5));
  ASSERT_TRUE(IsCosigned(witness_->AddCheckpoint(log_.Body(5, 8)), 8));
  crypto::MemoryFileSystem after = files_.AfterCrash(0);
  EXPECT_EQ((*Open({log_.key()}, after))->SizeOf(log_.origin()), 8);
}

TEST(WitnessRace, SignsOneRootForASizeHoweverManyAskAtOnce) {
  crypto::MemoryFileSystem files;
  GrowingLog log;
  GrowingLog fork(log.origin(), 0);
  // The clock is read between the checks and the end of a call: there, a call waits for a second.
  std::mutex mutex;
  std::condition_variable met;
  int inside = 0;
  int most = 0;
  const auto meet = [&] {
    std::unique_lock lock(mutex);
    most = std::max(most, ++inside);
    met.notify_all();
    met.wait_for(lock, std::chrono::milliseconds(200), [&] { return inside > 1; });
    --inside;
    return kNow;
  };
  const auto witness =
      *Witness::Open({std::string(kName), {log.key()}, "state", meet}, KeyOf(9), files);
  const std::vector<std::string> bodies = {log.Body(0, 4), fork.Body(0, 4), log.Body(0, 3)};
  std::atomic<int> signed_count = 0;
  std::vector<std::thread> threads;
  for (const std::string& body : bodies) {
    threads.emplace_back([&] {
      if (witness->AddCheckpoint(body).status == 200) ++signed_count;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(signed_count, 1);
  EXPECT_EQ(most, 1);
}

TEST(WitnessOpen, KeepsLogsApart) {
  crypto::MemoryFileSystem files;
  GrowingLog one("one.example/log");
  GrowingLog two("two.example/log", GrowingLog::kNoTwist, 2);
  const auto witness = *Open({one.key(), two.key()}, files);
  EXPECT_EQ(witness->AddCheckpoint(one.Body(0, 5)).status, 200);
  EXPECT_EQ(witness->AddCheckpoint(two.Body(0, 3)).status, 200);
  EXPECT_EQ(witness->SizeOf("one.example/log"), 5);
  EXPECT_EQ(witness->SizeOf("two.example/log"), 3);
}

TEST(WitnessOpen, RefusesKeysThatItCannotWitness) {
  crypto::MemoryFileSystem files;
  const GrowingLog log;
  const GrowingLog own("own.example/log", GrowingLog::kNoTwist, 9);
  const VerifierKey cosigner =
      *VerifierKey::Create(log.origin(), KeyType::kEd25519Cosignature, KeyOf(1).public_key());
  EXPECT_TRUE(absl::IsInvalidArgument(Open({}, files).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Open({log.key(), log.key()}, files).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Open({own.key()}, files).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Open({cosigner}, files).status()));
}

}  // namespace
}  // namespace kluis::audit::witness_test
