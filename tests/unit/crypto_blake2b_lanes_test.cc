#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "crypto/blake2b_lanes.h"
#include "crypto/codec.h"

namespace kluis::crypto {
namespace {

constexpr Label kUse("kluis-template");
constexpr size_t kBytes = 32;

const uint8_t* Raw(const std::string& bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}

// The hashes of all messages, each under its key, in one call.
std::vector<std::string> HashEach(const std::vector<std::string>& keys,
                                  const std::vector<std::string>& messages) {
  std::vector<std::string> hashes(keys.size(), std::string(kBytes, '\0'));
  std::vector<HashJob> jobs;
  for (size_t i = 0; i < keys.size(); ++i) {
    jobs.push_back({Raw(keys[i]), messages[i], reinterpret_cast<uint8_t*>(hashes[i].data())});
  }
  KeyedBlake2bEach(kUse, jobs);
  return hashes;
}

std::string HashOne(const std::string& key, const std::string& message) {
  std::string hash(kBytes, '\0');
  KeyedBlake2b(std::span<const uint8_t, kBytes>(Raw(key), kBytes), kUse,
               {Raw(message), message.size()},
               std::span<uint8_t, kBytes>(reinterpret_cast<uint8_t*>(hash.data()), kBytes));
  return hash;
}

// Python 3.11: hashlib.blake2b(message, digest_size=32, key=bytes(range(32)),
// person=b"kluis-template"), message = struct.pack("<Q", 6) + b"border" + struct.pack("<Q", 9) +
// b"subject-7": the known answer of crypto_derive_test.
TEST(KeyedBlake2bEach, MatchesTheKnownAnswerInEveryLane) {
  std::string key(kBytes, '\0');
  std::iota(key.begin(), key.end(), '\0');
  std::string message;
  AppendParts({"border", "subject-7"}, message);
  const std::vector<std::string> hashes = HashEach(std::vector(8, key), std::vector(8, message));
  for (const std::string& hash : hashes) {
    EXPECT_EQ(ToHex(hash), "c649f4f24bc3f536b6dbda20ab48d9ab26abfd83699f43222ed133b86c65e6e9");
  }
}

TEST(KeyedBlake2bEach, IsKeyedBlake2bForAnyNumberOfJobsAndAnyLength) {
  for (size_t count = 0; count <= 35; ++count) {
    std::vector<std::string> keys;
    std::vector<std::string> messages;
    for (size_t i = 0; i < count; ++i) {
      keys.push_back(RandomBytes(kBytes));
      messages.push_back(RandomBytes((i * 37 + count * 11) % 132));  // 0 and over 128 too
    }
    const std::vector<std::string> hashes = HashEach(keys, messages);
    for (size_t i = 0; i < count; ++i) {
      EXPECT_EQ(ToHex(hashes[i]), ToHex(HashOne(keys[i], messages[i])))
          << i << " of " << count << ", " << messages[i].size() << " bytes";
    }
  }
}

TEST(KeyedBlake2bEach, EveryLengthOfOneBlockIsRight) {
  for (size_t size = 1; size <= 128; ++size) {
    const std::vector<std::string> keys(8, RandomBytes(kBytes));
    const std::vector<std::string> messages(8, RandomBytes(size));
    EXPECT_EQ(HashEach(keys, messages)[7], HashOne(keys[7], messages[7])) << size;
  }
}

TEST(KeyedBlake2bEach, MayWriteOverItsOwnKey) {
  std::vector<std::string> keys;
  std::vector<std::string> wanted;
  for (int i = 0; i < 11; ++i) {
    keys.push_back(RandomBytes(kBytes));
    wanted.push_back(HashOne(keys.back(), "message"));
  }
  std::vector<HashJob> jobs;
  for (std::string& key : keys) {
    auto* const bytes = reinterpret_cast<uint8_t*>(key.data());
    jobs.push_back({bytes, "message", bytes});
  }
  KeyedBlake2bEach(kUse, jobs);
  EXPECT_EQ(keys, wanted);
}

}  // namespace
}  // namespace kluis::crypto
