#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "crypto/codec.h"
#include "crypto/sha256.h"

namespace kluis::crypto::codec_test {
namespace {

using absl::StatusCode;

// RFC 4648 s.10.
TEST(CodecBase64, MatchesThePublishedVectors) {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(ToBase64(bytes), text);
    const auto back = FromBase64(text);
    ASSERT_TRUE(back.ok()) << text;
    EXPECT_EQ(*back, bytes);
  }
}

TEST(CodecHex, MatchesThePublishedVector) {
  EXPECT_EQ(ToHex("foobar"), "666f6f626172");
  EXPECT_EQ(FromHex("666f6f626172").value(), "foobar");
}

TEST(Codec, RoundTripsEveryByteAtEveryLength) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(FromHex(ToHex(bytes)).value(), bytes);
    EXPECT_EQ(FromBase64(ToBase64(bytes)).value(), bytes);
    bytes.push_back(static_cast<char>(i * 7));
  }
}

TEST(CodecBase64, RefusesAnySecondSpelling) {
  for (const std::string text :
       {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm8", "Zm9v=", "Zm9v====", " Zm9v", "Zm9v\n",
        "Zm 9v", "-_-_", "Z", "=", "====", "Zg==Zg==", "Zm9v!"}) {
    EXPECT_EQ(FromBase64(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
  EXPECT_FALSE(FromBase64(std::string_view("Zm9\0", 4)).ok());
}

TEST(CodecBase64, RefusesEveryByteOutsideTheAlphabetAtEveryPosition) {
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string text = "Zm9vYmFy";
  for (size_t at = 0; at < text.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = text;
      changed[at] = static_cast<char>(byte);
      const bool allowed = alphabet.find(changed[at]) != std::string::npos;
      const auto bytes = FromBase64(changed);
      EXPECT_EQ(bytes.ok(), allowed) << "byte " << byte << " at " << at;
      if (bytes.ok()) {
        EXPECT_EQ(ToBase64(*bytes), changed);
      }
    }
  }
}

TEST(CodecHex, RefusesUppercaseOddLengthAndOtherCharacters) {
  for (const std::string text : {"AB", "aB", "a", "abc", "0x", "g0", " a", "a ", "a\n"}) {
    EXPECT_EQ(FromHex(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST(RandomBytes, HaveTheLengthAskedForAndDiffer) {
  EXPECT_EQ(RandomBytes(0), "");
  EXPECT_EQ(RandomBytes(24).size(), 24u);
  EXPECT_NE(RandomBytes(24), RandomBytes(24));
}

// FIPS 180-4 examples, by way of NIST CAVP.
TEST(Sha256, MatchesThePublishedVectors) {
  EXPECT_EQ(ToHex(Bytes(Sha256({}))),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const Hash abc = Sha256({"abc"});
  EXPECT_EQ(ToHex(Bytes(abc)), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, JoinsItsPartsWithoutSeparators) {
  EXPECT_EQ(Sha256({"a", "", "bc"}), Sha256({"abc"}));
}

}  // namespace
}  // namespace kluis::crypto::codec_test
