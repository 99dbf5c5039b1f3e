// SPDX-License-Identifier: Apache-2.0
// What verbs print: a protobuf message as text for people, or as JSON in protobuf's mapping with
// the field names of the .proto files, one message a line. Text from the server is never sent to a
// terminal raw: cells by Printable, and the whole output of a run by audit::VisibleOutput. Pure
// functions, thread-safe.
#ifndef KLUIS_CLIENT_OUTPUT_H_
#define KLUIS_CLIENT_OUTPUT_H_

#include <google/protobuf/message.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kluis::client {

// audit::VisibleText: one line, in which nothing is hidden.
std::string Printable(std::string_view text);

// One line without \n. Numbers, booleans and enums at their default are written too.
std::string ToJson(const google::protobuf::Message& message);

// Aligned "name  value" lines. Enums lose their prefix (CASE_STATE_ACTIVE: active), bytes are hex,
// times are UTC, messages are indented below their name, repeated messages are tables of all their
// plain fields. Absent messages, empty strings and unspecified enums are left out.
std::string ToText(const google::protobuf::Message& message);

// A column shows the field at a dotted path, "registration.title".
struct Column {
  std::string title;
  std::string path;
};

// The rows of the repeated message field `field` of `message` under the titles, two spaces between
// columns, the last column not padded; "none\n" when there are none. A path that leads to nothing
// gives "-". A `field` or path that the message type does not have is our bug: it gives "?".
std::string ToTable(const google::protobuf::Message& message, std::string_view field,
                    const std::vector<Column>& columns);

// Cells in aligned columns; the first row is the titles. Widths count UTF-8 code points.
std::string AlignedTable(const std::vector<std::vector<std::string>>& rows);

// `text` with spaces up to `width` code points; longer text stays.
std::string Padded(const std::string& text, size_t width);

// "active" for CASE_STATE_ACTIVE of CaseState.
std::string EnumText(const google::protobuf::EnumValueDescriptor& value);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_OUTPUT_H_
