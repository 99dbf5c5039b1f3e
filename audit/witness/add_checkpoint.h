// SPDX-License-Identifier: Apache-2.0
// The bytes of an add-checkpoint call, which a log sends and a witness reads. Pure functions,
// thread-safe. Source: c2sp.org/tlog-witness.
//
//   old <size that the witness holds, decimal>\n
//   <base64 of a hash>\n                           0 to 63 lines: the consistency proof
//   \n
//   <checkpoint, a signed note>
#ifndef KLUIS_AUDIT_WITNESS_ADD_CHECKPOINT_H_
#define KLUIS_AUDIT_WITNESS_ADD_CHECKPOINT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "audit/merkle.h"

namespace kluis::audit {

// What follows the witness's prefix in the URL.
inline constexpr std::string_view kAddCheckpointPath = "/add-checkpoint";

// The Content-Type of an answer 409 that holds a size, to the letter.
inline constexpr std::string_view kSizeContentType = "text/x.tlog.size";

inline constexpr size_t kMaxConsistencyLines = 63;
inline constexpr size_t kMaxAddCheckpointBytes = size_t{64} << 10;

struct AddCheckpointRequest {
  uint64_t old_size = 0;    // the size that the proof begins at
  std::vector<Hash> proof;  // empty when old_size is 0 or the checkpoint's own size
  std::string checkpoint;   // the note as it is; nothing in it has been looked at
};

// The body. kInvalidArgument: more than 63 hashes or kMaxAddCheckpointBytes.
absl::StatusOr<std::string> FormatAddCheckpoint(const AddCheckpointRequest& request);

// Inverse of FormatAddCheckpoint. kInvalidArgument: any other form, down to a size with a leading
// zero, a second spelling of base64 or a line that does not end.
absl::StatusOr<AddCheckpointRequest> ParseAddCheckpoint(std::string_view body);

// The body of an answer 409, "<size>\n", and back. kInvalidArgument: any other form.
std::string FormatTreeSize(uint64_t size);
absl::StatusOr<uint64_t> ParseTreeSize(std::string_view body);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_WITNESS_ADD_CHECKPOINT_H_
