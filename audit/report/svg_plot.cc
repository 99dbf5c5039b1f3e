// SPDX-License-Identifier: Apache-2.0
#include "audit/report/svg_plot.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace kluis::audit {
namespace {

constexpr uint64_t kWidth = 720;
constexpr uint64_t kSteps = 5;

// Columns.
constexpr uint64_t kHeight = 280;
constexpr uint64_t kLeft = 56;
constexpr uint64_t kRight = 12;
constexpr uint64_t kTop = 44;  // the legend stands above
constexpr uint64_t kBottom = 32;
constexpr uint64_t kGap = 8;  // between groups

// Bars.
constexpr uint64_t kLabelWidth = 250;
constexpr uint64_t kValueWidth = 70;
constexpr uint64_t kRow = 26;
constexpr size_t kMaxLabelBytes = 34;

std::string Open(const PlotName& name, uint64_t height) {
  return absl::StrCat("<svg class=\"plot\" role=\"img\" viewBox=\"0 0 ", kWidth, " ", height,
                      "\" aria-labelledby=\"", name.id, "-title ", name.id,
                      "-desc\">\n<title id=\"", name.id, "-title\">", HtmlEscaped(name.title),
                      "</title>\n<desc id=\"", name.id, "-desc\">", HtmlEscaped(name.description),
                      "</desc>\n");
}

std::string Text(const char* css, uint64_t x, uint64_t y, const char* anchor,
                 std::string_view text) {
  return absl::StrCat("<text class=\"", css, "\" x=\"", x, "\" y=\"", y, "\" text-anchor=\"",
                      anchor, "\">", HtmlEscaped(text), "</text>\n");
}

std::string Rectangle(size_t series, uint64_t x, uint64_t y, uint64_t width, uint64_t height,
                      std::string_view hint) {
  return absl::StrCat("<rect class=\"s", series, "\" x=\"", x, "\" y=\"", y, "\" width=\"", width,
                      "\" height=\"", height, "\"><title>", HtmlEscaped(hint), "</title></rect>\n");
}

std::string Line(const char* css, uint64_t x1, uint64_t y1, uint64_t x2, uint64_t y2) {
  return absl::StrCat("<line class=\"", css, "\" x1=\"", x1, "\" y1=\"", y1, "\" x2=\"", x2,
                      "\" y2=\"", y2, "\"/>\n");
}

// "12345" as "12k", so that it fits above a column.
std::string Short(uint64_t value) {
  constexpr uint64_t kThousand = 1000;
  if (value >= 10 * kThousand * kThousand) {
    return absl::StrCat(value / (kThousand * kThousand), "M");
  }
  return value >= 10 * kThousand ? absl::StrCat(value / kThousand, "k") : absl::StrCat(value);
}

// `value` of `max` on a line of `length` units; at least one when there is anything.
uint64_t Scaled(uint64_t value, uint64_t max, uint64_t length) {
  if (value == 0 || max == 0) return 0;
  const double part = static_cast<double>(value) / static_cast<double>(max);
  return std::max<uint64_t>(1, static_cast<uint64_t>(part * static_cast<double>(length) + 0.5));
}

uint64_t ValueAt(const std::vector<uint64_t>& values, size_t i) {
  return i < values.size() ? values[i] : 0;
}

std::string Cut(const std::string& label) {
  if (label.size() <= kMaxLabelBytes) return label;
  size_t end = kMaxLabelBytes - 1;
  while (end > 0 && (static_cast<unsigned char>(label[end]) & 0xC0) == 0x80) --end;
  return label.substr(0, end) + "\xE2\x80\xA6";
}

}  // namespace

std::string HtmlEscaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += byte < 0x20 || byte == 0x7F ? ' ' : c;
    }
  }
  return out;
}

uint64_t AxisStep(uint64_t max) {
  for (uint64_t power = 1;; power *= 10) {
    for (const uint64_t step : {power, 2 * power, 5 * power}) {
      if (max / step < kSteps || (max / step == kSteps && max % step == 0)) return step;
    }
  }
}

std::string SvgColumns(const PlotName& name, const std::vector<std::string>& labels,
                       const std::vector<PlotSeries>& series) {
  uint64_t max = 1;
  for (const PlotSeries& one : series) {
    for (const uint64_t value : one.values) max = std::max(max, value);
  }
  const uint64_t step = AxisStep(max);
  const uint64_t top = (max + step - 1) / step * step;
  const uint64_t length = kHeight - kTop - kBottom;
  const uint64_t base = kTop + length;

  std::string svg = Open(name, kHeight);
  uint64_t legend = kLeft;
  for (size_t s = 0; s < series.size(); ++s) {
    absl::StrAppend(&svg, Rectangle(s, legend, 8, 12, 12, series[s].name),
                    Text("label", legend + 18, 19, "start", series[s].name));
    legend += 18 + 8 * series[s].name.size() + 24;
  }
  for (uint64_t tick = 0; tick <= top; tick += step) {
    const uint64_t y = base - Scaled(tick, top, length);
    absl::StrAppend(&svg, Line(tick == 0 ? "axis" : "grid", kLeft, y, kWidth - kRight, y),
                    Text("label", kLeft - 8, y + 4, "end", Short(tick)));
  }
  const uint64_t group = (kWidth - kLeft - kRight) / std::max<size_t>(labels.size(), 1);
  const uint64_t bar = (group - kGap) / std::max<size_t>(series.size(), 1);
  for (size_t i = 0; i < labels.size(); ++i) {
    const uint64_t left = kLeft + i * group + kGap / 2;
    for (size_t s = 0; s < series.size(); ++s) {
      const uint64_t value = ValueAt(series[s].values, i);
      if (value == 0) continue;
      const uint64_t height = Scaled(value, top, length);
      const uint64_t x = left + s * bar;
      absl::StrAppend(&svg,
                      Rectangle(s, x, base - height, bar - 2, height,
                                absl::StrCat(labels[i], ", ", series[s].name, ": ", value)),
                      Text("value", x + bar / 2 - 1, base - height - 4, "middle", Short(value)));
    }
    absl::StrAppend(&svg, Text("label", left + (group - kGap) / 2, base + 18, "middle", labels[i]));
  }
  return svg + "</svg>\n";
}

std::string SvgBars(const PlotName& name, const std::vector<std::string>& labels,
                    const std::vector<uint64_t>& values) {
  const uint64_t height = std::max<uint64_t>(labels.size(), 1) * kRow + 12;
  std::string svg = Open(name, height);
  uint64_t max = 0;
  for (const uint64_t value : values) max = std::max(max, value);
  absl::StrAppend(&svg, Line("axis", kLabelWidth, 4, kLabelWidth, height - 4));
  for (size_t i = 0; i < labels.size(); ++i) {
    const uint64_t y = 6 + i * kRow;
    const uint64_t value = ValueAt(values, i);
    const uint64_t length = Scaled(value, max, kWidth - kLabelWidth - kValueWidth);
    absl::StrAppend(&svg, Text("label", kLabelWidth - 8, y + 15, "end", Cut(labels[i])));
    if (value > 0) {
      absl::StrAppend(&svg, Rectangle(0, kLabelWidth, y + 2, length, kRow - 8,
                                      absl::StrCat(labels[i], ": ", value)));
    }
    absl::StrAppend(&svg,
                    Text("value", kLabelWidth + length + 6, y + 15, "start", absl::StrCat(value)));
  }
  if (labels.empty()) {
    absl::StrAppend(&svg, Text("label", kLabelWidth + 8, 21, "start", "none in the year"));
  }
  return svg + "</svg>\n";
}

}  // namespace kluis::audit
