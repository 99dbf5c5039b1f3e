// SPDX-License-Identifier: Apache-2.0
// From a candidate to a name: adjudication and disclosure.
#include <algorithm>

#include "policy/rule_lists.h"

namespace kluis::policy {
namespace {

constexpr Time kAskAgain = 10 * kMinute;  // a name whose answer may have been lost

const Rule kCandidateKnown = {"candidate.known",
                              "LED 25",
                              "The candidate is one of the case's.",
                              "CANDIDATE_UNKNOWN",
                              "CANDIDATE_UNKNOWN",
                              [](const Facts& f) { return f.candidate.has_value(); }};

const Rule kCaseNotEnded = {
    "case.not-ended",
    "LED 10",
    "Candidates are judged and named only while the case is active and its warrant runs.",
    "CASE_NOT_ACTIVE",
    "CASE_NOT_ACTIVE",
    [](const Facts& f) {
      return f.kase->state() == v1::CASE_STATE_ACTIVE &&
             f.kase->warrant().not_after().seconds() > f.now;
    }};

const Rule kCandidateOpen = {"candidate.open",
                             "AI Act 14(5)",
                             "The candidate is not yet confirmed or rejected.",
                             "CANDIDATE_DECIDED",
                             "CANDIDATE_DECIDED",
                             [](const Facts& f) {
                               return f.candidate->state() == v1::CANDIDATE_STATE_OPEN &&
                                      f.command->adjudicate().adjudication().verdict() !=
                                          v1::VERDICT_UNSPECIFIED;
                             }};

const Rule kAnotherOfficer = {"candidate.another-officer",
                              "AI Act 14(5)",
                              "Two different officers confirm a candidate.",
                              "SAME_OFFICER",
                              "SAME_OFFICER",
                              [](const Facts& f) {
                                const auto& by = f.candidate->confirmed_by();
                                return std::find(by.begin(), by.end(), f.member->name()) ==
                                       by.end();
                              }};

const Rule kDisclosedOnce = {
    "disclosure.once",
    "LED 25, GDPR 5(1)(c)",
    "A candidate is named once; whom it was named to may ask again for ten minutes.",
    "ALREADY_DISCLOSED",
    "ALREADY_DISCLOSED",
    [](const Facts& f) {
      if (f.candidate->state() != v1::CANDIDATE_STATE_DISCLOSED) return true;
      return f.candidate->disclosed_by() == f.member->name() &&
             f.now < f.candidate->disclosed_at() + kAskAgain;
    }};

// Nothing new is told: disclosure.once says to whom and for how long.
bool IsToldAgain(const Facts& f) { return f.candidate->state() == v1::CANDIDATE_STATE_DISCLOSED; }

const Rule kDisclosureConfirmed = {"disclosure.confirmed",
                                   "AI Act 14(5), GDPR 22",
                                   "A candidate is named only after two officers confirmed it.",
                                   "NOT_CONFIRMED",
                                   "NOT_CONFIRMED",
                                   [](const Facts& f) {
                                     return f.candidate->state() == v1::CANDIDATE_STATE_CONFIRMED ||
                                            f.candidate->state() == v1::CANDIDATE_STATE_DISCLOSED;
                                   }};

const Rule kDisclosureRecipient = {"disclosure.recipient",
                                   "LED 9, 25",
                                   "The recipient is the officer's own authority.",
                                   "RECIPIENT_NOT_ALLOWED",
                                   "RECIPIENT_NOT_ALLOWED",
                                   [](const Facts& f) {
                                     return IdInName(f.command->disclose().request().recipient(),
                                                     "authorities") == f.authority->id();
                                   }};

const Rule kDisclosureConsent = {
    "disclosure.consent",
    "GDPR 7(3)",
    "The candidate's consent still stands.",
    "CANDIDATE_GONE",
    "CANDIDATE_GONE",
    [](const Facts& f) { return f.command->disclose().template_live(); }};

const Rule kDisclosurePersonOnce = {
    "disclosure.person-once",
    "GDPR 5(1)(c), LED 4(1)(c)",
    "A person is named once in a case, however many candidates of the case it is.",
    "PERSON_NAMED",
    "PERSON_NAMED",
    [](const Facts& f) {
      constexpr size_t kDigestBytes = 32;
      const std::string& person = f.command->disclose().person();
      const auto& named = f.kase->named();
      if (IsToldAgain(f)) return true;
      return person.size() == kDigestBytes &&
             std::find(named.begin(), named.end(), person) == named.end();
    }};

const Rule kDisclosuresLeft = {"disclosure.per-case",
                               "GDPR 5(1)(c), LED 10",
                               "No more people are named in a case than the profile allows.",
                               "DISCLOSURES_SPENT",
                               "DISCLOSURES_SPENT",
                               [](const Facts& f) {
                                 return IsToldAgain(f) ||
                                        static_cast<uint32_t>(f.kase->named_size()) <
                                            f.founding->legal_profile().disclosures_per_case();
                               }};

constexpr const Rule* kAdjudicate[] = {
    &kCallerRole,     &kMemberRegistered, &kAuthorityAccredited, &kStatementForThisVault,
    &kMemberSigned,   &kStatementFresh,   &kStatementOnce,       &kCaseOfAuthority,
    &kCandidateKnown, &kCaseNotEnded,     &kCandidateOpen,       &kAnotherOfficer};
constexpr const Rule* kDisclose[] = {&kCallerRole,
                                     &kMemberRegistered,
                                     &kAuthorityAccredited,
                                     &kStatementForThisVault,
                                     &kMemberSigned,
                                     &kStatementFresh,
                                     &kStatementOnce,
                                     &kCaseOfAuthority,
                                     &kCandidateKnown,
                                     &kCaseNotEnded,
                                     &kPurposeNotStopped,
                                     &kDisclosedOnce,
                                     &kDisclosureConfirmed,
                                     &kDisclosureRecipient,
                                     &kIdUnused,
                                     &kDisclosureConsent,
                                     &kDisclosuresLeft,
                                     &kDisclosurePersonOnce};

}  // namespace

RuleList DisclosureRules(v1::Command::ActCase act) {
  switch (act) {
    case v1::Command::kAdjudicate:
      return kAdjudicate;
    case v1::Command::kDisclose:
      return kDisclose;
    default:
      return {};
  }
}

}  // namespace kluis::policy
