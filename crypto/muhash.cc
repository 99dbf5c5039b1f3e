// SPDX-License-Identifier: Apache-2.0
#include "crypto/muhash.h"

#include <gmp.h>
#include <sodium.h>

#include <bit>
#include <cstring>

namespace kluis::crypto {
namespace {

static_assert(sizeof(mp_limb_t) == sizeof(std::uint64_t) && GMP_NAIL_BITS == 0);
static_assert(std::endian::native == std::endian::little);

constexpr mp_limb_t kBelow = 1'103'717;  // the modulus is 2^3072 minus this

// GMP's limbs and ours are the same 64 bits.
mp_limb_t* Limbs(std::uint64_t* number) { return reinterpret_cast<mp_limb_t*>(number); }
const mp_limb_t* Limbs(const std::uint64_t* number) {
  return reinterpret_cast<const mp_limb_t*>(number);
}

class BigInteger {
 public:
  BigInteger() { mpz_init(value_); }
  ~BigInteger() { mpz_clear(value_); }
  BigInteger(const BigInteger&) = delete;
  BigInteger& operator=(const BigInteger&) = delete;
  mpz_ptr get() { return value_; }

 private:
  mpz_t value_;
};

}  // namespace

MuHash::MuHash() : added_{1}, removed_{1} {}

MuHash::Number MuHash::Element(std::initializer_list<std::string_view> parts) {
  static_assert(crypto_stream_chacha20_KEYBYTES == sizeof(Hash));
  const Hash key = Sha256(parts);
  const unsigned char nonce[crypto_stream_chacha20_NONCEBYTES] = {};
  Number number;
  crypto_stream_chacha20(reinterpret_cast<unsigned char*>(number.data()), sizeof(number), nonce,
                         key.data());
  return number;
}

void MuHash::Multiply(Number& number, const Number& factor) {
  mp_limb_t product[2 * kLimbs];
  mpn_mul_n(product, Limbs(number.data()), Limbs(factor.data()), kLimbs);
  // high * 2^3072 + low is high * kBelow + low, modulo the prime.
  mp_limb_t carry = mpn_addmul_1(product, product + kLimbs, kLimbs, kBelow);
  while (carry != 0) {  // at most twice
    mp_limb_t more[2];
    more[1] = mpn_mul_1(more, &carry, 1, kBelow);
    carry = mpn_add(product, product, kLimbs, more, 2);
  }
  std::memcpy(number.data(), product, sizeof(number));
}

void MuHash::Add(std::initializer_list<std::string_view> parts) {
  Multiply(added_, Element(parts));
}

void MuHash::Remove(std::initializer_list<std::string_view> parts) {
  Multiply(removed_, Element(parts));
}

void MuHash::Merge(const MuHash& other) {
  Multiply(added_, other.added_);
  Multiply(removed_, other.removed_);
}

Hash MuHash::Value() const {
  BigInteger prime;
  BigInteger value;
  BigInteger inverse;
  mpz_setbit(prime.get(), 64 * kLimbs);
  mpz_sub_ui(prime.get(), prime.get(), kBelow);
  mpz_import(value.get(), kLimbs, -1, sizeof(std::uint64_t), 0, 0, added_.data());
  mpz_import(inverse.get(), kLimbs, -1, sizeof(std::uint64_t), 0, 0, removed_.data());
  mpz_invert(inverse.get(), inverse.get(), prime.get());
  mpz_mul(value.get(), value.get(), inverse.get());
  mpz_mod(value.get(), value.get(), prime.get());
  Number number{};
  mpz_export(number.data(), nullptr, -1, sizeof(std::uint64_t), 0, 0, value.get());
  return Sha256({std::string_view(reinterpret_cast<const char*>(number.data()), sizeof(number))});
}

}  // namespace kluis::crypto
