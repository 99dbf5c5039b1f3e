// SPDX-License-Identifier: Apache-2.0
// What forgetting costs with much forgotten already, and what a vault with many templates takes to
// be unsealed.
#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/failure.h"
#include "crypto/keyring.h"
#include "kluis/v1/enrollment_service.grpc.pb.h"
#include "kluis/v1/subject_service.grpc.pb.h"
#include "tests/bench/load.h"
#include "tests/bench/rows.h"

namespace kluis::bench {
namespace {

constexpr Figure kWithdrawOne = {"withdraw_p50_ms", "ms", 20, false};
constexpr Figure kWithdrawMany = {"withdraw_per_s", "1/s", 500, true};
constexpr Figure kUnseal = {"unseal_1m_s", "s", 3, false};
constexpr char kPurpose[] = "bench-erasure";
constexpr uint64_t kTemplates = 1'000'000;
constexpr uint32_t kPunctures = 100'000;
constexpr uint32_t kFirstPunctured = 1'000'000;  // not handed out in this bench
constexpr size_t kRound = 1000;                  // slots punctured together while preparing
constexpr uint64_t kOnePerSample = 100;          // withdrawals
constexpr uint64_t kManyPerSample = 2000;        // withdrawals

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A keyring in two places with that many punctures, before the vault opens it.
absl::Status MakeKeyring(service::Config& config) {
  const std::string second =
      absl::StrCat(std::filesystem::path(config.keys.keyring).parent_path().string(), "/second");
  config.keys.replicas = {{second, second + ".key"}};
  const std::vector<crypto::KeyringPaths> paths = {{config.keys.keyring, config.keys.root_key},
                                                   {second, second + ".key"}};
  auto keyring = crypto::Keyring::Create(crypto::PlacesOf(paths));
  if (!keyring.ok()) return keyring.status();
  std::mt19937_64 random(1);
  std::vector<bool> named(10 * kPunctures);
  for (uint32_t done = 0; done < kPunctures;) {
    std::vector<uint32_t> slots;
    while (slots.size() < kRound) {
      const size_t at = random() % named.size();
      if (named[at]) continue;
      named[at] = true;
      slots.push_back(kFirstPunctured + static_cast<uint32_t>(at));
    }
    const absl::Status punctured = (*keyring)->Puncture(slots);
    if (!punctured.ok()) return punctured;
    done += kRound;
  }
  return absl::OkStatus();
}

// People who enrol and then withdraw, each once.
class Leavers {
 public:
  explicit Leavers(BenchVault& vault) : vault_(vault) {}

  absl::Status Connect() {
    auto desks = vault_.ConnectClients(kRegistrar);
    if (!desks.ok()) return desks.status();
    for (const auto& desk : *desks) desks_.push_back(v1::EnrollmentService::NewStub(desk));
    auto portals = vault_.ConnectClients(kPortal, kManyClients);
    if (!portals.ok()) return portals.status();
    for (const auto& portal : *portals) portals_.push_back(v1::SubjectService::NewStub(portal));
    return absl::OkStatus();
  }

  // Withdrawals of `count` people on `clients` threads; their enrolments are not in the time.
  absl::StatusOr<Load> Run(int clients, uint64_t count) {
    const auto enrollments = vault_.Enrollments(kPurpose, next_person_, count);
    if (!enrollments.ok()) return enrollments.status();
    std::vector<v1::WithdrawConsentRequest> withdrawals;
    for (uint64_t i = 0; i < count; ++i) {
      auto request = vault_.Withdrawal(kPurpose, next_person_ + i);
      if (!request.ok()) return request.status();
      withdrawals.push_back(*std::move(request));
    }
    next_person_ += count;
    std::atomic<size_t> next = 0;
    const auto enrolled = RunLoad(kClients, 600, [&](int client) {
      const size_t i = next++;
      if (i >= enrollments->size()) return absl::OutOfRangeError("all enrolled");
      grpc::ClientContext context;
      v1::EnrollResponse response;
      return client::FromServer(
          desks_[static_cast<size_t>(client)]->Enroll(&context, (*enrollments)[i], &response));
    });
    if (!enrolled.ok()) return enrolled.status();
    next = 0;
    return RunLoad(clients, 600, [&](int client) {
      const size_t i = next++;
      if (i >= withdrawals.size()) return absl::OutOfRangeError("all gone");
      grpc::ClientContext context;
      v1::WithdrawConsentResponse response;
      return client::FromServer(portals_[static_cast<size_t>(client)]->WithdrawConsent(
          &context, withdrawals[i], &response));
    });
  }

 private:
  BenchVault& vault_;
  uint64_t next_person_ = 0;
  std::vector<std::unique_ptr<v1::EnrollmentService::Stub>> desks_;
  std::vector<std::unique_ptr<v1::SubjectService::Stub>> portals_;
};

absl::Status MeasureWithdrawals(BenchVault& vault, Report& report) {
  Leavers leavers(vault);
  const absl::Status connected = leavers.Connect();
  if (!connected.ok()) return connected;

  std::vector<double> medians;
  std::vector<double> latencies;
  std::vector<double> rates;
  for (int i = 0; i < report.plan().samples; ++i) {
    report.Progress(absl::StrCat("withdraw: sample ", i + 1, " of ", report.plan().samples));
    const absl::StatusOr<Load> one = leavers.Run(1, kOnePerSample);
    if (!one.ok()) return one.status();
    medians.push_back(Quantile(one->latencies_ms, 0.5));
    latencies.insert(latencies.end(), one->latencies_ms.begin(), one->latencies_ms.end());
    const absl::StatusOr<Load> many = leavers.Run(kManyClients, kManyPerSample);
    if (!many.ok()) return many.status();
    rates.push_back(many->per_second);
  }
  report.Add(kWithdrawOne, medians, latencies);
  report.Add(kWithdrawMany, rates);
  report.Note(absl::StrCat("withdraw: keyring in two places, ", kPunctures, " punctures before; ",
                           kManyClients, " clients for withdraw_per_s"));
  return absl::OkStatus();
}

// Sealed by an operator and unsealed again; and, beside it, a whole start on the same files.
absl::Status MeasureUnseal(BenchVault& vault, Report& report) {
  report.Progress("unseal: enrolling 1,000,000");
  const absl::Status filled = vault.FillState(kPurpose, kTemplates);
  if (!filled.ok()) return filled;
  std::vector<double> times;
  for (int i = 0; i < report.plan().samples; ++i) {
    report.Progress(absl::StrCat("unseal: sample ", i + 1, " of ", report.plan().samples));
    service::Act act;
    act.kind = v1::LOG_KIND_UPKEEP;
    act.command.set_method("SealVault");
    act.command.mutable_caller()->set_role(v1::ROLE_OPERATOR);
    act.command.mutable_caller()->set_name("operator");  // of the founding
    const absl::Status sealed = vault.daemon().vault().Seal(std::move(act)).status();
    if (!sealed.ok()) return sealed;
    const auto start = std::chrono::steady_clock::now();
    const absl::Status unsealed = vault.daemon().vault().Unseal().status();
    if (!unsealed.ok()) return unsealed;
    times.push_back(SecondsSince(start));
  }
  report.Add(kUnseal, times);
  const auto start = std::chrono::steady_clock::now();
  const absl::Status restarted = vault.Restart();
  if (!restarted.ok()) return restarted;
  report.Note(
      absl::StrCat("unseal: a stop and a whole start, with every record of the state read "
                   "and compared with the log, took ",
                   SecondsSince(start), " s"));
  return absl::OkStatus();
}

}  // namespace

absl::Status ErasureRows(const std::string& directory, Report& report) {
  const bool withdraw = report.Wants(kWithdrawOne) || report.Wants(kWithdrawMany);
  if (!withdraw && !report.Wants(kUnseal)) return absl::OkStatus();
  report.Progress("erasure: preparing a keyring with 100,000 punctures");
  std::filesystem::create_directory(directory);
  auto vault = BenchVault::Start(directory, MakeKeyring);
  if (!vault.ok()) return vault.status();
  const absl::Status registered = (*vault)->RegisterPurpose(kPurpose);
  if (!registered.ok()) return registered;
  if (withdraw) {
    const absl::Status measured = MeasureWithdrawals(**vault, report);
    if (!measured.ok()) return measured;
  }
  return report.Wants(kUnseal) ? MeasureUnseal(**vault, report) : absl::OkStatus();
}

}  // namespace kluis::bench
