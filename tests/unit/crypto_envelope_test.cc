// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "crypto/envelope.h"
#include "crypto/random.h"

namespace kluis::crypto::envelope_test {
namespace {

using absl::StatusCode;

std::string_view Text(const SecretBytes& secret) {
  return {reinterpret_cast<const char*>(secret.Expose().data()), secret.size()};
}

Envelope NewEnvelope() { return Envelope::Create(SecretBytes::Random(32)).value(); }

// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
TEST(EnvelopeOpen, MatchesThePublishedVector) {
  SecretBytes key = SecretBytes::Zero(32);
  for (size_t i = 0; i < 32; ++i) key.ExposeMutable()[i] = static_cast<uint8_t>(0x80 + i);
  const auto envelope = Envelope::Create(std::move(key));
  ASSERT_TRUE(envelope.ok());
  const std::string sealed =
      base::FromHex(
          "404142434445464748494a4b4c4d4e4f5051525354555657"
          "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f"
          "4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f"
          "76b2383565d3fff921f9664c97637da9768812f615c68b13b52e"
          "c0875924c1c7987947deafd8780acf49")
          .value();
  const auto plain = envelope->Open(sealed, base::FromHex("50515253c0c1c2c3c4c5c6c7").value());
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(Text(*plain),
            "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
            "future, sunscreen would be it.");
}

TEST(Envelope, OpensWhatItSealed) {
  const Envelope envelope = NewEnvelope();
  for (const size_t size : {size_t{1}, size_t{512}, size_t{65536}, kMaxSealedPlainBytes}) {
    const std::string plain(size, 'p');
    const auto sealed = envelope.Seal(plain, "owner");
    ASSERT_TRUE(sealed.ok());
    EXPECT_EQ(sealed->size(), size + kSealOverheadBytes);
    const auto opened = envelope.Open(*sealed, "owner");
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(Text(*opened), plain);
  }
}

TEST(Envelope, AndTheShortKeyFormAreTheSame) {
  const SecretBytes key = SecretBytes::Random(32);
  const auto envelope = Envelope::Create(SecretBytes::CopyOf(key.Expose()));
  const auto sealed = SealWith(key.Expose().first<32>(), "plain", "owner");
  ASSERT_TRUE(sealed.ok());
  EXPECT_TRUE(envelope->Open(*sealed, "owner").ok());
  EXPECT_TRUE(OpenWith(key.Expose().first<32>(), *envelope->Seal("plain", "owner"), "owner").ok());
}

TEST(EnvelopeSeal, NeverUsesANonceTwice) {
  const Envelope envelope = NewEnvelope();
  std::set<std::string> nonces;
  for (int i = 0; i < 1000; ++i) nonces.insert(envelope.Seal("same", "owner")->substr(0, 24));
  EXPECT_EQ(nonces.size(), 1000u);
}

TEST(EnvelopeOpen, RefusesEveryAlteredBit) {
  const Envelope envelope = NewEnvelope();
  std::string sealed = envelope.Seal("template", "owner").value();
  for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    const char before = sealed[bit / 8];
    sealed[bit / 8] = static_cast<char>(before ^ (1 << bit % 8));
    EXPECT_EQ(envelope.Open(sealed, "owner").status().code(), StatusCode::kDataLoss) << bit;
    sealed[bit / 8] = before;
  }
}

TEST(EnvelopeOpen, RefusesEveryOtherLength) {
  const Envelope envelope = NewEnvelope();
  const std::string sealed = envelope.Seal("template", "owner").value();
  for (size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_EQ(envelope.Open(sealed.substr(0, size), "owner").status().code(),
              StatusCode::kDataLoss);
  }
  EXPECT_EQ(envelope.Open(sealed + "x", "owner").status().code(), StatusCode::kDataLoss);
  const std::string huge(kMaxSealedPlainBytes + kSealOverheadBytes + 1, 'x');
  EXPECT_EQ(envelope.Open(huge, "owner").status().code(), StatusCode::kDataLoss);
}

TEST(EnvelopeOpen, RefusesARecordMovedToAnotherOwner) {
  const Envelope envelope = NewEnvelope();
  const std::string sealed = envelope.Seal("template", "owner").value();
  EXPECT_EQ(envelope.Open(sealed, "other").status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(envelope.Open(sealed, "").status().code(), StatusCode::kDataLoss);
}

TEST(EnvelopeOpen, SaysTheSameForEveryCause) {
  const Envelope envelope = NewEnvelope();
  const std::string sealed = envelope.Seal("template", "owner").value();
  const absl::Status wrong_owner = envelope.Open(sealed, "other").status();
  EXPECT_EQ(NewEnvelope().Open(sealed, "owner").status(), wrong_owner);
  EXPECT_EQ(envelope.Open("short", "owner").status(), wrong_owner);
}

TEST(EnvelopeSeal, RefusesEmptyAndOversizedInput) {
  const Envelope envelope = NewEnvelope();
  EXPECT_EQ(envelope.Seal("", "owner").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(envelope.Seal("plain", "").status().code(), StatusCode::kInvalidArgument);
  const std::string huge(kMaxSealedPlainBytes + 1, 'x');
  EXPECT_EQ(envelope.Seal(huge, "owner").status().code(), StatusCode::kInvalidArgument);
}

TEST(EnvelopeCreate, RefusesAnyKeyLengthBut32) {
  for (const size_t size : {0u, 16u, 31u, 33u}) {
    EXPECT_EQ(Envelope::Create(SecretBytes::Zero(size)).status().code(),
              StatusCode::kInvalidArgument);
  }
}

std::span<const uint8_t, 32> Key32(const std::string& key) {
  return std::span<const uint8_t, 32>(reinterpret_cast<const uint8_t*>(key.data()), 32);
}

std::span<uint8_t> Room(std::string& plain) {
  return {reinterpret_cast<uint8_t*>(plain.data()), plain.size()};
}

// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
TEST(EnvelopeOpener, MatchesThePublishedVector) {
  std::string key(32, '\0');
  for (size_t i = 0; i < 32; ++i) key[i] = static_cast<char>(0x80 + i);
  auto opener = EnvelopeOpener::Create();
  ASSERT_TRUE(opener.ok());
  const std::string sealed =
      base::FromHex(
          "404142434445464748494a4b4c4d4e4f5051525354555657"
          "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f"
          "4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f"
          "76b2383565d3fff921f9664c97637da9768812f615c68b13b52e"
          "c0875924c1c7987947deafd8780acf49")
          .value();
  std::string plain(sealed.size() - kSealOverheadBytes, '\0');
  const std::string owner = base::FromHex("50515253c0c1c2c3c4c5c6c7").value();
  ASSERT_TRUE(opener->Open(Key32(key), sealed, owner, Room(plain)).ok());
  EXPECT_EQ(plain,
            "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
            "future, sunscreen would be it.");
}

TEST(EnvelopeOpener, OpensWhatLibsodiumSealedOfAnyLength) {
  auto opener = EnvelopeOpener::Create();
  ASSERT_TRUE(opener.ok());
  std::vector<size_t> sizes = {2048, 65536, kMaxSealedPlainBytes};
  for (size_t size = 1; size < 700; ++size) sizes.push_back(size);
  for (const size_t size : sizes) {
    const std::string key = RandomBytes(32);
    const std::string plain = RandomBytes(size);
    const std::string owner = RandomBytes(1 + size % 40);
    const std::string sealed = SealWith(Key32(key), plain, owner).value();
    std::string opened(size, '\0');
    ASSERT_TRUE(opener->Open(Key32(key), sealed, owner, Room(opened)).ok()) << size;
    EXPECT_EQ(opened, plain) << size;
    if (size % 7 == 0) opener->Forget();
  }
}

TEST(EnvelopeOpener, RefusesEveryAlteredBitAndLeavesZeros) {
  auto opener = EnvelopeOpener::Create();
  const std::string key = RandomBytes(32);
  std::string sealed = SealWith(Key32(key), "template", "owner").value();
  std::string plain(8, 'x');
  for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    const char before = sealed[bit / 8];
    sealed[bit / 8] = static_cast<char>(before ^ (1 << bit % 8));
    plain.assign(8, 'x');
    const absl::Status opened = opener->Open(Key32(key), sealed, "owner", Room(plain));
    EXPECT_EQ(opened.code(), StatusCode::kDataLoss) << bit;
    EXPECT_EQ(plain, std::string(8, '\0')) << bit;
    sealed[bit / 8] = before;
  }
  EXPECT_TRUE(opener->Open(Key32(key), sealed, "owner", Room(plain)).ok());
  EXPECT_EQ(plain, "template");
}

TEST(EnvelopeOpener, RefusesAnotherOwnerKeyOrLengthInOneWay) {
  auto opener = EnvelopeOpener::Create();
  const std::string key = RandomBytes(32);
  const std::string sealed = SealWith(Key32(key), "template", "owner").value();
  const absl::Status wanted = OpenWith(Key32(key), sealed, "other").status();
  std::string plain(8, 'x');
  EXPECT_EQ(opener->Open(Key32(key), sealed, "other", Room(plain)), wanted);
  EXPECT_EQ(opener->Open(Key32(key), sealed, "", Room(plain)), wanted);
  EXPECT_EQ(opener->Open(Key32(RandomBytes(32)), sealed, "owner", Room(plain)), wanted);
  EXPECT_EQ(opener->Open(Key32(key), sealed.substr(0, 40), "owner", {}), wanted);
  EXPECT_EQ(opener->Open(Key32(key), "", "owner", {}), wanted);
  for (const size_t size : {0, 7, 9}) {
    std::string other(size, 'x');
    EXPECT_EQ(opener->Open(Key32(key), sealed, "owner", Room(other)), wanted) << size;
    EXPECT_EQ(other, std::string(size, '\0'));
  }
}

}  // namespace
}  // namespace kluis::crypto::envelope_test
