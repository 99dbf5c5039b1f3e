// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/keyring.h"
#include "tests/bench/rows.h"

namespace kluis::bench {
namespace {

constexpr Figure kDerive = {"derive_1m_s", "s", 2, false};
constexpr Figure kBytes = {"keyring_bytes_per_puncture", "B", 250, false};
constexpr Figure kPuncture = {"puncture_100k_ms", "ms", 10, false};
constexpr uint32_t kSlots = 1'000'000;
constexpr size_t kManyPunctures = 20'000;
constexpr size_t kMostPunctures = 100'000;
constexpr size_t kRound = 64;  // slots punctured together, as when 64 clients withdraw
constexpr int kSinglePunctures = 200;

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Random slots among those handed out, until `count` are punctured.
class RandomPunctures {
 public:
  explicit RandomPunctures(crypto::Keyring& keyring) : keyring_(keyring) {}

  absl::Status UpTo(size_t count, size_t round) {
    while (punctured_ < count) {
      std::vector<uint32_t> slots;
      while (slots.size() < round && punctured_ + slots.size() < count) slots.push_back(Next());
      const absl::Status done = keyring_.Puncture(slots);
      if (!done.ok()) return done;
      punctured_ += slots.size();
    }
    return absl::OkStatus();
  }

  // A slot not named before.
  uint32_t Next() {
    for (;;) {
      const auto slot = static_cast<uint32_t>(random_() % kSlots);
      if (named_[slot]) continue;
      named_[slot] = true;
      return slot;
    }
  }

 private:
  crypto::Keyring& keyring_;
  std::mt19937_64 random_{1};
  std::vector<bool> named_ = std::vector<bool>(kSlots);
  size_t punctured_ = 0;
};

absl::Status MeasureDerive(const crypto::Keyring& keyring, Report& report) {
  std::vector<double> times;
  for (int i = 0; i < report.plan().samples; ++i) {
    report.Progress(absl::StrCat("derive: sample ", i + 1, " of ", report.plan().samples));
    uint64_t keys = 0;
    const auto start = std::chrono::steady_clock::now();
    const absl::Status done = keyring.Derive(
        0, kSlots,
        [&](uint32_t, const crypto::SecretKey32& key) { keys += key.Expose().size() / 32; });
    if (!done.ok()) return done;
    times.push_back(SecondsSince(start));
    if (keys != kSlots) return absl::InternalError("derive: not every slot has a key");
  }
  report.Add(kDerive, times);
  return absl::OkStatus();
}

// One by one: what a single withdrawal waits for.
absl::Status MeasurePuncture(crypto::Keyring& keyring, RandomPunctures& punctures, Report& report) {
  std::vector<double> times;
  for (int i = 0; i < kSinglePunctures; ++i) {
    const uint32_t slot = punctures.Next();
    const auto start = std::chrono::steady_clock::now();
    const absl::Status done = keyring.Puncture({&slot, 1});
    if (!done.ok()) return done;
    times.push_back(SecondsSince(start) * 1000);
  }
  report.Add(kPuncture, times);
  return absl::OkStatus();
}

double BytesIn(const std::string& directory) {
  double bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    bytes += static_cast<double>(file.file_size());
  }
  return bytes;
}

}  // namespace

absl::Status KeyringRows(const std::string& directory, Report& report) {
  if (!report.Wants(kDerive) && !report.Wants(kBytes) && !report.Wants(kPuncture)) {
    return absl::OkStatus();
  }
  std::vector<crypto::KeyringPaths> paths;
  for (const char* const place : {"/keyring-a", "/keyring-b"}) {
    std::filesystem::create_directories(directory + place);
    paths.push_back({directory + place + "/ring", directory + place + "/root"});
  }
  auto created = crypto::Keyring::Create(crypto::PlacesOf(paths));
  if (!created.ok()) return created.status();
  crypto::Keyring& keyring = **created;
  if (report.Wants(kDerive)) {
    const absl::Status measured = MeasureDerive(keyring, report);
    if (!measured.ok()) return measured;
  }
  if (!report.Wants(kBytes) && !report.Wants(kPuncture)) return absl::OkStatus();

  RandomPunctures punctures(keyring);
  report.Progress("keyring: puncturing");
  absl::Status status = punctures.UpTo(kManyPunctures, kRound);
  if (!status.ok()) return status;
  report.Add(kBytes, {BytesIn(directory + "/keyring-a") / kManyPunctures});
  if (!report.Wants(kPuncture)) return absl::OkStatus();

  const auto start = std::chrono::steady_clock::now();
  status = punctures.UpTo(kMostPunctures, kRound);
  if (!status.ok()) return status;
  report.Note(absl::StrCat("keyring: two places; ", kRound, " slots punctured together took ",
                           SecondsSince(start) * 1000 * kRound / (kMostPunctures - kManyPunctures),
                           " ms on average; ", keyring.cover_size(), " nodes after ",
                           kMostPunctures, " punctures"));
  return MeasurePuncture(keyring, punctures, report);
}

}  // namespace kluis::bench
