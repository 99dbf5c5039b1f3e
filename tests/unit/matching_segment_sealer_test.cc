// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/codec.h"
#include "matching/segment_sealer.h"

namespace kluis::matching::segment_sealer_test {
namespace {

using Cipher = SegmentSealer::Cipher;
using Bytes = std::vector<std::uint8_t>;

constexpr Cipher kCiphers[] = {Cipher::kAesGcmIpsecMb, Cipher::kAesGcmOpenSsl,
                               Cipher::kXChaCha20Sodium};
constexpr Cipher kGcmCiphers[] = {Cipher::kAesGcmIpsecMb, Cipher::kAesGcmOpenSsl};

std::unique_ptr<SegmentSealer> Sealer(Cipher cipher, std::uint8_t key_byte) {
  std::array<std::uint8_t, SegmentSealer::kKeyBytes> key;
  key.fill(key_byte);
  auto sealer = SegmentSealer::Create(cipher, key);
  return sealer.ok() ? *std::move(sealer) : nullptr;
}

Bytes Pattern(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 37 + 11);
  return bytes;
}

Bytes Sealed(SegmentSealer& sealer, std::uint64_t counter, const Bytes& owner, const Bytes& plain) {
  Bytes sealed(plain.size() + SegmentSealer::kTagBytes);
  EXPECT_TRUE(sealer.Seal(counter, owner, plain, sealed));
  return sealed;
}

std::string Hex(const Bytes& bytes) {
  return base::ToHex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

class SealerOf : public testing::TestWithParam<Cipher> {
 protected:
  void SetUp() override {
    if (!SegmentSealer::IsAvailable(GetParam()))
      GTEST_SKIP() << "the library or the instructions of this cipher are not there";
    sealer_ = Sealer(GetParam(), 7);
    ASSERT_NE(sealer_, nullptr);
  }

  std::unique_ptr<SegmentSealer> sealer_;
};

TEST_P(SealerOf, OpensWhatItSealedOfEveryLength) {
  for (std::size_t size = 0; size < 300; ++size) {
    const Bytes plain = Pattern(size);
    const Bytes sealed = Sealed(*sealer_, size + 1, {1, 2, 3}, plain);
    Bytes opened(size, 0xff);
    ASSERT_TRUE(sealer_->Open(size + 1, Bytes{1, 2, 3}, sealed, opened)) << size;
    ASSERT_EQ(opened, plain);
  }
}

TEST_P(SealerOf, RefusesEverySingleAlteredBitAndLeavesZeros) {
  const Bytes plain = Pattern(200);
  Bytes sealed = Sealed(*sealer_, 5, {9}, plain);
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    sealed[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    Bytes opened(plain.size(), 0xff);
    ASSERT_FALSE(sealer_->Open(5, Bytes{9}, sealed, opened)) << "bit " << bit;
    ASSERT_EQ(opened, Bytes(plain.size(), 0));
    sealed[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  }
  Bytes opened(plain.size());
  EXPECT_TRUE(sealer_->Open(5, Bytes{9}, sealed, opened));
}

TEST_P(SealerOf, RefusesAnotherCounterOwnerOrKey) {
  const Bytes plain = Pattern(64);
  const Bytes sealed = Sealed(*sealer_, 5, {9}, plain);
  Bytes opened(plain.size());
  EXPECT_FALSE(sealer_->Open(4, Bytes{9}, sealed, opened));
  EXPECT_FALSE(sealer_->Open(5 + (std::uint64_t{1} << 63), Bytes{9}, sealed, opened));
  EXPECT_FALSE(sealer_->Open(5, Bytes{8}, sealed, opened));
  EXPECT_FALSE(sealer_->Open(5, Bytes{}, sealed, opened));
  EXPECT_FALSE(Sealer(GetParam(), 8)->Open(5, Bytes{9}, sealed, opened));
  EXPECT_TRUE(sealer_->Open(5, Bytes{9}, sealed, opened));
}

TEST_P(SealerOf, RefusesSizesThatDoNotFit) {
  const Bytes plain = Pattern(64);
  Bytes short_by_one(plain.size() + SegmentSealer::kTagBytes - 1);
  EXPECT_FALSE(sealer_->Seal(1, {}, plain, short_by_one));
  const Bytes sealed = Sealed(*sealer_, 1, {}, plain);
  Bytes opened(plain.size() + 1);
  EXPECT_FALSE(sealer_->Open(1, {}, sealed, opened));
  EXPECT_FALSE(sealer_->Open(1, {}, Bytes(3), opened));
}

TEST_P(SealerOf, SealsTheSameTextDifferentlyUnderEveryCounter) {
  const Bytes plain = Pattern(64);
  EXPECT_NE(Sealed(*sealer_, 1, {}, plain), Sealed(*sealer_, 2, {}, plain));
}

INSTANTIATE_TEST_SUITE_P(All, SealerOf, testing::ValuesIn(kCiphers));

// The GCM specification (McGrew and Viega), test case 14: key, nonce and one block of zeros.
TEST(SegmentSealer, GivesThePublishedGcmVector) {
  for (const Cipher cipher : kGcmCiphers) {
    if (!SegmentSealer::IsAvailable(cipher)) continue;
    EXPECT_EQ(Hex(Sealed(*Sealer(cipher, 0), 0, {}, Bytes(16))),
              "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
  }
}

TEST(SegmentSealer, GivesTheSameGcmBytesFromEveryLibrary) {
  std::vector<std::unique_ptr<SegmentSealer>> sealers;
  for (const Cipher cipher : kGcmCiphers) {
    if (SegmentSealer::IsAvailable(cipher)) sealers.push_back(Sealer(cipher, 3));
  }
  if (sealers.size() < 2) GTEST_SKIP() << "no two libraries on this machine";
  for (const std::size_t size : {0, 1, 15, 16, 17, 127, 255, 257, 568, 1024, 65536, 67072}) {
    const Bytes plain = Pattern(size);
    for (const std::unique_ptr<SegmentSealer>& one : sealers) {
      const Bytes sealed = Sealed(*one, size + 9, {4, 5}, plain);
      for (const std::unique_ptr<SegmentSealer>& other : sealers) {
        EXPECT_EQ(sealed, Sealed(*other, size + 9, {4, 5}, plain)) << size;
        Bytes opened(size);
        EXPECT_TRUE(other->Open(size + 9, Bytes{4, 5}, sealed, opened));
        EXPECT_EQ(opened, plain);
      }
    }
  }
}

TEST(SegmentSealer, PrefersACipherThatIsAvailable) {
  EXPECT_TRUE(SegmentSealer::IsAvailable(SegmentSealer::Preferred()));
}

}  // namespace
}  // namespace kluis::matching::segment_sealer_test
