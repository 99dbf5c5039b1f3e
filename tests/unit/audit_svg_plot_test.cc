// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "audit/report/svg_plot.h"

namespace kluis::audit::svg_plot_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

size_t CountOf(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(AxisStep, DividesIntoAtMostFiveReadableSteps) {
  EXPECT_EQ(AxisStep(0), 1U);
  EXPECT_EQ(AxisStep(1), 1U);
  EXPECT_EQ(AxisStep(5), 1U);
  EXPECT_EQ(AxisStep(6), 2U);
  EXPECT_EQ(AxisStep(10), 2U);
  EXPECT_EQ(AxisStep(11), 5U);
  EXPECT_EQ(AxisStep(26), 10U);
  EXPECT_EQ(AxisStep(1000), 200U);
  for (uint64_t max = 1; max < 3000; ++max) EXPECT_LE((max - 1) / AxisStep(max) + 1, 5U) << max;
}

TEST(SvgColumns, HasOneBarForEachValueAboveZero) {
  const std::string svg = SvgColumns({"p", "T", "D"}, {"Jan", "Feb", "Mar"},
                                     {{"searches", {4, 0, 7}}, {"hits", {1, 0, 0}}});
  EXPECT_EQ(CountOf(svg, "<rect class=\"s0\""), 2U + 1U);  // and the legend
  EXPECT_EQ(CountOf(svg, "<rect class=\"s1\""), 1U + 1U);
  EXPECT_THAT(svg, AllOf(HasSubstr("Mar, searches: 7"), HasSubstr(">Feb</text>"),
                         HasSubstr("aria-labelledby=\"p-title p-desc\"")));
}

TEST(SvgColumns, DrawsAnEmptyYear) {
  const std::string svg = SvgColumns({"p", "T", "D"}, {"Jan"}, {{"searches", {0}}});
  EXPECT_EQ(CountOf(svg, "<rect"), 1U);
  EXPECT_THAT(svg, HasSubstr(">Jan</text>"));
}

TEST(SvgColumns, StaysInsideForAnyValue) {
  const uint64_t huge = 1'000'000'000'000;
  const std::string svg = SvgColumns({"p", "T", "D"}, {"Jan", "Feb"}, {{"s", {huge, 1}}});
  EXPECT_THAT(svg, AllOf(Not(HasSubstr("=\"-")), HasSubstr("1000000M")));
}

TEST(SvgBars, KeepsTheOrderAndShowsZero) {
  const std::string svg = SvgBars({"p", "T", "D"}, {"first", "second"}, {3, 0});
  EXPECT_LT(svg.find(">first<"), svg.find(">second<"));
  EXPECT_EQ(CountOf(svg, "<rect"), 1U);
  EXPECT_THAT(svg, HasSubstr(">0</text>"));
}

TEST(SvgBars, SaysWhenThereIsNothing) {
  EXPECT_THAT(SvgBars({"p", "T", "D"}, {}, {}), HasSubstr("none in the year"));
}

TEST(SvgBars, CutsALongLabelBetweenCharacters) {
  const std::string label = std::string(32, 'a') + "\xC3\xA9\xC3\xA9\xC3\xA9";
  const std::string svg = SvgBars({"p", "T", "D"}, {label}, {1});
  EXPECT_THAT(svg, HasSubstr(">" + std::string(32, 'a') + "\xE2\x80\xA6<"));
}

TEST(HtmlEscaped, LeavesNoMarkup) {
  EXPECT_EQ(HtmlEscaped("<a href=\"x\" b='y'>&\n\x7f"),
            "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;  ");
  const std::string svg = SvgBars({"p", "<t>", "<d>"}, {"<l>"}, {1});
  EXPECT_THAT(svg, AllOf(Not(HasSubstr("<t>")), Not(HasSubstr("<d>")), Not(HasSubstr("<l>"))));
}

}  // namespace
}  // namespace kluis::audit::svg_plot_test
