// What the vault does by itself: ends what is over and finishes erasures.
#include "policy/rule_lists.h"

namespace kluis::policy {
namespace {

constexpr size_t kDigestBytes = 32;

const Rule kTemplateOver = {"upkeep.template-over",
                            "GDPR 5(1)(e)",
                            "A template is erased when its consent is over.",
                            "NOT_DUE",
                            "NOT_DUE",
                            [](const Facts& f) {
                              return f.record && f.record->state() == v1::TEMPLATE_STATE_ACTIVE &&
                                     f.record->expires_at() <= f.now;
                            }};

// A case ends when its warrant's window does; its slot goes when its retention is over.
bool WindowOver(const Facts& f) {
  return (f.kase->state() == v1::CASE_STATE_ACTIVE ||
          f.kase->state() == v1::CASE_STATE_AWAITING_WARRANT) &&
         f.kase->has_warrant() && f.kase->warrant().not_after().seconds() <= f.now;
}

bool RetentionOver(const Facts& f) {
  return f.kase->ended_at() > 0 && !f.kase->erased() &&
         f.kase->ended_at() <= f.now - f.founding->legal_profile().case_retention_days() * kDay;
}

const Rule kCaseOver = {
    "upkeep.case-over",
    "LED 5",
    "A case ends with its warrant, and its probes and results with its retention.",
    "NOT_DUE",
    "NOT_DUE",
    [](const Facts& f) { return f.kase && (WindowOver(f) || RetentionOver(f)); }};

const Rule kSubjectOver = {
    "upkeep.subject-over",
    "GDPR 5(1)(e), 17",
    "A subject's details are erased when no template is left and the profile's days are over.",
    "NOT_DUE",
    "NOT_DUE",
    [](const Facts& f) {
      return f.subject && !f.subject->erased() && f.subject->live_templates() == 0 &&
             f.subject->last_template_ended_at() <=
                 f.now - f.founding->legal_profile().details_retention_days() * kDay;
    }};

const Rule kErasurePending = {"upkeep.erasure-pending",
                              "GDPR 17",
                              "Only an erasure that was started is done.",
                              "NOT_PENDING",
                              "NOT_PENDING",
                              [](const Facts& f) { return f.erasure.has_value(); }};

const Rule kServiceStarts = {
    "upkeep.service-starts",
    "AI Act 12, GDPR 5(2)",
    "A start of the vault is its own act, and says how often it will sign a checkpoint.",
    "NOT_THE_VAULT",
    "NOT_THE_VAULT",
    [](const Facts& f) {
      return f.vault && f.command->caller().role() == v1::ROLE_UNSPECIFIED &&
             f.command->start_service().checkpoint_seconds() > 0;
    }};

const Rule kCheckpointCloses = {
    "upkeep.checkpoint-closes",
    "AI Act 12, GDPR 5(2)",
    "The closing entry of a checkpoint is the vault's own act, and has the digest of the state.",
    "NOT_THE_VAULT",
    "NOT_THE_VAULT",
    [](const Facts& f) {
      return f.vault && f.command->caller().role() == v1::ROLE_UNSPECIFIED &&
             f.command->close_checkpoint().state_digest().size() == kDigestBytes;
    }};

constexpr const Rule* kStartService[] = {&kServiceStarts};
constexpr const Rule* kCloseCheckpoint[] = {&kCheckpointCloses};
constexpr const Rule* kExpireTemplate[] = {&kTemplateOver};
constexpr const Rule* kEndCase[] = {&kCaseOver};
constexpr const Rule* kForgetSubject[] = {&kSubjectOver};
constexpr const Rule* kEraseDone[] = {&kErasurePending};

}  // namespace

RuleList UpkeepRules(v1::Command::ActCase act) {
  switch (act) {
    case v1::Command::kExpireTemplate:
      return kExpireTemplate;
    case v1::Command::kEndCase:
      return kEndCase;
    case v1::Command::kForgetSubject:
      return kForgetSubject;
    case v1::Command::kEraseDone:
      return kEraseDone;
    case v1::Command::kStartService:
      return kStartService;
    case v1::Command::kCloseCheckpoint:
      return kCloseCheckpoint;
    default:
      return {};
  }
}

}  // namespace kluis::policy
