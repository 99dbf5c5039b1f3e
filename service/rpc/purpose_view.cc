// SPDX-License-Identifier: Apache-2.0
#include "service/rpc/purpose_view.h"

#include <optional>

#include "base/codec.h"
#include "matching/threshold.h"
#include "policy/record_key.h"
#include "service/gallery/galleries.h"

namespace kluis::service {
namespace {

// As statements name it (policy::Names).
std::string DigestText(const std::string& digest) {
  return digest.empty() ? "none" : base::ToHex(digest);
}

}  // namespace

absl::StatusOr<v1::Purpose> PurposeView(const DatabaseState& state, const std::string& id) {
  const auto record = policy::Find<v1::PurposeRecord>(state, policy::key::Purpose(id));
  if (!record.ok()) return record.status();
  const auto stop = policy::Find<v1::PurposeStop>(state, policy::key::PurposeStop(id));
  if (!stop.ok()) return stop.status();
  if (!record->has_value()) return absl::DataLossError("purpose: its record is missing");
  v1::Purpose view;
  view.set_name("purposes/" + id);
  *view.mutable_registration() = (*record)->registration();
  view.set_stopped(stop->has_value() && (*stop)->stopped());
  view.set_rotating((*record)->previous_slot() != 0);
  view.set_last_stop(DigestText(stop->has_value() ? (*stop)->stop() : std::string()));
  view.set_last_calibration(DigestText((*record)->calibrated_by()));
  view.set_last_rotation(DigestText((*record)->rotated_by()));
  const std::optional<matching::ImpostorModel> measured = ImpostorsOf(**record);
  view.mutable_cuts()->set_rule(std::string(matching::CutRule(measured)));
  if (measured.has_value()) {
    view.mutable_cuts()->mutable_measured_at()->set_seconds(measured->measured_at);
    view.mutable_cuts()->set_templates(measured->templates);
    view.mutable_cuts()->set_pairs(measured->pairs);
  }
  return view;
}

}  // namespace kluis::service
