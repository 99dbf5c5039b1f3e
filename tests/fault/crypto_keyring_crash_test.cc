// SPDX-License-Identifier: Apache-2.0
// Fails and cuts off every file operation of the keyring in turn: n = 1, 2, ... until none fails.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "crypto/keyring.h"
#include "tests/fakes/memory_file_system.h"

namespace kluis::crypto::keyring_crash_test {
namespace {

using Failure = MemoryFileSystem::Failure;

constexpr uint32_t kGone = 7;         // punctured by the operation under test
constexpr uint32_t kGoneAlready = 3;  // punctured before
constexpr uint32_t kKept = 8;

const std::vector<KeyringPaths> kPlaces = {{"data/keyring", "root/key"},
                                           {"other/keyring", "vault/key"}};

// Each test runs with one place and with two.
std::vector<KeyringPlace> PlacesIn(FileSystem& files, size_t count) {
  return PlacesOf(std::span(kPlaces).first(count), files);
}

std::string KeyText(const Keyring& keyring, uint32_t slot) {
  const auto key = keyring.Key(slot);
  if (!key.ok()) return "";
  const auto bytes = key->Expose();
  return {bytes.begin(), bytes.end()};
}

// A keyring with kGoneAlready punctured, and what its keys are.
struct Prepared {
  size_t places;
  MemoryFileSystem files = {};
  std::string gone = {};
  std::string kept = {};
};

void Prepare(Prepared& prepared) {
  auto keyring = Keyring::Create(PlacesIn(prepared.files, prepared.places), prepared.files);
  ASSERT_TRUE(keyring.ok()) << keyring.status();
  ASSERT_TRUE((*keyring)->Puncture({{kGoneAlready}}).ok());
  prepared.gone = KeyText(**keyring, kGone);
  prepared.kept = KeyText(**keyring, kKept);
}

// `files` opens to the old or the new state and to nothing else; `must_be_gone`: only to the new.
void ExpectOldOrNew(MemoryFileSystem files, const Prepared& prepared, bool must_be_gone) {
  const auto keyring = Keyring::Open(PlacesIn(files, prepared.places), files);
  ASSERT_TRUE(keyring.ok()) << keyring.status();
  EXPECT_EQ(KeyText(**keyring, kKept), prepared.kept);
  EXPECT_TRUE((*keyring)->IsPunctured(kGoneAlready));
  if (must_be_gone) {
    EXPECT_TRUE((*keyring)->IsPunctured(kGone));
  }
  if (!(*keyring)->IsPunctured(kGone)) {
    EXPECT_EQ(KeyText(**keyring, kGone), prepared.gone);
  }
  EXPECT_EQ(files.Paths().size(), 3 * prepared.places) << "leftovers";
  // What the crash interrupted can be finished, and is in each place by itself.
  ASSERT_TRUE((*keyring)->Puncture({{kGone}}).ok());
  EXPECT_TRUE((*keyring)->IsPunctured(kGone));
  for (size_t i = 0; i < prepared.places; ++i) {
    const auto alone = Keyring::Open(kPlaces[i], files);
    ASSERT_TRUE(alone.ok()) << alone.status();
    EXPECT_TRUE((*alone)->IsPunctured(kGone));
    EXPECT_EQ(KeyText(**alone, kKept), prepared.kept);
  }
}

class KeyringCrash : public testing::TestWithParam<size_t> {};
class KeyringFault : public testing::TestWithParam<size_t> {};
INSTANTIATE_TEST_SUITE_P(Places, KeyringCrash, testing::Values(1, 2));
INSTANTIATE_TEST_SUITE_P(Places, KeyringFault, testing::Values(1, 2));

TEST_P(KeyringCrash, AtAnyOperationOfAPunctureLeavesTheOldOrTheNewState) {
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    Prepared prepared{GetParam()};
    Prepare(prepared);
    auto keyring = Keyring::Open(PlacesIn(prepared.files, prepared.places), prepared.files);
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

TEST_P(KeyringCrash, DuringTheRepairOfACrashStillOpens) {
  for (int n = 1;; ++n) {
    Prepared prepared{GetParam()};
    Prepare(prepared);
    auto keyring = Keyring::Open(PlacesIn(prepared.files, prepared.places), prepared.files);
    ASSERT_TRUE(keyring.ok());
    prepared.files.FailAt(n, Failure::kFromThenOn);
    const bool punctured = (*keyring)->Puncture({{kGone}}).ok();
    for (size_t kept = 0; kept <= prepared.files.pending(); ++kept) {
      for (int m = 1;; ++m) {
        SCOPED_TRACE(testing::Message() << n << " " << kept << " " << m);
        MemoryFileSystem after = prepared.files.AfterCrash(kept);
        after.FailAt(m, Failure::kFromThenOn);
        const bool opened = Keyring::Open(PlacesIn(after, prepared.places), after).ok();
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

TEST_P(KeyringFault, APunctureThatFailedOnceSucceedsWhenCalledAgain) {
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    Prepared prepared{GetParam()};
    Prepare(prepared);
    auto keyring = Keyring::Open(PlacesIn(prepared.files, prepared.places), prepared.files);
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
    EXPECT_EQ(prepared.files.Paths().size(), 3 * prepared.places);
  }
}

TEST_P(KeyringFault, EveryPairOfFailuresLeavesAKeyringThatOpens) {
  bool second_reached = true;
  for (int n = 1; second_reached; ++n) {
    second_reached = false;
    for (int m = 1;; ++m) {
      SCOPED_TRACE(testing::Message() << n << " " << m);
      Prepared prepared{GetParam()};
      Prepare(prepared);
      auto keyring = Keyring::Open(PlacesIn(prepared.files, prepared.places), prepared.files);
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

TEST_P(KeyringFault, CreateReportsAnyFailure) {
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    MemoryFileSystem files;
    files.FailAt(n, Failure::kOnce);
    const auto created = Keyring::Create(PlacesIn(files, GetParam()), files);
    EXPECT_NE(created.ok(), files.Failed());
    if (!files.Failed()) {
      MemoryFileSystem after = files.AfterCrash(0);
      EXPECT_TRUE(Keyring::Open(PlacesIn(after, GetParam()), after).ok());
      break;
    }
  }
}

// A root key of any kind: the current one, one never put to use, one of an earlier generation.
bool HoldsARootKey(const std::string& bytes) { return bytes.find("kluis-root-key") == 0; }

TEST_P(KeyringFault, NoRootKeyLosesItsNameBeforeItIsOverwritten) {
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    Prepared prepared{GetParam()};
    Prepare(prepared);
    const std::string old_key = prepared.files.BytesOf(kPlaces[0].root_key_path);
    auto keyring = Keyring::Open(PlacesIn(prepared.files, prepared.places), prepared.files);
    ASSERT_TRUE(keyring.ok());
    prepared.files.FailAt(n, Failure::kOnce);
    const absl::Status first = (*keyring)->Puncture({{kGone}});
    ASSERT_TRUE((*keyring)->Puncture({{kGone}}).ok());
    const std::vector<std::string>& removed = prepared.files.removed_bytes();
    EXPECT_GE(removed.size(), 4 * prepared.places);  // two punctures, each a table and a root key
    EXPECT_TRUE(std::none_of(removed.begin(), removed.end(), HoldsARootKey));
    EXPECT_NE(prepared.files.BytesOf(kPlaces[0].root_key_path), old_key);
    if (!prepared.files.Failed()) {
      EXPECT_TRUE(first.ok());
      break;
    }
  }
}

// One place behind, one missing: brought to the newest state, whatever operation fails.
TEST(KeyringRepairCrash, AtAnyOperationLeavesThePlacesToBeBroughtTogetherLater) {
  for (const bool missing : {false, true}) {
    for (int n = 1;; ++n) {
      SCOPED_TRACE(testing::Message() << missing << " " << n);
      Prepared prepared{2};
      Prepare(prepared);
      MemoryFileSystem old = prepared.files.AfterCrash(0);
      {
        const auto keyring = Keyring::Open(PlacesIn(prepared.files, 2), prepared.files);
        ASSERT_TRUE((*keyring)->Puncture({{kGone}}).ok());
      }
      MemoryFileSystem files;
      for (const std::string& path : prepared.files.Paths()) {
        const bool first = path.starts_with("data/") || path.starts_with("root/");
        if (first) files.Put(path, prepared.files.BytesOf(path));
      }
      for (const std::string& path : old.Paths()) {
        const bool first = path.starts_with("data/") || path.starts_with("root/");
        if (!first && !missing) files.Put(path, old.BytesOf(path));
      }
      files.FailAt(n, Failure::kFromThenOn);
      const absl::Status opened = Keyring::Open(PlacesIn(files, 2), files).status();
      EXPECT_NE(opened.ok(), files.Failed());
      EXPECT_TRUE(opened.ok() || absl::IsUnavailable(opened)) << opened;
      for (size_t kept = 0; kept <= files.pending(); ++kept) {
        SCOPED_TRACE(kept);
        ExpectOldOrNew(files.AfterCrash(kept), prepared, true);
      }
      if (!files.Failed()) {
        EXPECT_GT(n, 15);
        break;
      }
    }
  }
}

TEST(KeyringRepairCrash, AnUnfinishedCreateOfTheSecondPlaceIsFinishedAtOpen) {
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    MemoryFileSystem files;
    files.FailAt(n, Failure::kFromThenOn);
    const bool created = Keyring::Create(PlacesIn(files, 2), files).ok();
    MemoryFileSystem after = files.AfterCrash(files.pending());
    const auto opened = Keyring::Open(PlacesIn(after, 2), after);
    if (created) {
      EXPECT_TRUE(opened.ok());
      break;
    }
    // Before the first place is there nothing is; nothing was sealed under either.
    if (!opened.ok()) {
      EXPECT_EQ(opened.status().code(), absl::StatusCode::kNotFound) << opened.status();
    } else {
      EXPECT_EQ((*opened)->cover_size(), 1u);
    }
  }
}

}  // namespace
}  // namespace kluis::crypto::keyring_crash_test
