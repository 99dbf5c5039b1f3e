// SPDX-License-Identifier: Apache-2.0
// Founding, accreditation, registration, stop and lift.
#include <algorithm>
#include <iterator>
#include <set>

#include "policy/record_key.h"
#include "policy/rule_lists.h"

namespace kluis::policy {
namespace {

// What a founding may set at most: no sum of times overflows, and nothing is bounded in name only.
struct Limit {
  uint32_t (v1::LegalProfile::*value)() const;
  uint32_t least;
  uint32_t most;
};
constexpr uint32_t kCentury = 36'525;  // days
constexpr uint32_t kYearInMinutes = 366 * 24 * 60;
constexpr Limit kLimits[] = {
    {&v1::LegalProfile::consent_max_days, 1, kCentury},
    {&v1::LegalProfile::warrant_max_days, 1, 366},
    {&v1::LegalProfile::notice_delay_max_days, 1, kCentury},
    {&v1::LegalProfile::statement_max_age_minutes, 1, kYearInMinutes},
    {&v1::LegalProfile::necessity_min_characters, 1, 10'000},
    {&v1::LegalProfile::probe_min_age_minutes, 1, kYearInMinutes},
    {&v1::LegalProfile::case_retention_days, 1, kCentury},
    {&v1::LegalProfile::details_retention_days, 1, kCentury},
    {&v1::LegalProfile::log_retention_months, 6, 1200},
    {&v1::LegalProfile::order_max_days, 1, 14},
    {&v1::LegalProfile::rekey_delay_hours, 1, 366 * 24},
    {&v1::LegalProfile::membership_max_days, 1, kCentury},
    {&v1::LegalProfile::evaluation_max_probes, 1, 10'000},
    {&v1::LegalProfile::legal_basis_max_days, 1, kCentury},
    {&v1::LegalProfile::warrant_start_max_days, 1, 366},
    {&v1::LegalProfile::warrant_max_searches, 1, 10'000},
    {&v1::LegalProfile::candidate_max, 1, 50},
    {&v1::LegalProfile::disclosures_per_case, 1, 1'000},
    {&v1::LegalProfile::inspection_max_entries, 1, 1'000'000},
};

const google::protobuf::RepeatedPtrField<std::string>& SupervisorKeyids(const Facts& f) {
  const v1::VaultRecord& vault = f.vault ? *f.vault : v1::VaultRecord::default_instance();
  return vault.supervisor_keyids();
}

}  // namespace

size_t SupervisorSignatures(const Facts& f) {
  std::set<std::string_view> signers;
  for (const std::string& keyid : f.statements.front()->signed_by()) {
    const auto& known = SupervisorKeyids(f);
    if (std::find(known.begin(), known.end(), keyid) != known.end()) signers.insert(keyid);
  }
  return signers.size();
}

namespace {

bool IsSha256(std::string_view hex) {
  return hex.size() == 64 && std::all_of(hex.begin(), hex.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

const Rule kFoundOnce = {
    "vault.founded-once", "GDPR 24",         "A vault is founded once, by its first entry.",
    "ALREADY_FOUNDED",    "ALREADY_FOUNDED", [](const Facts& f) { return !f.vault; }};

const Rule kFoundingSigned = {
    "vault.founding-signed",
    "GDPR 24, 51",
    "All supervisors that it names signed the founding.",
    "SIGNATURE_INVALID",
    "SIGNATURE_INVALID",
    [](const Facts& f) {
      const v1::Found& found = f.command->found();
      const auto& signers = found.statement().signed_by();
      const std::set<std::string_view> distinct(signers.begin(), signers.end());
      return found.founding().supervisors_size() > 0 &&
             distinct.size() == static_cast<size_t>(found.founding().supervisors_size());
    }};

// A subject is forgotten when no consent can be used any more that was signed before: one that says
// "none" would be good again.
bool OutlastsStatements(const v1::LegalProfile& profile) {
  return profile.details_retention_days() * kDay >= profile.statement_max_age_minutes() * kMinute;
}

const Rule kFoundingComplete = {
    "vault.founding-complete",
    "GDPR 5(1)(e), AI Act 26(6)",
    "The founding has a name, a log key, a threshold of 1 to n and every limit of the legal "
    "profile within its bounds: logs kept six months or longer, orders usable fourteen days at "
    "most, "
    "details kept as long as statements can be used.",
    "FOUNDING_INCOMPLETE",
    "FOUNDING_INCOMPLETE",
    [](const Facts& f) {
      const v1::Founding& founding = f.command->found().founding();
      const v1::LegalProfile& profile = founding.legal_profile();
      return !founding.vault().empty() && !founding.log_public_key().empty() &&
             founding.threshold() >= 1 &&
             founding.threshold() <= static_cast<uint32_t>(founding.supervisors_size()) &&
             !profile.id().empty() && OutlastsStatements(profile) &&
             std::all_of(std::begin(kLimits), std::end(kLimits), [&](const Limit& limit) {
               const uint32_t value = (profile.*limit.value)();
               return value >= limit.least && value <= limit.most;
             });
    }};

}  // namespace

const Rule kSupervisorSigned = {
    "supervisor.signed",
    "GDPR 58, LED 47",
    "The statement carries a signature that verifies with a founding supervisor's key.",
    "SIGNATURE_INVALID",
    "SIGNATURE_INVALID",
    [](const Facts& f) { return SupervisorSignatures(f) >= 1; }};

const Rule kSupervisorsQuorum = {
    "supervisors.quorum",
    "GDPR 58, AP-6",
    "Lifting a stop, inspecting entries, or calibrating the cuts of a purpose takes as many "
    "supervisors as the founding says.",
    "TOO_FEW_SIGNATURES",
    "TOO_FEW_SIGNATURES",
    [](const Facts& f) { return SupervisorSignatures(f) >= f.founding->threshold(); }};

namespace {

const Rule kAccreditationComplete = {
    "authority.mandate",
    "LED 8, AP-7",
    "An accreditation names the authority, its contact, its legal mandate and a future end date "
    "within the profile's bound.",
    "ACCREDITATION_INCOMPLETE",
    "ACCREDITATION_INCOMPLETE",
    [](const Facts& f) {
      const v1::Accreditation& a = f.command->accredit().accreditation();
      return !a.authority_name().empty() && !a.contact().empty() && !a.legal_mandate().empty() &&
             EndsWithinBound(f, a.valid_until().seconds());
    }};

const Rule kRegistrationComplete = {
    "member.complete",
    "LED 25, GDPR 32",
    "A registration names a role of officer, judge, registrar, operator or auditor, a member, a "
    "public key and a future end date within the profile's bound; an officer's names an accredited "
    "authority, and nobody else's does.",
    "REGISTRATION_INCOMPLETE",
    "REGISTRATION_INCOMPLETE",
    [](const Facts& f) {
      const v1::Registration& r = f.command->register_().registration();
      const bool officer = r.role() == v1::ROLE_OFFICER;
      const bool role = officer || r.role() == v1::ROLE_JUDGE || r.role() == v1::ROLE_REGISTRAR ||
                        r.role() == v1::ROLE_OPERATOR || r.role() == v1::ROLE_AUDITOR;
      const bool authority =
          officer ? f.authority && f.authority->valid_until() > f.now : r.authority().empty();
      return role && authority && !r.member().empty() && r.member().size() <= 64 &&
             !f.command->register_().keyid().empty() &&
             EndsWithinBound(f, r.valid_until().seconds());
    }};

const Rule kKeyUnused = {"member.own-key",
                         "AI Act 14(5)",
                         "One key belongs to one member, so that two officers are two people.",
                         "KEY_IN_USE",
                         "KEY_IN_USE",
                         [](const Facts& f) {
                           const v1::Register& command = f.command->register_();
                           const bool supervisor =
                               std::find(SupervisorKeyids(f).begin(), SupervisorKeyids(f).end(),
                                         command.keyid()) != SupervisorKeyids(f).end();
                           return !supervisor && !f.registered_key;
                         }};

const Rule kNameUnused = {"member.own-name",
                          "LED 25",
                          "A member's name is given once: it keeps its key and authority.",
                          "NAME_IN_USE",
                          "NAME_IN_USE",
                          [](const Facts& f) { return !f.registered; }};

const Rule kPurposeNew = {"purpose.new",
                          "GDPR 5(1)(b)",
                          "A purpose is registered once: consent was given to what it said then.",
                          "PURPOSE_EXISTS",
                          "PURPOSE_EXISTS",
                          [](const Facts& f) { return !f.purpose; }};

const Rule kPurposeComplete = {
    "purpose.complete",
    "GDPR 6(1), 9(2)(a), 13, 35",
    "A purpose has an id, a title, a controller with representative and contact, a legal basis in "
    "force, an impact assessment with its hash, a notice in each language with its hash, custody, "
    "operations, subject categories, a retention maximum and a candidate cap; basis, retention and "
    "cap are within the profile's bounds.",
    "PURPOSE_INCOMPLETE",
    "PURPOSE_INCOMPLETE",
    [](const Facts& f) {
      const v1::PurposeRegistration& p = f.command->register_purpose().registration();
      const v1::LegalProfile& profile = f.founding->legal_profile();
      const bool notices =
          p.notices_size() > 0 &&
          std::all_of(p.notices().begin(), p.notices().end(), [](const v1::Notice& notice) {
            return !notice.language().empty() && !notice.version().empty() &&
                   IsSha256(notice.sha256());
          });
      return IsPurposeId(p.purpose()) && !p.title().empty() && !p.controller().name().empty() &&
             !p.controller().representative().empty() && !p.controller().contact().empty() &&
             !p.legal_basis().reference().empty() &&
             p.legal_basis().valid_until().seconds() > f.now &&
             p.legal_basis().valid_until().seconds() <=
                 f.now + profile.legal_basis_max_days() * kDay &&
             !p.dpia().reference().empty() && IsSha256(p.dpia().sha256()) &&
             (p.custody() == v1::CUSTODY_CASE_GATED || p.custody() == v1::CUSTODY_SUBJECT_HELD) &&
             p.operations_size() > 0 && p.subject_categories_size() > 0 &&
             p.retention_max_days() > 0 && p.retention_max_days() <= profile.consent_max_days() &&
             p.candidate_cap() >= 1 && p.candidate_cap() <= profile.candidate_max() && notices;
    }};

const Rule kPurposeCustody = {
    "purpose.custody-operations",
    "GDPR 25, EDPB 11/2024",
    "What is in the subject's custody is verified only: nobody searches among such templates.",
    "OPERATION_NOT_IN_CUSTODY",
    "OPERATION_NOT_IN_CUSTODY",
    [](const Facts& f) {
      const v1::PurposeRegistration& p = f.command->register_purpose().registration();
      return p.custody() != v1::CUSTODY_SUBJECT_HELD ||
             std::all_of(p.operations().begin(), p.operations().end(),
                         [](int operation) { return operation == v1::OPERATION_VERIFY; });
    }};

const Rule kPurposeEvaluation = {
    "purpose.evaluation-alone",
    "GDPR 5(1)(b), 7(2)",
    "A purpose for measuring error rates is for nothing else, and in the vault's custody: its "
    "subjects consented to exactly that.",
    "OPERATION_NOT_ALONE",
    "OPERATION_NOT_ALONE",
    [](const Facts& f) {
      const v1::PurposeRegistration& p = f.command->register_purpose().registration();
      const auto& operations = p.operations();
      const bool evaluates = std::find(operations.begin(), operations.end(),
                                       v1::OPERATION_EVALUATE) != operations.end();
      return !evaluates || (operations.size() == 1 && p.custody() == v1::CUSTODY_CASE_GATED);
    }};

const Rule kPurposeThreshold = {
    "purpose.threshold",
    "AI Act 15",
    "A purpose names a registered algorithm and target error rates between 0 and 0.1.",
    "THRESHOLD_INVALID",
    "THRESHOLD_INVALID",
    [](const Facts& f) {
      const v1::RegisterPurpose& command = f.command->register_purpose();
      const v1::ThresholdPolicy& t = command.registration().threshold();
      return command.algorithm_known() && t.target_fpir() > 0 && t.target_fpir() <= 0.1 &&
             t.target_fmr() > 0 && t.target_fmr() <= 0.1;
    }};

const Rule kInspectionRange = {
    "inspection.range",
    "GDPR 5(1)(c), 58",
    "An inspection is of some entries, and of no more than the profile allows.",
    "RANGE_INVALID",
    "RANGE_INVALID",
    [](const Facts& f) {
      const v1::InspectionOrder& order = f.command->inspect().order();
      return order.start_index() < order.end_index() &&
             order.end_index() - order.start_index() <=
                 f.founding->legal_profile().inspection_max_entries();
    }};

const Rule kStopped = {
    "stop.in-force", "GDPR 58",     "Only a stop that is in force can be lifted.",
    "NOT_STOPPED",   "NOT_STOPPED", [](const Facts& f) { return f.stopped; }};

}  // namespace

const Rule kOrderReasoned = {"order.reasoned",
                             "GDPR 58(4)",
                             "An order gives its reasons.",
                             "REASONS_MISSING",
                             "REASONS_MISSING",
                             [](const Facts& f) {
                               const v1::Command& c = *f.command;
                               if (c.has_stop()) return !c.stop().order().reasons().empty();
                               if (c.has_lift()) return !c.lift().order().reasons().empty();
                               if (c.has_calibrate())
                                 return !c.calibrate().order().reasons().empty();
                               if (c.has_evaluate()) return !c.evaluate().order().reasons().empty();
                               if (c.has_rotate_transform()) {
                                 return !c.rotate_transform().order().reasons().empty();
                               }
                               return !c.inspect().order().reasons().empty();
                             }};

// The vault can protect anew, or measure, only what it can open.
const Rule kVaultOpensTemplates = {
    "purpose.rotatable",
    "GDPR 25, 32",
    "The templates of the purpose are opened by the vault, not by releases of their subjects.",
    "SUBJECT_HELD",
    "SUBJECT_HELD",
    [](const Facts& f) { return f.purpose->custody() == v1::CUSTODY_CASE_GATED; }};

namespace {

constexpr const Rule* kFound[] = {&kFoundOnce, &kFoundingComplete, &kFoundingSigned,
                                  &kFoundingMembers};
constexpr const Rule* kAccredit[] = {
    &kCallerRole,       &kSupervisorOfFounding, &kStatementForThisVault,
    &kSupervisorSigned, &kStatementFresh,       &kStatementOnce,
    &kIdUnused,         &kAccreditationComplete};
constexpr const Rule* kRegister[] = {&kCallerRole,
                                     &kSupervisorOfFounding,
                                     &kStatementForThisVault,
                                     &kSupervisorSigned,
                                     &kStatementOwnEnd,
                                     &kStatementFresh,
                                     &kStatementOnce,
                                     &kRegistrationComplete,
                                     &kRegistrationFollows,
                                     &kNameUnused,
                                     &kKeyUnused,
                                     &kMemberQuorum};
constexpr const Rule* kRegisterPurpose[] = {
    &kCallerRole,        &kSupervisorOfFounding, &kStatementForThisVault,
    &kSupervisorSigned,  &kStatementFresh,       &kStatementOnce,
    &kPurposeNew,        &kPurposeComplete,      &kPurposeCustody,
    &kPurposeEvaluation, &kPurposeThreshold};
// An inspection shows personal data, so it needs what a lift needs.
constexpr const Rule* kInspect[] = {
    &kCallerRole,        &kSupervisorOfFounding, &kStatementForThisVault, &kSupervisorSigned,
    &kStatementOwnEnd,   &kStatementFresh,       &kStatementOnce,         &kOrderReasoned,
    &kSupervisorsQuorum, &kInspectionRange};
constexpr const Rule* kStop[] = {
    &kCallerRole,     &kSupervisorOfFounding, &kStatementForThisVault, &kSupervisorSigned,
    &kStatementFresh, &kStatementOnce,        &kPurposeRegistered,     &kOrderReasoned};
constexpr const Rule* kLift[] = {
    &kCallerRole,      &kSupervisorOfFounding, &kStatementForThisVault, &kSupervisorSigned,
    &kStatementOwnEnd, &kStatementFresh,       &kStatementOnce,         &kPurposeRegistered,
    &kStopped,         &kOrderReasoned,        &kSupervisorsQuorum,     &kStopNamed};

constexpr const Rule* kRotateTransform[] = {
    &kCallerRole,         &kSupervisorOfFounding, &kStatementForThisVault, &kSupervisorSigned,
    &kStatementFresh,     &kStatementOnce,        &kPurposeRegistered,     &kVaultOpensTemplates,
    &kPurposeNotRotating, &kOrderReasoned,        &kRotationFollows};

}  // namespace

RuleList GovernanceRules(v1::Command::ActCase act) {
  switch (act) {
    case v1::Command::kFound:
      return kFound;
    case v1::Command::kAccredit:
      return kAccredit;
    case v1::Command::kRegister:
      return kRegister;
    case v1::Command::kRegisterPurpose:
      return kRegisterPurpose;
    case v1::Command::kStop:
      return kStop;
    case v1::Command::kLift:
      return kLift;
    case v1::Command::kInspect:
      return kInspect;
    case v1::Command::kRotateTransform:
      return kRotateTransform;
    default:
      return {};
  }
}

}  // namespace kluis::policy
