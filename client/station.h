// SPDX-License-Identifier: Apache-2.0
// An enrolment desk: what the registrar attests about a capture, and the request that carries it
// with the person's consent. Thread-safe.
#ifndef KLUIS_CLIENT_STATION_H_
#define KLUIS_CLIENT_STATION_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "crypto/ed25519.h"
#include "kluis/v1/enrollment_service.pb.h"
#include "kluis/v1/statements.pb.h"
#include "kluis/v1/types.pb.h"

namespace kluis::client {

// What the registrar saw. The attestation also says that the capture was live and of an adult.
struct Capture {
  int64_t captured_at = 0;  // unix seconds
  uint32_t quality = 90;    // 1 to 100
  std::string liveness_method = "attended";
  v1::SubjectCategory category = v1::SUBJECT_CATEGORY_OTHER;
};

class Station {
 public:
  // `vault`: the name of the vault that the attestations are for.
  Station(std::string vault, crypto::SigningKey registrar, Capture capture)
      : vault_(std::move(vault)), registrar_(std::move(registrar)), capture_(std::move(capture)) {}

  // The request for one person, with a new request_id and a signed attestation of exactly this
  // template for the key and the purpose of the consent. `now` in unix seconds.
  // kInvalidArgument: `consent` is no consent, or the consent's own key did not sign it.
  absl::StatusOr<v1::EnrollRequest> Request(const v1::Envelope& consent, v1::Template face,
                                            v1::SubjectDetails details, int64_t now) const;

 private:
  std::string vault_;
  crypto::SigningKey registrar_;
  Capture capture_;
};

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_STATION_H_
