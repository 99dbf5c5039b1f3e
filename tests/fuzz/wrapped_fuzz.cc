// SPDX-License-Identifier: Apache-2.0
// Feeds bytes to what reads a wrapped root key and the header of one under shares. A wrapped key
// has one spelling, and no bytes that were not wrapped open.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "crypto/root_wrapper.h"
#include "crypto/shamir_set.h"

namespace {

using namespace kluis::crypto;

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  // A secret of this run: what opens under it was made in this run.
  static const std::unique_ptr<RootWrapper> wrapper =
      *SecretWrapper::Create(WrapKind::kPassphrase, "header", SecretBytes::Random(32));
  Require(!wrapper->Unwrap(input).ok());
  if (const auto header = ShareHeader::Parse(input); header.ok()) {
    Require(header->Serialize() == input);
    Require(header->needed >= 1 && header->needed <= header->commitments.size());
  }
  const auto wrapped = ParseWrapped(input);
  if (!wrapped.ok()) {
    Require(!ShareHeader::OfWrapped(input).ok());
    return 0;
  }
  Require(WrappedPrefix(wrapped->kind, wrapped->header, wrapped->generation) ==
          wrapped->authenticated);
  Require(std::string(wrapped->authenticated) + std::string(wrapped->sealed) == input);
  if (const auto header = ShareHeader::OfWrapped(input); header.ok()) {
    Require(header->Serialize() == wrapped->header);
    // No text is a share of it but one that its commitments name.
    Require(!CheckShare(*header, "kluis-a-g1-s1-1qqqq").ok());
  }
  return 0;
}
