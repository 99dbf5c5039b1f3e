// SPDX-License-Identifier: Apache-2.0
// Resource names of the API (AIP-122): collection/<32 hex digits of a random id>.
#ifndef KLUIS_SERVICE_LEDGER_NAMES_H_
#define KLUIS_SERVICE_LEDGER_NAMES_H_

#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/codec.h"
#include "crypto/random.h"
#include "policy/facts.h"
#include "policy/record_key.h"

namespace kluis::service {

inline std::string NameOf(std::string_view collection, std::string_view id) {
  return absl::StrCat(std::string(collection), "/", base::ToHex(id));
}

inline std::string CandidateName(std::string_view case_id, std::string_view id) {
  return absl::StrCat(NameOf("cases", case_id), "/", NameOf("candidates", id));
}

inline std::string TemplateName(std::string_view subject_id, std::string_view id) {
  return absl::StrCat(NameOf("subjects", subject_id), "/", NameOf("templates", id));
}

// "purposes/<purpose>" to "<purpose>"; empty for any other form.
inline std::string PurposeInName(std::string_view name) {
  constexpr std::string_view kCollection = "purposes/";
  return name.starts_with(kCollection) ? std::string(name.substr(kCollection.size())) : "";
}

// A random id, 16 bytes.
inline std::string NewId() { return crypto::RandomBytes(policy::kIdBytes); }

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_LEDGER_NAMES_H_
