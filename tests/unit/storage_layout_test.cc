// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "storage/layout.h"

namespace kluis::storage::layout_test {
namespace {

using std::string_literals::operator""s;

Id IdOf(std::uint8_t byte) {
  Id id;
  id.fill(byte);
  return id;
}

TEST(Layout, MakesTheKeysOfTheTable) {
  const std::string a(16, '\x0a');
  const std::string b(16, '\x0b');
  const std::string number = "\x01\x02\x03\x04\x05\x06\x07\x08"s;
  constexpr std::uint64_t kNumber = 0x0102030405060708;
  EXPECT_EQ(EntryKey(kNumber), "e" + number);
  EXPECT_EQ(NodeKey(3, kNumber), "h\x03" + number);
  EXPECT_EQ(LogSizeKey(), "m");
  EXPECT_EQ(TemplateKey(IdOf(10)), "t" + a);
  EXPECT_EQ(ProbeKey(IdOf(10), IdOf(11)), "p" + a + b);
  EXPECT_EQ(SketchesKey(IdOf(10), 0x0102), "p" + a + "\x01\x02");
  EXPECT_EQ(SubjectKey(IdOf(10)), "s" + a);
  KeyedDigest digest;
  digest.fill(10);
  EXPECT_EQ(PublicKeyLookupKey(digest), "k" + a + a);
  EXPECT_EQ(NoticeKey(IdOf(10), IdOf(11)), "n" + a + b);
  EXPECT_EQ(OpeningKey(kNumber, 7), "o" + number + "\x07");
  const YearId year = *YearIdFromBytes(a + "\x07\xEB"s);
  EXPECT_EQ(WrittenKey(year, IdOf(11), Written::kOpening), "w" + a + "\x07\xEB" + b + "\0"s);
  EXPECT_EQ(WrittenKey(year, IdOf(11), Written::kRefusal), "w" + a + "\x07\xEB" + b + "\1"s);
}

TEST(Layout, PrefixesBeginTheKeysTheyStandFor) {
  EXPECT_TRUE(EntryKey(1).starts_with(EntryPrefix()));
  EXPECT_TRUE(TemplateKey(IdOf(1)).starts_with(TemplatePrefix()));
  EXPECT_TRUE(ProbeKey(IdOf(1), IdOf(2)).starts_with(ProbePrefix(IdOf(1))));
  EXPECT_TRUE(SketchesKey(IdOf(1), 2).starts_with(ProbePrefix(IdOf(1))));
  EXPECT_TRUE(NoticeKey(IdOf(1), IdOf(2)).starts_with(NoticePrefix(IdOf(1))));
  const YearId year = *YearIdFromBytes(std::string(18, 'y'));
  EXPECT_TRUE(WrittenKey(year, IdOf(2), Written::kRefusal).starts_with(WrittenPrefix(year)));
}

TEST(Layout, EntryKeysSortByIndex) {
  EXPECT_LT(EntryKey(0), EntryKey(1));
  EXPECT_LT(EntryKey(255), EntryKey(256));
  EXPECT_LT(EntryKey(1), EntryKey(std::numeric_limits<std::uint64_t>::max()));
}

TEST(Layout, EntryIndexIsReadBackFromEntryKeysOnly) {
  EXPECT_EQ(EntryIndexOf(EntryKey(12345678901)), 12345678901U);
  EXPECT_EQ(EntryIndexOf(NodeKey(0, 1)), std::nullopt);
  EXPECT_EQ(EntryIndexOf(""), std::nullopt);
  EXPECT_EQ(EntryIndexOf(EntryKey(1) + "x"), std::nullopt);
}

TEST(Layout, IdsHaveOneLength) {
  EXPECT_EQ(*base::IdFromBytes(std::string(16, '\x05')), IdOf(5));
  for (const size_t size : {0, 15, 17}) {
    EXPECT_TRUE(absl::IsDataLoss(base::IdFromBytes(std::string(size, '\x05')).status())) << size;
  }
  EXPECT_TRUE(YearIdFromBytes(std::string(18, '\x05')).ok());
  EXPECT_TRUE(absl::IsDataLoss(YearIdFromBytes(std::string(16, '\x05')).status()));
}

TEST(Layout, NumbersAreEightBytesBigEndian) {
  EXPECT_EQ(EncodeU64(258), "\0\0\0\0\0\0\1\2"s);
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(DecodeU64(EncodeU64(kMax)), kMax);
  EXPECT_EQ(DecodeU64(EncodeU64(0)), 0U);
  EXPECT_EQ(DecodeU64("1234567"), std::nullopt);
  EXPECT_EQ(DecodeU64("123456789"), std::nullopt);
}

TEST(Layout, PrefixEndIsTheFirstKeyBehindThePrefix) {
  EXPECT_EQ(PrefixEnd("a"), "b");
  EXPECT_EQ(PrefixEnd("a\xff\xff"), "b");
  EXPECT_EQ(PrefixEnd("\x7f"), "\x80");
  EXPECT_EQ(PrefixEnd("\xff\xff"), "");
  EXPECT_EQ(PrefixEnd(""), "");
}

TEST(Layout, ColumnsHaveDistinctNames) {
  EXPECT_EQ(ColumnName(Column::kLog), "log");
  EXPECT_EQ(ColumnName(Column::kState), "state");
  EXPECT_EQ(ColumnName(Column::kSealed), "sealed");
  EXPECT_EQ(ColumnName(Column::kDetails), "details");
}

}  // namespace
}  // namespace kluis::storage::layout_test
