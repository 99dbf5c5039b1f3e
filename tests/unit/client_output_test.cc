// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "client/output.h"
#include "kluis/v1/case_service.pb.h"
#include "kluis/v1/subject_service.pb.h"
#include "kluis/v1/vault_service.pb.h"

namespace kluis::client::output_test {
namespace {

v1::ListCasesResponse TwoCases() {
  v1::ListCasesResponse response;
  v1::Case& first = *response.add_cases();
  first.set_name("cases/1");
  first.set_state(v1::CASE_STATE_AWAITING_WARRANT);
  v1::Case& second = *response.add_cases();
  second.set_name("cases/22");
  second.set_state(v1::CASE_STATE_ACTIVE);
  second.mutable_warrant()->set_budget(3);
  return response;
}

TEST(ToTable, AlignsColumnsAndMarksWhatIsAbsent) {
  EXPECT_EQ(ToTable(TwoCases(), "cases",
                    {{"CASE", "name"}, {"STATE", "state"}, {"UNTIL", "warrant.not_after"}}),
            "CASE      STATE             UNTIL\n"
            "cases/1   awaiting-warrant  -\n"
            "cases/22  active            -\n");
}

TEST(ToTable, SaysNoneForAnEmptyList) {
  EXPECT_EQ(ToTable(v1::ListCasesResponse(), "cases", {{"CASE", "name"}}), "none\n");
}

TEST(ToTable, HidesNothingThatAPersonWouldNotSee) {
  v1::ListCasesResponse response;
  response.add_cases()->set_name(
      "cases/\xE2\x80\xAE\xE2\x80\x8B"
      "1");
  response.add_cases()->set_name("cases/2");
  EXPECT_EQ(ToTable(response, "cases", {{"CASE", "name"}, {"STATE", "state"}}),
            "CASE                     STATE\n"
            "cases/\\u{202E}\\u{200B}1  -\n"
            "cases/2                  -\n");
}

TEST(AlignedTable, CountsCodePointsNotBytes) {
  EXPECT_EQ(AlignedTable({{"café", "x"}, {"tea", "y"}}), "café  x\ntea   y\n");
}

TEST(ToText, AlignsNestsAndTabulates) {
  v1::GetHoldingsResponse response;
  response.set_subject("subjects/7");
  response.mutable_details()->set_full_name("Anna Jansen");
  v1::Holding& holding = *response.add_holdings();
  holding.set_purpose("missing-persons");
  holding.set_state(v1::TEMPLATE_STATE_ACTIVE);
  EXPECT_EQ(
      ToText(response),
      "subject  subjects/7\n"
      "details\n"
      "  full name  Anna Jansen\n"
      "holdings\n"
      "  TEMPLATE RECORD  PURPOSE          ALGORITHM  STATE   END REASON  ENROLLED AT  "
      "EXPIRES AT  CONTROLLER  CONTROLLER CONTACT  LEGAL BASIS  RESTRICTED  RESTRICTION  END\n"
      "  -                missing-persons  -          active  -           -            "
      "-           -           -                   -            no          -            -\n"
      "notices\n"
      "  none\n");
}

TEST(ToText, ShowsZeroAndFalseAndReceipts) {
  v1::CheckVaultResponse check;
  check.set_entries(3);
  EXPECT_EQ(ToText(check), "entries     3\nrecords     0\nconsistent  no\n");
  v1::ErasureReceipt erasure;
  erasure.mutable_started()->set_log_index(9);
  erasure.mutable_started()->set_leaf_hash("\x01\xff");
  erasure.mutable_started()->mutable_decided_at()->set_seconds(1'795'374'201);
  EXPECT_EQ(ToText(erasure), "started  log index 9, 2026-11-22T19:03:21Z, leaf 01ff\n");
}

TEST(ToText, SendsNoControlCharacterToTheTerminal) {
  v1::Case one;
  one.mutable_details()->set_reference("a\x1b[2Jb\nc\xc2\x9b");
  EXPECT_NE(ToText(one).find("a\\u{1B}[2Jb\\u{A}c\\u{9B}"), std::string::npos) << ToText(one);
  one.mutable_details()->set_reference(
      "pay\xE2\x80\xAE"
      "eve");
  EXPECT_NE(ToText(one).find("pay\\u{202E}eve"), std::string::npos) << ToText(one);
}

TEST(ToJson, KeepsFieldNamesAndDefaults) {
  v1::CheckVaultResponse check;
  check.set_entries(3);
  EXPECT_EQ(ToJson(check),
            R"({"entries":"3","records":"0","consistent":false,"first_difference":""})");
}

}  // namespace
}  // namespace kluis::client::output_test
