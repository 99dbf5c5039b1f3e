// SPDX-License-Identifier: Apache-2.0
// The real kluisd, killed after withdrawals were answered and before their files were rewritten.
// The next start rewrites them and says so in the log before it serves. KLUIS_CRASHES (10): how
// often.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/id.h"
#include "gtest/gtest.h"
#include "tests/fakes/erased_rows.h"
#include "tests/fakes/kept_vault.h"
#include "tests/fakes/kluisd_process.h"
#include "tests/fakes/scratch_directory.h"
#include "tests/fakes/test_world.h"

namespace kluis::erasure_crash_test {
namespace {

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

// Index of the last entry of this act; none: a failed expectation.
uint64_t LastOf(const std::vector<std::string>& entries, v1::Command::ActCase act) {
  for (uint64_t index = entries.size(); index > 0; --index) {
    v1::Entry entry;
    EXPECT_TRUE(entry.ParseFromString(entries[index - 1]));
    if (entry.command().act_case() == act) return index - 1;
  }
  ADD_FAILURE() << "no such entry";
  return 0;
}

TEST(ErasureCrash, IsConcludedByTheNextStartBeforeItServes) {
  const service::SystemClock clock;
  TestWorld vault(clock);
  const ScratchDirectory scratch;
  const std::string data = scratch.path() + "/data";
  vault.WriteFounding(scratch.path());
  const std::string config = WriteConfig(scratch.path());
  std::unique_ptr<KluisdProcess> kluisd;
  const auto start = [&] {
    kluisd =
        std::make_unique<KluisdProcess>(KLUISD_BINARY, config, scratch.path() + "/kluisd.errors");
    vault.Connect(kluisd->port());
  };
  start();
  vault.SetUp();

  int cut_off = 0;
  for (int crash = 0; crash < Crashes(); ++crash) {
    SCOPED_TRACE(crash);
    const Person first = vault.NewPerson();
    const Person second = vault.NewPerson();
    Must(vault.Enroll(first), "enrol");
    const auto enrolled = Must(vault.Enroll(second), "enrol");
    kluisd->Kill();
    std::string row;
    {
      const auto database = storage::Database::Open({data, false, nullptr});
      ASSERT_TRUE(database.ok()) << database.status();
      row = SealedBytes(**database, storage::Column::kSealed,
                        storage::TemplateKey(LastId(enrolled.template_record())));
    }
    start();
    // After the first one's compaction the concluder rests, so the kill comes before the second's.
    Must(vault.Withdraw(first), "withdraw");
    ASSERT_TRUE(Eventually([&] { return vault.Status().pending_erasures() == 0; }));
    const auto answer = Must(vault.Withdraw(second), "withdraw");
    kluisd->Kill();
    if (InAnyFile(data, row)) ++cut_off;

    start();
    EXPECT_EQ(vault.Status().pending_erasures(), 0u);
    EXPECT_FALSE(InAnyFile(data, row));
    const std::vector<std::string> entries = vault.Entries();
    const uint64_t done = LastOf(entries, v1::Command::kEraseDone);
    EXPECT_GT(done, answer.erasure().started().log_index());
    v1::Entry entry;
    ASSERT_TRUE(entry.ParseFromString(entries[done]));
    EXPECT_EQ(*base::IdFromBytes(entry.command().erase_done().id()),
              LastId(enrolled.template_record()));
    const auto held = Must(vault.Holdings(second), "holdings");
    EXPECT_EQ(held.holdings(0).state(), v1::TEMPLATE_STATE_ERASED);
    const v1::CheckVaultResponse check = vault.CheckVault();
    EXPECT_TRUE(check.consistent()) << check.first_difference();
    if (HasFatalFailure() || HasNonfatalFailure()) break;
  }
  EXPECT_GT(cut_off, 0) << "no kill came before the files were rewritten";
  vault.ExpectLogVerifies();
  std::printf("crashes: %d, before the files were rewritten: %d\n", Crashes(), cut_off);
}

}  // namespace
}  // namespace kluis::erasure_crash_test
