// SPDX-License-Identifier: Apache-2.0
#include "audit/field_bounds.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"

namespace kluis::audit {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

struct Bound {
  std::string_view field;  // a name, or Message.name where that one has a bound of its own
  size_t bytes;
};

constexpr size_t kName = 200;
constexpr size_t kText = 1000;
constexpr size_t kReasons = 4000;

constexpr Bound kBounds[] = {
    {"RefusalDetails.reasons", 8000},
    {"after", 128},
    {"algorithm", 64},
    {"authority", 64},
    {"authority_name", kName},
    {"candidate", 128},
    {"case", 64},
    {"challenge", 128},
    {"contact", kName},
    {"custody_sha256", 64},
    {"details", 64},
    {"follows", 128},
    {"ground", kText},
    {"id", 64},
    {"language", 35},
    {"legal_basis", kText},
    {"legal_mandate", kText},
    {"liveness_method", 64},
    {"log_public_key", 128},
    {"matter_description", 4000},
    {"member", 64},
    {"name", kName},
    {"necessity", 8000},
    {"public_key", 128},
    {"opening", 64},
    {"order", 64},
    {"purpose", 64},
    {"reasons", kReasons},
    {"recipient", 64},
    {"reference", kText},
    {"replaces", 128},
    {"representative", kName},
    {"restriction", 64},
    {"root", 64},
    {"sealed_secret", 256},
    {"sha256", 64},
    {"statement_id", 64},
    {"stop", 64},
    {"subject_public_key", 128},
    {"template_sha256", 64},
    {"title", kName},
    {"vault", kName},
    {"verifier", 64},
    {"version", 64},
    {"warrant", 64},
};

std::optional<size_t> BoundOf(std::string_view name) {
  const auto* const found = std::find_if(std::begin(kBounds), std::end(kBounds),
                                         [&](const Bound& bound) { return bound.field == name; });
  return found == std::end(kBounds) ? std::nullopt : std::optional<size_t>(found->bytes);
}

}  // namespace

std::optional<size_t> MaxBytesOf(const FieldDescriptor& field) {
  const auto own = BoundOf(absl::StrCat(field.containing_type()->name(), ".", field.name()));
  return own.has_value() ? own : BoundOf(field.name());
}

absl::Status CheckFieldBounds(const Message& payload) {
  const google::protobuf::Reflection& reflection = *payload.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(payload, &fields);
  for (const FieldDescriptor* field : fields) {
    const int count = field->is_repeated() ? reflection.FieldSize(payload, field) : 1;
    if (count > kMaxRepeated) {
      return absl::InvalidArgumentError(
          absl::StrCat(field->name(), ": at most ", kMaxRepeated, " entries"));
    }
    for (int i = 0; i < count; ++i) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        const absl::Status inner =
            CheckFieldBounds(field->is_repeated() ? reflection.GetRepeatedMessage(payload, field, i)
                                                  : reflection.GetMessage(payload, field));
        if (!inner.ok()) return inner;
      }
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) continue;
      std::string scratch;
      const std::string& text =
          field->is_repeated() ? reflection.GetRepeatedStringReference(payload, field, i, &scratch)
                               : reflection.GetStringReference(payload, field, &scratch);
      const std::optional<size_t> most = MaxBytesOf(*field);
      if (most.has_value() && text.size() > *most) {
        return absl::InvalidArgumentError(
            absl::StrCat(field->name(), ": must be at most ", *most, " bytes"));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace kluis::audit
