// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <vector>

#include "base/codec.h"
#include "crypto/blake2b_lanes.h"
#include "crypto/random.h"

namespace kluis::crypto::blake2b_lanes_test {
namespace {

constexpr Label kUse("kluis-template");
constexpr size_t kBytes = 32;

const uint8_t* Raw(const std::string& bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}

// Under every kind of lanes that this processor has.
class Blake2bLanes : public testing::TestWithParam<LaneKind> {
 protected:
  void SetUp() override {
    if (!HasLanes(GetParam())) GTEST_SKIP() << "this processor has no such lanes";
  }
};

std::string NameOf(const testing::TestParamInfo<LaneKind>& kind) {
  constexpr const char* kNames[] = {"OneByOne", "Avx2", "Avx512"};
  return kNames[static_cast<size_t>(kind.param)];
}

INSTANTIATE_TEST_SUITE_P(Kinds, Blake2bLanes,
                         testing::Values(LaneKind::kOneByOne, LaneKind::kAvx2, LaneKind::kAvx512),
                         NameOf);

// The hashes of all messages, each under its key, in one call.
std::vector<std::string> HashEach(LaneKind kind, const std::vector<std::string>& keys,
                                  const std::vector<std::string>& messages) {
  std::vector<std::string> hashes(keys.size(), std::string(kBytes, '\0'));
  std::vector<HashJob> jobs;
  for (size_t i = 0; i < keys.size(); ++i) {
    jobs.push_back({Raw(keys[i]), messages[i], reinterpret_cast<uint8_t*>(hashes[i].data())});
  }
  KeyedBlake2bEachIn(kind, kUse, jobs);
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
TEST_P(Blake2bLanes, MatchTheKnownAnswerEach) {
  std::string key(kBytes, '\0');
  std::iota(key.begin(), key.end(), '\0');
  std::string message;
  AppendParts({"border", "subject-7"}, message);
  const std::vector<std::string> hashes =
      HashEach(GetParam(), std::vector(8, key), std::vector(8, message));
  for (const std::string& hash : hashes) {
    EXPECT_EQ(base::ToHex(hash),
              "c649f4f24bc3f536b6dbda20ab48d9ab26abfd83699f43222ed133b86c65e6e9");
  }
}

TEST_P(Blake2bLanes, AreKeyedBlake2bForAnyNumberOfJobsAndAnyLength) {
  for (size_t count = 0; count <= 35; ++count) {
    std::vector<std::string> keys;
    std::vector<std::string> messages;
    for (size_t i = 0; i < count; ++i) {
      keys.push_back(RandomBytes(kBytes));
      messages.push_back(RandomBytes((i * 37 + count * 11) % 132));  // 0 and over 128 too
    }
    const std::vector<std::string> hashes = HashEach(GetParam(), keys, messages);
    for (size_t i = 0; i < count; ++i) {
      EXPECT_EQ(base::ToHex(hashes[i]), base::ToHex(HashOne(keys[i], messages[i])))
          << i << " of " << count << ", " << messages[i].size() << " bytes";
    }
  }
}

TEST_P(Blake2bLanes, AreRightForEveryLengthOfOneBlock) {
  for (size_t size = 1; size <= 128; ++size) {
    const std::string key = RandomBytes(kBytes);
    const std::string message = RandomBytes(size);
    EXPECT_EQ(HashEach(GetParam(), std::vector(8, key), std::vector(8, message)),
              std::vector(8, HashOne(key, message)))
        << size;
  }
}

TEST_P(Blake2bLanes, MayWriteOverTheirOwnKeys) {
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
  KeyedBlake2bEachIn(GetParam(), kUse, jobs);
  EXPECT_EQ(keys, wanted);
}

#if !defined(__SANITIZE_THREAD__)  // which does not know of a stack of one's own

struct OwnStack {
  ucontext_t caller;
  ucontext_t callee;
  LaneKind kind;
  std::vector<HashJob> jobs;
  alignas(64) std::array<char, 256 * 1024> bytes;
};
OwnStack own_stack;

void HashOnOwnStack() { KeyedBlake2bEachIn(own_stack.kind, kUse, own_stack.jobs); }

// All that a call leaves on a stack of its own. It starts with the registers in own_stack.callee.
std::string StackAfterHashing() {
  own_stack.bytes.fill('\0');
  own_stack.callee.uc_stack.ss_sp = own_stack.bytes.data();
  own_stack.callee.uc_stack.ss_size = own_stack.bytes.size();
  own_stack.callee.uc_link = &own_stack.caller;
  makecontext(&own_stack.callee, HashOnOwnStack, 0);
  swapcontext(&own_stack.caller, &own_stack.callee);
  return {own_stack.bytes.data(), own_stack.bytes.size()};
}

TEST_P(Blake2bLanes, LeaveNothingOnTheStackThatDependsOnTheKeys) {
  own_stack.kind = GetParam();
  // A group of eight and one of three.
  std::vector<std::string> keys(11, std::string(kBytes, '\0'));
  std::vector<std::string> hashes = keys;
  own_stack.jobs.clear();
  for (size_t i = 0; i < keys.size(); ++i) {
    own_stack.jobs.push_back(
        {Raw(keys[i]), "message", reinterpret_cast<uint8_t*>(hashes[i].data())});
  }
  getcontext(&own_stack.callee);
  StackAfterHashing();  // what happens the first time only
  const std::string one = StackAfterHashing();
  for (std::string& key : keys) std::ranges::copy(RandomBytes(kBytes), key.begin());
  EXPECT_TRUE(one == StackAfterHashing());
  for (size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(hashes[i], HashOne(keys[i], "message"));
}

#endif

TEST(KeyedBlake2bEach, IsThatOfAnyLanes) {
  const std::vector<std::string> keys(9, RandomBytes(kBytes));
  std::vector<std::string> hashes(keys.size(), std::string(kBytes, '\0'));
  std::vector<HashJob> jobs;
  for (size_t i = 0; i < keys.size(); ++i) {
    jobs.push_back({Raw(keys[i]), "message", reinterpret_cast<uint8_t*>(hashes[i].data())});
  }
  KeyedBlake2bEach(kUse, jobs);
  EXPECT_EQ(hashes, std::vector(keys.size(), HashOne(keys[0], "message")));
}

}  // namespace
}  // namespace kluis::crypto::blake2b_lanes_test
