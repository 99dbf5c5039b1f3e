// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/failure.h"
#include "kluis/v1/enrollment_service.grpc.pb.h"
#include "kluis/v1/search_service.grpc.pb.h"
#include "tests/bench/empty_rpc.h"
#include "tests/bench/load.h"
#include "tests/bench/rows.h"

namespace kluis::bench {
namespace {

constexpr Figure kVerifyMedian = {"verify_p50_ms", "ms", 5, false};
constexpr Figure kVerifyVsEmpty = {"verify_vs_empty_rpc", "ratio", 0.2, true};
constexpr Figure kVerifyVsHealth = {"verify_vs_health_check", "ratio", 0.2, true};
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

// Its clients take turns over requests that are there already, of which only the id is new: what
// is measured is the call, not the making of it.
class Verifier {
 public:
  Verifier(std::vector<std::shared_ptr<grpc::Channel>> channels,
           std::vector<v1::VerifyRequest> requests)
      : channels_(std::move(channels)), turns_(channels_.size()), requests_(std::move(requests)) {
    for (const auto& channel : channels_) stubs_.push_back(v1::SearchService::NewStub(channel));
  }

  absl::StatusOr<Load> Verify(int clients, double seconds) {
    return RunLoad(clients, seconds, [&](int client) {
      v1::VerifyRequest& request = RequestOf(static_cast<size_t>(client));
      request.set_request_id(absl::StrFormat("00000000-0000-4000-8000-%012x", ++calls_));
      grpc::ClientContext context;
      v1::VerifyResponse response;
      return client::FromServer(
          stubs_[static_cast<size_t>(client)]->Verify(&context, request, &response));
    });
  }

  using EmptyCall = absl::Status(const std::shared_ptr<grpc::Channel>&);
  absl::StatusOr<Load> Empty(EmptyCall call, int clients, double seconds) {
    return RunLoad(clients, seconds,
                   [&](int client) { return call(channels_[static_cast<size_t>(client)]); });
  }

 private:
  // The client's next one: no two clients share one.
  v1::VerifyRequest& RequestOf(size_t client) {
    const size_t own = (requests_.size() - client - 1) / channels_.size() + 1;
    return requests_[client + channels_.size() * (turns_[client]++ % own)];
  }

  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::unique_ptr<v1::SearchService::Stub>> stubs_;
  std::vector<size_t> turns_;  // by client
  std::vector<v1::VerifyRequest> requests_;
  std::atomic<uint64_t> calls_ = 0;
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

// Of one peer: empty calls a second in each sample, and verifications over them.
struct Peer {
  std::vector<double> per_second;
  std::vector<double> cpu_ms;
  std::vector<double> ratios;
};

absl::Status Compare(Verifier& verifier, const Load& verified, Verifier::EmptyCall call,
                     double seconds, Peer& peer) {
  const absl::StatusOr<Load> empty = verifier.Empty(call, kClients, seconds);
  if (!empty.ok()) return empty.status();
  peer.per_second.push_back(empty->per_second);
  peer.cpu_ms.push_back(empty->cpu_ms);
  peer.ratios.push_back(verified.per_second / empty->per_second);
  return absl::OkStatus();
}

std::string Text(std::string_view name, const std::vector<double>& per_second,
                 const std::vector<double>& cpu_ms) {
  return absl::StrCat(std::string(name), " ", static_cast<int64_t>(Quantile(per_second, 0.5)),
                      " a second, ", Quantile(cpu_ms, 0.5), " ms of CPU each");
}

absl::Status MeasureRatios(Verifier& verifier, Report& report) {
  std::vector<double> verified;
  std::vector<double> cpu_ms;
  Peer empty;
  Peer health;
  for (int i = 0; i < report.plan().samples; ++i) {
    report.Progress(
        absl::StrCat("verify against an empty RPC: sample ", i + 1, " of ", report.plan().samples));
    const absl::StatusOr<Load> load = verifier.Verify(kClients, report.plan().seconds);
    if (!load.ok()) return load.status();
    verified.push_back(load->per_second);
    cpu_ms.push_back(load->cpu_ms);
    absl::Status compared = Compare(verifier, *load, CallEmptyRpc, report.plan().seconds, empty);
    if (compared.ok()) {
      compared = Compare(verifier, *load, CallHealthCheck, report.plan().seconds, health);
    }
    if (!compared.ok()) return compared;
  }
  report.Add(kVerifyVsEmpty, empty.ratios);
  report.Add(kVerifyVsHealth, health.ratios);
  report.Note(absl::StrCat(kClients, " clients: ", Text("verify", verified, cpu_ms), "; ",
                           Text("empty RPC", empty.per_second, empty.cpu_ms), "; ",
                           Text("health check", health.per_second, health.cpu_ms),
                           "; clients included"));
  return absl::OkStatus();
}

}  // namespace

absl::Status VerifyRows(BenchVault& vault, Report& report) {
  const bool ratios = report.Wants(kVerifyVsEmpty) || report.Wants(kVerifyVsHealth);
  if (!report.Wants(kVerifyMedian) && !ratios) return absl::OkStatus();
  report.Progress("verify: preparing");
  absl::StatusOr<std::vector<v1::VerifyRequest>> requests = Prepare(vault);
  if (!requests.ok()) return requests.status();
  auto channels = vault.ConnectClients(kOfficer, kClients);
  if (!channels.ok()) return channels.status();
  Verifier verifier(*std::move(channels), *std::move(requests));
  const absl::Status warm = verifier.Verify(kClients, 1).status();
  if (!warm.ok()) return warm;
  if (report.Wants(kVerifyMedian)) {
    const absl::Status measured = MeasureMedian(verifier, report);
    if (!measured.ok()) return measured;
  }
  return ratios ? MeasureRatios(verifier, report) : absl::OkStatus();
}

}  // namespace kluis::bench
