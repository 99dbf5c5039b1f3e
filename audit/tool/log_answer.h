// SPDX-License-Identifier: Apache-2.0
// What a request for a published log gets: checkpoint and tiles, by GET or HEAD. Of the request its
// first line decides; headers and bodies mean nothing, so there are no ranges, encodings and
// conditions. Functions of their arguments and the directory, thread-safe.
// Source: C2SP tlog-tiles; RFC 9112.
#ifndef KLUIS_AUDIT_TOOL_LOG_ANSWER_H_
#define KLUIS_AUDIT_TOOL_LOG_ANSWER_H_

#include <sys/types.h>

#include <string>
#include <string_view>

namespace kluis::audit {

struct LogAnswer {
  std::string head;  // status line and headers, with the empty line after them
  int file = -1;     // open for reading, the caller's to close; -1: none
  off_t body = 0;    // bytes of `file` that follow the head
};

// `request`: at least the first line with its line end, and no body. Opens a regular file of at
// most kMaxBundleBytes below `directory`.
LogAnswer AnswerTo(const std::string& directory, std::string_view request);

// To a request whose head does not end.
LogAnswer AnswerToTooLong();

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_TOOL_LOG_ANSWER_H_
