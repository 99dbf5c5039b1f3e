// SPDX-License-Identifier: Apache-2.0
#include "audit/note_text.h"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace kluis::audit {
namespace {

constexpr size_t kMaxNameBytes = 255;

// Takes one code point from the front of `text`, which is not empty; nullopt: not valid UTF-8.
std::optional<char32_t> TakeCodePoint(std::string_view& text) {
  const auto lead = static_cast<uint8_t>(text.front());
  size_t length = 1;
  char32_t smallest = 0;
  char32_t point = lead;
  if (lead >= 0x80) {
    if (lead >= 0xC2 && lead <= 0xDF) {
      length = 2, smallest = 0x80, point = lead & 0x1F;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      length = 3, smallest = 0x800, point = lead & 0x0F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      length = 4, smallest = 0x10000, point = lead & 0x07;
    } else {
      return std::nullopt;
    }
  }
  if (text.size() < length) return std::nullopt;
  for (size_t i = 1; i < length; ++i) {
    const auto next = static_cast<uint8_t>(text[i]);
    if ((next & 0xC0) != 0x80) return std::nullopt;
    point = point << 6 | (next & 0x3FU);
  }
  if (point < smallest || point > 0x10FFFF) return std::nullopt;
  if (point >= 0xD800 && point <= 0xDFFF) return std::nullopt;
  text.remove_prefix(length);
  return point;
}

bool IsControl(char32_t point) { return point < 0x20 || (point >= 0x7F && point <= 0x9F); }

// The White_Space property of Unicode, beyond the control characters.
bool IsSpace(char32_t point) {
  return point == 0x20 || point == 0xA0 || point == 0x1680 ||
         (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 ||
         point == 0x202F || point == 0x205F || point == 0x3000;
}

}  // namespace

bool IsNoteText(std::string_view text) {
  if (text.empty() || text.back() != '\n') return false;
  while (!text.empty()) {
    const std::optional<char32_t> point = TakeCodePoint(text);
    if (!point.has_value() || (IsControl(*point) && *point != U'\n')) return false;
  }
  return true;
}

bool IsKeyName(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes) return false;
  while (!name.empty()) {
    const std::optional<char32_t> point = TakeCodePoint(name);
    if (!point.has_value() || IsControl(*point) || IsSpace(*point) || *point == U'+') return false;
  }
  return true;
}

bool IsOrigin(std::string_view origin) {
  return IsKeyName(origin) && origin.front() != '/' && origin.back() != '/' &&
         origin.find("://") == std::string_view::npos;
}

std::optional<std::string_view> TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

}  // namespace kluis::audit
