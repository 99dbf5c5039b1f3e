// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "audit/report/report.h"
#include "audit/report/text.h"
#include "audit/report/year_counter.h"
#include "tests/fakes/log_story.h"
#include "tests/fakes/scratch_directory.h"
#include "tests/fakes/served_log.h"

namespace kluis::audit::report_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

YearReport Count(const LogStory& story, int year) {
  YearCounter counter(year);
  uint64_t index = 0;
  for (const v1::Entry& entry : story.entries()) counter.Add(index++, entry);
  return std::move(counter).Finish();
}

YearReport CountOf2026() { return Count(StoryOf2026(), 2026); }

// The story as a published log.
class ReportTest : public testing::Test {
 protected:
  ReportTest() {
    const LogStory story = StoryOf2026();
    for (const v1::Entry& entry : story.entries()) log_.Append(entry);
    log_.Close(LogStory::k2027 + 3 * LogStory::kHour);
    log_.WriteTo(scratch_.path());
  }

  absl::StatusOr<YearReport> Make(int year = 2026) const {
    return MakeYearReport(scratch_.path(), log_.Key(), year);
  }

  static std::string Vector(const std::string& name) {
    std::ifstream stream(std::string(KLUIS_TESTS_DIR) + "/vectors/" + name);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }

  ScratchDirectory scratch_;
  ServedLog log_;
};

TEST_F(ReportTest, IsTheStoredMarkdown) {
  const absl::StatusOr<YearReport> report = Make();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(YearReportMarkdown(*report), Vector("audit_report_2026.md"));
}

TEST_F(ReportTest, IsTheStoredJson) {
  const absl::StatusOr<YearReport> report = Make();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(YearReportJson(*report), Vector("audit_report_2026.json"));
}

TEST_F(ReportTest, IsNotMadeOfALogThatDoesNotVerify) {
  log_.files["checkpoint"][30] ^= 1;
  log_.WriteTo(scratch_.path());
  EXPECT_FALSE(Make().ok());
  EXPECT_FALSE(MakeYearReport(scratch_.path() + "/none", log_.Key(), 2026).ok());
}

TEST_F(ReportTest, IsNotMadeWhenOneEntryWasChanged) {
  std::string& bundle = log_.files.at(*TilePath(
      {true, 0, 0, static_cast<uint32_t>(std::min<size_t>(log_.entries.size(), kTileWidth))}));
  const size_t place = bundle.find("BUDGET_SPENT");
  ASSERT_NE(place, std::string::npos);
  bundle.replace(place, 12, "BUDGET_LEFT_");
  log_.WriteTo(scratch_.path());
  EXPECT_EQ(Make().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(ReportTest, IsNotMadeWhenTheLogChangesWhileItIsCounted) {
  log_.AppendPlain(300, LogStory::k2027 + LogStory::kDay);
  log_.Close(LogStory::k2027 + LogStory::kDay);
  log_.WriteTo(scratch_.path());
  const std::string path =
      *TilePath({true, 0, 1, static_cast<uint32_t>(log_.entries.size() - kTileWidth)});
  VerifyOptions options;
  options.threads = 1;  // the second bundle is read after the first was counted
  options.progress = [&](uint64_t, uint64_t) {
    log_.files[path].back() ^= 1;  // the closing entry's act
    log_.WriteTo(scratch_.path());
  };
  EXPECT_TRUE(Make().ok());
  EXPECT_EQ(MakeYearReport(scratch_.path(), log_.Key(), 2026, options).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(ReportTest, TellsHowFarItIsAndReadsTheLogOnce) {
  std::vector<uint64_t> told;
  VerifyOptions options;
  options.progress = [&](uint64_t done, uint64_t) { told.push_back(done); };
  ASSERT_TRUE(MakeYearReport(scratch_.path(), log_.Key(), 2026, options).ok());
  EXPECT_EQ(told, std::vector<uint64_t>{log_.entries.size()});
}

TEST_F(ReportTest, IsNotMadeOfALogThatTooFewWitnessesCosigned) {
  VerifyOptions options;
  options.witnesses = {*VerifierKey::Create("witness.example/a", KeyType::kEd25519Cosignature,
                                            crypto::SigningKey::Generate().public_key())};
  EXPECT_TRUE(MakeYearReport(scratch_.path(), log_.Key(), 2026, options).ok());
  options.quorum = 1;
  EXPECT_EQ(MakeYearReport(scratch_.path(), log_.Key(), 2026, options).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(ReportTest, RefusesAYearThatIsNone) {
  EXPECT_EQ(Make(1969).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Make(10000).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(YearCounter, CountsCasesByWhatWasDecidedInTheYear) {
  const CaseActivity total = CountOf2026().total;
  EXPECT_EQ(total.opened, 3U);  // the fourth was opened in 2025
  EXPECT_EQ(total.approved, 1U);
  EXPECT_EQ(total.warranted, 2U);
  EXPECT_EQ(total.refused, 1U);
  EXPECT_EQ(total.closed, 1U);
  EXPECT_EQ(total.expired, 1U);
  EXPECT_EQ(total.searches, 4U);
  EXPECT_EQ(total.repeated_probes, 1U);
  EXPECT_EQ(total.hits, 1U);
  EXPECT_EQ(total.no_match, 1U);
  EXPECT_EQ(total.over_broad, 1U);
  EXPECT_EQ(total.aborted, 1U);
  EXPECT_EQ(total.confirmed, 2U);
  EXPECT_EQ(total.rejected, 0U);
  EXPECT_EQ(total.disclosures, 1U);
  EXPECT_EQ(total.delayed_notices, 1U);
}

TEST(YearCounter, AttributesToTheAuthorityOfTheCase) {
  const YearReport report = CountOf2026();
  ASSERT_EQ(report.authorities.size(), 2U);
  const AuthorityFigures& police = report.authorities[0];
  const AuthorityFigures& guard = report.authorities[1];
  EXPECT_EQ(police.name, "Police | North <region>");
  EXPECT_EQ(police.cases.searches, 2U);  // of a case that was opened in the year before
  EXPECT_EQ(police.cases.warranted, 1U);
  EXPECT_EQ(police.received, 1U);
  EXPECT_EQ(guard.cases.searches, 2U);
  EXPECT_EQ(guard.cases.refused, 1U);
  EXPECT_EQ(guard.cases.expired, 1U);
  EXPECT_EQ(guard.refused_requests, 3U);
}

TEST(YearCounter, SumsOfAuthoritiesPurposesAndMonthsAreTheTotal) {
  const YearReport report = CountOf2026();
  for (const CaseFigure& figure : CaseFigures()) {
    uint64_t authorities = 0;
    uint64_t purposes = 0;
    uint64_t months = 0;
    for (const auto& one : report.authorities) authorities += one.cases.*figure.value;
    for (const auto& one : report.purposes) purposes += one.cases.*figure.value;
    for (const auto& one : report.months) months += one.cases.*figure.value;
    EXPECT_EQ(authorities, report.total.*figure.value) << figure.name;
    EXPECT_EQ(purposes, report.total.*figure.value) << figure.name;
    EXPECT_EQ(months, report.total.*figure.value) << figure.name;
  }
}

TEST(YearCounter, PutsActsIntoTheirMonth) {
  const YearReport report = CountOf2026();
  EXPECT_EQ(report.months[2].cases.searches, 2U);
  EXPECT_EQ(report.months[2].cases.hits, 1U);
  EXPECT_EQ(report.months[5].cases.searches, 2U);
  EXPECT_EQ(report.months[5].refused_requests, 4U);
  EXPECT_EQ(report.months[5].withdrawn, 3U);
  EXPECT_EQ(report.months[11].enrolled, 1U);
}

TEST(YearCounter, SaysWhatStateCasesEndedIn) {
  EXPECT_EQ(CountOf2026().cases_by_state, (std::map<std::string, uint64_t>{{"active", 0},
                                                                           {"awaiting-warrant", 1},
                                                                           {"closed", 1},
                                                                           {"expired", 1},
                                                                           {"lapsed", 0},
                                                                           {"refused", 1}}));
}

// A case that lapsed is erased by the same entry, and open no more.
TEST(YearCounter, CountsCasesThatLapsed) {
  LogStory story;
  story.OpenCase(LogStory::k2026, "bob", '5', 'B');
  story.OpenCase(LogStory::k2026, "bob", '6', 'B');
  v1::Entry& lapse = story.CaseAct(LogStory::k2026 + LogStory::kDay, v1::ROLE_UNSPECIFIED, "", '5',
                                   'B', v1::CASE_STATE_LAPSED);
  lapse.mutable_command()->mutable_end_case();
  LogStory::SetErasure(lapse, v1::ERASURE_TARGET_CASE, '5');
  const YearReport report = Count(story, 2026);
  EXPECT_EQ(report.total.lapsed, 1U);
  EXPECT_EQ(report.total.expired, 0U);
  EXPECT_EQ(report.months[0].cases.lapsed, 1U);
  EXPECT_EQ(report.purposes.at(0).cases.lapsed, 1U);
  EXPECT_EQ(report.cases_by_state.at("lapsed"), 1U);
  EXPECT_EQ(report.cases_by_state.at("awaiting-warrant"), 1U);
  EXPECT_EQ(report.erasures.at("case").pending_at_end, 1U);
}

TEST(YearCounter, CountsRestrictionsAndLiftsThatWereAllowed) {
  LogStory story;
  story.Enroll(LogStory::k2026, 'a');
  const auto act = [&] {
    return story.Act(LogStory::k2026 + 1, v1::LOG_KIND_ALTERATION, v1::ROLE_SUBJECT, "")
        .mutable_command();
  };
  act()->mutable_restrict();
  act()->mutable_lift_restriction();
  act()->mutable_restrict();
  v1::Entry& again = story.Act(LogStory::k2026 + 2, v1::LOG_KIND_ALTERATION, v1::ROLE_SUBJECT, "");
  again.mutable_command()->mutable_restrict();
  LogStory::Refuse(again, "restriction.something", "NOTHING_TO_RESTRICT");
  const YearReport report = Count(story, 2026);
  EXPECT_EQ(report.restricted, 2U);
  EXPECT_EQ(report.restrictions_lifted, 1U);
  EXPECT_EQ(report.purposes.at(0).templates_at_end, 1U);
}

TEST(YearCounter, CountsRefusalsByReasonAndRule) {
  const YearReport report = CountOf2026();
  EXPECT_EQ(report.refused_requests, 4U);
  EXPECT_EQ(report.refusals, (std::map<std::pair<std::string, std::string>, uint64_t>{
                                 {{"BUDGET_SPENT", "case.budget-left"}, 3},
                                 {{"ROLE_NOT_ALLOWED", "request.accepted"}, 1}}));
}

TEST(YearCounter, KeepsABoundedNumberOfReasons) {
  LogStory story;
  for (size_t i = 0; i < YearReport::kMaxReasons + 5; ++i) {
    v1::Entry& entry =
        story.Act(LogStory::k2026, v1::LOG_KIND_COMBINATION, v1::ROLE_OFFICER, "ann");
    entry.mutable_command()->mutable_identify();
    LogStory::Refuse(entry, "rule", "REASON_" + std::to_string(i));
  }
  const YearReport report = Count(story, 2026);
  EXPECT_EQ(report.refusals.size(), YearReport::kMaxReasons + 1);
  EXPECT_EQ(report.refusals.at({"(other)", ""}), 5U);
}

TEST(YearCounter, TimesErasuresFromTheirCauseToTheDestroyedKey) {
  const YearReport report = CountOf2026();
  const ErasureYear& templates = report.erasures.at("template");
  EXPECT_EQ(templates.done, 3U);
  EXPECT_EQ(templates.MedianSeconds(), 4);
  EXPECT_EQ(templates.MaxSeconds(), 30);
  EXPECT_EQ(templates.pending_at_end, 1U);
  EXPECT_EQ(report.erasures.at("case").MaxSeconds(), 2);
  EXPECT_EQ(report.erasures.at("subject").done, 0U);
  EXPECT_EQ(report.purposes.at(0).templates_at_end, 2U);
}

TEST(ErasureYear, TheMedianIsTheLowerOfTwo) {
  EXPECT_EQ((ErasureYear{4, 0, {{1, 1}, {5, 1}, {9, 2}}}).MedianSeconds(), 5);
  EXPECT_EQ((ErasureYear{5, 0, {{1, 1}, {5, 1}, {9, 3}}}).MedianSeconds(), 9);
  EXPECT_EQ((ErasureYear{1, 0, {{7, 1}}}).MedianSeconds(), 7);
  EXPECT_EQ(ErasureYear{}.MedianSeconds(), 0);
}

TEST(YearCounter, CountsVerificationsAndConsultationsApartFromSearches) {
  const YearReport report = CountOf2026();
  EXPECT_EQ(report.verifications.begun, 2U);
  EXPECT_EQ(report.verifications.match, 1U);
  EXPECT_EQ(report.verifications.no_match, 1U);
  EXPECT_EQ(report.cases_read, 1U);
  EXPECT_EQ(report.access_requests, 1U);
  EXPECT_EQ(report.inspections, 1U);
}

TEST(YearCounter, ListsOrdersWithTheirReasons) {
  const YearReport report = CountOf2026();
  ASSERT_EQ(report.orders.size(), 3U);
  EXPECT_EQ(report.orders[0].act, "stop");
  EXPECT_EQ(report.orders[0].signatures, 1U);
  EXPECT_EQ(report.orders[1].act, "lift");
  EXPECT_EQ(report.orders[1].signatures, 2U);
  EXPECT_EQ(report.orders[1].reasons, "explained");
  EXPECT_EQ(report.orders[2].act, "inspect");
}

// Two hours in July and the last minute of the year; not the first start, and not 2027's hour.
TEST(YearCounter, CountsDowntimeWithinTheYear) {
  const YearReport report = CountOf2026();
  EXPECT_EQ(report.starts, 1U);
  EXPECT_EQ(report.down_count, 2U);
  EXPECT_EQ(report.down_seconds, 2 * LogStory::kHour + LogStory::kMinute);
  ASSERT_EQ(report.downtimes.size(), 2U);
  EXPECT_EQ(report.downtimes[0].to - report.downtimes[0].from, 2 * LogStory::kHour);
}

TEST(YearCounter, DoesNotCallTheFirstStartTheEndOfADowntime) {
  LogStory story;
  story.Accredit(LogStory::k2026, 'A', "before any service");
  story.Start(LogStory::k2026 + LogStory::kHour);
  story.Start(LogStory::k2026 + LogStory::kHour + 7);
  const YearReport report = Count(story, 2026);
  EXPECT_EQ(report.starts, 2U);
  EXPECT_EQ(report.down_count, 1U);
  EXPECT_EQ(report.down_seconds, 7);
}

TEST(YearCounter, GivesTheRestOfADowntimeToTheNextYear) {
  const YearReport report = Count(StoryOf2026(), 2027);
  EXPECT_EQ(report.down_seconds, LogStory::kHour);
  EXPECT_EQ(report.enrolled, 1U);
  EXPECT_FALSE(report.year_over);
}

TEST(YearCounter, DoesNotCountARefusedOutcome) {
  const LogStory story = StoryOf2026();
  LogStory refused;
  for (const v1::Entry& entry : story.entries()) {
    v1::Entry& copy = refused.Act(0, entry.kind(), v1::ROLE_OFFICER, "");
    copy = entry;
    if (copy.command().has_search_outcome()) LogStory::Refuse(copy, "outcome.not-stopped", "STOP");
  }
  const YearReport report = Count(refused, 2026);
  EXPECT_EQ(report.total.searches, 4U);
  EXPECT_EQ(report.total.hits, 0U);
  EXPECT_EQ(report.verifications.match, 0U);
}

TEST(YearCounter, CountsTemplatesByTheReasonOfTheirEnd) {
  LogStory story = StoryOf2026();
  LogStory more;
  more.Enroll(LogStory::k2026, 'a');
  more.Enroll(LogStory::k2026, 'b');
  more.Replace(LogStory::k2026 + 10, 'a', 'c');
  more.Recover(LogStory::k2026 + 20, 100, 120, 'b');
  EXPECT_EQ(Count(story, 2026).ended,
            (std::map<std::string, uint64_t>{
                {"expired", 1}, {"lost", 0}, {"replaced", 0}, {"withdrawn", 3}}));
  const YearReport report = Count(more, 2026);
  EXPECT_EQ(report.ended, (std::map<std::string, uint64_t>{
                              {"expired", 0}, {"lost", 1}, {"replaced", 1}, {"withdrawn", 0}}));
  EXPECT_EQ(report.purposes.at(0).replaced, 1U);
  EXPECT_EQ(report.purposes.at(0).lost, 1U);
  EXPECT_EQ(report.purposes.at(0).templates_at_end, 1U);
  EXPECT_EQ(Count(more, 2025).ended.at("lost"), 0U) << "only of the year";
}

TEST(YearCounter, ListsRecoveriesWithBothSizesAndWhatWasLost) {
  LogStory story;
  story.Enroll(LogStory::k2026, 'a');
  story.Recover(LogStory::k2026 + 20, 100, 120, 'a');
  const YearReport report = Count(story, 2026);
  EXPECT_EQ(report.recovered, 1U);
  ASSERT_EQ(report.recoveries.size(), 1U);
  EXPECT_EQ(report.recoveries[0].from_size, 100U);
  EXPECT_EQ(report.recoveries[0].to_size, 120U);
  EXPECT_EQ(report.recoveries[0].lost_templates, 1U);
  EXPECT_EQ(report.recoveries[0].signatures, 2U);
  EXPECT_THAT(YearReportMarkdown(report),
              HasSubstr("| 1 | 2026-01-01 00:00:20 UTC | 100 | 120 | 1 | 0 | 2 | the machine \\| "
                        "burnt |"));
  const auto json = nlohmann::json::parse(YearReportJson(report));
  EXPECT_EQ(json["recoveries"]["count"], 1);
  EXPECT_EQ(json["recoveries"]["first"][0]["to_size"], 120);
}

TEST(YearCounter, CountsSealsAndNewShares) {
  LogStory story;
  story.Seal(LogStory::k2026);
  story.Seal(LogStory::k2026 + 1);
  story.Rekey(LogStory::k2026 + 2);
  const YearReport report = Count(story, 2026);
  EXPECT_EQ(report.seals, 2U);
  EXPECT_EQ(report.rekeys, 1U);
  EXPECT_THAT(YearReportMarkdown(report), AllOf(HasSubstr("| sealed by an operator | 2 |"),
                                                HasSubstr("| new shares of the root key | 1 |")));
}

v1::Entry Allowed(int64_t at) {
  v1::Entry entry;
  entry.set_decided_at(at);
  entry.mutable_decision()->set_allowed(true);
  return entry;
}

TEST(YearCounter, CountsUpkeepTheClockAndCallsBeyondTheLimits) {
  YearCounter counter(2026);
  v1::Entry entry = Allowed(LogStory::k2026);
  entry.mutable_command()->mutable_confirm_clock();
  entry.mutable_command()->set_time_unknown(true);
  counter.Add(0, entry);
  entry = Allowed(LogStory::k2026 + 1);
  entry.mutable_command()->mutable_count_limited()->set_calls(700);
  counter.Add(1, entry);
  const auto upkeep =
      nlohmann::json::parse(YearReportJson(std::move(counter).Finish())).at("upkeep");
  EXPECT_EQ(upkeep.at("clock_confirmed"), 1);
  EXPECT_EQ(upkeep.at("clock_set_back"), 0);
  EXPECT_EQ(upkeep.at("time_unknown"), 1);
  EXPECT_EQ(upkeep.at("limited_calls"), 700);
}

// The report of one entry; null: of an act that there is not.
std::string ReportOf(const google::protobuf::FieldDescriptor* act) {
  YearCounter counter(2026);
  v1::Entry entry = Allowed(LogStory::k2026);
  v1::Command& command = *entry.mutable_command();
  if (act != nullptr) command.GetReflection()->MutableMessage(&command, act);
  if (command.has_count_limited()) command.mutable_count_limited()->set_calls(1);
  counter.Add(0, entry);
  return YearReportJson(std::move(counter).Finish());
}

TEST(YearCounter, CountsEveryActOrSaysWhyNot) {
  // Counted by what they change, or conclude; or by their refusal; or they change nothing.
  const std::set<std::string> otherwise = {"found",
                                           "search_outcome",
                                           "calibration_outcome",
                                           "evaluation_outcome",
                                           "forget_subject",
                                           "erase_done",
                                           "close_checkpoint",
                                           "end_case",
                                           "lose_template",
                                           "reject",
                                           "admit",
                                           "forget_authority_year",
                                           "disclose"};
  const auto* acts = v1::Command::descriptor()->FindOneofByName("act");
  for (int i = 0; i < acts->field_count(); ++i) {
    const bool counted = ReportOf(acts->field(i)) != ReportOf(nullptr);
    EXPECT_NE(counted, otherwise.contains(std::string(acts->field(i)->name())))
        << acts->field(i)->name();
  }
}

TEST(YearCounter, ATemplateThatIsProtectedAnewIsOneTemplate) {
  LogStory story;
  story.Enroll(LogStory::k2026, 'a');
  story.Rotate(LogStory::k2026 + 10, 'a');
  const YearReport report = Count(story, 2026);
  EXPECT_EQ(report.purposes.at(0).templates_at_end, 1U);
  EXPECT_EQ(report.rotations, 1U);
  EXPECT_EQ(report.renewed, 1U);
  EXPECT_EQ(report.rotations_finished, 1U);
  ASSERT_EQ(report.orders.size(), 1U);
  EXPECT_EQ(report.orders[0].act, "rotate");
  EXPECT_EQ(report.erasures.at("slot").MaxSeconds(), 1);
  EXPECT_EQ(report.erasures.at("transform").MaxSeconds(), 5);
}

TEST(YearCounter, ATemplateThatNobodyEnrolledDoesNotMakeTheCountWrapAround) {
  LogStory story;
  story.EndTemplate(LogStory::k2026, 'a', false);
  EXPECT_EQ(Count(story, 2026).purposes.at(0).templates_at_end, 0U);
}

TEST(YearReport, SaysThatUrgentCasesAreNotMeasured) {
  const YearReport report = CountOf2026();
  EXPECT_THAT(YearReportMarkdown(report), HasSubstr("Urgent cases are not counted"));
  EXPECT_THAT(YearReportHtml(report), HasSubstr("Urgent cases are not counted"));
  EXPECT_TRUE(nlohmann::json::parse(YearReportJson(report))["urgent_cases"].is_null());
}

TEST(YearReport, TextOfTheLogCannotBecomeMarkup) {
  const YearReport report = CountOf2026();
  EXPECT_THAT(YearReportMarkdown(report),
              AllOf(HasSubstr("Police \\| North &lt;region>"),
                    HasSubstr("the \\*search\\* log shows &lt;b>odd&lt;/b> budgets")));
  EXPECT_THAT(YearReportHtml(report),
              AllOf(HasSubstr("Police | North &lt;region&gt;"), HasSubstr("&lt;b&gt;odd&lt;/b&gt;"),
                    Not(HasSubstr("<b>"))));
}

TEST(YearReport, ThePageLoadsNothing) {
  const std::string html = YearReportHtml(CountOf2026());
  for (const char* reference : {"http:", "https:", "src=", "href=", "url(", "@import", "<script"}) {
    EXPECT_THAT(html, Not(HasSubstr(reference)));
  }
  EXPECT_THAT(html, AllOf(HasSubstr("<svg class=\"plot\" role=\"img\""), HasSubstr("<title id="),
                          HasSubstr("<desc id="), HasSubstr("prefers-color-scheme: dark")));
}

TEST(YearReport, ManyAuthoritiesAreRowsAndNotColumns) {
  LogStory story = StoryOf2026();
  YearReport report = Count(story, 2026);
  for (int i = 0; i < 100; ++i) report.authorities.push_back({"", "quiet", {}, 0, 0});
  const std::string text = YearReportMarkdown(report);
  EXPECT_THAT(text, AllOf(HasSubstr("| authority | figure | count |"),
                          HasSubstr("| Coast Guard | cases opened | 3 |"),
                          HasSubstr("What is not listed is 0."), Not(HasSubstr("quiet"))));
}

TEST(YearReport, SaysWhenNotAllOrdersAreListed) {
  LogStory story;
  for (size_t i = 0; i < YearReport::kMaxOrders + 1; ++i) story.Order(LogStory::k2026, true, "r");
  const YearReport report = Count(story, 2026);
  EXPECT_EQ(report.orders.size(), YearReport::kMaxOrders);
  EXPECT_EQ(report.stops, YearReport::kMaxOrders + 1);
  EXPECT_THAT(YearReportMarkdown(report), HasSubstr("Only the first 1000 orders are listed."));
}

TEST(YearReport, SpansAreReadable) {
  EXPECT_EQ(ReportSpan(0), "0 s");
  EXPECT_EQ(ReportSpan(59), "59 s");
  EXPECT_EQ(ReportSpan(61), "1 min 1 s");
  EXPECT_EQ(ReportSpan(7260), "2 h 1 min");
  EXPECT_EQ(ReportSpan(90000), "1 d 1 h");
}

}  // namespace
}  // namespace kluis::audit::report_test
