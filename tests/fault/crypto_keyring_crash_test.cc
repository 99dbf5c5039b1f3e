// Fails and cuts off every file operation of the keyring in turn: n = 1, 2, ... until none fails.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "crypto/keyring.h"
#include "tests/fakes/memory_file_system.h"

namespace kluis::crypto {
namespace {

using Failure = MemoryFileSystem::Failure;

constexpr uint32_t kGone = 7;         // punctured by the operation under test
constexpr uint32_t kGoneAlready = 3;  // punctured before
constexpr uint32_t kKept = 8;

const KeyringPaths kPaths{"data/keyring", "root/key"};

std::string KeyText(const Keyring& keyring, uint32_t slot) {
  const auto key = keyring.Key(slot);
  if (!key.ok()) return "";
  const auto bytes = key->Expose();
  return {bytes.begin(), bytes.end()};
}

// A keyring with kGoneAlready punctured, and what its keys are.
struct Prepared {
  MemoryFileSystem files;
  std::string gone;
  std::string kept;
};

void Prepare(Prepared& prepared) {
  auto keyring = Keyring::Create(kPaths, prepared.files);
  ASSERT_TRUE(keyring.ok()) << keyring.status();
  ASSERT_TRUE((*keyring)->Puncture({{kGoneAlready}}).ok());
  prepared.gone = KeyText(**keyring, kGone);
  prepared.kept = KeyText(**keyring, kKept);
}

// `files` opens to the old or the new state and to nothing else; `must_be_gone`: only to the new.
void ExpectOldOrNew(MemoryFileSystem files, const Prepared& prepared, bool must_be_gone) {
  const auto keyring = Keyring::Open(kPaths, files);
  ASSERT_TRUE(keyring.ok()) << keyring.status();
  EXPECT_EQ(KeyText(**keyring, kKept), prepared.kept);
  EXPECT_TRUE((*keyring)->IsPunctured(kGoneAlready));
  if (must_be_gone) {
    EXPECT_TRUE((*keyring)->IsPunctured(kGone));
  }
  if (!(*keyring)->IsPunctured(kGone)) {
    EXPECT_EQ(KeyText(**keyring, kGone), prepared.gone);
  }
  EXPECT_EQ(files.Paths().size(), 2u) << "leftovers";
  // What the crash interrupted can be finished.
  ASSERT_TRUE((*keyring)->Puncture({{kGone}}).ok());
  EXPECT_TRUE((*keyring)->IsPunctured(kGone));
}

TEST(KeyringCrash, AtAnyOperationOfAPunctureLeavesTheOldOrTheNewState) {
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    Prepared prepared;
    Prepare(prepared);
    auto keyring = Keyring::Open(kPaths, prepared.files);
    ASSERT_TRUE(keyring.ok());
    prepared.files.FailAt(n, Failure::kFromThenOn);
    const absl::Status punctured = (*keyring)->Puncture({{kGone}});
    EXPECT_NE(punctured.ok(), prepared.files.Failed());
    EXPECT_TRUE((*keyring)->IsPunctured(kGone)) << "a failed write must not leave the key in use";
    for (size_t kept = 0; kept <= prepared.files.pending(); ++kept) {
      SCOPED_TRACE(kept);
      ExpectOldOrNew(prepared.files.AfterCrash(kept), prepared, punctured.ok());
    }
    if (!prepared.files.Failed()) {
      EXPECT_GT(n, 15);
      break;
    }
  }
}

TEST(KeyringCrash, DuringTheRepairOfACrashStillOpens) {
  for (int n = 1;; ++n) {
    Prepared prepared;
    Prepare(prepared);
    auto keyring = Keyring::Open(kPaths, prepared.files);
    ASSERT_TRUE(keyring.ok());
    prepared.files.FailAt(n, Failure::kFromThenOn);
    const bool punctured = (*keyring)->Puncture({{kGone}}).ok();
    for (size_t kept = 0; kept <= prepared.files.pending(); ++kept) {
      for (int m = 1;; ++m) {
        SCOPED_TRACE(testing::Message() << n << " " << kept << " " << m);
        MemoryFileSystem after = prepared.files.AfterCrash(kept);
        after.FailAt(m, Failure::kFromThenOn);
        const bool opened = Keyring::Open(kPaths, after).ok();
        EXPECT_NE(opened, after.Failed());
        for (size_t kept_again = 0; kept_again <= after.pending(); ++kept_again) {
          ExpectOldOrNew(after.AfterCrash(kept_again), prepared, punctured);
        }
        if (!after.Failed()) break;
      }
    }
    if (!prepared.files.Failed()) break;
  }
}

TEST(KeyringFault, APunctureThatFailedOnceSucceedsWhenCalledAgain) {
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    Prepared prepared;
    Prepare(prepared);
    auto keyring = Keyring::Open(kPaths, prepared.files);
    ASSERT_TRUE(keyring.ok());
    prepared.files.FailAt(n, Failure::kOnce);
    const absl::Status first = (*keyring)->Puncture({{kGone}});
    if (!prepared.files.Failed()) {
      EXPECT_TRUE(first.ok());
      break;
    }
    EXPECT_EQ(first.code(), absl::StatusCode::kUnavailable);
    // The slot no longer derives in memory, yet the second call must still write.
    ASSERT_TRUE((*keyring)->Puncture({{kGone}}).ok());
    ExpectOldOrNew(prepared.files.AfterCrash(0), prepared, true);
    EXPECT_EQ(prepared.files.Paths().size(), 2u);
  }
}

TEST(KeyringFault, EveryPairOfFailuresLeavesAKeyringThatOpens) {
  bool second_reached = true;
  for (int n = 1; second_reached; ++n) {
    second_reached = false;
    for (int m = 1;; ++m) {
      SCOPED_TRACE(testing::Message() << n << " " << m);
      Prepared prepared;
      Prepare(prepared);
      auto keyring = Keyring::Open(kPaths, prepared.files);
      ASSERT_TRUE(keyring.ok());
      prepared.files.FailAt(n, Failure::kOnce);
      if ((*keyring)->Puncture({{kGone}}).ok()) break;
      second_reached = true;
      prepared.files.FailAt(m, Failure::kFromThenOn);
      const bool punctured = (*keyring)->Puncture({{kGone}}).ok();
      for (size_t kept = 0; kept <= prepared.files.pending(); ++kept) {
        ExpectOldOrNew(prepared.files.AfterCrash(kept), prepared, punctured);
      }
      if (!prepared.files.Failed()) break;
    }
  }
}

TEST(KeyringFault, CreateReportsAnyFailure) {
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    MemoryFileSystem files;
    files.FailAt(n, Failure::kOnce);
    const auto created = Keyring::Create(kPaths, files);
    EXPECT_NE(created.ok(), files.Failed());
    if (!files.Failed()) {
      MemoryFileSystem after = files.AfterCrash(0);
      EXPECT_TRUE(Keyring::Open(kPaths, after).ok());
      break;
    }
  }
}

// A root key of any kind: the current one, one never put to use, one of an earlier generation.
bool HoldsARootKey(const std::string& bytes) { return bytes.find("kluis-root-key") == 0; }

TEST(KeyringFault, NoRootKeyLosesItsNameBeforeItIsOverwritten) {
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    Prepared prepared;
    Prepare(prepared);
    const std::string old_key = prepared.files.BytesOf(kPaths.root_key_path);
    auto keyring = Keyring::Open(kPaths, prepared.files);
    ASSERT_TRUE(keyring.ok());
    prepared.files.FailAt(n, Failure::kOnce);
    const absl::Status first = (*keyring)->Puncture({{kGone}});
    ASSERT_TRUE((*keyring)->Puncture({{kGone}}).ok());
    const std::vector<std::string>& removed = prepared.files.removed_bytes();
    EXPECT_GE(removed.size(), 4u);  // two punctures, each a state and a root key
    EXPECT_TRUE(std::none_of(removed.begin(), removed.end(), HoldsARootKey));
    EXPECT_NE(prepared.files.BytesOf(kPaths.root_key_path), old_key);
    if (!prepared.files.Failed()) {
      EXPECT_TRUE(first.ok());
      break;
    }
  }
}

}  // namespace
}  // namespace kluis::crypto
