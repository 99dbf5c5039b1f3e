// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cctype>
#include <cstdint>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/codec.h"
#include "crypto/share_text.h"

namespace kluis::crypto::share_text_test {
namespace {

using absl::StatusCode;

constexpr std::string_view kAlphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

const ShareLabel kLabel{"haarlem", 1, 2};

SecretBytes KnownValue() {
  SecretBytes value = SecretBytes::Zero(kShareBytes);
  for (size_t i = 0; i < kShareBytes; ++i) value.ExposeMutable()[i] = static_cast<uint8_t>(i);
  return value;
}

std::string Text(const SecretBytes& secret) {
  return {reinterpret_cast<const char*>(secret.Expose().data()), secret.size()};
}

std::string Known() { return Text(FormatShare(kLabel, KnownValue().Expose()).value()); }

// BIP-350, "Test vectors".
TEST(Bech32m, TakesThePublishedValidTexts) {
  for (const std::string& text : std::initializer_list<std::string>{
           "A1LQFN3A", "a1lqfn3a",
           "an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7"
           "hg6",
           "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx",
           "11lllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllud"
           "sr8",
           "split1checkupstagehandshakeupstreamerranterredcaperredlc445v", "?1v759aa"}) {
    EXPECT_TRUE(IsBech32m(text)) << text;
  }
}

TEST(Bech32m, RefusesThePublishedInvalidTexts) {
  for (const std::string& text : std::initializer_list<std::string>{
           "\x20"
           "1xj0phk",
           "\x7f"
           "1g6xzxy",
           "\x80"
           "1vctc34",
           "an84characterslonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11d6"
           "pts4",
           "qyrz8wqd2c9m", "1qyrz8wqd2c9m", "y1b0jsk6g", "lt1igcx5c0", "in1muywd", "mm1crxm3i",
           "au1s5cgom", "M1VUXWEZ", "16plkw9", "1p2gdwpf"}) {
    EXPECT_FALSE(IsBech32m(text)) << text;
  }
}

// BIP-173: its texts have the older checksum.
TEST(Bech32m, RefusesTextsOfTheOlderChecksum) {
  EXPECT_FALSE(IsBech32m("A12UEL5L"));
  EXPECT_FALSE(IsBech32m("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw"));
}

TEST(ShareText, HasTheDocumentedForm) {
  const std::string text = Known();
  EXPECT_TRUE(text.starts_with("kluis-haarlem-g1-s2-1")) << text;
  EXPECT_EQ(text.size(), 21u + 52 + 6);
  EXPECT_TRUE(IsBech32m(text));
  // 5-bit groups of 00 01 02 03 ...: 0 0 0 16 4 0 24 4 ... in Bech32's alphabet.
  EXPECT_EQ(text.substr(21, 8), "qqqsyqcy");
}

TEST(ShareText, RoundTripsAtEveryBoundOfTheLabel) {
  for (const std::string hint : {"a", "0", "haarlem", "zzzzzzzzzzzz"}) {
    for (const uint32_t generation : {1U, 10U, kMaxShareGeneration}) {
      for (const uint8_t index : {uint8_t{1}, uint8_t{9}, uint8_t{32}, uint8_t{99}}) {
        const SecretBytes value = SecretBytes::Random(kShareBytes);
        const auto text = FormatShare({hint, generation, index}, value.Expose());
        ASSERT_TRUE(text.ok()) << text.status();
        ASSERT_LE(text->size(), 90u);
        const auto parsed = ParseShare(Text(*text));
        ASSERT_TRUE(parsed.ok()) << parsed.status();
        EXPECT_EQ(parsed->label.hint, hint);
        EXPECT_EQ(parsed->label.generation, generation);
        EXPECT_EQ(parsed->label.index, index);
        EXPECT_TRUE(parsed->value.ConstantTimeEquals(value));
      }
    }
  }
}

TEST(ShareText, MayBeInCapitalsAndInGroups) {
  std::string capitals = Known();
  for (char& c : capitals) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  EXPECT_TRUE(ParseShare(capitals).ok());
  std::string grouped;
  for (size_t i = 0; i < Known().size(); ++i) {
    grouped += Known()[i];
    if (i % 4 == 3) grouped += i % 8 == 3 ? " " : "\r\n\t";
  }
  const auto parsed = ParseShare(grouped);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_TRUE(parsed->value.ConstantTimeEquals(KnownValue()));
  capitals[25] = static_cast<char>(std::tolower(static_cast<unsigned char>(Known()[25])));
  capitals[26] = 'q';  // mixed
  EXPECT_EQ(ParseShare(capitals).status().code(), StatusCode::kInvalidArgument);
}

TEST(ShareText, RefusesEveryOtherCharacterAtEveryPlace) {
  const std::string good = Known();
  for (size_t at = 0; at < good.size(); ++at) {
    for (int c = 0; c < 256; ++c) {
      std::string text = good;
      text[at] = static_cast<char>(c);
      if (text == good) continue;
      // White space is skipped: that is a missing character.
      EXPECT_EQ(ParseShare(text).status().code(), StatusCode::kInvalidArgument) << at << " " << c;
    }
  }
}

TEST(ShareText, RefusesUpToFourTypingErrorsAndSwappedNeighbours) {
  const std::string good = Known();
  const size_t data = good.rfind('1') + 1;
  std::mt19937 random(4);
  for (int round = 0; round < 20000; ++round) {
    std::string text = good;
    for (int i = 0; i < 4; ++i)
      text[data + random() % (good.size() - data)] = kAlphabet[random() % 32];
    EXPECT_EQ(ParseShare(text).ok(), text == good) << text;
  }
  for (size_t at = 0; at + 1 < good.size(); ++at) {
    std::string text = good;
    std::swap(text[at], text[at + 1]);
    EXPECT_EQ(ParseShare(text).ok(), text == good) << at;
  }
}

TEST(ShareText, RefusesEveryOtherLength) {
  const std::string good = Known();
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(ParseShare(good.substr(0, size)).status().code(), StatusCode::kInvalidArgument);
  }
  EXPECT_FALSE(ParseShare(good + "q").ok());
  EXPECT_FALSE(ParseShare("q" + good).ok());
  EXPECT_FALSE(ParseShare(std::string(100000, 'q')).ok());
}

// Valid Bech32m, yet no share: BIP-350's own texts, and a share's text with another label.
TEST(ShareText, RefusesOtherTextsWithAGoodChecksum) {
  for (const std::string& text : std::initializer_list<std::string>{
           "a1lqfn3a", "?1v759aa", "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx"}) {
    const absl::Status refused = ParseShare(text).status();
    EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(refused.message(), "share: not a share of Kluis");
  }
}

// BIP-173's own way to make a checksum, with the constant of BIP-350.
std::string WithChecksum(const std::string& readable, const std::string& data) {
  const auto value = [](char c) { return static_cast<uint32_t>(kAlphabet.find(c)); };
  std::vector<uint32_t> values;
  for (const char c : readable) values.push_back(static_cast<uint32_t>(c) >> 5U);
  values.push_back(0);
  for (const char c : readable) values.push_back(static_cast<uint32_t>(c) & 31U);
  for (const char c : data) values.push_back(value(c));
  values.insert(values.end(), 6, 0);
  uint32_t sum = 1;
  for (const uint32_t v : values) {
    const uint32_t top = sum >> 25U;
    sum = (sum & 0x1ffffffU) << 5U ^ v;
    if ((top & 1U) != 0) sum ^= 0x3b6a57b2;
    if ((top & 2U) != 0) sum ^= 0x26508e6d;
    if ((top & 4U) != 0) sum ^= 0x1ea119fa;
    if ((top & 8U) != 0) sum ^= 0x3d4233dd;
    if ((top & 16U) != 0) sum ^= 0x2a1462b3;
  }
  sum ^= 0x2bc830a3;
  std::string text = readable + "1" + data;
  for (int i = 5; i >= 0; --i) text += kAlphabet[sum >> (5 * i) & 31U];
  return text;
}

TEST(ShareText, HasOneSpellingPerShare) {
  const std::string data = Known().substr(21, 52);
  ASSERT_EQ(WithChecksum("kluis-haarlem-g1-s2-", data), Known());
  for (const std::string readable :
       {"kluis-haarlem-g01-s2-", "kluis-haarlem-g+1-s2-", "kluis-haarlem-g 1-s2-",
        "kluis-haarlem-g1-s02-", "kluis-haarlem-g1-s0-", "kluis-haarlem-g0-s2-",
        "kluis-haarlem-g1-s100-", "kluis-haarlem-g1-s258-", "kluis-haarlem-g1-s-254-",
        "kluis-haarlem-g1-s4294967298-", "kluis-haarlem-g-s-", "kluis--g1-s2-", "kluis-g1-s2-",
        "kluis-haarlem-s2-g1-", "kluis-haarlem-g1-s2", "kluis-haarlem-g1-s2--", "kluis-", "x"}) {
    const std::string text = WithChecksum(readable, data);
    EXPECT_EQ(ParseShare(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
  const std::string label = "kluis-haarlem-g1-s2-";
  EXPECT_FALSE(ParseShare(WithChecksum(label, data.substr(1))).ok());
  EXPECT_FALSE(ParseShare(WithChecksum(label, data + "q")).ok());
  // The last character has one bit of the value and four that must be zero.
  for (const char last : kAlphabet) {
    const std::string text = WithChecksum(label, data.substr(0, 51) + last);
    EXPECT_EQ(ParseShare(text).ok(), last == 'q' || last == 's') << last;
  }
}

TEST(ShareText, NeverRepeatsWhatWasTyped) {
  std::string text = Known();
  text.back() = text.back() == 'q' ? 'p' : 'q';
  const std::string message(ParseShare(text).status().message());
  EXPECT_EQ(message.find(Known().substr(21, 8)), std::string::npos);
}

TEST(ShareFormat, RefusesWhatIsOutOfBounds) {
  const SecretBytes value = SecretBytes::Random(kShareBytes);
  for (const ShareLabel& label :
       {ShareLabel{"", 1, 1}, ShareLabel{"thirteenchars", 1, 1}, ShareLabel{"Haarlem", 1, 1},
        ShareLabel{"haar-lem", 1, 1}, ShareLabel{"h", 0, 1}, ShareLabel{"h", 1'000'000, 1},
        ShareLabel{"h", 1, 0}, ShareLabel{"h", 1, 100}}) {
    EXPECT_EQ(FormatShare(label, value.Expose()).status().code(), StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(FormatShare(kLabel, value.Expose().first(31)).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(ShareHint, IsTheLettersAndDigitsOfTheName) {
  EXPECT_EQ(ShareHint("Haarlem-Noord.kluis"), "haarlemnoord");
  EXPECT_EQ(ShareHint("x1"), "x1");
  EXPECT_EQ(ShareHint("---"), "vault");
}

}  // namespace
}  // namespace kluis::crypto::share_text_test
