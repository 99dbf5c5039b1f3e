// SPDX-License-Identifier: Apache-2.0
// Subject-held custody on the subject's side: the secret stays in a file of its owner and leaves it
// sealed to the vault only. Thread-safe: functions of their arguments.
#ifndef KLUIS_CLIENT_CUSTODY_H_
#define KLUIS_CLIENT_CUSTODY_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/session.h"
#include "crypto/secret_bytes.h"

namespace kluis::client {

// The secret sealed to the release key that the vault gives: kSealedDeviceSecretBytes, another box
// each time. Errors: the call's. kDataLoss: the vault's answer is no key.
absl::StatusOr<std::string> SealForVault(Session& session, const crypto::SecretBytes& secret);

// A sealed secret as base64 text, as it goes from the subject to the registrar.
// kInvalidArgument: not that.
absl::StatusOr<std::string> ParseSealedSecret(std::string_view text);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_CUSTODY_H_
