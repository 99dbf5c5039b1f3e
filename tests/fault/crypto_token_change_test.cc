// SPDX-License-Identifier: Apache-2.0
// One change of the root key under a token, with a failure at each call of the module, and with a
// failure and a crash at each operation on the file that holds it.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "crypto/file_system.h"
#include "crypto/root_key_file.h"
#include "crypto/token.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/fakes/soft_token.h"

namespace kluis::crypto::token_change_test {
namespace {

using When = SoftToken::When;

// A SoftHSM token with its PIN file.
class Machine {
 public:
  Machine() {
    EXPECT_TRUE(token.Make("kluis"));
    EXPECT_TRUE(
        RealFileSystem()
            .CreateSynced(PinPath(), {reinterpret_cast<const uint8_t*>(SoftToken::kPin.data()),
                                      SoftToken::kPin.size()})
            .ok());
  }

  std::unique_ptr<TokenWrapper> Open(std::shared_ptr<TokenModule> module) {
    return TokenWrapper::Open(std::move(module), {"kluis", PinPath(), "haarlem"}).value();
  }

  // How many wrapping keys the token has.
  size_t Keys() {
    TokenSession session(token.module(), "kluis", SecretBytes::CopyOf(SoftToken::kPin));
    EXPECT_TRUE(session.Ensure().ok());
    return session.FindKeys("kluis-root/").value().size();
  }

  SoftToken token;

 private:
  std::string PinPath() const { return token.path() + "/pin"; }
};

class TokenChange : public testing::TestWithParam<std::tuple<CK_RV, When>> {};

TEST_P(TokenChange, LosesNothingAndLeavesOneKeyHoweverItFails) {
  if (SoftToken::ModulePath().empty()) GTEST_SKIP() << "SoftHSM (softhsm2) is not installed";
  Machine machine;
  SoftToken& token = machine.token;
  const SecretBytes key = SecretBytes::Random(kRootKeyBytes);
  const auto root = key.Expose().first<kRootKeyBytes>();
  const auto [result, when] = GetParam();

  const auto calm = machine.Open(token.module());
  std::string current = calm->Wrap(root, 1).value();
  int n = 1;
  for (;; ++n) {
    const auto wrapper = machine.Open(token.failing_module());
    token.FailAt(n, result, when);
    const std::string before = current;
    const auto wrapped = wrapper->Wrap(root, static_cast<uint64_t>(n) + 1);
    if (wrapped.ok()) current = *wrapped;  // the file is durable here
    const absl::Status destroyed =
        wrapped.ok() ? wrapper->DestroyAllBut(current) : absl::OkStatus();
    const bool failed = token.Failed();
    token.FailAt(0, CKR_OK);
    ASSERT_TRUE(calm->Unwrap(current).ok()) << n;
    ASSERT_TRUE(calm->DestroyAllBut(current).ok()) << n;
    ASSERT_EQ(machine.Keys(), 1u) << n;
    ASSERT_TRUE(calm->Unwrap(current)->key.ConstantTimeEquals(key)) << n;
    ASSERT_EQ(calm->Unwrap(before).ok(), before == current) << n;
    if (!failed) {
      EXPECT_TRUE(destroyed.ok()) << destroyed;
      break;
    }
  }
  EXPECT_GT(n, 15);
}

// The token keeps what it did when the machine crashes, the disk does not: a key must not be
// destroyed as long as a crash can bring its file back.
TEST(TokenChangeOfAFile, OpensAfterACrashAtAnyOperation) {
  if (SoftToken::ModulePath().empty()) GTEST_SKIP() << "SoftHSM (softhsm2) is not installed";
  Machine machine;
  const auto wrapper = machine.Open(machine.token.module());
  const SecretBytes key = SecretBytes::Random(kRootKeyBytes);
  const auto root = key.Expose().first<kRootKeyBytes>();
  for (const auto failure :
       {MemoryFileSystem::Failure::kOnce, MemoryFileSystem::Failure::kFromThenOn}) {
    for (int n = 1;; ++n) {
      MemoryFileSystem files;
      RootKeyFile store("root/key", files, wrapper.get());
      ASSERT_TRUE(store.Replace(1, root).ok());
      ASSERT_TRUE(store.DestroyOthers().ok());
      files.FailAt(n, failure);
      absl::Status done = store.Replace(2, root);
      if (done.ok()) done = store.DestroyOthers();
      const bool failed = files.Failed();
      for (size_t kept = 0; kept <= files.pending(); ++kept) {
        MemoryFileSystem after = files.AfterCrash(kept);
        const auto read = RootKeyFile("root/key", after, wrapper.get()).Read();
        ASSERT_TRUE(read.ok()) << n << " " << kept << " " << read.status();
        EXPECT_TRUE(read->key.ConstantTimeEquals(key));
        EXPECT_TRUE(!done.ok() || read->generation == 2u);
      }
      files.FailAt(0, failure);
      ASSERT_TRUE(store.Read().ok()) << n;
      ASSERT_TRUE(store.DestroyOthers().ok()) << n;
      ASSERT_EQ(machine.Keys(), 1u) << n;
      ASSERT_TRUE(store.Read().ok()) << n;
      if (!failed) {
        EXPECT_TRUE(done.ok()) << done;
        EXPECT_GT(n, 10);
        break;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Failures, TokenChange,
                         testing::Combine(testing::Values(CKR_DEVICE_ERROR, CKR_DEVICE_REMOVED,
                                                          CKR_SESSION_HANDLE_INVALID,
                                                          CKR_GENERAL_ERROR),
                                          testing::Values(When::kInstead, When::kAfter)));

}  // namespace
}  // namespace kluis::crypto::token_change_test
