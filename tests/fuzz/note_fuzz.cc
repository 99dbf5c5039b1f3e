// SPDX-License-Identifier: Apache-2.0
// Feeds bytes to the parsers of notes, checkpoints, verifier keys and tile paths. What is accepted
// must print back byte for byte, as each of these formats has one spelling; and nothing but the
// signed original may verify under the published key.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "audit/checkpoint.h"
#include "audit/note.h"
#include "audit/tiles.h"
#include "audit/verifier_key.h"

namespace {

using namespace kluis::audit;

constexpr std::string_view kKey =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
constexpr std::string_view kSignedText = "This is an example message.\n";

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<VerifierKey> keys = {*VerifierKey::Parse(kKey)};
  const std::string_view input(reinterpret_cast<const char*>(data), size);

  if (const auto note = ParseNote(input); note.ok()) {
    Require(*FormatNote(*note) == input);
    if (VerifyNote(*note, keys).ok()) Require(note->text == kSignedText);
    Require(!OpenCheckpoint(input, "example.com/foo", keys).ok());
    if (const auto inner = ParseCheckpoint(note->text); inner.ok()) {
      Require(*FormatCheckpoint(*inner) == note->text);
    }
  }
  if (const auto line = ParseSignatureLine(input); line.ok()) {
    const std::string printed = FormatSignatureLine(*line);
    Require(printed == input || printed.substr(0, printed.size() - 1) == input);
  }
  if (const auto checkpoint = ParseCheckpoint(input); checkpoint.ok()) {
    Require(*FormatCheckpoint(*checkpoint) == input);
  }
  if (const auto key = VerifierKey::Parse(input); key.ok()) Require(key->ToString() == input);
  if (const auto tile = ParseTilePath(input); tile.ok()) Require(*TilePath(*tile) == input);
  if (const auto entries = DecodeEntryBundle(input, 2); entries.ok()) {
    Require(*EncodeEntryBundle(*entries) == input);
  }
  return 0;
}
