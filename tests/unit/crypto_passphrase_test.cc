// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/codec.h"
#include "base/little_endian.h"
#include "crypto/passphrase.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::crypto::passphrase_test {
namespace {

using absl::StatusCode;

constexpr PassphraseCost kCheap{.passes = 1, .memory_bytes = 8192};
constexpr std::string_view kPassphrase = "correct horse battery staple";

SecretBytes Secret(std::string_view text) { return SecretBytes::CopyOf(text); }

std::unique_ptr<RootWrapper> NewWrapper() {
  return NewPassphraseWrapper(Secret(kPassphrase), kCheap).value();
}

std::string Wrapped(RootWrapper& wrapper, const SecretBytes& key, uint64_t generation = 7) {
  return wrapper.Wrap(key.Expose().first<kRootKeyBytes>(), generation).value();
}

// libsodium, test/default/pwhash_argon2id.c: $argon2id$v=19$m=4882,t=2,p=1$<salt>$<key> and
// m=4096,t=19, here with their memory in bytes.
TEST(StretchPassphrase, MatchesThePublishedVectors) {
  struct Vector {
    std::string_view passphrase, salt, key;
    PassphraseCost cost;
  };
  for (const Vector& vector : std::initializer_list<Vector>{
           {"",
            "bA81arsiXysd3WbTRzmEOw==",
            "Nm8QBM+7RH1DXo9rvp5cwKEOOOfD2g6JuxlXihoNcpE=",
            {2, 4882 * 1024}},
           {"^T5H$JYt39n%K*j:W]!1s?vg!:jGi]Ax?..l7[p0v:1jHTpla9;]bUN;?bWyCbtqg ",
            "PkEgMTYtYnl0ZXMgc2FsdA==",
            "ltB/ue1kPtBMBGfsysMpPigE6hiNEKZ9vs8vLNVDQGA=",
            {19, 4096 * 1024}}}) {
    const std::string salt = base::FromBase64(vector.salt).value();
    const auto key = StretchPassphrase(
        Secret(vector.passphrase).Expose(),
        std::span(reinterpret_cast<const uint8_t*>(salt.data()), salt.size()).first<16>(),
        vector.cost);
    ASSERT_TRUE(key.ok()) << key.status();
    EXPECT_TRUE(key->ConstantTimeEquals(Secret(base::FromBase64(vector.key).value())));
  }
}

TEST(Passphrase, OpensWhatItWrapped) {
  const SecretBytes key = SecretBytes::Random(kRootKeyBytes);
  const std::string wrapped = Wrapped(*NewWrapper(), key);
  EXPECT_EQ(wrapped.size(), 16u + 1 + 2 + 28 + 8 + 72);
  const auto again = OpenPassphraseWrapper(Secret(kPassphrase), wrapped);
  ASSERT_TRUE(again.ok()) << again.status();
  const auto opened = (*again)->Unwrap(wrapped);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->generation, 7u);
  EXPECT_TRUE(opened->key.ConstantTimeEquals(key));
  EXPECT_TRUE((*again)->DestroyAllBut(wrapped).ok());
  const SecretBytes next = SecretBytes::Random(kRootKeyBytes);
  EXPECT_TRUE((*again)->Unwrap(Wrapped(**again, next, 8))->key.ConstantTimeEquals(next));
}

TEST(Passphrase, IsStretchedWithAFreshSaltEachTime) {
  const SecretBytes key = SecretBytes::Random(kRootKeyBytes);
  const auto one = NewWrapper();
  const std::string wrapped = Wrapped(*NewWrapper(), key);
  EXPECT_EQ(one->Unwrap(wrapped).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(one->DestroyAllBut(wrapped).code(), StatusCode::kDataLoss);
}

TEST(Passphrase, CostsModerateUnlessTold) {
  EXPECT_EQ(PassphraseCost{}.passes, 3u);
  EXPECT_EQ(PassphraseCost{}.memory_bytes, 268435456u);
  const auto wrapper = NewPassphraseWrapper(Secret(kPassphrase));
  ASSERT_TRUE(wrapper.ok()) << wrapper.status();
  const std::string wrapped = Wrapped(**wrapper, SecretBytes::Random(kRootKeyBytes));
  const auto* const header = reinterpret_cast<const uint8_t*>(wrapped.data()) + 19;
  EXPECT_EQ(base::GetU32(header + 16), 3u);
  EXPECT_EQ(base::GetU64(header + 20), 268435456u);
}

TEST(PassphraseOpen, SaysTheSameForAWrongPassphraseAndAlteredBytes) {
  std::string wrapped = Wrapped(*NewWrapper(), SecretBytes::Random(kRootKeyBytes));
  const absl::Status wrong =
      OpenPassphraseWrapper(Secret("correct horse battery stable"), wrapped).status();
  EXPECT_EQ(wrong.code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(OpenPassphraseWrapper(Secret(""), wrapped).status(), wrong);
  EXPECT_EQ(OpenPassphraseWrapper(Secret(std::string(2000, 'x')), wrapped).status(), wrong);
  wrapped.back() = static_cast<char>(wrapped.back() ^ 1);
  EXPECT_EQ(OpenPassphraseWrapper(Secret(kPassphrase), wrapped).status(), wrong);
}

TEST(PassphraseOpen, RefusesEveryAlteredBitAndEveryOtherLength) {
  std::string wrapped = Wrapped(*NewWrapper(), SecretBytes::Random(kRootKeyBytes));
  for (size_t bit = 0; bit < wrapped.size() * 8; ++bit) {
    // More passes or memory than the machine should spend on a test; bounds have their own test.
    if (bit >= 8 * 35 && bit < 8 * 47) continue;
    const char before = wrapped[bit / 8];
    wrapped[bit / 8] = static_cast<char>(before ^ (1 << bit % 8));
    const StatusCode code = OpenPassphraseWrapper(Secret(kPassphrase), wrapped).status().code();
    const bool framing = bit / 8 < 19;
    EXPECT_EQ(code, framing ? StatusCode::kDataLoss : StatusCode::kPermissionDenied) << bit;
    wrapped[bit / 8] = before;
  }
  for (size_t size = 0; size < wrapped.size(); ++size) {
    EXPECT_FALSE(OpenPassphraseWrapper(Secret(kPassphrase), wrapped.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(OpenPassphraseWrapper(Secret(kPassphrase), wrapped + "x").ok());
  EXPECT_TRUE(OpenPassphraseWrapper(Secret(kPassphrase), wrapped).ok());
}

TEST(PassphraseOpen, RefusesAnotherCostThanItWasMadeAt) {
  const std::string good = Wrapped(*NewWrapper(), SecretBytes::Random(kRootKeyBytes));
  const auto with = [&good](uint32_t passes, uint64_t memory) {
    std::string wrapped = good;
    auto* const header = reinterpret_cast<uint8_t*>(wrapped.data()) + 19;
    base::PutU32(passes, header + 16);
    base::PutU64(memory, header + 20);
    return OpenPassphraseWrapper(Secret(kPassphrase), wrapped).status().code();
  };
  EXPECT_EQ(with(1, 8192), StatusCode::kOk);
  EXPECT_EQ(with(2, 8192), StatusCode::kPermissionDenied);
  EXPECT_EQ(with(1, 16384), StatusCode::kPermissionDenied);
  // No machine is made to compute or to allocate what a damaged file asks for.
  for (const uint32_t passes : {0U, 65U, UINT32_MAX}) {
    EXPECT_EQ(with(passes, 8192), StatusCode::kDataLoss);
  }
  for (const uint64_t memory :
       {uint64_t{0}, uint64_t{8191}, (uint64_t{4} << 30U) + 1, UINT64_MAX}) {
    EXPECT_EQ(with(1, memory), StatusCode::kDataLoss);
  }
}

TEST(PassphraseOpen, RefusesARootKeyOfAnotherKind) {
  const SecretBytes key = SecretBytes::Random(kRootKeyBytes);
  const auto shares =
      SecretWrapper::Create(WrapKind::kShares, std::string(28, 'h'), SecretBytes::Random(32));
  const std::string wrapped = Wrapped(**shares, key);
  EXPECT_EQ(OpenPassphraseWrapper(Secret(kPassphrase), wrapped).status().code(),
            StatusCode::kDataLoss);
}

TEST(PassphraseNew, RefusesAShortOneAndACostOutOfBounds) {
  EXPECT_EQ(NewPassphraseWrapper(Secret("eleven-char"), kCheap).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_TRUE(NewPassphraseWrapper(Secret("twelve-chars"), kCheap).ok());
  EXPECT_EQ(NewPassphraseWrapper(Secret(std::string(1025, 'x')), kCheap).status().code(),
            StatusCode::kInvalidArgument);
  for (const PassphraseCost cost : {PassphraseCost{0, 8192}, PassphraseCost{65, 8192},
                                    PassphraseCost{1, 8191}, PassphraseCost{1, UINT64_MAX}}) {
    EXPECT_EQ(NewPassphraseWrapper(Secret(kPassphrase), cost).status().code(),
              StatusCode::kInvalidArgument);
  }
}

TEST(ReadPassphrase, TakesOneLineWithoutItsBreak) {
  for (const char* const text : {"pass phrase", "pass phrase\n", "pass phrase\r\n"}) {
    MemoryFileSystem files;
    files.Put("keys/passphrase", text);
    const auto read = ReadPassphrase("keys/passphrase", files);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(read->ConstantTimeEquals(Secret("pass phrase")));
  }
  for (const std::string& text :
       {std::string(), std::string("\n"), std::string("a\nb"), std::string("a\n\n"),
        std::string("a\0b", 3), std::string(1025, 'x')}) {
    MemoryFileSystem files;
    files.Put("keys/passphrase", text);
    EXPECT_EQ(ReadPassphrase("keys/passphrase", files).status().code(),
              StatusCode::kInvalidArgument);
  }
}

TEST(ReadPassphrase, RefusesAFileThatOthersMayRead) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path() + "/passphrase";
  EXPECT_EQ(ReadPassphrase(path).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(RealFileSystem().CreateReadable(path, "pass phrase\n").ok());
  EXPECT_EQ(ReadPassphrase(path).status().code(), StatusCode::kFailedPrecondition);
}

TEST(WrappedRoot, IsParsedToTheByte) {
  const std::string prefix = WrappedPrefix(WrapKind::kToken, "head", 0x0102030405060708);
  const std::string whole = prefix + "sealed";
  const auto parts = ParseWrapped(whole);
  ASSERT_TRUE(parts.ok());
  EXPECT_EQ(parts->kind, WrapKind::kToken);
  EXPECT_EQ(parts->header, "head");
  EXPECT_EQ(parts->generation, 0x0102030405060708u);
  EXPECT_EQ(parts->authenticated, prefix);
  EXPECT_EQ(parts->sealed, "sealed");
  EXPECT_EQ(prefix,
            std::string("kluis-wrapped-k1\x03\x04\x00head\x08\x07\x06\x05\x04\x03\x02\x01", 31));
  for (size_t size = 0; size < prefix.size(); ++size) {
    EXPECT_EQ(ParseWrapped(prefix.substr(0, size)).status().code(), StatusCode::kDataLoss);
  }
  EXPECT_FALSE(ParseWrapped(prefix + std::string(kMaxWrappedBytes, 'x')).ok());
  for (const char kind : {'\0', '\4', '\xff'}) {
    std::string other = whole;
    other[16] = kind;
    EXPECT_FALSE(ParseWrapped(other).ok());
  }
}

TEST(SecretWrapper, RefusesASecretOrHeaderOfAnotherLength) {
  EXPECT_FALSE(SecretWrapper::Create(WrapKind::kShares, "", SecretBytes::Random(31)).ok());
  EXPECT_FALSE(
      SecretWrapper::Create(WrapKind::kShares, std::string(2049, 'h'), SecretBytes::Random(32))
          .ok());
  const auto longest =
      SecretWrapper::Create(WrapKind::kShares, std::string(2048, 'h'), SecretBytes::Random(32));
  ASSERT_TRUE(longest.ok());
  const SecretBytes key = SecretBytes::Random(kRootKeyBytes);
  EXPECT_TRUE((*longest)->Unwrap(Wrapped(**longest, key)).ok());
}

}  // namespace
}  // namespace kluis::crypto::passphrase_test
