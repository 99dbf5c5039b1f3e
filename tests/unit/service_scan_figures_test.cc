// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "service/gallery/scan_figures.h"

namespace kluis::service::scan_figures_test {
namespace {

TEST(ScanFigures, AreAllZeroWithoutAScan) {
  const ScanFigures::Summary summary = ScanFigures().Recent();
  EXPECT_EQ(summary.searches, 0u);
  EXPECT_EQ(summary.templates_per_second, 0);
  EXPECT_EQ(summary.survivors, 0);
  EXPECT_EQ(summary.queue_seconds_max, 0);
}

TEST(ScanFigures, AreMeansOfTheLast64AndTheCountOfAll) {
  ScanFigures figures;
  figures.Add({.compared = 1e9, .survivors = 1, .queue_seconds = 1e9, .scan_seconds = 1});
  for (size_t i = 0; i < ScanFigures::kRecent; ++i) {
    figures.Add({.compared = 1000,
                 .survivors = i % 2 == 0 ? 2.0 : 4.0,
                 .queue_seconds = i == 5 ? 0.64 : 0,
                 .scan_seconds = 0.5});
  }
  const ScanFigures::Summary summary = figures.Recent();
  EXPECT_EQ(summary.searches, 65u);
  EXPECT_DOUBLE_EQ(summary.templates_per_second, 2000);
  EXPECT_DOUBLE_EQ(summary.queue_seconds_mean, 0.01);
  EXPECT_DOUBLE_EQ(summary.queue_seconds_max, 0.64);
}

// What survives of one search tells how near it came to strangers.
TEST(ScanFigures, SayHowManySurviveOfWhole64SearchesOnly) {
  ScanFigures figures;
  for (size_t i = 0; i + 1 < ScanFigures::kRecent; ++i) figures.Add({.survivors = 3});
  EXPECT_EQ(figures.Recent().survivors, 0);
  figures.Add({.survivors = 67});
  EXPECT_DOUBLE_EQ(figures.Recent().survivors, 4);
  figures.Add({.survivors = 1e9});
  EXPECT_DOUBLE_EQ(figures.Recent().survivors, 4);
}

TEST(ScanFigures, CountOnlyWhatThereWas) {
  ScanFigures figures;
  figures.Add({.compared = 10, .survivors = 1, .queue_seconds = 2, .scan_seconds = 5});
  EXPECT_DOUBLE_EQ(figures.Recent().templates_per_second, 2);
  EXPECT_DOUBLE_EQ(figures.Recent().queue_seconds_mean, 2);
}

}  // namespace
}  // namespace kluis::service::scan_figures_test
