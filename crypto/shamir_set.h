// SPDX-License-Identifier: Apache-2.0
// The shares of one vault: what is known of them in the open, and the collecting of k of them. Each
// is checked when it arrives, so that a wrong one is refused at once and named.
//
// ShareHeader is the header of a root key wrapped under shares (root_wrapper.h), integers
// little-endian:
//   salt[32] | generation u32 | k u8 | n u8 | hint bytes u8 | hint | n x commitment[32]
//   commitment i = BLAKE2b-256(key = salt, person = "kluis-share",
//                              generation u32 | k u8 | n u8 | i u8 | value[32])
// A share is 256 random bits, so its commitment says nothing to whoever cannot guess those.
// Not thread-safe: the owner locks.
#ifndef KLUIS_CRYPTO_SHAMIR_SET_H_
#define KLUIS_CRYPTO_SHAMIR_SET_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/root_wrapper.h"
#include "crypto/secret_bytes.h"
#include "crypto/sha256.h"
#include "crypto/shamir.h"
#include "crypto/share_text.h"

namespace kluis::crypto {

struct ShareHeader {
  Hash salt;
  uint32_t generation;  // 1 to kMaxShareGeneration; counts rekeys, not punctures
  uint8_t needed;       // k
  std::string hint;
  std::vector<Hash> commitments;  // n of them; of share i at [i-1]

  std::string Serialize() const;

  // kDataLoss: not the form above, or k, n, hint or generation out of bounds.
  static absl::StatusOr<ShareHeader> Parse(std::string_view bytes);

  // Of a root key wrapped under shares. kDataLoss: not one.
  static absl::StatusOr<ShareHeader> OfWrapped(std::string_view wrapped);
};

Hash CommitShare(const ShareHeader& header, const Share& share);

// OK when the share belongs to the header's set. kInvalidArgument: mistyped, or no share of Kluis
// (share_text.h). kPermissionDenied: of another vault or generation, or altered; the message names
// the share by its label.
absl::StatusOr<LabeledShare> CheckShare(const ShareHeader& header, std::string_view text);

struct ShareProgress {
  size_t have;
  size_t need;
};

class ShareSet {
 public:
  explicit ShareSet(ShareHeader header);

  // One share in its text form. As CheckShare, and kAlreadyExists: given before. A refused share
  // changes nothing. One more than needed is checked and not kept.
  absl::StatusOr<ShareProgress> Add(std::string_view text);

  ShareProgress progress() const;

  // Forgets and wipes the shares given so far.
  void Clear();

  // The wrapper of the vault's root key, when k shares are there; the shares stay until Clear.
  // kFailedPrecondition: shares are missing, the message says how many.
  absl::StatusOr<std::unique_ptr<RootWrapper>> Open() const;

  const ShareHeader& header() const { return header_; }

 private:
  const ShareHeader header_;
  std::vector<Share> shares_;
};

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_SHAMIR_SET_H_
