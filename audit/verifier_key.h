// SPDX-License-Identifier: Apache-2.0
// A public key in the text form of the log's formats, with the name it signs under. Thread-safe, a
// value. Source: c2sp.org/signed-note (keys), c2sp.org/tlog-cosignature (type 04).
//
// Text: <name>+<8 lower-case hex digits of the key id>+<base64(type[1] | public key)>
// Key id: the first 4 bytes of SHA-256(name | 0A | type[1] | public key), read big-endian.
#ifndef KLUIS_AUDIT_VERIFIER_KEY_H_
#define KLUIS_AUDIT_VERIFIER_KEY_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "crypto/ed25519.h"

namespace kluis::audit {

inline constexpr size_t kTimeBytes = 8;  // of the time of a cosignature

// What a signature under the key covers.
enum class KeyType : uint8_t {
  kEd25519 = 0x01,  // 64 bytes: Ed25519 over the note's text
  kEd25519Cosignature =
      0x04,  // 72 bytes: time[8] | Ed25519 over "cosignature/v1\ntime <t>\n" | text
};

class VerifierKey {
 public:
  // kInvalidArgument: `name` is not a key name (IsKeyName).
  static absl::StatusOr<VerifierKey> Create(std::string_view name, KeyType type,
                                            const crypto::PublicKey& key);

  // Inverse of ToString. kInvalidArgument: any other form, a type that is not a KeyType, a key that
  // is not 32 bytes, or a key id that is not that of the name and the key.
  static absl::StatusOr<VerifierKey> Parse(std::string_view text);

  std::string ToString() const;

  const std::string& name() const { return name_; }
  uint32_t id() const { return id_; }
  KeyType type() const { return type_; }
  const crypto::PublicKey& key() const { return key_; }

  // True when `signature` (what follows the key id in a signature line) is this key's signature of
  // the note text `text`. False also for a signature of a wrong length.
  bool Verifies(std::string_view text, std::string_view signature) const;

  bool operator==(const VerifierKey&) const = default;

 private:
  VerifierKey(std::string name, KeyType type, const crypto::PublicKey& key);

  std::string name_;
  KeyType type_;
  crypto::PublicKey key_;
  uint32_t id_;
};

// What a cosignature of `text` at `unix_seconds` signs: "cosignature/v1\ntime <t>\n" | text.
std::string CosignatureMessage(uint64_t unix_seconds, std::string_view text);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_VERIFIER_KEY_H_
