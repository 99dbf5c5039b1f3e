#include "audit/tool/http_client.h"

#include <httplib.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kluis::audit {
namespace {

class HttpLog final : public LogSource {
 public:
  // `server`: schema, host and port; `prefix`: "" or "/path".
  HttpLog(std::string server, std::string prefix, int timeout_seconds)
      : server_(std::move(server)), prefix_(std::move(prefix)), client_(server_) {
    client_.set_connection_timeout(timeout_seconds);
    client_.set_read_timeout(timeout_seconds);
    client_.set_keep_alive(true);
  }

  bool is_valid() const { return client_.is_valid(); }

  absl::StatusOr<std::string> Read(const std::string& path, size_t max_bytes) override {
    const std::string target = absl::StrCat(prefix_, "/", path);
    std::string body;
    bool too_large = false;
    const httplib::Result result = client_.Get(target, [&](const char* bytes, size_t count) {
      too_large = body.size() + count > max_bytes;
      if (!too_large) body.append(bytes, count);
      return !too_large;
    });
    if (too_large) return absl::DataLossError(absl::StrCat(server_, target, ": too large"));
    if (!result) {
      return absl::UnavailableError(
          absl::StrCat(server_, target, ": ", httplib::to_string(result.error())));
    }
    if (result->status == 404) {
      return absl::NotFoundError(absl::StrCat(server_, target, ": not found"));
    }
    if (result->status != 200) {
      return absl::UnavailableError(absl::StrCat(server_, target, ": status ", result->status));
    }
    return body;
  }

 private:
  std::string server_;
  std::string prefix_;
  httplib::Client client_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<LogSource>> OpenHttpLog(std::string_view url, int timeout_seconds) {
  const size_t schema = url.find("://");
  const bool known = url.starts_with("http://") || url.starts_with("https://");
  while (url.ends_with('/')) url.remove_suffix(1);
  if (!known || schema + 3 >= url.size() || url.find_first_of("?#") != std::string_view::npos) {
    return absl::InvalidArgumentError("URL: must be http://HOST[:PORT][/PATH] or https://...");
  }
  const size_t path = std::min(url.find('/', schema + 3), url.size());
  auto log = std::make_unique<HttpLog>(std::string(url.substr(0, path)),
                                       std::string(url.substr(path)), timeout_seconds);
  if (!log->is_valid()) return absl::InvalidArgumentError("URL: not one");
  return log;
}

}  // namespace kluis::audit
