// SPDX-License-Identifier: Apache-2.0
// Takes a vault's log along as the directory that the vault publishes (C2SP tlog-tiles), for
// kluis-audit or a static web server. Not thread-safe.
// Source: c2sp.org/tlog-tiles; audit/log/tile_writer.h.
#ifndef KLUIS_CLIENT_LOG_EXPORT_H_
#define KLUIS_CLIENT_LOG_EXPORT_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "client/log_reader.h"
#include "client/session.h"

namespace kluis::client {

// Writes bundles and tiles of all levels below `directory`, `vkey` with the log's key, and the
// checkpoint last: its presence says that the rest is complete. An earlier export of the same log
// is continued. Tells `progress` now and then how many entries are there. Returns how many there
// were before.
// kDataLoss: the entries do not lead to the checkpoint's root; or the directory holds another log,
// a longer one, or one that was damaged. It is then left at its earlier checkpoint.
// Others: as ReadEntries, and those of audit::TileWriter.
absl::StatusOr<uint64_t> ExportLog(Session& session, const LogHead& head,
                                   const std::string& directory,
                                   const std::function<void(uint64_t)>& progress);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_LOG_EXPORT_H_
