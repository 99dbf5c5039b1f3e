// SPDX-License-Identifier: Apache-2.0
// Every time and every number that a statement can say has a bound. The walk over the descriptors
// finds those that have none: a new field fails until it has a row here.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/timestamp.pb.h"
#include "tests/fakes/measurement_acts.h"
#include "tests/fakes/operator_acts.h"
#include "tests/fakes/policy_expect.h"

namespace kluis::policy::bounds_test {
namespace {

using W = PolicyWorld;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr Time kFarAway = 40 * 365 * kDay;  // what was accepted of a warrant once

bool IsTime(const FieldDescriptor& field) {
  return field.message_type() == google::protobuf::Timestamp::descriptor();
}

bool IsNumber(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return true;
    default:
      return false;
  }
}

// "Warrant.not_before" and so on, of every message of the file; when a statement was signed, and
// until when it can be used, are each judged by one rule for all
// (Bound.OfASigningIsTheAgeOfAStatement,
// StatementOfSeveralSigners.StatesItsOwnEndWithinTheProfilesDays), and the limits of the profile by
// another (Found.NeedsEveryLimitOfTheLegalProfile).
std::set<std::string> TimesAndNumbers() {
  std::set<std::string> fields;
  const auto* file = v1::Warrant::descriptor()->file();
  for (int i = 0; i < file->message_type_count(); ++i) {
    const Descriptor& type = *file->message_type(i);
    if (&type == v1::LegalProfile::descriptor()) continue;
    for (int f = 0; f < type.field_count(); ++f) {
      const FieldDescriptor& field = *type.field(f);
      if (field.name() == "issued_at" || field.name() == "usable_until") continue;
      if (IsTime(field) || IsNumber(field)) fields.insert(type.name() + "." + field.name());
    }
  }
  return fields;
}

// A command that is allowed but for the one field, which is beyond its bound, and the rule.
struct Beyond {
  v1::Command command;
  std::string rule;
};
using Row = std::function<Beyond(W& world)>;

template <class Make, class Change>
Row Refused(const char* rule, Make make, Change change) {
  return [=](W& world) {
    Beyond beyond{make(world), rule};
    EXPECT_TRUE(Allowed(world, beyond.command)) << rule;
    change(beyond.command, world.now);
    return beyond;
  };
}

template <class Change>
Row OfWarrant(const char* rule, Change change) {
  return Refused(
      rule, [](W& world) { return world.IssueWarrant(world.Opened()); },
      [=](v1::Command& c, Time now) {
        change(*c.mutable_issue_warrant()->mutable_warrant(), now);
      });
}

template <class Change>
Row OfPurpose(const char* rule, Change change) {
  return Refused(
      rule, [](W& world) { return world.RegisterPurpose("other"); },
      [=](v1::Command& c, Time now) {
        change(*c.mutable_register_purpose()->mutable_registration(), now);
      });
}

template <class Change>
Row OfFounding(const char* rule, Change change) {
  return Refused(
      rule,
      [](W& world) {
        const Time now = world.now;
        world = W();
        world.now = now;
        return world.Found();
      },
      [=](v1::Command& c, Time now) { change(*c.mutable_found()->mutable_founding(), now); });
}

template <class Change>
Row OfEnrolment(const char* rule, Change change) {
  return Refused(
      rule, [](W& world) { return world.Enroll(); },
      [=](v1::Command& c, Time now) { change(*c.mutable_enroll(), now); });
}

template <class Change>
Row OfRekeyOrder(Change change) {
  return Refused(
      "rekey.order-complete", [](W& world) { return OrderRekey(world); },
      [=](v1::Command& c, Time) { change(*c.mutable_order_rekey()->mutable_order()); });
}

// A consent may say what it likes: the template ends with the law (below).
constexpr char kEndsWithTheLaw[] = "Consent.expires_at";

std::map<std::string, Row> Rows() {
  std::map<std::string, Row> rows;
  rows["Founding.threshold"] = OfFounding("vault.founding-complete", [](v1::Founding& f, Time) {
    f.set_threshold(static_cast<uint32_t>(f.supervisors_size()) + 1);
  });
  rows["FoundingMember.valid_until"] =
      OfFounding("vault.founding-members", [](v1::Founding& f, Time now) {
        f.mutable_auditors(0)->mutable_valid_until()->set_seconds(now + W::kMembershipMax + 1);
      });
  rows["Accreditation.valid_until"] = Refused(
      "authority.mandate", [](W& world) { return world.Accredit(); },
      [](v1::Command& c, Time now) {
        c.mutable_accredit()->mutable_accreditation()->mutable_valid_until()->set_seconds(
            now + W::kMembershipMax + 1);
      });
  rows["Registration.valid_until"] = Refused(
      "member.complete", [](W& world) { return world.Register(v1::ROLE_JUDGE, "kim"); },
      [](v1::Command& c, Time now) {
        c.mutable_register_()->mutable_registration()->mutable_valid_until()->set_seconds(
            now + W::kMembershipMax + 1);
      });
  rows["MemberTerm.valid_until"] = Refused(
      "term.end",
      [](W& world) { return world.SetTerm(v1::ROLE_OFFICER, "anna", world.now + kDay); },
      [](v1::Command& c, Time now) {
        c.mutable_set_term()->mutable_term()->mutable_valid_until()->set_seconds(
            now + W::kMembershipMax + 1);
      });
  rows["LegalBasis.valid_until"] =
      OfPurpose("purpose.complete", [](v1::PurposeRegistration& p, Time now) {
        p.mutable_legal_basis()->mutable_valid_until()->set_seconds(now + W::kBasisMax + 1);
      });
  rows["PurposeRegistration.retention_max_days"] =
      OfPurpose("purpose.complete", [](v1::PurposeRegistration& p, Time) {
        p.set_retention_max_days(W::kConsentMax / kDay + 1);
      });
  rows["PurposeRegistration.candidate_cap"] = OfPurpose(
      "purpose.complete", [](v1::PurposeRegistration& p, Time) { p.set_candidate_cap(51); });
  rows["ThresholdPolicy.target_fpir"] = OfPurpose(
      "purpose.threshold",
      [](v1::PurposeRegistration& p, Time) { p.mutable_threshold()->set_target_fpir(0.11); });
  rows["ThresholdPolicy.target_fmr"] = OfPurpose(
      "purpose.threshold",
      [](v1::PurposeRegistration& p, Time) { p.mutable_threshold()->set_target_fmr(0.11); });
  rows["CaptureAttestation.captured_at"] = OfEnrolment(
      "capture.live", [](v1::Enroll& e, Time now) { e.set_captured_at(now + 6 * kMinute); });
  rows["CaptureAttestation.quality"] =
      OfEnrolment("capture.live", [](v1::Enroll& e, Time) { e.set_quality(101); });
  rows["Release.expires_at"] = Refused(
      "release.unexpired",
      [](W& world) {
        world.Do(world.RegisterHeldPurpose());
        return world.VerifyHeld(world.EnrolledHeld());
      },
      [](v1::Command& c, Time now) {
        c.mutable_verify()->mutable_released()->set_expires_at(now + W::kStatementAge + 1);
      });
  rows["NoticeDelay.until"] = OfWarrant("warrant.notice-delay", [](v1::Warrant& w, Time now) {
    w.mutable_notice_delay()->set_ground("An arrest is prepared.");
    w.mutable_notice_delay()->mutable_until()->set_seconds(now + W::kDelayMax + 1);
  });
  rows["Warrant.budget"] =
      OfWarrant("warrant.limits", [](v1::Warrant& w, Time) { w.set_budget(10'001); });
  rows["Warrant.candidate_cap"] =
      OfWarrant("warrant.limits", [](v1::Warrant& w, Time) { w.set_candidate_cap(6); });
  rows["Warrant.not_before"] = OfWarrant("warrant.window-set", [](v1::Warrant& w, Time now) {
    w.mutable_not_before()->set_seconds(now + kFarAway);
    w.mutable_not_after()->set_seconds(now + kFarAway + kDay);
  });
  rows["Warrant.not_after"] = OfWarrant("warrant.window-set", [](v1::Warrant& w, Time now) {
    w.mutable_not_after()->set_seconds(now + W::kWarrantMax + 1);
  });
  rows["EvaluationOrder.probes"] = Refused(
      "evaluation.probes-ordered",
      [](W& world) {
        world.Do(RegisterEvaluationPurpose(world));
        return Evaluate(world, kEvaluationPurpose, 200);
      },
      [](v1::Command& c, Time) { c.mutable_evaluate()->mutable_order()->set_probes(10'001); });
  rows["InspectionOrder.start_index"] = Refused(
      "inspection.range", [](W& world) { return world.Inspect(0, 10); },
      [](v1::Command& c, Time) { c.mutable_inspect()->mutable_order()->set_start_index(10); });
  rows["InspectionOrder.end_index"] = Refused(
      "inspection.range", [](W& world) { return world.Inspect(5, 10); },
      [](v1::Command& c, Time) { c.mutable_inspect()->mutable_order()->set_end_index(100'006); });
  rows["RekeyOrder.needed"] = OfRekeyOrder([](v1::RekeyOrder& o) { o.set_needed(4); });
  rows["RekeyOrder.holders"] = OfRekeyOrder([](v1::RekeyOrder& o) { o.set_holders(33); });
  const auto confirming = [](W& world) { return ConfirmClock(world, world.now + 30 * kDay); };
  const auto setting_back = [](W& world) {
    world.now += kMinute;
    return SetClockBack(world, world.now - 1);
  };
  rows["ClockOrder.time"] = Refused("clock.named", confirming, [](v1::Command& c, Time now) {
    c.mutable_confirm_clock()->mutable_order()->mutable_time()->set_seconds(now + kFarAway);
  });
  rows["ClockOrder.size"] = Refused("clock.named", confirming, [](v1::Command& c, Time) {
    c.mutable_confirm_clock()->mutable_order()->set_size(0);
  });
  rows["ClockSetBackOrder.time"] =
      Refused("clock.set-back", setting_back, [](v1::Command& c, Time now) {
        c.mutable_set_clock_back()->mutable_order()->mutable_time()->set_seconds(now + kFarAway);
      });
  rows["ClockSetBackOrder.size"] = Refused(
      "clock.set-back", setting_back,
      [](v1::Command& c, Time) { c.mutable_set_clock_back()->mutable_order()->set_size(0); });
  rows["SweepApproval.people"] = Refused(
      "sweep.reasoned", [](W& world) { return ApproveSweep(world); },
      [](v1::Command& c, Time) { c.mutable_approve_sweep()->mutable_approval()->set_people(0); });
  return rows;
}

TEST(Bound, IsThereForEveryTimeAndEveryNumberOfAStatement) {
  std::set<std::string> rows = {kEndsWithTheLaw};
  for (const auto& [field, row] : Rows()) rows.insert(field);
  EXPECT_EQ(rows, TimesAndNumbers());
}

TEST(Bound, RefusesWhatIsBeyondIt) {
  for (const auto& [field, row] : Rows()) {
    W world = W::Ready();
    const Beyond beyond = row(world);
    const Ruling ruling = world.Decided(beyond.command);
    EXPECT_FALSE(ruling.decision.allowed()) << field;
    EXPECT_EQ(ruling.decision.rule(), beyond.rule) << field;
  }
}

TEST(Bound, OfAConsentIsTheLawsWhateverItSays) {
  W world = W::Ready();
  v1::Command command = world.Enroll();
  command.mutable_enroll()->set_consent_expires_at(world.now + kFarAway);
  world.Do(command);
  EXPECT_EQ(
      world.Get<v1::TemplateRecord>(key::Template(command.enroll().new_template_id())).expires_at(),
      world.now + W::kConsentMax);
}

TEST(Bound, OfASigningIsTheAgeOfAStatement) {
  W world = W::Ready();
  v1::Command command = world.Stop();
  command.mutable_stop()->mutable_statement()->set_issued_at(world.now + kFarAway);
  EXPECT_TRUE(RefusedBy("statement.fresh", "STATEMENT_STALE", world, command));
}

TEST(Warrant, BeginsWithinTheBoundAfterItsIssue) {
  W world = W::Ready();
  v1::Command command = world.IssueWarrant(world.Opened());
  v1::Warrant& warrant = *command.mutable_issue_warrant()->mutable_warrant();
  const Time last = world.now + W::kWarrantStartMax;
  warrant.mutable_not_before()->set_seconds(last);
  warrant.mutable_not_after()->set_seconds(last + kDay);
  EXPECT_TRUE(Allowed(world, command));
  warrant.mutable_not_before()->set_seconds(last + 1);
  EXPECT_TRUE(RefusedBy("warrant.window-set", "WARRANT_WINDOW_INVALID", world, command));
}

TEST(Inspect, IsOfNoMoreEntriesThanTheProfileAllows) {
  W world = W::Ready();
  EXPECT_TRUE(Allowed(world, world.Inspect(7, 100'007)));
  EXPECT_TRUE(RefusedBy("inspection.range", "RANGE_INVALID", world, world.Inspect(7, 100'008)));
  EXPECT_TRUE(RefusedBy("inspection.range", "RANGE_INVALID", world, world.Inspect(7, 7)));
}

// A person is found again with each search, and every time by another handle.
TEST(Disclose, NamesAPersonOncePerCase) {
  W world = W::Ready();
  const std::string id = world.ActiveWith(100);
  const v1::Command first = world.Disclose(id, world.Confirmed(id));
  world.Do(first);
  v1::Command again = world.Disclose(id, world.Confirmed(id));
  EXPECT_TRUE(Allowed(world, again)) << "somebody else";
  again.mutable_disclose()->set_person(first.disclose().person());
  EXPECT_TRUE(RefusedBy("disclosure.person-once", "PERSON_NAMED", world, again));
  again.mutable_disclose()->clear_person();
  EXPECT_TRUE(RefusedBy("disclosure.person-once", "PERSON_NAMED", world, again));
}

TEST(Disclose, NamesNoMorePeoplePerCaseThanTheProfileAllows) {
  W world = W::Ready();
  const std::string id = world.ActiveWith(100);
  for (uint32_t i = 0; i < W::kDisclosuresPerCase; ++i) {
    world.Do(world.Disclose(id, world.Confirmed(id)));
  }
  EXPECT_TRUE(RefusedBy("disclosure.per-case", "DISCLOSURES_SPENT", world,
                        world.Disclose(id, world.Confirmed(id))));
}

}  // namespace
}  // namespace kluis::policy::bounds_test
