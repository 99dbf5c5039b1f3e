// SPDX-License-Identifier: Apache-2.0
#include "audit/tool/log_answer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "audit/note.h"
#include "audit/tiles.h"

namespace kluis::audit {
namespace {

constexpr char kNotKept[] = "no-cache";
constexpr char kKept[] = "public, max-age=31536000, immutable";  // of what never changes

const char* PhraseOf(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    default:
      return "Service Unavailable";
  }
}

std::string HeadOf(int status, off_t size, std::string_view headers) {
  return absl::StrCat("HTTP/1.1 ", status, " ", PhraseOf(status),
                      "\r\nConnection: close\r\nContent-Length: ", size, "\r\n",
                      std::string(headers), "\r\n");
}

LogAnswer Refusal(int status, std::string_view headers = "") {
  return {.head = HeadOf(status, 0, headers)};
}

LogAnswer Read(const std::string& directory, std::string_view path, bool with_body) {
  const bool checkpoint = path == "checkpoint";
  const absl::StatusOr<Tile> tile = ParseTilePath(path);
  if (!checkpoint && !tile.ok()) return Refusal(404);
  const std::string name = absl::StrCat(directory, "/", std::string(path));
  const int file = open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return Refusal(errno == ENOENT || errno == ENOTDIR ? 404 : 503);
  struct stat found {};
  const auto most = static_cast<off_t>(checkpoint ? kMaxNoteBytes : kMaxBundleBytes);
  if (fstat(file, &found) < 0 || !S_ISREG(found.st_mode) || found.st_size > most) {
    close(file);
    return Refusal(503);
  }
  const bool whole = tile.ok() && tile->width == kTileWidth;
  const char* const type = checkpoint ? "text/plain; charset=utf-8" : "application/octet-stream";
  return {.head = HeadOf(200, found.st_size,
                         absl::StrCat("Content-Type: ", type,
                                      "\r\nCache-Control: ", whole ? kKept : kNotKept, "\r\n")),
          .file = file,
          .body = with_body ? found.st_size : 0};
}

}  // namespace

LogAnswer AnswerTo(const std::string& directory, std::string_view request) {
  const std::string_view line = request.substr(0, request.find("\r\n"));
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last ||
      !line.substr(last + 1).starts_with("HTTP/1.")) {
    return Refusal(400);
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (method != "GET" && method != "HEAD") return Refusal(405, "Allow: GET, HEAD\r\n");
  if (!target.starts_with('/')) return Refusal(404);
  return Read(directory, target.substr(1), method == "GET");
}

LogAnswer AnswerToTooLong() { return Refusal(431); }

}  // namespace kluis::audit
