// SPDX-License-Identifier: Apache-2.0
// kluis_bench: what the vault's service does on this machine, over gRPC with mutual TLS and with
// every entry durable before its answer. It asserts nothing: times depend on the machine.

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>

#include "base/command_line.h"
#include "service/process/process.h"
#include "tests/bench/bench_vault.h"
#include "tests/bench/empty_rpc.h"
#include "tests/bench/report.h"
#include "tests/bench/rows.h"

namespace {

// A new directory on the disk that is measured, removed at the end.
class BenchDirectory {
 public:
  explicit BenchDirectory(const std::string& parent) {
    std::string name = parent + "/kluis-bench-XXXXXX";
    if (mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~BenchDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  BenchDirectory(const BenchDirectory&) = delete;
  BenchDirectory& operator=(const BenchDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

absl::Status Run(const std::string& directory, kluis::bench::Report& report) {
  auto vault = kluis::bench::BenchVault::Start(directory);
  if (!vault.ok()) return vault.status();
  absl::Status status = kluis::bench::EnrollRows(**vault, directory, report);
  if (status.ok()) status = kluis::bench::VerifyRows(**vault, report);
  if (status.ok()) status = kluis::bench::IdentifyRows(**vault, report);
  if (status.ok()) status = kluis::bench::GalleryRows(report);
  if (status.ok()) status = kluis::bench::KeyringRows(directory, report);
  if (status.ok()) status = kluis::bench::UnlinkabilityRows(report);
  if (status.ok()) status = kluis::bench::IdentifyRpcRows(directory + "/million", report);
  if (status.ok()) status = kluis::bench::ErasureRows(directory + "/erasure", report);
  if (status.ok()) status = kluis::bench::AuditRows(directory, report);
  if (status.ok()) status = kluis::bench::LogRows(**vault, directory, report);
  report.Progress("");
  if (status.ok() && report.empty())
    return absl::NotFoundError("FILTER: no figure has such a name");
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  kluis::service::TuneProcess();  // as kluisd does
  kluis::bench::ServeEmptyRpc();
  kluis::bench::Plan plan;
  std::string json;
  std::error_code unknown;
  std::string parent =
      std::filesystem::read_symlink("/proc/self/exe", unknown).parent_path().parent_path();
  kluis::base::CommandLine line("", "Measure the vault's service", "");
  kluis::base::Verb root = line.root();
  root.Text("filter", plan.filter, "Only figures whose name contains this").Called("FILTER");
  root.Text("--json", json, "Also write the figures here").Called("FILE");
  root.Number("--seconds", plan.seconds, "Length of one sample")
      .BetweenNumbers(0.1, 600.0)
      .ShowingDefault();
  root.Count("--samples", plan.samples, "Samples of each figure").Between(1, 1000).ShowingDefault();
  root.Text("--dir", parent, "Measure the disk of this directory").Called("DIR").ShowingDefault();
  const std::optional<int> ended = line.Read(argc, argv, std::cout, std::cerr);
  if (ended.has_value()) return *ended;

  const BenchDirectory directory(parent);
  if (directory.path().empty()) {
    std::fprintf(stderr, "kluis_bench: --dir: cannot make a directory in %s\n", parent.c_str());
    return 1;
  }
  kluis::bench::Report report(plan);
  absl::Status status = Run(directory.path(), report);
  if (status.ok()) std::fputs(report.Table().c_str(), stdout);
  if (status.ok() && !json.empty()) status = report.WriteJson(json);
  if (status.ok()) return 0;
  std::fprintf(stderr, "kluis_bench: %s\n", std::string(status.message()).c_str());
  return 1;
}
