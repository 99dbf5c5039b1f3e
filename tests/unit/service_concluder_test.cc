// SPDX-License-Identifier: Apache-2.0
// Erasures whose files cannot be rewritten, because the disk has no room for it.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "policy/record_key.h"
#include "rocksdb/file_system.h"
#include "service/upkeep/concluder.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::service::concluder_test {
namespace {

using storage::Column;

// The real file system, but for what it says is free.
class SaysWhatIsFree final : public rocksdb::FileSystemWrapper {
 public:
  SaysWhatIsFree() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "SaysWhatIsFree"; }
  rocksdb::IOStatus GetFreeSpace(const std::string&, const rocksdb::IOOptions&, std::uint64_t* free,
                                 rocksdb::IODebugContext*) override {
    *free = free_;
    return rocksdb::IOStatus::OK();
  }
  void SetFree(std::uint64_t bytes) { free_ = bytes; }

 private:
  std::atomic<std::uint64_t> free_ = std::uint64_t{1} << 40;
};

class ConcluderWithoutRoom : public testing::Test {
 protected:
  ConcluderWithoutRoom() {
    database_ = *storage::Database::Open({scratch_.path() + "/db", true, disk_});
    keyring_ =
        *crypto::Keyring::Create({scratch_.path() + "/keyring", scratch_.path() + "/root.key"});
    erasure_.set_target(v1::ERASURE_TARGET_TRANSFORM);
    erasure_.set_id(std::string(16, '\1'));
    erasure_.set_slot(1);
    storage::Batch batch;
    batch.Put(Column::kState, policy::key::PendingErasure(erasure_.target(), erasure_.id()),
              erasure_.SerializeAsString());
    batch.Put(Column::kSealed, "row", "sealed");
    batch.Delete(Column::kSealed, "row");
    EXPECT_TRUE(database_->WriteSynced(std::move(batch)).ok());
    ledger_ = *Ledger::Open(*database_, clock_, std::string(32, 'd'));
    concluder_ = std::make_unique<Concluder>(*database_, *keyring_, *ledger_);
    disk_->SetFree(0);
    concluder_->Add({&erasure_, 1});
  }

  const ScratchDirectory scratch_;
  const FakeClock clock_{1'800'000'000};
  const std::shared_ptr<SaysWhatIsFree> disk_ = std::make_shared<SaysWhatIsFree>();
  v1::PendingErasure erasure_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<crypto::Keyring> keyring_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Concluder> concluder_;
};

TEST_F(ConcluderWithoutRoom, SaysSoAndMakesNoEntryUntilThereIsRoom) {
  EXPECT_EQ(concluder_->failure(), "");
  for (int i = 0; i < 2; ++i) {
    const absl::Status concluded = concluder_->Conclude();
    EXPECT_TRUE(absl::IsResourceExhausted(concluded)) << concluded;
    EXPECT_TRUE(Concluder::Waits(concluded));
  }
  EXPECT_EQ(concluder_->failure(),
            "erasures wait: storage: too little space to rewrite the tables");
  EXPECT_EQ(ledger_->size(), 0u);
  EXPECT_TRUE(database_->status().ok());

  concluder_->Add({&erasure_, 1});  // as a start after a recovery does
  disk_->SetFree(std::uint64_t{1} << 40);
  EXPECT_TRUE(concluder_->Conclude().ok());
  EXPECT_EQ(ledger_->size(), 1u);
  EXPECT_EQ(concluder_->failure(), "");
  EXPECT_TRUE(concluder_->Conclude().ok());
  EXPECT_EQ(ledger_->size(), 1u) << "an erasure is done once";
}

TEST_F(ConcluderWithoutRoom, GoesOnByItselfOnceThereIsRoom) {
  concluder_->Start();
  const auto wait_until = [](const auto& holds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!holds() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    return holds();
  };
  EXPECT_TRUE(wait_until([&] { return !concluder_->failure().empty(); }));
  EXPECT_EQ(ledger_->size(), 0u);
  disk_->SetFree(std::uint64_t{1} << 40);
  EXPECT_TRUE(wait_until([&] { return ledger_->size() == 1; }));
  concluder_->Stop();
  EXPECT_EQ(concluder_->failure(), "");
}

}  // namespace
}  // namespace kluis::service::concluder_test
