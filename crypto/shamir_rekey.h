// SPDX-License-Identifier: Apache-2.0
// New shares for a new secret, at founding and whenever the holders change, in two phases: all new
// shares are handed out and brought back, each proven; only then is there a wrapper. Until the
// root key is wrapped by it and that is durable, the old shares open the vault; nothing here
// touches them. The secret itself is not kept in between: it is made again of the shares brought
// back. Dropping this object ends the rekey without a trace. Not thread-safe: the owner locks.
#ifndef KLUIS_CRYPTO_SHAMIR_REKEY_H_
#define KLUIS_CRYPTO_SHAMIR_REKEY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/root_wrapper.h"
#include "crypto/secret_bytes.h"
#include "crypto/shamir_set.h"

namespace kluis::crypto {

class ShareRekey {
 public:
  struct Begun;

  // Draws a secret and splits it into n shares of which k suffice. `generation` is one more than
  // that of the shares in force; 1 at founding. `hint` as of ShareHint.
  // kInvalidArgument: k, n, hint or generation out of bounds.
  static absl::StatusOr<Begun> Begin(std::string_view hint, uint32_t generation, size_t k,
                                     size_t n);

  // One new share, brought back by its holder. kInvalidArgument, kPermissionDenied: as CheckShare.
  // kAlreadyExists: proven before. A refused share changes nothing. `need` is n: all of them.
  absl::StatusOr<ShareProgress> Prove(std::string_view text);

  ShareProgress progress() const;

  // The numbers of the shares that are not proven yet, for a message.
  std::vector<uint8_t> Missing() const;

  // The wrapper under the new shares, once all are proven. kFailedPrecondition: some are not; the
  // message names them. kInternal: the shares do not give one secret.
  absl::StatusOr<std::unique_ptr<RootWrapper>> Commit() const;

  const ShareHeader& header() const { return header_; }

 private:
  explicit ShareRekey(ShareHeader header);

  ShareHeader header_;
  std::vector<Share> proven_;
};

struct ShareRekey::Begun {
  ShareRekey rekey;
  std::vector<SecretBytes> texts;  // of share 1 to n, as FormatShare; to be dropped when handed out
};

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_SHAMIR_REKEY_H_
