// SPDX-License-Identifier: Apache-2.0
// A long honest log with a mix of everything that a vault does, for benches and for tests of
// length: enrolments, withdrawals, expiries and erasures, verifications, cases with their searches,
// candidates and disclosures, refusals, orders. The same seed gives the same acts; nonces and so
// hashes differ.
#ifndef KLUIS_TESTS_FAKES_LONG_LOG_H_
#define KLUIS_TESTS_FAKES_LONG_LOG_H_

#include <cstdint>
#include <string>

#include "audit/verifier_key.h"

namespace kluis::audit {

// Writes a log of `entries` or a few more into `directory`, which exists: checkpoint, bundles and
// tiles of all levels, as an export has them. About 20,000 entries a second; the state is in
// memory. Returns the log's key.
VerifierKey WriteLongLog(const std::string& directory, uint64_t entries, uint64_t seed);

}  // namespace kluis::audit

#endif  // KLUIS_TESTS_FAKES_LONG_LOG_H_
