// SPDX-License-Identifier: Apache-2.0
// The root key under a passphrase: for development and for machines that one person runs. The
// passphrase comes from a file of mode 0600, never from a command line, and is stretched once per
// start; each change of the root key is wrapped under the result without stretching again.
// Header of a wrapped root key (root_wrapper.h): salt[16] | passes u32 | memory bytes u64, integers
// little-endian. Source: Argon2id v1.3, RFC 9106, one lane; libsodium >= 1.0.18, crypto_pwhash.
#ifndef KLUIS_CRYPTO_PASSPHRASE_H_
#define KLUIS_CRYPTO_PASSPHRASE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "crypto/file_system.h"
#include "crypto/root_wrapper.h"
#include "crypto/secret_bytes.h"

namespace kluis::crypto {

inline constexpr size_t kMinPassphraseBytes = 12;  // of a new one
inline constexpr size_t kMaxPassphraseBytes = 1024;

// libsodium's MODERATE by default: three passes over 256 MiB, under a second on most machines.
struct PassphraseCost {
  uint32_t passes = 3;                           // 1 to 64
  uint64_t memory_bytes = uint64_t{256} << 20U;  // 8 KiB to 4 GiB
};

// The first and only line of the file, without its line break.
// kNotFound: no such file. kFailedPrecondition: open to group or others, or not a regular file.
// kInvalidArgument: empty, more than one line, or over kMaxPassphraseBytes. kUnavailable: the
// system refused.
absl::StatusOr<SecretBytes> ReadPassphrase(const std::string& path,
                                           FileSystem& files = RealFileSystem());

// A wrapper with a fresh salt. kInvalidArgument: shorter than kMinPassphraseBytes, longer than
// kMaxPassphraseBytes, or a cost out of bounds. kUnavailable: the memory cannot be had.
absl::StatusOr<std::unique_ptr<RootWrapper>> NewPassphraseWrapper(const SecretBytes& passphrase,
                                                                  PassphraseCost cost = {});

// The wrapper that made `wrapped`, at the cost that its header names.
// kDataLoss: not a root key wrapped by a passphrase. kPermissionDenied: wrong passphrase, or
// altered bytes - one code and one message, so that neither can be probed. kUnavailable: the memory
// cannot be had.
absl::StatusOr<std::unique_ptr<RootWrapper>> OpenPassphraseWrapper(const SecretBytes& passphrase,
                                                                   std::string_view wrapped);

// Argon2id: 32 bytes. kInvalidArgument: cost out of bounds, or over kMaxPassphraseBytes.
// kUnavailable: the memory cannot be had.
absl::StatusOr<SecretBytes> StretchPassphrase(std::span<const uint8_t> passphrase,
                                              std::span<const uint8_t, 16> salt,
                                              PassphraseCost cost);

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_PASSPHRASE_H_
