// SPDX-License-Identifier: Apache-2.0
// Checkpoints as text and as signed notes (audit/checkpoint.h): what is read is printed back byte
// for byte, and nobody but the key's holder has signed.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "audit/checkpoint.h"

namespace {

using namespace kluis::audit;

// The golden log's key (tests/unit/audit_checkpoint_test.cc).
constexpr std::string_view kOrigin = "vault.example/audit";
constexpr std::string_view kKey =
    "vault.example/audit+99f33cb1+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<VerifierKey> keys = {*VerifierKey::Parse(kKey)};
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto checkpoint = ParseCheckpoint(input); checkpoint.ok()) {
    Require(*FormatCheckpoint(*checkpoint) == input);
  }
  if (const auto opened = OpenCheckpoint(input, kOrigin, keys); opened.ok()) {
    Require(opened->checkpoint.origin == kOrigin);
    Require(opened->signatures.size() == 1);
    const auto note = ParseNote(input);
    Require(note.ok() && *FormatCheckpoint(opened->checkpoint) == note->text);
  }
  return 0;
}
