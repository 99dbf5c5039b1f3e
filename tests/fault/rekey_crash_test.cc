// SPDX-License-Identifier: Apache-2.0
// Fails and cuts off every file operation of a rekey in turn: whoever comes with the shares in
// force opens the vault, and nothing it held is lost.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "service/custody/unseal.h"
#include "tests/fakes/memory_file_system.h"

namespace kluis::service::rekey_crash_test {
namespace {

using crypto::MemoryFileSystem;
using Failure = MemoryFileSystem::Failure;
using Shares = std::vector<std::string>;

constexpr char kVault[] = "vault.test/log";
constexpr uint32_t kGone = 7;
constexpr uint32_t kKept = 20;

// One place, or two.
KeysConfig Keys(bool two) {
  KeysConfig keys;
  keys.keyring = "a/keyring";
  keys.root_key = "ra/root.key";
  keys.unseal = "shares";
  if (two) keys.replicas = {{"b/keyring", "rb/root.key"}};
  return keys;
}

std::string KeyText(const OpenKeyring& open, uint32_t slot) {
  const auto key = open.keyring->Key(slot);
  if (!key.ok()) return "";
  return {key->Expose().begin(), key->Expose().end()};
}

Shares Texts(absl::StatusOr<std::vector<crypto::SecretBytes>> made) {
  EXPECT_TRUE(made.ok()) << made.status();
  Shares texts;
  for (const crypto::SecretBytes& share : *made) {
    texts.emplace_back(share.Expose().begin(), share.Expose().end());
  }
  return texts;
}

// All given at once; the first refusal ends it.
absl::StatusOr<OpenKeyring> OpenWith(Unsealer& unsealer, const Shares& shares) {
  for (const std::string& share : shares) {
    const absl::Status given = unsealer.AddShare(share);
    if (!given.ok()) return given;
  }
  return unsealer.Open(/*is_new=*/false);
}

class RekeyCrash : public testing::TestWithParam<bool> {
 protected:
  RekeyCrash() : keys_(Keys(GetParam())) {
    Unsealer unsealer(keys_, kVault, files_);
    old_ = Texts(unsealer.BeginShares(2, 2));
    for (const std::string& share : old_) EXPECT_TRUE(unsealer.ProveShare(share).ok());
    auto open = unsealer.FinishInit();
    EXPECT_TRUE(open.ok()) << open.status();
    EXPECT_TRUE(open->keyring->Puncture({{kGone}}).ok());
    kept_ = KeyText(*open, kKept);
    EXPECT_FALSE(kept_.empty());
  }

  // What a crash left opens with the old shares or with the new ones, and goes on.
  void ExpectOpens(MemoryFileSystem& files, const Shares& renewed, bool must_be_new) const {
    Unsealer by_new(keys_, kVault, files);
    auto open = OpenWith(by_new, renewed);
    if (!open.ok()) {
      EXPECT_FALSE(must_be_new) << open.status();
      EXPECT_EQ(open.status().code(), absl::StatusCode::kPermissionDenied) << open.status();
      Unsealer by_old(keys_, kVault, files);
      open = OpenWith(by_old, old_);
      ASSERT_TRUE(open.ok()) << open.status();
    } else {
      Unsealer by_old(keys_, kVault, files);
      EXPECT_FALSE(OpenWith(by_old, old_).ok());
    }
    EXPECT_TRUE(open->keyring->IsPunctured(kGone));
    EXPECT_EQ(KeyText(*open, kKept), kept_);
    EXPECT_TRUE(open->keyring->Puncture({{kKept}}).ok());
  }

  const KeysConfig keys_;
  MemoryFileSystem files_;
  Shares old_;
  std::string kept_;
};
INSTANTIATE_TEST_SUITE_P(Places, RekeyCrash, testing::Bool());

TEST_P(RekeyCrash, AtAnyFileOperationLeavesOneSetOfSharesInForce) {
  int crashes = 0;
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    MemoryFileSystem files = files_.AfterCrash(files_.pending());
    Unsealer unsealer(keys_, kVault, files);
    auto open = OpenWith(unsealer, old_);
    ASSERT_TRUE(open.ok()) << open.status();
    const Shares renewed = Texts(unsealer.BeginShares(2, 3));
    for (const std::string& share : renewed) ASSERT_TRUE(unsealer.ProveShare(share).ok());
    files.FailAt(n, Failure::kFromThenOn);
    const bool done = unsealer.FinishRekey(*open).ok();
    const bool failed = files.Failed();
    EXPECT_TRUE(done || failed);
    const Shares two = {renewed[2], renewed[0]};
    for (size_t kept = 0; kept <= files.pending(); ++kept) {
      MemoryFileSystem after = files.AfterCrash(kept);
      ExpectOpens(after, two, done);
      ++crashes;
    }
    if (!failed) break;
  }
  EXPECT_GT(crashes, 10);
}

TEST_P(RekeyCrash, ThatFailedOnceIsFinishedByTheNextCall) {
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    MemoryFileSystem files = files_.AfterCrash(files_.pending());
    Unsealer unsealer(keys_, kVault, files);
    auto open = OpenWith(unsealer, old_);
    ASSERT_TRUE(open.ok()) << open.status();
    const Shares renewed = Texts(unsealer.BeginShares(2, 3));
    for (const std::string& share : renewed) ASSERT_TRUE(unsealer.ProveShare(share).ok());
    files.FailAt(n, Failure::kOnce);
    if (!unsealer.FinishRekey(*open).ok()) {
      ASSERT_TRUE(open->keyring->Puncture({{kGone + 2}}).ok()) << "goes on meanwhile";
      const absl::StatusOr<v1::Rekey> again = unsealer.FinishRekey(*open);
      ASSERT_TRUE(again.ok()) << again.status();
      EXPECT_EQ(again->generation(), 2U);
    }
    const bool failed = files.Failed();
    files.FailAt(0, Failure::kOnce);
    ASSERT_TRUE(open->keyring->Puncture({{kGone + 1}}).ok());
    MemoryFileSystem after = files.AfterCrash(0);
    Unsealer by_new(keys_, kVault, after);
    const auto reopened = OpenWith(by_new, {renewed[1], renewed[2]});
    ASSERT_TRUE(reopened.ok()) << reopened.status();
    EXPECT_TRUE(reopened->keyring->IsPunctured(kGone + 1));
    if (!failed) break;
  }
}

}  // namespace
}  // namespace kluis::service::rekey_crash_test
