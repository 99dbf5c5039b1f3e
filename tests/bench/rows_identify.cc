// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/batch_enroll.h"
#include "client/draft.h"
#include "client/failure.h"
#include "kluis/v1/enrollment_service.grpc.pb.h"
#include "kluis/v1/search_service.grpc.pb.h"
#include "tests/bench/load.h"
#include "tests/bench/rows.h"

namespace kluis::bench {
namespace {

constexpr Figure kIdentify = {"identify_exact_100k_ms", "ms", 150, false};
constexpr uint64_t kGallery = 100'000;
constexpr char kPurpose[] = "bench-identify";
constexpr uint64_t kFirstPerson = 2'000'000'000;  // nobody of the other rows
constexpr int kStreams = 4;
constexpr size_t kSearchesPerSample = 10;

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Enrols the whole gallery over BatchEnroll streams, as a desk would.
absl::Status Fill(BenchVault& vault, const Report& report) {
  std::atomic<uint64_t> next = 0;
  std::atomic<uint64_t> done = 0;
  std::vector<absl::Status> failures(kStreams);
  std::vector<std::thread> streams;
  for (size_t s = 0; s < kStreams; ++s) {
    streams.emplace_back([&, s] {
      const auto channel = vault.Connect(kRegistrar);
      if (!channel.ok()) {
        failures[s] = channel.status();
        return;
      }
      const auto stub = v1::EnrollmentService::NewStub(*channel);
      client::BatchPlan plan;
      plan.next_row = [&]() -> absl::StatusOr<std::optional<v1::EnrollRequest>> {
        const uint64_t person = next++;
        if (person >= kGallery) return std::optional<v1::EnrollRequest>();
        auto request = vault.Enrollment(kPurpose, kFirstPerson + person);
        if (!request.ok()) return request.status();
        return std::optional<v1::EnrollRequest>(*std::move(request));
      };
      plan.answered = [&](const v1::BatchEnrollResponse& answer) -> absl::Status {
        if (!answer.has_enrolled()) return absl::InternalError(answer.refused().message());
        const uint64_t count = ++done;
        if (count % 1000 == 0) report.Progress(absl::StrCat("identify: enrolled ", count));
        return absl::OkStatus();
      };
      plan.progress = [](const client::BatchCount&) {};
      failures[s] = client::EnrollBatch(*stub, plan).status();
    });
  }
  for (std::thread& stream : streams) stream.join();
  for (const absl::Status& failure : failures) {
    if (!failure.ok()) return failure;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status IdentifyRows(BenchVault& vault, Report& report) {
  if (!report.Wants(kIdentify)) return absl::OkStatus();
  const absl::Status registered = vault.RegisterPurpose(kPurpose);
  if (!registered.ok()) return registered;
  const auto filling = std::chrono::steady_clock::now();
  const absl::Status filled = Fill(vault, report);
  if (!filled.ok()) return filled;
  const double fill_seconds = SecondsSince(filling);
  const absl::StatusOr<std::string> kase = vault.OpenCase(kPurpose);
  if (!kase.ok()) return kase.status();
  const auto channel = vault.Connect(kOfficer);
  if (!channel.ok()) return channel.status();
  const auto stub = v1::SearchService::NewStub(*channel);

  uint64_t person = 0;
  std::vector<v1::IdentifyRequest> requests;
  const auto prepare = [&](size_t count) {
    requests.clear();
    for (size_t i = 0; i < count; ++i) {
      v1::IdentifyRequest& request = requests.emplace_back();
      request.set_request_id(client::NewRequestId());
      request.set_case_(*kase);
      request.set_purpose(absl::StrCat("purposes/", kPurpose));
      *request.mutable_probe() = vault.Face(kFirstPerson + person++ % kGallery, 1);
      *request.mutable_captured_at() = client::ToTimestamp(client::Now() - 3600);
      request.set_evidence_id("photo-1");
    }
  };
  size_t found = 0;
  const auto search = [&]() -> absl::StatusOr<Load> {
    size_t next = 0;
    return RunLoad(1, std::numeric_limits<int32_t>::max(), [&](int) -> absl::Status {
      if (next == requests.size()) return absl::OutOfRangeError("all searched");
      grpc::ClientContext context;
      v1::IdentifyResponse response;
      const absl::Status status =
          client::FromServer(stub->Identify(&context, requests[next++], &response));
      if (response.result() == v1::SEARCH_RESULT_MATCH) ++found;
      return status;
    });
  };

  report.Progress("identify: loading the gallery");
  const auto loading = std::chrono::steady_clock::now();
  prepare(1);
  const absl::Status loaded = search().status();
  if (!loaded.ok()) return loaded;
  const double load_seconds = SecondsSince(loading);

  found = 0;
  std::vector<double> medians;
  std::vector<double> latencies;
  for (int i = 0; i < report.plan().samples; ++i) {
    report.Progress(absl::StrCat("identify: sample ", i + 1, " of ", report.plan().samples));
    prepare(kSearchesPerSample);
    const absl::StatusOr<Load> load = search();
    if (!load.ok()) return load.status();
    medians.push_back(Quantile(load->latencies_ms, 0.5));
    latencies.insert(latencies.end(), load->latencies_ms.begin(), load->latencies_ms.end());
  }
  report.Add(kIdentify, medians, latencies);
  report.Note(absl::StrCat("identify: ", kGallery, " people enrolled over ", kStreams,
                           " streams in ", static_cast<int64_t>(fill_seconds),
                           " s, their statements signed in that time; loaded in ",
                           static_cast<int64_t>(load_seconds + 0.5), " s; ", found, " of ",
                           latencies.size(), " searches found their person"));
  return absl::OkStatus();
}

}  // namespace kluis::bench
