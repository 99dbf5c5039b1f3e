// SPDX-License-Identifier: Apache-2.0
#include "audit/replay/known_fields.h"

#include <cstdint>
#include <optional>
#include <vector>

#include "google/protobuf/wire_format_lite.h"

namespace kluis::audit {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;

// Takes a varint from the front of `bytes`; nullopt: there is none.
std::optional<uint64_t> TakeVarint(std::string_view& bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size() && i < 10; ++i) {
    const auto byte = static_cast<uint8_t>(bytes[i]);
    value |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) {
      bytes.remove_prefix(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

}  // namespace

struct KnownFields::Table {
  struct Field {
    bool known = false;
    uint8_t wire_type = 0;
    std::unique_ptr<const Table> message;  // null: no message
  };
  std::vector<Field> fields;  // by number
};

KnownFields::KnownFields(const google::protobuf::Descriptor& type) : table_(TableOf(type)) {}

KnownFields::~KnownFields() = default;

std::unique_ptr<KnownFields::Table> KnownFields::TableOf(const google::protobuf::Descriptor& type) {
  auto table = std::make_unique<Table>();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const auto number = static_cast<size_t>(field.number());
    if (table->fields.size() <= number) table->fields.resize(number + 1);
    Table::Field& known = table->fields[number];
    known.known = true;
    const auto kind = static_cast<WireFormatLite::FieldType>(field.type());
    known.wire_type = static_cast<uint8_t>(WireFormatLite::WireTypeForFieldType(kind));
    if (field.is_packed()) known.wire_type = WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
    if (field.message_type() != nullptr) known.message = TableOf(*field.message_type());
  }
  return table;
}

bool KnownFields::Only(std::string_view bytes) const { return OnlyIn(*table_, bytes); }

bool KnownFields::OnlyIn(const Table& table, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::optional<uint64_t> tag = TakeVarint(bytes);
    if (!tag.has_value() || *tag >> 3 >= table.fields.size()) return false;
    const Table::Field& field = table.fields[*tag >> 3];
    if (!field.known || (*tag & 7) != field.wire_type) return false;
    size_t size = 0;
    switch (field.wire_type) {
      case WireFormatLite::WIRETYPE_VARINT:
        if (!TakeVarint(bytes).has_value()) return false;
        break;
      case WireFormatLite::WIRETYPE_FIXED64:
        size = 8;
        break;
      case WireFormatLite::WIRETYPE_FIXED32:
        size = 4;
        break;
      case WireFormatLite::WIRETYPE_LENGTH_DELIMITED: {
        const std::optional<uint64_t> length = TakeVarint(bytes);
        if (!length.has_value() || *length > bytes.size()) return false;
        size = static_cast<size_t>(*length);
        if (field.message != nullptr && !OnlyIn(*field.message, bytes.substr(0, size))) {
          return false;
        }
        break;
      }
      default:
        return false;
    }
    if (size > bytes.size()) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

}  // namespace kluis::audit
