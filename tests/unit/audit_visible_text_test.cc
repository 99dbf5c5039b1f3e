// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "audit/visible_text.h"

namespace kluis::audit::visible_text_test {
namespace {

std::string Utf8(uint32_t point) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (point >> shift & 0x3F)); };
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {static_cast<char>(0xC0 | point >> 6), tail(0)};
  if (point < 0x10000) return {static_cast<char>(0xE0 | point >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | point >> 18), tail(12), tail(6), tail(0)};
}

// Through a VisibleOutput, a byte at a time.
std::string ByBytes(const std::string& text, bool json = false) {
  std::ostringstream out;
  {
    const VisibleOutput visible(out);
    if (json) out << AsJson;
    for (const char c : text) out << c << std::flush;
  }
  return out.str();
}

std::string AtOnce(const std::string& text) {
  std::ostringstream out;
  {
    const VisibleOutput visible(out);
    out << text;
  }
  return out.str();
}

// One of each kind, and the first and the last of each range that people are deceived with.
constexpr uint32_t kHidden[] = {
    0x00,    0x07,    0x1B,    0x1F,    0x7F,    0x80,    0x9B,    0x9F,    0xAD,    0x34F,
    0x600,   0x61C,   0x6DD,   0x70F,   0x890,   0x8E2,   0x115F,  0x1160,  0x17B4,  0x17B5,
    0x180B,  0x180E,  0x180F,  0x200B,  0x200C,  0x200D,  0x200E,  0x200F,  0x2028,  0x2029,
    0x202A,  0x202B,  0x202C,  0x202D,  0x202E,  0x2060,  0x2064,  0x2066,  0x2067,  0x2068,
    0x2069,  0x206A,  0x206F,  0x3164,  0xFDD0,  0xFE00,  0xFE0F,  0xFEFF,  0xFFA0,  0xFFF0,
    0xFFF9,  0xFFFB,  0xFFFE,  0xFFFF,  0x110BD, 0x110CD, 0x13430, 0x1343F, 0x1BCA0, 0x1BCA3,
    0x1D173, 0x1D17A, 0x1FFFE, 0xE0001, 0xE0020, 0xE007F, 0xE0100, 0xE0FFF, 0x10FFFF};

std::string WrittenOut(uint32_t point) {
  std::ostringstream text;
  text << "\\u{" << std::uppercase << std::hex << point << "}";
  return text.str();
}

TEST(VisibleText, WritesOutWhatIsNotSeenOrMovesWhatIs) {
  for (const uint32_t point : kHidden) {
    const std::string text = "a" + Utf8(point) + "b";
    const std::string expected = "a" + WrittenOut(point) + "b";
    EXPECT_EQ(VisibleText(text), expected);
    EXPECT_EQ(AtOnce(text), expected);
    EXPECT_EQ(ByBytes(text), expected);
  }
  EXPECT_EQ(VisibleText("one\ntwo\t"), "one\\u{A}two\\u{9}");
  EXPECT_EQ(VisibleText("gr\xE2\x80\xAE"
                        "eve"),
            "gr\\u{202E}eve");
}

TEST(VisibleText, LeavesEveryOtherTextAsItIs) {
  for (const std::string text :
       {"", "plain",
        "Zo\xC3\xAB d'\xC3\x89"
        "cole",
        "\xD9\x85\xD8\xB1\xD8\xAD\xD8\xA8\xD8\xA7", "\xE5\xBC\xA0\xE4\xBC\x9F",
        "\xE2\x80\x94 \xF0\x9F\x98\x80", "e\xCC\x81", "C:\\users\\u",
        "a\xC2\xA0"
        "b",
        "\xE2\x80\xA7\xE2\x80\xAF"}) {
    EXPECT_EQ(VisibleText(text), text);
    EXPECT_EQ(AtOnce(text), text);
    EXPECT_EQ(ByBytes(text), text);
  }
}

TEST(VisibleText, WritesOutEachByteThatIsNotUtf8) {
  const std::string no = "\\u{FFFD}";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"\x80", no},                             // a tail alone
      {"\xC0\xAE", no + no},                    // overlong
      {"\xE0\x80\xAE", no + no + no},           // overlong
      {"\xED\xA0\x80", no + no + no},           // a surrogate
      {"\xF4\x90\x80\x80", no + no + no + no},  // beyond the last
      {"\xF8", no},                             // no lead
      {"a\xE2\x80", "a" + no + no},             // cut off
      {"\xE2\x80z", no + no + "z"},             // cut off in the middle
      {"\xE2\xE2\x80\xAE", no + "\\u{202E}"},   // found again after it
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(VisibleText(text), expected);
    EXPECT_EQ(AtOnce(text), expected);
    EXPECT_EQ(ByBytes(text), expected);
  }
}

TEST(VisibleText, CannotBePretended) {
  EXPECT_EQ(VisibleText("\\u{202E}"), "\\u{5C}u{202E}");
  EXPECT_NE(VisibleText("\\u{202E}"), VisibleText("\xE2\x80\xAE"));
}

TEST(VisibleOutput, LetsLinesAndTabsPassAndGivesTheStreamBack) {
  std::ostringstream out;
  {
    const VisibleOutput visible(out);
    out << "a\tb\nc\x1b[2J" << 7 << std::endl;
  }
  out << "\x1b";
  EXPECT_EQ(out.str(), "a\tb\nc\\u{1B}[2J7\n\x1b");
}

TEST(VisibleOutput, IsReadBackExactlyFromJson) {
  for (const uint32_t point : kHidden) {
    const std::string text = "a" + Utf8(point) + "\\u{202E}\xC3\xAB";
    const std::string printed =
        ByBytes(nlohmann::json{{"text", text}}.dump() + "\n", /*json=*/true);
    EXPECT_EQ(nlohmann::json::parse(printed)["text"], text) << printed;
    EXPECT_EQ(printed.find(Utf8(point)), std::string::npos) << printed;
  }
  EXPECT_EQ(ByBytes("{\"a\":\"\xE2\x80\xAE\xF3\xA0\x80\xA1\"}\n", true),
            "{\"a\":\"\\u202e\\udb40\\udc21\"}\n");
}

}  // namespace
}  // namespace kluis::audit::visible_text_test
