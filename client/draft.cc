// SPDX-License-Identifier: Apache-2.0
#include "client/draft.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include <ctime>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "audit/statement.h"
#include "base/codec.h"
#include "client/output.h"
#include "crypto/random.h"
#include "kluis/v1/statements.pb.h"

namespace kluis::client {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::Timestamp;

std::vector<const Descriptor*> StatementTypes() {
  std::vector<const Descriptor*> types;
  const auto& file = *v1::Envelope::descriptor()->file();
  for (int i = 0; i < file.message_type_count(); ++i) {
    const FieldDescriptor* id = file.message_type(i)->FindFieldByNumber(2);
    if (id != nullptr && id->name() == "statement_id") types.push_back(file.message_type(i));
  }
  return types;
}

std::string KindName(const Descriptor& type) {
  return std::string(audit::KindOf(audit::PayloadTypeOf(type)));
}

absl::Status BadValue(const FieldDescriptor& field, std::string_view rule) {
  return absl::InvalidArgumentError(
      absl::StrCat("field ", field.name(), ": must be ", std::string(rule)));
}

// Sets or, for a repeated field, adds.
template <typename Value, typename Set, typename Add>
void Put(Message& message, const FieldDescriptor& field, const Value& value, Set set, Add add) {
  const Reflection& reflection = *message.GetReflection();
  if (field.is_repeated()) {
    (reflection.*add)(&message, &field, value);
  } else {
    (reflection.*set)(&message, &field, value);
  }
}

absl::Status SetLeaf(const FieldDescriptor& field, const std::string& text, int64_t now,
                     Message& message) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      if (field.type() == FieldDescriptor::TYPE_BYTES) return BadValue(field, "given in a file");
      Put(message, field, text, &Reflection::SetString, &Reflection::AddString);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_UINT32: {
      uint32_t value = 0;
      if (!absl::SimpleAtoi(text, &value)) return BadValue(field, "a whole number");
      Put(message, field, value, &Reflection::SetUInt32, &Reflection::AddUInt32);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      double value = 0;
      if (!absl::SimpleAtod(text, &value)) return BadValue(field, "a number");
      Put(message, field, value, &Reflection::SetDouble, &Reflection::AddDouble);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      if (text != "true" && text != "false") return BadValue(field, "true or false");
      Put(message, field, text == "true", &Reflection::SetBool, &Reflection::AddBool);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_ENUM: {
      const absl::StatusOr<int> value = ParseEnum(*field.enum_type(), text);
      if (!value.ok()) return value.status();
      Put(message, field, *value, &Reflection::SetEnumValue, &Reflection::AddEnumValue);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      if (field.message_type() != Timestamp::descriptor() || field.is_repeated()) {
        return BadValue(field, "set field by field (a.b=value) or in a --payload file");
      }
      const absl::StatusOr<int64_t> time = ParseTime(text, now);
      if (!time.ok()) return time.status();
      message.GetReflection()->MutableMessage(&message, &field)->CopyFrom(ToTimestamp(*time));
      return absl::OkStatus();
    }
    default:
      return BadValue(field, "given in a --payload file");
  }
}

}  // namespace

int64_t Now() { return static_cast<int64_t>(std::time(nullptr)); }

Timestamp ToTimestamp(int64_t unix_seconds) {
  Timestamp time;
  time.set_seconds(unix_seconds);
  return time;
}

std::string NewStatementId() { return base::ToHex(crypto::RandomBytes(16)); }

std::string NewRequestId() {
  std::string bytes = crypto::RandomBytes(16);
  bytes[6] = static_cast<char>((bytes[6] & 0x0F) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3F) | 0x80);
  const std::string hex = base::ToHex(bytes);
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-",
                      hex.substr(16, 4), "-", hex.substr(20));
}

std::vector<std::string> StatementKinds() {
  std::vector<std::string> kinds;
  for (const Descriptor* type : StatementTypes()) kinds.push_back(KindName(*type));
  return kinds;
}

absl::StatusOr<std::unique_ptr<Message>> NewPayload(std::string_view kind) {
  for (const Descriptor* type : StatementTypes()) {
    if (KindName(*type) != kind) continue;
    const Message* prototype =
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(type);
    return std::unique_ptr<Message>(prototype->New());
  }
  return absl::InvalidArgumentError(
      absl::StrCat("statement kind: must be one of ", absl::StrJoin(StatementKinds(), ", ")));
}

void Stamp(std::string_view vault, int64_t now, Message& payload) {
  const Descriptor& type = *payload.GetDescriptor();
  const Reflection& reflection = *payload.GetReflection();
  const auto fill = [&](const char* name, std::string value) {
    const FieldDescriptor* field = type.FindFieldByName(name);
    if (!reflection.HasField(payload, field)) {
      reflection.SetString(&payload, field, std::move(value));
    }
  };
  fill("vault", std::string(vault));
  fill("statement_id", NewStatementId());
  const auto fill_time = [&](const char* name, int64_t time) {
    const FieldDescriptor* field = type.FindFieldByName(name);
    if (field == nullptr || reflection.HasField(payload, field)) return;
    reflection.MutableMessage(&payload, field)->CopyFrom(ToTimestamp(time));
  };
  fill_time("issued_at", now);
  fill_time("usable_until", now + 7 * kDaySeconds);
}

absl::StatusOr<int64_t> ParseTime(std::string_view text, int64_t now) {
  if (text == "now") return now;
  const absl::Status refused = absl::InvalidArgumentError(
      "time: must be like 2026-11-22T19:00:00Z, now, +30d, -1h (s, m, h or d)");
  if (text.size() >= 3 && (text.front() == '+' || text.front() == '-')) {
    uint32_t count = 0;
    const std::string digits(text.substr(1, text.size() - 2));
    if (!absl::ascii_isdigit(static_cast<unsigned char>(digits.front())) ||
        !absl::SimpleAtoi(digits, &count)) {
      return refused;
    }
    int64_t unit = 0;
    switch (text.back()) {
      case 's':
        unit = 1;
        break;
      case 'm':
        unit = 60;
        break;
      case 'h':
        unit = 3600;
        break;
      case 'd':
        unit = kDaySeconds;
        break;
      default:
        return refused;
    }
    return text.front() == '+' ? now + count * unit : now - count * unit;
  }
  Timestamp time;
  if (!google::protobuf::util::TimeUtil::FromString(std::string(text), &time) ||
      time.nanos() != 0) {
    return refused;
  }
  return time.seconds();
}

std::vector<std::string> EnumNames(const EnumDescriptor& type) {
  std::vector<std::string> names;
  for (int i = 1; i < type.value_count(); ++i) names.push_back(EnumText(*type.value(i)));
  return names;
}

absl::StatusOr<int> ParseEnum(const EnumDescriptor& type, std::string_view text) {
  const std::string wanted =
      absl::StrReplaceAll(absl::AsciiStrToLower(std::string(text)), {{"_", "-"}});
  for (int i = 1; i < type.value_count(); ++i) {
    const std::string full =
        absl::StrReplaceAll(absl::AsciiStrToLower(type.value(i)->name()), {{"_", "-"}});
    if (wanted == full || wanted == EnumText(*type.value(i))) return type.value(i)->number();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(type.name(), ": must be one of ", absl::StrJoin(EnumNames(type), ", ")));
}

absl::Status SetField(std::string_view path, std::string_view text, int64_t now, Message& message) {
  Message* part = &message;
  const std::vector<std::string> names = absl::StrSplit(std::string(path), '.');
  for (size_t i = 0; i < names.size(); ++i) {
    const FieldDescriptor* field = part->GetDescriptor()->FindFieldByName(names[i]);
    if (field == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          "field ", Printable(path), ": ", part->GetDescriptor()->name(), " has no such field"));
    }
    if (i + 1 == names.size()) return SetLeaf(*field, std::string(text), now, *part);
    if (field->message_type() == nullptr || field->is_repeated()) {
      return BadValue(*field, "a message to have fields");
    }
    part = part->GetReflection()->MutableMessage(part, field);
  }
  return absl::OkStatus();
}

absl::Status FromJson(std::string_view json, Message& message) {
  const auto status = google::protobuf::util::JsonStringToMessage(std::string(json), &message);
  if (status.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("not a ", message.GetDescriptor()->name(), " in JSON: ", status.ToString()));
}

v1::LegalProfile DefaultProfile() {
  v1::LegalProfile profile;
  profile.set_id("nl");
  profile.set_consent_max_days(1825);
  profile.set_warrant_max_days(28);
  profile.set_notice_delay_max_days(180);
  profile.set_statement_max_age_minutes(1440);
  profile.set_necessity_min_characters(80);
  profile.set_probe_min_age_minutes(10);
  profile.set_case_retention_days(365);
  profile.set_details_retention_days(90);
  profile.set_log_retention_months(6);
  profile.set_order_max_days(14);
  profile.set_rekey_delay_hours(24);
  profile.set_membership_max_days(1826);
  profile.set_evaluation_max_probes(10'000);
  profile.set_legal_basis_max_days(3652);
  profile.set_warrant_start_max_days(28);
  profile.set_warrant_max_searches(10'000);
  profile.set_candidate_max(50);
  profile.set_disclosures_per_case(10);
  profile.set_inspection_max_entries(100'000);
  return profile;
}

}  // namespace kluis::client
