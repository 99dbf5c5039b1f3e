// SPDX-License-Identifier: Apache-2.0
// A purpose as the API shows it to everybody. Thread-safe: a function of its arguments.
#ifndef KLUIS_SERVICE_RPC_PURPOSE_VIEW_H_
#define KLUIS_SERVICE_RPC_PURPOSE_VIEW_H_

#include <string>

#include "absl/status/statusor.h"
#include "kluis/v1/supervision_service.pb.h"
#include "service/ledger/database_state.h"

namespace kluis::service {

// What the state says now of the purpose `id`. kDataLoss: its record is missing.
absl::StatusOr<v1::Purpose> PurposeView(const DatabaseState& state, const std::string& id);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RPC_PURPOSE_VIEW_H_
