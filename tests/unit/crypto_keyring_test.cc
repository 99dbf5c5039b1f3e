#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "crypto/codec.h"
#include "crypto/keyring.h"
#include "tests/fakes/memory_file_system.h"

namespace kluis::crypto {
namespace {

using absl::StatusCode;

const KeyringPaths kPaths{"data/keyring", "root/key"};

std::string KeyText(const Keyring& keyring, uint32_t slot) {
  const auto key = keyring.Key(slot);
  if (!key.ok()) return "";
  const auto bytes = key->Expose();
  return ToHex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

StatusCode OpenCode(MemoryFileSystem files) { return Keyring::Open(kPaths, files).status().code(); }

// A cover of one node whose seed is 00 01 .. 1f.
SecretBytes KnownCover() {
  SecretBytes cover = SecretBytes::Zero(37);
  for (size_t i = 0; i < 32; ++i) cover.ExposeMutable()[5 + i] = static_cast<uint8_t>(i);
  return cover;
}

// Computed with Python's hashlib.blake2b(bytes([branch]), digest_size=32, key=seed,
// person=b"kluis-ggm-child"), 32 times from the first branch down.
TEST(KeyringKey, IsTheLeafOfTheKnownTree) {
  MemoryFileSystem files;
  ASSERT_TRUE(KeyringFiles(kPaths, files).Save(1, KnownCover().Expose()).ok());
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
  // SHA-256("kluis-keyring-commitment-v1\n" | u64 1 | depth 0 | first 0), by Python's hashlib.
  EXPECT_EQ(ToHex(Bytes((*keyring)->Commitment())),
            "06021e0a12376df3a1bc7ba3a725dda57df5784059861441cad3e8b1b3af1f21");
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
  for (const char* const path : {"root/key", "root/key.old", "root/key.new", "data/keyring.17"}) {
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

TEST(KeyringOpen, RefusesEveryAlteredBitOfEitherFile) {
  MemoryFileSystem files;
  ASSERT_TRUE(Keyring::Create(kPaths, files).ok());
  for (const char* const path : {"root/key", "data/keyring.1"}) {
    std::string& bytes = files.BytesOf(path);
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
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
  ASSERT_TRUE(Keyring::Create(kPaths, files).ok());
  for (const char* const path : {"root/key", "data/keyring.1"}) {
    const std::string whole = files.BytesOf(path);
    for (size_t size = 0; size <= whole.size() + 1; ++size) {
      if (size == whole.size()) continue;
      files.BytesOf(path) = (whole + "x").substr(0, size);
      EXPECT_EQ(OpenCode(files.AfterCrash(0)), StatusCode::kDataLoss) << path << " " << size;
    }
    files.BytesOf(path) = whole;
  }
}

TEST(KeyringOpen, RefusesAnOlderFileBesideANewerOne) {
  MemoryFileSystem files;
  const auto keyring = Keyring::Create(kPaths, files);
  ASSERT_TRUE(keyring.ok());
  const std::string old_key = files.BytesOf("root/key");
  const std::string old_state = files.BytesOf("data/keyring.1");
  ASSERT_TRUE((*keyring)->Puncture({{5}}).ok());
  const std::string new_state = files.BytesOf("data/keyring.2");

  MemoryFileSystem old_root = files.AfterCrash(0);
  old_root.Put("root/key", old_key);
  EXPECT_EQ(OpenCode(old_root.AfterCrash(0)), StatusCode::kDataLoss);
  old_root.Put("data/keyring.1", new_state);  // the new state under the old name
  EXPECT_EQ(OpenCode(old_root.AfterCrash(0)), StatusCode::kDataLoss);

  MemoryFileSystem old_cover = files.AfterCrash(0);
  old_cover.Put("data/keyring.2", old_state);
  EXPECT_EQ(OpenCode(old_cover.AfterCrash(0)), StatusCode::kDataLoss);
  std::string renumbered = old_state;
  renumbered[16] = 2;  // the generation in the header
  old_cover.Put("data/keyring.2", renumbered);
  EXPECT_EQ(OpenCode(old_cover.AfterCrash(0)), StatusCode::kDataLoss);
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
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 2);
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
}  // namespace kluis::crypto
