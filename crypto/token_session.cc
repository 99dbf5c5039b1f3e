// SPDX-License-Identifier: Apache-2.0
#include "crypto/token_session.h"

#include <p11-kit/pkcs11.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kluis::crypto {
namespace {

constexpr size_t kTokenTagBytes = 16;
constexpr size_t kMaxAttributeBytes = 256;

// PKCS#11 takes what it only reads through pointers to non-const.
unsigned char* Unconst(std::string_view bytes) {
  return reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
}

CK_ATTRIBUTE Bytes(CK_ATTRIBUTE_TYPE type, std::string_view value) {
  return {type, Unconst(value), static_cast<CK_ULONG>(value.size())};
}

template <typename T>
CK_ATTRIBUTE Value(CK_ATTRIBUTE_TYPE type, T& value) {
  return {type, &value, sizeof value};
}

// A fixed field of PKCS#11, padded with blanks.
template <size_t N>
std::string Unpadded(const unsigned char (&field)[N]) {
  std::string text(reinterpret_cast<const char*>(field), N);
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

struct Gcm {
  Gcm(std::string_view iv, std::string_view authenticated)
      : parameters{Unconst(iv),
                   static_cast<CK_ULONG>(iv.size()),
                   static_cast<CK_ULONG>(iv.size() * 8),
                   Unconst(authenticated),
                   static_cast<CK_ULONG>(authenticated.size()),
                   kTokenTagBytes * 8},
        mechanism{CKM_AES_GCM, &parameters, sizeof parameters} {}
  Gcm(const Gcm&) = delete;
  Gcm& operator=(const Gcm&) = delete;

  CK_GCM_PARAMS parameters;
  CK_MECHANISM mechanism;
};

}  // namespace

TokenSession::TokenSession(std::shared_ptr<TokenModule> module, std::string token_label,
                           SecretBytes pin)
    : module_(std::move(module)), token_label_(std::move(token_label)), pin_(std::move(pin)) {}

TokenSession::~TokenSession() { Close(); }

absl::Status TokenSession::Ensure() {
  if (pin_refused_) return Refused(CKR_PIN_INCORRECT, "log in");
  const absl::StatusOr<unsigned long> slot = FindSlot();
  if (!slot.ok()) {
    Close();
    return slot.status();
  }
  CK_SESSION_INFO info{};
  if (session_ != 0 && *slot == slot_ &&
      module_->functions().C_GetSessionInfo(session_, &info) == CKR_OK &&
      info.state == CKS_RW_USER_FUNCTIONS) {
    return absl::OkStatus();
  }
  Close();
  CK_SESSION_HANDLE session = 0;
  const CK_RV opened = module_->functions().C_OpenSession(
      *slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &session);
  if (opened != CKR_OK) return Refused(opened, "open a session");
  slot_ = *slot;
  session_ = session;
  absl::Status done = LogIn();
  if (!done.ok()) Close();
  return done;
}

absl::StatusOr<unsigned long> TokenSession::FindSlot() {
  CK_FUNCTION_LIST& token = module_->functions();
  CK_ULONG count = 0;
  CK_RV result = token.C_GetSlotList(CK_TRUE, nullptr, &count);
  std::vector<CK_SLOT_ID> slots(count + 1);  // a token may be put in meanwhile
  count = slots.size();
  if (result == CKR_OK) result = token.C_GetSlotList(CK_TRUE, slots.data(), &count);
  if (result != CKR_OK) return Refused(result, "list the slots");
  slots.resize(count);
  std::vector<CK_SLOT_ID> found;
  for (const CK_SLOT_ID slot : slots) {
    CK_TOKEN_INFO info{};
    if (token.C_GetTokenInfo(slot, &info) != CKR_OK) continue;
    if ((info.flags & CKF_TOKEN_INITIALIZED) != 0 && Unpadded(info.label) == token_label_) {
      found.push_back(slot);
    }
  }
  if (found.empty()) return Refused(CKR_TOKEN_NOT_PRESENT, "find it");
  if (found.size() > 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("token ", token_label_, ": two tokens have this label"));
  }
  return found[0];
}

absl::Status TokenSession::LogIn() {
  CK_FUNCTION_LIST& token = module_->functions();
  CK_TOKEN_INFO info{};
  CK_RV result = token.C_GetTokenInfo(slot_, &info);
  if (result != CKR_OK) return Refused(result, "look at it");
  if ((info.flags & CKF_USER_PIN_LOCKED) != 0) return Refused(CKR_PIN_LOCKED, "log in");
  if ((info.flags & CKF_USER_PIN_FINAL_TRY) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "token ", token_label_,
        ": the next wrong PIN locks it; log in once by the token's own tool before going on"));
  }
  result = token.C_Login(session_, CKU_USER, const_cast<unsigned char*>(pin_.Expose().data()),
                         pin_.size());
  if (result == CKR_PIN_INCORRECT) pin_refused_ = true;
  if (result != CKR_OK && result != CKR_USER_ALREADY_LOGGED_IN) return Refused(result, "log in");
  return absl::OkStatus();
}

absl::StatusOr<TokenKey> TokenSession::MakeKey(std::string_view id, std::string_view label) {
  CK_MECHANISM mechanism{CKM_AES_KEY_GEN, nullptr, 0};
  CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
  CK_KEY_TYPE key_type = CKK_AES;
  CK_ULONG key_bytes = 32;
  CK_BBOOL yes = CK_TRUE;
  CK_BBOOL no = CK_FALSE;
  std::array<CK_ATTRIBUTE, 14> wanted{
      {Value(CKA_CLASS, object_class), Value(CKA_KEY_TYPE, key_type),
       Value(CKA_VALUE_LEN, key_bytes), Value(CKA_TOKEN, yes), Value(CKA_PRIVATE, yes),
       Value(CKA_SENSITIVE, yes), Value(CKA_EXTRACTABLE, no), Value(CKA_MODIFIABLE, no),
       Value(CKA_ENCRYPT, yes), Value(CKA_DECRYPT, yes), Value(CKA_WRAP, no), Value(CKA_UNWRAP, no),
       Bytes(CKA_ID, id), Bytes(CKA_LABEL, label)}};
  CK_OBJECT_HANDLE handle = 0;
  const CK_RV made = module_->functions().C_GenerateKey(session_, &mechanism, wanted.data(),
                                                        wanted.size(), &handle);
  if (made != CKR_OK) return Refused(made, "make a key");
  TokenKey key{handle, std::string(id), std::string(label)};
  const absl::Status kept = CheckKept(key);
  if (kept.ok()) return key;
  static_cast<void>(Destroy(key));
  return kept;
}

// A token may take a template and do as it likes: ask what came out.
absl::Status TokenSession::CheckKept(const TokenKey& key) {
  CK_BBOOL persistent = CK_FALSE;
  CK_BBOOL sensitive = CK_FALSE;
  CK_BBOOL always_sensitive = CK_FALSE;
  CK_BBOOL extractable = CK_TRUE;
  CK_BBOOL never_extractable = CK_FALSE;
  std::array<CK_ATTRIBUTE, 5> asked{{Value(CKA_TOKEN, persistent), Value(CKA_SENSITIVE, sensitive),
                                     Value(CKA_ALWAYS_SENSITIVE, always_sensitive),
                                     Value(CKA_EXTRACTABLE, extractable),
                                     Value(CKA_NEVER_EXTRACTABLE, never_extractable)}};
  const CK_RV result =
      module_->functions().C_GetAttributeValue(session_, key.handle, asked.data(), asked.size());
  if (result != CKR_OK) return Refused(result, "look at a key");
  if (persistent != CK_TRUE || sensitive != CK_TRUE || always_sensitive != CK_TRUE ||
      extractable != CK_FALSE || never_extractable != CK_TRUE) {
    return absl::FailedPreconditionError(
        absl::StrCat("token ", token_label_, ": does not keep its keys to itself"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TokenKey>> TokenSession::FindKeys(std::string_view label_prefix) {
  CK_FUNCTION_LIST& token = module_->functions();
  CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
  CK_KEY_TYPE key_type = CKK_AES;
  CK_BBOOL yes = CK_TRUE;
  std::array<CK_ATTRIBUTE, 3> wanted{
      {Value(CKA_CLASS, object_class), Value(CKA_KEY_TYPE, key_type), Value(CKA_TOKEN, yes)}};
  CK_RV result = token.C_FindObjectsInit(session_, wanted.data(), wanted.size());
  if (result != CKR_OK) return Refused(result, "look for keys");
  std::vector<CK_OBJECT_HANDLE> handles;
  for (CK_ULONG count = 1; result == CKR_OK && count > 0;) {
    std::array<CK_OBJECT_HANDLE, 64> some{};
    result = token.C_FindObjects(session_, some.data(), some.size(), &count);
    if (result == CKR_OK) {
      handles.insert(handles.end(), some.begin(), some.begin() + static_cast<ptrdiff_t>(count));
    }
  }
  const CK_RV ended = token.C_FindObjectsFinal(session_);
  if (result == CKR_OK) result = ended;
  if (result != CKR_OK) return Refused(result, "look for keys");
  std::vector<TokenKey> keys;
  for (const CK_OBJECT_HANDLE handle : handles) {
    std::array<char, kMaxAttributeBytes> id{};
    std::array<char, kMaxAttributeBytes> label{};
    std::array<CK_ATTRIBUTE, 2> asked{{Value(CKA_ID, id), Value(CKA_LABEL, label)}};
    result = token.C_GetAttributeValue(session_, handle, asked.data(), asked.size());
    if (result == CKR_BUFFER_TOO_SMALL) continue;  // not one of ours
    if (result != CKR_OK) return Refused(result, "look at a key");
    TokenKey key{handle, std::string(id.data(), asked[0].ulValueLen),
                 std::string(label.data(), asked[1].ulValueLen)};
    if (key.label.starts_with(label_prefix)) keys.push_back(std::move(key));
  }
  return keys;
}

absl::StatusOr<std::string> TokenSession::Encrypt(const TokenKey& key, std::string_view iv,
                                                  std::string_view authenticated,
                                                  std::span<const uint8_t> plain) {
  Gcm gcm(iv, authenticated);
  CK_FUNCTION_LIST& token = module_->functions();
  CK_RV result = token.C_EncryptInit(session_, &gcm.mechanism, key.handle);
  if (result != CKR_OK) return Refused(result, "wrap");
  std::string sealed(plain.size() + kTokenTagBytes, '\0');
  CK_ULONG size = sealed.size();
  result = token.C_Encrypt(session_, const_cast<unsigned char*>(plain.data()), plain.size(),
                           Unconst(sealed), &size);
  if (result != CKR_OK) return Refused(result, "wrap");
  if (size != sealed.size()) return Refused(CKR_GENERAL_ERROR, "wrap");
  return sealed;
}

absl::StatusOr<SecretBytes> TokenSession::Decrypt(const TokenKey& key, std::string_view iv,
                                                  std::string_view authenticated,
                                                  std::string_view sealed) {
  const auto altered = [] {
    return absl::DataLossError("root key: does not open: altered, or of another vault");
  };
  if (sealed.size() <= kTokenTagBytes) return altered();
  Gcm gcm(iv, authenticated);
  CK_FUNCTION_LIST& token = module_->functions();
  CK_RV result = token.C_DecryptInit(session_, &gcm.mechanism, key.handle);
  if (result != CKR_OK) return Refused(result, "unwrap");
  SecretBytes plain = SecretBytes::Zero(sealed.size());
  CK_ULONG size = plain.size();
  result = token.C_Decrypt(session_, Unconst(sealed), sealed.size(), plain.ExposeMutable().data(),
                           &size);
  // For a wrong tag SoftHSM says CKR_GENERAL_ERROR.
  if (result == CKR_ENCRYPTED_DATA_INVALID || result == CKR_ENCRYPTED_DATA_LEN_RANGE ||
      result == CKR_GENERAL_ERROR) {
    return altered();
  }
  if (result != CKR_OK) return Refused(result, "unwrap");
  if (size != sealed.size() - kTokenTagBytes) return altered();
  return SecretBytes::CopyOf(plain.Expose().first(size));
}

absl::Status TokenSession::Destroy(const TokenKey& key) {
  const CK_RV result = module_->functions().C_DestroyObject(session_, key.handle);
  if (result != CKR_OK) return Refused(result, "destroy a key");
  return absl::OkStatus();
}

void TokenSession::Close() {
  if (session_ != 0) module_->functions().C_CloseSession(session_);
  session_ = 0;
}

absl::Status TokenSession::Refused(unsigned long result, std::string_view what) {
  const std::string token = absl::StrCat("token ", token_label_, ": ");
  switch (result) {
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
      return absl::PermissionDeniedError(token + "wrong PIN");
    case CKR_PIN_LOCKED:
      return absl::FailedPreconditionError(
          token + "the PIN is locked; the token's security officer has to set a new one");
    case CKR_PIN_EXPIRED:
    case CKR_USER_PIN_NOT_INITIALIZED:
      return absl::FailedPreconditionError(token + "has no PIN that is in force");
    case CKR_DEVICE_REMOVED:
    case CKR_SLOT_ID_INVALID:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
      return absl::UnavailableError(token + "is not there");
    case CKR_TOKEN_WRITE_PROTECTED:
      return absl::FailedPreconditionError(token + "is write-protected");
    case CKR_DEVICE_MEMORY:
      return absl::ResourceExhaustedError(token + "is full");
    case CKR_MECHANISM_INVALID:
    case CKR_MECHANISM_PARAM_INVALID:
    case CKR_ATTRIBUTE_TYPE_INVALID:
    case CKR_ATTRIBUTE_VALUE_INVALID:
    case CKR_TEMPLATE_INCONSISTENT:
      return absl::FailedPreconditionError(token + "cannot make or use AES-256-GCM keys");
    default:
      return absl::UnavailableError(absl::StrCat(token, "cannot ", std::string(what),
                                                 ", PKCS#11 error 0x",
                                                 absl::Hex(result, absl::kZeroPad2)));
  }
}

}  // namespace kluis::crypto
