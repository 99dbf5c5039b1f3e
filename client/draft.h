// SPDX-License-Identifier: Apache-2.0
// A statement before it is signed: which kinds there are, the three fields that all share, and
// fields given on a command line. Pure functions but for randomness, thread-safe.
// Source: proto/kluis/v1/statements.proto.
#ifndef KLUIS_CLIENT_DRAFT_H_
#define KLUIS_CLIENT_DRAFT_H_

#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kluis/v1/statements.pb.h"

namespace kluis::client {

inline constexpr int64_t kDaySeconds = 86'400;

// Now, in unix seconds.
int64_t Now();

google::protobuf::Timestamp ToTimestamp(int64_t unix_seconds);

// 32 lowercase hex digits, random.
std::string NewStatementId();

// A random UUID (version 4, RFC 9562), for request_id.
std::string NewRequestId();

// "case-opening" and so on, in the order of statements.proto.
std::vector<std::string> StatementKinds();

// An empty payload. kInvalidArgument: no such kind; the message lists them.
absl::StatusOr<std::unique_ptr<google::protobuf::Message>> NewPayload(std::string_view kind);

// Fills those of vault, statement_id and issued_at that are not set and, where the kind has it,
// usable_until: a week, in which other signers may add their signatures. `payload` is of a
// statement kind.
void Stamp(std::string_view vault, int64_t now, google::protobuf::Message& payload);

// Unix seconds of "2026-11-22T19:00:00Z" (any RFC 3339 offset, whole seconds), "now", or "now"
// shifted: "+30d", "-90m", with s, m, h or d. kInvalidArgument: anything else.
absl::StatusOr<int64_t> ParseTime(std::string_view text, int64_t now);

// Sets the field at a dotted path: numbers, true and false, text, times as in ParseTime, enum
// values by full or short name ("offence"). A repeated field gets one more value.
// kInvalidArgument: no such field, a field that is a message or a list of messages, or a value that
// the field does not take.
absl::Status SetField(std::string_view path, std::string_view text, int64_t now,
                      google::protobuf::Message& message);

// The value of an enum by full or short name, without regard to case. kInvalidArgument: no such
// value; the message lists the short names.
absl::StatusOr<int> ParseEnum(const google::protobuf::EnumDescriptor& type, std::string_view text);

// Reads protobuf's JSON mapping; unknown fields are refused. kInvalidArgument: it is not that.
absl::Status FromJson(std::string_view json, google::protobuf::Message& message);

// The short names, "suspect convicted ...", without the unspecified one.
std::vector<std::string> EnumNames(const google::protobuf::EnumDescriptor& type);

// Dutch law as this vault reads it.
v1::LegalProfile DefaultProfile();

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_DRAFT_H_
