// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "crypto/key_file.h"
#include "tests/fakes/memory_file_system.h"

namespace kluis::crypto::key_file_test {
namespace {

using absl::StatusCode;

constexpr char kKnownFile[] =
    "kluis-ed25519-seed-v1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

SigningKey KnownKey() {
  SecretBytes seed = SecretBytes::Zero(32);
  for (size_t i = 0; i < 32; ++i) seed.ExposeMutable()[i] = static_cast<uint8_t>(i);
  return SigningKey::FromSeed(std::move(seed)).value();
}

class KeyFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "kluis-key-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    path_ = directory_ + "/judge.key";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
  std::string path_;
};

TEST_F(KeyFile, HasTheDocumentedFormAndMode) {
  const mode_t before = umask(0);
  ASSERT_TRUE(WriteSigningKey(KnownKey(), path_).ok());
  umask(before);
  std::ostringstream text;
  text << std::ifstream(path_).rdbuf();
  EXPECT_EQ(text.str(), kKnownFile);
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
}

TEST_F(KeyFile, RoundTrips) {
  const SigningKey key = SigningKey::Generate();
  ASSERT_TRUE(WriteSigningKey(key, path_).ok());
  const auto read = ReadSigningKey(path_);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->public_key(), key.public_key());
}

TEST_F(KeyFile, IsNeverOverwritten) {
  ASSERT_TRUE(WriteSigningKey(KnownKey(), path_).ok());
  EXPECT_EQ(WriteSigningKey(SigningKey::Generate(), path_).code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(ReadSigningKey(path_)->public_key(), KnownKey().public_key());
}

TEST_F(KeyFile, IsRefusedWhenOpenToGroupOrOthers) {
  ASSERT_TRUE(WriteSigningKey(KnownKey(), path_).ok());
  for (const mode_t mode : {0640, 0604, 0660, 0644}) {
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
    const absl::Status refused = ReadSigningKey(path_).status();
    EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
    EXPECT_NE(std::string(refused.message()).find("chmod 600"), std::string::npos);
  }
}

TEST_F(KeyFile, IsNotReadThroughALinkNorFromADirectory) {
  ASSERT_TRUE(WriteSigningKey(KnownKey(), path_).ok());
  const std::string link = directory_ + "/link";
  ASSERT_EQ(symlink(path_.c_str(), link.c_str()), 0);
  EXPECT_FALSE(ReadSigningKey(link).ok());
  EXPECT_EQ(ReadSigningKey(directory_).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReadSigningKey(directory_ + "/none").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(WriteSigningKey(KnownKey(), directory_ + "/no/key").code(), StatusCode::kNotFound);
}

TEST(KeyFileText, IsRefusedUnlessExact) {
  const std::string good = kKnownFile;
  for (const std::string& text :
       {std::string(), good.substr(0, good.size() - 1), good + "\n", "x" + good.substr(1),
        good.substr(0, 22) + good.substr(23) + "\n", std::string(good.size(), 'A'),
        good.substr(0, good.size() - 3) + "9=\n", std::string(5000, 'A')}) {
    MemoryFileSystem files;
    files.Put("keys/judge", text);
    EXPECT_FALSE(ReadSigningKey("keys/judge", files).ok()) << text;
  }
  MemoryFileSystem files;
  files.Put("keys/judge", good);
  EXPECT_TRUE(ReadSigningKey("keys/judge", files).ok());
}

TEST(KeyFileFault, AFailedWriteLeavesNoFile) {
  for (int n = 1;; ++n) {
    MemoryFileSystem files;
    files.FailAt(n, MemoryFileSystem::Failure::kOnce);
    const absl::Status written = WriteSigningKey(KnownKey(), "keys/judge", files);
    EXPECT_EQ(written.ok(), files.Has("keys/judge"));
    if (!files.Failed()) {
      EXPECT_TRUE(files.AfterCrash(0).Has("keys/judge"));
      break;
    }
    EXPECT_EQ(written.code(), StatusCode::kUnavailable);
  }
}

TEST(DeviceSecretFile, HasTheDocumentedFormAndRoundTrips) {
  SecretBytes secret = SecretBytes::Zero(32);
  for (size_t i = 0; i < 32; ++i) secret.ExposeMutable()[i] = static_cast<uint8_t>(i);
  MemoryFileSystem files;
  ASSERT_TRUE(WriteDeviceSecret(secret, "keys/me", files).ok());
  EXPECT_EQ(WriteDeviceSecret(secret, "keys/me", files).code(), StatusCode::kAlreadyExists);
  const auto read = ReadDeviceSecret("keys/me", files);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(read->ConstantTimeEquals(secret));
  files.Put("keys/known",
            "kluis-custody-secret-v1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n");
  EXPECT_TRUE(ReadDeviceSecret("keys/known", files)->ConstantTimeEquals(secret));
}

TEST(DeviceSecretFile, IsNoSigningKeyNorTheOtherWayRound) {
  MemoryFileSystem files;
  ASSERT_TRUE(WriteDeviceSecret(SecretBytes::Random(32), "keys/me", files).ok());
  ASSERT_TRUE(WriteSigningKey(KnownKey(), "keys/judge", files).ok());
  EXPECT_EQ(ReadSigningKey("keys/me", files).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(ReadDeviceSecret("keys/judge", files).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(WriteDeviceSecret(SecretBytes::Random(31), "keys/short", files).code(),
            StatusCode::kInvalidArgument);
}

TEST(Paths, SplitIntoDirectoryAndName) {
  EXPECT_EQ(DirectoryOf("a/b/c"), "a/b");
  EXPECT_EQ(DirectoryOf("c"), ".");
  EXPECT_EQ(DirectoryOf("/c"), "/");
  EXPECT_EQ(FileNameOf("a/b/c"), "c");
  EXPECT_EQ(FileNameOf("c"), "c");
}

}  // namespace
}  // namespace kluis::crypto::key_file_test
