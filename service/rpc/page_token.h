// SPDX-License-Identifier: Apache-2.0
// Page tokens: opaque, and of use only to the caller they were given to (AIP-158). They hold how
// many results to skip, authenticated with a key of this process; after a restart a list begins
// anew. Thread-safe.
#ifndef KLUIS_SERVICE_RPC_PAGE_TOKEN_H_
#define KLUIS_SERVICE_RPC_PAGE_TOKEN_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "service/callers/identity.h"

namespace kluis::service {

class PageTokens {
 public:
  explicit PageTokens(const Peer& peer);

  std::string Make(uint64_t skip) const;

  // How many to skip; 0 for an empty token. kInvalidArgument: not a token of this caller.
  absl::StatusOr<uint64_t> Read(std::string_view token) const;

 private:
  std::string owner_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RPC_PAGE_TOKEN_H_
