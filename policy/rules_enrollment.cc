// SPDX-License-Identifier: Apache-2.0
// Consent, capture, access, withdrawal and restriction.
#include <algorithm>

#include "policy/rule_lists.h"

namespace kluis::policy {
namespace {

const v1::Enroll& Enrolling(const Facts& f) { return f.command->enroll(); }

bool SubjectSigned(const Facts& f) { return f.statements.front()->subject_signed(); }

const Rule kConsentSigned = {"consent.signed",
                             "GDPR 7(1), 9(2)(a), AP-2",
                             "The subject's own key signed the consent.",
                             "CONSENT_SIGNATURE_INVALID",
                             "CONSENT_SIGNATURE_INVALID",
                             SubjectSigned};

const Rule kConsentSameSubject = {"consent.same-subject",
                                  "GDPR 9(2)(a), AP-2",
                                  "Consent and attestation name the same subject's key.",
                                  "CONSENT_OTHER_SUBJECT",
                                  "CONSENT_OTHER_SUBJECT",
                                  [](const Facts& f) { return Enrolling(f).same_subject(); }};

const Rule kConsentPurpose = {"consent.one-purpose",
                              "GDPR 5(1)(b), 6(1)(a), AP-2",
                              "The consent is for the one purpose that the capture was made for.",
                              "CONSENT_OTHER_PURPOSE",
                              "CONSENT_OTHER_PURPOSE",
                              [](const Facts& f) {
                                return Enrolling(f).consent_purpose() ==
                                       Enrolling(f).attested_purpose();
                              }};

const Rule kConsentExplicit = {"consent.explicit",
                               "GDPR 9(2)(a), AP-2",
                               "The consent says in so many words that it is given.",
                               "CONSENT_NOT_EXPLICIT",
                               "CONSENT_NOT_EXPLICIT",
                               [](const Facts& f) { return Enrolling(f).explicit_consent(); }};

const Rule kConsentNotice = {
    "consent.notice",
    "GDPR 12(1), 13, AP-4",
    "The consent names a notice of the purpose by language, version and hash.",
    "CONSENT_WITHOUT_NOTICE",
    "CONSENT_WITHOUT_NOTICE",
    [](const Facts& f) {
      const v1::Notice& given = Enrolling(f).notice();
      return std::any_of(
          f.purpose->notices().begin(), f.purpose->notices().end(), [&](const v1::Notice& notice) {
            return notice.language() == given.language() && notice.version() == given.version() &&
                   notice.sha256() == given.sha256();
          });
    }};

const Rule kConsentUnexpired = {
    "consent.unexpired",
    "GDPR 5(1)(e)",
    "The consent has an end date, and it is not over.",
    "CONSENT_EXPIRED",
    "CONSENT_EXPIRED",
    [](const Facts& f) { return Enrolling(f).consent_expires_at() > f.now; }};

bool SubjectHeld(const Facts& f) { return f.purpose->custody() == v1::CUSTODY_SUBJECT_HELD; }

const Rule kCustodySecretGiven = {
    "custody.secret-given",
    "GDPR 25, 32, EDPB 11/2024",
    "A template in the subject's custody comes with the secret whose digest the consent names.",
    "CUSTODY_SECRET_MISSING",
    "CUSTODY_SECRET_MISSING",
    [](const Facts& f) {
      constexpr size_t kDigestBytes = 32;
      return !SubjectHeld(f) || (Enrolling(f).custody_sha256().size() == kDigestBytes &&
                                 Enrolling(f).custody_opened());
    }};

// A release opens with the secret: one that was signed before a withdrawal must not open what the
// person enrols afterwards.
const Rule kCustodySecretNew = {
    "custody.secret-new",
    "GDPR 7(3), 32",
    "A new consent names another secret than that of the subject's last template for the purpose.",
    "CUSTODY_SECRET_USED",
    "CUSTODY_SECRET_USED",
    [](const Facts& f) {
      return !f.record || f.record->custody_sha256().empty() ||
             f.record->custody_sha256() != Enrolling(f).custody_sha256();
    }};

const Rule kCustodySubjectHeldOnly = {
    "custody.subject-held-only",
    "GDPR 5(1)(a), 12(1)",
    "A consent speaks of the subject's custody only where the purpose has it.",
    "CUSTODY_NOT_SUBJECT_HELD",
    "CUSTODY_NOT_SUBJECT_HELD",
    [](const Facts& f) { return SubjectHeld(f) || Enrolling(f).custody_sha256().empty(); }};

const Rule kCaptureSigned = {"capture.signed",
                             "AP-3, GDPR 5(1)(d)",
                             "The registrar's own registered key signed the capture attestation.",
                             "ATTESTATION_SIGNATURE_INVALID",
                             "ATTESTATION_SIGNATURE_INVALID",
                             [](const Facts& f) { return kMemberSigned.holds(f); }};

const Rule kCaptureThisTemplate = {"capture.this-template",
                                   "AP-3",
                                   "The attestation carries the digest of this very template.",
                                   "TEMPLATE_NOT_ATTESTED",
                                   "TEMPLATE_NOT_ATTESTED",
                                   [](const Facts& f) { return Enrolling(f).template_attested(); }};

const Rule kCaptureLive = {"capture.live",
                           "AP-3, AI Act 5(1)(e)",
                           "The capture was live, recent (a day at most) and of a stated quality.",
                           "CAPTURE_NOT_LIVE",
                           "CAPTURE_NOT_LIVE",
                           [](const Facts& f) {
                             return Enrolling(f).live_capture() && Enrolling(f).quality() >= 1 &&
                                    Enrolling(f).quality() <= 100 &&
                                    Enrolling(f).captured_at() <= f.now + 5 * kMinute &&
                                    Enrolling(f).captured_at() > f.now - kDay;
                           }};

const Rule kCaptureAdult = {
    "capture.adult",    "GDPR 8",           "The registrar found the subject to be of age.",
    "GUARDIAN_MISSING", "GUARDIAN_MISSING", [](const Facts& f) { return Enrolling(f).adult(); }};

const Rule kCaptureCategory = {"capture.category",
                               "LED 6",
                               "The purpose admits the subject's category.",
                               "CATEGORY_OUT_OF_SCOPE",
                               "CATEGORY_OUT_OF_SCOPE",
                               [](const Facts& f) {
                                 const auto& admitted = f.purpose->subject_categories();
                                 return std::find(admitted.begin(), admitted.end(),
                                                  Enrolling(f).category()) != admitted.end();
                               }};

const Rule kCaptureAlgorithm = {
    "capture.algorithm",
    "GDPR 5(1)(d)",
    "The template is of the purpose's algorithm and version.",
    "WRONG_ALGORITHM",
    "WRONG_ALGORITHM",
    [](const Facts& f) { return Enrolling(f).algorithm() == f.purpose->algorithm(); }};

bool HasLiveTemplate(const Facts& f) {
  return f.record && f.record->state() == v1::TEMPLATE_STATE_ACTIVE;
}

const Rule kEnrolledOnce = {
    "enrollment.once",
    "GDPR 5(1)(c)",
    "A subject has one live template for a purpose: a further consent replaces it by name.",
    "ALREADY_ENROLLED",
    "ALREADY_ENROLLED",
    [](const Facts& f) { return !Enrolling(f).replaces().empty() || !HasLiveTemplate(f); }};

// One answer, whether nothing is there or something else: who brings a consent learns no more of
// its subject than the subject wrote into it.
const Rule kReplacesLive = {
    "enrollment.replaces-live",
    "GDPR 5(1)(d), 16",
    "A consent that replaces a template names the subject's live one for the purpose.",
    "NOTHING_TO_REPLACE",
    "NOTHING_TO_REPLACE",
    [](const Facts& f) {
      const std::string& replaces = Enrolling(f).replaces();
      return replaces.empty() || (HasLiveTemplate(f) && f.record->id() == replaces);
    }};

const Rule kSubjectStays = {
    "enrollment.subject-stays",
    "GDPR 17",
    "A subject whose details are erased, or are being erased, is not enrolled under them again.",
    "SUBJECT_ERASED",
    "SUBJECT_ERASED",
    [](const Facts& f) { return !f.erasure && !(f.subject && f.subject->erased()); }};

const Rule kSubjectKnown = {
    "subject.known",
    "GDPR 12(6)",
    "The statement is signed by the key of a subject of this vault.",
    "SUBJECT_UNKNOWN",
    kNotPermitted,
    [](const Facts& f) { return SubjectSigned(f) && f.subject && !f.subject->erased(); }};

const Rule kConsentLive = {"withdrawal.something",
                           "GDPR 7(3)",
                           "There is a live consent for the purpose to withdraw.",
                           "NOTHING_TO_WITHDRAW",
                           "NOTHING_TO_WITHDRAW",
                           HasLiveTemplate};

const Rule kUnrestricted = {
    "restriction.something",
    "GDPR 18(1)",
    "There is a live template for the purpose, not restricted already.",
    "NOTHING_TO_RESTRICT",
    "NOTHING_TO_RESTRICT",
    [](const Facts& f) { return HasLiveTemplate(f) && !f.record->restricted(); }};

const Rule kRestricted = {
    "restriction.in-force",
    "GDPR 18(2), 18(3)",
    "There is a live template for the purpose that its subject restricted.",
    "NOTHING_TO_LIFT",
    "NOTHING_TO_LIFT",
    [](const Facts& f) { return HasLiveTemplate(f) && f.record->restricted(); }};

constexpr const Rule* kEnroll[] = {&kCallerRole,
                                   &kMemberRegistered,
                                   &kStatementForThisVault,
                                   &kConsentSigned,
                                   &kCaptureSigned,
                                   &kStatementFresh,
                                   &kStatementOnce,
                                   &kPurposeRegistered,
                                   &kPurposeLawful,
                                   &kPurposeNotStopped,
                                   &kConsentSameSubject,
                                   &kConsentPurpose,
                                   &kConsentExplicit,
                                   &kConsentNotice,
                                   &kConsentUnexpired,
                                   &kCustodySecretGiven,
                                   &kCustodySubjectHeldOnly,
                                   &kCaptureAlgorithm,
                                   &kCaptureThisTemplate,
                                   &kCaptureLive,
                                   &kCaptureAdult,
                                   &kCaptureCategory,
                                   &kSubjectStays,
                                   &kEnrolledOnce,
                                   &kReplacesLive,
                                   &kCustodySecretNew,
                                   &kIdUnused,
                                   &kConsentFollows};
constexpr const Rule* kWithdraw[] = {&kCallerRole,     &kStatementForThisVault, &kSubjectKnown,
                                     &kStatementFresh, &kStatementOnce,         &kConsentLive};
constexpr const Rule* kAccess[] = {&kCallerRole, &kStatementForThisVault, &kSubjectKnown,
                                   &kStatementFresh, &kStatementOnce};
constexpr const Rule* kRestrict[] = {&kCallerRole,     &kStatementForThisVault, &kSubjectKnown,
                                     &kStatementFresh, &kStatementOnce,         &kUnrestricted};
constexpr const Rule* kLiftRestriction[] = {
    &kCallerRole, &kStatementForThisVault, &kSubjectKnown, &kStatementFresh, &kStatementOnce,
    &kRestricted, &kRestrictionNamed};

}  // namespace

RuleList EnrollmentRules(v1::Command::ActCase act) {
  switch (act) {
    case v1::Command::kEnroll:
      return kEnroll;
    case v1::Command::kWithdraw:
      return kWithdraw;
    case v1::Command::kAccess:
      return kAccess;
    case v1::Command::kRestrict:
      return kRestrict;
    case v1::Command::kLiftRestriction:
      return kLiftRestriction;
    default:
      return {};
  }
}

}  // namespace kluis::policy
