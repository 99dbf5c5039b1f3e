// SPDX-License-Identifier: Apache-2.0
// Inclusion and consistency proofs of the log. Pure functions, thread-safe.
// Source: proofs in the order of RFC 6962 s.2.1.1 and s.2.1.2; verification by the algorithms of
// RFC 9162 s.2.1.3.2 and s.2.1.4.2, which never follow the prover's recursion.
#ifndef KLUIS_AUDIT_PROOFS_H_
#define KLUIS_AUDIT_PROOFS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "audit/merkle.h"

namespace kluis::audit {

// Hashes in the inclusion proof of leaf `index` in the tree of `size` leaves:
// b + popcount(index >> b) with b = bitlen(index XOR (size - 1)); at most 64. Requires index <
// size.
size_t InclusionProofLength(uint64_t index, uint64_t size);

// The proof that leaf `index` is in the tree of `size` leaves, nearest sibling first.
// Reads at most 128 nodes. kInvalidArgument: index >= size. Errors of `read` are passed on.
absl::StatusOr<std::vector<Hash>> ProveInclusion(uint64_t index, uint64_t size,
                                                 const NodeReader& read);

// The proof that the tree of `new_size` leaves extends the tree of `old_size` leaves; empty when
// old_size is 0 or equals new_size. Reads at most 128 nodes, gives at most 65 hashes.
// kInvalidArgument: old_size > new_size. Errors of `read` are passed on.
absl::StatusOr<std::vector<Hash>> ProveConsistency(uint64_t old_size, uint64_t new_size,
                                                   const NodeReader& read);

// OK when `proof` shows that `leaf_hash` is leaf `index` of the tree of `size` leaves under `root`.
// kInvalidArgument: index >= size, or a proof that is not exactly InclusionProofLength hashes long.
// kDataLoss: the proof leads to another root.
absl::Status VerifyInclusion(const Hash& leaf_hash, uint64_t index, uint64_t size,
                             std::span<const Hash> proof, const Hash& root);

// OK when `proof` shows that the tree (new_size, new_root) extends (old_size, old_root). Sizes that
// are equal, or an old size of 0, need an empty proof; the old root of size 0 is EmptyRoot().
// kInvalidArgument: old_size > new_size, or a proof that is too short or too long for the sizes.
// kDataLoss: the proof leads to another old or new root.
absl::Status VerifyConsistency(uint64_t old_size, const Hash& old_root, uint64_t new_size,
                               const Hash& new_root, std::span<const Hash> proof);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_PROOFS_H_
