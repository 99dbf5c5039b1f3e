// SPDX-License-Identifier: Apache-2.0
// The real kluisd, killed at random moments under load. After each restart everything that was
// acknowledged is there, nobody who withdrew is found, and the log extends what was signed before.
// The keyring, kept in two places, is looked at as the kill left it: no slot of an acknowledged
// withdrawal derives, and every other slot does.
// KLUIS_CRASHES (10): how often.
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "audit/proofs.h"
#include "crypto/keyring.h"
#include "gtest/gtest.h"
#include "tests/fakes/kluisd_process.h"
#include "tests/fakes/scratch_directory.h"
#include "tests/fakes/test_world.h"

namespace kluis::crash_test {
namespace {

constexpr size_t kThreads = 8;
constexpr uint32_t kBudget = 10'000;

int Crashes() {
  const char* text = std::getenv("KLUIS_CRASHES");
  return text == nullptr ? 10 : std::max(1, std::atoi(text));
}

std::string WriteConfig(const std::string& place) {
  const std::string path = place + "/kluisd.toml";
  std::ofstream(path) << "[server]\nlisten = \"127.0.0.1:0\"\nca = \"" << TestWorld::Pki()
                      << "/ca.crt\"\ncert = \"" << TestWorld::Pki() << "/server.crt\"\nkey = \""
                      << TestWorld::Pki() << "/server.key\"\n[vault]\nsweep_seconds = 1\n"
                      << "[keyring]\nreplicas = [\"second/keyring second/root.key\"]\n"
                      << "[limits]\nmember_rate = 1000000\nsubject_rate = 1000000\n"
                      << "[audit]\ncheckpoint_seconds = 1\n";
  std::filesystem::create_directory(place + "/second");
  std::filesystem::permissions(place + "/second", std::filesystem::perms::owner_all);
  return path;
}

// What callers were told, and what they asked for without hearing the answer.
class Told {
 public:
  // People who may still withdraw. The key of each has pages of its own, and a process has room for
  // so many mappings only (vm.max_map_count).
  static constexpr size_t kKept = 1000;

  void Enrolled(Person person, const v1::Receipt& receipt) {
    const std::lock_guard lock(mutex_);
    receipts_[receipt.log_index()] = receipt.leaf_hash();
    enrolled_.push_back(receipt.log_index());
    live_.push_back(std::move(person));
    if (live_.size() > kKept) live_.pop_front();
  }
  void Searched(const v1::IdentifyResponse& reply) {
    const std::lock_guard lock(mutex_);
    receipts_[reply.intent().log_index()] = reply.intent().leaf_hash();
    receipts_[reply.receipt().log_index()] = reply.receipt().leaf_hash();
  }
  void Withdrawn(const Person& person, const v1::ErasureReceipt& erasure) {
    const std::lock_guard lock(mutex_);
    receipts_[erasure.started().log_index()] = erasure.started().leaf_hash();
    ended_.push_back(erasure.started().log_index());
    withdrawn_.push_back(person.number);
  }
  // A withdrawal whose answer did not come.
  void Unsure(Person person) {
    const std::lock_guard lock(mutex_);
    unsure_.push_back(std::move(person));
  }
  std::optional<Person> TakeOne() {
    const std::lock_guard lock(mutex_);
    if (live_.size() < 4) return std::nullopt;
    std::optional<Person> person(std::move(live_.front()));
    live_.pop_front();
    return person;
  }

  std::map<uint64_t, std::string> receipts_;  // log index to leaf hash
  std::vector<uint64_t> enrolled_;            // log indices of acknowledged enrolments
  std::vector<uint64_t> ended_;               // and of acknowledged withdrawals
  std::deque<Person> live_;
  std::vector<uint64_t> withdrawn_;
  std::vector<Person> unsure_;
  size_t cut_off_ = 0;  // withdrawals whose answer never came, and how many of them happened
  size_t cut_off_but_done_ = 0;

 private:
  std::mutex mutex_;
};

// Enrols, searches and withdraws until a call fails.
void Load(const TestWorld& vault, const std::string& name, Told& told) {
  for (uint64_t step = 0;; ++step) {
    Person person = vault.NewPerson();
    const uint64_t number = person.number;
    const auto enrolled = vault.Enroll(person);
    if (!enrolled.ok()) return;
    told.Enrolled(std::move(person), enrolled->receipt());
    if (step % 4 == 0) {
      const auto found = vault.Identify(name, vault.Face(number));
      if (!found.ok()) return;
      told.Searched(found.value);
    }
    if (step % 2 == 0) continue;
    auto leaving = told.TakeOne();
    if (!leaving.has_value()) continue;
    const auto withdrawn = vault.Withdraw(*leaving);
    if (!withdrawn.ok()) return told.Unsure(*std::move(leaving));
    told.Withdrawn(*leaving, withdrawn->erasure());
  }
}

void ExpectReceiptsHold(const TestWorld& vault, const Told& told) {
  const std::vector<std::string> entries = vault.Entries();
  for (const auto& [index, leaf] : told.receipts_) {
    ASSERT_LT(index, entries.size()) << "an acknowledged entry is gone";
    ASSERT_EQ(crypto::Bytes(audit::LeafHash(entries[index])), leaf) << "entry " << index;
  }
}

void ExpectExtends(const TestWorld& vault, const audit::Checkpoint& before) {
  const audit::Checkpoint now = vault.Checkpoint();
  ASSERT_GE(now.size, before.size);
  v1::GetConsistencyProofRequest request;
  request.set_old_size(before.size);
  request.set_new_size(now.size);
  const auto reply = Must(
      vault.Call("auditor/one", &v1::AuditService::Stub::GetConsistencyProof, request), "proof");
  std::vector<crypto::Hash> proof;
  for (const std::string& bytes : reply.hashes()) {
    ASSERT_EQ(bytes.size(), crypto::Hash().size());
    std::copy(bytes.begin(), bytes.end(), proof.emplace_back().begin());
  }
  const absl::Status verified =
      audit::VerifyConsistency(before.size, before.root, now.size, now.root, proof);
  EXPECT_TRUE(verified.ok()) << verified;
}

// The newest 20 who withdrew are not found, the newest 5 who did not are.
void ExpectSearchesAgree(const TestWorld& vault, const std::string& name, const Told& told) {
  const auto find = [&](uint64_t number) {
    return Must(vault.Identify(name, vault.Face(number)), "identify").result();
  };
  const size_t gone = told.withdrawn_.size();
  for (size_t i = gone > 20 ? gone - 20 : 0; i < gone; ++i) {
    EXPECT_EQ(find(told.withdrawn_[i]), v1::SEARCH_RESULT_NO_MATCH) << told.withdrawn_[i];
  }
  const size_t live = told.live_.size();
  for (size_t i = live > 5 ? live - 5 : 0; i < live; ++i) {
    EXPECT_EQ(find(told.live_[i].number), v1::SEARCH_RESULT_MATCH) << told.live_[i].number;
  }
}

// The keyring of a vault that was killed, opened elsewhere so that the vault's own is left alone.
class KilledKeyring {
 public:
  explicit KilledKeyring(const std::string& place) {
    for (const char* directory : {"keys", "second"}) {
      std::filesystem::copy(absl::StrCat(place, "/", directory),
                            absl::StrCat(copy_.path(), "/", directory));
    }
    const std::vector<crypto::KeyringPaths> places = {
        {copy_.path() + "/keys/keyring", copy_.path() + "/keys/root.key"},
        {copy_.path() + "/second/keyring", copy_.path() + "/second/root.key"}};
    for (const crypto::KeyringPaths& alone : places) {
      auto one = crypto::Keyring::Open(alone);
      EXPECT_TRUE(one.ok()) << one.status();
      if (one.ok()) alone_.push_back(*std::move(one));
    }
    auto opened = crypto::Keyring::Open(crypto::PlacesOf(places));
    EXPECT_TRUE(opened.ok()) << opened.status();
    if (opened.ok()) keyring_ = *std::move(opened);
  }

  // `entries` are those of the vault after its restart; what it erased meanwhile was asked for.
  void ExpectAgrees(const std::vector<std::string>& entries, const Told& told) const {
    const auto slot_at = [&](uint64_t index) -> uint32_t {
      v1::Entry entry;
      EXPECT_TRUE(index < entries.size() && entry.ParseFromString(entries[index]));
      for (const v1::RecordChange& change : entry.changes()) {
        if (change.has_template_()) return change.template_().slot();
      }
      ADD_FAILURE() << "entry " << index << " is of no template";
      return 0;
    };
    std::set<uint32_t> may_be_gone;
    for (const std::string& bytes : entries) {
      v1::Entry entry;
      EXPECT_TRUE(entry.ParseFromString(bytes));
      for (const v1::RecordChange& change : entry.changes()) {
        if (change.has_pending_erasure()) may_be_gone.insert(change.pending_erasure().slot());
      }
    }
    for (const uint64_t index : told.ended_) {
      const uint32_t slot = slot_at(index);
      EXPECT_TRUE(keyring_->IsPunctured(slot)) << "slot " << slot << " of a withdrawal derives";
      for (const auto& one : alone_) EXPECT_TRUE(one->IsPunctured(slot));
    }
    for (const uint64_t index : told.enrolled_) {
      const uint32_t slot = slot_at(index);
      if (may_be_gone.contains(slot)) continue;
      EXPECT_FALSE(keyring_->IsPunctured(slot)) << "slot " << slot << " of somebody else is lost";
    }
  }

 private:
  ScratchDirectory copy_;
  std::unique_ptr<crypto::Keyring> keyring_;
  std::vector<std::unique_ptr<crypto::Keyring>> alone_;  // each place by itself
};

// A withdrawal cut off in the middle happened whole or not at all.
void SettleUnsure(const TestWorld& vault, const std::string& name, Told& told) {
  for (Person& person : told.unsure_) {
    const auto held = Must(vault.Holdings(person), "holdings");
    ASSERT_EQ(held.holdings_size(), 1);
    const v1::TemplateState state = held.holdings(0).state();
    const bool gone = state == v1::TEMPLATE_STATE_ERASED;
    EXPECT_TRUE(gone || state == v1::TEMPLATE_STATE_ACTIVE) << v1::TemplateState_Name(state);
    const auto found = Must(vault.Identify(name, vault.Face(person)), "identify");
    EXPECT_EQ(found.result(), gone ? v1::SEARCH_RESULT_NO_MATCH : v1::SEARCH_RESULT_MATCH);
    ++told.cut_off_;
    if (gone) {
      ++told.cut_off_but_done_;
      told.withdrawn_.push_back(person.number);
    } else {
      told.live_.push_back(std::move(person));
    }
  }
  told.unsure_.clear();
}

TEST(Crash, EveryKillLeavesWhatWasAcknowledgedAndNothingHalfDone) {
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
  Told told;
  for (int crash = 0; crash < Crashes(); ++crash) {
    SCOPED_TRACE(absl::StrCat("crash ", crash));
    const std::string name = vault.ActiveCase(kBudget);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] { Load(vault, name, told); });
    }
    const auto moment = std::chrono::milliseconds(50 + random() % 551);
    std::this_thread::sleep_for(moment);
    const audit::Checkpoint before = vault.Checkpoint();
    std::this_thread::sleep_for(moment / 10);
    kluisd->Kill();
    for (std::thread& thread : threads) thread.join();
    const KilledKeyring keyring(scratch.path());

    kluisd = start();
    keyring.ExpectAgrees(vault.Entries(), told);
    ExpectExtends(vault, before);
    ExpectReceiptsHold(vault, told);
    vault.ExpectLogVerifies();
    EXPECT_EQ(vault.Status().pending_erasures(), 0u);
    SettleUnsure(vault, name, told);
    ExpectSearchesAgree(vault, name, told);
    const v1::CheckVaultResponse check = vault.CheckVault();
    EXPECT_TRUE(check.consistent()) << check.first_difference();
    if (HasFatalFailure() || HasNonfatalFailure()) break;
  }
  std::printf(
      "crashes: %d, entries: %llu, receipts: %zu, enrolled: %zu, withdrawn: %zu; cut off "
      "withdrawals: %zu, of which done: %zu\n",
      Crashes(), static_cast<unsigned long long>(vault.Status().log_size()), told.receipts_.size(),
      told.enrolled_.size(), told.withdrawn_.size(), told.cut_off_, told.cut_off_but_done_);
}

}  // namespace
}  // namespace kluis::crash_test
