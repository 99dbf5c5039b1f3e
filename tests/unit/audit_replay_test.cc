// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "audit/replay/completeness.h"
#include "audit/replay/replay.h"
#include "tests/fakes/log_builder.h"
#include "tests/fakes/memory_log.h"
#include "tests/fakes/operator_acts.h"
#include "tests/fakes/policy_world.h"
#include "tests/fakes/rotation_acts.h"

namespace kluis::audit::replay_test {
namespace {

using policy::PolicyWorld;
using testing::HasSubstr;

// A history with a bit of everything, and a closing entry.
LogBuilder Story() {
  PolicyWorld world = PolicyWorld::Ready();
  const std::string subject = world.Enrolled();
  const std::string other = world.Enrolled();
  const std::string kase = world.Active();
  const std::string candidate = world.Confirmed(kase);
  world.Do(world.Disclose(kase, candidate));
  const v1::Command verify = world.Verify(subject);
  world.Do(verify);
  world.Do(world.Outcome(verify.verify().new_search_id(), 0));
  world.Run(world.Identify(std::string(16, 'x')));  // refused
  world.Do(world.Withdraw(other));
  world.Do(world.EraseDone(v1::ERASURE_TARGET_TEMPLATE, world.TemplateOf(other).id()));
  LogBuilder log;
  log.Import(world.log);
  log.Close();
  return log;
}

std::vector<v1::Entry> EntriesOf(const LogBuilder& log) {
  std::vector<v1::Entry> entries;
  for (uint64_t i = 0; i < log.size(); ++i) entries.push_back(EntryAt(log, i));
  return entries;
}

using IsWanted = std::function<bool(const v1::Entry&)>;

IsWanted Act(v1::Command::ActCase act) {
  return [act](const v1::Entry& entry) { return entry.command().act_case() == act; };
}

// The last such entry.
uint64_t IndexOf(const std::vector<v1::Entry>& entries, const IsWanted& wanted) {
  for (size_t i = entries.size(); i-- > 0;) {
    if (wanted(entries[i])) return i;
  }
  ADD_FAILURE() << "no such entry in the story";
  return 0;
}

enum class Digests { kAsTheyAre, kOfTheLie };

// The entries as a log of their own: hashed and signed anew.
LogBuilder Told(const std::vector<v1::Entry>& entries, Digests digests = Digests::kOfTheLie) {
  LogBuilder log;
  for (v1::Entry entry : entries) {
    if (digests == Digests::kOfTheLie && entry.command().has_close_checkpoint()) {
      *entry.mutable_command() = log.Real(entry.command()).command;
    }
    log.AppendEntry(entry);
  }
  return log;
}

// The story with one entry edited.
struct Lie {
  uint64_t index = 0;
  ReplayReport report;
};
Lie Tell(v1::Command::ActCase act, const std::function<void(v1::Entry&)>& edit,
         Digests digests = Digests::kOfTheLie) {
  std::vector<v1::Entry> entries = EntriesOf(Story());
  const uint64_t index = IndexOf(entries, Act(act));
  edit(entries[index]);
  return {index, ReplayOf(Told(entries, digests))};
}

// One decision is wrong, at its index, for this reason.
void ExpectWrong(const Lie& lie, const std::string& reason) {
  ASSERT_EQ(lie.report.decisions.mismatched, 1u) << ReplayText(lie.report, 20);
  const ReplayMismatch& mismatch = lie.report.decisions.mismatches.first()[0];
  EXPECT_EQ(mismatch.index, lie.index);
  EXPECT_THAT(mismatch.reason, HasSubstr(reason));
  EXPECT_FALSE(lie.report.clean());
}

void ExpectIncomplete(const ReplayReport& report, uint64_t index, const std::string& reason) {
  ASSERT_EQ(report.completeness.mismatches.count(), 1u) << ReplayText(report, 20);
  EXPECT_EQ(report.completeness.mismatches.first()[0].index, index);
  EXPECT_THAT(report.completeness.mismatches.first()[0].reason, HasSubstr(reason));
  EXPECT_FALSE(report.clean());
}

TEST(Replay, FindsNothingInAnHonestLog) {
  const LogBuilder log = Story();
  const ReplayReport report = ReplayOf(log);
  EXPECT_TRUE(report.clean()) << ReplayText(report, 20);
  EXPECT_EQ(report.integrity.entries, log.size());
  EXPECT_EQ(report.integrity.root, log.checkpoint().root);
  EXPECT_EQ(report.completeness.searches, 2u);
  EXPECT_EQ(report.completeness.concluded, 2u);
  EXPECT_EQ(report.completeness.erasures, 1u);
  EXPECT_EQ(report.completeness.erased, 1u);
  EXPECT_EQ(report.completeness.closings, 1u);
  EXPECT_EQ(report.state.compared, 1u);
  EXPECT_EQ(report.decisions.erased, 1u);  // the enrolment whose template is gone
  EXPECT_EQ(report.decisions.replayed + 1, log.size());
  EXPECT_GT(report.decisions.signatures, report.decisions.statements);  // three founded it
}

TEST(Replay, FindsEntriesThatAreNotThoseOfTheCheckpoint) {
  const LogBuilder log = Story();
  std::vector<std::string> entries = log.entries();
  entries[5].back() = static_cast<char>(entries[5].back() ^ 1);
  const auto report = Replay(log.checkpoint(), log.key(), ReaderOf(entries), {});
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(std::string(report->integrity.status.message()), HasSubstr("signed one"));
  EXPECT_FALSE(report->clean());
}

TEST(Replay, OfABundleThatCannotBeReadEndsThere) {
  const LogBuilder log = Story();
  const BundleReader broken = [](uint64_t) -> absl::StatusOr<BundleBytes> {
    return absl::DataLossError("tile/entries/000: missing");
  };
  const auto report = Replay(log.checkpoint(), log.key(), broken, {});
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(std::string(report->integrity.status.message()), HasSubstr("missing"));
  EXPECT_FALSE(report->clean());
}

TEST(Replay, RootIsThatOfTheLogAtEverySizeAroundABundle) {
  for (const uint64_t size : {255, 256, 257, 511, 512, 513, 1025}) {
    LogBuilder log;
    log.Import(PolicyWorld::Ready().log);
    while (log.size() < size) log.Close();
    const ReplayReport report = ReplayOf(log);
    EXPECT_EQ(report.integrity.root, log.checkpoint().root) << size;
    EXPECT_TRUE(report.clean()) << ReplayText(report, 5);
  }
}

TEST(Completeness, MissesAnOutcomeOnceTheVaultStartedAgain) {
  std::vector<v1::Entry> entries = EntriesOf(Story());
  const uint64_t intent = IndexOf(entries, Act(v1::Command::kVerify));
  entries.erase(entries.begin() +
                static_cast<std::ptrdiff_t>(IndexOf(entries, Act(v1::Command::kSearchOutcome))));
  const ReplayReport open = ReplayOf(Told(entries));
  EXPECT_TRUE(open.clean()) << "it may still be running";
  EXPECT_EQ(open.completeness.open_searches, 1u);

  LogBuilder again = Told(entries);
  again.SetTime(entries.back().decided_at() + 10);
  again.Start();
  again.Close();
  ExpectIncomplete(ReplayOf(again), intent, "without an outcome");
}

TEST(Completeness, MissesAnOutcomeAfterAnHour) {
  std::vector<v1::Entry> entries = EntriesOf(Story());
  const uint64_t intent = IndexOf(entries, Act(v1::Command::kVerify));
  entries.erase(entries.begin() +
                static_cast<std::ptrdiff_t>(IndexOf(entries, Act(v1::Command::kSearchOutcome))));
  v1::Entry closing = entries.back();
  for (int64_t second = 60; second <= kOpenSeconds + 60; second += 60) {
    closing.set_decided_at(entries[intent].decided_at() + second);
    entries.push_back(closing);
  }
  ExpectIncomplete(ReplayOf(Told(entries)), intent, "over an hour");
}

TEST(Completeness, FindsTheSecondOutcomeOfASearch) {
  std::vector<v1::Entry> entries = EntriesOf(Story());
  const uint64_t outcome = IndexOf(entries, Act(v1::Command::kSearchOutcome));
  entries.insert(entries.begin() + static_cast<std::ptrdiff_t>(outcome), entries[outcome]);
  ExpectIncomplete(ReplayOf(Told(entries)), outcome + 1, "second outcome");
}

TEST(Completeness, MissesAnErasureThatWasNeverDone) {
  std::vector<v1::Entry> entries = EntriesOf(Story());
  const uint64_t started = IndexOf(entries, Act(v1::Command::kWithdraw));
  entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(started) + 1);
  LogBuilder log = Told(entries);
  EXPECT_EQ(ReplayOf(log).completeness.open_erasures, 1u);
  log.SetTime(entries.back().decided_at());
  log.Start();
  log.Close();
  ExpectIncomplete(ReplayOf(log), started, "not done");
}

TEST(Completeness, FindsSilenceThatNoStartExplains) {
  std::vector<v1::Entry> entries = EntriesOf(Story());
  const int64_t limit = 60 + kClosingSlackSeconds + 60 / kClosingSlackShare;
  entries.push_back(entries.back());
  entries.back().set_decided_at(entries.back().decided_at() + limit);
  EXPECT_TRUE(ReplayOf(Told(entries)).clean());
  entries.back().set_decided_at(entries.back().decided_at() + 1);
  ExpectIncomplete(ReplayOf(Told(entries)), entries.size() - 1, "after the last closing entry");
}

TEST(Completeness, FindsThatClosingEntriesAreMissingWhileOthersCame) {
  std::vector<v1::Entry> entries = EntriesOf(Story());
  v1::Entry reading = entries[IndexOf(entries, Act(v1::Command::kIdentify))];
  for (int i = 1; i <= 10; ++i) {
    reading.set_decided_at(entries.back().decided_at() + 10);
    entries.push_back(reading);
  }
  const ReplayReport report = ReplayOf(Told(entries));
  ASSERT_EQ(report.completeness.mismatches.count(), 2u);
  EXPECT_EQ(report.completeness.mismatches.first()[0].index, entries.size() - 3);
  EXPECT_THAT(report.completeness.mismatches.first()[1].reason, HasSubstr("last entry"));
}

TEST(Completeness, TellsADowntimeFromSilence) {
  LogBuilder log = Story();
  const int64_t from = log.now();
  log.SetTime(from + 5000);  // starts
  log.Close();
  const ReplayReport report = ReplayOf(log);
  EXPECT_TRUE(report.clean()) << ReplayText(report, 20);
  ASSERT_EQ(report.completeness.restarts, 1u);
  EXPECT_EQ(report.completeness.downtimes[0].from, from);
  EXPECT_EQ(report.completeness.downtimes[0].to, from + 5000);
  EXPECT_EQ(report.completeness.downtimes[0].index, log.size() - 2);
}

// A judge is registered while the vault waits for its shares: the entry as it was, `later` seconds
// on, and a closing entry after it, for what a sealed vault enters is signed.
void AddSealed(std::vector<v1::Entry>& entries, int64_t later) {
  v1::Entry registered = entries[IndexOf(entries, Act(v1::Command::kRegister))];
  v1::Entry closing = entries.back();
  registered.set_decided_at(entries.back().decided_at() + later);
  closing.set_decided_at(registered.decided_at());
  entries.push_back(registered);
  entries.push_back(closing);
}

TEST(Completeness, TakesAMemberThatASealedVaultRegisteredBeforeItStarted) {
  std::vector<v1::Entry> entries = EntriesOf(Story());
  const int64_t from = entries.back().decided_at();
  AddSealed(entries, 5000);
  EXPECT_EQ(ReplayOf(Told(entries)).completeness.mismatches.count(), 0u);
  AddSealed(entries, 5000);
  v1::Entry start = entries[IndexOf(entries, Act(v1::Command::kStartService))];
  start.set_decided_at(from + 12'000);
  v1::Entry closing = entries.back();
  closing.set_decided_at(from + 12'000);
  entries.push_back(start);
  entries.push_back(closing);
  const ReplayReport report = ReplayOf(Told(entries));
  EXPECT_EQ(report.completeness.mismatches.count(), 0u) << ReplayText(report, 20);
  ASSERT_EQ(report.completeness.downtimes.size(), 1u);
  EXPECT_EQ(report.completeness.downtimes[0].from, from);
  EXPECT_EQ(report.completeness.downtimes[0].to, from + 12'000);
}

TEST(Completeness, FindsASearchOfAVaultThatRegisteredAMemberInItsSilenceAndDidNotStart) {
  std::vector<v1::Entry> entries = EntriesOf(Story());
  AddSealed(entries, 5000);
  v1::Entry reading = entries[IndexOf(entries, Act(v1::Command::kIdentify))];
  reading.set_decided_at(entries.back().decided_at());
  entries.insert(entries.end() - 1, reading);
  const ReplayReport report = ReplayOf(Told(entries));
  ASSERT_GE(report.completeness.mismatches.count(), 1u);
  EXPECT_EQ(report.completeness.mismatches.first()[0].index, entries.size() - 2);
  EXPECT_THAT(report.completeness.mismatches.first()[0].reason,
              HasSubstr("after the last closing entry"));
}

TEST(Completeness, FindsTimeThatStepsBack) {
  std::vector<v1::Entry> entries = EntriesOf(Story());
  entries.back().set_decided_at(entries.back().decided_at() - 1);
  ExpectIncomplete(ReplayOf(Told(entries)), entries.size() - 1, "before the entry before it");
}

TEST(Completeness, WantsTheFoundingFirstAndAClosingEntryLast) {
  std::vector<v1::Entry> entries = EntriesOf(Story());
  entries.pop_back();
  ExpectIncomplete(ReplayOf(Told(entries)), entries.size() - 1, "close its checkpoint");
  entries = EntriesOf(Story());
  entries.erase(entries.begin());
  const ReplayReport report = ReplayOf(Told(entries));
  ASSERT_GT(report.completeness.mismatches.count(), 0u);
  EXPECT_THAT(report.completeness.mismatches.first()[0].reason, HasSubstr("founding"));
}

TEST(StateFold, NamesTheFirstClosingEntryWithAnotherDigest) {
  std::vector<v1::Entry> entries = EntriesOf(Story());
  for (int i = 0; i < 3; ++i) entries.push_back(entries.back());
  const uint64_t index = entries.size() - 2;
  entries[index].mutable_command()->mutable_close_checkpoint()->set_state_digest(
      std::string(32, 'x'));
  const ReplayReport report = ReplayOf(Told(entries, Digests::kAsTheyAre));
  EXPECT_EQ(report.state.compared, 4u);
  ASSERT_EQ(report.state.mismatches.count(), 1u);
  EXPECT_EQ(report.state.mismatches.first()[0].index, index);
  EXPECT_EQ(report.decisions.mismatched, 0u);
}

TEST(StateFold, FindsAnotherNumberOfRecords) {
  const Lie lie = Tell(
      v1::Command::kCloseCheckpoint,
      [](v1::Entry& e) { e.mutable_command()->mutable_close_checkpoint()->set_records(7); },
      Digests::kAsTheyAre);
  ASSERT_EQ(lie.report.state.mismatches.count(), 1u);
  EXPECT_EQ(lie.report.state.mismatches.first()[0].index, lie.index);
}

TEST(StateFold, FindsAChangeThatTheDigestDoesNotKnow) {
  const Lie lie = Tell(
      v1::Command::kWithdraw,
      [](v1::Entry& e) { e.mutable_changes(0)->mutable_used_statement()->set_digest("x"); },
      Digests::kAsTheyAre);
  EXPECT_EQ(lie.report.state.mismatches.count(), 1u);
  ExpectWrong(lie, "changes");
}

TEST(StateFold, FollowsARecordThatIsWrittenAndRemovedManyTimesBetweenClosingEntries) {
  LogBuilder log = Story();
  PolicyWorld other = PolicyWorld::Ready();  // for its commands
  for (int i = 0; i < 3000; ++i) {
    log.Append(i % 2 == 0 ? other.Stop() : other.Lift());
    if (i % 700 == 0) log.Close();
  }
  log.Close();
  const ReplayReport report = ReplayOf(log);
  EXPECT_EQ(report.state.mismatches.count(), 0u);
  EXPECT_EQ(report.state.compared, 7u);
}

TEST(Decisions, FindAnEditedRuleReasonOrChange) {
  ExpectWrong(Tell(v1::Command::kWithdraw,
                   [](v1::Entry& e) { e.mutable_decision()->set_rule("caller.role"); }),
              "allowed, where it must be allowed");
  ExpectWrong(Tell(v1::Command::kIdentify,
                   [](v1::Entry& e) { e.mutable_decision()->set_reason("BUDGET_SPENT"); }),
              "refused as BUDGET_SPENT, where it must be refused as NO_CASE");
  ExpectWrong(
      Tell(v1::Command::kDisclose,
           [](v1::Entry& e) { e.mutable_changes(2)->mutable_disclosure()->set_notice_at(1); }),
      "changes");
  ExpectWrong(
      Tell(v1::Command::kEraseDone, [](v1::Entry& e) { e.mutable_changes()->RemoveLast(); }),
      "changes");
}

// Sealed, rekeyed, rotated; then restored from a backup, with one template less.
TEST(Replay, FindsNothingInTheActsOfOperatorsAndARotation) {
  PolicyWorld world = PolicyWorld::Ready();
  const std::string lost = world.TemplateOf(world.Enrolled()).id();
  const std::string kept = world.TemplateOf(world.Enrolled()).id();
  world.Do(policy::SealService());
  world.Do(world.SetTerm(v1::ROLE_AUDITOR, "ada", world.now + policy::kDay));
  world.Do(world.SetTerm(v1::ROLE_AUDITOR, "ada", 0));
  world.Do(policy::BeginRekey());
  world.Do(policy::Rekey());
  world.Do(policy::OrderRekey(world));
  world.Do(policy::VoidRekey());
  world.Do(policy::OrderRekey(world));
  world.Do(policy::CancelRekey(world));
  world.Do(policy::BackUp());
  world.Do(policy::Recover(world));
  world.Do(policy::LoseTemplate(lost));
  world.Do(world.EraseDone(v1::ERASURE_TARGET_TEMPLATE, lost));
  world.Do(policy::RotateTransform(world));
  world.Do(policy::RenewTemplate(kept));
  world.Do(world.EraseDone(v1::ERASURE_TARGET_SLOT, kept));
  const policy::Ruling finished = world.Do(policy::FinishRotation());
  for (const v1::RecordChange& change : finished.changes) {
    if (!change.has_pending_erasure()) continue;
    world.Do(world.EraseDone(v1::ERASURE_TARGET_TRANSFORM, change.pending_erasure().id()));
  }
  LogBuilder log;
  log.Import(world.log);
  log.Close();
  const ReplayReport report = ReplayOf(log);
  EXPECT_TRUE(report.clean()) << ReplayText(report, 20);
  EXPECT_EQ(report.completeness.erasures, 3u);
  EXPECT_EQ(report.completeness.erased, 3u);
  EXPECT_EQ(report.decisions.erased, 1u) << "the enrolment of what was lost";
}

// A template of nowhere that is said to be erased: no decision is taken off those replayed.
TEST(Decisions, CountNothingTwiceWhenWhatWasNeverReachedIsErased) {
  LogBuilder log;
  log.SetTime(1'800'000'000);
  v1::Decision allowed;
  allowed.set_allowed(true);
  v1::RecordChange change;
  change.mutable_template_()->set_id(std::string(16, 'x'));
  change.mutable_template_()->set_state(v1::TEMPLATE_STATE_ERASING);
  log.AppendEntry(log.EntryOf({}, allowed, {change}));
  BuiltAct done;
  done.command.mutable_erase_done()->set_target(v1::ERASURE_TARGET_TEMPLATE);
  done.command.mutable_erase_done()->set_id(std::string(16, 'x'));
  log.AppendEntry(log.EntryOf(done, allowed, {}));
  const ReplayReport report = ReplayOf(log);
  EXPECT_EQ(report.decisions.replayed, 0u);
  EXPECT_EQ(report.decisions.erased, 0u);
  EXPECT_EQ(report.decisions.mismatched, 2u);
}

TEST(Decisions, OfOtherRulesAreListedOnceAndCounted) {
  std::vector<v1::Entry> entries = EntriesOf(Story());
  for (size_t i = 4; i < 9; ++i) entries[i].set_policy_digest(std::string(32, 'p'));
  const ReplayReport report = ReplayOf(Told(entries));
  EXPECT_EQ(report.decisions.other_rules, 5u);
  EXPECT_EQ(report.decisions.mismatched, 5u);
  ASSERT_EQ(report.decisions.mismatches.count(), 1u);
  EXPECT_EQ(report.decisions.mismatches.first()[0].index, 4u);
  EXPECT_FALSE(report.clean());
}

TEST(Report, HasOneBlockPerVerdictAndTheMismatchesInTextAndJson) {
  const Lie lie =
      Tell(v1::Command::kWithdraw, [](v1::Entry& e) { e.mutable_decision()->set_rule("\x1b[2J"); });
  const std::string text = ReplayText(lie.report, 20);
  for (const char* part : {"integrity     holds", "completeness  holds", "state         holds",
                           "decisions     DOES NOT HOLD", "MISMATCH  entry ", "\\u{1B}[2J"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  const std::string json = ReplayJson(lie.report, 20);
  EXPECT_THAT(json, HasSubstr("\"clean\":false"));
  EXPECT_THAT(json, HasSubstr("\"recorded_rule\":\"\\u001b[2J\""));
  EXPECT_THAT(ReplayText(lie.report, 0), HasSubstr("... and 1 more: decisions"));
}

}  // namespace
}  // namespace kluis::audit::replay_test
