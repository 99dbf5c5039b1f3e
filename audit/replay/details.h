// SPDX-License-Identifier: Apache-2.0
// What an inspection export adds to a replay: it opens commitments, so that the statements of
// subjects and registrars are read and verified again like those that stand whole in the log.
//
// The export has one JSON object a line, in the order of the log:
//   {"log_index": N, "what": "consent", "nonce": "<base64>", "payload": "<base64>"}
// whose payload is a serialized kluis.v1.Envelope ("consent", "capture-attestation"), a subject's
// id ("subject") or the JSON of details ("case-details", "refusal-details"). The digest of an
// opening must be the entry's commitment; consent and attestation must verify with the subject's
// own key and the registrar's registered one; all must say what the entry says of them, and a
// necessity that comes twice must have one digest. Three findings stay out of reach: whether the
// attested digest was that of the template (template_attested), whether the secret that came with
// it had the digest that the consent names (custody_opened), and the necessity digest itself;
// neither template nor secret nor the vault's key is in any export.
// An object belongs to one thread.
#ifndef KLUIS_AUDIT_REPLAY_DETAILS_H_
#define KLUIS_AUDIT_REPLAY_DETAILS_H_

#include <cstdint>
#include <istream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "audit/replay/report.h"
#include "audit/replay/scratch_state.h"
#include "kluis/v1/ledger.pb.h"
#include "kluis/v1/types.pb.h"

namespace kluis::audit {

// One line of an export. kInvalidArgument: any other form, a nonce that is not 32 bytes, base64
// that is not canonical.
absl::StatusOr<v1::CommitmentOpening> ParseOpening(std::string_view line);

class DetailCheck {
 public:
  // Keeps counters in `state`, beside the records. All three outlive this object.
  DetailCheck(std::istream& exported, ScratchState& state, DetailVerdict& verdict)
      : exported_(exported), state_(state), verdict_(verdict) {}

  // The entries in order, each before its changes are applied to the state. kInvalidArgument: a
  // line of the export is not an opening, or is out of order. kUnavailable: the export cannot be
  // read to its end. Other errors are the scratch state's.
  absl::Status Judge(uint64_t index, const v1::Entry& entry);

  // After the last entry of the log. kInvalidArgument: the export goes on. kUnavailable: as Judge.
  absl::Status Finish();

 private:
  using Openings = std::vector<v1::CommitmentOpening>;

  absl::StatusOr<Openings> TakeOpenings(uint64_t index);
  absl::Status ReadNext();
  void Mismatch(uint64_t index, std::string reason);
  // Why the openings contradict the entry; empty: they do not.
  absl::StatusOr<std::string> EnrolmentComplaint(const v1::Enroll& recorded,
                                                 const Openings& openings);
  absl::StatusOr<std::string> OpeningComplaint(const v1::OpenCase& recorded,
                                               const v1::CommitmentOpening& opening);
  static std::string RefusalComplaint(const v1::RefuseWarrant& recorded,
                                      const v1::CommitmentOpening& opening);
  absl::StatusOr<std::string> Complaint(const v1::Command& command, const Openings& openings);
  absl::Status CountUnopened(const v1::Entry& entry, uint64_t count);
  absl::Status CountErased(const v1::EraseDone& done);

  std::istream& exported_;
  ScratchState& state_;
  DetailVerdict& verdict_;
  std::optional<v1::CommitmentOpening> next_;
  uint64_t line_ = 0;
  bool started_ = false;
};

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_REPLAY_DETAILS_H_
