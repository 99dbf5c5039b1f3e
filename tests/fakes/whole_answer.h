// SPDX-License-Identifier: Apache-2.0
// Everything that a caller gets of one call, as text that can be compared with that of another:
// code, message, details, both kinds of metadata, and the response with its size. Functions of
// their arguments.
#ifndef KLUIS_TESTS_FAKES_WHOLE_ANSWER_H_
#define KLUIS_TESTS_FAKES_WHOLE_ANSWER_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "base/codec.h"
#include "google/rpc/status.pb.h"
#include "tests/fakes/test_world.h"

namespace kluis {

// The details in hex, with the log index made N: what is unknown to their messages stays in.
inline std::string DetailsText(const std::string& bytes) {
  google::rpc::Status details;
  if (!details.ParseFromString(bytes)) return "not a status: " + base::ToHex(bytes);
  for (google::protobuf::Any& any : *details.mutable_details()) {
    google::rpc::ErrorInfo info;
    if (!any.UnpackTo(&info)) continue;
    for (auto& [key, value] : *info.mutable_metadata()) {
      if (key == "log_index") value = "N";
    }
    any.PackFrom(info);
  }
  return base::ToHex(details.SerializeAsString());
}

// But for the one thing that must differ, which entry holds the refusal: that is N wherever it is
// told.
template <class Response>
std::string WholeAnswer(const Reply<Response>& reply) {
  std::string text = absl::StrCat("code ", static_cast<int>(reply.status.error_code()),
                                  "\nmessage ", reply.status.error_message(), "\ndetails ",
                                  DetailsText(reply.status.error_details()), "\nresponse ",
                                  base::ToHex(reply.value.SerializeAsString()), "\n");
  const std::string index = reply.log_index ? absl::StrCat(*reply.log_index) : "none";
  for (const auto* metadata : {&reply.initial, &reply.trailing}) {
    const char* kind = metadata == &reply.initial ? "initial " : "trailing ";
    for (const auto& [key, value] : *metadata) {
      const std::string told = key == "grpc-status-details-bin" ? DetailsText(value)
                               : value == index                 ? "N"
                                                                : base::ToHex(value);
      absl::StrAppend(&text, kind, key, " ", told, "\n");
    }
  }
  return text;
}

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_WHOLE_ANSWER_H_
