// SPDX-License-Identifier: Apache-2.0
// Random histories, honest and not: what holds after every entry, and that folding the log and
// deciding again from the recorded command and time gives the same decision and the same changes
// byte for byte. The seed is printed; KLUIS_SEED sets it.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "policy/civil_time.h"
#include "tests/fakes/measurement_acts.h"
#include "tests/fakes/policy_world.h"
#include "tests/fakes/restriction_acts.h"
#include "tests/fakes/rotation_acts.h"

namespace kluis::policy::replay_property_test {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using W = PolicyWorld;

uint64_t Seed() {
  const char* text = std::getenv("KLUIS_SEED");
  const uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device()();
  std::printf("KLUIS_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

class History {
 public:
  explicit History(uint64_t seed) : random_(seed), world_(W::Ready()) {
    world_.Do(world_.RegisterPurpose(kOther));
    world_.Do(RegisterEvaluationPurpose(world_));
    world_.now += 330 * kDay;  // so that the year is over before the history is
    subjects_ = cases_ = searches_ = templates_ = candidates_ = {std::string(16, '?')};
  }

  const W& world() const { return world_; }

  // Sends one command, honest or broken, at this moment or a later one.
  void Step() {
    constexpr Time kSteps[] = {1, kMinute, 20 * kMinute, kDay, 3 * kDay, 40 * kDay};
    if (Below(4) == 0) world_.now += kSteps[Below(Below(2) == 0 ? 6 : 3)];
    v1::Command command = Next();
    if (Below(8) == 0) Break(*ActOf(command));
    if (Below(20) == 0) command.mutable_caller()->set_name(Below(2) == 0 ? "ben" : "zoe");
    if (Below(20) == 0 && !sent_.empty()) {
      command = sent_[Below(sent_.size())];
      RenewIds(*ActOf(command));
    }
    sent_.push_back(command);
    Send(command);
  }

  // Long after: the vault ends every case and forgets every year that it has not forgotten yet.
  void End() {
    world_.now += 600 * kDay;
    std::vector<v1::Command> acts;
    ForEach<v1::CaseRecord>(v1::RecordChange::kCase, [&](const auto& kase) {
      if (kase.ended_at() == 0) acts.push_back(world_.EndCase(kase.id()));
    });
    int years = 0;
    ForEach<v1::AuthorityYear>(v1::RecordChange::kAuthorityYear, [&](const auto& year) {
      acts.push_back(world_.ForgetAuthorityYear(year.authority_id(), year.year()));
      ++years;
    });
    for (const v1::Command& act : acts) Send(act);
    EXPECT_EQ(allowed_[v1::Command::kForgetAuthorityYear], years);
  }

  int allowed(v1::Command::ActCase act) { return allowed_[act]; }

 private:
  static constexpr const char* kOther = "other";

  void Send(const v1::Command& command) {
    const MemoryState before = world_.state;
    const Ruling ruling = world_.Run(command);
    EXPECT_TRUE(ruling.decision.allowed() || ruling.changes.empty());
    if (ruling.decision.allowed()) ++allowed_[command.act_case()];
    Note(ruling);
    CheckEntry(before, command, ruling);
    CheckState();
  }

  size_t Below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

  // The newer ones more often.
  const std::string& Pick(const std::vector<std::string>& ids) {
    const size_t recent = std::min<size_t>(ids.size(), 4);
    return Below(4) == 0 ? ids[Below(ids.size())] : ids[ids.size() - 1 - Below(recent)];
  }

  v1::Command Next() {
    if (!plan_.empty() && Below(4) != 0) {
      const std::function<v1::Command()> next = plan_.front();
      plan_.pop_front();
      return next();
    }
    const char* officer = Below(2) == 0 ? "anna" : "ben";
    switch (Below(32)) {
      case 0:
        return Below(2) == 0 ? world_.Accredit() : Measure();
      case 1:
        return world_.Register(v1::ROLE_JUDGE, "judge" + std::to_string(Below(5)));
      case 2:
        return Below(3) == 0 ? world_.Stop() : world_.RegisterPurpose("p");
      case 3:
      case 4:
        return world_.Lift();
      case 5:
      case 6:
        return world_.Enroll({}, Below(2) == 0 ? W::kPurpose : kOther);
      case 7:
        return world_.Enroll(Pick(subjects_), Below(2) == 0 ? W::kPurpose : kOther);
      case 8:
        return world_.Withdraw(Pick(subjects_), Below(2) == 0 ? W::kPurpose : kOther);
      case 9:
        return Below(3) == 0 ? world_.Access(Pick(subjects_)) : ChangeRestriction();
      case 10:
      case 11:
        return world_.OpenCase();
      case 12:
      case 13:
        return world_.IssueWarrant(Pick(cases_));
      case 14:
      case 15:
        return world_.ApproveCase(Pick(cases_), officer);
      case 16:
        return Below(2) == 0 ? world_.CloseCase(Pick(cases_)) : world_.RefuseWarrant(Pick(cases_));
      case 17:
      case 18:
      case 19:
        return Search(Pick(cases_));
      case 20:
        return world_.Verify(Pick(subjects_));
      case 21:
      case 22: {
        v1::Command outcome = world_.Outcome(Pick(searches_), static_cast<int>(Below(4)));
        if (Below(4) == 0) {
          outcome.mutable_search_outcome()->set_result(v1::SEARCH_RESULT_ABORTED);
        }
        return outcome;
      }
      case 23: {
        const std::string& both = Pick(candidates_);
        return world_.Adjudicate(both.substr(0, 16), both.substr(std::min<size_t>(16, both.size())),
                                 officer);
      }
      case 24: {
        const std::string& both = Pick(candidates_);
        if (both.size() < 32) return world_.ReadCase("");
        if (Below(2) == 0) return world_.Adjudicate(both.substr(0, 16), both.substr(16), officer);
        return world_.Disclose(both.substr(0, 16), both.substr(16));
      }
      case 25:
        return world_.ExpireTemplate(Pick(templates_));
      case 26:
        return Below(2) == 0   ? world_.EndCase(Pick(cases_))
               : Below(2) == 0 ? world_.ForgetSubject(Pick(subjects_))
                               : world_.ForgetAuthorityYear(world_.police, YearOf(world_.now) - 1);
      case 27:
      case 28: {
        const std::string& subject = Pick(subjects_);
        v1::Command command = world_.Enroll(subject, Below(2) == 0 ? W::kPurpose : kOther);
        command.mutable_enroll()->set_replaces(Pick(templates_));
        return command;
      }
      case 29:
        return Below(3) == 0 ? RotateTransform(world_, Below(2) == 0 ? W::kPurpose : kOther)
                             : FinishRotation(Below(2) == 0 ? W::kPurpose : kOther);
      case 30:
        return Below(2) == 0 ? RenewTemplate(Pick(templates_))
                             : world_.EraseDone(v1::ERASURE_TARGET_SLOT, Pick(templates_));
      default: {
        const auto target = static_cast<v1::ErasureTarget>(1 + Below(3));
        return world_.EraseDone(target, Pick(target == v1::ERASURE_TARGET_TEMPLATE ? templates_
                                             : target == v1::ERASURE_TARGET_CASE   ? cases_
                                                                                   : subjects_));
      }
    }
  }

  v1::Command Measure() {
    if (Below(2) == 0) return Calibrate(world_, Below(2) == 0 ? W::kPurpose : kOther);
    return Evaluate(world_);
  }

  v1::Command ChangeRestriction() {
    const std::string& subject = Pick(subjects_);
    const std::string_view purpose = Below(2) == 0 ? W::kPurpose : kOther;
    return Below(2) == 0 ? Restrict(world_, subject, purpose)
                         : LiftRestriction(world_, subject, purpose);
  }

  static Message* ActOf(v1::Command& command) {
    return command.GetReflection()->MutableMessage(
        &command, v1::Command::descriptor()->FindFieldByNumber(command.act_case()));
  }

  // The vault makes its own ids anew for a request that it gets twice.
  void RenewIds(Message& act) {
    for (int i = 0; i < act.GetDescriptor()->field_count(); ++i) {
      const auto* field = act.GetDescriptor()->field(i);
      if (!field->name().starts_with("new_")) continue;
      act.GetReflection()->SetString(&act, field, world_.NewId());
    }
  }

  // Changes one field at any depth.
  void Break(Message& message) {
    const auto* type = message.GetDescriptor();
    if (type->field_count() == 0) return;
    const auto* field =
        type->field(static_cast<int>(Below(static_cast<size_t>(type->field_count()))));
    const auto* reflection = message.GetReflection();
    if (field->name().starts_with("new_")) return;  // the vault's own random ids
    if (field->is_repeated() || Below(4) == 0) return reflection->ClearField(&message, field);
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Break(*reflection->MutableMessage(&message, field));
      case FieldDescriptor::CPPTYPE_BOOL:
        return reflection->SetBool(&message, field, Below(2) == 0);
      case FieldDescriptor::CPPTYPE_STRING:
        return reflection->SetString(&message, field, "x");
      case FieldDescriptor::CPPTYPE_UINT32:
        return reflection->SetUInt32(&message, field, static_cast<uint32_t>(random_()));
      case FieldDescriptor::CPPTYPE_INT64:
        return reflection->SetInt64(
            &message, field,
            Below(2) == 0 ? static_cast<int64_t>(random_())
                          : world_.now + static_cast<Time>(Below(40)) * kDay - 20 * kDay);
      case FieldDescriptor::CPPTYPE_ENUM:
        return reflection->SetEnumValue(&message, field, static_cast<int>(Below(6)));
      default:
        return;
    }
  }

  // What an honest officer or judge would do next about a new case, search or candidate, a subject
  // about its restriction, and the vault about a rotation.
  void Plan(const v1::RecordChange& change) {
    if (change.has_case_() && change.case_().state() == v1::CASE_STATE_AWAITING_WARRANT &&
        !change.case_().has_warrant() && change.case_().approved_by().empty()) {
      const std::string id = change.case_().id();
      plan_.push_back([this, id] { return world_.IssueWarrant(id); });
      plan_.push_back([this, id] { return world_.ApproveCase(id); });
      plan_.push_back([this, id] { return world_.Identify(id); });
    }
    if (change.has_case_() && change.case_().ended_at() > 0) {
      plan_.push_back(
          [this] { return world_.ForgetAuthorityYear(world_.police, YearOf(world_.now) - 1); });
    }
    if (change.has_purpose() && change.purpose().previous_slot() != 0) {
      const std::string purpose = change.purpose().registration().purpose();
      for (int i = 0; i < 4; ++i) {
        plan_.push_back([this] { return RenewTemplate(Pick(templates_)); });
      }
      plan_.push_back([purpose] { return FinishRotation(purpose); });
    }
    if (change.has_pending_erasure() &&
        change.pending_erasure().target() == v1::ERASURE_TARGET_AUTHORITY_YEAR) {
      const std::string id = change.pending_erasure().id();
      plan_.push_back(
          [this, id] { return world_.EraseDone(v1::ERASURE_TARGET_AUTHORITY_YEAR, id); });
    }
    if (change.has_pending_erasure() &&
        change.pending_erasure().target() == v1::ERASURE_TARGET_SLOT) {
      const std::string id = change.pending_erasure().id();
      plan_.push_back([this, id] { return world_.EraseDone(v1::ERASURE_TARGET_SLOT, id); });
    }
    if (change.has_template_() && change.template_().restricted() && Below(2) == 0) {
      const std::string subject = change.template_().subject_id();
      const std::string purpose = change.template_().purpose();
      plan_.push_back([this, subject] { return world_.Verify(subject); });
      plan_.push_back(
          [this, subject, purpose] { return LiftRestriction(world_, subject, purpose); });
    }
    if (change.has_pending_search() && Below(3) != 0) {
      const std::string id = change.pending_search().id();
      if (change.pending_search().measurement() == v1::MEASUREMENT_CALIBRATION) {
        plan_.push_back([this, id] { return CalibrationOutcome(world_, id); });
      } else if (change.pending_search().measurement() == v1::MEASUREMENT_EVALUATION) {
        plan_.push_back([this, id] { return EvaluationOutcome(world_, id); });
      }
      const int found = change.pending_search().case_id().empty() ? 0 : 1;
      plan_.push_back([this, id, found] { return world_.Outcome(id, found); });
    }
    if (change.has_candidate() && change.candidate().confirmed_by().empty()) {
      const std::string kase = change.candidate().case_id();
      const std::string id = change.candidate().id();
      plan_.push_back([this, kase, id] { return world_.Adjudicate(kase, id, "anna"); });
      plan_.push_back([this, kase, id] { return world_.Adjudicate(kase, id, "ben"); });
      plan_.push_back([this, kase, id] { return world_.Disclose(kase, id); });
    }
  }

  // Remembers the ids that later commands may name.
  void Note(const Ruling& ruling) {
    for (const v1::RecordChange& change : ruling.changes) {
      Plan(change);
      if (change.has_subject()) subjects_.push_back(change.subject().id());
      if (change.has_template_()) templates_.push_back(change.template_().id());
      if (change.has_case_()) cases_.push_back(change.case_().id());
      if (change.has_pending_search()) searches_.push_back(change.pending_search().id());
      if (change.has_candidate()) {
        candidates_.push_back(change.candidate().case_id() + change.candidate().id());
      }
    }
  }

  void CheckEntry(const MemoryState& before, const v1::Command& command, const Ruling& ruling) {
    for (const v1::RecordChange& change : ruling.changes) {
      if (change.has_slots()) {
        const auto old = Find<v1::SlotCounter>(before, key::Slots()).value();
        EXPECT_GT(change.slots().next_slot(), old ? old->next_slot() : 0);
      }
      if (change.has_removed_key() &&
          change.removed_key().starts_with(KindPrefix(v1::RecordChange::kPendingSearch))) {
        EXPECT_TRUE(before.records().contains(change.removed_key()));
        EXPECT_TRUE(ended_searches_.insert(change.removed_key()).second);
      }
      if (change.has_disclosure()) {
        EXPECT_TRUE(
            disclosed_.insert({change.disclosure().case_id(), change.disclosure().candidate_id()})
                .second);
      }
      if (change.has_pending_search()) {
        EXPECT_FALSE(before.records().contains(key::PendingSearch(change.pending_search().id())));
      }
    }
    CheckRestriction(before, command, ruling);
    CheckCalibration(before, command, ruling);
    if (!ruling.decision.allowed() || !command.has_search_outcome()) return;
    const v1::SearchOutcome& outcome = command.search_outcome();
    const auto search =
        Find<v1::PendingSearch>(before, key::PendingSearch(outcome.search_id())).value();
    const auto stop = Find<v1::PurposeStop>(before, key::PurposeStop(search->purpose())).value();
    if (stop && stop->stopped()) {
      EXPECT_EQ(outcome.result(), v1::SEARCH_RESULT_ABORTED);
      EXPECT_EQ(outcome.candidate_ids_size(), 0);
    }
  }

  // Only the subject's own two acts say whether a template may be compared, also through a
  // replacement and a rotation, and what is restricted is compared with nothing.
  void CheckRestriction(const MemoryState& before, const v1::Command& command,
                        const Ruling& ruling) {
    const auto record_of = [&](const std::string& id) {
      return Find<v1::TemplateRecord>(before, key::Template(id)).value();
    };
    for (const v1::RecordChange& change : ruling.changes) {
      if (!change.has_template_()) continue;
      auto old = record_of(change.template_().id());
      if (!old && command.has_enroll()) old = record_of(command.enroll().replaces());
      const bool was = old && old->restricted();
      EXPECT_EQ(change.template_().restricted(),
                (was || command.has_restrict()) && !command.has_lift_restriction());
    }
    if (!ruling.grant.has_value() || !command.has_verify()) return;
    EXPECT_FALSE(ruling.grant->only_template()->restricted());
  }

  // What a purpose's cuts are taken from changes with the outcome of its own calibration only.
  void CheckCalibration(const MemoryState& before, const v1::Command& command,
                        const Ruling& ruling) {
    for (const v1::RecordChange& change : ruling.changes) {
      if (!change.has_purpose()) continue;
      const std::string& purpose = change.purpose().registration().purpose();
      const auto old = Find<v1::PurposeRecord>(before, key::Purpose(purpose)).value();
      const v1::PurposeRecord was = old ? *old : v1::PurposeRecord();
      if (!command.has_calibration_outcome()) {
        EXPECT_EQ(change.purpose().calibration().SerializeAsString(),
                  was.calibration().SerializeAsString());
        continue;
      }
      const std::string& id = command.calibration_outcome().search_id();
      const auto search = Find<v1::PendingSearch>(before, key::PendingSearch(id)).value();
      EXPECT_EQ(search->purpose(), purpose);
      EXPECT_EQ(search->measurement(), v1::MEASUREMENT_CALIBRATION);
      EXPECT_EQ(change.purpose().slot(), was.slot());
    }
  }

  template <class Record, class Check>
  void ForEach(v1::RecordChange::ChangeCase kind, Check check) {
    const std::string prefix = KindPrefix(kind);
    const auto& records = world_.state.records();
    for (auto at = records.lower_bound(prefix); at != records.end(); ++at) {
      if (!at->first.starts_with(prefix)) break;
      Record record;
      ASSERT_TRUE(record.ParseFromString(at->second));
      check(record);
    }
  }

  v1::Command Search(const std::string& kase) {
    v1::Command search = world_.Identify(kase);
    search.mutable_identify()->set_repeated_probe(Below(3) == 0);
    return search;
  }

  void CheckState() {
    std::map<std::string, uint32_t> live;
    std::set<std::pair<std::string, std::string>> enrolled;
    std::map<std::pair<std::string, uint32_t>, uint32_t> live_cases;
    std::set<uint32_t> slots;
    uint32_t next_slot = 0;
    ForEach<v1::SlotCounter>(v1::RecordChange::kSlots,
                             [&](const auto& counter) { next_slot = counter.next_slot(); });
    const auto check_slot = [&](uint32_t slot) {
      EXPECT_LT(slot, next_slot);
      EXPECT_TRUE(slots.insert(slot).second) << "slot " << slot << " given twice";
    };
    ForEach<v1::PurposeRecord>(v1::RecordChange::kPurpose, [&](const auto& purpose) {
      check_slot(purpose.slot());
      if (purpose.previous_slot() != 0) check_slot(purpose.previous_slot());
    });
    // What a renewal left behind: nobody's any more, until it is punctured.
    ForEach<v1::PendingErasure>(v1::RecordChange::kPendingErasure, [&](const auto& erasure) {
      if (erasure.target() == v1::ERASURE_TARGET_SLOT ||
          erasure.target() == v1::ERASURE_TARGET_TRANSFORM) {
        check_slot(erasure.slot());
      }
    });
    ForEach<v1::TemplateRecord>(v1::RecordChange::kTemplate, [&](const auto& record) {
      check_slot(record.slot());
      if (record.state() != v1::TEMPLATE_STATE_ACTIVE) return;
      ++live[record.subject_id()];
      EXPECT_TRUE(enrolled.insert({record.subject_id(), record.purpose()}).second);
    });
    ForEach<v1::SubjectRecord>(v1::RecordChange::kSubject, [&](const auto& subject) {
      check_slot(subject.slot());
      EXPECT_EQ(subject.live_templates(), live[subject.id()]);
    });
    ForEach<v1::CaseRecord>(v1::RecordChange::kCase, [&](const auto& kase) {
      check_slot(kase.slot());
      const auto use = Find<v1::CaseUse>(world_.state, key::CaseUse(kase.id())).value();
      EXPECT_LE(use ? use->searches() : 0, kase.warrant().budget());
      live_cases[{kase.authority_id(), YearOf(kase.opened_at())}] += kase.ended_at() == 0 ? 1 : 0;
      if (kase.state() == v1::CASE_STATE_ACTIVE) {
        EXPECT_NE(kase.opened_by(), kase.approved_by());
        EXPECT_FALSE(kase.approved_by().empty());
      }
    });
    size_t years = 0;
    ForEach<v1::AuthorityYear>(v1::RecordChange::kAuthorityYear, [&](const auto& year) {
      ++years;
      check_slot(year.slot());
      EXPECT_EQ(year.live_cases(), (live_cases[{year.authority_id(), year.year()}]));
      if (year.erased()) {
        EXPECT_EQ(year.live_cases(), 0u);
      }
    });
    EXPECT_EQ(years, live_cases.size());
    ForEach<v1::CandidateRecord>(v1::RecordChange::kCandidate, [&](const auto& candidate) {
      if (candidate.state() != v1::CANDIDATE_STATE_CONFIRMED &&
          candidate.state() != v1::CANDIDATE_STATE_DISCLOSED) {
        return;
      }
      const auto& by = candidate.confirmed_by();
      EXPECT_EQ(std::set<std::string>(by.begin(), by.end()).size(), 2u);
    });
  }

  std::mt19937_64 random_;
  W world_;
  std::vector<v1::Command> sent_;
  std::deque<std::function<v1::Command()>> plan_;
  std::vector<std::string> subjects_, cases_, searches_, templates_, candidates_;
  std::set<std::string> ended_searches_;
  std::set<std::pair<std::string, std::string>> disclosed_;
  std::map<v1::Command::ActCase, int> allowed_;
};

// Decides every entry of `log` again over a fold of the entries before it.
void CheckReplay(const std::vector<v1::Entry>& log, const MemoryState& expected) {
  MemoryState fold;
  for (const v1::Entry& written : log) {
    v1::Entry entry;
    ASSERT_TRUE(entry.ParseFromString(written.SerializeAsString()));
    const auto ruling = Decide(fold, entry.command(), entry.decided_at());
    ASSERT_TRUE(ruling.ok());
    v1::Entry again = entry;
    *again.mutable_decision() = ruling->decision;
    again.clear_changes();
    again.mutable_changes()->Add(ruling->changes.begin(), ruling->changes.end());
    ASSERT_EQ(again.SerializeAsString(), entry.SerializeAsString());
    fold.ApplyChanges(entry);
  }
  EXPECT_EQ(fold.records(), expected.records());
}

TEST(PolicyReplayProperty, EveryHistoryKeepsItsInvariantsAndIsDecidedAgainTheSame) {
  const uint64_t seed = Seed();
  std::map<v1::Command::ActCase, int> allowed;
  for (uint64_t run = 0; run < 30 && !testing::Test::HasFailure(); ++run) {
    History history(seed + run);
    for (int step = 0; step < 250 && !testing::Test::HasFailure(); ++step) history.Step();
    history.End();
    CheckReplay(history.world().log, history.world().state);
    for (int act = 10; act < 65; ++act) {
      const auto kind = static_cast<v1::Command::ActCase>(act);
      allowed[kind] += history.allowed(kind);
    }
  }
  // A history that never gets anywhere would show nothing.
  for (const auto act : {v1::Command::kEnroll,         v1::Command::kWithdraw,
                         v1::Command::kOpenCase,       v1::Command::kIssueWarrant,
                         v1::Command::kIdentify,       v1::Command::kVerify,
                         v1::Command::kSearchOutcome,  v1::Command::kAdjudicate,
                         v1::Command::kDisclose,       v1::Command::kEndCase,
                         v1::Command::kExpireTemplate, v1::Command::kForgetAuthorityYear,
                         v1::Command::kEraseDone,      v1::Command::kRotateTransform,
                         v1::Command::kRenewTemplate,  v1::Command::kFinishRotation,
                         v1::Command::kCalibrate,      v1::Command::kCalibrationOutcome,
                         v1::Command::kEvaluate,       v1::Command::kEvaluationOutcome,
                         v1::Command::kRestrict,       v1::Command::kLiftRestriction}) {
    EXPECT_GT(allowed[act], 0) << "act " << act;
    std::printf("act %d allowed %d times\n", act, allowed[act]);
  }
}

}  // namespace
}  // namespace kluis::policy::replay_property_test
