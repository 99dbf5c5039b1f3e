// SPDX-License-Identifier: Apache-2.0
// MuHash3072: a digest of a multiset that follows additions and removals in any order, each in a
// microsecond or two whatever the size of the set.
//
// An element is hashed to a number modulo the prime 2^3072 - 1103717: SHA-256 of its bytes is the
// key of a ChaCha20 stream of 384 bytes, read little-endian. The set is the product of its
// elements; a removed element is divided out. Two sets with one digest would need a relation
// between products of random group elements, as hard as discrete logarithms in that group.
// Source: Bellare and Micciancio, "A New Paradigm for Collision-Free Hashing" (Eurocrypt 1997);
// the parameters and the vectors are those of Bitcoin Core's MuHash3072. Arithmetic: GMP.
// A value; one object belongs to one thread at a time.
#ifndef KLUIS_CRYPTO_MUHASH_H_
#define KLUIS_CRYPTO_MUHASH_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "crypto/sha256.h"

namespace kluis::crypto {

class MuHash {
 public:
  // The empty set.
  MuHash();

  // The element is the parts one after another, with no separator: a caller whose parts vary in
  // length must frame them itself. Removing what was never added leaves a set that "owes" it.
  void Add(std::initializer_list<std::string_view> parts);
  void Remove(std::initializer_list<std::string_view> parts);

  // Adds and removes all that `other` did.
  void Merge(const MuHash& other);

  // 32 bytes: SHA-256 of the product, little-endian. About 0.1 ms.
  Hash Value() const;

 private:
  static constexpr std::size_t kLimbs = 3072 / 64;
  using Number = std::array<std::uint64_t, kLimbs>;  // least limb first; at most 2^3072 - 1

  static Number Element(std::initializer_list<std::string_view> parts);
  static void Multiply(Number& number, const Number& factor);

  Number added_;
  Number removed_;
};

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_MUHASH_H_
