// SPDX-License-Identifier: Apache-2.0
// Proof files (audit/proof_file.h): what is read is printed back byte for byte, and what verifies
// is a proof of exactly the length that its sizes need.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "audit/proof_file.h"
#include "audit/proofs.h"

namespace {

using namespace kluis::audit;

// The golden log's key (tests/unit/audit_checkpoint_test.cc).
constexpr std::string_view kKey =
    "vault.example/audit+99f33cb1+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const VerifierKey key = *VerifierKey::Parse(kKey);
  static const Hash leaf = LeafHash("entry 17");
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto proof = ParseProofFile(input);
  if (!proof.ok()) return 0;
  Require(*FormatProofFile(*proof) == input);
  const auto proven = VerifyProofFile(*proof, leaf, key, {}, 0);
  if (proven.ok()) {
    Require(proof->index < proven->checkpoint.size);
    Require(proof->hashes.size() == InclusionProofLength(proof->index, proven->checkpoint.size));
  }
  return 0;
}
