// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <regex>

#include "client/draft.h"
#include "kluis/v1/statements.pb.h"

namespace kluis::client::draft_test {
namespace {

constexpr int64_t kNow = 1'795'374'201;  // 2026-11-22T19:03:21Z

TEST(Stamp, FillsVaultIdAndTime) {
  v1::CaseApproval payload;
  Stamp("vault.example/nl", kNow, payload);
  EXPECT_EQ(payload.vault(), "vault.example/nl");
  EXPECT_TRUE(std::regex_match(payload.statement_id(), std::regex("[0-9a-f]{32}")));
  EXPECT_EQ(payload.issued_at().seconds(), kNow);
}

TEST(Stamp, KeepsWhatIsSet) {
  v1::Founding payload;
  payload.set_vault("vault.example/be");
  *payload.mutable_issued_at() = ToTimestamp(5);
  Stamp("vault.example/nl", kNow, payload);
  EXPECT_EQ(payload.vault(), "vault.example/be");
  EXPECT_EQ(payload.issued_at().seconds(), 5);
}

TEST(StatementKinds, EachHasThePayloadThatBearsItsName) {
  EXPECT_EQ(StatementKinds().size(), 31u);
  for (const std::string& kind : StatementKinds()) {
    const auto payload = NewPayload(kind);
    ASSERT_TRUE(payload.ok()) << kind;
    Stamp("vault.example/nl", kNow, **payload);
    EXPECT_TRUE((*payload)->IsInitialized()) << kind;
  }
  EXPECT_FALSE(NewPayload("warrants").ok());
  EXPECT_FALSE(NewPayload("").ok());
}

TEST(NewRequestId, IsAUuidOfVersionFour) {
  const std::regex form("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  EXPECT_TRUE(std::regex_match(NewRequestId(), form));
  EXPECT_NE(NewRequestId(), NewRequestId());
}

TEST(ParseTime, ReadsTimesAndShifts) {
  EXPECT_EQ(*ParseTime("2026-11-22T19:03:21Z", 0), kNow);
  EXPECT_EQ(*ParseTime("2026-11-22T20:03:21+01:00", 0), kNow);
  EXPECT_EQ(*ParseTime("now", kNow), kNow);
  EXPECT_EQ(*ParseTime("+2d", kNow), kNow + 2 * kDaySeconds);
  EXPECT_EQ(*ParseTime("-1h", kNow), kNow - 3600);
  EXPECT_EQ(*ParseTime("+5m", kNow), kNow + 300);
  EXPECT_EQ(*ParseTime("-10s", kNow), kNow - 10);
}

TEST(ParseTime, RefusesAnythingElse) {
  for (const char* text : {"", "+", "1h", "+h", "+1w", "+-1h", "--1h", "+ 1h", "yesterday",
                           "2026-11-22", "2026-11-22T19:03:21.5Z", "+99999999999d"}) {
    EXPECT_FALSE(ParseTime(text, kNow).ok()) << text;
  }
}

TEST(SetField, SetsEachTypeOfField) {
  v1::Warrant warrant;
  ASSERT_TRUE(SetField("case", "cases/1", kNow, warrant).ok());
  ASSERT_TRUE(SetField("budget", "3", kNow, warrant).ok());
  ASSERT_TRUE(SetField("subject_categories", "other", kNow, warrant).ok());
  ASSERT_TRUE(SetField("subject_categories", "SUBJECT_CATEGORY_VICTIM", kNow, warrant).ok());
  ASSERT_TRUE(SetField("notice_delay.until", "+30d", kNow, warrant).ok());
  EXPECT_EQ(warrant.case_(), "cases/1");
  EXPECT_EQ(warrant.budget(), 3u);
  ASSERT_EQ(warrant.subject_categories_size(), 2);
  EXPECT_EQ(warrant.subject_categories(1), v1::SUBJECT_CATEGORY_VICTIM);
  EXPECT_EQ(warrant.notice_delay().until().seconds(), kNow + 30 * kDaySeconds);

  v1::PurposeRegistration purpose;
  ASSERT_TRUE(SetField("threshold.target_fpir", "0.001", kNow, purpose).ok());
  EXPECT_EQ(purpose.threshold().target_fpir(), 0.001);
  v1::Consent consent;
  ASSERT_TRUE(SetField("explicit_consent", "true", kNow, consent).ok());
  EXPECT_TRUE(consent.explicit_consent());
}

TEST(SetField, RefusesWhatTheFieldDoesNotTake) {
  v1::Warrant warrant;
  EXPECT_FALSE(SetField("budgets", "3", kNow, warrant).ok());
  EXPECT_FALSE(SetField("", "3", kNow, warrant).ok());
  EXPECT_FALSE(SetField("budget", "-3", kNow, warrant).ok());
  EXPECT_FALSE(SetField("budget", "three", kNow, warrant).ok());
  EXPECT_FALSE(SetField("budget.x", "3", kNow, warrant).ok());
  EXPECT_FALSE(SetField("notice_delay", "{}", kNow, warrant).ok());
  EXPECT_FALSE(SetField("subject_categories", "unspecified", kNow, warrant).ok());
  v1::PurposeRegistration purpose;
  EXPECT_FALSE(SetField("notices.language", "nl", kNow, purpose).ok());
}

TEST(FromJson, RefusesUnknownFields) {
  v1::CaseClosing payload;
  EXPECT_TRUE(FromJson(R"({"case":"cases/1"})", payload).ok());
  EXPECT_FALSE(FromJson(R"({"case":"cases/1","cases":1})", payload).ok());
  EXPECT_FALSE(FromJson("[]", payload).ok());
}

}  // namespace
}  // namespace kluis::client::draft_test
