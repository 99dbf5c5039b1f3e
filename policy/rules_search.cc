// SPDX-License-Identifier: Apache-2.0
// Searches, identifications and verifications, and their outcomes.
#include <algorithm>

#include "policy/record_key.h"
#include "policy/rule_lists.h"

namespace kluis::policy {
namespace {

bool Allows(const Facts& f, v1::Operation operation) {
  const auto& operations = f.purpose->operations();
  return std::find(operations.begin(), operations.end(), operation) != operations.end();
}

const Rule kCaseActive = {
    "case.active",
    "LED 10, AI Act 26(10)",
    "A search runs only while its case has a warrant and a second officer's approval.",
    "CASE_NOT_ACTIVE",
    "CASE_NOT_ACTIVE",
    [](const Facts& f) {
      return f.kase->state() == v1::CASE_STATE_ACTIVE ||
             f.kase->state() == v1::CASE_STATE_EXPIRED;  // said by the next rule
    }};

const Rule kWarrantInWindow = {"warrant.window",
                               "AI Act 26(10)",
                               "A search runs within the warrant's time window.",
                               "OUTSIDE_WARRANT_WINDOW",
                               "OUTSIDE_WARRANT_WINDOW",
                               [](const Facts& f) {
                                 return f.kase->state() == v1::CASE_STATE_ACTIVE &&
                                        f.kase->warrant().not_before().seconds() <= f.now &&
                                        f.kase->warrant().not_after().seconds() > f.now;
                               }};

const Rule kSamePurpose = {
    "case.same-purpose",
    "GDPR 5(1)(b)",
    "A search is for the purpose of its case.",
    "WRONG_PURPOSE",
    "WRONG_PURPOSE",
    [](const Facts& f) { return f.command->identify().purpose() == f.kase->opening().purpose(); }};

const Rule kIdentifyAllowed = {"purpose.identify",
                               "GDPR 5(1)(b)",
                               "The purpose allows identification.",
                               "OPERATION_NOT_ALLOWED",
                               "OPERATION_NOT_ALLOWED",
                               [](const Facts& f) { return Allows(f, v1::OPERATION_IDENTIFY); }};

const Rule kProbeAlgorithm = {"probe.algorithm",
                              "GDPR 5(1)(d)",
                              "The probe is of the purpose's algorithm and version.",
                              "WRONG_ALGORITHM",
                              "WRONG_ALGORITHM",
                              [](const Facts& f) {
                                return (f.command->has_identify()
                                            ? f.command->identify().algorithm()
                                            : f.command->verify().algorithm()) ==
                                       f.purpose->algorithm();
                              }};

const Rule kProbeNotFresh = {
    "probe.not-real-time",
    "AI Act 5(1)(h)",
    "A probe was captured longer ago than the profile's minimum: no real-time identification.",
    "PROBE_TOO_FRESH",
    "PROBE_TOO_FRESH",
    [](const Facts& f) {
      const Time age = f.founding->legal_profile().probe_min_age_minutes() * kMinute;
      return f.command->identify().captured_at() > 0 &&
             f.command->identify().captured_at() <= f.now - age;
    }};

const Rule kProbeEvidence = {
    "probe.evidence",
    "AI Act 12(3), LED 25",
    "A search names the evidence its probe came from.",
    "EVIDENCE_MISSING",
    "EVIDENCE_MISSING",
    [](const Facts& f) { return !f.command->identify().evidence_id().empty(); }};

const Rule kBudgetLeft = {
    "warrant.budget",
    "LED 10, AI Act 26(10)",
    "The warrant's budget has a search left, or two for a probe that the case had before.",
    "BUDGET_SPENT",
    "BUDGET_SPENT",
    [](const Facts& f) {
      return f.use.searches() + SearchCost(f.command->identify()) <= f.kase->warrant().budget();
    }};

const Rule kVerifyAllowed = {"purpose.verify",
                             "GDPR 5(1)(b)",
                             "The purpose allows verification.",
                             "OPERATION_NOT_ALLOWED",
                             "OPERATION_NOT_ALLOWED",
                             [](const Facts& f) { return Allows(f, v1::OPERATION_VERIFY); }};

const v1::Released& Release(const Facts& f) { return f.command->verify().released(); }

// Without a release the rules about it hold: the first one says whether there must be one.
bool Released(const Facts& f) { return f.command->verify().has_released(); }

bool SubjectHeld(const Facts& f) { return f.purpose->custody() == v1::CUSTODY_SUBJECT_HELD; }

const Rule kReleaseGiven = {"release.given",
                            "GDPR 25, 32, EDPB 11/2024",
                            "A template in the subject's custody opens with the subject's release.",
                            "RELEASE_MISSING",
                            "RELEASE_MISSING",
                            [](const Facts& f) { return !SubjectHeld(f) || Released(f); }};

const Rule kReleaseSubjectHeldOnly = {
    "release.subject-held-only",
    "GDPR 5(1)(a), (c)",
    "A release is taken only where the purpose has the subject's custody.",
    "RELEASE_NOT_ASKED",
    "RELEASE_NOT_ASKED",
    [](const Facts& f) { return SubjectHeld(f) || !Released(f); }};

const Rule kReleaseSigned = {
    "release.signed",
    "GDPR 25, 32",
    "The key that the release names signed it.",
    "RELEASE_SIGNATURE_INVALID",
    "RELEASE_SIGNATURE_INVALID",
    [](const Facts& f) { return !Released(f) || Release(f).statement().subject_signed(); }};

const Rule kReleasePurpose = {"release.this-purpose",
                              "GDPR 5(1)(b)",
                              "The release is for the purpose of the verification.",
                              "RELEASE_OTHER_PURPOSE",
                              "RELEASE_OTHER_PURPOSE",
                              [](const Facts& f) {
                                return !Released(f) ||
                                       Release(f).purpose() == f.command->verify().purpose();
                              }};

const Rule kReleaseVerifier = {"release.this-verifier",
                               "GDPR 5(1)(b), 32",
                               "The release is for the officer who verifies.",
                               "RELEASE_OTHER_VERIFIER",
                               "RELEASE_OTHER_VERIFIER",
                               [](const Facts& f) {
                                 return !Released(f) ||
                                        Release(f).verifier() == f.command->caller().name();
                               }};

const Rule kReleaseUnexpired = {
    "release.unexpired",
    "GDPR 5(1)(e)",
    "The release has an end time, which is not over and no later than the release may be used.",
    "RELEASE_EXPIRED",
    "RELEASE_EXPIRED",
    [](const Facts& f) {
      const Time age = f.founding->legal_profile().statement_max_age_minutes() * kMinute;
      return !Released(f) || (Release(f).expires_at() > f.now &&
                              Release(f).expires_at() <= Release(f).statement().issued_at() + age);
    }};

const Rule kReleaseSameSubject = {
    "release.same-subject",
    "GDPR 25, 32",
    "The release is of the subject who is verified.",
    "RELEASE_OTHER_SUBJECT",
    kNotPermitted,
    [](const Facts& f) { return !Released(f) || Release(f).same_subject(); }};

const Rule kReleaseOpens = {"release.opens",
                            "GDPR 25, 32, EDPB 11/2024",
                            "The released secret is the one that the template was enrolled with.",
                            "RELEASE_OTHER_SECRET",
                            kNotPermitted,
                            [](const Facts& f) { return !Released(f) || Release(f).opened(); }};

const Rule kVerifySubjectKnown = {
    "verify.subject-known", "GDPR 5(1)(f)", "The subject is known to the vault.",
    "SUBJECT_UNKNOWN",      kNotPermitted,  [](const Facts& f) { return f.subject != nullptr; }};

const Rule kVerifyConsentGiven = {
    "verify.consent-given", "GDPR 9(2)(a)", "The subject consented to the purpose.",
    "CONSENT_NOT_GIVEN",    kNotPermitted,  [](const Facts& f) { return f.record != nullptr; }};

const Rule kVerifyUnexpired = {"verify.unexpired",
                               "GDPR 5(1)(e)",
                               "The subject's consent for the purpose is not over.",
                               "CONSENT_EXPIRED",
                               kNotPermitted,
                               [](const Facts& f) { return f.record->expires_at() > f.now; }};

const Rule kVerifyConsentStands = {
    "verify.consent-stands",
    "GDPR 7(3)",
    "The subject did not withdraw the consent.",
    "CONSENT_WITHDRAWN",
    kNotPermitted,
    [](const Facts& f) { return f.record->state() == v1::TEMPLATE_STATE_ACTIVE; }};

const Rule kVerifyNotRestricted = {
    "verify.not-restricted", "GDPR 18(2)",  "The subject did not restrict the template.",
    "TEMPLATE_RESTRICTED",   kNotPermitted, [](const Facts& f) { return !f.record->restricted(); }};

// An aborted search ends whatever the state of its purpose and case: it returned nothing.
bool Aborted(const Facts& f) {
  return f.command->search_outcome().result() == v1::SEARCH_RESULT_ABORTED;
}

}  // namespace

const Rule kOutcomeOfSearch = {
    "outcome.of-search",
    "LED 25",
    "An outcome is that of a search or a measurement of its kind whose intent is in the log.",
    "SEARCH_UNKNOWN",
    "SEARCH_UNKNOWN",
    [](const Facts& f) {
      if (!f.search) return false;
      const v1::Measurement measurement = f.search->measurement();
      if (f.command->has_calibration_outcome()) return measurement == v1::MEASUREMENT_CALIBRATION;
      if (f.command->has_evaluation_outcome()) return measurement == v1::MEASUREMENT_EVALUATION;
      return Aborted(f) || measurement == v1::MEASUREMENT_UNSPECIFIED;
    }};

const Rule kOutcomeNotStopped = {"outcome.not-stopped",
                                 "AP-6, GDPR 58(2)(f)",
                                 "No search returns anything after a stop of its purpose.",
                                 "PURPOSE_STOPPED",
                                 "PURPOSE_STOPPED",
                                 [](const Facts& f) { return Aborted(f) || !f.stopped; }};

namespace {

const Rule kOutcomeStated = {"outcome.stated",
                             "AI Act 12(3)",
                             "An outcome says what came out.",
                             "RESULT_MISSING",
                             "RESULT_MISSING",
                             [](const Facts& f) {
                               return f.command->search_outcome().result() !=
                                      v1::SEARCH_RESULT_UNSPECIFIED;
                             }};

const Rule kOutcomeInCase = {"outcome.in-case",
                             "LED 10",
                             "No search returns anything after the end of its case.",
                             "CASE_NOT_ACTIVE",
                             "CASE_NOT_ACTIVE",
                             [](const Facts& f) {
                               return Aborted(f) || f.search->case_id().empty() ||
                                      (f.kase && f.kase->state() == v1::CASE_STATE_ACTIVE);
                             }};

const Rule kOutcomeWithinCap = {"outcome.within-cap",
                                "LED 10",
                                "Only a match has candidates, and no more than the warrant's cap.",
                                "OVER_BROAD",
                                "OVER_BROAD",
                                [](const Facts& f) {
                                  const v1::SearchOutcome& outcome = f.command->search_outcome();
                                  const uint32_t cap = outcome.result() == v1::SEARCH_RESULT_MATCH
                                                           ? f.search->candidate_cap()
                                                           : 0;
                                  return static_cast<uint32_t>(outcome.candidate_ids_size()) <= cap;
                                }};

constexpr const Rule* kIdentify[] = {&kCallerRole,      &kMemberRegistered,  &kAuthorityAccredited,
                                     &kCaseOfAuthority, &kCaseActive,        &kWarrantInWindow,
                                     &kSamePurpose,     &kPurposeRegistered, &kIdentifyAllowed,
                                     &kPurposeLawful,   &kPurposeNotStopped, &kPurposeNotRotating,
                                     &kProbeAlgorithm,  &kProbeEvidence,     &kProbeNotFresh,
                                     &kIdUnused,        &kBudgetLeft};
constexpr const Rule* kVerify[] = {&kCallerRole,
                                   &kMemberRegistered,
                                   &kAuthorityAccredited,
                                   &kPurposeRegistered,
                                   &kVerifyAllowed,
                                   &kPurposeLawful,
                                   &kPurposeNotStopped,
                                   &kProbeAlgorithm,
                                   &kReleaseGiven,
                                   &kReleaseSubjectHeldOnly,
                                   &kStatementForThisVault,
                                   &kReleaseSigned,
                                   &kStatementFresh,
                                   &kStatementOnce,
                                   &kReleasePurpose,
                                   &kReleaseVerifier,
                                   &kReleaseUnexpired,
                                   &kIdUnused,
                                   &kVerifySubjectKnown,
                                   &kVerifyConsentGiven,
                                   &kReleaseSameSubject,
                                   &kReleaseOpens,
                                   &kVerifyUnexpired,
                                   &kVerifyConsentStands,
                                   &kVerifyNotRestricted};
constexpr const Rule* kOutcome[] = {&kOutcomeOfSearch, &kOutcomeStated, &kOutcomeNotStopped,
                                    &kOutcomeInCase,   &kIdUnused,      &kOutcomeWithinCap};

}  // namespace

RuleList SearchRules(v1::Command::ActCase act) {
  switch (act) {
    case v1::Command::kIdentify:
      return kIdentify;
    case v1::Command::kVerify:
      return kVerify;
    case v1::Command::kSearchOutcome:
      return kOutcome;
    default:
      return {};
  }
}

}  // namespace kluis::policy
