// SPDX-License-Identifier: Apache-2.0
// A program of many tests: with names of files, without their ends, it runs the tests of these
// alone, as ctest asks for; without any it runs all. Fails when a named file has no test.
#include <cstdio>
#include <string>
#include <string_view>

#include "gtest/gtest.h"

namespace {

// As --gtest_filter takes it, with a colon after each; empty when `name` has no test.
std::string TestsOf(std::string_view name) {
  const std::string file = '/' + std::string(name) + ".cc";
  std::string filter;
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const testing::TestSuite& suite = *all.GetTestSuite(i);
    for (int j = 0; j < suite.total_test_count(); ++j) {
      const testing::TestInfo& test = *suite.GetTestInfo(j);
      if (!std::string_view(test.file()).ends_with(file)) continue;
      filter += std::string(suite.name()) + '.' + test.name() + ':';
    }
  }
  return filter;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  std::string filter;
  for (int i = 1; i < argc; ++i) {
    const std::string tests = TestsOf(argv[i]);
    if (tests.empty()) {
      std::fprintf(stderr, "%s: no file %s.cc with tests is in this program\n", argv[0], argv[i]);
      return 1;
    }
    filter += tests;
  }
  if (!filter.empty()) GTEST_FLAG_SET(filter, filter);
  return RUN_ALL_TESTS();
}
