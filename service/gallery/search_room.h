// SPDX-License-Identifier: Apache-2.0
// What protects and compares templates of one purpose. Immutable and thread-safe.
#ifndef KLUIS_SERVICE_GALLERY_SEARCH_ROOM_H_
#define KLUIS_SERVICE_GALLERY_SEARCH_ROOM_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "kluis/v1/state.pb.h"
#include "matching/threshold.h"
#include "matching/transform.h"

namespace kluis::service {

// What a search of one purpose works with.
struct SearchRoom {
  v1::PurposeRegistration purpose;
  const matching::Algorithm* algorithm;
  matching::Transform transform;
  uint32_t slot;  // that the secret of the transform comes from
  // As the purpose's last calibration measured; nullopt: the algorithm's own model is used.
  std::optional<matching::ImpostorModel> impostors;
};

// What the purpose's last calibration measured.
std::optional<matching::ImpostorModel> ImpostorsOf(const v1::PurposeRecord& record);

// What a search gets that meets a rotation: kUnavailable, PURPOSE_ROTATING.
absl::Status Rotating();

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_GALLERY_SEARCH_ROOM_H_
