// SPDX-License-Identifier: Apache-2.0
// The measurements of SupervisionService: one at a time, whatever it measures.
#include <mutex>
#include <utility>

#include "service/acts/calibration.h"
#include "service/acts/evaluation.h"
#include "service/acts/measurement.h"
#include "service/acts/requests.h"
#include "service/ledger/outcome.h"
#include "service/rpc/purpose_view.h"
#include "service/rpc/supervision_service.h"

namespace kluis::service {
namespace {

// Another one would take its processors and its locked memory.
absl::Status OtherMeasurement() {
  return WithReason(absl::UnavailableError("measurement: another one runs; call again later"),
                    "MEASUREMENT_RUNS");
}

absl::Status CalibrateAndShow(Vault& vault, const Call& call, const v1::Envelope& order,
                              grpc::ServerWriter<v1::CalibratePurposeResponse>& writer) {
  const absl::StatusOr<Calibrated> calibrated =
      Calibrate(vault, call, order, [&](const v1::MeasurementProgress& progress) {
        v1::CalibratePurposeResponse message;
        *message.mutable_progress() = progress;
        WriteTo(call, writer, message);
      });
  if (!calibrated.ok()) return calibrated.status();
  v1::CalibratePurposeResponse last;
  absl::StatusOr<v1::Purpose> view =
      PurposeView(vault.state(), calibrated->intent.command.calibrate().order().purpose());
  if (!view.ok()) return view.status();
  *last.mutable_purpose() = *std::move(view);
  *last.mutable_intent() = ReceiptOf(calibrated->intent);
  *last.mutable_receipt() = ReceiptOf(calibrated->outcome);
  return WriteTo(call, writer, last) ? absl::OkStatus() : EndedStatus();
}

}  // namespace

grpc::Status SupervisionService::CalibratePurpose(
    grpc::ServerContext* context, const v1::CalibratePurposeRequest* request,
    grpc::ServerWriter<v1::CalibratePurposeResponse>* writer) {
  return calls_.Stream<v1::CalibratePurposeRequest>(
      context, *request, Validate, [&](const Call& call) {
        const absl::Status bounded = CheckDeadline(*context);
        if (!bounded.ok()) return bounded;
        const std::unique_lock alone(measuring_, std::try_to_lock);
        if (!alone.owns_lock()) return OtherMeasurement();
        const Calls::StreamGuard guard(calls_, context);
        return CalibrateAndShow(calls_.vault(), call, request->order(), *writer);
      });
}

grpc::Status SupervisionService::EvaluatePurpose(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<v1::EvaluatePurposeResponse, v1::EvaluatePurposeRequest>* stream) {
  const auto any = [](const v1::EvaluatePurposeRequest&) { return absl::OkStatus(); };
  return calls_.Stream<v1::EvaluatePurposeRequest>(context, {}, any, [&](const Call& call) {
    const absl::Status bounded = CheckDeadline(*context);
    if (!bounded.ok()) return bounded;
    const Calls::StreamGuard guard(calls_, context);
    v1::EvaluatePurposeRequest first;  // who sends none holds up nobody
    if (!ReadFrom(call, *stream, &first)) return EndedStatus();
    const std::unique_lock alone(measuring_, std::try_to_lock);
    if (!alone.owns_lock()) return OtherMeasurement();
    return Evaluate(calls_.vault(), call, first, *stream);
  });
}

}  // namespace kluis::service
