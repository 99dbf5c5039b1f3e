// SPDX-License-Identifier: Apache-2.0
#include "audit/details.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <span>

#include "audit/statement.h"
#include "base/codec.h"
#include "crypto/derive.h"
#include "crypto/random.h"

namespace kluis::audit {
namespace {

// Of the request that has the payload (OpenCaseRequest, RefuseWarrantRequest).
constexpr std::string_view kField = "details";

// `nonce` is of 32 bytes.
std::string CommitmentOf(std::string_view nonce, std::string_view payload) {
  const std::span<const uint8_t, kDetailsNonceBytes> key(
      reinterpret_cast<const uint8_t*>(nonce.data()), kDetailsNonceBytes);
  return base::ToHex(crypto::Bytes(crypto::Commit(key, payload)));
}

// Unicode code points that are not ASCII white space or control characters.
uint32_t Characters(std::string_view text) {
  return static_cast<uint32_t>(std::count_if(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > ' ' && (byte & 0xC0) != 0x80;
  }));
}

}  // namespace

absl::StatusOr<Details> MakeDetails(const google::protobuf::Message& message) {
  absl::StatusOr<std::string> payload = WriteJson(message, kField);
  if (!payload.ok()) return payload.status();
  Details details{*std::move(payload), crypto::RandomBytes(kDetailsNonceBytes), ""};
  details.commitment = CommitmentOf(details.nonce, details.payload);
  return details;
}

absl::Status ReadDetails(const Details& details, google::protobuf::Message& message) {
  if (details.nonce.size() != kDetailsNonceBytes) {
    return absl::InvalidArgumentError("details_nonce: must be 32 bytes");
  }
  if (details.commitment != CommitmentOf(details.nonce, details.payload)) {
    return absl::InvalidArgumentError("details: not what the signed statement commits to");
  }
  return ReadJson(details.payload, message, kField);
}

std::string NecessityEssence(std::string_view necessity) {
  std::string essence;
  for (const char c : necessity) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || std::isalnum(byte) != 0) {
      essence += static_cast<char>(std::tolower(byte));
    }
  }
  return essence;
}

void SetDetails(const v1::CaseDetails& details, v1::OpenCase& command) {
  command.set_reference_given(!details.reference().empty());
  command.set_description_given(!details.matter_description().empty());
  command.set_necessity_characters(Characters(details.necessity()));
}

void SetDetails(const v1::RefusalDetails& details, v1::RefuseWarrant& command) {
  command.set_reasons_given(!details.reasons().empty());
}

}  // namespace kluis::audit
