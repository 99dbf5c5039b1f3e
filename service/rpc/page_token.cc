// SPDX-License-Identifier: Apache-2.0
#include "service/rpc/page_token.h"

#include "absl/strings/str_cat.h"
#include "base/codec.h"
#include "crypto/envelope.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

const crypto::Envelope& ProcessKey() {
  static const crypto::Envelope envelope =
      *crypto::Envelope::Create(crypto::SecretBytes::Random(32));
  return envelope;
}

}  // namespace

PageTokens::PageTokens(const Peer& peer)
    : owner_(absl::StrCat("page/", static_cast<int>(peer.role), "/", peer.name)) {}

std::string PageTokens::Make(uint64_t skip) const {
  return base::ToBase64(ProcessKey().Seal(storage::EncodeU64(skip), owner_).value_or(""));
}

absl::StatusOr<uint64_t> PageTokens::Read(std::string_view token) const {
  if (token.empty()) return 0;
  const absl::Status foreign = absl::InvalidArgumentError(
      "page_token: is not one that this caller was given; ask for the first page again");
  const absl::StatusOr<std::string> sealed = base::FromBase64(token);
  if (!sealed.ok()) return foreign;
  const absl::StatusOr<crypto::SecretBytes> opened = ProcessKey().Open(*sealed, owner_);
  if (!opened.ok()) return foreign;
  const auto skip =
      storage::DecodeU64({reinterpret_cast<const char*>(opened->Expose().data()), opened->size()});
  if (!skip.has_value()) return foreign;
  return *skip;
}

}  // namespace kluis::service
