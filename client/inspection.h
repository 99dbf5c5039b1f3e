// SPDX-License-Identifier: Apache-2.0
// Takes an inspection along: the openings that the vault gives for a signed order, as a file for
// `kluis-audit replay --with-details`. The file holds personal data. Not thread-safe.
//
// One JSON object a line:
//   {"log_index":17,"what":"consent","nonce":"<base64 of 32 bytes>","payload":"<base64>"}
#ifndef KLUIS_CLIENT_INSPECTION_H_
#define KLUIS_CLIENT_INSPECTION_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "client/session.h"
#include "kluis/v1/statements.pb.h"
#include "kluis/v1/types.pb.h"

namespace kluis::client {

struct Inspected {
  v1::Receipt receipt;    // of the inspection
  uint64_t openings = 0;  // that the file holds
};

// `order` is a signed InspectionOrder. Writes the file whole or not at all, readable by its owner
// only, within --timeout. kDataLoss: the vault answers with something else than was ordered, or an
// answer without a receipt; kInvalidArgument: `order` is of another kind, or the file cannot be
// written; others as Session::Call.
absl::StatusOr<Inspected> Inspect(Session& session, const v1::Envelope& order,
                                  const std::string& path);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_INSPECTION_H_
