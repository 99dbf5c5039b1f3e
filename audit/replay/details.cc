// SPDX-License-Identifier: Apache-2.0
#include "audit/replay/details.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "audit/details.h"
#include "audit/statement_facts.h"
#include "base/big_endian.h"
#include "base/codec.h"
#include "crypto/derive.h"
#include "crypto/sha256.h"
#include "policy/record_key.h"

namespace kluis::audit {
namespace {

using Json = nlohmann::json;

// Before the id of a subject or of an authority's year, which are of different length; before the
// SHA-256 of what makes a necessity statement. No record has a key of these kinds.
constexpr std::string_view kUnopened = "\xFC";
constexpr std::string_view kNecessity = "\xFB";

bool Opens(const v1::CommitmentOpening& opening, const v1::Commitment& commitment) {
  const std::span<const uint8_t, kDetailsNonceBytes> nonce(
      reinterpret_cast<const uint8_t*>(opening.nonce().data()), kDetailsNonceBytes);
  return crypto::Bytes(crypto::Commit(nonce, opening.payload())) == commitment.digest();
}

const v1::CommitmentOpening* FindOpening(const std::vector<v1::CommitmentOpening>& openings,
                                         std::string_view what) {
  const auto found = std::find_if(openings.begin(), openings.end(),
                                  [&](const auto& opening) { return opening.what() == what; });
  return found == openings.end() ? nullptr : &*found;
}

// Reads the envelope in `opening` and finds its facts as the vault found them.
template <class Payload>
absl::StatusOr<v1::StatementFacts> Reread(const policy::StateView& state,
                                          const v1::CommitmentOpening& opening, Payload& payload) {
  v1::Envelope envelope;
  if (!envelope.ParseFromString(opening.payload())) {
    return absl::InvalidArgumentError("not an envelope");
  }
  const absl::Status read = ReadPayload(envelope, payload);
  if (!read.ok()) return read;
  absl::StatusOr<v1::StatementFacts> facts = FactsOf(envelope, payload);
  if (!facts.ok()) return facts.status();
  const absl::StatusOr<std::vector<std::string>> signers = RegisteredSigners(state, envelope);
  if (!signers.ok()) return signers.status();
  for (const std::string& keyid : *signers) facts->add_signed_by(keyid);
  return facts;
}

bool Same(const google::protobuf::Message& a, const google::protobuf::Message& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

}  // namespace

absl::StatusOr<v1::CommitmentOpening> ParseOpening(std::string_view line) {
  const absl::Status malformed = absl::InvalidArgumentError(
      "must be {\"log_index\", \"what\", \"nonce\", \"payload\"} and nothing else");
  const Json json = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.size() != 4) return malformed;
  for (const char* name : {"what", "nonce", "payload"}) {
    if (!json.contains(name) || !json[name].is_string()) return malformed;
  }
  if (!json.contains("log_index") || !json["log_index"].is_number_unsigned()) return malformed;
  absl::StatusOr<std::string> nonce = base::FromBase64(json["nonce"].get<std::string>());
  absl::StatusOr<std::string> payload = base::FromBase64(json["payload"].get<std::string>());
  if (!nonce.ok() || nonce->size() != kDetailsNonceBytes || !payload.ok()) return malformed;
  v1::CommitmentOpening opening;
  opening.set_log_index(json["log_index"].get<uint64_t>());
  opening.set_what(json["what"].get<std::string>());
  opening.set_nonce(*std::move(nonce));
  opening.set_payload(*std::move(payload));
  return opening;
}

absl::Status DetailCheck::ReadNext() {
  const uint64_t before = next_.has_value() ? next_->log_index() : 0;
  next_.reset();
  std::string text;
  if (!std::getline(exported_, text)) {
    // Only the end of the file is the end of the export.
    if (exported_.eof() && !exported_.bad()) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat("details, line ", line_ + 1, ": cannot be read"));
  }
  ++line_;
  absl::StatusOr<v1::CommitmentOpening> opening = ParseOpening(text);
  if (!opening.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("details, line ", line_, ": ", opening.status().message()));
  }
  if (opening->log_index() < before) {
    return absl::InvalidArgumentError(
        absl::StrCat("details, line ", line_, ": not in the order of the log"));
  }
  next_ = *std::move(opening);
  return absl::OkStatus();
}

absl::StatusOr<DetailCheck::Openings> DetailCheck::TakeOpenings(uint64_t index) {
  if (!std::exchange(started_, true)) {
    const absl::Status read = ReadNext();
    if (!read.ok()) return read;
  }
  Openings openings;
  while (next_.has_value() && next_->log_index() == index) {
    openings.push_back(*next_);
    const absl::Status read = ReadNext();
    if (!read.ok()) return read;
  }
  return openings;
}

void DetailCheck::Mismatch(uint64_t index, std::string reason) {
  verdict_.mismatches.Add({index, "", "", std::move(reason)});
}

absl::StatusOr<std::string> DetailCheck::EnrolmentComplaint(const v1::Enroll& recorded,
                                                            const Openings& openings) {
  v1::Enroll again = recorded;
  v1::Consent consent;
  v1::CaptureAttestation attestation;
  const v1::CommitmentOpening* const first = FindOpening(openings, "consent");
  const v1::CommitmentOpening* const second = FindOpening(openings, "capture-attestation");
  if (first != nullptr) {
    absl::StatusOr<v1::StatementFacts> facts = Reread(state_, *first, consent);
    if (absl::IsInternal(facts.status())) return facts.status();
    if (!facts.ok()) return absl::StrCat("the consent: ", facts.status().message());
    *again.mutable_consent_statement() = *std::move(facts);
    SetConsent(consent, again);
  }
  if (second != nullptr) {
    absl::StatusOr<v1::StatementFacts> facts = Reread(state_, *second, attestation);
    if (absl::IsInternal(facts.status())) return facts.status();
    if (!facts.ok()) return absl::StrCat("the capture attestation: ", facts.status().message());
    *again.mutable_attestation_statement() = *std::move(facts);
    SetAttestation(attestation, again);
    // Attested is what the algorithm was said to be, when the template was found to be attested.
    if (recorded.template_attested() && attestation.algorithm() != recorded.algorithm()) {
      return std::string("the capture attestation is of another algorithm");
    }
  }
  if (first != nullptr && second != nullptr) {
    again.set_same_subject(consent.subject_public_key() == attestation.subject_public_key());
  }
  if (!Same(again, recorded)) {
    return std::string("consent and attestation do not say what the entry says of them");
  }
  return std::string();
}

absl::StatusOr<std::string> DetailCheck::OpeningComplaint(const v1::OpenCase& recorded,
                                                          const v1::CommitmentOpening& opening) {
  v1::CaseDetails details;
  const absl::Status read = ReadJson(opening.payload(), details);
  if (!read.ok()) return absl::StrCat("the details: ", read.message());
  v1::OpenCase again = recorded;
  SetDetails(details, again);
  if (!Same(again, recorded)) {
    return std::string("the case's details do not say what the entry says of them");
  }
  const crypto::Hash essence = crypto::Sha256({NecessityEssence(details.necessity())});
  const auto before =
      state_.Write(absl::StrCat(std::string(kNecessity), std::string(crypto::Bytes(essence))),
                   recorded.necessity_digest());
  if (!before.ok()) return before.status();
  return before->has_value() && **before != recorded.necessity_digest()
             ? "the necessity is that of an earlier case, under another digest"
             : "";
}

std::string DetailCheck::RefusalComplaint(const v1::RefuseWarrant& recorded,
                                          const v1::CommitmentOpening& opening) {
  v1::RefusalDetails details;
  const absl::Status read = ReadJson(opening.payload(), details);
  if (!read.ok()) return absl::StrCat("the details: ", read.message());
  v1::RefuseWarrant again = recorded;
  SetDetails(details, again);
  return Same(again, recorded) ? "" : "the refusal's reasons are not what the entry says of them";
}

// Why the openings of a command's commitments contradict it; empty: they do not.
absl::StatusOr<std::string> DetailCheck::Complaint(const v1::Command& command,
                                                   const Openings& openings) {
  if (command.has_enroll()) return EnrolmentComplaint(command.enroll(), openings);
  if (command.has_open_case()) return OpeningComplaint(command.open_case(), openings.front());
  if (command.has_refuse_warrant()) {
    return RefusalComplaint(command.refuse_warrant(), openings.front());
  }
  return std::string();
}

absl::Status DetailCheck::Judge(uint64_t index, const v1::Entry& entry) {
  const absl::StatusOr<Openings> openings = TakeOpenings(index);
  if (!openings.ok()) return openings.status();
  bool fits = true;
  std::set<const v1::Commitment*> opened_ones;
  for (const v1::CommitmentOpening& opening : *openings) {
    const auto found = std::find_if(
        entry.commitments().begin(), entry.commitments().end(), [&](const auto& commitment) {
          return commitment.what() == opening.what() && Opens(opening, commitment);
        });
    if (found == entry.commitments().end()) {
      fits = false;
      Mismatch(index, "an opening is not that of a commitment of the entry");
    } else if (!opened_ones.insert(&*found).second) {
      fits = false;
      Mismatch(index, "a commitment is opened twice");
    }
  }
  const auto commitments = static_cast<uint64_t>(entry.commitments_size());
  const uint64_t opened = opened_ones.size();
  if (fits && opened > 0) {
    const absl::StatusOr<std::string> complaint = Complaint(entry.command(), *openings);
    if (!complaint.ok()) return complaint.status();
    if (!complaint->empty()) {
      fits = false;
      Mismatch(index, *complaint);
    }
  }
  if (fits) {
    verdict_.opened += opened;
    if (opened < commitments) {
      const absl::Status counted = CountUnopened(entry, commitments - opened);
      if (!counted.ok()) return counted;
    }
  }
  if (entry.command().has_erase_done() && entry.decision().allowed()) {
    return CountErased(entry.command().erase_done());
  }
  return absl::OkStatus();
}

absl::Status DetailCheck::CountUnopened(const v1::Entry& entry, uint64_t count) {
  if (!entry.decision().allowed()) {
    verdict_.not_kept += count;
    return absl::OkStatus();
  }
  verdict_.withheld += count;
  for (const v1::RecordChange& change : entry.changes()) {
    std::string id;
    if (change.has_subject()) id = change.subject().id();
    if (change.has_authority_year()) {
      const v1::AuthorityYear& year = change.authority_year();
      id = policy::AuthorityYearId(year.authority_id(), year.year());
    }
    if (id.empty()) continue;
    const std::string counter = absl::StrCat(std::string(kUnopened), id);
    const auto before = state_.Read(counter);
    if (!before.ok()) return before.status();
    const uint64_t sum = count + (before->has_value() ? base::ReadBigEndian(**before) : 0);
    return state_.Write(counter, base::BigEndian(sum, base::kNumberBytes)).status();
  }
  return absl::OkStatus();
}

absl::Status DetailCheck::CountErased(const v1::EraseDone& done) {
  if (done.target() != v1::ERASURE_TARGET_SUBJECT &&
      done.target() != v1::ERASURE_TARGET_AUTHORITY_YEAR) {
    return absl::OkStatus();
  }
  const auto count = state_.Write(absl::StrCat(std::string(kUnopened), done.id()), std::nullopt);
  if (!count.ok()) return count.status();
  if (!count->has_value()) return absl::OkStatus();
  const uint64_t moved = std::min(base::ReadBigEndian(**count), verdict_.withheld);
  verdict_.withheld -= moved;
  verdict_.erased += moved;
  return absl::OkStatus();
}

absl::Status DetailCheck::Finish() {
  if (!std::exchange(started_, true)) {
    const absl::Status read = ReadNext();
    if (!read.ok()) return read;
  }
  if (!next_.has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("details, line ", line_, ": of an entry that the log does not have"));
}

}  // namespace kluis::audit
