// SPDX-License-Identifier: Apache-2.0
#include "client/output.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <ctime>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "audit/visible_text.h"
#include "base/codec.h"
#include "base/utc_text.h"
#include "kluis/v1/types.pb.h"

namespace kluis::client {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Timestamp;

size_t CodePoints(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string Label(const FieldDescriptor& field) {
  return absl::StrReplaceAll(field.name(), {{"_", " "}});
}

bool IsPlain(const FieldDescriptor& field) {
  return field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE ||
         field.message_type() == Timestamp::descriptor() ||
         field.message_type() == v1::Receipt::descriptor();
}

std::string MessageValue(const Message& message) {
  if (message.GetDescriptor() == Timestamp::descriptor()) {
    return base::UtcText(static_cast<const Timestamp&>(message).seconds());
  }
  const auto& receipt = static_cast<const v1::Receipt&>(message);
  return absl::StrCat("log index ", receipt.log_index(), ", ",
                      base::UtcText(receipt.decided_at().seconds()), ", leaf ",
                      base::ToHex(receipt.leaf_hash()));
}

// One value of a plain field; `index` is -1 for a field that is not repeated.
std::string Value(const Message& message, const FieldDescriptor& field, int index) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const bool one = index < 0;
  std::string scratch;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return (one ? reflection.GetBool(message, &field)
                  : reflection.GetRepeatedBool(message, &field, index))
                 ? "yes"
                 : "no";
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(one ? reflection.GetInt32(message, &field)
                              : reflection.GetRepeatedInt32(message, &field, index));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(one ? reflection.GetUInt32(message, &field)
                              : reflection.GetRepeatedUInt32(message, &field, index));
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(one ? reflection.GetInt64(message, &field)
                              : reflection.GetRepeatedInt64(message, &field, index));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(one ? reflection.GetUInt64(message, &field)
                              : reflection.GetRepeatedUInt64(message, &field, index));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return absl::StrCat(one ? reflection.GetDouble(message, &field)
                              : reflection.GetRepeatedDouble(message, &field, index));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return absl::StrCat(one ? reflection.GetFloat(message, &field)
                              : reflection.GetRepeatedFloat(message, &field, index));
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumText(*(one ? reflection.GetEnum(message, &field)
                            : reflection.GetRepeatedEnum(message, &field, index)));
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string& text =
          one ? reflection.GetStringReference(message, &field, &scratch)
              : reflection.GetRepeatedStringReference(message, &field, index, &scratch);
      return field.type() == FieldDescriptor::TYPE_BYTES ? base::ToHex(text) : Printable(text);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return MessageValue(one ? reflection.GetMessage(message, &field)
                              : reflection.GetRepeatedMessage(message, &field, index));
  }
  return "?";
}

// All values of a plain field; nullopt when there is nothing to show.
std::optional<std::string> Values(const Message& message, const FieldDescriptor& field) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  if (field.is_repeated()) {
    const int size = reflection.FieldSize(message, &field);
    if (size == 0) return std::nullopt;
    std::vector<std::string> texts;
    for (int i = 0; i < size; ++i) texts.push_back(Value(message, field, i));
    return absl::StrJoin(texts, ", ");
  }
  const bool hides_default = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE ||
                             field.cpp_type() == FieldDescriptor::CPPTYPE_STRING ||
                             field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM ||
                             field.containing_oneof() != nullptr;
  if (hides_default && !reflection.HasField(message, &field)) return std::nullopt;
  return Value(message, field, -1);
}

std::string Cell(const Message& row, std::string_view path) {
  const Message* message = &row;
  const std::vector<std::string> names = absl::StrSplit(std::string(path), '.');
  for (size_t i = 0; i < names.size(); ++i) {
    const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(names[i]);
    if (field == nullptr) return "?";
    if (i + 1 == names.size())
      return IsPlain(*field) ? Values(*message, *field).value_or("-") : "?";
    if (field->is_repeated() || field->message_type() == nullptr) return "?";
    message = &message->GetReflection()->GetMessage(*message, field);
  }
  return "?";
}

std::string Indented(const std::string& text) {
  std::string out;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    absl::StrAppend(&out, "  ", line, "\n");
  }
  return out;
}

std::vector<Column> PlainColumns(const google::protobuf::Descriptor& type) {
  std::vector<Column> columns;
  for (int i = 0; i < type.field_count(); ++i) {
    if (!IsPlain(*type.field(i))) continue;
    columns.push_back({absl::AsciiStrToUpper(Label(*type.field(i))), type.field(i)->name()});
  }
  return columns;
}

}  // namespace

std::string Printable(std::string_view text) { return audit::VisibleText(text); }

std::string Padded(const std::string& text, size_t width) {
  const size_t length = CodePoints(text);
  return length < width ? text + std::string(width - length, ' ') : text;
}

std::string EnumText(const google::protobuf::EnumValueDescriptor& value) {
  // The prefix is what all values share: the zero value without its UNSPECIFIED.
  const std::string& zero = value.type()->value(0)->name();
  const size_t prefix = zero.size() - std::string_view("UNSPECIFIED").size();
  const bool styled =
      zero.ends_with("_UNSPECIFIED") && value.name().starts_with(zero.substr(0, prefix));
  return absl::StrReplaceAll(
      absl::AsciiStrToLower(styled ? value.name().substr(prefix) : value.name()), {{"_", "-"}});
}

std::string ToJson(const Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  return status.ok() ? json : "null";
}

std::string AlignedTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const std::vector<std::string>& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], CodePoints(row[i]));
  }
  std::string out;
  for (const std::vector<std::string>& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      const bool last = i + 1 == row.size();
      absl::StrAppend(&out, last ? row[i] : Padded(row[i], widths[i]), last ? "\n" : "  ");
    }
  }
  return out;
}

std::string ToTable(const Message& message, std::string_view field,
                    const std::vector<Column>& columns) {
  const FieldDescriptor* list = message.GetDescriptor()->FindFieldByName(std::string(field));
  if (list == nullptr || !list->is_repeated() || list->message_type() == nullptr) return "?\n";
  const int size = message.GetReflection()->FieldSize(message, list);
  if (size == 0) return "none\n";
  std::vector<std::vector<std::string>> rows(1);
  for (const Column& column : columns) rows[0].push_back(column.title);
  for (int i = 0; i < size; ++i) {
    const Message& row = message.GetReflection()->GetRepeatedMessage(message, list, i);
    rows.emplace_back();
    for (const Column& column : columns) rows.back().push_back(Cell(row, column.path));
  }
  return AlignedTable(rows);
}

std::string ToText(const Message& message) {
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  size_t width = 0;
  for (int i = 0; i < type.field_count(); ++i) {
    if (IsPlain(*type.field(i)) && Values(message, *type.field(i)).has_value()) {
      width = std::max(width, Label(*type.field(i)).size());
    }
  }
  std::string out;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (IsPlain(field)) {
      const std::optional<std::string> text = Values(message, field);
      if (text.has_value()) absl::StrAppend(&out, Padded(Label(field), width), "  ", *text, "\n");
    } else if (field.is_repeated()) {
      absl::StrAppend(
          &out, Label(field), "\n",
          Indented(ToTable(message, field.name(), PlainColumns(*field.message_type()))));
    } else if (reflection.HasField(message, &field)) {
      absl::StrAppend(&out, Label(field), "\n",
                      Indented(ToText(reflection.GetMessage(message, &field))));
    }
  }
  return out;
}

}  // namespace kluis::client
