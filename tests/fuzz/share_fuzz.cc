// SPDX-License-Identifier: Apache-2.0
// Feeds bytes to the parser of shares that people type in. What is accepted has one spelling but
// for white space and capitals: printing it and parsing that gives the same share.
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "crypto/share_text.h"

namespace {

using namespace kluis::crypto;

void Require(bool holds) {
  if (!holds) std::abort();
}

std::string_view Text(const SecretBytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.Expose().data()), bytes.size()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  (void)IsBech32m(input);
  const auto share = ParseShare(input);
  if (!share.ok()) {
    // No message repeats what was typed: there are two.
    const std::string message(share.status().message());
    Require(message == "share: not a share of Kluis" ||
            message == "share: mistyped or cut off, its checksum does not hold");
    return 0;
  }
  Require(share->value.size() == kShareBytes);
  const auto printed = FormatShare(share->label, share->value.Expose());
  Require(printed.ok() && IsBech32m(Text(*printed)));
  std::string typed;
  for (const char c : input) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isspace(byte) == 0) typed += static_cast<char>(std::tolower(byte));
  }
  Require(Text(*printed) == typed);
  const auto again = ParseShare(Text(*printed));
  Require(again.ok() && again->value.ConstantTimeEquals(share->value));
  return 0;
}
