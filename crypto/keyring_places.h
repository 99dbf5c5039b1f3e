// SPDX-License-Identifier: Apache-2.0
// How the places of one keyring are brought to one state when it is opened. The rules are in
// keyring.h. Not thread-safe.
#ifndef KLUIS_CRYPTO_KEYRING_PLACES_H_
#define KLUIS_CRYPTO_KEYRING_PLACES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/file_system.h"
#include "crypto/keyring_replica.h"

namespace kluis::crypto {

// kInvalidArgument: no place, a path or a root key without a file name, or one name twice.
absl::StatusOr<std::vector<KeyringReplica>> ReplicasAt(std::vector<KeyringPlace> places,
                                                       FileSystem& files);

// The newest state, after every replica was brought to it; says in `repairs` which had to be.
// Errors as of Keyring::Open; nothing is overwritten before all comparisons are made.
absl::StatusOr<KeyringState> BringTogether(std::vector<KeyringReplica>& replicas,
                                           std::vector<std::string>& repairs);

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_KEYRING_PLACES_H_
