// SPDX-License-Identifier: Apache-2.0
#include "crypto/shamir_rekey.h"

#include <sodium.h>

#include <algorithm>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "crypto/memory.h"

namespace kluis::crypto {

absl::StatusOr<ShareRekey::Begun> ShareRekey::Begin(std::string_view hint, uint32_t generation,
                                                    size_t k, size_t n) {
  EnsureSodium();
  const SecretBytes secret = SecretBytes::Random(kShareBytes);
  const absl::StatusOr<std::vector<Share>> shares = Split(secret.Expose(), k, n);
  if (!shares.ok()) return shares.status();
  ShareHeader header{.salt = {},
                     .generation = generation,
                     .needed = static_cast<uint8_t>(k),
                     .hint = std::string(hint),
                     .commitments = std::vector<Hash>(n)};
  randombytes_buf(header.salt.data(), header.salt.size());
  std::vector<SecretBytes> texts;
  for (const Share& share : *shares) {
    absl::StatusOr<SecretBytes> text =
        FormatShare({header.hint, generation, share.index}, share.value.Expose());
    if (!text.ok()) return text.status();
    texts.push_back(*std::move(text));
    header.commitments[share.index - 1U] = CommitShare(header, share);
  }
  return Begun{ShareRekey(std::move(header)), std::move(texts)};
}

ShareRekey::ShareRekey(ShareHeader header) : header_(std::move(header)) {}

absl::StatusOr<ShareProgress> ShareRekey::Prove(std::string_view text) {
  absl::StatusOr<LabeledShare> given = CheckShare(header_, text);
  if (!given.ok()) return given.status();
  const auto same = [&](const Share& share) { return share.index == given->label.index; };
  if (std::any_of(proven_.begin(), proven_.end(), same)) {
    return absl::AlreadyExistsError(absl::StrCat(Describe(given->label), ": proven before"));
  }
  proven_.push_back({given->label.index, std::move(given->value)});
  return progress();
}

ShareProgress ShareRekey::progress() const { return {proven_.size(), header_.commitments.size()}; }

std::vector<uint8_t> ShareRekey::Missing() const {
  std::vector<uint8_t> missing;
  for (size_t i = 1; i <= header_.commitments.size(); ++i) {
    const auto same = [i](const Share& share) { return share.index == i; };
    if (std::none_of(proven_.begin(), proven_.end(), same)) {
      missing.push_back(static_cast<uint8_t>(i));
    }
  }
  return missing;
}

absl::StatusOr<std::unique_ptr<RootWrapper>> ShareRekey::Commit() const {
  const std::vector<uint8_t> missing = Missing();
  if (!missing.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("rekey: not proven yet: share ", absl::StrJoin(missing, ", ")));
  }
  absl::StatusOr<SecretBytes> secret = Interpolate(std::span(proven_).first(header_.needed), 0);
  // Any k give the secret, so all n together must give the same.
  const absl::StatusOr<SecretBytes> of_all = Interpolate(proven_, 0);
  if (!secret.ok() || !of_all.ok() || !secret->ConstantTimeEquals(*of_all)) {
    return absl::InternalError("rekey: the shares do not give one secret");
  }
  return SecretWrapper::Create(WrapKind::kShares, header_.Serialize(), *std::move(secret));
}

}  // namespace kluis::crypto
