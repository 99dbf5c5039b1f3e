// Signed statements: what is signed is the exact payload with its type, so a consent can never pass
// for a warrant. Reading and writing the JSON form is audit/'s job. Stateless and thread-safe.
// Source: DSSE v1.0.2, protocol.md (secure-systems-lab/dsse), with Ed25519.
#ifndef KLUIS_CRYPTO_DSSE_H_
#define KLUIS_CRYPTO_DSSE_H_

#include <string>
#include <string_view>
#include <vector>

#include "crypto/ed25519.h"

namespace kluis::crypto {

struct DsseSignature {
  std::string keyid;  // KeyIdOf the signer: says which key to try, proves nothing
  std::string sig;    // 64 raw bytes when well formed
};

struct DsseEnvelope {
  std::string payload_type;
  std::string payload;  // raw bytes, not base64
  std::vector<DsseSignature> signatures;
};

// "DSSEv1 <len(type)> <type> <len(payload)> <payload>", lengths in decimal bytes.
std::string Pae(std::string_view payload_type, std::string_view payload);

// Appends `key`'s signature, or replaces the one that bears its key id.
void SignEnvelope(const SigningKey& key, DsseEnvelope& envelope);

// True when the envelope bears a signature that names `key` and verifies with it.
bool VerifyBy(const DsseEnvelope& envelope, const PublicKey& key);

// The key ids of those of `keys` that signed, sorted and each once, however often a key is given
// or signed: its size is what a k of n rule counts.
std::vector<std::string> VerifiedKeyIds(const DsseEnvelope& envelope,
                                        const std::vector<PublicKey>& keys);

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_DSSE_H_
