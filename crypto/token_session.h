// SPDX-License-Identifier: Apache-2.0
// One logged-in session with one token, and the few operations on its wrapping keys. Not
// thread-safe.
// Source: PKCS#11 v2.40; AES-GCM as CKM_AES_GCM of the current mechanisms, s.2.12.
#ifndef KLUIS_CRYPTO_TOKEN_SESSION_H_
#define KLUIS_CRYPTO_TOKEN_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/secret_bytes.h"
#include "crypto/token_module.h"

namespace kluis::crypto {

struct TokenKey {
  unsigned long handle;  // lives as long as the session
  std::string id;        // CKA_ID
  std::string label;     // CKA_LABEL
};

class TokenSession {
 public:
  TokenSession(std::shared_ptr<TokenModule> module, std::string token_label, SecretBytes pin);
  TokenSession(const TokenSession&) = delete;
  TokenSession& operator=(const TokenSession&) = delete;
  ~TokenSession();

  // Makes sure that the token is there and the session logged in; opens a new one if it is not.
  // kUnavailable: the token is not there. kPermissionDenied: wrong PIN; from then on the PIN is not
  // tried again, as a token counts. kFailedPrecondition: the PIN is locked, one try before that, or
  // not set; or two tokens have the label.
  absl::Status Ensure();

  // The operations below, after Ensure. All: kUnavailable: the token is gone or refused.

  // An AES-256 key made in the token: persistent, private, sensitive, not extractable. Whether it
  // is so is asked of the token afterwards. kFailedPrecondition: the token cannot make such keys.
  // kResourceExhausted: it is full.
  absl::StatusOr<TokenKey> MakeKey(std::string_view id, std::string_view label);

  // All AES keys whose label starts with `label_prefix`.
  absl::StatusOr<std::vector<TokenKey>> FindKeys(std::string_view label_prefix);

  // AES-256-GCM: ciphertext | tag[16]. `iv` is 12 bytes.
  absl::StatusOr<std::string> Encrypt(const TokenKey& key, std::string_view iv,
                                      std::string_view authenticated,
                                      std::span<const uint8_t> plain);

  // Inverse. kDataLoss: does not authenticate.
  absl::StatusOr<SecretBytes> Decrypt(const TokenKey& key, std::string_view iv,
                                      std::string_view authenticated, std::string_view sealed);

  absl::Status Destroy(const TokenKey& key);

 private:
  absl::StatusOr<unsigned long> FindSlot();
  absl::Status LogIn();
  absl::Status CheckKept(const TokenKey& key);
  void Close();
  absl::Status Refused(unsigned long result, std::string_view what);

  const std::shared_ptr<TokenModule> module_;
  const std::string token_label_;
  const SecretBytes pin_;
  unsigned long slot_ = 0;
  unsigned long session_ = 0;  // 0: none
  bool pin_refused_ = false;
};

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_TOKEN_SESSION_H_
