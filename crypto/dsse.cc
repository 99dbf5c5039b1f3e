#include "crypto/dsse.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kluis::crypto {

std::string Pae(std::string_view payload_type, std::string_view payload) {
  std::string pae = absl::StrCat("DSSEv1 ", payload_type.size(), " ");
  pae.append(payload_type);
  absl::StrAppend(&pae, " ", payload.size(), " ");
  pae.append(payload);
  return pae;
}

void SignEnvelope(const SigningKey& key, DsseEnvelope& envelope) {
  const Signature signature = key.Sign(Pae(envelope.payload_type, envelope.payload));
  DsseSignature fresh{KeyIdOf(key.public_key()), std::string(Bytes(signature))};
  std::erase_if(envelope.signatures,
                [&](const DsseSignature& old) { return old.keyid == fresh.keyid; });
  envelope.signatures.push_back(std::move(fresh));
}

bool VerifyBy(const DsseEnvelope& envelope, const PublicKey& key) {
  const std::string keyid = KeyIdOf(key);
  const std::string pae = Pae(envelope.payload_type, envelope.payload);
  return std::any_of(envelope.signatures.begin(), envelope.signatures.end(),
                     [&](const DsseSignature& signature) {
                       return signature.keyid == keyid && Verify(key, pae, signature.sig);
                     });
}

std::vector<std::string> VerifiedKeyIds(const DsseEnvelope& envelope,
                                        const std::vector<PublicKey>& keys) {
  std::vector<std::string> ids;
  for (const PublicKey& key : keys) {
    if (VerifyBy(envelope, key)) ids.push_back(KeyIdOf(key));
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace kluis::crypto
