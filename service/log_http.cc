#include "service/log_http.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "audit/note.h"
#include "audit/tiles.h"
#include "crypto/file_system.h"

namespace kluis::service {
namespace {

constexpr size_t kMaxFileBytes = audit::kTileWidth * (2 + audit::kMaxEntryBytes);

// What never changes may be kept; the checkpoint and partial tiles are short of that.
const char* CachingOf(const audit::Tile& tile) {
  return tile.width == audit::kTileWidth ? "public, max-age=31536000, immutable" : "no-cache";
}

HttpAnswer Serve(const std::string& directory, std::string_view path) {
  const bool checkpoint = path == "checkpoint";
  const absl::StatusOr<audit::Tile> tile = audit::ParseTilePath(path);
  if (!checkpoint && !tile.ok()) return {};
  absl::StatusOr<std::string> bytes =
      crypto::RealFileSystem().Read(absl::StrCat(directory, "/", std::string(path)),
                                    checkpoint ? audit::kMaxNoteBytes : kMaxFileBytes);
  if (absl::IsNotFound(bytes.status())) return {};
  if (!bytes.ok()) return {.status = 503};
  return {.status = 200,
          .body = *std::move(bytes),
          .content_type = checkpoint ? "text/plain; charset=utf-8" : "application/octet-stream",
          .cache_control = checkpoint ? "no-cache" : CachingOf(*tile)};
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> ServeLog(const std::string& listen,
                                                     const std::string& directory) {
  return HttpServer::Start("audit.http_listen", listen,
                           [directory](std::string_view path) { return Serve(directory, path); });
}

}  // namespace kluis::service
