// SPDX-License-Identifier: Apache-2.0
#include "crypto/shamir_set.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/little_endian.h"
#include "crypto/derive.h"

namespace kluis::crypto {
namespace {

constexpr Label kShareLabel("kluis-share");
constexpr size_t kSetFixedBytes = 32 + 4 + 1 + 1 + 1;

uint8_t ByteAt(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }

absl::Status NotAHeader() { return absl::DataLossError("shares: not a header of shares"); }

}  // namespace

std::string ShareHeader::Serialize() const {
  std::string bytes(Bytes(salt));
  std::array<uint8_t, 4> number;
  base::PutU32(generation, number.data());
  bytes.append(reinterpret_cast<const char*>(number.data()), number.size());
  bytes.push_back(static_cast<char>(needed));
  bytes.push_back(static_cast<char>(commitments.size()));
  bytes.push_back(static_cast<char>(hint.size()));
  bytes.append(hint);
  for (const Hash& commitment : commitments) bytes.append(Bytes(commitment));
  return bytes;
}

absl::StatusOr<ShareHeader> ShareHeader::Parse(std::string_view bytes) {
  if (bytes.size() < kSetFixedBytes) return NotAHeader();
  ShareHeader header;
  std::memcpy(header.salt.data(), bytes.data(), header.salt.size());
  header.generation = base::GetU32(reinterpret_cast<const uint8_t*>(bytes.data()) + 32);
  header.needed = ByteAt(bytes, 36);
  const size_t count = ByteAt(bytes, 37);
  const size_t hint_bytes = ByteAt(bytes, 38);
  if (header.needed < kMinNeededShares || header.needed > count || count > kMaxShares ||
      hint_bytes == 0 || hint_bytes > kMaxHintBytes || header.generation == 0 ||
      header.generation > kMaxShareGeneration ||
      bytes.size() != kSetFixedBytes + hint_bytes + 32 * count) {
    return NotAHeader();
  }
  header.hint = std::string(bytes.substr(kSetFixedBytes, hint_bytes));
  if (ShareHint(header.hint) != header.hint) return NotAHeader();
  header.commitments.resize(count);
  for (size_t i = 0; i < count; ++i) {
    std::memcpy(header.commitments[i].data(), bytes.data() + kSetFixedBytes + hint_bytes + 32 * i,
                32);
  }
  return header;
}

absl::StatusOr<ShareHeader> ShareHeader::OfWrapped(std::string_view wrapped) {
  const absl::StatusOr<WrappedRoot> parts = ParseWrapped(wrapped);
  if (!parts.ok()) return parts.status();
  if (parts->kind != WrapKind::kShares) {
    return absl::DataLossError("root key: not wrapped under shares");
  }
  return Parse(parts->header);
}

Hash CommitShare(const ShareHeader& header, const Share& share) {
  SecretBytes message = SecretBytes::Zero(4 + 3 + share.value.size());
  uint8_t* const out = message.ExposeMutable().data();
  base::PutU32(header.generation, out);
  out[4] = header.needed;
  out[5] = static_cast<uint8_t>(header.commitments.size());
  out[6] = share.index;
  std::memcpy(out + 7, share.value.Expose().data(), share.value.size());
  Hash commitment;
  KeyedBlake2b(header.salt, kShareLabel, message.Expose(), commitment);
  return commitment;
}

absl::StatusOr<LabeledShare> CheckShare(const ShareHeader& header, std::string_view text) {
  absl::StatusOr<LabeledShare> given = ParseShare(text);
  if (!given.ok()) return given.status();
  const ShareLabel& label = given->label;
  const auto refused = [&label](const std::string& why) {
    return absl::PermissionDeniedError(absl::StrCat(Describe(label), ": ", why));
  };
  if (label.hint != header.hint) {
    return refused(absl::StrCat("not of this vault, which is ", header.hint));
  }
  if (label.generation != header.generation) {
    return refused(absl::StrCat("this vault's shares are of generation ", header.generation));
  }
  if (label.index > header.commitments.size()) {
    return refused(absl::StrCat("this vault has ", header.commitments.size(), " shares"));
  }
  Share share{label.index, std::move(given->value)};
  const Hash commitment = CommitShare(header, share);
  if (sodium_memcmp(commitment.data(), header.commitments[share.index - 1U].data(),
                    commitment.size()) != 0) {
    return refused("altered, or not of this vault");
  }
  given->value = std::move(share.value);
  return given;
}

ShareSet::ShareSet(ShareHeader header) : header_(std::move(header)) {}

absl::StatusOr<ShareProgress> ShareSet::Add(std::string_view text) {
  absl::StatusOr<LabeledShare> given = CheckShare(header_, text);
  if (!given.ok()) return given.status();
  const auto same = [&](const Share& share) { return share.index == given->label.index; };
  if (std::any_of(shares_.begin(), shares_.end(), same)) {
    return absl::AlreadyExistsError(absl::StrCat(Describe(given->label), ": given before"));
  }
  if (shares_.size() < header_.needed) {
    shares_.push_back({given->label.index, std::move(given->value)});
  }
  return progress();
}

ShareProgress ShareSet::progress() const { return {shares_.size(), header_.needed}; }

void ShareSet::Clear() { shares_.clear(); }

absl::StatusOr<std::unique_ptr<RootWrapper>> ShareSet::Open() const {
  if (shares_.size() < header_.needed) {
    return absl::FailedPreconditionError(
        absl::StrCat("shares: ", shares_.size(), " of ", header_.needed, " given"));
  }
  absl::StatusOr<SecretBytes> secret = Interpolate(shares_, 0);
  if (!secret.ok()) return secret.status();
  return SecretWrapper::Create(WrapKind::kShares, header_.Serialize(), *std::move(secret));
}

}  // namespace kluis::crypto
