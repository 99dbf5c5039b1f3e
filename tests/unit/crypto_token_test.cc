// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "crypto/file_system.h"
#include "crypto/token.h"
#include "tests/fakes/soft_token.h"

namespace kluis::crypto::token_test {
namespace {

using absl::StatusCode;

class Token : public testing::Test {
 protected:
  void SetUp() override {
    if (SoftToken::ModulePath().empty()) GTEST_SKIP() << "SoftHSM (softhsm2) is not installed";
    token_ = std::make_unique<SoftToken>();
    ASSERT_TRUE(token_->Make("kluis"));
    WritePin("pin", std::string(SoftToken::kPin) + "\n");
  }

  void WritePin(const std::string& name, const std::string& pin) {
    ASSERT_TRUE(
        RealFileSystem()
            .CreateSynced(PinPath(name), {reinterpret_cast<const uint8_t*>(pin.data()), pin.size()})
            .ok());
  }
  std::string PinPath(const std::string& name) const { return token_->path() + "/" + name; }

  absl::StatusOr<std::unique_ptr<TokenWrapper>> Open(std::shared_ptr<TokenModule> module,
                                                     const std::string& vault = "haarlem",
                                                     const std::string& pin = "pin",
                                                     const std::string& label = "kluis") {
    return TokenWrapper::Open(std::move(module), {label, PinPath(pin), vault});
  }
  std::unique_ptr<TokenWrapper> Open() { return Open(token_->module()).value(); }

  std::string Wrap(TokenWrapper& wrapper, uint64_t generation) {
    return wrapper.Wrap(key_.Expose().first<kRootKeyBytes>(), generation).value();
  }
  bool Opens(const std::string& wrapped) {
    const auto opened = Open()->Unwrap(wrapped);
    return opened.ok() && opened->key.ConstantTimeEquals(key_);
  }

  CK_SLOT_ID FirstSlot() {
    CK_SLOT_ID slots[8];
    CK_ULONG count = 8;
    EXPECT_EQ(token_->module()->functions().C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    return slots[0];
  }

  // All wrapping keys in the token.
  std::vector<TokenKey> Keys(std::string_view prefix = "kluis-root/") {
    TokenSession session(token_->module(), "kluis",
                         SecretBytes::CopyOf(std::string_view(SoftToken::kPin)));
    EXPECT_TRUE(session.Ensure().ok());
    return session.FindKeys(prefix).value();
  }

  std::unique_ptr<SoftToken> token_;
  const SecretBytes key_ = SecretBytes::Random(kRootKeyBytes);
};

TEST_F(Token, OpensWhatItWrappedAlsoInAnotherSession) {
  const std::string wrapped = Wrap(*Open(), 3);
  EXPECT_EQ(wrapped.size(), 16u + 1 + 2 + 28 + 8 + 48);
  const auto opened = Open()->Unwrap(wrapped);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->generation, 3u);
  EXPECT_TRUE(opened->key.ConstantTimeEquals(key_));
}

TEST_F(Token, KeepsItsKeysToItself) {
  Wrap(*Open(), 3);
  TokenSession session(token_->module(), "kluis",
                       SecretBytes::CopyOf(std::string_view(SoftToken::kPin)));
  ASSERT_TRUE(session.Ensure().ok());
  const std::vector<TokenKey> keys = session.FindKeys("").value();
  ASSERT_EQ(keys.size(), 1u);
  EXPECT_EQ(keys[0].label, "kluis-root/haarlem/3");
  EXPECT_EQ(keys[0].id.size(), 16u);
  // In a session of its own, as another program with the PIN would try.
  CK_FUNCTION_LIST& module = token_->module()->functions();
  CK_SESSION_HANDLE other = 0;
  ASSERT_EQ(module.C_OpenSession(FirstSlot(), CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr,
                                 &other),
            CKR_OK);
  unsigned char value[64];
  CK_ATTRIBUTE asked{CKA_VALUE, value, sizeof value};
  EXPECT_EQ(module.C_GetAttributeValue(other, keys[0].handle, &asked, 1), CKR_ATTRIBUTE_SENSITIVE);
  CK_MECHANISM key_wrap{CKM_AES_KEY_WRAP, nullptr, 0};
  CK_ULONG size = sizeof value;
  EXPECT_NE(module.C_WrapKey(other, &key_wrap, keys[0].handle, keys[0].handle, value, &size),
            CKR_OK);
}

TEST_F(Token, EachRootKeyHasAWrappingKeyOfItsOwn) {
  const auto wrapper = Open();
  const std::string one = Wrap(*wrapper, 1);
  const std::string two = Wrap(*wrapper, 2);
  EXPECT_EQ(Keys().size(), 2u);
  EXPECT_TRUE(Opens(one));
  ASSERT_TRUE(wrapper->DestroyAllBut(two).ok());
  EXPECT_EQ(Keys().size(), 1u);
  EXPECT_EQ(wrapper->Unwrap(one).status().code(), StatusCode::kDataLoss);
  EXPECT_TRUE(Opens(two));
  EXPECT_TRUE(wrapper->DestroyAllBut(two).ok());
}

TEST_F(Token, DestroysNothingForAFileThatDoesNotOpen) {
  const auto wrapper = Open();
  const std::string old = Wrap(*wrapper, 1);
  std::string current = Wrap(*wrapper, 2);
  ASSERT_TRUE(wrapper->DestroyAllBut(current).ok());
  EXPECT_EQ(wrapper->DestroyAllBut(old).code(), StatusCode::kDataLoss);
  EXPECT_EQ(wrapper->DestroyAllBut("").code(), StatusCode::kDataLoss);
  std::string altered = current;
  altered.back() = static_cast<char>(altered.back() ^ 1);
  EXPECT_EQ(wrapper->DestroyAllBut(altered).code(), StatusCode::kDataLoss);
  EXPECT_TRUE(Opens(current));
}

TEST_F(Token, KeepsVaultsApart) {
  const auto haarlem = Open();
  const auto utrecht = Open(token_->module(), "haarlem2").value();
  const std::string one = Wrap(*haarlem, 1);
  const std::string two = Wrap(*utrecht, 1);
  ASSERT_TRUE(haarlem->DestroyAllBut(one).ok());
  EXPECT_TRUE(utrecht->Unwrap(two).ok());
  EXPECT_EQ(haarlem->Unwrap(two).status().code(), StatusCode::kDataLoss);
}

TEST_F(Token, DestroysAllOfItsVaultAtItsEnd) {
  const auto haarlem = Open();
  const auto utrecht = Open(token_->module(), "utrecht").value();
  const std::string one = Wrap(*haarlem, 1);
  Wrap(*haarlem, 2);
  const std::string other = Wrap(*utrecht, 1);
  ASSERT_TRUE(haarlem->DestroyAll().ok());
  EXPECT_EQ(haarlem->Unwrap(one).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(Keys().size(), 1u);
  EXPECT_TRUE(utrecht->Unwrap(other).ok());
  EXPECT_TRUE(haarlem->DestroyAll().ok());
}

TEST_F(Token, RefusesEveryAlteredBitAndEveryOtherLength) {
  const auto wrapper = Open();
  std::string wrapped = Wrap(*wrapper, 1);
  for (size_t bit = 0; bit < wrapped.size() * 8; ++bit) {
    const char before = wrapped[bit / 8];
    wrapped[bit / 8] = static_cast<char>(before ^ (1 << bit % 8));
    EXPECT_EQ(wrapper->Unwrap(wrapped).status().code(), StatusCode::kDataLoss) << bit;
    wrapped[bit / 8] = before;
  }
  for (size_t size = 0; size < wrapped.size(); ++size) {
    EXPECT_EQ(wrapper->Unwrap(wrapped.substr(0, size)).status().code(), StatusCode::kDataLoss);
  }
  EXPECT_EQ(wrapper->Unwrap(wrapped + "x").status().code(), StatusCode::kDataLoss);
  EXPECT_TRUE(wrapper->Unwrap(wrapped).ok());
}

TEST_F(Token, SaysWhenThePinIsWrongAndDoesNotTryItAgain) {
  WritePin("wrong", "1234-5678\n");
  const absl::Status wrong = Open(token_->module(), "haarlem", "wrong").status();
  EXPECT_EQ(wrong.code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(wrong.message(), "token kluis: wrong PIN");

  const auto wrapper = Open(token_->failing_module()).value();
  const std::string wrapped = Wrap(*wrapper, 1);
  // The session ends, and meanwhile somebody has changed the PIN.
  token_->FailLogins(CKR_PIN_INCORRECT);
  ASSERT_EQ(token_->module()->functions().C_CloseAllSessions(FirstSlot()), CKR_OK);
  const int before = token_->logins();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(wrapper->Unwrap(wrapped).status().code(), StatusCode::kPermissionDenied);
  }
  EXPECT_EQ(token_->logins(), before + 1);
  token_->FailLogins(CKR_OK);
  EXPECT_TRUE(Opens(wrapped));
}

TEST_F(Token, LogsInAgainWhenItsSessionIsLost) {
  const auto wrapper = Open();
  const std::string wrapped = Wrap(*wrapper, 1);
  ASSERT_EQ(token_->module()->functions().C_CloseAllSessions(FirstSlot()), CKR_OK);
  EXPECT_TRUE(wrapper->Unwrap(wrapped).ok());
  ASSERT_EQ(token_->module()->functions().C_CloseAllSessions(FirstSlot()), CKR_OK);
  EXPECT_TRUE(wrapper->DestroyAllBut(wrapped).ok());
}

TEST_F(Token, DoesNotUseTheLastTryBeforeThePinLocks) {
  token_->edit_token = [](CK_TOKEN_INFO& info) { info.flags |= CKF_USER_PIN_FINAL_TRY; };
  EXPECT_EQ(Open(token_->failing_module()).status().code(), StatusCode::kFailedPrecondition);
  token_->edit_token = [](CK_TOKEN_INFO& info) { info.flags |= CKF_USER_PIN_LOCKED; };
  const absl::Status locked = Open(token_->failing_module()).status();
  EXPECT_EQ(locked.code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(std::string(locked.message()).find("the PIN is locked"), std::string::npos);
  EXPECT_EQ(token_->logins(), 0);
  token_->edit_token = nullptr;
  token_->FailLogins(CKR_PIN_LOCKED);
  EXPECT_EQ(Open(token_->failing_module()).status(), locked);
}

TEST_F(Token, RefusesOneThatWouldHandItsKeysOut) {
  const auto wrapper = Open(token_->failing_module()).value();
  for (const CK_ATTRIBUTE_TYPE lie :
       {CKA_TOKEN, CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE, CKA_EXTRACTABLE, CKA_NEVER_EXTRACTABLE}) {
    token_->edit_attribute = [lie](CK_ATTRIBUTE& attribute) {
      auto& value = *static_cast<CK_BBOOL*>(attribute.pValue);
      if (attribute.type == lie) value = value == CK_TRUE ? CK_FALSE : CK_TRUE;
    };
    EXPECT_EQ(wrapper->Wrap(key_.Expose().first<kRootKeyBytes>(), 1).status().code(),
              StatusCode::kFailedPrecondition);
    EXPECT_TRUE(Keys().empty());
  }
}

TEST_F(Token, KeepsNoKeyOfARootKeyThatCouldNotBeWrapped) {
  const auto wrapper = Open(token_->failing_module()).value();
  int failures = 0;
  for (int n = 1;; ++n) {
    const size_t before = Keys().size();
    token_->FailAt(n, CKR_DEVICE_ERROR);
    const bool wrapped = wrapper->Wrap(key_.Expose().first<kRootKeyBytes>(), 1).ok();
    const bool failed = token_->Failed();
    token_->FailAt(0, CKR_OK);
    if (!failed) break;
    if (wrapped) continue;  // a failed look at the session only opens a new one
    ++failures;
    EXPECT_EQ(Keys().size(), before) << n;
  }
  EXPECT_GT(failures, 5);
}

TEST_F(Token, SaysWhenItIsNotThere) {
  const absl::Status absent = Open(token_->module(), "haarlem", "pin", "other").status();
  EXPECT_EQ(absent.code(), StatusCode::kUnavailable);
  EXPECT_EQ(absent.message(), "token other: is not there");
  ASSERT_TRUE(token_->Make("kluis"));
  EXPECT_EQ(Open(token_->module()).status().code(), StatusCode::kFailedPrecondition);  // two
}

TEST_F(Token, MayBePulledOutWhileRunningAndComeBack) {
  const auto wrapper = Open(token_->failing_module()).value();
  const std::string wrapped = Wrap(*wrapper, 1);
  token_->edit_token = [](CK_TOKEN_INFO& info) { info.flags &= ~CKF_TOKEN_INITIALIZED; };
  const absl::Status gone = wrapper->Unwrap(wrapped).status();
  EXPECT_EQ(gone.code(), StatusCode::kUnavailable);
  EXPECT_EQ(gone.message(), "token kluis: is not there");
  EXPECT_EQ(wrapper->Wrap(key_.Expose().first<kRootKeyBytes>(), 2).status(), gone);
  EXPECT_EQ(wrapper->DestroyAllBut(wrapped), gone);
  token_->edit_token = nullptr;
  EXPECT_TRUE(wrapper->Unwrap(wrapped).ok());
}

TEST_F(Token, ServesThreadsAtTheSameTime) {
  const auto wrapper = Open();
  std::vector<std::thread> threads;
  std::atomic<int> opened = 0;
  for (unsigned i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (unsigned n = 0; n < 10; ++n) {
        const auto wrapped = wrapper->Wrap(key_.Expose().first<kRootKeyBytes>(), 10 * i + n);
        if (wrapped.ok() && wrapper->Unwrap(*wrapped).ok()) ++opened;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(opened, 40);
}

// The real thing: the token's files are moved away under the running module, and put back.
TEST_F(Token, WhoseFilesAreGoneIsNeverTakenForOneWithoutTheKey) {
  const auto wrapper = Open();
  const std::string wrapped = Wrap(*wrapper, 1);
  std::filesystem::rename(token_->tokens(), token_->path() + "/away");
  std::filesystem::create_directory(token_->tokens());
  const absl::Status gone = wrapper->Unwrap(wrapped).status();
  EXPECT_EQ(gone.code(), StatusCode::kUnavailable) << gone;
  EXPECT_FALSE(wrapper->Wrap(key_.Expose().first<kRootKeyBytes>(), 2).ok());
  EXPECT_FALSE(wrapper->DestroyAllBut(wrapped).ok());
  std::filesystem::remove_all(token_->tokens());
  std::filesystem::rename(token_->path() + "/away", token_->tokens());
  ASSERT_TRUE(token_->Restart());  // else SoftHSM does not look again
  EXPECT_TRUE(wrapper->Unwrap(wrapped).ok());
  EXPECT_TRUE(Opens(wrapped));
}

TEST_F(Token, RefusesOptionsOutOfForm) {
  EXPECT_EQ(Open(token_->module(), "").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Open(token_->module(), "a/b").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Open(token_->module(), std::string(65, 'a')).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(Open(token_->module(), "v", "pin", "").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Open(token_->module(), "v", "pin", std::string(33, 'a')).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(Open(token_->module(), "v", "none").status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(RealFileSystem().CreateReadable(PinPath("open"), "1234\n").ok());
  EXPECT_EQ(Open(token_->module(), "v", "open").status().code(), StatusCode::kFailedPrecondition);
}

TEST(TokenModule, SaysWhatIsNoModule) {
  EXPECT_EQ(TokenModule::Load("libsofthsm2.so").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(TokenModule::Load("/no/such/module.so").status().code(), StatusCode::kNotFound);
  const ScratchDirectory scratch;
  const std::string path = scratch.path() + "/module.so";
  ASSERT_TRUE(RealFileSystem().CreateReadable(path, "text").ok());
  EXPECT_EQ(TokenModule::Load(path).status().code(), StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace kluis::crypto::token_test
