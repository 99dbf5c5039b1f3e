// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "base/codec.h"

namespace kluis::base::codec_test {
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

}  // namespace
}  // namespace kluis::base::codec_test
