// SPDX-License-Identifier: Apache-2.0
// What is particular about some RPCs, by their full names ("kluis.v1.SubjectService.GetHoldings"):
// what goes on when others must wait, and what is kept of its answer. Pure functions, thread-safe.
#ifndef KLUIS_SERVICE_RPC_METHODS_H_
#define KLUIS_SERVICE_RPC_METHODS_H_

#include <string_view>

namespace kluis::service {

// Takes away and gives nothing: goes on where a witness knows another log.
bool IsRevocation(std::string_view method);

// What a sealed vault answers too. Those that need the keyring in some of their cases take a pass
// of their own.
bool WorksSealed(std::string_view method);

// Takes something away, or tells a person what is held: has room in reserve when the vault is full.
bool HasReserve(std::string_view method);

// Its answer names a person: it is kept nowhere. Who lost it asks anew, and is decided again.
bool NamesAPerson(std::string_view method);

// Signed by a subject: counts against its certificate only until the signature verifies.
bool IsSubjectRight(std::string_view method);

// An operator waits for it as long as it takes; only its answer has a deadline.
bool TakesItsTime(std::string_view method);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RPC_METHODS_H_
