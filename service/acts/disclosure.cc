// SPDX-License-Identifier: Apache-2.0
#include "service/acts/disclosure.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/id.h"
#include "kluis/v1/sealed.pb.h"
#include "kluis/v1/subject_service.pb.h"
#include "policy/record_key.h"
#include "service/custody/commitments.h"
#include "service/custody/subject_details.h"
#include "service/ledger/names.h"
#include "service/ledger/outcome.h"
#include "service/ledger/statements.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

using storage::Column;

// The person behind a candidate, when the consent still stands and is not restricted.
struct Person {
  v1::SubjectRecord subject;
  v1::SubjectDetails details;
  std::string in_case;  // Disclose.person
};

// Nothing when there is no such candidate, or when its consent ended or its template is restricted;
// policy says so then.
absl::StatusOr<std::optional<Person>> FindPerson(Vault& vault, std::string_view candidate_name,
                                                 policy::Time now) {
  const std::string case_id = policy::IdInName(candidate_name, "cases");
  const std::string candidate_id = policy::IdInName(candidate_name, "candidates");
  const auto kase = policy::Find<v1::CaseRecord>(vault.state(), policy::key::Case(case_id));
  if (!kase.ok()) return kase.status();
  const auto candidate = policy::Find<v1::CandidateRecord>(
      vault.state(), policy::key::Candidate(case_id, candidate_id));
  if (!candidate.ok()) return candidate.status();
  if (!kase->has_value() || !candidate->has_value()) return std::optional<Person>();

  const auto found_in = base::IdFromBytes(case_id);
  const auto found_by = base::IdFromBytes((*candidate)->search_id());
  if (!found_in.ok()) return found_in.status();
  if (!found_by.ok()) return found_by.status();
  const std::string key = storage::ProbeKey(*found_in, *found_by);
  const auto sealed = vault.database().Get(Column::kSealed, key);
  if (!sealed.ok()) return sealed.status();
  if (!sealed->has_value()) return std::optional<Person>();
  const absl::StatusOr<crypto::SecretBytes> opened =
      vault.sealer().Open((*kase)->slot(), kSearchUse, key, **sealed);
  if (!opened.ok()) return opened.status();
  v1::SealedSearch search;
  const std::string_view text = AsText(*opened);
  if (!search.ParseFromArray(text.data(), static_cast<int>(text.size()))) {
    return absl::DataLossError("search: its record is damaged");
  }
  for (const v1::SealedSearch::Candidate& found : search.candidates()) {
    if (found.id() != candidate_id) continue;
    const auto record =
        policy::Find<v1::TemplateRecord>(vault.state(), policy::key::Template(found.template_id()));
    const auto subject =
        policy::Find<v1::SubjectRecord>(vault.state(), policy::key::Subject(found.subject_id()));
    if (!record.ok()) return record.status();
    if (!subject.ok()) return subject.status();
    const bool live = record->has_value() && subject->has_value() &&
                      (*record)->state() == v1::TEMPLATE_STATE_ACTIVE &&
                      (*record)->expires_at() > now && !(*record)->restricted();
    if (!live) return std::optional<Person>();
    absl::StatusOr<v1::SubjectDetails> details =
        OpenDetails(vault.database(), vault.sealer(), **subject);
    if (!details.ok()) return details.status();
    absl::StatusOr<std::string> in_case = vault.sealer().PersonInCase(**kase, found.subject_id());
    if (!in_case.ok()) return in_case.status();
    return std::optional<Person>(Person{**subject, *std::move(details), *std::move(in_case)});
  }
  return absl::DataLossError("search: its record does not hold the candidate");
}

// Whether an allowed act names the person for the first time.
bool IsTold(const policy::Ruling& ruling) {
  return std::any_of(ruling.changes.begin(), ruling.changes.end(),
                     [](const v1::RecordChange& change) { return change.has_disclosure(); });
}

// The notice as the subject will read it, sealed under the subject's slot.
absl::Status StoreNotice(Vault& vault, const v1::SubjectRecord& subject,
                         const policy::Ruling& ruling, uint64_t index, Writes& writes) {
  for (const v1::RecordChange& change : ruling.changes) {
    if (!change.has_disclosure()) continue;
    const v1::DisclosureRecord& disclosure = change.disclosure();
    const auto authority = policy::Find<v1::AuthorityRecord>(
        writes, policy::key::Authority(disclosure.recipient_authority_id()));
    const auto kase = policy::Find<v1::CaseRecord>(writes, policy::key::Case(disclosure.case_id()));
    if (!authority.ok()) return authority.status();
    if (!kase.ok()) return kase.status();
    v1::SubjectNotice notice;
    notice.set_disclosure(NameOf("disclosures", disclosure.id()));
    notice.set_recipient((*authority)->name());
    notice.set_purpose("purposes/" + (*kase)->opening().purpose());
    notice.set_legal_basis((*kase)->opening().legal_basis());
    notice.mutable_disclosed_at()->set_seconds(disclosure.disclosed_at());
    notice.set_log_index(index);
    const auto told = base::IdFromBytes(subject.id());
    const auto id = base::IdFromBytes(disclosure.id());
    if (!told.ok()) return told.status();
    if (!id.ok()) return id.status();
    std::string key = storage::NoticeKey(*told, *id);
    const absl::StatusOr<std::string> sealed =
        vault.sealer().Seal(subject.slot(), kNoticeUse, key, notice.SerializeAsString());
    if (!sealed.ok()) return sealed.status();
    writes.Put(Column::kDetails, std::move(key), *sealed);
    return absl::OkStatus();
  }
  return absl::InternalError("disclosure: an allowed act makes no record");
}

}  // namespace

absl::Status Disclose(Vault& vault, const Call& call, const v1::Envelope& envelope,
                      v1::DiscloseCandidateResponse& response) {
  v1::DisclosureRequest payload;
  absl::StatusOr<v1::StatementFacts> facts = TakeStatement(vault.state(), envelope, payload);
  if (!facts.ok()) return facts.status();
  std::optional<Person> person;
  std::vector<Opening> openings;

  Act act = call.NewAct();
  act.envelopes.push_back(envelope);
  v1::Disclose& command = *act.command.mutable_disclose();
  *command.mutable_statement() = *std::move(facts);
  *command.mutable_request() = payload;
  command.set_new_disclosure_id(NewId());

  // Who it is, is found outside of the lock, and that the consent still stands is looked at again
  // inside, where no withdrawal and no restriction can come between.
  absl::StatusOr<std::optional<Person>> found =
      FindPerson(vault, payload.candidate(), vault.ledger().Now());
  if (!found.ok()) return found.status();
  person = *std::move(found);
  if (person.has_value()) {
    openings.push_back(CommitTo("subject", person->subject.id()));
    act.commitments.push_back(openings.front().commitment);
    command.set_person(person->in_case);
    command.set_subject_commitment(openings.front().commitment.digest());
  }
  act.prepare = [&](const Writes&, policy::Time now, v1::Command& prepared) -> absl::Status {
    const absl::StatusOr<std::optional<Person>> again = FindPerson(vault, payload.candidate(), now);
    if (!again.ok()) return again.status();
    prepared.mutable_disclose()->set_template_live(person.has_value() && again->has_value());
    return absl::OkStatus();
  };
  act.attach = [&](const policy::Ruling& ruling, uint64_t index, Writes& writes) {
    const absl::Status stored = IsTold(ruling)
                                    ? StoreNotice(vault, person->subject, ruling, index, writes)
                                    : absl::OkStatus();  // told again: it has its notice
    if (!stored.ok()) return stored;
    return StoreOpenings(vault.sealer(), person->subject.slot(), index, openings, writes);
  };
  const absl::StatusOr<Committed> committed = CommitAct(vault.ledger(), std::move(act));
  if (!committed.ok()) return committed.status();
  const auto candidate = policy::Find<v1::CandidateRecord>(
      vault.state(), policy::key::Candidate(policy::IdInName(payload.candidate(), "cases"),
                                            policy::IdInName(payload.candidate(), "candidates")));
  if (!candidate.ok()) return candidate.status();
  if (!candidate->has_value()) return absl::DataLossError("candidate: its record is missing");
  response.set_disclosure(NameOf("disclosures", (*candidate)->disclosure_id()));
  response.set_subject(NameOf("subjects", person->subject.id()));
  *response.mutable_details() = person->details;
  *response.mutable_receipt() = ReceiptOf(*committed);
  return absl::OkStatus();
}

}  // namespace kluis::service
