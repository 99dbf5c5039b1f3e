// SPDX-License-Identifier: Apache-2.0
// What a signed statement signs: the exact payload with its type, so a consent can never pass for a
// warrant. Envelopes themselves, their JSON and their signatures, are audit/statement.h's.
// Stateless and thread-safe.
// Source: DSSE v1.0.2, protocol.md (secure-systems-lab/dsse).
#ifndef KLUIS_CRYPTO_DSSE_H_
#define KLUIS_CRYPTO_DSSE_H_

#include <string>
#include <string_view>

namespace kluis::crypto {

// "DSSEv1 <len(type)> <type> <len(payload)> <payload>", lengths in decimal bytes.
std::string Pae(std::string_view payload_type, std::string_view payload);

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_DSSE_H_
