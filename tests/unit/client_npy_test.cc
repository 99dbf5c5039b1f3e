// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <bit>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>

#include "client/npy.h"

namespace kluis::client::npy_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

// The bytes of a .npy file.
std::string Npy(const std::string& header, const std::string& data, int major = 1) {
  std::string file(kNpyMagic);
  file += static_cast<char>(major);
  file += '\0';
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) {
    file += static_cast<char>((header.size() >> (8 * i)) & 0xff);
  }
  return file + header + data;
}

std::string Header(const std::string& descr, const std::string& order, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

// The values as little-endian items, or big-endian.
template <typename Float, typename Bits>
std::string Items(const std::vector<Float>& values, bool big_endian = false) {
  std::string bytes;
  for (const Float value : values) {
    const auto bits = std::bit_cast<Bits>(value);
    for (size_t i = 0; i < sizeof(Bits); ++i) {
      const size_t byte = big_endian ? sizeof(Bits) - 1 - i : i;
      bytes += static_cast<char>((bits >> (8 * byte)) & 0xff);
    }
  }
  return bytes;
}

std::string F4(const std::vector<float>& values, bool big_endian = false) {
  return Items<float, uint32_t>(values, big_endian);
}

std::string F8(const std::vector<double>& values, bool big_endian = false) {
  return Items<double, uint64_t>(values, big_endian);
}

class NpyTest : public testing::Test {
 protected:
  ~NpyTest() override { std::filesystem::remove(path_); }

  absl::StatusOr<NpyReader> Open(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary) << bytes;
    return NpyReader::Open(path_);
  }

  std::vector<std::vector<float>> Rows(const std::string& bytes) {
    absl::StatusOr<NpyReader> reader = Open(bytes);
    EXPECT_TRUE(reader.ok()) << reader.status();
    std::vector<std::vector<float>> rows;
    if (!reader.ok()) return rows;
    std::vector<float> row(reader->dimension());
    absl::Status read;
    while ((read = reader->ReadRow(row)).ok()) rows.push_back(row);
    EXPECT_EQ(read.code(), absl::StatusCode::kOutOfRange) << read;
    EXPECT_EQ(rows.size(), reader->rows());
    return rows;
  }

  void ExpectRefused(const std::string& bytes, const std::string& message) {
    const absl::Status status = Open(bytes).status();
    EXPECT_EQ(status.code(), kInvalid) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
    EXPECT_THAT(std::string(status.message()), HasSubstr(path_ + ": "));
  }

  const std::string path_ = testing::TempDir() + "kluis_npy_" +
                            testing::UnitTest::GetInstance()->current_test_info()->name() + ".npy";
};

using NpyReaderOpen = NpyTest;
using NpyReaderReadRow = NpyTest;
using NpyWriterTest = NpyTest;

const std::vector<float> kSix = {1, 2, 3, 4, 5, 6};
const std::vector<double> kSixDoubles = {1, 2, 3, 4, 5, 6};

// numpy.save of NumPy 1.24: numpy.array([[0.5, -2.0]], dtype='float32').
TEST_F(NpyReaderReadRow, ReadsAFileOfNumPy) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }";
  header.resize(117, ' ');
  const std::string data("\x00\x00\x00\x3f\x00\x00\x00\xc0", 8);
  EXPECT_THAT(Rows(Npy(header + "\n", data)), ElementsAre(ElementsAre(0.5F, -2.0F)));
}

TEST_F(NpyReaderReadRow, ReadsEveryDtypeOrderAndVersionAlike) {
  const auto expected = ElementsAre(ElementsAre(1, 2, 3), ElementsAre(4, 5, 6));
  for (const int version : {1, 2, 3}) {
    const auto file = [&](const char* dtype, const std::string& data) {
      return Npy(Header(dtype, "False", "(2, 3)"), data, version);
    };
    EXPECT_THAT(Rows(file("<f4", F4(kSix))), expected);
    EXPECT_THAT(Rows(file(">f4", F4(kSix, true))), expected);
    EXPECT_THAT(Rows(file("<f8", F8(kSixDoubles))), expected);
    EXPECT_THAT(Rows(file(">f8", F8(kSixDoubles, true))), expected);
  }
  EXPECT_THAT(Rows(Npy(Header("<f4", "True", "(2, 3)"), F4({1, 4, 2, 5, 3, 6}))), expected);
  EXPECT_THAT(Rows(Npy(Header(">f8", "True", "(2, 3)"), F8({1, 4, 2, 5, 3, 6}, true))), expected);
}

TEST_F(NpyReaderReadRow, A1DArrayIsOneRowInEitherOrder) {
  for (const char* order : {"True", "False"}) {
    EXPECT_THAT(Rows(Npy(Header("<f4", order, "(6,)"), F4(kSix))), ElementsAre(kSix));
  }
}

TEST_F(NpyReaderReadRow, FortranOrderIsTransposedAcrossBlocks) {
  constexpr uint64_t kRows = 200'000, kColumns = 3;  // 2.4 MB: more than two blocks
  std::vector<float> values;
  for (uint64_t c = 0; c < kColumns; ++c) {
    for (uint64_t r = 0; r < kRows; ++r) values.push_back(static_cast<float>(r * kColumns + c));
  }
  const auto rows = Rows(Npy(Header("<f4", "True", "(200000, 3)"), F4(values)));
  ASSERT_EQ(rows.size(), kRows);
  for (uint64_t r = 0; r < kRows; ++r) {
    const auto first = static_cast<float>(r * kColumns);
    ASSERT_THAT(rows[r], ElementsAre(first, first + 1, first + 2)) << r;
  }
}

TEST_F(NpyReaderReadRow, PassesOnNanAndInfinity) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const auto rows = Rows(Npy(Header("<f8", "False", "(3,)"), F8({nan, infinity, -infinity})));
  EXPECT_TRUE(std::isnan(rows[0][0]));
  EXPECT_TRUE(std::isinf(rows[0][1]));
  EXPECT_TRUE(std::isinf(rows[0][2]));
}

TEST_F(NpyReaderReadRow, RefusesAFloat64BeyondFloat32) {
  absl::StatusOr<NpyReader> reader =
      Open(Npy(Header("<f8", "False", "(2, 2)"), F8({1, 3.4028234663852886e38, 2, -3.5e38})));
  ASSERT_TRUE(reader.ok());
  std::vector<float> row(2);
  EXPECT_TRUE(reader->ReadRow(row).ok());
  const absl::Status status = reader->ReadRow(row);
  EXPECT_EQ(status.code(), kInvalid);
  EXPECT_THAT(std::string(status.message()), HasSubstr("row 1, column 1 is beyond float32"));
}

TEST_F(NpyReaderReadRow, RefusesASpanOfAnotherLength) {
  absl::StatusOr<NpyReader> reader = Open(Npy(Header("<f4", "False", "(2, 3)"), F4(kSix)));
  ASSERT_TRUE(reader.ok());
  std::vector<float> row(4);
  EXPECT_EQ(reader->ReadRow(row).code(), kInvalid);
}

TEST_F(NpyReaderReadRow, RefusesAFileThatBecameShorter) {
  absl::StatusOr<NpyReader> reader = Open(Npy(Header("<f4", "False", "(2, 3)"), F4(kSix)));
  ASSERT_TRUE(reader.ok());
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 1);
  std::vector<float> row(3);
  for (int attempt = 0; attempt < 2; ++attempt) {
    const absl::Status status = reader->ReadRow(row);
    EXPECT_EQ(status.code(), kInvalid);
    EXPECT_THAT(std::string(status.message()), HasSubstr("became shorter"));
  }
}

TEST_F(NpyReaderOpen, RefusesEveryTruncationAndEveryTrailingByte) {
  const std::string file = Npy(Header("<f4", "False", "(2, 3)"), F4(kSix));
  for (size_t size = 0; size < file.size(); ++size) {
    ExpectRefused(file.substr(0, size), size < kNpyMagic.size() ? "not a .npy file" : "truncated");
  }
  ExpectRefused(file + 'x', "1 bytes after the array");
}

TEST_F(NpyReaderOpen, NeverCrashesOnAFlippedBit) {
  const std::string file = Npy(Header("<f4", "False", "(2, 3)"), F4(kSix));
  const size_t data = file.size() - 24;
  for (size_t bit = 0; bit < 8 * file.size(); ++bit) {
    std::string flipped = file;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const absl::StatusOr<NpyReader> reader = Open(flipped);
    EXPECT_TRUE(reader.ok() || bit / 8 < data) << bit;
    EXPECT_TRUE(reader.ok() || reader.status().code() == kInvalid) << bit;
  }
}

TEST_F(NpyReaderOpen, RefusesAnotherFormatOrVersion) {
  const std::string header = Header("<f4", "False", "(1,)");
  ExpectRefused("[1, 2]", "save the array with numpy.save");
  ExpectRefused("\x93NUMPX\x01", "not a .npy file");
  ExpectRefused(Npy(header, F4({1}), 4), "version 4.0; only 1.0, 2.0 and 3.0");
  std::string minor = Npy(header, F4({1}));
  minor[7] = 1;
  ExpectRefused(minor, "version 1.1");
}

TEST_F(NpyReaderOpen, RefusesAHeaderOver64KiBBeforeReadingIt) {
  std::string header = Header("<f4", "False", "(1,)");
  header.resize(64 * 1024, ' ');
  EXPECT_TRUE(Open(Npy(header, F4({1}), 2)).ok());
  ExpectRefused(Npy(header + ' ', F4({1}), 2), "over 64 KiB");
  ExpectRefused(std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12), "over 64 KiB");
}

TEST_F(NpyReaderOpen, RefusesAPromiseOfMoreThanTheFileHolds) {
  ExpectRefused(Npy(Header("<f8", "False", "(10000000, 4096)"), ""), "truncated");
}

TEST_F(NpyReaderOpen, TellsWhatIsNotAFile) {
  EXPECT_EQ(NpyReader::Open(path_ + ".none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(NpyReader::Open(testing::TempDir()).status().code(), kInvalid);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(NpyReader::Open(path_).status().code(), kInvalid);
}

void ExpectHeaderRefused(const std::string& header, const std::string& message) {
  const absl::Status status = ParseNpyHeader(header).status();
  EXPECT_EQ(status.code(), kInvalid) << header;
  EXPECT_THAT(std::string(status.message()), HasSubstr(message)) << header;
}

TEST(ParseNpyHeader, TakesKeysInAnyOrderWithOrWithoutATrailingComma) {
  for (const char* text :
       {"{\"shape\":(2,3,),'fortran_order':True,'descr':'>f8'}",
        " { 'fortran_order' : True , 'descr' : '>f8', 'shape': ( 2 , 3 ) , } \n"}) {
    const absl::StatusOr<NpyHeader> header = ParseNpyHeader(text);
    ASSERT_TRUE(header.ok()) << header.status();
    EXPECT_TRUE(header->big_endian);
    EXPECT_TRUE(header->fortran_order);
    EXPECT_EQ(header->item_bytes, 8u);
    EXPECT_EQ(header->rows, 2u);
    EXPECT_EQ(header->columns, 3u);
  }
}

TEST(ParseNpyHeader, NamesAnUnsupportedDtypeAndTheWayOut) {
  for (const char* dtype : {"<f2", "|u1", "<i8", "=f4", "f4", "|O", "<c8", ""}) {
    ExpectHeaderRefused(Header(dtype, "False", "(1,)"),
                        std::string("dtype is '") + dtype + "'; only <f4, <f8, >f4 and >f8");
    ExpectHeaderRefused(Header(dtype, "False", "(1,)"), "array.astype('float32')");
  }
  ExpectHeaderRefused("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,), }",
                      "structured");
  ExpectHeaderRefused(Header("\x1b[2J" + std::string(100, 'x'), "False", "(1,)"), "'\\x1b[2Jxxx");
}

TEST(ParseNpyHeader, RefusesShapesThatAreNotTemplates) {
  for (const char* shape : {"()", "(1, 2, 3)"}) {
    ExpectHeaderRefused(Header("<f4", "False", shape), "neither 1-D");
  }
  for (const char* shape : {"(0,)", "(0, 512)", "(5, 0)"}) {
    ExpectHeaderRefused(Header("<f4", "False", shape), "empty");
  }
  for (const char* shape : {"5", "(5)", "[5]", "(-1,)", "(1.5,)", "(01, 2)", "(,)", "(1 2)",
                            "(1,,2)", "(1e3,)", "(0x10,)", "(5L,)", "('5',)", "(1, 2"}) {
    ExpectHeaderRefused(Header("<f4", "False", shape), "tuple");
  }
}

TEST(ParseNpyHeader, RefusesShapesOverTheLimitsWithoutOverflow) {
  EXPECT_TRUE(ParseNpyHeader(Header("<f4", "False", "(10000000, 4096)")).ok());
  ExpectHeaderRefused(Header("<f4", "False", "(10000001, 1)"), "over 10000000 rows");
  ExpectHeaderRefused(Header("<f4", "False", "(1, 4097)"), "over 4096 columns");
  ExpectHeaderRefused(Header("<f4", "False", "(4097,)"), "over 4096 columns");
  for (const char* huge : {"18446744073709551615", "18446744073709551616", "4611686018427387905",
                           "99999999999999999999999999999999"}) {
    ExpectHeaderRefused(Header("<f4", "False", std::string("(") + huge + ", 4)"), "rows");
    ExpectHeaderRefused(Header("<f4", "False", std::string("(4, ") + huge + ")"), "columns");
  }
}

TEST(ParseNpyHeader, RefusesAnythingButTheThreeKeysOnce) {
  ExpectHeaderRefused("{'descr': '<f4', 'shape': (1,), }", "missing");
  ExpectHeaderRefused("{}", "missing");
  ExpectHeaderRefused("{'descr': '<f4', 'descr': '<f4', 'shape': (1,)}", "repeated key 'descr'");
  ExpectHeaderRefused("{'x': 1}", "unknown or repeated key 'x'");
  ExpectHeaderRefused(Header("<f4", "0", "(1,)"), "neither True nor False");
  ExpectHeaderRefused(Header("<f4", "False", "(1,)") + "x", "text after the dict");
  for (const char* text : {"", "{", "[]", "{'descr'}", "{'descr: '<f4'}", "{,}", "{descr: '<f4'}",
                           "{'descr': '<f4' 'shape': (1,)}", "{'descr': '<f4',,}"}) {
    ExpectHeaderRefused(text, "not a dict");
  }
}

TEST_F(NpyWriterTest, WhatIsWrittenIsRead) {
  absl::StatusOr<NpyWriter> writer = NpyWriter::Create(path_, 3000, 129);  // over one block
  ASSERT_TRUE(writer.ok()) << writer.status();
  std::vector<std::vector<float>> rows(3000, std::vector<float>(129));
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t c = 0; c < 129; ++c)
      rows[r][c] = static_cast<float>(r) - 0.1F * static_cast<float>(c);
    ASSERT_TRUE(writer->WriteRow(rows[r]).ok());
  }
  ASSERT_TRUE(writer->Close().ok());
  std::ifstream file(path_, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ((bytes.size() - 3000 * 129 * 4) % 64, 0u);
  EXPECT_TRUE(Rows(bytes) == rows);
}

TEST_F(NpyWriterTest, FileIsForItsOwnerOnlyAndNotOverwritten) {
  ASSERT_TRUE(NpyWriter::Create(path_, 1, 1).ok());
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(NpyWriter::Create(path_, 1, 1).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(NpyWriterTest, RefusesMoreFewerOrOtherRowsThanPromised) {
  absl::StatusOr<NpyWriter> writer = NpyWriter::Create(path_, 1, 2);
  ASSERT_TRUE(writer.ok());
  EXPECT_EQ(writer->Close().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(writer->WriteRow(std::vector<float>{1}).code(), kInvalid);
  EXPECT_TRUE(writer->WriteRow(std::vector<float>{1, 2}).ok());
  EXPECT_EQ(writer->WriteRow(std::vector<float>{1, 2}).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(writer->Close().ok());
  EXPECT_EQ(writer->Close().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(NpyWriterTest, RefusesShapesOverTheLimits) {
  EXPECT_EQ(NpyWriter::Create(path_, 0, 1).status().code(), kInvalid);
  EXPECT_EQ(NpyWriter::Create(path_, 10'000'001, 1).status().code(), kInvalid);
  EXPECT_EQ(NpyWriter::Create(path_, 1, 0).status().code(), kInvalid);
  EXPECT_EQ(NpyWriter::Create(path_, 1, 4097).status().code(), kInvalid);
}

TEST_F(NpyWriterTest, ReportsADiskThatTakesNoMore) {
  struct rlimit before {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  struct rlimit small = before;
  small.rlim_cur = 4096;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  absl::StatusOr<NpyWriter> writer = NpyWriter::Create(path_, 2, 1000);
  const bool rows = writer.ok() && writer->WriteRow(std::vector<float>(1000)).ok() &&
                    writer->WriteRow(std::vector<float>(1000)).ok();
  const absl::Status closed = rows ? writer->Close() : absl::OkStatus();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  ASSERT_TRUE(rows);
  EXPECT_THAT(std::string(closed.message()), HasSubstr(path_ + ": write"));
  EXPECT_THAT(std::string(NpyReader::Open(path_).status().message()), HasSubstr("truncated"));
}

}  // namespace
}  // namespace kluis::client::npy_test
