#include <google/protobuf/empty.pb.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/rpc_method.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/draft.h"
#include "client/failure.h"
#include "kluis/v1/enrollment_service.grpc.pb.h"
#include "kluis/v1/search_service.grpc.pb.h"
#include "tests/bench/load.h"
#include "tests/bench/rows.h"

namespace kluis::bench {
namespace {

constexpr Figure kVerifyMedian = {"verify_p50_ms", "ms", 5, false};
constexpr Figure kVerifyVsEmpty = {"verify_vs_empty_rpc", "ratio", 0.2, true};
constexpr Figure kVerifyVsEmptyOfMany = {"verify_vs_empty_rpc_64", "ratio", 0.2, true};
constexpr char kPurpose[] = "bench-verify";
constexpr char kPurposeName[] = "purposes/bench-verify";
constexpr uint64_t kPeople = 1000;
constexpr uint64_t kFirstPerson = 1'000'000'000;  // nobody of the other rows

// Enrols the people and makes one request for each, with a second capture of the same person.
absl::StatusOr<std::vector<v1::VerifyRequest>> Prepare(BenchVault& vault) {
  const absl::Status registered = vault.RegisterPurpose(kPurpose);
  if (!registered.ok()) return registered;
  const auto enrollments = vault.Enrollments(kPurpose, kFirstPerson, kPeople);
  if (!enrollments.ok()) return enrollments.status();
  const auto channel = vault.Connect(kRegistrar);
  if (!channel.ok()) return channel.status();
  const auto stub = v1::EnrollmentService::NewStub(*channel);
  std::vector<v1::VerifyRequest> requests;
  for (uint64_t i = 0; i < kPeople; ++i) {
    grpc::ClientContext context;
    v1::EnrollResponse response;
    const absl::Status enrolled =
        client::FromServer(stub->Enroll(&context, (*enrollments)[i], &response));
    if (!enrolled.ok()) return enrolled;
    v1::VerifyRequest& request = requests.emplace_back();
    request.set_purpose(kPurposeName);
    request.set_subject(response.subject());
    *request.mutable_probe() = vault.Face(kFirstPerson + i, 1);
  }
  return requests;
}

class Verifier {
 public:
  Verifier(std::vector<std::shared_ptr<grpc::Channel>> channels,
           std::vector<v1::VerifyRequest> requests)
      : channels_(std::move(channels)), requests_(std::move(requests)) {
    for (const auto& channel : channels_) stubs_.push_back(v1::SearchService::NewStub(channel));
  }

  absl::StatusOr<Load> Verify(int clients, double seconds) {
    return RunLoad(clients, seconds, [&](int client) {
      v1::VerifyRequest request = requests_[next_++ % requests_.size()];
      request.set_request_id(client::NewRequestId());
      grpc::ClientContext context;
      v1::VerifyResponse response;
      return client::FromServer(
          stubs_[static_cast<size_t>(client)]->Verify(&context, request, &response));
    });
  }

  // grpc.health.v1.Health/Check of the whole server: no field in, and what comes out is not read.
  absl::StatusOr<Load> Empty(int clients, double seconds) {
    return RunLoad(clients, seconds, [&](int client) {
      const auto& channel = channels_[static_cast<size_t>(client)];
      const grpc::internal::RpcMethod check("/grpc.health.v1.Health/Check",
                                            grpc::internal::RpcMethod::NORMAL_RPC, channel);
      grpc::ClientContext context;
      const google::protobuf::Empty request;
      google::protobuf::Empty response;
      return client::FromServer(
          grpc::internal::BlockingUnaryCall(channel.get(), check, &context, request, &response));
    });
  }

 private:
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::unique_ptr<v1::SearchService::Stub>> stubs_;
  std::vector<v1::VerifyRequest> requests_;
  std::atomic<size_t> next_ = 0;
};

absl::Status MeasureMedian(Verifier& verifier, Report& report) {
  std::vector<double> medians;
  std::vector<double> latencies;
  for (int i = 0; i < report.plan().samples; ++i) {
    report.Progress(absl::StrCat("verify: sample ", i + 1, " of ", report.plan().samples));
    const absl::StatusOr<Load> load = verifier.Verify(1, report.plan().seconds);
    if (!load.ok()) return load.status();
    medians.push_back(Quantile(load->latencies_ms, 0.5));
    latencies.insert(latencies.end(), load->latencies_ms.begin(), load->latencies_ms.end());
  }
  report.Add(kVerifyMedian, medians, latencies);
  return absl::OkStatus();
}

absl::Status MeasureRatio(Verifier& verifier, const Figure& figure, int clients, Report& report) {
  if (!report.Wants(figure)) return absl::OkStatus();
  std::vector<double> verified;
  std::vector<double> empty;
  std::vector<double> cpu;
  std::vector<double> empty_cpu;
  std::vector<double> ratios;
  for (int i = 0; i < report.plan().samples; ++i) {
    report.Progress(
        absl::StrCat("verify against an empty RPC: sample ", i + 1, " of ", report.plan().samples));
    const absl::StatusOr<Load> load = verifier.Verify(clients, report.plan().seconds);
    if (!load.ok()) return load.status();
    const absl::StatusOr<Load> nothing = verifier.Empty(clients, report.plan().seconds);
    if (!nothing.ok()) return nothing.status();
    verified.push_back(load->per_second);
    cpu.push_back(load->cpu_ms);
    empty_cpu.push_back(nothing->cpu_ms);
    empty.push_back(nothing->per_second);
    ratios.push_back(load->per_second / nothing->per_second);
  }
  report.Add(figure, ratios);
  report.Note(absl::StrCat("verify: ", static_cast<int64_t>(Quantile(verified, 0.5)),
                           " a second with ", clients, " clients, of ",
                           static_cast<int64_t>(Quantile(empty, 0.5)), " empty RPCs; ",
                           Quantile(cpu, 0.5), " against ", Quantile(empty_cpu, 0.5),
                           " ms of CPU each, clients included"));
  return absl::OkStatus();
}

}  // namespace

absl::Status VerifyRows(BenchVault& vault, Report& report) {
  if (!report.Wants(kVerifyMedian) && !report.Wants(kVerifyVsEmpty) &&
      !report.Wants(kVerifyVsEmptyOfMany)) {
    return absl::OkStatus();
  }
  report.Progress("verify: preparing");
  absl::StatusOr<std::vector<v1::VerifyRequest>> requests = Prepare(vault);
  if (!requests.ok()) return requests.status();
  auto channels = vault.ConnectClients(kOfficer, kManyClients);
  if (!channels.ok()) return channels.status();
  Verifier verifier(*std::move(channels), *std::move(requests));
  const absl::Status warm = verifier.Verify(kClients, 1).status();
  if (!warm.ok()) return warm;
  if (report.Wants(kVerifyMedian)) {
    const absl::Status measured = MeasureMedian(verifier, report);
    if (!measured.ok()) return measured;
  }
  const absl::Status measured = MeasureRatio(verifier, kVerifyVsEmpty, kClients, report);
  if (!measured.ok()) return measured;
  return MeasureRatio(verifier, kVerifyVsEmptyOfMany, kManyClients, report);
}

}  // namespace kluis::bench
