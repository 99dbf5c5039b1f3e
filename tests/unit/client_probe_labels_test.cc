// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "client/probe_labels.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::client::probe_labels_test {
namespace {

constexpr char kSubject[] = "subjects/0123456789abcdef0123456789abcdef";

class ProbeLabels : public testing::Test {
 protected:
  absl::StatusOr<std::vector<std::string>> Read(const std::string& text, uint64_t probes) {
    const std::string path = scratch_.path() + "/labels.csv";
    std::ofstream(path, std::ios::binary) << text;
    return ReadProbeLabels(path, probes);
  }

  ScratchDirectory scratch_;
};

TEST_F(ProbeLabels, AreALineAProbe) {
  const auto labels = Read(absl::StrCat(kSubject, "\n-\n\n", kSubject, "\r\n"), 4);
  ASSERT_TRUE(labels.ok()) << labels.status();
  EXPECT_EQ(*labels, (std::vector<std::string>{kSubject, "", "", kSubject}));
  EXPECT_TRUE(Read("-\n-", 2).ok()) << "the last line without its end";
}

TEST_F(ProbeLabels, NameTheLineThatIsNoSubject) {
  const auto labels = Read("-\nsubjects/0123\n", 2);
  EXPECT_TRUE(absl::IsInvalidArgument(labels.status()));
  EXPECT_NE(labels.status().message().find("line 2"), std::string::npos) << labels.status();
  EXPECT_FALSE(Read("Jan\n", 1).ok());
  EXPECT_FALSE(Read(absl::StrCat(kSubject, "0\n"), 1).ok());
}

TEST_F(ProbeLabels, AreAsManyAsTheProbes) {
  EXPECT_FALSE(Read("-\n-\n", 3).ok());
  EXPECT_FALSE(Read("-\n-\n", 1).ok());
  EXPECT_FALSE(Read("", 1).ok());
  EXPECT_FALSE(ReadProbeLabels(scratch_.path() + "/none", 1).ok());
}

}  // namespace
}  // namespace kluis::client::probe_labels_test
