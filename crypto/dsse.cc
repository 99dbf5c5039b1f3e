// SPDX-License-Identifier: Apache-2.0
#include "crypto/dsse.h"

#include "absl/strings/str_cat.h"

namespace kluis::crypto {

std::string Pae(std::string_view payload_type, std::string_view payload) {
  std::string pae = absl::StrCat("DSSEv1 ", payload_type.size(), " ");
  pae.append(payload_type);
  absl::StrAppend(&pae, " ", payload.size(), " ");
  pae.append(payload);
  return pae;
}

}  // namespace kluis::crypto
