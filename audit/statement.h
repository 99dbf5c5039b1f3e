// SPDX-License-Identifier: Apache-2.0
// Signed statements: a DSSE envelope around a JSON payload that a person can read
// (proto/kluis/v1/statements.proto). Reading is strict, so that one payload has one meaning.
// Pure functions, safe from any thread.
// Source: DSSE 1.0.2 (github.com/secure-systems-lab/dsse); protobuf's JSON mapping.
#ifndef KLUIS_AUDIT_STATEMENT_H_
#define KLUIS_AUDIT_STATEMENT_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/ed25519.h"
#include "google/protobuf/message.h"
#include "kluis/v1/statements.pb.h"

namespace kluis::audit {

inline constexpr size_t kMaxPayloadBytes = 32 * 1024;
inline constexpr int kMaxSignatures = 16;

// "application/vnd.kluis.case-opening.v1+json" for CaseOpening.
std::string PayloadTypeOf(const google::protobuf::Descriptor& kind);

// "case-opening" for that payload type; empty for any other text.
std::string_view KindOf(std::string_view payload_type);

// Compact JSON. kInvalidArgument: over kMaxPayloadBytes, or a string that is not UTF-8; the message
// begins with `field`.
absl::StatusOr<std::string> WriteJson(const google::protobuf::Message& payload,
                                      std::string_view field = "payload");

// Reads one JSON object into `payload`. kInvalidArgument: over kMaxPayloadBytes, not JSON, an
// unknown field, a duplicate field, a field at its default value, or a second spelling of a field
// or value (a null, a camelCase name, a number in quotes, 1e1 for 10), or a text or list that is
// longer than its field may be (audit/field_bounds.h); the message begins with `field`.
absl::Status ReadJson(std::string_view json, google::protobuf::Message& payload,
                      std::string_view field = "payload");

// The payload as WriteJson writes it, without a signature yet. kInvalidArgument: as WriteJson.
absl::StatusOr<v1::Envelope> MakeStatement(const google::protobuf::Message& payload);

// Adds a signature of `key` over the envelope's PAE; replaces an earlier one of the same key.
void AddSignature(const crypto::SigningKey& key, v1::Envelope& envelope);

// True when `envelope` has a signature of `key` that verifies.
bool IsSignedBy(const v1::Envelope& envelope, const crypto::PublicKey& key);

// Reads the payload into `payload`, whose type must be the envelope's. Checks no signature.
// kInvalidArgument: another payload type, over kMaxSignatures, or as ReadJson.
absl::Status ReadPayload(const v1::Envelope& envelope, google::protobuf::Message& payload);

// True when the envelope's payload is, byte for byte, what MakeStatement writes of `payload`, and
// ReadPayload takes it: a cheaper way to find that it says the same. False says nothing.
// Fields of `payload` that its type does not have are not looked at.
bool IsStatementOf(const v1::Envelope& envelope, const google::protobuf::Message& payload);

// The envelope's JSON as DSSE defines it: payloadType, payload and sig in base64. `FromJson` is as
// strict as ReadPayload.
std::string EnvelopeToJson(const v1::Envelope& envelope);
absl::StatusOr<v1::Envelope> EnvelopeFromJson(std::string_view json);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_STATEMENT_H_
