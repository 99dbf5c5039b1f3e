// Seals everything that may have to be forgotten under its own slot, and opens templates under a
// Grant only. Keys are derived from the slot's key for one use, bound to what the record is.
// Thread-safe.
//
//   template   DeriveKey(slot key, "kluis-template", purpose, subject, consent commitment,
//              algorithm), owner = record id
//   the rest   DeriveKey(slot key, the use's label, owner), owner = the record's key in the
//   database
#ifndef KLUIS_SERVICE_SEALER_H_
#define KLUIS_SERVICE_SEALER_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/derive.h"
#include "crypto/keyring.h"
#include "crypto/secret_bytes.h"
#include "kluis/v1/state.pb.h"
#include "policy/grant.h"

namespace kluis::service {

// The vault's own slot: look-ups, never forgotten.
inline constexpr uint32_t kVaultSlot = 0;

// Uses of a slot's key.
inline constexpr crypto::Label kDetailsUse("kluis-details");
inline constexpr crypto::Label kNoticeUse("kluis-notice");
inline constexpr crypto::Label kOpeningUse("kluis-opening");
inline constexpr crypto::Label kSearchUse("kluis-search");
inline constexpr crypto::Label kLookupUse("kluis-lookup");

class Sealer {
 public:
  explicit Sealer(const crypto::Keyring& keyring) : keyring_(keyring) {}

  // `values` is a protected template. kNotFound: the slot is punctured.
  absl::StatusOr<std::string> SealTemplate(const v1::TemplateRecord& record,
                                           std::span<const float> values) const;

  // The protected template, wiped when dropped. kPermissionDenied: `grant` does not cover it.
  // kDataLoss: punctured, altered or moved; one code for all.
  absl::StatusOr<crypto::SecretBytes> OpenTemplate(const policy::Grant& grant,
                                                   const v1::TemplateRecord& record,
                                                   std::string_view sealed) const;

  // `owner` is the record's key in the database. kNotFound: the slot is punctured.
  absl::StatusOr<std::string> Seal(uint32_t slot, const crypto::Label& use, std::string_view owner,
                                   std::string_view plain) const;

  // kDataLoss: punctured, altered or moved.
  absl::StatusOr<crypto::SecretBytes> Open(uint32_t slot, const crypto::Label& use,
                                           std::string_view owner, std::string_view sealed) const;

  // Finds a subject by public key without storing the key.
  absl::StatusOr<crypto::Hash> LookupDigest(std::string_view public_key) const;

  // The secret of a purpose's template transform.
  absl::StatusOr<crypto::SecretKey32> TransformKey(const v1::PurposeRecord& purpose) const;

 private:
  absl::StatusOr<crypto::SecretKey32> TemplateKey(const v1::TemplateRecord& record) const;

  const crypto::Keyring& keyring_;
};

// The bytes of an opened record as text or as floats; valid while `bytes` lives.
std::string_view AsText(const crypto::SecretBytes& bytes);
absl::StatusOr<std::span<const float>> AsFloats(const crypto::SecretBytes& bytes);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_SEALER_H_
