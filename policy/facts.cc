// SPDX-License-Identifier: Apache-2.0
#include "policy/facts.h"

#include <algorithm>

#include "base/codec.h"
#include "policy/fact_loader.h"
#include "policy/record_key.h"

namespace kluis::policy {
namespace {

void LoadAct(const v1::Command& command, FactLoader& load) {
  switch (command.act_case()) {
    case v1::Command::kFound:
      load.Slots();
      return load.Statement(command.found().statement());
    case v1::Command::kAccredit: {
      const std::string& id = command.accredit().new_authority_id();
      load.Statement(command.accredit().statement());
      return load.NewId(id, key::Authority(id));
    }
    case v1::Command::kRegister:
      load.Statement(command.register_().statement());
      return load.NewMember(command.register_().registration(), command.register_().keyid());
    case v1::Command::kRegisterPurpose:
      load.Slots();
      load.Statement(command.register_purpose().statement());
      return load.Purpose(command.register_purpose().registration().purpose());
    case v1::Command::kStop:
      load.Statement(command.stop().statement());
      return load.Purpose(command.stop().order().purpose());
    case v1::Command::kLift:
      load.Statement(command.lift().statement());
      return load.Purpose(command.lift().order().purpose());
    case v1::Command::kInspect:
      return load.Statement(command.inspect().statement());
    case v1::Command::kCalibrate:
      load.Statement(command.calibrate().statement());
      load.NewSearch(command.calibrate().new_search_id());
      return load.Purpose(command.calibrate().order().purpose());
    case v1::Command::kEvaluate:
      load.Statement(command.evaluate().statement());
      load.NewSearch(command.evaluate().new_search_id());
      return load.Purpose(command.evaluate().order().purpose());
    case v1::Command::kEnroll: {
      const v1::Enroll& enroll = command.enroll();
      load.Member();
      load.Slots();
      load.Statement(enroll.consent_statement());
      load.Statement(enroll.attestation_statement());
      load.Purpose(enroll.consent_purpose());
      load.Subject(enroll.known_subject_id());
      load.SubjectErasure(enroll.known_subject_id());
      load.NewId(enroll.new_template_id(), key::Template(enroll.new_template_id()));
      if (enroll.known_subject_id().empty()) {
        load.NewId(enroll.new_subject_id(), key::Subject(enroll.new_subject_id()));
      }
      return load.LiveTemplate(enroll.known_subject_id(), enroll.consent_purpose());
    }
    case v1::Command::kWithdraw:
      load.Statement(command.withdraw().statement());
      load.Subject(command.withdraw().subject_id());
      return load.LiveTemplate(command.withdraw().subject_id(), command.withdraw().purpose());
    case v1::Command::kAccess:
      load.Statement(command.access().statement());
      return load.Subject(command.access().subject_id());
    case v1::Command::kRestrict:
      load.Statement(command.restrict().statement());
      load.Subject(command.restrict().subject_id());
      return load.LiveTemplate(command.restrict().subject_id(), command.restrict().purpose());
    case v1::Command::kLiftRestriction: {
      const v1::LiftRestriction& lift = command.lift_restriction();
      load.Statement(lift.statement());
      load.Subject(lift.subject_id());
      return load.LiveTemplate(lift.subject_id(), lift.purpose());
    }
    case v1::Command::kOpenCase:
      load.Member();
      load.Slots();
      load.Statement(command.open_case().statement());
      load.NewId(command.open_case().new_case_id(), key::Case(command.open_case().new_case_id()));
      load.Purpose(command.open_case().opening().purpose());
      load.PresentYear();
      return load.NecessityUse(command.open_case().necessity_digest());
    case v1::Command::kIssueWarrant:
      load.Member();
      load.Statement(command.issue_warrant().statement());
      return load.CaseAndPurpose(IdInName(command.issue_warrant().warrant().case_(), "cases"));
    case v1::Command::kRefuseWarrant:
      load.Member();
      load.Statement(command.refuse_warrant().statement());
      return load.EndingCase(IdInName(command.refuse_warrant().refusal().case_(), "cases"));
    case v1::Command::kApproveCase:
      load.Member();
      load.Statement(command.approve_case().statement());
      return load.CaseAndPurpose(IdInName(command.approve_case().approval().case_(), "cases"));
    case v1::Command::kCloseCase:
      load.Member();
      load.Statement(command.close_case().statement());
      return load.EndingCase(IdInName(command.close_case().closing().case_(), "cases"));
    case v1::Command::kReadCase:
      load.Member();
      return load.Case(command.read_case().case_id());
    case v1::Command::kIdentify:
      load.Member();
      load.NewSearch(command.identify().new_search_id());
      return load.CaseAndPurpose(command.identify().case_id());
    case v1::Command::kVerify:
      load.Member();
      load.NewSearch(command.verify().new_search_id());
      if (command.verify().has_released()) load.Statement(command.verify().released().statement());
      load.Purpose(command.verify().purpose());
      load.Subject(command.verify().subject_id());
      return load.LiveTemplate(command.verify().subject_id(), command.verify().purpose());
    case v1::Command::kSearchOutcome:
      load.Search(command.search_outcome().search_id());
      return load.NewCandidates(command.search_outcome());
    case v1::Command::kCalibrationOutcome:
      return load.Search(command.calibration_outcome().search_id());
    case v1::Command::kEvaluationOutcome:
      return load.Search(command.evaluation_outcome().search_id());
    case v1::Command::kAdjudicate:
      load.Member();
      load.Statement(command.adjudicate().statement());
      return load.Candidate(command.adjudicate().adjudication().candidate());
    case v1::Command::kDisclose:
      load.Member();
      load.Statement(command.disclose().statement());
      load.NewId(command.disclose().new_disclosure_id(),
                 key::Disclosure(command.disclose().new_disclosure_id()));
      return load.Candidate(command.disclose().request().candidate());
    case v1::Command::kExpireTemplate:
      load.Template(command.expire_template().template_id());
      return;
    case v1::Command::kEndCase:
      load.Erasure(v1::ERASURE_TARGET_CASE, command.end_case().case_id());
      return load.EndingCase(command.end_case().case_id());
    case v1::Command::kForgetSubject:
      return load.Erasure(v1::ERASURE_TARGET_SUBJECT, command.forget_subject().subject_id());
    case v1::Command::kForgetAuthorityYear: {
      const v1::ForgetAuthorityYear& forget = command.forget_authority_year();
      return load.Erasure(v1::ERASURE_TARGET_AUTHORITY_YEAR,
                          AuthorityYearId(forget.authority_id(), forget.year()));
    }
    case v1::Command::kEraseDone:
      return load.Erasure(command.erase_done().target(), command.erase_done().id());
    case v1::Command::kSetTerm:
      load.Statement(command.set_term().statement());
      return load.TermOf(command.set_term().term());
    case v1::Command::kOrderRekey:
      load.Member();
      load.PendingRekey();
      load.Statement(command.order_rekey().statement());
      return load.Signers(command.order_rekey().statement());
    case v1::Command::kCancelRekey:
      load.PendingRekey();
      return load.Statement(command.cancel_rekey().statement());
    case v1::Command::kBeginRekey:
    case v1::Command::kVoidRekey:
    case v1::Command::kRekey:
      load.Member();
      return load.PendingRekey();
    case v1::Command::kBackUp:
      load.Member();
      return load.Backup(command.back_up());
    case v1::Command::kSealService:
      return load.Member();
    case v1::Command::kRecover:
      load.Member();
      load.Slots();
      load.Statement(command.recover().statement());
      return load.Signers(command.recover().statement());
    case v1::Command::kConfirmClock:
      load.PendingRekey();
      load.Statement(command.confirm_clock().statement());
      return load.Signers(command.confirm_clock().statement());
    case v1::Command::kSetClockBack:
      load.PendingRekey();
      return load.Statement(command.set_clock_back().statement());
    case v1::Command::kApproveSweep:
      load.Member();
      load.Statement(command.approve_sweep().statement());
      return load.Signers(command.approve_sweep().statement());
    case v1::Command::kLoseTemplate:
      return load.Template(command.lose_template().template_id());
    case v1::Command::kRotateTransform:
      load.Slots();
      load.Statement(command.rotate_transform().statement());
      return load.Purpose(command.rotate_transform().order().purpose());
    case v1::Command::kRenewTemplate:
      load.Slots();
      load.Erasure(v1::ERASURE_TARGET_SLOT, command.renew_template().template_id());
      return load.TemplateAndPurpose(command.renew_template().template_id());
    case v1::Command::kFinishRotation:
      return load.Purpose(command.finish_rotation().purpose());
    case v1::Command::kAdmit:
      return load.Member();
    case v1::Command::kCloseCheckpoint:
      return load.OverStatements(command.close_checkpoint());
    case v1::Command::kStartService:
    case v1::Command::kWitnessClock:
      return load.PendingRekey();
    case v1::Command::kCountLimited:
    case v1::Command::kReject:
    case v1::Command::ACT_NOT_SET:
      return;
  }
}

}  // namespace

absl::StatusOr<Facts> LoadFacts(const StateView& state, const v1::Command& command, Time now) {
  Facts facts;
  facts.command = &command;
  facts.now = now;
  FactLoader load(state, facts);
  load.Vault();
  LoadAct(command, load);
  // A template that expires or is withdrawn changes its subject's count.
  if (facts.record && !facts.subject) load.Subject(facts.record->subject_id());
  if (!load.status().ok()) return load.status();
  if (facts.record && !facts.subject) {
    return absl::DataLossError("state: a template without its subject");
  }
  return facts;
}

std::string IdInName(std::string_view name, std::string_view collection) {
  std::string found;
  while (true) {  // one "<collection>/<32 hex digits>" at a time
    const size_t slash = name.find('/');
    if (slash == 0 || slash == std::string_view::npos) return {};
    const std::string_view hex = name.substr(slash + 1, 2 * kIdBytes);
    absl::StatusOr<std::string> id = base::FromHex(hex);
    if (!id.ok() || id->size() != kIdBytes) return {};
    if (name.substr(0, slash) == collection) {
      if (!found.empty()) return {};
      found = *std::move(id);
    }
    const size_t end = slash + 1 + hex.size();
    if (end == name.size()) return found;
    if (name[end] != '/') return {};
    name.remove_prefix(end + 1);
  }
}

Time UsableUntil(const v1::Founding& founding, const v1::StatementFacts& statement) {
  constexpr Time kLatest = 253'402'300'799;  // the last second of 9999, so that no sum overflows
  if (statement.usable_until() > 0) return statement.usable_until();
  return std::min(statement.issued_at(), kLatest) +
         founding.legal_profile().statement_max_age_minutes() * kMinute;
}

bool Names(std::string_view name, std::string_view digest) {
  if (digest.empty()) return name == "none";
  return name == base::ToHex(digest);
}

bool IsPurposeId(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

}  // namespace kluis::policy
