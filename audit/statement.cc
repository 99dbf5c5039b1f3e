// SPDX-License-Identifier: Apache-2.0
#include "audit/statement.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "audit/field_bounds.h"
#include "audit/strict_json.h"
#include "base/codec.h"
#include "crypto/dsse.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/util/json_util.h"
#include "nlohmann/json.hpp"

namespace kluis::audit {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kTypePrefix = "application/vnd.kluis.";
constexpr std::string_view kTypeSuffix = ".v1+json";
constexpr size_t kMaxEnvelopeBytes = 4 * kMaxPayloadBytes;
constexpr std::string_view kTooLong = "longer than 32 KiB";

absl::Status Malformed(std::string_view field, std::string_view complaint) {
  return absl::InvalidArgumentError(absl::StrCat(std::string(field), ": ", std::string(complaint)));
}

absl::StatusOr<std::string> Print(const google::protobuf::Message& message,
                                  std::string_view field) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) {
    return Malformed(field, "a string is not UTF-8 or a time is out of range");
  }
  return json;
}

// What the reader understood, printed again, must be what was written, whatever the order of fields
// and the white space: so nothing was skipped, merged or reinterpreted.
absl::Status CheckSameMeaning(std::string_view written, const std::string& understood,
                              std::string_view field) {
  if (written == understood) return absl::OkStatus();
  const Json given = ParseStrictJson(written);
  if (given.is_null()) {
    return Malformed(field, "must be one JSON object without duplicate names");
  }
  const Json meant = ParseStrictJson(understood);
  if (given == meant) return absl::OkStatus();
  const std::string where = Json::diff(meant, given).at(0).at("path").get<std::string>();
  return Malformed(field, absl::StrCat("field ", where,
                                       " is at its default value or not in its standard spelling"));
}

// True when an enum at any depth has a number without a name, which prints as that number.
bool HasUnnamedEnum(const google::protobuf::Message& message) {
  using google::protobuf::FieldDescriptor;
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      if (field->enum_type() != nullptr) {
        const int number = field->is_repeated() ? reflection.GetRepeatedEnumValue(message, field, i)
                                                : reflection.GetEnumValue(message, field);
        if (field->enum_type()->FindValueByNumber(number) == nullptr) return true;
      } else if (field->message_type() != nullptr) {
        if (HasUnnamedEnum(field->is_repeated() ? reflection.GetRepeatedMessage(message, field, i)
                                                : reflection.GetMessage(message, field))) {
          return true;
        }
      }
    }
  }
  return false;
}

std::string_view StringField(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return {};
  return found->get_ref<const std::string&>();
}

}  // namespace

std::string PayloadTypeOf(const google::protobuf::Descriptor& kind) {
  std::string type(kTypePrefix);
  for (const char c : kind.name()) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && type.size() > kTypePrefix.size()) type += '-';
    type += upper ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return type.append(kTypeSuffix);
}

std::string_view KindOf(std::string_view payload_type) {
  if (!payload_type.starts_with(kTypePrefix) || !payload_type.ends_with(kTypeSuffix)) return {};
  payload_type.remove_prefix(kTypePrefix.size());
  if (payload_type.size() < kTypeSuffix.size()) return {};
  payload_type.remove_suffix(kTypeSuffix.size());
  return payload_type;
}

absl::StatusOr<std::string> WriteJson(const google::protobuf::Message& payload,
                                      std::string_view field) {
  absl::StatusOr<std::string> json = Print(payload, field);
  if (json.ok() && json->size() > kMaxPayloadBytes) return Malformed(field, kTooLong);
  return json;
}

absl::Status ReadJson(std::string_view json, google::protobuf::Message& payload,
                      std::string_view field) {
  if (json.size() > kMaxPayloadBytes) return Malformed(field, kTooLong);
  payload.Clear();
  const google::protobuf::StringPiece text(json.data(), json.size());
  if (!google::protobuf::util::JsonStringToMessage(text, &payload).ok()) {
    return Malformed(
        field, absl::StrCat("not a ", std::string(KindOf(PayloadTypeOf(*payload.GetDescriptor()))),
                            " in JSON (broken syntax, an unknown field, or a value of the wrong "
                            "type)"));
  }
  if (HasUnnamedEnum(payload)) return Malformed(field, "an enum has a number that names nothing");
  const absl::StatusOr<std::string> understood = Print(payload, field);
  if (!understood.ok()) return understood.status();
  const absl::Status bounded = CheckFieldBounds(payload);
  if (!bounded.ok()) return Malformed(field, std::string(bounded.message()));
  return CheckSameMeaning(json, *understood, field);
}

absl::StatusOr<v1::Envelope> MakeStatement(const google::protobuf::Message& payload) {
  absl::StatusOr<std::string> json = WriteJson(payload);
  if (!json.ok()) return json.status();
  v1::Envelope envelope;
  envelope.set_payload_type(PayloadTypeOf(*payload.GetDescriptor()));
  envelope.set_payload(*std::move(json));
  return envelope;
}

void AddSignature(const crypto::SigningKey& key, v1::Envelope& envelope) {
  const std::string keyid = crypto::KeyIdOf(key.public_key());
  v1::Envelope::Signature* slot = nullptr;
  for (auto& signature : *envelope.mutable_signatures()) {
    if (signature.keyid() == keyid) slot = &signature;
  }
  if (slot == nullptr) slot = envelope.add_signatures();
  slot->set_keyid(keyid);
  const crypto::Signature sig = key.Sign(crypto::Pae(envelope.payload_type(), envelope.payload()));
  slot->set_sig(std::string(crypto::Bytes(sig)));
}

bool IsSignedBy(const v1::Envelope& envelope, const crypto::PublicKey& key) {
  const std::string keyid = crypto::KeyIdOf(key);
  for (const auto& signature : envelope.signatures()) {
    if (signature.keyid() == keyid &&
        crypto::Verify(key, crypto::Pae(envelope.payload_type(), envelope.payload()),
                       signature.sig())) {
      return true;
    }
  }
  return false;
}

absl::Status ReadPayload(const v1::Envelope& envelope, google::protobuf::Message& payload) {
  const std::string expected = PayloadTypeOf(*payload.GetDescriptor());
  if (envelope.payload_type() != expected) {
    return absl::InvalidArgumentError(absl::StrCat("payload_type: must be ", expected));
  }
  if (envelope.signatures_size() > kMaxSignatures) {
    return absl::InvalidArgumentError("signatures: more than 16");
  }
  return ReadJson(envelope.payload(), payload);
}

bool IsStatementOf(const v1::Envelope& envelope, const google::protobuf::Message& payload) {
  if (envelope.signatures_size() > kMaxSignatures || HasUnnamedEnum(payload)) return false;
  const absl::StatusOr<v1::Envelope> written = MakeStatement(payload);
  return written.ok() && written->payload_type() == envelope.payload_type() &&
         written->payload() == envelope.payload();
}

std::string EnvelopeToJson(const v1::Envelope& envelope) {
  nlohmann::ordered_json json;
  json["payloadType"] = envelope.payload_type();
  json["payload"] = base::ToBase64(envelope.payload());
  json["signatures"] = nlohmann::ordered_json::array();
  for (const auto& signature : envelope.signatures()) {
    nlohmann::ordered_json entry;
    entry["keyid"] = signature.keyid();
    entry["sig"] = base::ToBase64(signature.sig());
    json["signatures"].push_back(std::move(entry));
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<v1::Envelope> EnvelopeFromJson(std::string_view json) {
  if (json.size() > kMaxEnvelopeBytes) {
    return absl::InvalidArgumentError("envelope: longer than 128 KiB");
  }
  const absl::Status malformed = absl::InvalidArgumentError(
      "envelope: must be DSSE JSON with payloadType, payload and signatures, and nothing else");
  const Json value = ParseStrictJson(json);
  if (!value.is_object() || value.size() != 3) return malformed;
  const auto signatures = value.find("signatures");
  if (signatures == value.end() || !signatures->is_array()) return malformed;
  absl::StatusOr<std::string> payload = base::FromBase64(StringField(value, "payload"));
  if (!payload.ok() || payload->empty()) return malformed;

  v1::Envelope envelope;
  envelope.set_payload_type(std::string(StringField(value, "payloadType")));
  envelope.set_payload(*std::move(payload));
  if (envelope.payload_type().empty()) return malformed;
  for (const Json& entry : *signatures) {
    if (!entry.is_object() || entry.size() != 2) return malformed;
    const auto keyid = entry.find("keyid");
    if (keyid == entry.end() || !keyid->is_string()) return malformed;
    absl::StatusOr<std::string> sig = base::FromBase64(StringField(entry, "sig"));
    if (!sig.ok() || sig->size() != 64) return malformed;
    v1::Envelope::Signature* signature = envelope.add_signatures();
    signature->set_keyid(keyid->get<std::string>());
    signature->set_sig(*std::move(sig));
  }
  return envelope;
}

}  // namespace kluis::audit
