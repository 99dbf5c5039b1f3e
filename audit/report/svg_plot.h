// SPDX-License-Identifier: Apache-2.0
// Bar plots as inline SVG, for pages that load nothing: each has a title and a description for
// screen readers, its axis and its values in text. Colours and fonts come from the page's CSS:
// classes plot, axis, grid, value, label, s0 and s1. Pure functions, thread-safe.
#ifndef KLUIS_AUDIT_REPORT_SVG_PLOT_H_
#define KLUIS_AUDIT_REPORT_SVG_PLOT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kluis::audit {

// What a plot is called: `id` is unique on the page, of letters and digits.
struct PlotName {
  std::string id;
  std::string title;
  std::string description;
};

struct PlotSeries {
  std::string name;
  std::vector<uint64_t> values;  // one for each label
};

// `text` without a character that HTML or SVG would obey; control characters become spaces.
std::string HtmlEscaped(std::string_view text);

// The smallest of 1, 2, 5, 10, 20, 50, ... that divides 0 to `max` into at most five steps.
uint64_t AxisStep(uint64_t max);

// Columns side by side for one or two series, a label below each group. 720 by 280 units.
std::string SvgColumns(const PlotName& name, const std::vector<std::string>& labels,
                       const std::vector<PlotSeries>& series);

// One bar to the right for each label, in the given order; labels longer than 34 bytes are cut.
// 720 units wide.
std::string SvgBars(const PlotName& name, const std::vector<std::string>& labels,
                    const std::vector<uint64_t>& values);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_REPORT_SVG_PLOT_H_
