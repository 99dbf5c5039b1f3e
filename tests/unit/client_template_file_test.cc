// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "client/template_file.h"

namespace kluis::client::template_file_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

class TemplateFileTest : public testing::Test {
 protected:
  ~TemplateFileTest() override { std::filesystem::remove(path_); }

  void Write(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }

  void WriteNpy(const std::vector<std::vector<float>>& rows) {
    std::filesystem::remove(path_);
    absl::StatusOr<NpyWriter> writer = NpyWriter::Create(path_, rows.size(), rows[0].size());
    ASSERT_TRUE(writer.ok());
    for (const std::vector<float>& row : rows) ASSERT_TRUE(writer->WriteRow(row).ok());
    ASSERT_TRUE(writer->Close().ok());
  }

  void ExpectRefused(const absl::Status& status, const std::string& message) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
    EXPECT_THAT(std::string(status.message()), HasSubstr(path_ + ": "));
  }

  void ExpectJsonRefused(const std::string& json, const std::string& message) {
    Write(json);
    ExpectRefused(TemplateBatch::Open(path_, 2).status(), message);
  }

  const std::string path_ = testing::TempDir() + "kluis_template_" +
                            testing::UnitTest::GetInstance()->current_test_info()->name();
};

using ReadTemplateTest = TemplateFileTest;
using TemplateBatchOpen = TemplateFileTest;
using TemplateBatchNext = TemplateFileTest;

TEST_F(ReadTemplateTest, ReadsNpyAndJsonByContentNotByName) {
  WriteNpy({{1.5F, -2.0F}});
  EXPECT_THAT(*ReadTemplate(path_, 2), ElementsAre(1.5F, -2.0F));
  for (const char* json : {"[1.5, -2]", " [[1.5e0,\n-20e-1]]\n"}) {
    Write(json);
    const absl::StatusOr<std::vector<float>> read = ReadTemplate(path_, 2);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_THAT(*read, ElementsAre(1.5F, -2.0F));
  }
}

TEST_F(ReadTemplateTest, RefusesABatch) {
  Write("[[1, 2], [3, 4], [5, 6]]");
  ExpectRefused(ReadTemplate(path_, 2).status(), "holds 3 templates where one is expected");
  WriteNpy({{1, 2}, {3, 4}});
  ExpectRefused(ReadTemplate(path_, 2).status(), "holds 2 templates where one is expected");
}

TEST_F(TemplateBatchNext, GivesEveryRowInOrderThenOutOfRange) {
  for (const bool json : {true, false}) {
    if (json) {
      Write("[[1, 2], [3, 4], [5, 6]]");
    } else {
      WriteNpy({{1, 2}, {3, 4}, {5, 6}});
    }
    absl::StatusOr<TemplateBatch> batch = TemplateBatch::Open(path_, 2);
    ASSERT_TRUE(batch.ok()) << batch.status();
    EXPECT_EQ(batch->size(), 3u);
    EXPECT_THAT(*batch->Next(), ElementsAre(1, 2));
    EXPECT_THAT(*batch->Next(), ElementsAre(3, 4));
    EXPECT_THAT(*batch->Next(), ElementsAre(5, 6));
    EXPECT_EQ(batch->Next().status().code(), absl::StatusCode::kOutOfRange);
    EXPECT_EQ(batch->size(), 3u);
  }
}

TEST_F(TemplateBatchNext, RefusesNanInfinityAndZeroNormWithTheirRow) {
  const std::vector<std::pair<std::vector<float>, std::string>> cases = {
      {{1, kNan}, "row 1, column 1 is NaN"},
      {{kInfinity, 1}, "row 1, column 0 is infinite"},
      {{-kInfinity, 1}, "row 1, column 0 is infinite"},
      {{0, -0.0F}, "row 1 is all zeros"}};
  for (const auto& [row, message] : cases) {
    WriteNpy({{1, 2}, row, {3, 4}});
    absl::StatusOr<TemplateBatch> batch = TemplateBatch::Open(path_, 2);
    ASSERT_TRUE(batch.ok());
    EXPECT_TRUE(batch->Next().ok());
    ExpectRefused(batch->Next().status(), message);
    ExpectRefused(batch->Next().status(), message);  // and does not go on
  }
  Write("[0, 0.0]");
  ExpectRefused(ReadTemplate(path_, 2).status(), "row 0 is all zeros");
}

TEST_F(TemplateBatchNext, TakesTheSmallestNormAboveZero) {
  WriteNpy({{std::numeric_limits<float>::denorm_min(), 0}});
  EXPECT_TRUE(ReadTemplate(path_, 2).ok());
}

TEST_F(TemplateBatchOpen, RefusesAnotherDimensionWithItsRow) {
  WriteNpy({{1, 2, 3}});
  ExpectRefused(TemplateBatch::Open(path_, 2).status(), "row 0 has 3 values");
  ExpectJsonRefused("[1]", "row 0 has 1 values; a template of this gallery has 2");
  ExpectJsonRefused("[[1, 2], [1, 2, 3]]", "row 1 has 3 values");
  ExpectJsonRefused("[[1, 2], []]", "row 1 has 0 values");
}

TEST_F(TemplateBatchOpen, RefusesADimensionOutOfRange) {
  Write("[1, 2]");
  EXPECT_EQ(TemplateBatch::Open(path_, 0).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(TemplateBatch::Open(path_, 4097).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(TemplateBatchOpen, RefusesJsonThatIsNotNumbersNestedOnceOrTwice) {
  ExpectJsonRefused("[]", "empty");
  ExpectJsonRefused("[[]]", "row 0 has 0 values");
  ExpectJsonRefused("[[[1, 2]]]", "nested more than twice");
  ExpectJsonRefused(std::string(1'000'000, '['), "nested more than twice");
  ExpectJsonRefused("[1, [2]]", "mixes numbers and arrays");
  ExpectJsonRefused("[[1, 2], 3]", "mixes numbers and arrays");
  ExpectJsonRefused("[1, 2, [3, 4]]", "mixes numbers and arrays");
  ExpectJsonRefused("[1, null]", "row 0, column 1 is null");
  ExpectJsonRefused("[[1, 2], [true, 2]]", "row 1, column 0 is true or false");
  ExpectJsonRefused("[\"1\", 2]", "row 0, column 0 is a string");
  ExpectJsonRefused("{\"embedding\": [1, 2]}", "'embedding'");
  ExpectJsonRefused("[{\"embedding\": [1, 2]}]", "'embedding'");
}

TEST_F(TemplateBatchOpen, RefusesBadJsonWithItsPlaceButNotItsText) {
  for (const char* json : {"[NaN, 1]", "[1, Infinity]", "[1, -Infinity]", "[1, 2", "[1 2]", "[1,]",
                           "[01, 2]", "[1, 2]]", "[1, 2] [3, 4]", "[0x1, 2]", "[", "[[1, 2]"}) {
    ExpectJsonRefused(json, "not JSON at byte");
  }
  Write("[1, 31337secret]");
  EXPECT_THAT(std::string(TemplateBatch::Open(path_, 2).status().message()),
              testing::Not(HasSubstr("31337")));
}

TEST_F(TemplateBatchOpen, RefusesJsonNumbersBeyondFloat32) {
  ExpectJsonRefused("[1, 3.5e38]", "row 0, column 1 is beyond float32's range");
  ExpectJsonRefused("[[1, 2], [-1e999, 2]]", "row 1, column 0 is beyond float32's range");
}

TEST_F(TemplateBatchOpen, RefusesOtherContent) {
  for (const char* content : {"", "  \n", "1.5", "1.5, 2.5", "\x80\x04\x95", "PK\x03\x04"}) {
    ExpectJsonRefused(content, "neither a .npy file nor a JSON array of numbers");
  }
}

TEST_F(TemplateBatchOpen, RefusesJsonOver64MiB) {
  Write("[1, 2]");
  std::filesystem::resize_file(path_, kJsonMaxBytes + 1);
  ExpectRefused(TemplateBatch::Open(path_, 2).status(), "over 64 MiB");
}

TEST_F(TemplateBatchOpen, TellsWhatIsNotAFile) {
  EXPECT_EQ(TemplateBatch::Open(path_, 2).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(TemplateBatch::Open(testing::TempDir(), 2).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace kluis::client::template_file_test
