// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "crypto/keyring.h"
#include "tests/fakes/memory_file_system.h"

namespace kluis::crypto::keyring_test {
namespace {

using absl::StatusCode;

const KeyringPaths kPaths{"data/keyring", "root/key"};

std::string TextOf(const SecretKey32& key) {
  const auto bytes = key.Expose();
  return base::ToHex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string KeyText(const Keyring& keyring, uint32_t slot) {
  const auto key = keyring.Key(slot);
  return key.ok() ? TextOf(*key) : "";
}

StatusCode OpenCode(MemoryFileSystem files) { return Keyring::Open(kPaths, files).status().code(); }

// All slots under one node whose seed is 00 01 .. 1f.
SegmentedCover KnownCover() {
  CoverNode node{0, 0, {}};
  for (size_t i = 0; i < 32; ++i) node.seed[i] = static_cast<uint8_t>(i);
  return *SegmentedCover::Assemble(KeyringCover::Of(node), {});
}

// The files of the newest state beside the root key, in their order.
std::vector<std::string> StateFiles(MemoryFileSystem& files) {
  std::vector<std::string> paths;
  for (const std::string& path : files.Paths()) {
    if (path.starts_with("data/keyring.")) paths.push_back(path);
  }
  return paths;
}

// Computed with Python's hashlib.blake2b(bytes([branch]), digest_size=32, key=seed,
// person=b"kluis-ggm-child"), 32 times from the first branch down.
TEST(KeyringKey, IsTheLeafOfTheKnownTree) {
  MemoryFileSystem files;
  auto places = PlacesOf({&kPaths, 1}, files);
  KeyringReplica replica(std::move(places.front()), files);
  ASSERT_TRUE(replica.SaveWhole({}, 1, KnownCover()).ok());
  const auto keyring = Keyring::Open(kPaths, files);
  ASSERT_TRUE(keyring.ok()) << keyring.status();
  EXPECT_EQ(KeyText(**keyring, 0),
            "fa07d541c2511c0a37a325129aa1f787959ade70a81ef784111ef3e236f96e85");
  EXPECT_EQ(KeyText(**keyring, 1),
            "87b4ee5fc30933bfbd2fe645224bd3a533574dafd00d2c08a2c3d2df8b6efb4d");
  EXPECT_EQ(KeyText(**keyring, 0x80000000),
            "39040cba125575ac462e207e8b11d6a17eb1b5969382c5e61deb747917b959f7");
  EXPECT_EQ(KeyText(**keyring, 0xdeadbeef),
            "c9c87aeca3a65ec004e044dab768c9b4b0aa1bf3b9edf030d1b39e846571aa88");
  EXPECT_EQ(KeyText(**keyring, 0xffffffff),
            "648d400d7eafd24883d2de98937ea70d4fc7ced5b6366706ce1a6bb1925a359c");
  // As the header of keyring_segments.h says, by Python's hashlib: nothing punctured, then slot 5.
  EXPECT_EQ(base::ToHex(Bytes((*keyring)->Commitment())),
            "58237dda7aa23504df7c0deea8d96316ac209ccf24cdb693e4d0d2533952e3bd");
  ASSERT_TRUE((*keyring)->Puncture({{5}}).ok());
  EXPECT_EQ(base::ToHex(Bytes((*keyring)->Commitment())),
            "97ef2520aac1b9160011128a56565ffd5bf993df2d3039b6ef0c52c7581e7d90");
}

TEST(KeyringKey, IsTheSameFromTheSharedPathAndBesideIt) {
  MemoryFileSystem files;
  const auto keyring = Keyring::Create(kPaths, files);
  ASSERT_TRUE(keyring.ok());
  std::vector<std::string> alone;
  for (uint32_t slot = 0; slot < 200; ++slot) alone.push_back(KeyText(**keyring, slot));
  std::vector<std::string> first(200);
  std::vector<std::string> second(200);
  const auto derive = [&](std::vector<std::string>& keys) {
    for (uint32_t slot = 0; slot < 200; ++slot) keys[slot] = KeyText(**keyring, slot);
  };
  std::thread other(derive, std::ref(second));
  derive(first);
  other.join();
  EXPECT_EQ(first, alone);
  EXPECT_EQ(second, alone);
}

TEST(KeyringKey, IsServedWhileSlotsArePunctured) {
  MemoryFileSystem files;
  const auto keyring = Keyring::Create(kPaths, files);
  ASSERT_TRUE(keyring.ok());
  const std::string kept = KeyText(**keyring, 1000);
  std::thread puncturer([&] {
    for (uint32_t slot = 0; slot < 50; ++slot) EXPECT_TRUE((*keyring)->Puncture({{slot}}).ok());
  });
  for (int i = 0; i < 500; ++i) EXPECT_EQ(KeyText(**keyring, 1000), kept);
  puncturer.join();
}

TEST(KeyringDerive, VisitsInOrderWhatKeyGivesAndSkipsThePunctured) {
  MemoryFileSystem files;
  const auto keyring = Keyring::Create(kPaths, files);
  ASSERT_TRUE(keyring.ok());
  ASSERT_TRUE((*keyring)->Puncture({{4000, 4096, 4097, 8200, 0xffffffff}}).ok());
  std::vector<std::pair<uint32_t, std::string>> visited;
  const auto visit = [&](uint32_t slot, const SecretKey32& key) {
    visited.emplace_back(slot, TextOf(key));
  };
  ASSERT_TRUE((*keyring)->Derive(3990, 5000, visit).ok());
  EXPECT_EQ(visited.size(), 5000u - 4);
  EXPECT_TRUE(std::is_sorted(visited.begin(), visited.end()));
  EXPECT_EQ(visited.front().first, 3990u);
  EXPECT_EQ(visited.back().first, 8989u);
  for (const auto& [slot, key] : visited) EXPECT_EQ(key, KeyText(**keyring, slot)) << slot;
}

TEST(KeyringDerive, ReachesTheLastSlotAndNoFurther) {
  MemoryFileSystem files;
  const auto keyring = Keyring::Create(kPaths, files);
  ASSERT_TRUE(keyring.ok());
  std::vector<uint32_t> visited;
  const auto visit = [&](uint32_t slot, const SecretKey32&) { visited.push_back(slot); };
  EXPECT_TRUE((*keyring)->Derive(0xfffffffe, 2, visit).ok());
  EXPECT_EQ(visited, (std::vector<uint32_t>{0xfffffffe, 0xffffffff}));
  EXPECT_EQ((*keyring)->Derive(0xfffffffe, 3, visit).code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE((*keyring)->Derive(7, 0, visit).ok());
  EXPECT_EQ(visited.size(), 2u);
}

TEST(KeyringPuncture, CostsThirtyTwoNodesAtMostForTheFirstSlot) {
  MemoryFileSystem files;
  const auto keyring = Keyring::Create(kPaths, files);
  ASSERT_TRUE(keyring.ok());
  EXPECT_EQ((*keyring)->cover_size(), 1u);
  ASSERT_TRUE((*keyring)->Puncture({{5}}).ok());
  EXPECT_EQ((*keyring)->cover_size(), 32u);
  ASSERT_TRUE((*keyring)->Puncture({{4}}).ok());  // its sibling: one node less
  EXPECT_EQ((*keyring)->cover_size(), 31u);
}

TEST(KeyringPuncture, OfPuncturedSlotsWritesNothing) {
  MemoryFileSystem files;
  const auto keyring = Keyring::Create(kPaths, files);
  ASSERT_TRUE(keyring.ok());
  ASSERT_TRUE((*keyring)->Puncture({{5, 9, 5}}).ok());
  const uint64_t generation = (*keyring)->generation();
  const Hash commitment = (*keyring)->Commitment();
  ASSERT_TRUE((*keyring)->Puncture({{9, 5}}).ok());
  ASSERT_TRUE((*keyring)->Puncture({}).ok());
  EXPECT_EQ((*keyring)->generation(), generation);
  EXPECT_EQ((*keyring)->Commitment(), commitment);
}

TEST(KeyringPuncture, ChangesTheCommitment) {
  MemoryFileSystem files;
  const auto keyring = Keyring::Create(kPaths, files);
  ASSERT_TRUE(keyring.ok());
  const Hash before = (*keyring)->Commitment();
  ASSERT_TRUE((*keyring)->Puncture({{5}}).ok());
  EXPECT_NE((*keyring)->Commitment(), before);
}

TEST(KeyringCreate, RefusesToOverwriteAnyFileOfAKeyring) {
  for (const char* const path :
       {"root/key", "root/key.old", "root/key.new", "data/keyring.17", "data/keyring.pages.17"}) {
    MemoryFileSystem files;
    files.Put(path, "x");
    EXPECT_EQ(Keyring::Create(kPaths, files).status().code(), StatusCode::kAlreadyExists) << path;
  }
  MemoryFileSystem files;
  files.Put("data/keyring.txt", "not a generation");
  EXPECT_TRUE(Keyring::Create(kPaths, files).ok());
}

TEST(KeyringCreate, RefusesEmptyOrEqualPaths) {
  MemoryFileSystem files;
  for (const KeyringPaths& paths : {KeyringPaths{"", "root/key"}, KeyringPaths{"a/b", ""},
                                    KeyringPaths{"a/b", "a/b"}, KeyringPaths{"a/", "b/c"}}) {
    EXPECT_EQ(Keyring::Create(paths, files).status().code(), StatusCode::kInvalidArgument);
  }
}

TEST(KeyringOpen, IsNotFoundWithoutARootKey) {
  MemoryFileSystem files;
  EXPECT_EQ(OpenCode(files), StatusCode::kNotFound);
}

TEST(KeyringOpen, RefusesEveryAlteredBitOfAnyFile) {
  MemoryFileSystem files;
  ASSERT_TRUE((*Keyring::Create(kPaths, files))->Puncture({{5}}).ok());
  constexpr size_t kPageBytes = 12 * 34 + 16;  // the rest of its block is not used
  for (const char* const path : {"root/key", "data/keyring.2", "data/keyring.pages.1"}) {
    std::string& bytes = files.BytesOf(path);
    const size_t used = path == std::string("data/keyring.pages.1") ? kPageBytes : bytes.size();
    for (size_t bit = 0; bit < used * 8; ++bit) {
      const auto mask = static_cast<char>(1 << bit % 8);
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ mask);
      EXPECT_EQ(OpenCode(files.AfterCrash(0)), StatusCode::kDataLoss) << path << " bit " << bit;
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ mask);
    }
  }
  EXPECT_EQ(OpenCode(files.AfterCrash(0)), StatusCode::kOk);
}

TEST(KeyringOpen, RefusesEveryShorterOrLongerFile) {
  MemoryFileSystem files;
  ASSERT_TRUE((*Keyring::Create(kPaths, files))->Puncture({{5}}).ok());
  for (const char* const path : {"root/key", "data/keyring.2", "data/keyring.pages.1"}) {
    const std::string whole = files.BytesOf(path);
    const bool pages = path == std::string("data/keyring.pages.1");
    for (size_t size = 0; size <= whole.size() + (pages ? 0 : 1); ++size) {
      if (size == whole.size()) continue;
      files.BytesOf(path) = (whole + "x").substr(0, size);
      EXPECT_EQ(OpenCode(files.AfterCrash(0)), StatusCode::kDataLoss) << path << " " << size;
    }
    files.BytesOf(path) = whole;
  }
}

TEST(KeyringOpen, RefusesAMissingFile) {
  MemoryFileSystem files;
  ASSERT_TRUE((*Keyring::Create(kPaths, files))->Puncture({{5}}).ok());
  for (const std::string& path : StateFiles(files)) {
    MemoryFileSystem without = files.AfterCrash(0);
    ASSERT_TRUE(without.Remove(path).ok());
    const absl::Status refused = Keyring::Open(kPaths, without).status();
    EXPECT_EQ(refused.code(), StatusCode::kDataLoss) << path;
    EXPECT_NE(std::string(refused.message()).find(path), std::string::npos) << refused;
  }
}

TEST(KeyringOpen, RefusesAnOlderFileBesideNewerOnes) {
  MemoryFileSystem files;
  const auto keyring = Keyring::Create(kPaths, files);
  ASSERT_TRUE(keyring.ok());
  ASSERT_TRUE((*keyring)->Puncture({{5}}).ok());
  MemoryFileSystem old = files.AfterCrash(0);
  ASSERT_TRUE((*keyring)->Puncture({{6}}).ok());
  ASSERT_TRUE(files.SyncDirectory("data").ok());  // the old table's removal

  MemoryFileSystem old_root = files.AfterCrash(0);
  old_root.Put("root/key", old.BytesOf("root/key"));
  EXPECT_EQ(OpenCode(old_root.AfterCrash(0)), StatusCode::kDataLoss);
  // The new table under the old name.
  old_root.Put("data/keyring.2", files.BytesOf("data/keyring.3"));
  EXPECT_EQ(OpenCode(old_root.AfterCrash(0)), StatusCode::kDataLoss);

  MemoryFileSystem old_table = files.AfterCrash(0);
  std::string renumbered = old.BytesOf("data/keyring.2");
  old_table.Put("data/keyring.3", renumbered);
  EXPECT_EQ(OpenCode(old_table.AfterCrash(0)), StatusCode::kDataLoss);
  renumbered[16] = 3;  // the generation in the header
  old_table.Put("data/keyring.3", renumbered);
  EXPECT_EQ(OpenCode(old_table.AfterCrash(0)), StatusCode::kDataLoss);

  MemoryFileSystem old_pages = files.AfterCrash(0);
  old_pages.Put("data/keyring.pages.1", old.BytesOf("data/keyring.pages.1"));
  EXPECT_EQ(OpenCode(old_pages.AfterCrash(0)), StatusCode::kDataLoss);
}

TEST(KeyringOpen, RefusesPagesThatChangedPlaces) {
  MemoryFileSystem files;
  const auto keyring = Keyring::Create(kPaths, files);
  ASSERT_TRUE(keyring.ok());
  ASSERT_TRUE((*keyring)->Puncture({{5, 5 + 4096}}).ok());
  std::string& pages = files.BytesOf("data/keyring.pages.1");
  ASSERT_GT(pages.size(), kPageBlockBytes);
  // One segment's page where the other's is, and the older page of a segment in the place of the
  // newer one.
  const std::string before = pages;
  std::swap_ranges(pages.begin(), pages.begin() + 424, pages.begin() + kPageBlockBytes);
  EXPECT_EQ(OpenCode(files.AfterCrash(0)), StatusCode::kDataLoss);
  pages = before;
  ASSERT_TRUE((*keyring)->Puncture({{6}}).ok());
  EXPECT_EQ(OpenCode(files.AfterCrash(0)), StatusCode::kOk);
  std::copy_n(before.begin(), 424, pages.begin() + 2 * kPageBlockBytes);
  EXPECT_EQ(OpenCode(files.AfterCrash(0)), StatusCode::kDataLoss);
}

TEST(KeyringOpen, RefusesTheFirstVersionByName) {
  MemoryFileSystem files;
  ASSERT_TRUE(Keyring::Create(kPaths, files).ok());
  files.BytesOf("data/keyring.1").replace(0, 16, "kluis-keyring-v1");
  const absl::Status refused = Keyring::Open(kPaths, files).status();
  EXPECT_EQ(refused.code(), StatusCode::kDataLoss);
  EXPECT_NE(std::string(refused.message()).find("version 1"), std::string::npos);
}

TEST(KeyringOpen, RefusesTheStateOfAnotherKeyring) {
  MemoryFileSystem one;
  MemoryFileSystem two;
  ASSERT_TRUE(Keyring::Create(kPaths, one).ok());
  ASSERT_TRUE(Keyring::Create(kPaths, two).ok());
  one.Put("data/keyring.1", two.BytesOf("data/keyring.1"));
  EXPECT_EQ(OpenCode(one.AfterCrash(0)), StatusCode::kDataLoss);
}

TEST(KeyringCoverParse, RefusesNodesThatOverlapOrAreOutOfOrder) {
  const KeyringCover cover = KeyringCover::Fresh().Without({{5}});
  const SecretBytes bytes = cover.Serialize();
  EXPECT_TRUE(KeyringCover::Parse(bytes.Expose()).ok());
  EXPECT_EQ(KeyringCover::Parse(bytes.Expose().first(36)).status().code(), StatusCode::kDataLoss);
  SecretBytes deep = SecretBytes::CopyOf(bytes.Expose());
  deep.ExposeMutable()[0] = 33;
  EXPECT_EQ(KeyringCover::Parse(deep.Expose()).status().code(), StatusCode::kDataLoss);
  SecretBytes wide = SecretBytes::CopyOf(bytes.Expose());
  wide.ExposeMutable()[0] = 0;
  EXPECT_EQ(KeyringCover::Parse(wide.Expose()).status().code(), StatusCode::kDataLoss);
  SecretBytes moved = SecretBytes::CopyOf(bytes.Expose());
  moved.ExposeMutable()[1] ^= 1;
  EXPECT_EQ(KeyringCover::Parse(moved.Expose()).status().code(), StatusCode::kDataLoss);
}

class KeyringOnDisk : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "kluis-keyring-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    paths_ = {directory_ + "/keyring", directory_ + "/root"};
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
  KeyringPaths paths_;
};

TEST_F(KeyringOnDisk, KeepsItsKeysAndItsPuncturesAcrossARestart) {
  std::string kept;
  {
    const auto keyring = Keyring::Create(paths_);
    ASSERT_TRUE(keyring.ok()) << keyring.status();
    kept = KeyText(**keyring, 6);
    ASSERT_TRUE((*keyring)->Puncture({{5}}).ok());
  }
  const auto keyring = Keyring::Open(paths_);
  ASSERT_TRUE(keyring.ok()) << keyring.status();
  EXPECT_EQ((*keyring)->generation(), 2u);
  EXPECT_EQ(KeyText(**keyring, 6), kept);
  EXPECT_TRUE((*keyring)->IsPunctured(5));
  EXPECT_EQ(Keyring::Create(paths_).status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 3);
}

TEST_F(KeyringOnDisk, RefusesARootKeyThatOthersMayRead) {
  ASSERT_TRUE(Keyring::Create(paths_).ok());
  for (const mode_t mode : {0640, 0604, 0620, 0601}) {
    ASSERT_EQ(chmod(paths_.root_key_path.c_str(), mode), 0);
    const absl::Status refused = Keyring::Open(paths_).status();
    EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
    EXPECT_NE(std::string(refused.message()).find("chmod 600"), std::string::npos);
  }
  ASSERT_EQ(chmod(paths_.root_key_path.c_str(), 0600), 0);
  EXPECT_TRUE(Keyring::Open(paths_).ok());
}

}  // namespace
}  // namespace kluis::crypto::keyring_test
