// SPDX-License-Identifier: Apache-2.0
#include "audit/verifier_key.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "audit/note_text.h"
#include "base/big_endian.h"
#include "base/codec.h"
#include "crypto/sha256.h"

namespace kluis::audit {
namespace {

// type[1] | public key.
std::string TypedKey(KeyType type, const crypto::PublicKey& key) {
  std::string bytes(1, static_cast<char>(type));
  bytes.append(key.begin(), key.end());
  return bytes;
}

uint32_t KeyId(std::string_view name, std::string_view typed_key) {
  const crypto::Hash hash = crypto::Sha256({name, "\n", typed_key});
  return static_cast<uint32_t>(base::ReadBigEndian(crypto::Bytes(hash).substr(0, 4)));
}

}  // namespace

VerifierKey::VerifierKey(std::string name, KeyType type, const crypto::PublicKey& key)
    : name_(std::move(name)), type_(type), key_(key), id_(KeyId(name_, TypedKey(type, key))) {}

absl::StatusOr<VerifierKey> VerifierKey::Create(std::string_view name, KeyType type,
                                                const crypto::PublicKey& key) {
  if (!IsKeyName(name)) return absl::InvalidArgumentError("verifier key: not a key name");
  return VerifierKey(std::string(name), type, key);
}

absl::StatusOr<VerifierKey> VerifierKey::Parse(std::string_view text) {
  const size_t first = text.find('+');
  const size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos) {
    return absl::InvalidArgumentError("verifier key: must be <name>+<key id>+<base64 key>");
  }
  const absl::StatusOr<std::string> typed = base::FromBase64(text.substr(second + 1));
  if (!typed.ok()) return absl::InvalidArgumentError("verifier key: key is not base64");
  crypto::PublicKey key{};
  if (typed->size() != 1 + key.size()) {
    return absl::InvalidArgumentError("verifier key: key must be a type and 32 bytes");
  }
  const auto type = static_cast<KeyType>(typed->front());
  if (type != KeyType::kEd25519 && type != KeyType::kEd25519Cosignature) {
    return absl::InvalidArgumentError("verifier key: unknown key type");
  }
  std::copy(typed->begin() + 1, typed->end(), key.begin());
  absl::StatusOr<VerifierKey> parsed = Create(text.substr(0, first), type, key);
  // One key has one spelling: this checks the key id and its case.
  if (parsed.ok() && parsed->ToString() != text) {
    return absl::InvalidArgumentError("verifier key: key id is not that of the name and key");
  }
  return parsed;
}

std::string VerifierKey::ToString() const {
  return absl::StrCat(name_, "+", base::ToHex(base::BigEndian(id_, 4)), "+",
                      base::ToBase64(TypedKey(type_, key_)));
}

bool VerifierKey::Verifies(std::string_view text, std::string_view signature) const {
  if (type_ == KeyType::kEd25519) return crypto::Verify(key_, text, signature);
  if (signature.size() < kTimeBytes) return false;
  const uint64_t time = base::ReadBigEndian(signature.substr(0, kTimeBytes));
  return crypto::Verify(key_, CosignatureMessage(time, text), signature.substr(kTimeBytes));
}

std::string CosignatureMessage(uint64_t unix_seconds, std::string_view text) {
  return absl::StrCat("cosignature/v1\ntime ", unix_seconds, "\n", std::string(text));
}

}  // namespace kluis::audit
