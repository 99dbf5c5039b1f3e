// SPDX-License-Identifier: Apache-2.0
// How a gallery is filled: all live templates of a purpose are opened under a Grant, on several
// threads, and added. What changes meanwhile follows by the log. Thread-safe: one call is one load.
#ifndef KLUIS_SERVICE_GALLERY_LOAD_H_
#define KLUIS_SERVICE_GALLERY_LOAD_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "policy/grant.h"
#include "service/custody/sealer.h"
#include "service/gallery/resident_gallery.h"
#include "service/gallery/search_room.h"
#include "storage/database.h"

namespace kluis::service {

// Told after each batch of up to 128 templates, from the threads of the load.
using LoadStep = std::function<void()>;

// Fills `gallery`, which already follows the log, on `threads` threads, and returns when all have
// ended; calls neither Finish nor Drop. Each thread keeps one batch of opened templates in guarded
// memory. kCancelled: the gallery was dropped. kDataLoss: a record does not open, or is missing.
// kUnavailable, PURPOSE_ROTATING: a rotation has begun. Others: the store's.
absl::Status LoadGallery(const storage::Database& database, const Sealer& sealer,
                         const policy::Grant& grant, const SearchRoom& room, size_t threads,
                         const LoadStep& step, ResidentGallery& gallery);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_GALLERY_LOAD_H_
