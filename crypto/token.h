// SPDX-License-Identifier: Apache-2.0
// The root key under a token (an HSM or a smart card) by PKCS#11. Each root key is wrapped by a key
// of its own: AES-256, made in the token, not extractable. When the root key changes, the token
// destroys the key before: then no copy of an older file opens, whatever the disk has kept.
//
// Header of a wrapped root key (root_wrapper.h): key id[16] | iv[12]; sealed: AES-256-GCM of the
// root key, 48 bytes. The wrapping key's CKA_ID is the key id, its CKA_LABEL
// "kluis-root/<vault>/<generation>". Keys with another label are never touched, so that several
// vaults, and several places of one keyring, share a token under names of their own.
//
// A token that is pulled out makes calls fail with kUnavailable and works again when it is back.
#ifndef KLUIS_CRYPTO_TOKEN_H_
#define KLUIS_CRYPTO_TOKEN_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/file_system.h"
#include "crypto/root_wrapper.h"
#include "crypto/token_module.h"
#include "crypto/token_session.h"

namespace kluis::crypto {

struct TokenOptions {
  std::string token_label;  // CK_TOKEN_INFO.label, at most 32 bytes
  std::string pin_path;     // the user PIN on one line, a file of mode 0600
  std::string vault;        // 1 to 64 of a-z A-Z 0-9 . _ -
};

class TokenWrapper final : public RootWrapper {
 public:
  // Logs in. kInvalidArgument: a label, name or PIN file out of form. kNotFound,
  // kFailedPrecondition: the PIN file is missing, or open to others. Else as TokenSession::Ensure.
  static absl::StatusOr<std::unique_ptr<TokenWrapper>> Open(std::shared_ptr<TokenModule> module,
                                                            TokenOptions options,
                                                            FileSystem& files = RealFileSystem());

  // As RootWrapper, with the codes of token_session.h.
  absl::StatusOr<std::string> Wrap(std::span<const uint8_t, kRootKeyBytes> root_key,
                                   uint64_t generation) override;
  absl::StatusOr<RootKey> Unwrap(std::string_view wrapped) override;
  absl::Status DestroyAllBut(std::string_view current) override;
  absl::Status DestroyAll() override;

 private:
  TokenWrapper(std::shared_ptr<TokenModule> module, TokenOptions options, SecretBytes pin);

  absl::StatusOr<RootKey> UnwrapLocked(std::string_view wrapped);
  absl::Status DestroyLocked(std::string_view kept_id);
  absl::StatusOr<TokenKey> FindKey(const WrappedRoot& parts);

  const std::string label_prefix_;
  std::mutex mutex_;
  TokenSession session_;
};

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_TOKEN_H_
