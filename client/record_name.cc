// SPDX-License-Identifier: Apache-2.0
#include "client/record_name.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/codec.h"
#include "client/output.h"
#include "kluis/v1/ledger.pb.h"

namespace kluis::client {
namespace {

using v1::RecordChange;

constexpr size_t kIdBytes = 16;

// The short name of the enum value whose number is the first byte.
std::string EnumByte(const google::protobuf::EnumDescriptor& type, std::string_view text) {
  const auto* value =
      text.empty() ? nullptr : type.FindValueByNumber(static_cast<unsigned char>(text.front()));
  return value == nullptr ? "?" : EnumText(*value);
}

std::string_view After(std::string_view text, size_t count) {
  return text.substr(std::min(text.size(), count));
}

}  // namespace

std::string RecordName(std::string_view key) {
  const auto* field =
      key.empty()
          ? nullptr
          : RecordChange::descriptor()->FindFieldByNumber(static_cast<unsigned char>(key.front()));
  if (field == nullptr || field->message_type() == nullptr) {
    return absl::StrCat("record ", base::ToHex(key));
  }
  const std::string kind = absl::StrReplaceAll(field->name(), {{"_", " "}});
  const std::string_view id = key.substr(1);
  switch (field->number()) {
    case RecordChange::kVault:
    case RecordChange::kSlots:
      return kind;
    case RecordChange::kMember:
      return absl::StrCat(kind, " ", EnumByte(*v1::Role_descriptor(), id), "/",
                          Printable(After(id, 1)));
    case RecordChange::kMemberKey:
    case RecordChange::kPurpose:
    case RecordChange::kPurposeStop:
      return absl::StrCat(kind, " ", Printable(id));
    case RecordChange::kEnrollment:
      return absl::StrCat(kind, " of subject ", base::ToHex(id.substr(0, kIdBytes)), " for ",
                          Printable(After(id, kIdBytes)));
    case RecordChange::kCandidate:
      return absl::StrCat(kind, " ", base::ToHex(After(id, kIdBytes)), " of case ",
                          base::ToHex(id.substr(0, kIdBytes)));
    case RecordChange::kAuthorityYear: {
      const std::string_view year = After(id, kIdBytes);
      if (year.size() != 2) break;
      return absl::StrCat(
          kind, " ", static_cast<unsigned char>(year[0]) << 8 | static_cast<unsigned char>(year[1]),
          " of ", base::ToHex(id.substr(0, kIdBytes)));
    }
    case RecordChange::kPendingErasure:
      return absl::StrCat(kind, " of ", EnumByte(*v1::ErasureTarget_descriptor(), id), " ",
                          base::ToHex(After(id, 1)));
    default:
      break;
  }
  return absl::StrCat(kind, " ", base::ToHex(id));
}

}  // namespace kluis::client
