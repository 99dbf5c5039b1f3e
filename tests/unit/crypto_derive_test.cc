// SPDX-License-Identifier: Apache-2.0
// Known answers were computed apart from this code, with Python 3.11:
//   hashlib.blake2b(message, digest_size=32, key=bytes(range(32)), person=use padded with zeros)
// and hashlib.sha256; the length prefixes with struct.pack("<Q", len(part)).
#include <gtest/gtest.h>

#include <string>
#include <type_traits>
#include <vector>

#include "base/codec.h"
#include "crypto/derive.h"
#include "crypto/template_digest.h"

namespace kluis::crypto::derive_test {
namespace {

constexpr Label kTemplate("kluis-template");
constexpr Label kSubjectIndex("kluis-subject-ix");
constexpr Label kSixteen("sixteen-letters!");

template <size_t N>
concept LabelOfLength = std::is_constructible_v<Label, const char (&)[N]>;
static_assert(LabelOfLength<2> && LabelOfLength<17>);
static_assert(!LabelOfLength<1> && !LabelOfLength<18>);

SecretKey32 Parent() {
  SecretKey32 key;
  for (size_t i = 0; i < 32; ++i) key.ExposeMutable()[i] = static_cast<uint8_t>(i);
  return key;
}

std::string Hex(const SecretKey32& key) {
  return base::ToHex({reinterpret_cast<const char*>(key.Expose().data()), 32});
}

TEST(DeriveKey, MatchesTheKnownAnswers) {
  EXPECT_EQ(Hex(DeriveKey(Parent().Expose(), kTemplate, {"border", "subject-7"})),
            "c649f4f24bc3f536b6dbda20ab48d9ab26abfd83699f43222ed133b86c65e6e9");
  EXPECT_EQ(Hex(DeriveKey(Parent().Expose(), kSixteen, {})),
            "f4148a43a6ffbe15e3daec8b975392e6dd5f07ebad391b74efbeea79ced5d014");
}

TEST(DeriveKey, DependsOnParentUseAndEachPart) {
  const SecretKey32 parent = Parent();
  const std::string key = Hex(DeriveKey(parent.Expose(), kTemplate, {"border", "subject-7"}));
  SecretKey32 other = Parent();
  other.ExposeMutable()[31] ^= 1;
  EXPECT_NE(Hex(DeriveKey(other.Expose(), kTemplate, {"border", "subject-7"})), key);
  EXPECT_NE(Hex(DeriveKey(parent.Expose(), kSixteen, {"border", "subject-7"})), key);
  EXPECT_NE(Hex(DeriveKey(parent.Expose(), kTemplate, {"border", "subject-8"})), key);
  EXPECT_NE(Hex(DeriveKey(parent.Expose(), kTemplate, {"subject-7", "border"})), key);
}

TEST(DeriveKey, KeepsTheBoundsOfThePartsApart) {
  const SecretKey32 parent = Parent();
  EXPECT_NE(Hex(DeriveKey(parent.Expose(), kTemplate, {"ab", "c"})),
            Hex(DeriveKey(parent.Expose(), kTemplate, {"a", "bc"})));
  EXPECT_NE(Hex(DeriveKey(parent.Expose(), kTemplate, {"a", ""})),
            Hex(DeriveKey(parent.Expose(), kTemplate, {"a"})));
}

TEST(KeyedId, MatchesTheKnownAnswer) {
  EXPECT_EQ(base::ToHex(Bytes(KeyedId(Parent().Expose(), kSubjectIndex, "alice"))),
            "3ac5ba8d32448cfbec1bae7af4d0978bbd589b37af734a7e81ff7ecdde353027");
}

TEST(Commit, MatchesTheKnownAnswer) {
  EXPECT_EQ(base::ToHex(Bytes(Commit(Parent().Expose(), "payload"))),
            "b64b3c01cda395a5ebca31eab3689e5555ccdb63abc4d79a383917b8ff660886");
}

TEST(Commit, DependsOnNonceAndPayload) {
  SecretKey32 other = Parent();
  other.ExposeMutable()[0] ^= 1;
  EXPECT_NE(Commit(other.Expose(), "payload"), Commit(Parent().Expose(), "payload"));
  EXPECT_NE(Commit(Parent().Expose(), "payloae"), Commit(Parent().Expose(), "payload"));
  EXPECT_NE(Commit(Parent().Expose(), ""), Commit(Parent().Expose(), std::string_view("\0", 1)));
}

TEST(TemplateDigest, MatchesTheKnownAnswer) {
  EXPECT_EQ(
      base::ToHex(Bytes(TemplateDigest("arcface-512", std::vector<float>{0.5f, -1.25f, 3.0f}))),
      "bb8d213bcb0637d2605488705113b9f61eba58516b22e80ba690dbfea41c9534");
}

TEST(TemplateDigest, DependsOnAlgorithmAndEveryValue) {
  const std::vector<float> values{0.5f, 0.0f};
  const Hash digest = TemplateDigest("a", values);
  EXPECT_NE(TemplateDigest("b", values), digest);
  EXPECT_NE(TemplateDigest("a", std::vector<float>{0.5f, -0.0f}), digest);
  EXPECT_NE(TemplateDigest("a", std::vector<float>{0.5f}), digest);
  EXPECT_NE(TemplateDigest("a", std::vector<float>{0.0f, 0.5f}), digest);
}

}  // namespace
}  // namespace kluis::crypto::derive_test
