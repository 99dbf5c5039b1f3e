// SPDX-License-Identifier: Apache-2.0
// A vault whose disk is really full: what takes something back goes on, the rest is refused with
// one reason, and everything comes back by itself. And one whose database failed: it is opened
// again.
#include <signal.h>
#include <sys/resource.h>

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/fakes/kept_vault.h"
#include "tests/fakes/scratch_directory.h"
#include "tests/fakes/small_file_system.h"

namespace kluis::disk_full_test {
namespace {

constexpr char kAuditUnavailable[] = "AUDIT_UNAVAILABLE";

std::vector<Person> EnrolSome(const TestWorld& vault, size_t count) {
  std::vector<Person> people;
  for (size_t i = 0; i < count; ++i) {
    people.push_back(vault.NewPerson());
    Must(vault.Enroll(people.back()), "enroll");
  }
  return people;
}

// The log is whole, and it makes the state that the database holds.
void ExpectSound(TestWorld& vault) {
  vault.ExpectLogVerifies();
  EXPECT_TRUE(vault.CheckVault().consistent());
}

bool IsTakenBackOrUpkeep(const v1::Command& act) {
  return act.has_withdraw() || act.has_erase_done() || act.has_access() ||
         act.has_close_checkpoint() || act.has_stop() || act.has_close_case();
}

TEST(DiskFull, StopsEnrolmentsAndSearchesButNoWithdrawal) {
  TestWorld::Pki();  // not on the disk that is filled
  SmallFileSystem disk(/*mib=*/192);
  if (!disk.why_not().empty()) GTEST_SKIP() << disk.why_not();
  KeptVault vault(disk.path());
  const std::vector<Person> people = EnrolSome(vault, 60);
  const std::string name = vault.ActiveCase();
  ASSERT_TRUE(vault.Identify(name, vault.Face(people[0])).ok());

  disk.Fill();
  ASSERT_TRUE(disk.filled());
  ASSERT_TRUE(
      Eventually([&] { return vault.Enroll(vault.NewPerson()).reason == kAuditUnavailable; }));
  const uint64_t size = vault.vault().ledger().size();
  EXPECT_EQ(vault.Enroll(vault.NewPerson()).status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(vault.Identify(name, vault.Face(people[0])).reason, kAuditUnavailable);
  EXPECT_EQ(vault.OpenCase().reason, kAuditUnavailable);
  // A request that deserves an entry for its form alone gets none either.
  EXPECT_EQ(vault.Identify(name, vault.Face(people[0]), "registrar/desk").reason,
            kAuditUnavailable);

  for (size_t i = 0; i < 40; ++i) {
    const auto withdrawn = vault.Withdraw(people[i]);
    ASSERT_TRUE(withdrawn.ok()) << i << ": " << withdrawn.status.error_message();
    EXPECT_EQ(withdrawn->erasure().keyring_commitment().size(), 32u);
  }
  // The reserve that was given back is room enough to rewrite the files of a small vault.
  EXPECT_TRUE(Eventually([&] { return vault.Status().pending_erasures() == 0; }));
  EXPECT_TRUE(vault.Holdings(people[50]).ok());
  EXPECT_TRUE(vault.Stop().ok());
  EXPECT_TRUE(vault.Close(name).ok());
  EXPECT_EQ(vault.Entries(0, 3).size(), 3u);
  for (const std::string& bytes : vault.Entries(size)) {
    v1::Entry entry;
    ASSERT_TRUE(entry.ParseFromString(bytes));
    EXPECT_TRUE(IsTakenBackOrUpkeep(entry.command())) << entry.command().method();
  }

  disk.Empty();
  const std::vector<std::string> supervisors = {"supervisor/one", "supervisor/two"};
  ASSERT_TRUE(Eventually([&] { return vault.Lift(supervisors).ok(); }));
  EXPECT_TRUE(vault.Enroll(vault.NewPerson()).ok());
  ASSERT_TRUE(vault.Keep().ok());
  EXPECT_EQ(vault.reopened(), 0) << "the database must not have failed at all";
  ExpectSound(vault);

  vault.EndProcess();
  ASSERT_TRUE(vault.StartProcess().ok());
  const std::string later = vault.ActiveCase();
  EXPECT_EQ(Must(vault.Identify(later, vault.Face(people[50])), "identify").candidates_size(), 1);
  for (const size_t withdrawn : {size_t{0}, size_t{39}}) {
    EXPECT_EQ(
        Must(vault.Identify(later, vault.Face(people[withdrawn])), "identify").candidates_size(),
        0);
  }
}

TEST(DiskFull, OpensOnAFullDiskForWithdrawals) {
  TestWorld::Pki();
  SmallFileSystem disk(/*mib=*/192);
  if (!disk.why_not().empty()) GTEST_SKIP() << disk.why_not();
  KeptVault vault(disk.path());
  const std::vector<Person> people = EnrolSome(vault, 5);
  vault.EndProcess();
  disk.Fill();
  ASSERT_TRUE(disk.filled());
  ASSERT_TRUE(vault.StartProcess().ok());
  EXPECT_TRUE(vault.Withdraw(people[0]).ok());
  EXPECT_EQ(vault.Enroll(vault.NewPerson()).reason, kAuditUnavailable);
  disk.Empty();
  ASSERT_TRUE(Eventually([&] { return vault.Enroll(vault.NewPerson()).ok(); }));
  EXPECT_TRUE(vault.Withdraw(people[1]).ok());
  ExpectSound(vault);
}

// Until it is gone, no file of this process can grow beyond a page.
class NoFileGrows {
 public:
  NoFileGrows() {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit page = before_;
    page.rlim_cur = 4096;
    setrlimit(RLIMIT_FSIZE, &page);
  }
  ~NoFileGrows() { setrlimit(RLIMIT_FSIZE, &before_); }
  NoFileGrows(const NoFileGrows&) = delete;
  NoFileGrows& operator=(const NoFileGrows&) = delete;

 private:
  rlimit before_{};
};

TEST(FailedDatabase, IsOpenedAgainOnceItCanBeWritten) {
  const ScratchDirectory scratch;
  KeptVault vault(scratch.path());
  const std::vector<Person> people = EnrolSome(vault, 5);
  const std::string name = vault.ActiveCase();
  const audit::Checkpoint before = vault.Checkpoint();
  ASSERT_TRUE(vault.Keep().ok());
  EXPECT_EQ(vault.reopened(), 0) << "nothing failed yet";

  {
    const NoFileGrows no_file_grows;
    for (int i = 0; i < 50 && vault.vault().database().status().ok(); ++i) {
      vault.Enroll(vault.NewPerson()).ok();
    }
    ASSERT_FALSE(vault.vault().database().status().ok());
    EXPECT_EQ(vault.Withdraw(people[0]).status.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_FALSE(vault.Holdings(people[0]).ok());
    EXPECT_EQ(vault.Keep().code(), absl::StatusCode::kUnavailable) << "it cannot be opened yet";
    EXPECT_FALSE(vault.Holdings(people[0]).ok());
  }

  ASSERT_TRUE(vault.Keep().ok());
  EXPECT_EQ(vault.reopened(), 1);
  EXPECT_EQ(vault.port(), vault.first_port());
  EXPECT_TRUE(vault.Withdraw(people[0]).ok());
  EXPECT_TRUE(vault.Enroll(vault.NewPerson()).ok());
  EXPECT_TRUE(vault.Identify(name, vault.Face(people[1])).ok());
  EXPECT_GT(vault.Checkpoint().size, before.size);
  ASSERT_TRUE(vault.Keep().ok());
  EXPECT_EQ(vault.reopened(), 1);
  ExpectSound(vault);
}

}  // namespace
}  // namespace kluis::disk_full_test
