// SPDX-License-Identifier: Apache-2.0
// A token of SoftHSM in a scratch directory, and a module in front of it that fails where it is
// told to. One at a time per process: SoftHSM reads its directory from the environment, and the
// functions of PKCS#11 have no place for an object. Not thread-safe.
#ifndef KLUIS_TESTS_FAKES_SOFT_TOKEN_H_
#define KLUIS_TESTS_FAKES_SOFT_TOKEN_H_

#include <p11-kit/pkcs11.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/token_module.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::crypto {

class SoftToken {
 public:
  static constexpr std::string_view kPin = "4711-0815";

  // Where SoftHSM is installed; empty: it is not.
  static std::string ModulePath() {
    for (const char* const path :
         {"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
          "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"}) {
      if (std::filesystem::exists(path)) return path;
    }
    return {};
  }

  SoftToken() {
    std::filesystem::create_directory(tokens());
    std::ofstream(scratch_.path() + "/softhsm2.conf")
        << "directories.tokendir = " << tokens() << "\nobjectstore.backend = file\n"
        << "log.level = ERROR\n";
    setenv("SOFTHSM2_CONF", (scratch_.path() + "/softhsm2.conf").c_str(), 1);
    loaded_ = TokenModule::Load(ModulePath()).value();
    real_ = &loaded_->functions();
    failing_ = *real_;
    Intercept<&CK_FUNCTION_LIST::C_GetSlotList>(&CK_FUNCTION_LIST::C_GetSlotList);
    Intercept<&CK_FUNCTION_LIST::C_GetTokenInfo>(&CK_FUNCTION_LIST::C_GetTokenInfo);
    Intercept<&CK_FUNCTION_LIST::C_GetSessionInfo>(&CK_FUNCTION_LIST::C_GetSessionInfo);
    Intercept<&CK_FUNCTION_LIST::C_OpenSession>(&CK_FUNCTION_LIST::C_OpenSession);
    Intercept<&CK_FUNCTION_LIST::C_Login>(&CK_FUNCTION_LIST::C_Login);
    Intercept<&CK_FUNCTION_LIST::C_GenerateKey>(&CK_FUNCTION_LIST::C_GenerateKey);
    Intercept<&CK_FUNCTION_LIST::C_GetAttributeValue>(&CK_FUNCTION_LIST::C_GetAttributeValue);
    Intercept<&CK_FUNCTION_LIST::C_FindObjectsInit>(&CK_FUNCTION_LIST::C_FindObjectsInit);
    Intercept<&CK_FUNCTION_LIST::C_FindObjects>(&CK_FUNCTION_LIST::C_FindObjects);
    Intercept<&CK_FUNCTION_LIST::C_FindObjectsFinal>(&CK_FUNCTION_LIST::C_FindObjectsFinal);
    Intercept<&CK_FUNCTION_LIST::C_EncryptInit>(&CK_FUNCTION_LIST::C_EncryptInit);
    Intercept<&CK_FUNCTION_LIST::C_Encrypt>(&CK_FUNCTION_LIST::C_Encrypt);
    Intercept<&CK_FUNCTION_LIST::C_DecryptInit>(&CK_FUNCTION_LIST::C_DecryptInit);
    Intercept<&CK_FUNCTION_LIST::C_Decrypt>(&CK_FUNCTION_LIST::C_Decrypt);
    Intercept<&CK_FUNCTION_LIST::C_DestroyObject>(&CK_FUNCTION_LIST::C_DestroyObject);
    current_ = this;
  }
  ~SoftToken() { current_ = nullptr; }
  SoftToken(const SoftToken&) = delete;
  SoftToken& operator=(const SoftToken&) = delete;

  // A new token with this label and kPin. False: SoftHSM refused.
  bool Make(std::string_view label) {
    std::vector<CK_SLOT_ID> slots(16);
    CK_ULONG count = slots.size();
    if (real_->C_GetSlotList(CK_FALSE, slots.data(), &count) != CKR_OK) return false;
    std::string padded(label);
    padded.resize(32, ' ');
    std::string officer = "security officer";
    std::string pin(kPin);
    for (size_t i = 0; i < count; ++i) {
      CK_TOKEN_INFO info{};
      if (real_->C_GetTokenInfo(slots[i], &info) != CKR_OK) continue;
      if ((info.flags & CKF_TOKEN_INITIALIZED) != 0) continue;
      CK_SESSION_HANDLE session = 0;
      return real_->C_InitToken(slots[i], Bytes(officer), officer.size(), Bytes(padded)) ==
                 CKR_OK &&
             real_->C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr,
                                  &session) == CKR_OK &&
             real_->C_Login(session, CKU_SO, Bytes(officer), officer.size()) == CKR_OK &&
             real_->C_InitPIN(session, Bytes(pin), pin.size()) == CKR_OK &&
             real_->C_CloseSession(session) == CKR_OK;
    }
    return false;
  }

  // Stops and starts the module under everybody who uses it: all sessions end, and SoftHSM looks
  // again which tokens there are.
  bool Restart() {
    CK_C_INITIALIZE_ARGS arguments{};
    arguments.flags = CKF_OS_LOCKING_OK;
    return real_->C_Finalize(nullptr) == CKR_OK && real_->C_Initialize(&arguments) == CKR_OK;
  }

  // The module as it is, and the one that fails.
  std::shared_ptr<TokenModule> module() const { return loaded_; }
  std::shared_ptr<TokenModule> failing_module() { return TokenModule::Of(&failing_); }

  // The n-th call from now on (1 is the next) gives `result`: instead of what it does, or after it
  // was done. 0: none.
  enum class When { kInstead, kAfter };
  void FailAt(int n, CK_RV result, When when = When::kInstead) {
    fail_at_ = n;
    result_ = result;
    when_ = when;
    calls_ = 0;
  }
  bool Failed() const { return fail_at_ != 0 && calls_ >= fail_at_; }

  // From now on each login gives `result`. CKR_OK: what SoftHSM says.
  void FailLogins(CK_RV result) { login_result_ = result; }
  int logins() const { return logins_; }

  // Changes what the failing module says of a token, and of a key.
  std::function<void(CK_TOKEN_INFO&)> edit_token;
  std::function<void(CK_ATTRIBUTE&)> edit_attribute;

  std::string tokens() const { return scratch_.path() + "/tokens"; }
  const std::string& path() const { return scratch_.path(); }

 private:
  static unsigned char* Bytes(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
  }

  template <auto Member, typename... Arguments>
  static CK_RV Call(Arguments... arguments) {
    SoftToken& self = *current_;
    const bool fails = ++self.calls_ == self.fail_at_;
    if (fails && self.when_ == When::kInstead) return self.result_;
    if constexpr (std::is_same_v<std::integral_constant<CK_C_Login CK_FUNCTION_LIST::*,
                                                        &CK_FUNCTION_LIST::C_Login>,
                                 std::integral_constant<decltype(Member), Member>>) {
      ++self.logins_;
      if (self.login_result_ != CKR_OK) return self.login_result_;
    }
    const CK_RV result = (self.real_->*Member)(arguments...);
    if (result == CKR_OK) self.Edit(arguments...);
    return fails ? self.result_ : result;
  }

  template <typename... Arguments>
  void Edit(Arguments... /*arguments*/) {}
  void Edit(CK_SLOT_ID /*slot*/, CK_TOKEN_INFO* info) {
    if (edit_token) edit_token(*info);
  }
  void Edit(CK_SESSION_HANDLE /*session*/, CK_OBJECT_HANDLE /*key*/, CK_ATTRIBUTE* attributes,
            CK_ULONG count) {
    for (CK_ULONG i = 0; edit_attribute && i < count; ++i) edit_attribute(attributes[i]);
  }

  template <auto Member, typename... Arguments>
  void Intercept(CK_RV (*CK_FUNCTION_LIST::*)(Arguments...)) {
    failing_.*Member = &Call<Member, Arguments...>;
  }

  static inline SoftToken* current_ = nullptr;

  ScratchDirectory scratch_;
  std::shared_ptr<TokenModule> loaded_;
  CK_FUNCTION_LIST* real_ = nullptr;
  CK_FUNCTION_LIST failing_{};
  int fail_at_ = 0;
  int calls_ = 0;
  int logins_ = 0;
  CK_RV result_ = CKR_OK;
  CK_RV login_result_ = CKR_OK;
  When when_ = When::kInstead;
};

}  // namespace kluis::crypto

#endif  // KLUIS_TESTS_FAKES_SOFT_TOKEN_H_
