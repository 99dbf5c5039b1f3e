// SPDX-License-Identifier: Apache-2.0
// What a person keeps in a file of mode 0600: a signing key, and the secret of subject-held custody
// (crypto/release.h). The text form:
//   kluis-ed25519-seed-v1\n          or   kluis-custody-secret-v1\n
//   <base64 of the 32-byte seed>\n        <base64 of the 32-byte secret>\n
// and nothing else. Thread-safe.
#ifndef KLUIS_CRYPTO_KEY_FILE_H_
#define KLUIS_CRYPTO_KEY_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/ed25519.h"
#include "crypto/file_system.h"
#include "crypto/secret_bytes.h"

namespace kluis::crypto {

// Writes `key` to a new file and returns when it is on disk. Never overwrites: a lost signing key
// cannot be had again. A file that could not be completed is removed.
// kAlreadyExists: the path is taken. kNotFound: no such directory. kUnavailable: the system
// refused.
absl::Status WriteSigningKey(const SigningKey& key, const std::string& path,
                             FileSystem& files = RealFileSystem());

// kNotFound: no such file. kFailedPrecondition: open to group or others (the message says
// chmod 600), or not a regular file. kInvalidArgument: not the form above to the byte.
// kUnavailable: the system refused.
absl::StatusOr<SigningKey> ReadSigningKey(const std::string& path,
                                          FileSystem& files = RealFileSystem());

// The same two for a device's secret of kDeviceSecretBytes: a lost one cannot be had again either.
// WriteDeviceSecret: also kInvalidArgument, for a secret of another length.
absl::Status WriteDeviceSecret(const SecretBytes& secret, const std::string& path,
                               FileSystem& files = RealFileSystem());
absl::StatusOr<SecretBytes> ReadDeviceSecret(const std::string& path,
                                             FileSystem& files = RealFileSystem());

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_KEY_FILE_H_
