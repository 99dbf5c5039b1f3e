// SPDX-License-Identifier: Apache-2.0
#include "client/det_plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "absl/strings/str_cat.h"
#include "audit/report/svg_plot.h"
#include "client/error_rates.h"

namespace kluis::client {
namespace {

using audit::HtmlEscaped;

constexpr double kWidth = 720;
constexpr char kCutLabel[] = "the policy's cut, 95 % intervals";
constexpr double kHeight = 520;
constexpr double kLeft = 74;
constexpr double kRight = 20;
constexpr double kTop = 52;
constexpr double kBottom = 56;

constexpr char kStyle[] = R"(
.det { --paper: #ffffff; --ink: #1b1f24; --quiet: #57606a; --rule: #d8dee4; --curve: #2f6690;
  --cut: #c8691c; }
@media (prefers-color-scheme: dark) { .det { --paper: #14171b; --ink: #e6e9ec; --quiet: #9aa4ae;
  --rule: #343a41; --curve: #7fb4dc; --cut: #f0a35a; } }
.det .paper { fill: var(--paper); }
.det text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.det .label { fill: var(--quiet); }
.det .grid { stroke: var(--rule); } .det .axis { stroke: var(--quiet); fill: none; }
.det .curve { stroke: var(--curve); stroke-width: 2; fill: none; }
.det .point { fill: var(--curve); } .det .cut { fill: var(--cut); stroke: var(--cut); }
)";

constexpr char kPageStyle[] = R"(
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1b1f24; --quiet: #57606a;
  --rule: #d8dee4; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --ink: #e6e9ec; --quiet: #9aa4ae;
  --rule: #343a41; } }
body { margin: 0 auto; max-width: 56rem; padding: 2rem 1.25rem 4rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; } p.note { color: var(--quiet); font-size: .9rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; }
th, td { padding: .3rem 1.2rem .3rem 0; text-align: left; border-bottom: 1px solid var(--rule);
  font-variant-numeric: tabular-nums; }
thead th { color: var(--quiet); font-size: .9rem; }
figure { margin: 2rem 0; } svg { width: 100%; height: auto; display: block; }
)";

// One decimal, so that files do not differ in the last bit of a double.
std::string Units(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", value);
  return text;
}

// A logarithmic axis from a power of ten below all that `trials` can show, to 1.
class Axis {
 public:
  Axis(uint64_t trials, double from, double to) : from_(from), to_(to) {
    decades_ = static_cast<int>(
        std::ceil(std::log10(2.0 * static_cast<double>(std::max<uint64_t>(trials, 5)))));
  }
  int decades() const { return decades_; }
  double At(double rate) const {
    const double place = 1 + std::log10(std::clamp(rate, std::pow(10, -decades_), 1.0)) / decades_;
    return from_ + place * (to_ - from_);
  }
  // A rate that was counted; none of its errors is half of one.
  double At(const ErrorRate& rate) const {
    return At(rate.errors == 0 ? 0.5 / static_cast<double>(rate.trials) : rate.rate);
  }

 private:
  double from_;
  double to_;
  int decades_ = 1;
};

std::string Text(const char* css, double x, double y, const char* anchor, std::string_view text) {
  return absl::StrCat("<text class=\"", css, "\" x=\"", Units(x), "\" y=\"", Units(y),
                      "\" text-anchor=\"", anchor, "\">", HtmlEscaped(text), "</text>\n");
}

std::string Line(const char* css, double x1, double y1, double x2, double y2) {
  return absl::StrCat("<line class=\"", css, "\" x1=\"", Units(x1), "\" y1=\"", Units(y1),
                      "\" x2=\"", Units(x2), "\" y2=\"", Units(y2), "\"/>\n");
}

std::string Decade(int power) {
  if (power == 0) return "1";
  return absl::StrCat("0.", std::string(static_cast<size_t>(-power) - 1, '0'), "1");
}

std::string Grid(const Axis& x, const Axis& y) {
  const double base = kHeight - kBottom;
  std::string svg;
  for (int power = -x.decades(); power <= 0; ++power) {
    const double at = x.At(std::pow(10, power));
    absl::StrAppend(&svg, Line("grid", at, kTop, at, base),
                    Text("label", at, base + 18, "middle", Decade(power)));
  }
  for (int power = -y.decades(); power <= 0; ++power) {
    const double at = y.At(std::pow(10, power));
    absl::StrAppend(&svg, Line("grid", kLeft, at, kWidth - kRight, at),
                    Text("label", kLeft - 8, at + 4, "end", Decade(power)));
  }
  absl::StrAppend(&svg, "<path class=\"axis\" d=\"M", Units(kLeft), " ", Units(kTop), "V",
                  Units(base), "H", Units(kWidth - kRight), "\"/>\n",
                  Text("label", (kLeft + kWidth - kRight) / 2, kHeight - 14, "middle",
                       "FPIR: non-mated searches that find anybody"),
                  "<text class=\"label\" transform=\"translate(18 ", Units((kTop + base) / 2),
                  ") rotate(-90)\" text-anchor=\"middle\">FNIR: mated searches that do not find "
                  "their mate first</text>\n");
  return svg;
}

std::string Words(const v1::EvaluationReport& report) {
  return absl::StrCat(report.mated_probes(), " mated and ", report.non_mated_probes(),
                      " non-mated probes among ", report.gallery_size(), " templates of ",
                      report.algorithm());
}

std::string Hint(const CutRates& rates) {
  return absl::StrCat("FPIR ", RateText(rates.fpir), ", FNIR ", RateText(rates.fnir));
}

std::string Title(const v1::EvaluationReport& report) {
  return "Detection error trade-off of " + report.purpose();
}

// The plot in a page or by itself.
std::string Plot(const v1::EvaluationReport& report, const char* attributes) {
  const Axis x(report.non_mated_probes(), kLeft, kWidth - kRight);
  const Axis y(report.mated_probes(), kHeight - kBottom, kTop);
  std::string svg = absl::StrCat(
      "<svg class=\"det\" role=\"img\"", attributes,
      " viewBox=\"0 0 720 520\" "
      "aria-labelledby=\"det-title det-desc\">\n<title id=\"det-title\">",
      HtmlEscaped(Title(report)), "</title>\n<desc id=\"det-desc\">", HtmlEscaped(Words(report)),
      ". Both axes are logarithmic; the lower left is better.</desc>\n<style>", kStyle,
      "</style>\n<rect class=\"paper\" width=\"720\" height=\"520\"/>\n",
      Text("title", kLeft, 20, "start", Title(report)),
      Text("label", kLeft, 38, "start", Words(report)), Grid(x, y));
  std::string path;
  std::string points;
  for (const v1::ErrorCounts& counts : report.trade_off()) {
    const CutRates rates = RatesOf(report, counts);
    const double across = x.At(rates.fpir);
    const double up = y.At(rates.fnir);
    // A step: between two counted cuts FNIR is that of the stricter one at most.
    if (path.empty()) {
      path = absl::StrCat("M", Units(across), " ", Units(up));
    } else {
      absl::StrAppend(&path, "H", Units(across), "V", Units(up));
    }
    absl::StrAppend(&points, "<circle class=\"point\" cx=\"", Units(across), "\" cy=\"", Units(up),
                    "\" r=\"2.5\"><title>", HtmlEscaped(Hint(rates)), "</title></circle>\n");
  }
  if (!path.empty()) absl::StrAppend(&svg, "<path class=\"curve\" d=\"", path, "\"/>\n", points);

  const CutRates cut = RatesOf(report, report.at_policy_cut());
  const double across = x.At(cut.fpir);
  const double up = y.At(cut.fnir);
  absl::StrAppend(&svg, Line("cut", x.At(cut.fpir.low), up, x.At(cut.fpir.high), up),
                  Line("cut", across, y.At(cut.fnir.low), across, y.At(cut.fnir.high)),
                  "<circle class=\"cut\" cx=\"", Units(across), "\" cy=\"", Units(up),
                  "\" r=\"5\"><title>", HtmlEscaped(Hint(cut)), "</title></circle>\n",
                  across > kWidth / 2 ? Text("label", across - 10, up - 8, "end", kCutLabel)
                                      : Text("label", across + 10, up - 8, "start", kCutLabel));
  return svg + "</svg>\n";
}

std::string Row(std::string_view what, const CutRates& rates) {
  return absl::StrCat("<tr><td>", HtmlEscaped(what), "</td><td>", RateText(rates.fpir), "</td><td>",
                      RateText(rates.fnir), "</td></tr>\n");
}

}  // namespace

std::string DetSvg(const v1::EvaluationReport& report) {
  return Plot(report, " xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"520\"");
}

std::string DetHtml(const v1::EvaluationReport& report) {
  std::string html = absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
      HtmlEscaped(Title(report)), "</title>\n<style>", kPageStyle,
      "</style>\n</head>\n<body>\n<h1>", HtmlEscaped(Title(report)), "</h1>\n<p>",
      HtmlEscaped(Words(report)), ". ", report.left_out(),
      " probes were left out: their subject has no template here.</p>\n",
      "<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">cut</th><th scope=\"col\">FPIR"
      "</th><th scope=\"col\">FNIR (rank 1)</th></tr></thead>\n<tbody>\n",
      Row("the policy's: " + report.threshold_policy(), RatesOf(report, report.at_policy_cut())));
  for (const TargetRates& at : RatesAtTargets(report)) {
    html += Row(absl::StrCat("FPIR at most ", at.target), at.rates);
  }
  absl::StrAppend(
      &html,
      "</tbody></table></div>\n<p class=\"note\">In brackets: 95 % intervals (Wilson 1927). ",
      "FNIR and FPIR as in ISO/IEC 19795-1; a mated search counts as found only when its mate is "
      "the first.</p>\n<figure>\n",
      Plot(report, ""), "</figure>\n</body>\n</html>\n");
  return html;
}

}  // namespace kluis::client
