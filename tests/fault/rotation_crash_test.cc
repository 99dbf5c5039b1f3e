// SPDX-License-Identifier: Apache-2.0
// The real kluisd, killed at random moments while a purpose's transform is rotated. The next start
// ends the rotation before it serves: everybody is found as before, and no former slot is left.
// KLUIS_CRASHES (10): how often.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/fakes/kluisd_process.h"
#include "tests/fakes/scratch_directory.h"
#include "tests/fakes/test_world.h"

namespace kluis::rotation_crash_test {
namespace {

constexpr int kPeople = 400;

int Crashes() {
  const char* text = std::getenv("KLUIS_CRASHES");
  return text == nullptr ? 10 : std::max(1, std::atoi(text));
}

std::string WriteConfig(const std::string& place) {
  const std::string path = place + "/kluisd.toml";
  std::ofstream(path) << "[server]\nlisten = \"127.0.0.1:0\"\nca = \"" << TestWorld::Pki()
                      << "/ca.crt\"\ncert = \"" << TestWorld::Pki() << "/server.crt\"\nkey = \""
                      << TestWorld::Pki() << "/server.key\"\n[vault]\nsweep_seconds = 3600\n";
  return path;
}

v1::Purpose ThePurpose(const TestWorld& vault) {
  const auto listed = Must(vault.Call("auditor/one", &v1::SupervisionService::Stub::ListPurposes,
                                      v1::ListPurposesRequest()),
                           "purposes");
  return listed.purposes(0);
}

// How the log says that the rotations went.
struct Rotations {
  int ordered = 0;
  int renewed = 0;
  int finished = 0;
};

Rotations RotationsIn(const TestWorld& vault) {
  Rotations rotations;
  for (const std::string& bytes : vault.Entries()) {
    v1::Entry entry;
    EXPECT_TRUE(entry.ParseFromString(bytes));
    if (!entry.decision().allowed()) continue;
    rotations.ordered += entry.command().has_rotate_transform() ? 1 : 0;
    rotations.renewed += entry.command().has_renew_template() ? 1 : 0;
    rotations.finished += entry.command().has_finish_rotation() ? 1 : 0;
  }
  return rotations;
}

TEST(RotationCrash, IsMadeGoodByTheNextStart) {
  const service::SystemClock clock;
  TestWorld vault(clock, /*target_fpir=*/1e-9);
  const ScratchDirectory scratch;
  vault.WriteFounding(scratch.path());
  const std::string config = WriteConfig(scratch.path());
  const uint64_t seed = std::random_device()();
  std::printf("seed: %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  const auto start = [&] {
    auto process =
        std::make_unique<KluisdProcess>(KLUISD_BINARY, config, scratch.path() + "/kluisd.errors");
    vault.Connect(process->port());
    return process;
  };
  auto kluisd = start();
  vault.SetUp();
  std::vector<std::pair<uint64_t, std::string>> people;  // number and subject
  for (int i = 0; i < kPeople; ++i) {
    const Person person = vault.NewPerson();
    people.emplace_back(person.number, Must(vault.Enroll(person), "enrol").subject());
  }
  const std::string name = vault.ActiveCase(/*budget=*/10'000);

  int cut_off = 0;
  for (int crash = 0; crash < Crashes(); ++crash) {
    SCOPED_TRACE(crash);
    v1::RotateTransformRequest request;
    *request.mutable_order() = vault.RotationOrder(TestWorld::kPurpose);
    std::thread order([&] {
      const auto rotated =
          vault.Call("supervisor/one", &v1::SupervisionService::Stub::RotateTransform, request);
      cut_off += rotated.ok() ? 0 : 1;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 120));
    kluisd->Kill();
    order.join();

    kluisd = start();
    EXPECT_FALSE(ThePurpose(vault).rotating());
    EXPECT_EQ(vault.Status().pending_erasures(), 0u);
    const v1::CheckVaultResponse check = vault.CheckVault();
    EXPECT_TRUE(check.consistent()) << check.first_difference();
    vault.ExpectLogVerifies();
    for (size_t i = random() % 20; i < people.size(); i += 20) {
      const auto& [number, subject] = people[i];
      const auto verified = vault.Verify(subject, vault.Face(number));
      ASSERT_TRUE(verified.ok()) << verified.status.error_message();
      EXPECT_EQ(verified->result(), v1::SEARCH_RESULT_MATCH) << number;
    }
    const auto found = vault.Identify(name, vault.Face(people[0].first));
    ASSERT_TRUE(found.ok()) << found.status.error_message();
    EXPECT_EQ(found->result(), v1::SEARCH_RESULT_MATCH);
    if (HasFatalFailure() || HasNonfatalFailure()) break;
  }
  const Rotations rotations = RotationsIn(vault);
  EXPECT_EQ(rotations.finished, rotations.ordered);
  EXPECT_EQ(rotations.renewed, rotations.ordered * kPeople);
  std::printf("crashes: %d, cut off calls: %d, rotations ordered: %d\n", Crashes(), cut_off,
              rotations.ordered);
}

}  // namespace
}  // namespace kluis::rotation_crash_test
