// SPDX-License-Identifier: Apache-2.0
// Somebody puts an older or another database, anchor or published log under a vault. It must not
// start, must not sign, and must say so in one line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "audit/log/log_directory.h"
#include "base/codec.h"
#include "policy/record_key.h"
#include "service/publish/publisher.h"
#include "storage/layout.h"
#include "tests/fakes/test_vault.h"

namespace kluis::rollback_test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class Rollback : public testing::Test {
 protected:
  Rollback() { Must(vault_.Enroll(vault_.NewPerson()), "enrol"); }

  std::string Place(const std::string& name) const { return vault_.directory() + "/" + name; }

  void CopyAway(const std::string& name) {
    fs::copy(Place(name), Place(name + ".old"), fs::copy_options::recursive);
  }
  void PutBack(const std::string& name) {
    fs::remove_all(Place(name));
    fs::rename(Place(name + ".old"), Place(name));
  }

  uint64_t SignedSize() { return vault_.vault().publisher().Last().size; }

  TestVault vault_;
};

// True when `condition` holds within five seconds.
template <class Condition>
bool Soon(const Condition& condition) {
  for (int i = 0; i < 500 && !condition(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return condition();
}

TEST_F(Rollback, AnOlderDatabaseDoesNotStartAndBothSizesAreNamed) {
  vault_.ShutDown();
  CopyAway("data");
  ASSERT_TRUE(vault_.TryStart().ok());
  const uint64_t before = vault_.vault().ledger().size();
  Must(vault_.Enroll(vault_.NewPerson()), "enrol");
  vault_.ShutDown();
  PutBack("data");
  const absl::Status started = vault_.TryStart();
  EXPECT_TRUE(absl::IsDataLoss(started)) << started;
  EXPECT_THAT(std::string(started.message()),
              AllOf(HasSubstr("the database has " + std::to_string(before - 2) + " entries"),
                    HasSubstr("were signed"), HasSubstr("keys/checkpoint")));
}

TEST_F(Rollback, AnOlderDatabaseWithItsOlderAnchorIsFoundByThePublishedLog) {
  vault_.ShutDown();
  CopyAway("data");
  CopyAway("keys");
  ASSERT_TRUE(vault_.TryStart().ok());
  Must(vault_.Enroll(vault_.NewPerson()), "enrol");
  vault_.ShutDown();
  PutBack("data");
  PutBack("keys");
  const absl::Status started = vault_.TryStart();
  EXPECT_TRUE(absl::IsDataLoss(started)) << started;
  EXPECT_THAT(std::string(started.message()), HasSubstr("log/checkpoint"));
}

TEST_F(Rollback, AnEmptyDatabaseIsNotFoundedAgain) {
  vault_.ShutDown();
  fs::remove_all(Place("data"));
  const absl::Status started = vault_.TryStart();
  EXPECT_TRUE(absl::IsDataLoss(started)) << started;
  EXPECT_THAT(std::string(started.message()), HasSubstr("the database has 0 entries"));
}

TEST_F(Rollback, APublishedLogWithoutItsAnchorDoesNotStart) {
  vault_.ShutDown();
  fs::remove(Place("keys/checkpoint"));
  const absl::Status started = vault_.TryStart();
  EXPECT_TRUE(absl::IsFailedPrecondition(started)) << started;
  EXPECT_THAT(std::string(started.message()), HasSubstr("put it back"));
}

// As long as the older one, with another last entry: the time of the second start differs.
TEST_F(Rollback, AnotherHistoryOfTheSameLengthDoesNotStart) {
  vault_.ShutDown();
  CopyAway("data");
  ASSERT_TRUE(vault_.TryStart().ok());
  vault_.ShutDown();
  CopyAway("keys");
  CopyAway("log");
  PutBack("data");
  fs::remove_all(Place("log"));
  fs::remove(Place("keys/checkpoint"));
  vault_.Advance(60);
  ASSERT_TRUE(vault_.TryStart().ok());
  vault_.ShutDown();
  PutBack("keys");
  PutBack("log");
  const absl::Status started = vault_.TryStart();
  EXPECT_TRUE(absl::IsDataLoss(started)) << started;
  EXPECT_THAT(std::string(started.message()), HasSubstr("another root"));
}

TEST_F(Rollback, ARunningVaultSignsNothingOverAnExchangedAnchor) {
  const std::string older = vault_.vault().publisher().Last().note;
  Must(vault_.Enroll(vault_.NewPerson()), "enrol");
  ASSERT_TRUE(vault_.vault().publisher().Sign().ok());
  const uint64_t size = SignedSize();
  std::ofstream(Place("keys/checkpoint"), std::ios::trunc) << older;
  EXPECT_TRUE(absl::IsDataLoss(vault_.vault().publisher().Sign().status()));
  EXPECT_EQ(SignedSize(), size);
  EXPECT_EQ(vault_.Enroll(vault_.NewPerson()).status.error_code(), grpc::StatusCode::UNAVAILABLE);
  // Also when the file is as it was again.
  EXPECT_FALSE(vault_.vault().publisher().Sign().ok());
}

TEST_F(Rollback, ADeletedPublishedLogIsNoticedWithinSeconds) {
  fs::remove_all(Place("log"));
  EXPECT_TRUE(Soon([&] { return !vault_.vault().fault().text().empty(); }));
  EXPECT_EQ(vault_.Enroll(vault_.NewPerson()).status.error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(Rollback, APublishedLogPutBackFromACopyIsNoticedWithinSeconds) {
  CopyAway("log");
  Must(vault_.Enroll(vault_.NewPerson()), "enrol");
  ASSERT_TRUE(vault_.vault().publisher().Sign().ok());
  PutBack("log");
  EXPECT_TRUE(Soon([&] { return !vault_.vault().fault().text().empty(); }));
}

TEST_F(Rollback, ADeletedDatabaseIsNoticedWithinSeconds) {
  fs::rename(Place("data"), Place("data.away"));
  EXPECT_TRUE(Soon([&] { return !vault_.vault().fault().text().empty(); }));
  EXPECT_THAT(vault_.vault().fault().text(), HasSubstr("data"));
  fs::rename(Place("data.away"), Place("data"));
}

// The record says that a stop was ordered; somebody with the disk takes it away.
TEST_F(Rollback, ARecordEditedBehindTheLogsBackStopsTheNextStartAndIsNamed) {
  Must(vault_.Stop(TestWorld::kPurpose), "stop");
  vault_.ShutDown();
  const std::string key = policy::key::PurposeStop(TestWorld::kPurpose);
  {
    storage::Database::Options options;
    options.path = Place("data");
    auto database = storage::Database::Open(options);
    ASSERT_TRUE(database.ok());
    storage::Batch batch;
    batch.Delete(storage::Column::kState, key);
    ASSERT_TRUE((*database)->WriteSynced(std::move(batch)).ok());
  }
  const absl::Status started = vault_.TryStart();
  EXPECT_TRUE(absl::IsDataLoss(started)) << started;
  EXPECT_THAT(std::string(started.message()), HasSubstr(base::ToHex(key)));
}

TEST_F(Rollback, WhatIsPublishedVerifiesAfterEveryStart) {
  for (int i = 0; i < 3; ++i) {
    Must(vault_.Enroll(vault_.NewPerson()), "enrol");
    vault_.Restart();
    const auto key = audit::VerifierKey::Parse(vault_.vault().publisher().verifier_key());
    ASSERT_TRUE(key.ok());
    const auto report = audit::LogDirectory(Place("log")).Verify(*key);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->checkpoint.size, SignedSize());
  }
}

}  // namespace
}  // namespace kluis::rollback_test
