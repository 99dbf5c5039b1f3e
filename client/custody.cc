// SPDX-License-Identifier: Apache-2.0
#include "client/custody.h"

#include <algorithm>

#include "base/codec.h"
#include "crypto/release.h"
#include "kluis/v1/vault_service.grpc.pb.h"

namespace kluis::client {

absl::StatusOr<std::string> SealForVault(Session& session, const crypto::SecretBytes& secret) {
  const absl::StatusOr<v1::GetReleaseKeyResponse> answer =
      session.Call(&v1::VaultService::Stub::GetReleaseKey, v1::GetReleaseKeyRequest());
  if (!answer.ok()) return answer.status();
  crypto::ReleasePublicKey key{};
  if (answer->release_key().size() != key.size()) {
    return absl::DataLossError("the vault's release key is not 32 bytes");
  }
  std::copy(answer->release_key().begin(), answer->release_key().end(), key.begin());
  return crypto::SealToVault(key, secret);
}

absl::StatusOr<std::string> ParseSealedSecret(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  absl::StatusOr<std::string> sealed = base::FromBase64(text);
  if (!sealed.ok() || sealed->size() != crypto::kSealedDeviceSecretBytes) {
    return absl::InvalidArgumentError("sealed secret: must be base64 of 80 bytes");
  }
  return sealed;
}

}  // namespace kluis::client
