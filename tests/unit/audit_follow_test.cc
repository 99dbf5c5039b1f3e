// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "audit/log/follow.h"
#include "audit/note.h"
#include "audit/witness/cosignature.h"
#include "tests/fakes/served_log.h"

namespace kluis::audit::follow_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int64_t kStart = 1'800'000'000;
constexpr int64_t kMaxAge = 60;

// A log of `size` entries, the last of which closes it.
ServedLog LogOf(uint64_t size, int64_t at = kStart) {
  ServedLog log;
  if (size > 0) log.AppendPlain(size - 1, at);
  if (size > 0) log.Close(at);
  if (size == 0) log.Publish();
  return log;
}

Checkpoint HeadOf(const ServedLog& log) {
  const std::vector<VerifierKey> keys = {log.Key()};
  return OpenCheckpoint(log.files.at("checkpoint"), ServedLog::kOrigin, keys)->checkpoint;
}

// The same log with another entry at `index`.
ServedLog Forked(const ServedLog& log, uint64_t index) {
  ServedLog fork;
  fork.entries = log.entries;
  v1::Entry entry;
  entry.ParseFromString(fork.entries[index]);
  entry.mutable_command()->set_method("Other");
  fork.entries[index] = entry.SerializeAsString();
  fork.Publish();
  return fork;
}

TEST(CompareCheckpoints, ProvesGrowthBetweenAnySizesAroundTiles) {
  for (const uint64_t newer : {1, 2, 3, 255, 256, 257, 511, 512, 600}) {
    ServedLog log = LogOf(newer);
    for (const uint64_t older : {0, 1, 2, 3, 128, 255, 256, 257, 300, 512, 599}) {
      if (older > newer) continue;
      ServedLog before;
      before.entries.assign(log.entries.begin(),
                            log.entries.begin() + static_cast<std::ptrdiff_t>(older));
      before.Publish();
      const Comparison compared = CompareCheckpoints(HeadOf(before), HeadOf(log), log);
      EXPECT_EQ(compared.relation, older == newer ? Relation::kSame : Relation::kGrew)
          << older << " to " << newer << ": " << compared.detail;
    }
  }
}

TEST(CompareCheckpoints, FindsAForkAtAnyEntryBelowTheOlderSize) {
  ServedLog before = LogOf(300);
  for (uint64_t index = 0; index < 300; ++index) {
    ServedLog fork = Forked(before, index);
    fork.AppendPlain(300, kStart + 1);
    fork.Close(kStart + 1);
    const Comparison compared = CompareCheckpoints(HeadOf(before), HeadOf(fork), fork);
    EXPECT_EQ(compared.relation, Relation::kFork) << index << ": " << compared.detail;
    EXPECT_THAT(compared.detail, AllOf(HasSubstr("300"), HasSubstr("601")));
  }
}

TEST(CompareCheckpoints, FindsTwoRootsOfOneSizeWithoutReadingATile) {
  ServedLog log = LogOf(300);
  ServedLog fork = Forked(log, 7);
  fork.reads.clear();
  EXPECT_EQ(CompareCheckpoints(HeadOf(log), HeadOf(fork), fork).relation, Relation::kFork);
  EXPECT_TRUE(fork.reads.empty());
}

TEST(CompareCheckpoints, FindsAnEmptyLogThatHadARoot) {
  ServedLog log = LogOf(300);
  Checkpoint empty = HeadOf(LogOf(0));
  EXPECT_EQ(CompareCheckpoints(empty, HeadOf(log), log).relation, Relation::kGrew);
  empty.root[0] ^= 1;
  EXPECT_EQ(CompareCheckpoints(empty, HeadOf(log), log).relation, Relation::kFork);
}

TEST(CompareCheckpoints, FindsAShrunkLog) {
  ServedLog log = LogOf(300);
  ServedLog smaller = LogOf(299);
  const Comparison compared = CompareCheckpoints(HeadOf(log), HeadOf(smaller), smaller);
  EXPECT_EQ(compared.relation, Relation::kShrank);
  EXPECT_THAT(compared.detail, AllOf(HasSubstr("300"), HasSubstr("299")));
}

TEST(CompareCheckpoints, CallsADamagedTileUnprovenAndNotAFork) {
  ServedLog before = LogOf(300);
  ServedLog log = before;
  log.AppendPlain(300, kStart);
  log.Close(kStart);
  log.reads.clear();
  ASSERT_EQ(CompareCheckpoints(HeadOf(before), HeadOf(log), log).relation, Relation::kGrew);
  const std::vector<std::string> used = log.reads;
  for (const std::string& path : used) {
    if (log.files.find(path) == log.files.end()) continue;
    ServedLog damaged = log;
    for (char& byte : damaged.files[path]) byte = static_cast<char>(byte ^ 1);
    EXPECT_EQ(CompareCheckpoints(HeadOf(before), HeadOf(log), damaged).relation,
              Relation::kUnproven)
        << path;
    damaged.files.erase(path);
    const Comparison compared = CompareCheckpoints(HeadOf(before), HeadOf(log), damaged);
    EXPECT_EQ(compared.relation, Relation::kUnproven) << path;
    EXPECT_THAT(compared.detail, HasSubstr(path));
  }
}

TEST(CompareCheckpoints, TakesAFullTileForThePartialOneItReplaced) {
  ServedLog before = LogOf(100);
  ServedLog log = before;
  log.AppendPlain(99, kStart);
  log.Close(kStart);
  const Checkpoint head = HeadOf(log);
  log.AppendPlain(200, kStart);
  log.Close(kStart);
  log.files.erase("tile/0/000.p/200");
  EXPECT_EQ(CompareCheckpoints(HeadOf(before), head, log).relation, Relation::kGrew);
}

TEST(CountAdded, CountsByKindWhatCameAfterTheOlderCheckpoint) {
  ServedLog before = LogOf(255);
  ServedLog log = before;
  log.AppendPlain(300, kStart, v1::LOG_KIND_COMBINATION);
  log.Close(kStart);
  const auto kinds = CountAdded(HeadOf(before), HeadOf(log), log);
  ASSERT_TRUE(kinds.ok()) << kinds.status();
  EXPECT_EQ(*kinds, (std::map<std::string, uint64_t>{{"COMBINATION", 300}, {"UPKEEP", 1}}));
}

TEST(CountAdded, RefusesAnOlderTreeThatIsNotTheLogs) {
  ServedLog log = LogOf(300);
  Checkpoint older = HeadOf(LogOf(255));
  older.root[0] ^= 1;
  EXPECT_EQ(CountAdded(older, HeadOf(log), log).status().code(), absl::StatusCode::kDataLoss);
}

TEST(CountAdded, FindsAnEntryThatIsNotTheLogs) {
  ServedLog before = LogOf(255);
  ServedLog log = before;
  log.AppendPlain(300, kStart);
  log.Close(kStart);
  const Checkpoint head = HeadOf(log);
  ServedLog changed = Forked(log, 400);
  log.files["tile/entries/001"] = changed.files["tile/entries/001"];
  EXPECT_EQ(CountAdded(HeadOf(before), head, log).status().code(), absl::StatusCode::kDataLoss);
}

class FollowerTest : public testing::Test {
 protected:
  FollowerTest() : log_(LogOf(300)), follower_(log_, log_.Key(), kMaxAge) {}

  static const crypto::SigningKey& KeyOf(const std::string& witness) {
    static std::map<std::string, crypto::SigningKey> keys;
    if (!keys.contains(witness)) keys.emplace(witness, crypto::SigningKey::Generate());
    return keys.at(witness);
  }
  static std::string NameOf(const std::string& witness) { return "witness.example/" + witness; }
  static VerifierKey WitnessKey(const std::string& witness) {
    return *VerifierKey::Create(NameOf(witness), KeyType::kEd25519Cosignature,
                                KeyOf(witness).public_key());
  }
  void Cosign(const std::string& witness) {
    std::string& note = log_.files["checkpoint"];
    const NoteSignature line =
        *CosignText(ParseNote(note)->text, NameOf(witness), KeyOf(witness), kStart);
    note = *AddSignatures(note, {&line, 1});
  }

  ServedLog log_;
  Follower follower_;
};

TEST_F(FollowerTest, TakesTheFirstCheckpointAndItsTimeFromTheClosingEntry) {
  const Look look = follower_.LookAgain(kStart + 5);
  EXPECT_EQ(look.sight, Sight::kFirst) << look.detail;
  EXPECT_EQ(look.checkpoint, HeadOf(log_));
  EXPECT_EQ(look.closed_at, kStart);
  EXPECT_EQ(follower_.note(), log_.files["checkpoint"]);
}

TEST_F(FollowerTest, FollowsAGrowingLog) {
  ASSERT_EQ(follower_.LookAgain(kStart).sight, Sight::kFirst);
  ASSERT_EQ(follower_.LookAgain(kStart + 1).sight, Sight::kUnchanged);
  int64_t now = kStart + 10;
  for (const uint64_t more : {0, 1, 5, 250, 600}) {
    log_.AppendPlain(more, now);
    log_.Close(now);
    const Look look = follower_.LookAgain(now);
    ASSERT_EQ(look.sight, Sight::kGrew) << look.detail;
    EXPECT_EQ(look.added, more + 1);
    EXPECT_EQ(look.closed_at, now);
    now += 10;
  }
}

// What is kept would be written anew for each cosignature, and look younger than it is.
TEST_F(FollowerTest, KeepsTheNoteAsItFirstSawIt) {
  ASSERT_EQ(follower_.LookAgain(kStart).sight, Sight::kFirst);
  const std::string note = follower_.note();
  Cosign("a");
  ASSERT_EQ(follower_.LookAgain(kStart + 1).sight, Sight::kUnchanged);
  EXPECT_EQ(follower_.note(), note);
}

TEST_F(FollowerTest, AsksForTheWitnessesThatItIsTold) {
  const std::vector<VerifierKey> witnesses = {WitnessKey("a"), WitnessKey("b")};
  Follower two(log_, log_.Key(), kMaxAge, witnesses, 2);
  Cosign("a");
  const Look look = two.LookAgain(kStart);
  EXPECT_EQ(look.sight, Sight::kBad);
  EXPECT_THAT(look.detail, HasSubstr("cosigned by 1 of 2 witnesses, 2 are needed"));
  EXPECT_EQ(Follower(log_, log_.Key(), kMaxAge, witnesses, 1).LookAgain(kStart).sight,
            Sight::kFirst);
  Cosign("b");
  EXPECT_EQ(two.LookAgain(kStart).sight, Sight::kFirst);
}

TEST_F(FollowerTest, SeesAForkEachTimeAndStaysWithTheOlderTree) {
  ASSERT_EQ(follower_.LookAgain(kStart).sight, Sight::kFirst);
  const std::string note = follower_.note();
  ServedLog fork = Forked(log_, 200);
  fork.Close(kStart + 10);
  log_.files = fork.files;
  for (int i = 0; i < 2; ++i) {
    const Look look = follower_.LookAgain(kStart + 10);
    EXPECT_EQ(look.sight, Sight::kFork);
    EXPECT_THAT(look.detail, HasSubstr("fork"));
    EXPECT_EQ(follower_.note(), note);
  }
}

TEST_F(FollowerTest, SeesAShrunkLog) {
  ASSERT_EQ(follower_.LookAgain(kStart).sight, Sight::kFirst);
  log_.files = LogOf(256).files;
  EXPECT_EQ(follower_.LookAgain(kStart + 1).sight, Sight::kShrank);
}

TEST_F(FollowerTest, SeesACheckpointOfAnotherKey) {
  ASSERT_EQ(follower_.LookAgain(kStart).sight, Sight::kFirst);
  const auto stranger = crypto::SigningKey::Generate();
  Checkpoint head = HeadOf(log_);
  log_.files["checkpoint"] = *SignCheckpoint(head, stranger);
  EXPECT_EQ(follower_.LookAgain(kStart + 1).sight, Sight::kBad);
  log_.files["checkpoint"] = "no note";
  EXPECT_EQ(follower_.LookAgain(kStart + 1).sight, Sight::kBad);
}

TEST_F(FollowerTest, SeesAStopOnlyAfterTheAllowedAge) {
  ASSERT_EQ(follower_.LookAgain(kStart).sight, Sight::kFirst);
  EXPECT_EQ(follower_.LookAgain(kStart + kMaxAge).sight, Sight::kUnchanged);
  const Look look = follower_.LookAgain(kStart + kMaxAge + 1);
  EXPECT_EQ(look.sight, Sight::kStopped);
  EXPECT_THAT(look.detail, HasSubstr("61 s"));
  log_.Close(kStart + kMaxAge + 1);
  EXPECT_EQ(follower_.LookAgain(kStart + kMaxAge + 2).sight, Sight::kGrew);
}

TEST_F(FollowerTest, SeesAtTheFirstLookThatALogStoppedLongAgo) {
  EXPECT_EQ(follower_.LookAgain(kStart + kMaxAge + 1).sight, Sight::kStopped);
}

TEST_F(FollowerTest, SeesAStopThoughTheVaultsClockIsFarAhead) {
  log_.Close(kStart + 1'000'000);
  ASSERT_EQ(follower_.LookAgain(kStart).sight, Sight::kFirst);
  EXPECT_EQ(follower_.LookAgain(kStart + kMaxAge + 1).sight, Sight::kStopped);
}

TEST_F(FollowerTest, NeverCallsALogStoppedWithoutAnAge) {
  Follower patient(log_, log_.Key(), 0);
  ASSERT_EQ(patient.LookAgain(kStart).sight, Sight::kFirst);
  EXPECT_EQ(patient.LookAgain(kStart + 1'000'000).sight, Sight::kUnchanged);
}

TEST_F(FollowerTest, SaysThatTheLogDoesNotAnswer) {
  log_.FailWith(absl::UnavailableError("connection refused"));
  EXPECT_EQ(follower_.LookAgain(kStart).sight, Sight::kUnreachable);
  log_.FailWith(absl::OkStatus());
  EXPECT_EQ(follower_.LookAgain(kStart).sight, Sight::kFirst);
  log_.FailWith(absl::UnavailableError("connection refused"));
  const Look look = follower_.LookAgain(kStart);
  EXPECT_EQ(look.sight, Sight::kUnreachable);
  EXPECT_EQ(look.checkpoint, HeadOf(LogOf(300)));
}

TEST_F(FollowerTest, RefusesALastEntryThatIsNotUnderTheRoot) {
  log_.files["tile/entries/001.p/44"] = Forked(log_, 299).files["tile/entries/001.p/44"];
  const Look look = follower_.LookAgain(kStart);
  EXPECT_EQ(look.sight, Sight::kBad);
  EXPECT_THAT(look.detail, HasSubstr("entry 299"));
}

TEST_F(FollowerTest, GoesOnAcrossRunsAndStillSeesTheFork) {
  ASSERT_EQ(follower_.LookAgain(kStart).sight, Sight::kFirst);
  ServedLog fork = Forked(log_, 3);
  fork.Close(kStart + 1);
  Follower later(fork, fork.Key(), kMaxAge);
  ASSERT_TRUE(later.Resume(follower_.note(), kStart).ok());
  EXPECT_EQ(later.LookAgain(kStart + 1).sight, Sight::kFork);
  Follower same(log_, log_.Key(), kMaxAge);
  ASSERT_TRUE(same.Resume(follower_.note(), kStart).ok());
  const Look look = same.LookAgain(kStart + 1);
  EXPECT_EQ(look.sight, Sight::kUnchanged);
  EXPECT_EQ(look.closed_at, kStart);
}

TEST_F(FollowerTest, RefusesAStateThatTheLogDidNotSign) {
  std::string note = log_.files["checkpoint"];
  note.replace(note.find("300"), 3, "200");
  EXPECT_EQ(follower_.Resume(note, kStart).code(), absl::StatusCode::kDataLoss);
}

TEST_F(FollowerTest, FollowsALogThatIsStillEmpty) {
  ServedLog empty = LogOf(0);
  Follower follower(empty, empty.Key(), kMaxAge);
  EXPECT_EQ(follower.LookAgain(kStart).sight, Sight::kFirst);
  empty.Close(kStart);
  EXPECT_EQ(follower.LookAgain(kStart).sight, Sight::kGrew);
}

}  // namespace
}  // namespace kluis::audit::follow_test
