// SPDX-License-Identifier: Apache-2.0
// Feeds bytes to what reads a witness's answers: cosignature lines (200) and a size (409); and, as
// the witness, the call itself. Each form has one spelling, and nothing but the witness's own
// signature counts as its cosignature.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "audit/note.h"
#include "audit/verifier_key.h"
#include "audit/witness/add_checkpoint.h"
#include "audit/witness/cosignature.h"
#include "crypto/ed25519.h"

namespace {

using namespace kluis;

constexpr std::string_view kText =
    "example.test/log\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  // A key of this run: nobody else can have signed with it.
  static const crypto::SigningKey key = crypto::SigningKey::Generate();
  static const audit::VerifierKey witness = *audit::VerifierKey::Create(
      "witness.test", audit::KeyType::kEd25519Cosignature, key.public_key());
  static const std::string own =
      audit::FormatSignatureLine(*audit::CosignText(kText, "witness.test", key, 1'800'000'000));

  for (const std::string& lines : {std::string(input), std::string(input) + own}) {
    const auto signatures = audit::ParseSignatureLines(lines);
    if (!signatures.ok()) continue;
    Require(!signatures->empty() && signatures->size() <= audit::kMaxNoteSignatures);
    std::string printed;
    for (const auto& signature : *signatures) printed += audit::FormatSignatureLine(signature);
    Require(printed == lines);
    const auto found = audit::FindCosignature(*signatures, kText, witness);
    Require(!found.ok() || lines.ends_with(own));
    if (found.ok()) Require(*audit::CosignatureTime(*found) == 1'800'000'000);
  }
  if (const auto tree = audit::ParseTreeSize(input); tree.ok()) {
    Require(audit::FormatTreeSize(*tree) == input);
  }
  if (const auto call = audit::ParseAddCheckpoint(input); call.ok()) {
    Require(call->proof.size() <= audit::kMaxConsistencyLines);
    Require(*audit::FormatAddCheckpoint(*call) == input);
  }
  return 0;
}
