// SPDX-License-Identifier: Apache-2.0
// Reads a published log over HTTP or HTTPS; certificates are checked against the machine's own.
// Redirections are not followed. An object belongs to one thread.
#ifndef KLUIS_AUDIT_TOOL_HTTP_CLIENT_H_
#define KLUIS_AUDIT_TOOL_HTTP_CLIENT_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "audit/log/log_source.h"

namespace kluis::audit {

// The log whose prefix is `url`: http://HOST[:PORT][/PATH] or https. Reading one file may take
// `timeout_seconds`, from connecting to the last byte and however slowly they come; only the
// resolver of names has limits of its own. A read answers kUnavailable beyond that, and for a
// status other than 200 and 404, whatever stands in its body. Ignores SIGPIPE in the whole process.
// Nothing is fetched yet. kInvalidArgument: another form of URL.
absl::StatusOr<std::unique_ptr<LogSource>> OpenHttpLog(std::string_view url, int timeout_seconds);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_TOOL_HTTP_CLIENT_H_
