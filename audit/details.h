// SPDX-License-Identifier: Apache-2.0
// What a statement commits to instead of saying it, because it names people: the authority's words
// about a case (CaseDetails), the judge's reasons against it (RefusalDetails). The signed envelope
// stays in the log for ever; payload and nonce stand sealed beside it and can be forgotten, after
// which the commitment says nothing.
//
//   payload     JSON, as strict as a statement's (audit/statement.h)
//   nonce       32 random bytes
//   commitment  64 lowercase hex digits of Commit(nonce, payload) (crypto/derive.h): what the
//               statement says
//
// Thread-safe: functions of their arguments.
#ifndef KLUIS_AUDIT_DETAILS_H_
#define KLUIS_AUDIT_DETAILS_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "kluis/v1/ledger.pb.h"

namespace kluis::audit {

inline constexpr size_t kDetailsNonceBytes = 32;

// What the commitment is called in the entry (Commitment.what).
inline constexpr char kCaseDetails[] = "case-details";
inline constexpr char kRefusalDetails[] = "refusal-details";

struct Details {
  std::string payload;
  std::string nonce;
  std::string commitment;
};

// With a fresh nonce. kInvalidArgument: as WriteJson.
absl::StatusOr<Details> MakeDetails(const google::protobuf::Message& message);

// Reads the payload into `message`. kInvalidArgument: it is not what `commitment` stands for under
// this nonce, the nonce is not 32 bytes, or as ReadJson.
absl::Status ReadDetails(const Details& details, google::protobuf::Message& message);

// What makes two necessity statements the same: their letters and digits, whatever their case,
// spacing and punctuation. Letters beyond ASCII as their bytes.
std::string NecessityEssence(std::string_view necessity);

// Puts into the command what its rules ask of the details; all but necessity_digest, which takes
// the vault's key.
void SetDetails(const v1::CaseDetails& details, v1::OpenCase& command);
void SetDetails(const v1::RefusalDetails& details, v1::RefuseWarrant& command);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_DETAILS_H_
