// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <new>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "crypto/memory.h"
#include "crypto/secret_bytes.h"

namespace kluis::crypto::secret_bytes_test {
namespace {

template <typename T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};
template <typename T>
concept Comparable = requires(const T& a, const T& b) {
  a == b;
};

static_assert(!std::is_copy_constructible_v<SecretBytes> &&
              !std::is_copy_assignable_v<SecretBytes>);
static_assert(!std::is_copy_constructible_v<SecretKey32> &&
              !std::is_copy_assignable_v<SecretKey32>);
static_assert(!Printable<SecretBytes> && !Comparable<SecretBytes>);
static_assert(!Printable<SecretKey32> && !Comparable<SecretKey32>);

std::string_view Text(const SecretBytes& secret) {
  return {reinterpret_cast<const char*>(secret.Expose().data()), secret.size()};
}

TEST(SecretBytes, HoldsACopy) {
  char text[] = "secret";
  const SecretBytes secret = SecretBytes::CopyOf(std::string_view(text));
  text[0] = 'x';
  EXPECT_EQ(Text(secret), "secret");
}

TEST(SecretBytes, MovesWithoutLeavingAnything) {
  SecretBytes from = SecretBytes::CopyOf("secret");
  SecretBytes to = SecretBytes::CopyOf("other");
  to = std::move(from);
  EXPECT_EQ(Text(to), "secret");
  EXPECT_EQ(from.size(), 0u);  // NOLINT(bugprone-use-after-move): the promise under test
  const SecretBytes last(std::move(to));
  EXPECT_EQ(Text(last), "secret");
  EXPECT_EQ(to.size(), 0u);  // NOLINT(bugprone-use-after-move)
}

TEST(SecretBytes, MayBeEmpty) {
  EXPECT_EQ(SecretBytes::CopyOf("").size(), 0u);
  EXPECT_EQ(SecretBytes::Random(0).size(), 0u);
  EXPECT_TRUE(SecretBytes::Zero(0).ConstantTimeEquals(SecretBytes::CopyOf("")));
}

TEST(SecretBytes, RandomOnesDiffer) {
  EXPECT_FALSE(SecretBytes::Random(32).ConstantTimeEquals(SecretBytes::Random(32)));
  EXPECT_FALSE(SecretBytes::Random(32).ConstantTimeEquals(SecretBytes::Zero(32)));
}

TEST(SecretBytes, EqualOnlyWithTheSameLengthAndBytes) {
  const SecretBytes secret = SecretBytes::CopyOf("secret");
  EXPECT_TRUE(secret.ConstantTimeEquals(SecretBytes::CopyOf("secret")));
  EXPECT_FALSE(secret.ConstantTimeEquals(SecretBytes::CopyOf("secreT")));
  EXPECT_FALSE(secret.ConstantTimeEquals(SecretBytes::CopyOf("secre")));
  EXPECT_FALSE(secret.ConstantTimeEquals(SecretBytes::CopyOf("")));
}

TEST(SecretBytesDeathTest, EndsTheProcessOnAReadPastItsEnd) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const SecretBytes secret = SecretBytes::CopyOf("secret");
  const volatile uint8_t* const bytes = secret.Expose().data();
  EXPECT_DEATH((void)bytes[secret.size()], "");
}

TEST(SecretBytes, SaysAsAStatusThatThereIsNoMemory) {
  EXPECT_TRUE(absl::IsResourceExhausted(SecretBytes::Create(size_t{1} << 60).status()));
  const auto secret = SecretBytes::CreateCopyOf("secret");
  ASSERT_TRUE(secret.ok());
  EXPECT_TRUE(secret->ConstantTimeEquals(SecretBytes::CopyOf("secret")));
  const auto none = SecretBytes::Create(0);
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->size(), 0u);
}

TEST(SecretArena, HoldsManySecretsInFewMappings) {
  const auto arena = SecretArena::Create(1 << 20);
  std::vector<SecretBytes> secrets;
  for (int i = 0; i < 70'000; ++i) {  // more than the kernel's mappings, when each takes one
    auto secret = arena->Zero(64);
    ASSERT_TRUE(secret.ok());
    secret->ExposeMutable()[0] = static_cast<uint8_t>(i);
    secrets.push_back(*std::move(secret));
  }
  EXPECT_LE(arena->chunks(), 5u);
  for (size_t i = 0; i < secrets.size(); ++i) {
    ASSERT_EQ(secrets[i].Expose()[0], static_cast<uint8_t>(i));
    ASSERT_EQ(reinterpret_cast<uintptr_t>(secrets[i].Expose().data()) % 64, 0u);
  }
}

TEST(SecretArena, WipesEachSecretWhenItIsDroppedAndBeginsAnewAfterTheLast) {
  const auto arena = SecretArena::Create(4096);
  auto first = arena->Zero(2048);
  auto second = arena->Zero(2048);
  ASSERT_TRUE(first.ok() && second.ok());
  const uint8_t* const where = first->Expose().data();
  first->ExposeMutable()[7] = 0xaa;
  { const SecretBytes dropped = *std::move(first); }
  EXPECT_EQ(where[7], 0);
  auto third = arena->Zero(4096);
  ASSERT_TRUE(third.ok());
  EXPECT_EQ(arena->chunks(), 2u);
  { const SecretBytes dropped = *std::move(second); }
  { const SecretBytes dropped = *std::move(third); }
  EXPECT_EQ(arena->chunks(), 1u);
  const auto again = arena->Zero(16);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->Expose().data(), where);
}

TEST(SecretArena, LivesAsLongAsItsSecrets) {
  auto arena = SecretArena::Create(4096);
  auto secret = arena->Zero(32);
  ASSERT_TRUE(secret.ok());
  arena.reset();
  secret->ExposeMutable()[31] = 1;
  SecretBytes moved = SecretBytes::Zero(1);
  moved = *std::move(secret);
  EXPECT_EQ(moved.Expose()[31], 1);
}

TEST(SecretArena, SaysAsAStatusWhatItCannotHold) {
  EXPECT_TRUE(absl::IsInvalidArgument(SecretArena::Create(4096)->Zero(4097).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(SecretArena::Create(4096)->Zero(0).status()));
  const auto huge = SecretArena::Create(size_t{1} << 60);
  EXPECT_TRUE(absl::IsResourceExhausted(huge->Zero(1).status()));
}

TEST(ShortSecret, IsWipedWhenDropped) {
  alignas(SecretKey32) unsigned char memory[sizeof(SecretKey32)];
  auto* const key = new (memory) SecretKey32;
  std::fill(key->ExposeMutable().begin(), key->ExposeMutable().end(), uint8_t{0xaa});
  key->~SecretKey32();
  for (const volatile unsigned char& byte : memory) EXPECT_EQ(byte, 0);
}

TEST(ShortSecret, IsWipedWhenMovedFrom) {
  SecretKey32 from;
  std::fill(from.ExposeMutable().begin(), from.ExposeMutable().end(), uint8_t{0xaa});
  SecretKey32 to(std::move(from));
  EXPECT_TRUE(from.ConstantTimeEquals(SecretKey32()));  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(to.Expose()[31], 0xaa);
  from = std::move(to);
  EXPECT_TRUE(to.ConstantTimeEquals(SecretKey32()));  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(from.Expose()[0], 0xaa);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which lock nothing
// In a process of its own, without the capability that lets root lock as much as it likes.
[[noreturn]] void ExitWithWhetherItLocks(size_t limit, size_t bytes) {
  prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  syscall(SYS_capset, &header, data);
  const rlimit allowed{limit, limit};
  if (setrlimit(RLIMIT_MEMLOCK, &allowed) != 0 || LockedMemoryLimit() != limit) _exit(2);
  _exit(CanLockMemory(bytes).ok() ? 0 : 1);
}

TEST(CanLockMemoryDeathTest, SaysWhetherTheLimitAllowsIt) {
  EXPECT_EXIT(ExitWithWhetherItLocks(64 << 10, 1 << 20), testing::ExitedWithCode(1), "");
  EXPECT_EXIT(ExitWithWhetherItLocks(64 << 10, 16 << 10), testing::ExitedWithCode(0), "");
}
#endif

TEST(CanLockMemory, GivesBackWhatItTried) {
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(CanLockMemory(64 << 10).ok()) << i;
}

TEST(SwapIsOn, ReadsTheKernelsTable) {
  const std::string path = testing::TempDir() + "/swaps";
  const std::string titles = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
  std::ofstream(path) << titles;
  EXPECT_EQ(*SwapIsOn(path), false);
  std::ofstream(path) << titles << "/dev/zram0 partition\t1024\t0\t100\n";
  EXPECT_EQ(*SwapIsOn(path), true);
  EXPECT_TRUE(absl::IsUnavailable(SwapIsOn(path + "/none").status()));
}

TEST(HardenProcess, LeavesNoWayToDumpCore) {
  ASSERT_TRUE(HardenProcess().ok());
  EXPECT_EQ(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_CORE, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, 0u);
  EXPECT_EQ(limit.rlim_max, 0u);
  ASSERT_EQ(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);  // as a leak checker needs it at exit
}

}  // namespace
}  // namespace kluis::crypto::secret_bytes_test
