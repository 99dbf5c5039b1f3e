// SPDX-License-Identifier: Apache-2.0
// Seals everything that may have to be forgotten under its own slot, and opens templates under a
// Grant only. Keys are derived from the slot's key for one use, bound to what the record is.
// Thread-safe.
//
//   template   DeriveKey(parent, "kluis-template", purpose, subject, consent commitment,
//              algorithm), owner = record id
//              parent = the slot key; in the subject's custody, where the record names a secret of
//              the device: DeriveKey(slot key, "kluis-custody", that secret), so that neither of
//              the two opens anything alone
//   the rest   DeriveKey(slot key, the use's label, owner), owner = the record's key in the
//   database
//
// Source of `parent`: the extraction of RFC 5869, s.2.2, with keyed BLAKE2b in HMAC's place: one
// secret is the key, the other the message, and who knows one of them cannot tell the result from
// random bits.
#ifndef KLUIS_SERVICE_CUSTODY_SEALER_H_
#define KLUIS_SERVICE_CUSTODY_SEALER_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/derive.h"
#include "crypto/keyring.h"
#include "crypto/release.h"
#include "crypto/secret_bytes.h"
#include "crypto/secret_floats.h"
#include "kluis/v1/state.pb.h"
#include "policy/grant.h"

namespace kluis::service {

// The vault's own slot: look-ups, never forgotten.
inline constexpr uint32_t kVaultSlot = 0;

// Uses of a slot's key.
inline constexpr crypto::Label kDetailsUse("kluis-details");
inline constexpr crypto::Label kNoticeUse("kluis-notice");
inline constexpr crypto::Label kOpeningUse("kluis-opening");
inline constexpr crypto::Label kWrittenUse("kluis-written");
inline constexpr crypto::Label kSearchUse("kluis-search");
inline constexpr crypto::Label kNoveltyUse("kluis-novelty");
inline constexpr crypto::Label kLookupUse("kluis-lookup");

class Sealer {
 public:
  explicit Sealer(const crypto::Keyring& keyring) : keyring_(keyring) {}

  // `values` is a protected template. `device_secret`: of the subject's custody, when the record
  // names one, else null. kNotFound: the slot is punctured. kDataLoss: a secret is missing, or is
  // not the record's.
  absl::StatusOr<std::string> SealTemplate(
      const v1::TemplateRecord& record, std::span<const float> values,
      const crypto::SecretBytes* device_secret = nullptr) const;

  // The protected template, wiped when dropped. kPermissionDenied: `grant` does not cover it.
  // kDataLoss: punctured, altered or moved, or the secret is missing or another; one code for all.
  absl::StatusOr<crypto::SecretBytes> OpenTemplate(
      const policy::Grant& grant, const v1::TemplateRecord& record, std::string_view sealed,
      const crypto::SecretBytes* device_secret = nullptr) const;

  // To which devices seal their secrets; made anew from the vault's slot for each call.
  absl::StatusOr<crypto::ReleaseKey> ReleaseKey() const;

  // `owner` is the record's key in the database. kNotFound: the slot is punctured.
  absl::StatusOr<std::string> Seal(uint32_t slot, const crypto::Label& use, std::string_view owner,
                                   std::string_view plain) const;

  // kDataLoss: punctured, altered or moved.
  absl::StatusOr<crypto::SecretBytes> Open(uint32_t slot, const crypto::Label& use,
                                           std::string_view owner, std::string_view sealed) const;

  // Finds a subject by public key without storing the key.
  absl::StatusOr<crypto::Hash> LookupDigest(std::string_view public_key) const;

  // Tells whether a necessity statement was used before, without its text; 32 bytes. `essence`:
  // audit::NecessityEssence.
  absl::StatusOr<std::string> NecessityDigest(std::string_view essence) const;

  // The secret of a purpose's template transform.
  absl::StatusOr<crypto::SecretKey32> TransformKey(const v1::PurposeRecord& purpose) const;

  // One for the same subject in the same case, 32 bytes: two cases cannot be compared by it.
  // kNotFound: the case's slot is punctured.
  absl::StatusOr<std::string> PersonInCase(const v1::CaseRecord& kase,
                                           std::string_view subject_id) const;

  // The secret of the sketches of a case's probes. kNotFound: the case's slot is punctured.
  absl::StatusOr<crypto::SecretKey32> ProbeSketchKey(const v1::CaseRecord& kase) const;

 private:
  friend class TemplateOpener;

  static constexpr crypto::Label kTemplateUse{"kluis-template"};
  // The message that a template's key is derived with, in the memory that `binding` has.
  static void PutTemplateBinding(const v1::TemplateRecord& record, std::string& binding);
  static absl::Status CheckCovered(const policy::Grant& grant, const v1::TemplateRecord& record);

  absl::StatusOr<crypto::SecretKey32> TemplateKey(const v1::TemplateRecord& record,
                                                  const crypto::SecretBytes* device_secret) const;

  const crypto::Keyring& keyring_;
};

// The bytes of an opened record as text; valid while `bytes` lives. As floats: secret_floats.h.
std::string_view AsText(const crypto::SecretBytes& bytes);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_CUSTODY_SEALER_H_
