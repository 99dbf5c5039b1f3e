// SPDX-License-Identifier: Apache-2.0
#include "policy/record_key.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"

namespace kluis::policy {
namespace {

using Change = v1::RecordChange;

std::string Join(Change::ChangeCase kind, std::string_view a = {}, std::string_view b = {}) {
  std::string key(1, static_cast<char>(kind));
  return key.append(a).append(b);
}

}  // namespace

std::string AuthorityYearId(std::string_view authority_id, uint32_t year) {
  std::string id(authority_id);
  id += static_cast<char>(year >> 8 & 0xFF);
  id += static_cast<char>(year & 0xFF);
  return id;
}

std::string KindPrefix(Change::ChangeCase kind) { return Join(kind); }

namespace key {

std::string Vault() { return Join(Change::kVault); }
std::string Slots() { return Join(Change::kSlots); }
std::string Authority(std::string_view id) { return Join(Change::kAuthority, id); }
std::string Member(v1::Role role, std::string_view name) {
  return Join(Change::kMember, std::string(1, static_cast<char>(role)), name);
}
std::string MemberKey(std::string_view keyid) { return Join(Change::kMemberKey, keyid); }
std::string Purpose(std::string_view purpose) { return Join(Change::kPurpose, purpose); }
std::string PurposeStop(std::string_view purpose) { return Join(Change::kPurposeStop, purpose); }
std::string Subject(std::string_view id) { return Join(Change::kSubject, id); }
std::string Template(std::string_view id) { return Join(Change::kTemplate, id); }
std::string Enrollment(std::string_view subject_id, std::string_view purpose) {
  return Join(Change::kEnrollment, subject_id, purpose);
}
std::string Case(std::string_view id) { return Join(Change::kCase, id); }
std::string CaseUse(std::string_view case_id) { return Join(Change::kCaseUse, case_id); }
std::string Candidate(std::string_view case_id, std::string_view id) {
  return Join(Change::kCandidate, case_id, id);
}
std::string Disclosure(std::string_view id) { return Join(Change::kDisclosure, id); }
std::string UsedStatement(int64_t usable_until, std::string_view digest) {
  const auto minute = static_cast<uint32_t>(
      std::clamp<int64_t>(usable_until / 60 + 1, 0, std::numeric_limits<uint32_t>::max()));
  std::string time;
  for (int shift = 24; shift >= 0; shift -= 8) time += static_cast<char>(minute >> shift & 0xFF);
  return Join(Change::kUsedStatement, time, digest.substr(0, kIdBytes));
}
std::string UsedNecessity(std::string_view digest) { return Join(Change::kUsedNecessity, digest); }
std::string PendingSearch(std::string_view id) { return Join(Change::kPendingSearch, id); }
std::string PendingErasure(v1::ErasureTarget target, std::string_view id) {
  return Join(Change::kPendingErasure, std::string(1, static_cast<char>(target)), id);
}
std::string AuthorityYear(std::string_view id) { return Join(Change::kAuthorityYear, id); }
std::string LastRekeyOrder() { return Join(Change::kLastRekeyOrder); }
std::string PendingRekey() { return Join(Change::kPendingRekey); }
std::string Backup(uint32_t id) {
  std::string number(sizeof id, '\0');
  for (size_t at = number.size(); at > 0; id >>= 8) number[--at] = static_cast<char>(id & 0xFF);
  return Join(Change::kBackup, number);
}

}  // namespace key

int64_t OverAt(std::string_view used_statement) {
  int64_t minute = 0;
  for (size_t i = 0; i < 4 && i < used_statement.size(); ++i) {
    minute = minute << 8 | static_cast<unsigned char>(used_statement[i]);
  }
  return minute * 60;
}

RecordWrite Apply(const Change& change) {
  switch (change.change_case()) {
    case Change::kVault:
      return {key::Vault(), change.vault().SerializeAsString()};
    case Change::kSlots:
      return {key::Slots(), change.slots().SerializeAsString()};
    case Change::kAuthority:
      return {key::Authority(change.authority().id()), change.authority().SerializeAsString()};
    case Change::kMember:
      return {key::Member(change.member().role(), change.member().name()),
              change.member().SerializeAsString()};
    case Change::kMemberKey:
      return {key::MemberKey(change.member_key().keyid()), change.member_key().SerializeAsString()};
    case Change::kPurpose:
      return {key::Purpose(change.purpose().registration().purpose()),
              change.purpose().SerializeAsString()};
    case Change::kPurposeStop:
      return {key::PurposeStop(change.purpose_stop().purpose()),
              change.purpose_stop().SerializeAsString()};
    case Change::kSubject:
      return {key::Subject(change.subject().id()), change.subject().SerializeAsString()};
    case Change::kTemplate:
      return {key::Template(change.template_().id()), change.template_().SerializeAsString()};
    case Change::kEnrollment:
      return {key::Enrollment(change.enrollment().subject_id(), change.enrollment().purpose()),
              change.enrollment().SerializeAsString()};
    case Change::kCase:
      return {key::Case(change.case_().id()), change.case_().SerializeAsString()};
    case Change::kCaseUse:
      return {key::CaseUse(change.case_use().case_id()), change.case_use().SerializeAsString()};
    case Change::kCandidate:
      return {key::Candidate(change.candidate().case_id(), change.candidate().id()),
              change.candidate().SerializeAsString()};
    case Change::kDisclosure:
      return {key::Disclosure(change.disclosure().id()), change.disclosure().SerializeAsString()};
    case Change::kUsedStatement:
      return {key::UsedStatement(change.used_statement().usable_until(),
                                 change.used_statement().digest()),
              change.used_statement().SerializeAsString()};
    case Change::kUsedNecessity:
      return {key::UsedNecessity(change.used_necessity().digest()),
              change.used_necessity().SerializeAsString()};
    case Change::kPendingSearch:
      return {key::PendingSearch(change.pending_search().id()),
              change.pending_search().SerializeAsString()};
    case Change::kPendingErasure:
      return {key::PendingErasure(change.pending_erasure().target(), change.pending_erasure().id()),
              change.pending_erasure().SerializeAsString()};
    case Change::kAuthorityYear: {
      const v1::AuthorityYear& year = change.authority_year();
      return {key::AuthorityYear(AuthorityYearId(year.authority_id(), year.year())),
              year.SerializeAsString()};
    }
    case Change::kLastRekeyOrder:
      return {key::LastRekeyOrder(), change.last_rekey_order().SerializeAsString()};
    case Change::kPendingRekey:
      return {key::PendingRekey(), change.pending_rekey().SerializeAsString()};
    case Change::kBackup:
      return {key::Backup(change.backup().id()), change.backup().SerializeAsString()};
    case Change::kRemovedKey:
      return {change.removed_key(), std::nullopt};
    case Change::CHANGE_NOT_SET:
      break;
  }
  return {};
}

}  // namespace kluis::policy
