// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "audit/merkle.h"
#include "audit/proof_file.h"
#include "client/log_reader.h"
#include "tests/fakes/fake_log.h"

namespace kluis::client::log_reader_test {
namespace {

TEST(ReadHead, AcceptsThePublishedKeyAndNoOther) {
  FakeLog log(3);
  const FakeLog other(3);
  const absl::StatusOr<LogHead> head = ReadHead(log.session(), log.VerifierKey());
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(head->checkpoint.size, 3u);
  EXPECT_FALSE(ReadHead(log.session(), other.VerifierKey()).ok());
  EXPECT_FALSE(ReadHead(log.session(), "no key").ok());
}

TEST(ReadEntries, GivesEachEntryOnceInOrderAcrossCalls) {
  FakeLog log(9000);
  uint64_t next = 10;
  const absl::Status read =
      ReadEntries(log.session(), 10, 9000, [&](uint64_t index, const std::string& entry) {
        EXPECT_EQ(index, next);
        EXPECT_EQ(entry, absl::StrCat("entry ", next++));
        return absl::OkStatus();
      });
  EXPECT_TRUE(read.ok()) << read;
  EXPECT_EQ(next, 9000u);
}

TEST(ReadEntries, SaysThatTheLogEndsEarly) {
  FakeLog log(5);
  const absl::Status read = ReadEntries(
      log.session(), 0, 6, [](uint64_t, const std::string&) { return absl::OkStatus(); });
  EXPECT_EQ(read.code(), absl::StatusCode::kDataLoss);
}

audit::Hash LeafOf(const std::string& entry) { return audit::LeafHash(entry); }

TEST(ProveEntry, VerifiesEveryEntryAndAReceiptsLeafHash) {
  FakeLog log(13);
  for (uint64_t index = 0; index < 13; ++index) {
    const absl::StatusOr<ProvenEntry> proven =
        ProveEntry(log.session(), {.index = index, .pinned = log.VerifierKey()});
    ASSERT_TRUE(proven.ok()) << index << ": " << proven.status();
    EXPECT_EQ(proven->checkpoint.size, 13u);
    EXPECT_EQ(proven->checkpoint.origin, FakeLog::kOrigin);
    EXPECT_EQ(proven->entry, absl::StrCat("entry ", index));
  }
  const std::string leaf(crypto::Bytes(LeafOf("entry 7")));
  const absl::StatusOr<ProvenEntry> proven =
      ProveEntry(log.session(), {.index = 7, .leaf_hash = leaf, .pinned = log.VerifierKey()});
  ASSERT_TRUE(proven.ok()) << proven.status();
  EXPECT_FALSE(proven->entry.has_value());
  EXPECT_EQ(ProveEntry(log.session(), {.index = 8, .leaf_hash = leaf}).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(ProveEntry, GivesAFileThatVerifiesOfflineForItsEntryAndNoOther) {
  FakeLog log(13);
  const absl::StatusOr<ProvenEntry> proven = ProveEntry(log.session(), {.index = 7});
  ASSERT_TRUE(proven.ok()) << proven.status();
  const absl::StatusOr<audit::ProofFile> file = audit::ParseProofFile(proven->proof);
  ASSERT_TRUE(file.ok()) << file.status();
  const auto key = audit::VerifierKey::Parse(log.VerifierKey());
  EXPECT_TRUE(audit::VerifyProofFile(*file, LeafOf("entry 7"), *key, {}, 0).ok());
  EXPECT_FALSE(audit::VerifyProofFile(*file, LeafOf("entry 8"), *key, {}, 0).ok());
}

TEST(ProveEntry, FindsAnEntryThatWasChanged) {
  FakeLog log(13);
  log.entries[7] = "another entry";
  for (const uint64_t index : {uint64_t{7}, uint64_t{3}}) {
    EXPECT_EQ(ProveEntry(log.session(), {.index = index}).status().code(),
              absl::StatusCode::kDataLoss);
  }
}

TEST(ProveEntry, RefusesAnEntryThatIsNotTheOneOfTheLeafHash) {
  FakeLog log(13);
  const std::string leaf(crypto::Bytes(LeafOf("entry 7")));
  log.shown[7] = "another entry";
  EXPECT_TRUE(ProveEntry(log.session(), {.index = 7, .leaf_hash = leaf}).ok());
  EXPECT_EQ(ProveEntry(log.session(), {.index = 7, .leaf_hash = leaf, .with_entry = true})
                .status()
                .code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace kluis::client::log_reader_test
