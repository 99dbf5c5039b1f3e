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

// The log whose prefix is `url`: http://HOST[:PORT][/PATH] or https. Each request may take
// `timeout_seconds`. Nothing is fetched yet. kInvalidArgument: another form of URL.
absl::StatusOr<std::unique_ptr<LogSource>> OpenHttpLog(std::string_view url, int timeout_seconds);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_TOOL_HTTP_CLIENT_H_
