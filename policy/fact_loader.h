// SPDX-License-Identifier: Apache-2.0
// What each kind of thing that a command names adds to its facts. policy/facts.cc says which act
// needs which. Of one thread.
#ifndef KLUIS_POLICY_FACT_LOADER_H_
#define KLUIS_POLICY_FACT_LOADER_H_

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "policy/civil_time.h"
#include "policy/facts.h"
#include "policy/record_key.h"

namespace kluis::policy {

// Fills one Facts, and keeps the first error: every step after it does nothing.
class FactLoader {
 public:
  FactLoader(const StateView& state, Facts& facts) : state_(state), facts_(facts) {}

  absl::Status status() const { return status_; }

  template <class Record>
  std::optional<Record> Load(const std::string& key) {
    if (!status_.ok()) return std::nullopt;
    absl::StatusOr<std::optional<Record>> found = Find<Record>(state_, key);
    if (!found.ok()) {
      status_ = found.status();
      return std::nullopt;
    }
    return *std::move(found);
  }

  // Whether there is a record, whatever it says.
  bool Has(const std::string& key) {
    if (!status_.ok()) return false;
    const absl::StatusOr<std::optional<std::string>> found = state_.Read(key);
    if (!found.ok()) status_ = found.status();
    return found.ok() && found->has_value();
  }

  // As Load, of a record that is read far more often than written: the state may keep it parsed.
  template <class Record>
  std::shared_ptr<const Record> Share(const std::string& key) {
    if (!status_.ok()) return nullptr;
    absl::StatusOr<std::shared_ptr<const Record>> found = FindShared<Record>(state_, key);
    if (!found.ok()) {
      status_ = found.status();
      return nullptr;
    }
    return *std::move(found);
  }

  void Vault() {
    facts_.vault = Share<v1::VaultRecord>(key::Vault());
    if (facts_.vault) facts_.founding = &facts_.vault->founding();
  }

  void Slots() {
    if (auto slots = Load<v1::SlotCounter>(key::Slots())) facts_.next_slot = slots->next_slot();
  }

  void Member() {
    const v1::Caller& caller = facts_.command->caller();
    facts_.member = Share<v1::MemberRecord>(key::Member(caller.role(), caller.name()));
    if (facts_.member && !facts_.member->authority_id().empty()) {
      facts_.authority = Share<v1::AuthorityRecord>(key::Authority(facts_.member->authority_id()));
    }
  }

  void Statement(const v1::StatementFacts& statement) {
    facts_.statements.push_back(&statement);
    const Time until = UsableUntil(*facts_.founding, statement);
    if (Has(key::UsedStatement(until, statement.digest()))) facts_.statement_used = true;
  }

  void OverStatements(const v1::CloseCheckpoint& closing) {
    const std::string prefix = KindPrefix(v1::RecordChange::kUsedStatement);
    for (const std::string& rest : closing.over_statements()) {
      if (!Has(prefix + rest)) facts_.over_statements_known = false;
    }
  }

  // What comes into being under `key`, which ends in `id`.
  void NewId(std::string_view id, const std::string& key) {
    if (id.size() != kIdBytes || Has(key)) facts_.id_taken = true;
  }
  void NewSearch(std::string_view id) { NewId(id, key::PendingSearch(id)); }

  void NewCandidates(const v1::SearchOutcome& outcome) {
    if (!facts_.search) return;
    std::set<std::string_view> ids;
    for (const std::string& id : outcome.candidate_ids()) {
      if (!ids.insert(id).second) facts_.id_taken = true;
      NewId(id, key::Candidate(facts_.search->case_id(), id));
    }
  }

  void Purpose(std::string_view purpose) {
    facts_.purpose_record = Share<v1::PurposeRecord>(key::Purpose(purpose));
    if (facts_.purpose_record) facts_.purpose = &facts_.purpose_record->registration();
    if (const auto stop = Share<v1::PurposeStop>(key::PurposeStop(purpose))) {
      facts_.stopped = stop->stopped();
      facts_.stop = stop->stop();
    }
  }

  void Subject(std::string_view id) {
    if (!id.empty()) facts_.subject = Share<v1::SubjectRecord>(key::Subject(id));
  }

  void LiveTemplate(std::string_view subject_id, std::string_view purpose) {
    if (subject_id.empty()) return;
    if (const auto enrollment = Share<v1::Enrollment>(key::Enrollment(subject_id, purpose))) {
      Template(enrollment->template_id());
    }
  }

  void Template(std::string_view id) {
    facts_.record = Share<v1::TemplateRecord>(key::Template(id));
  }

  void TemplateAndPurpose(std::string_view id) {
    Template(id);
    if (facts_.record) Purpose(facts_.record->purpose());
  }

  // Members whose keys signed a statement, whoever brings it.
  void Signers(const v1::StatementFacts& statement) {
    for (const std::string& keyid : statement.signed_by()) {
      const auto key = Share<v1::MemberKey>(key::MemberKey(keyid));
      if (!key) continue;
      if (auto member = Share<v1::MemberRecord>(key::Member(key->role(), key->name()))) {
        facts_.signers.push_back(std::move(member));
      }
    }
  }

  void Case(std::string_view id) {
    if (id.empty()) return;
    facts_.kase = Share<v1::CaseRecord>(key::Case(id));
    if (auto use = Load<v1::CaseUse>(key::CaseUse(id))) facts_.use = *std::move(use);
  }

  void CaseAndPurpose(std::string_view id) {
    Case(id);
    if (facts_.kase) Purpose(facts_.kase->opening().purpose());
  }

  void Year(std::string_view id) { facts_.year = Load<v1::AuthorityYear>(key::AuthorityYear(id)); }

  // The year of the authority that a case is opened in now; its first case makes it.
  void PresentYear() {
    if (facts_.authority) Year(AuthorityYearId(facts_.authority->id(), YearOf(facts_.now)));
  }

  // The case, and the year that counts it.
  void EndingCase(std::string_view id) {
    Case(id);
    if (!facts_.kase) return;
    Year(AuthorityYearId(facts_.kase->authority_id(), YearOf(facts_.kase->opened_at())));
    if (status_.ok() && !facts_.year) {
      status_ = absl::DataLossError("state: a case without its authority's year");
    }
  }

  void Candidate(std::string_view name) {
    const std::string case_id = IdInName(name, "cases");
    facts_.candidate_id = IdInName(name, "candidates");
    CaseAndPurpose(case_id);
    if (case_id.empty() || facts_.candidate_id.empty()) return;
    facts_.candidate = Load<v1::CandidateRecord>(key::Candidate(case_id, facts_.candidate_id));
  }

  void Search(std::string_view id) {
    facts_.search = Load<v1::PendingSearch>(key::PendingSearch(id));
    if (!facts_.search) return;
    Case(facts_.search->case_id());
    Purpose(facts_.search->purpose());
  }

  void SubjectErasure(std::string_view id) {
    if (id.empty()) return;
    facts_.erasure = Load<v1::PendingErasure>(key::PendingErasure(v1::ERASURE_TARGET_SUBJECT, id));
  }

  void Erasure(v1::ErasureTarget target, std::string_view id) {
    facts_.erasure = Load<v1::PendingErasure>(key::PendingErasure(target, id));
    if (target == v1::ERASURE_TARGET_TEMPLATE) Template(id);
    if (target == v1::ERASURE_TARGET_CASE) Case(id);
    if (target == v1::ERASURE_TARGET_SUBJECT) Subject(id);
    if (target == v1::ERASURE_TARGET_AUTHORITY_YEAR) Year(id);
  }

  void NewMember(const v1::Registration& registration, const std::string& keyid) {
    facts_.registered =
        Share<v1::MemberRecord>(key::Member(registration.role(), registration.member()));
    facts_.registered_key = Share<v1::MemberKey>(key::MemberKey(keyid));
    const std::string authority_id = IdInName(registration.authority(), "authorities");
    if (!authority_id.empty()) {
      facts_.authority = Share<v1::AuthorityRecord>(key::Authority(authority_id));
    }
  }

  void PendingRekey() {
    facts_.rekey = Load<v1::PendingRekey>(key::PendingRekey());
    if (const auto last = Load<v1::LastRekeyOrder>(key::LastRekeyOrder())) {
      facts_.last_rekey = last->digest();
    }
  }

  void Backup(const v1::BackUp& made) {
    const auto known = Load<v1::BackupRecord>(key::Backup(made.id()));
    facts_.backup_known = known && known->made_at() == made.made_at();
  }

  // Who already has the name and role of a term.
  void TermOf(const v1::MemberTerm& term) {
    facts_.registered = Share<v1::MemberRecord>(key::Member(term.role(), term.member()));
  }

  void NecessityUse(std::string_view digest) {
    facts_.necessity_used = Load<v1::UsedNecessity>(key::UsedNecessity(digest)).has_value();
  }

 private:
  const StateView& state_;
  Facts& facts_;
  absl::Status status_;
};

}  // namespace kluis::policy

#endif  // KLUIS_POLICY_FACT_LOADER_H_
