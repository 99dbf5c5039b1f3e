// SPDX-License-Identifier: Apache-2.0
// A search from the officer's side: one Identify over mutual TLS, with two durable entries, in the
// gallery of a vault with a million people.
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/draft.h"
#include "client/failure.h"
#include "kluis/v1/search_service.grpc.pb.h"
#include "tests/bench/load.h"
#include "tests/bench/rows.h"

namespace kluis::bench {
namespace {

constexpr Figure kInMemory = {"identify_rpc_1m_ms", "ms", 15, false};
constexpr Figure kOnDisk = {"identify_rpc_1m_disk_ms", "ms", 50, false};
constexpr Figure kLoad = {"gallery_load_per_s", "1/s", 300'000, true};
constexpr char kPurpose[] = "bench-million";
constexpr uint64_t kPeople = 1'000'000;
constexpr size_t kSearchesPerSample = 40;

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Waits for the load that has begun.
absl::Status AwaitGallery(BenchVault& vault, const Report& report) {
  while (true) {
    const v1::GalleryLoad load = vault.daemon().vault().galleries().LoadOf(kPurpose);
    if (load.state() == v1::GALLERY_STATE_READY) return absl::OkStatus();
    if (load.state() != v1::GALLERY_STATE_LOADING) return absl::InternalError("load: failed");
    report.Progress(absl::StrCat("identify rpc: loaded ", load.loaded()));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

absl::Status Search(BenchVault& vault, const std::string& kase, const Figure& figure,
                    Report& report) {
  const auto channel = vault.Connect(kOfficer);
  if (!channel.ok()) return channel.status();
  const auto stub = v1::SearchService::NewStub(*channel);
  uint64_t person = 17;
  size_t found = 0;
  std::vector<double> medians;
  std::vector<double> latencies;
  for (int sample = 0; sample < report.plan().samples; ++sample) {
    report.Progress(absl::StrCat(std::string(figure.name), ": sample ", sample + 1));
    std::vector<v1::IdentifyRequest> requests(kSearchesPerSample);
    for (v1::IdentifyRequest& request : requests) {
      request.set_request_id(client::NewRequestId());
      request.set_case_(kase);
      request.set_purpose(absl::StrCat("purposes/", kPurpose));
      *request.mutable_probe() = vault.Face(person, 1);
      person = (person + 7919) % kPeople;
      *request.mutable_captured_at() = client::ToTimestamp(client::Now() - 3600);
      request.set_evidence_id("photo-1");
    }
    size_t next = 0;
    const absl::StatusOr<Load> load = RunLoad(1, 600, [&](int) -> absl::Status {
      if (next == requests.size()) return absl::OutOfRangeError("all searched");
      grpc::ClientContext context;
      v1::IdentifyResponse response;
      const absl::Status status =
          client::FromServer(stub->Identify(&context, requests[next++], &response));
      if (response.result() == v1::SEARCH_RESULT_MATCH) ++found;
      return status;
    });
    if (!load.ok()) return load.status();
    medians.push_back(Quantile(load->latencies_ms, 0.5));
    latencies.insert(latencies.end(), load->latencies_ms.begin(), load->latencies_ms.end());
  }
  report.Add(figure, medians, latencies);
  const std::vector<service::Galleries::Status> galleries =
      vault.daemon().vault().galleries().All();
  if (galleries.size() != 1) return absl::InternalError("gallery: not there");
  report.Note(absl::StrCat(std::string(figure.name), ": ", found, " of ", latencies.size(),
                           " searches found their person; ", galleries[0].scans.survivors,
                           " survivors each; ", galleries[0].bytes_per_template(),
                           " bytes a template; p99 ", Quantile(latencies, 0.99), " ms"));
  return absl::OkStatus();
}

}  // namespace

absl::Status IdentifyRpcRows(const std::string& directory, Report& report) {
  const bool searches = report.Wants(kInMemory) || report.Wants(kOnDisk);
  if (!searches && !report.Wants(kLoad)) return absl::OkStatus();
  std::filesystem::create_directory(directory);
  auto vault = BenchVault::Start(directory);
  if (!vault.ok()) return vault.status();
  absl::Status status = (*vault)->RegisterPurpose(kPurpose);
  if (!status.ok()) return status;
  report.Progress("identify rpc: enrolling 1,000,000");
  status = (*vault)->FillState(kPurpose, kPeople, /*with_rows=*/true);
  // What was just written would still be compacted beside the load.
  for (const storage::Column column : {storage::Column::kState, storage::Column::kSealed}) {
    if (!status.ok()) return status;
    status = (*vault)->daemon().vault().database().Compact(column, "", "");
  }
  if (!status.ok()) return status;

  std::vector<double> rates;
  absl::StatusOr<std::string> kase;
  for (int sample = 0; sample < (report.Wants(kLoad) ? report.plan().samples : 1); ++sample) {
    if (sample > 0) status = (*vault)->CloseCase(*kase);  // its gallery goes with it
    if (!status.ok()) return status;
    const auto start = std::chrono::steady_clock::now();
    kase = (*vault)->OpenCase(kPurpose);
    if (!kase.ok()) return kase.status();
    status = AwaitGallery(**vault, report);
    if (!status.ok()) return status;
    rates.push_back(kPeople / SecondsSince(start));
  }
  report.Add(kLoad, rates);
  if (report.Wants(kInMemory)) status = Search(**vault, *kase, kInMemory, report);
  if (!status.ok() || !report.Wants(kOnDisk)) return status;

  (*vault)->config().gallery.refine = service::kRefineOnDisk;
  status = (*vault)->Restart();
  if (!status.ok()) return status;
  const auto start = std::chrono::steady_clock::now();
  status = AwaitGallery(**vault, report);
  if (!status.ok()) return status;
  report.Note(absl::StrCat("identify rpc: loaded again after a start, templates on disk, in ",
                           SecondsSince(start), " s"));
  return Search(**vault, *kase, kOnDisk, report);
}

}  // namespace kluis::bench
