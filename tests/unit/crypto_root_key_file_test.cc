// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/root_key_file.h"
#include "tests/fakes/memory_file_system.h"

namespace kluis::crypto::root_key_file_test {
namespace {

using absl::StatusCode;

SecretBytes KeyOf(char byte) { return SecretBytes::CopyOf(std::string(kRootKeyBytes, byte)); }

absl::Status Replace(RootKeyFile& store, uint64_t generation, char byte) {
  return store.Replace(generation, KeyOf(byte).Expose().first<kRootKeyBytes>());
}

void ExpectHolds(RootKeyFile& store, uint64_t generation, char byte) {
  const auto root = store.Read();
  ASSERT_TRUE(root.ok()) << root.status();
  EXPECT_EQ(root->generation, generation);
  EXPECT_TRUE(root->key.ConstantTimeEquals(KeyOf(byte)));
}

TEST(RootKeyFile, HoldsWhatReplacedTheOldOneWhichStaysUntilDestroyed) {
  MemoryFileSystem files;
  RootKeyFile store("root/key", files);
  EXPECT_TRUE(store.CheckAbsent().ok());
  EXPECT_EQ(store.Read().status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(Replace(store, 1, 'a').ok());
  ExpectHolds(store, 1, 'a');
  EXPECT_EQ(store.CheckAbsent().code(), StatusCode::kAlreadyExists);
  ASSERT_TRUE(Replace(store, 2, 'b').ok());
  ExpectHolds(store, 2, 'b');
  EXPECT_TRUE(files.Has("root/key.old"));
  ASSERT_TRUE(store.DestroyOthers().ok());
  ASSERT_TRUE(store.DestroyOthers().ok());
  EXPECT_EQ(files.Paths(), std::vector<std::string>{"root/key"});
  for (const std::string& removed : files.removed_bytes()) {
    EXPECT_EQ(removed, std::string(removed.size(), '\0'));
  }
}

TEST(RootKeyFile, WritesTheBytesThatItsHeaderNames) {
  MemoryFileSystem files;
  RootKeyFile store("root/key", files);
  ASSERT_TRUE(Replace(store, 0x0102, 'a').ok());
  EXPECT_EQ(files.BytesOf("root/key"), std::string("kluis-root-key-1") + "\x02\x01" +
                                           std::string(6, '\0') + std::string(32, 'a'));
}

TEST(RootKeyFile, PutsTheOldOneBackWhereOnlyItIsLeft) {
  MemoryFileSystem files;
  RootKeyFile store("root/key", files);
  ASSERT_TRUE(Replace(store, 1, 'a').ok());
  ASSERT_TRUE(files.Rename("root/key", "root/key.old").ok());
  ExpectHolds(store, 1, 'a');
  EXPECT_EQ(files.Paths(), std::vector<std::string>{"root/key"});
}

TEST(RootKeyFile, RefusesAnyOtherLengthOrStart) {
  MemoryFileSystem files;
  RootKeyFile store("root/key", files);
  ASSERT_TRUE(Replace(store, 1, 'a').ok());
  const std::string whole = files.BytesOf("root/key");
  for (size_t size = 0; size <= whole.size() + 1; ++size) {
    if (size == whole.size()) continue;
    files.BytesOf("root/key") = (whole + "x").substr(0, size);
    EXPECT_EQ(store.Read().status().code(), StatusCode::kDataLoss) << size;
  }
  for (size_t i = 0; i < 16; ++i) {
    files.BytesOf("root/key") = whole;
    files.BytesOf("root/key")[i] ^= 1;
    EXPECT_EQ(store.Read().status().code(), StatusCode::kDataLoss) << i;
  }
}

// Wraps by marking the bytes, and remembers which it was told to keep.
class MarkingWrapper final : public RootWrapper {
 public:
  absl::StatusOr<std::string> Wrap(std::span<const uint8_t, kRootKeyBytes> root_key,
                                   uint64_t generation) override {
    if (!refusal.ok()) return refusal;
    return "wrapped" + std::to_string(generation) + std::string(root_key.begin(), root_key.end());
  }
  absl::StatusOr<RootKey> Unwrap(std::string_view wrapped) override {
    if (!refusal.ok()) return refusal;
    if (!wrapped.starts_with("wrapped")) return absl::DataLossError("not wrapped");
    return RootKey{static_cast<uint64_t>(wrapped[7] - '0'), SecretBytes::CopyOf(wrapped.substr(8))};
  }
  absl::Status DestroyAllBut(std::string_view current) override {
    if (!refusal.ok()) return refusal;
    kept = std::string(current);
    return absl::OkStatus();
  }
  absl::Status DestroyAll() override { return refusal; }

  absl::Status refusal;
  std::string kept;
};

TEST(RootKeyFileWrapped, HoldsOnlyWhatItsWrapperMadeAndDestroysThroughIt) {
  MemoryFileSystem files;
  MarkingWrapper wrapper;
  RootKeyFile store("root/key", files, &wrapper);
  ASSERT_TRUE(Replace(store, 1, 'a').ok());
  ASSERT_TRUE(Replace(store, 2, 'b').ok());
  EXPECT_EQ(files.BytesOf("root/key"), "wrapped2" + std::string(32, 'b'));
  EXPECT_EQ(wrapper.kept, "") << "before the new one is said to hold";
  ExpectHolds(store, 2, 'b');
  ASSERT_TRUE(store.DestroyOthers().ok());
  EXPECT_EQ(wrapper.kept, files.BytesOf("root/key"));
  EXPECT_EQ(files.Paths(), std::vector<std::string>{"root/key"});
}

TEST(RootKeyFileWrapped, KeepsEverythingWhenItsWrapperRefuses) {
  MemoryFileSystem files;
  MarkingWrapper wrapper;
  RootKeyFile store("root/key", files, &wrapper);
  ASSERT_TRUE(Replace(store, 1, 'a').ok());
  ASSERT_TRUE(Replace(store, 2, 'b').ok());
  wrapper.refusal = absl::UnavailableError("token: gone");
  EXPECT_EQ(store.DestroyOthers().code(), StatusCode::kUnavailable);
  EXPECT_TRUE(files.Has("root/key.old"));
  EXPECT_EQ(store.Read().status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(Replace(store, 3, 'c').code(), StatusCode::kUnavailable);
  wrapper.refusal = absl::OkStatus();
  ExpectHolds(store, 2, 'b');
}

TEST(RootKeyFileWrapped, TakesOverAKeyThatWasNotWrapped) {
  MemoryFileSystem files;
  MarkingWrapper wrapper;
  RootKeyFile plain("root/key", files);
  RootKeyFile store("root/key", files, &wrapper);
  ASSERT_TRUE(Replace(plain, 4, 'a').ok());
  EXPECT_EQ(store.Read().status().code(), StatusCode::kDataLoss);
  const auto root = plain.Read();
  ASSERT_TRUE(store.Replace(4, root->key.Expose().first<kRootKeyBytes>()).ok());
  ASSERT_TRUE(store.DestroyOthers().ok());
  ExpectHolds(store, 4, 'a');
  EXPECT_EQ(files.Paths().size(), 1u);
}

}  // namespace
}  // namespace kluis::crypto::root_key_file_test
