// SPDX-License-Identifier: Apache-2.0
#include "audit/visible_text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <streambuf>

#include "absl/strings/str_format.h"

namespace kluis::audit {
namespace {

constexpr uint32_t kReplacement = 0xFFFD;

struct CodePoints {
  uint32_t first;
  uint32_t last;
};

// In order. The last two code points of each plane, which are noncharacters, stand in IsHidden.
constexpr CodePoints kHidden[] = {
    {0x0000, 0x001F},    // C0
    {0x007F, 0x009F},    // DEL, C1
    {0x00AD, 0x00AD},    // soft hyphen
    {0x034F, 0x034F},    // combining grapheme joiner
    {0x0600, 0x0605},    // Arabic number signs
    {0x061C, 0x061C},    // Arabic letter mark
    {0x06DD, 0x06DD},    // Arabic end of ayah
    {0x070F, 0x070F},    // Syriac abbreviation mark
    {0x0890, 0x0891},    // Arabic pound and piastre marks
    {0x08E2, 0x08E2},    // Arabic disputed end of ayah
    {0x115F, 0x1160},    // Hangul fillers
    {0x17B4, 0x17B5},    // Khmer inherent vowels
    {0x180B, 0x180F},    // Mongolian selectors and vowel separator
    {0x200B, 0x200F},    // zero width, left-to-right and right-to-left marks
    {0x2028, 0x202E},    // line and paragraph separators, embeddings and overrides
    {0x2060, 0x206F},    // word joiner, invisible operators, isolates, deprecated
    {0x3164, 0x3164},    // Hangul filler
    {0xFDD0, 0xFDEF},    // noncharacters
    {0xFE00, 0xFE0F},    // variation selectors
    {0xFEFF, 0xFEFF},    // byte order mark
    {0xFFA0, 0xFFA0},    // halfwidth Hangul filler
    {0xFFF0, 0xFFFB},    // ignorable, interlinear annotation
    {0x110BD, 0x110BD},  // Kaithi number sign
    {0x110CD, 0x110CD},  // Kaithi number sign above
    {0x13430, 0x1343F},  // Egyptian format controls
    {0x1BCA0, 0x1BCA3},  // shorthand format controls
    {0x1D173, 0x1D17A},  // musical beams, ties, slurs, phrases
    {0xE0000, 0xE0FFF},  // tags, variation selectors, ignorable
};

bool IsHidden(uint32_t point) {
  if ((point & 0xFFFE) == 0xFFFE) return true;
  const CodePoints* range =
      std::lower_bound(std::begin(kHidden), std::end(kHidden), point,
                       [](const CodePoints& a, uint32_t value) { return a.last < value; });
  return range != std::end(kHidden) && range->first <= point;
}

// Of the bytes at the front of a text.
struct Point {
  uint32_t value;
  size_t bytes;
  bool valid;
};

// Nothing when the text ends within a code point. Strict: no overlong form, no surrogate.
std::optional<Point> FirstPoint(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  constexpr Point kNone{kReplacement, 1, false};
  const unsigned char lead = byte(0);
  if (lead < 0x80) return Point{lead, 1, true};
  const size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return kNone;
  uint32_t value = lead & (0x7FU >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if (i == text.size()) return std::nullopt;
    if ((byte(i) & 0xC0) != 0x80) return kNone;
    value = value << 6 | (byte(i) & 0x3FU);
  }
  const uint32_t least = bytes == 2 ? 0x80 : bytes == 3 ? 0x800 : 0x10000;
  if (value < least || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return kNone;
  return Point{value, bytes, true};
}

std::string WrittenOut(uint32_t point) { return absl::StrFormat("\\u{%X}", point); }

std::string InJson(uint32_t point) {
  if (point < 0x10000) return absl::StrFormat("\\u%04x", point);
  const uint32_t rest = point - 0x10000;
  return absl::StrFormat("\\u%04x\\u%04x", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
}

}  // namespace

std::string VisibleText(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Point point = FirstPoint(text).value_or(Point{kReplacement, 1, false});
    if (!point.valid || IsHidden(point.value)) {
      out += WrittenOut(point.value);
    } else if (text.starts_with("\\u{")) {
      out += WrittenOut('\\');
    } else {
      out += text.substr(0, point.bytes);
    }
    text.remove_prefix(point.bytes);
  }
  return out;
}

// Keeps what may be the beginning of a code point until the rest of it comes.
class VisibleBuffer final : public std::streambuf {
 public:
  explicit VisibleBuffer(std::streambuf* inner) : inner_(inner) {}

  void set_json() { json_ = true; }

  // What is kept does not become a code point any more.
  void End() {
    while (!kept_.empty()) {
      Write(Escaped(kReplacement));
      kept_.erase(0, 1);
    }
    inner_->pubsync();
  }

 protected:
  int_type overflow(int_type c) override {
    if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
    const char one = traits_type::to_char_type(c);
    return xsputn(&one, 1) == 1 ? c : traits_type::eof();
  }

  std::streamsize xsputn(const char* bytes, std::streamsize count) override {
    kept_.append(bytes, static_cast<size_t>(count));
    std::string_view rest = kept_;
    std::string out;
    while (!rest.empty()) {
      const std::optional<Point> point = FirstPoint(rest);
      if (!point.has_value()) break;
      const bool passes = point->value == '\n' || point->value == '\t';
      if (!point->valid || (IsHidden(point->value) && !passes)) {
        out += Escaped(point->value);
      } else {
        out += rest.substr(0, point->bytes);
      }
      rest.remove_prefix(point->bytes);
    }
    kept_.erase(0, kept_.size() - rest.size());
    return Write(out) ? count : 0;
  }

  int sync() override { return inner_->pubsync(); }

 private:
  std::string Escaped(uint32_t point) const { return json_ ? InJson(point) : WrittenOut(point); }

  bool Write(const std::string& bytes) {
    const auto size = static_cast<std::streamsize>(bytes.size());
    return inner_->sputn(bytes.data(), size) == size;
  }

  std::streambuf* const inner_;
  bool json_ = false;
  std::string kept_;
};

VisibleOutput::VisibleOutput(std::ostream& stream)
    : stream_(stream),
      before_(stream.rdbuf()),
      buffer_(std::make_unique<VisibleBuffer>(stream.rdbuf())) {
  stream_.rdbuf(buffer_.get());
}

VisibleOutput::~VisibleOutput() {
  buffer_->End();
  const std::ios::iostate state = stream_.rdstate();
  stream_.rdbuf(before_);
  stream_.clear(state);
}

std::ostream& AsJson(std::ostream& stream) {
  if (auto* buffer = dynamic_cast<VisibleBuffer*>(stream.rdbuf())) buffer->set_json();
  return stream;
}

}  // namespace kluis::audit
