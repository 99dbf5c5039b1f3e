// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string_view>

#include "client/det_plot.h"

namespace kluis::client::det_plot_test {
namespace {

v1::EvaluationReport Report() {
  v1::EvaluationReport report;
  report.set_purpose("purposes/error-rates");
  report.set_algorithm("arcface-512/1");
  report.set_gallery_size(1000);
  report.set_mated_probes(1000);
  report.set_non_mated_probes(1000);
  report.set_threshold_policy("normal-tail/1 fpir=0.003 n=1000");
  report.mutable_at_policy_cut()->set_false_positives(10);
  report.mutable_at_policy_cut()->set_false_negatives(100);
  for (const auto& [positives, negatives] : {std::pair{0u, 300u}, {10u, 100u}, {100u, 0u}}) {
    report.add_trade_off()->set_false_positives(positives);
    report.mutable_trade_off()->rbegin()->set_false_negatives(negatives);
  }
  return report;
}

size_t Count(std::string_view text, std::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) {
    ++count;
  }
  return count;
}

// Four decades, 0.0001 to 1, over 626 units across and 412 up.
TEST(DetSvg, PutsEachPointWhereItsRatesAreOnLogarithmicAxes) {
  const std::string svg = DetSvg(Report());
  EXPECT_NE(svg.find("cx=\"387.0\" cy=\"155.0\" r=\"2.5\""), std::string::npos)
      << "FPIR 0.01 and FNIR 0.1: two and three of four decades\n"
      << svg;
  EXPECT_NE(svg.find("cx=\"543.5\" cy=\"392.0\" r=\"2.5\""), std::string::npos)
      << "no false negative of 1,000: half an error";
  EXPECT_EQ(Count(svg, "class=\"point\""), 3u);
  EXPECT_NE(svg.find("d=\"M183.4 105.9H387.0V155.0H543.5V392.0\""), std::string::npos) << "steps";
}

TEST(DetSvg, MarksThePolicysCutWithItsIntervals) {
  const std::string svg = DetSvg(Report());
  EXPECT_EQ(Count(svg, "<circle class=\"cut\""), 1u);
  EXPECT_EQ(Count(svg, "<line class=\"cut\""), 2u);
  EXPECT_NE(svg.find("FPIR 0.0100 (0.0054 to 0.0183), FNIR 0.1000 (0.0829 to 0.1202)"),
            std::string::npos);
}

TEST(DetSvg, SaysInWordsWhatItShowsAndObeysNoName) {
  v1::EvaluationReport report = Report();
  report.set_purpose("purposes/<script>");
  const std::string svg = DetSvg(report);
  EXPECT_TRUE(svg.starts_with("<svg "));
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_NE(svg.find("role=\"img\""), std::string::npos);
  EXPECT_NE(
      svg.find("<title id=\"det-title\">Detection error trade-off of purposes/&lt;script&gt;"),
      std::string::npos);
  EXPECT_NE(svg.find("1000 mated and 1000 non-mated probes among 1000 templates of arcface-512/1"),
            std::string::npos);
  EXPECT_EQ(svg.find("<script"), std::string::npos);
}

TEST(DetSvg, StandsWithoutAnyPoint) {
  v1::EvaluationReport report = Report();
  report.clear_trade_off();
  const std::string svg = DetSvg(report);
  EXPECT_EQ(Count(svg, "class=\"curve\""), 0u);
  EXPECT_EQ(Count(svg, "<svg"), 1u);
}

TEST(DetHtml, IsOnePageThatLoadsNothing) {
  const std::string html = DetHtml(Report());
  EXPECT_TRUE(html.starts_with("<!DOCTYPE html>"));
  for (const char* loads : {"http:", "https:", "src=", "href=", "url(", "@import", "<script"}) {
    EXPECT_EQ(html.find(loads), std::string::npos) << loads;
  }
  EXPECT_EQ(Count(html, "<svg"), 1u);
  EXPECT_NE(html.find("<td>FPIR at most 0.01</td><td>0.0100 (0.0054 to 0.0183)</td>"),
            std::string::npos);
  EXPECT_NE(html.find("the policy&#39;s: normal-tail/1 fpir=0.003 n=1000"), std::string::npos);
}

}  // namespace
}  // namespace kluis::client::det_plot_test
