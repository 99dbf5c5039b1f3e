// SPDX-License-Identifier: Apache-2.0
// Recomputes the root of a log from its entries: what an auditor does with nothing but public keys.
// Source: RFC 9162 s.2.1.1. Holds one entry and 64 hashes at a time, whatever the log's size.
#ifndef KLUIS_AUDIT_LOG_VERIFY_LOG_H_
#define KLUIS_AUDIT_LOG_VERIFY_LOG_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "audit/checkpoint.h"
#include "audit/merkle.h"

namespace kluis::audit {

// Gives the log's entries in order from index 0; nullopt after the last one.
using EntryReader = std::function<absl::StatusOr<std::optional<std::string>>()>;

struct LogReport {
  uint64_t entries = 0;  // verified: all that the checkpoint covers
  Hash root{};           // recomputed, equal to the checkpoint's
};

// Reads `next_entry` to its end and compares size and root with `checkpoint`, whose signatures the
// caller has verified (OpenCheckpoint). An entry beyond the checkpoint is refused, because nobody
// vouches for it. To check a log that has grown since, end the reader at the checkpoint's size.
// kDataLoss: fewer or more entries than the checkpoint's size, or another root; the message says
// both sizes or both roots (hex). Errors of `next_entry` are passed on.
absl::StatusOr<LogReport> VerifyEntries(const EntryReader& next_entry,
                                        const Checkpoint& checkpoint);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_LOG_VERIFY_LOG_H_
