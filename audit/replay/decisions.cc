// SPDX-License-Identifier: Apache-2.0
#include "audit/replay/decisions.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "audit/statement_facts.h"
#include "audit/whole_statement.h"
#include "base/big_endian.h"
#include "crypto/sha256.h"
#include "policy/decide.h"
#include "policy/record_key.h"
#include "policy/rules.h"

namespace kluis::audit {
namespace {

// Before the ids of what is counted; no record has a key of this kind.
constexpr std::string_view kCounter = "\xFD";

std::string CounterOf(v1::ErasureTarget target, std::string_view id) {
  return absl::StrCat(std::string(kCounter), static_cast<int>(target), std::string(id));
}

// An enrolment is counted when it is wrong, not when it is right: that saves a counter for each
// template.
std::string WrongEnrolment(std::string_view template_id) {
  return CounterOf(v1::ERASURE_TARGET_TEMPLATE, template_id);
}

bool SameWrites(const std::vector<v1::RecordChange>& changes,
                const std::vector<PreparedWrite>& recorded) {
  if (changes.size() != recorded.size()) return false;
  for (size_t i = 0; i < changes.size(); ++i) {
    const policy::RecordWrite write = policy::Apply(changes[i]);
    if (write.key != recorded[i].key || write.value != recorded[i].value) return false;
  }
  return true;
}

std::string Said(const v1::Decision& decision) {
  return decision.allowed() ? "allowed" : absl::StrCat("refused as ", decision.reason());
}

}  // namespace

DecisionCheck::DecisionCheck(ScratchState& state, DecisionVerdict& verdict)
    : state_(state),
      verdict_(verdict),
      policy_digest_(crypto::Bytes(crypto::Sha256({policy::RulesText()}))) {}

absl::StatusOr<std::string> DecisionCheck::SignerComplaint(const PreparedEntry& prepared) {
  const v1::Command& command = prepared.entry->command();
  const v1::StatementFacts* const facts = WholeStatement(command);
  if (facts == nullptr) return std::string();
  ++verdict_.statements;
  const v1::Envelope& envelope = prepared.entry->envelopes(0);
  const SignatureCheck check = [&](const v1::Envelope&, const crypto::PublicKey& key) {
    ++verdict_.signatures;
    for (const CheckedSignature& checked : prepared.signatures) {
      if (checked.key == key) return checked.verifies;
    }
    return IsSignedBy(envelope, key);
  };
  std::vector<std::string> found;
  if (command.has_found()) {
    found = FoundingSigners(envelope, command.found().founding(), check);
  } else {
    absl::StatusOr<std::vector<std::string>> signers = RegisteredSigners(state_, envelope, check);
    if (!signers.ok()) return signers.status();
    found = *std::move(signers);
  }
  if (!std::equal(found.begin(), found.end(), facts->signed_by().begin(),
                  facts->signed_by().end())) {
    return std::string("the signatures are not by the keys that the entry says");
  }
  return std::string();
}

absl::StatusOr<ReplayMismatch> DecisionCheck::Compare(uint64_t index,
                                                      const PreparedEntry& prepared) {
  const v1::Entry& entry = *prepared.entry;
  ReplayMismatch mismatch{index, entry.decision().rule(), "", prepared.complaint};
  const bool readable = prepared.complaint.empty();
  if (readable) {
    absl::StatusOr<std::string> signers = SignerComplaint(prepared);
    if (!signers.ok()) return signers.status();
    mismatch.reason = *std::move(signers);
  }
  absl::StatusOr<policy::Ruling> ruling =
      policy::Decide(state_, entry.command(), entry.decided_at());
  if (!ruling.ok()) {
    // The state is this program's own; what fails here is the entry, or the disk below.
    if (absl::IsInternal(ruling.status()) && !entry.command().has_reject()) return ruling.status();
    if (mismatch.reason.empty()) {
      mismatch.reason = absl::StrCat("no decision follows: ", ruling.status().message());
    }
    return mismatch;
  }
  mismatch.expected = ruling->decision.rule();
  if (!mismatch.reason.empty()) return mismatch;
  const v1::Decision& recorded = entry.decision();
  if (recorded.allowed() != ruling->decision.allowed() ||
      recorded.rule() != ruling->decision.rule() ||
      recorded.reason() != ruling->decision.reason()) {
    mismatch.reason = absl::StrCat(Said(recorded), ", where it must be ", Said(ruling->decision));
  } else if (!SameWrites(ruling->changes, prepared.writes)) {
    mismatch.reason = "the changes are not those that follow from the decision";
  }
  return mismatch;
}

absl::Status DecisionCheck::Judge(uint64_t index, const PreparedEntry& prepared) {
  if (!prepared.malformed.empty()) {
    ++verdict_.mismatched;
    verdict_.mismatches.Add({index, "", "", prepared.malformed});
    return absl::OkStatus();
  }
  const v1::Entry& entry = *prepared.entry;
  bool reached = false;
  if (entry.policy_digest() != policy_digest_) {
    ++verdict_.mismatched;
    if (verdict_.other_rules++ == 0) {
      verdict_.mismatches.Add({index, entry.decision().rule(), "",
                               "other rules than this program's decided (the first such entry)"});
    }
  } else {
    absl::StatusOr<ReplayMismatch> mismatch = Compare(index, prepared);
    if (!mismatch.ok()) return mismatch.status();
    reached = mismatch->reason.empty();
    if (reached) {
      ++verdict_.replayed;
    } else {
      ++verdict_.mismatched;
      verdict_.mismatches.Add(*std::move(mismatch));
    }
  }
  if (!entry.decision().allowed()) return absl::OkStatus();
  return CountErasable(entry, reached);
}

absl::Status DecisionCheck::CountErasable(const v1::Entry& entry, bool reached) {
  const v1::Command& command = entry.command();
  switch (command.act_case()) {
    case v1::Command::kEnroll:
      return reached ? absl::OkStatus()
                     : AddTo(WrongEnrolment(command.enroll().new_template_id()), 1);
    case v1::Command::kSearchOutcome: {
      if (!reached || command.search_outcome().result() == v1::SEARCH_RESULT_ABORTED) break;
      const auto search = policy::Find<v1::PendingSearch>(
          state_, policy::key::PendingSearch(command.search_outcome().search_id()));
      if (!search.ok()) return search.status();
      if (!search->has_value() || (*search)->case_id().empty()) break;
      return AddTo(CounterOf(v1::ERASURE_TARGET_CASE, (*search)->case_id()), 1);
    }
    case v1::Command::kDisclose:
      if (!reached) break;
      return AddTo(CounterOf(v1::ERASURE_TARGET_CASE,
                             policy::IdInName(command.disclose().request().candidate(), "cases")),
                   1);
    case v1::Command::kWithdraw:
      if (!reached || entry.commitments().empty()) break;
      return AddTo(CounterOf(v1::ERASURE_TARGET_SUBJECT, command.withdraw().subject_id()), 1);
    case v1::Command::kAccess:
      if (!reached || entry.commitments().empty()) break;
      return AddTo(CounterOf(v1::ERASURE_TARGET_SUBJECT, command.access().subject_id()), 1);
    case v1::Command::kRestrict:
      if (!reached || entry.commitments().empty()) break;
      return AddTo(CounterOf(v1::ERASURE_TARGET_SUBJECT, command.restrict().subject_id()), 1);
    case v1::Command::kLiftRestriction:
      if (!reached || entry.commitments().empty()) break;
      return AddTo(CounterOf(v1::ERASURE_TARGET_SUBJECT, command.lift_restriction().subject_id()),
                   1);
    case v1::Command::kOpenCase:
    case v1::Command::kRefuseWarrant:
      if (!reached) break;
      for (const v1::RecordChange& change : entry.changes()) {
        if (!change.has_authority_year()) continue;
        const v1::AuthorityYear& year = change.authority_year();
        return AddTo(CounterOf(v1::ERASURE_TARGET_AUTHORITY_YEAR,
                               policy::AuthorityYearId(year.authority_id(), year.year())),
                     1);
      }
      break;
    case v1::Command::kEraseDone:
      return CountErased(command.erase_done());
    default:
      break;
  }
  return absl::OkStatus();
}

absl::Status DecisionCheck::CountErased(const v1::EraseDone& done) {
  absl::StatusOr<uint64_t> count = TakeAll(CounterOf(done.target(), done.id()));
  if (!count.ok()) return count.status();
  if (done.target() == v1::ERASURE_TARGET_TEMPLATE) {
    const auto record = policy::Find<v1::TemplateRecord>(state_, policy::key::Template(done.id()));
    if (!record.ok()) return record.status();
    const bool first =
        record->has_value() && (*record)->state() != v1::TEMPLATE_STATE_ERASED && *count == 0;
    count = first ? 1 : 0;
  }
  // What a lying log erases, it need not have said before.
  const uint64_t moved = std::min(*count, verdict_.replayed);
  verdict_.replayed -= moved;
  verdict_.erased += moved;
  return absl::OkStatus();
}

absl::Status DecisionCheck::AddTo(const std::string& counter, uint64_t count) {
  const absl::StatusOr<uint64_t> before = TakeAll(counter);
  if (!before.ok()) return before.status();
  return state_.Write(counter, base::BigEndian(*before + count, base::kNumberBytes)).status();
}

absl::StatusOr<uint64_t> DecisionCheck::TakeAll(const std::string& counter) {
  const auto before = state_.Write(counter, std::nullopt);
  if (!before.ok()) return before.status();
  return before->has_value() ? base::ReadBigEndian(**before) : uint64_t{0};
}

}  // namespace kluis::audit
