// SPDX-License-Identifier: Apache-2.0
// The digest of a state: of its records as a multiset, so that it follows every write and does not
// depend on their order. It stands in the closing entry of each checkpoint; a replay compares its
// own fold with it, and the vault its database.
//
// An element is u32 length of the key, big-endian | key | value. Construction: crypto/muhash.h.
// A value; one object belongs to one thread at a time.
#ifndef KLUIS_AUDIT_STATE_DIGEST_H_
#define KLUIS_AUDIT_STATE_DIGEST_H_

#include <string_view>

#include "crypto/muhash.h"
#include "crypto/sha256.h"

namespace kluis::audit {

class StateDigest {
 public:
  // A record came or went. One that changes is removed and added. Below 2^32 bytes of key.
  void Add(std::string_view key, std::string_view value);
  void Remove(std::string_view key, std::string_view value);

  // Follows all that `other` did.
  void Merge(const StateDigest& other) { hash_.Merge(other.hash_); }

  // 32 bytes. About 0.1 ms.
  crypto::Hash Value() const { return hash_.Value(); }

 private:
  crypto::MuHash hash_;
};

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_STATE_DIGEST_H_
