// SPDX-License-Identifier: Apache-2.0
// How long each text of a statement may be, in bytes of UTF-8, so that what is read back of it fits
// into an answer. Pure functions, thread-safe.
#ifndef KLUIS_AUDIT_FIELD_BOUNDS_H_
#define KLUIS_AUDIT_FIELD_BOUNDS_H_

#include <cstddef>
#include <optional>

#include "absl/status/status.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace kluis::audit {

// Entries of a repeated field of a statement.
inline constexpr int kMaxRepeated = 32;

// Of a field of text of one of the messages in statements.proto; nullopt: the table does not have
// it, which a test finds.
std::optional<size_t> MaxBytesOf(const google::protobuf::FieldDescriptor& field);

// kInvalidArgument: a text or a list of `payload`, or of a message in it, is longer than it may be;
// the message names the field. Texts that the table does not have are not looked at.
absl::Status CheckFieldBounds(const google::protobuf::Message& payload);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_FIELD_BOUNDS_H_
