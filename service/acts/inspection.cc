// SPDX-License-Identifier: Apache-2.0
#include "service/acts/inspection.h"

#include <sodium.h>

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/codec.h"
#include "base/id.h"
#include "crypto/derive.h"
#include "kluis/v1/ledger.pb.h"
#include "policy/record_key.h"
#include "service/acts/case_details.h"
#include "service/custody/commitments.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

using storage::Column;

absl::Status Damaged(uint64_t index, std::string_view what) {
  return absl::DataLossError(absl::StrCat("log entry ", index, ": its opening ", std::string(what),
                                          ", and was not forgotten"));
}

// Where an opening is sealed.
struct Place {
  uint32_t slot = 0;
  crypto::Label use;
  std::string key;
};

// Of the commitment of a case's opening or of its refusal.
absl::StatusOr<Place> PlaceOfWritten(const v1::Entry& entry) {
  v1::CaseRecord kase;
  v1::AuthorityYear year;
  for (const v1::RecordChange& change : entry.changes()) {
    if (change.has_case_()) kase = change.case_();
    if (change.has_authority_year()) year = change.authority_year();
  }
  absl::StatusOr<std::string> key = WrittenKeyOf(
      kase, year,
      entry.command().has_open_case() ? storage::Written::kOpening : storage::Written::kRefusal);
  if (!key.ok()) return key.status();
  return Place{year.slot(), kWrittenUse, *std::move(key)};
}

class Inspection {
 public:
  // Of entries below `end`.
  Inspection(Vault& vault, uint64_t end) : vault_(vault), read_(vault.ledger().Entries(end)) {}

  absl::Status Open(uint64_t index, const TakeOpening& take) {
    const absl::StatusOr<std::string> bytes = read_(index);
    if (!bytes.ok()) return bytes.status();
    v1::Entry entry;
    if (!entry.ParseFromString(*bytes)) {
      return absl::DataLossError(absl::StrCat("log entry ", index, ": does not parse"));
    }
    if (!entry.decision().allowed() || entry.commitments().empty()) return absl::OkStatus();
    if (entry.command().has_open_case() || entry.command().has_refuse_warrant()) {
      const absl::StatusOr<Place> place = PlaceOfWritten(entry);
      if (!place.ok()) return place.status();
      return OpenOne(*place, index, entry.commitments(0), take);
    }
    const absl::StatusOr<std::optional<uint32_t>> slot = SlotOf(entry);
    if (!slot.ok()) return slot.status();
    if (!slot->has_value()) return absl::OkStatus();
    for (int n = 0; n < entry.commitments_size(); ++n) {
      const Place place{**slot, kOpeningUse, storage::OpeningKey(index, static_cast<uint8_t>(n))};
      const absl::Status taken = OpenOne(place, index, entry.commitments(n), take);
      if (!taken.ok()) return taken;
    }
    return absl::OkStatus();
  }

 private:
  // The slot of the subject whom the entry's commitments are about; nothing when the way to that
  // subject is gone, which goes with the subject.
  absl::StatusOr<std::optional<uint32_t>> SlotOf(const v1::Entry& entry) {
    for (const v1::RecordChange& change : entry.changes()) {
      if (change.has_subject()) return std::optional<uint32_t>(change.subject().slot());
    }
    if (!entry.command().has_disclose()) {
      return absl::InternalError("inspection: an act with commitments and without a subject");
    }
    const absl::Status found = FindDisclosures();
    if (!found.ok()) return found;
    // The candidate's own: what is told again has no notice of its own.
    const std::string& name = entry.command().disclose().request().candidate();
    const auto candidate = policy::Find<v1::CandidateRecord>(
        vault_.state(), policy::key::Candidate(policy::IdInName(name, "cases"),
                                               policy::IdInName(name, "candidates")));
    if (!candidate.ok()) return candidate.status();
    if (!candidate->has_value()) return absl::DataLossError("candidate: its record is missing");
    const auto subject_id = disclosed_.find((*candidate)->disclosure_id());
    if (subject_id == disclosed_.end()) return std::optional<uint32_t>();
    const auto subject =
        policy::Find<v1::SubjectRecord>(vault_.state(), policy::key::Subject(subject_id->second));
    if (!subject.ok()) return subject.status();
    if (!subject->has_value()) return absl::DataLossError("subject: its record is missing");
    return std::optional<uint32_t>((*subject)->slot());
  }

  // Each disclosure has one notice, under the key of its subject; so the way to the subject is
  // there until the subject is forgotten, also when the case no longer is.
  absl::Status FindDisclosures() {
    if (!disclosed_.empty()) return absl::OkStatus();
    base::Id first;
    base::Id last;
    first.fill(0);
    last.fill(0xFF);
    const size_t before_notice = storage::NoticePrefix(first).size();
    return vault_.database().ScanRange(
        Column::kDetails, storage::NoticePrefix(first),
        storage::PrefixEnd(storage::NoticePrefix(last)),
        [&](std::string_view key, std::string_view) {
          disclosed_.emplace(key.substr(before_notice),
                             key.substr(before_notice - policy::kIdBytes, policy::kIdBytes));
          return true;
        });
  }

  absl::Status OpenOne(const Place& place, uint64_t index, const v1::Commitment& commitment,
                       const TakeOpening& take) {
    const auto sealed = vault_.database().Get(Column::kDetails, place.key);
    if (!sealed.ok()) return sealed.status();
    const absl::StatusOr<crypto::SecretBytes> opened =
        sealed->has_value() ? vault_.sealer().Open(place.slot, place.use, place.key, **sealed)
                            : absl::DataLossError("opening: missing");
    if (absl::IsDataLoss(opened.status())) {
      if (vault_.keyring().IsPunctured(place.slot)) return absl::OkStatus();
      return Damaged(index, sealed->has_value() ? "does not open" : "is missing");
    }
    if (!opened.ok()) return opened.status();
    if (opened->size() < kOpeningNonceBytes) return Damaged(index, "is too short");
    const std::string_view text = AsText(*opened);
    const std::string_view payload = text.substr(kOpeningNonceBytes);
    const std::span<const uint8_t, kOpeningNonceBytes> nonce(
        reinterpret_cast<const uint8_t*>(text.data()), kOpeningNonceBytes);
    if (crypto::Bytes(crypto::Commit(nonce, payload)) != commitment.digest()) {
      return Damaged(index, "is another one");
    }
    v1::CommitmentOpening opening;
    opening.set_log_index(index);
    opening.set_what(commitment.what());
    opening.set_nonce(std::string(text.substr(0, kOpeningNonceBytes)));
    opening.set_payload(std::string(payload));
    absl::Status taken = take(opening);
    sodium_memzero(opening.mutable_nonce()->data(), opening.nonce().size());
    sodium_memzero(opening.mutable_payload()->data(), opening.payload().size());
    return taken;
  }

  Vault& vault_;
  const std::function<absl::StatusOr<std::string>(uint64_t)> read_;
  std::map<std::string, std::string> disclosed_;  // disclosure id to subject id
};

}  // namespace

absl::Status OpenCommitments(Vault& vault, uint64_t start, uint64_t end, const GoOn& go_on,
                             const TakeOpening& take) {
  end = std::min(end, vault.ledger().size());
  Inspection inspection(vault, end);
  for (uint64_t index = start; index < end; ++index) {
    absl::Status status = go_on();
    if (status.ok()) status = inspection.Open(index, take);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace kluis::service
