// SPDX-License-Identifier: Apache-2.0
// The load test that decides: each attack of tests/load/attack.py, by a stranger and by the holder
// of a subject's certificate, while others withdraw, order stops, ask for access and search. All
// their calls succeed, kluisd does not grow and is not unsealed anew. All of it through the front,
// and without it what kluisd claims to withstand alone: what its own limits are for, and whatever
// ends with a handshake that fails. What gRPC 1.51 takes before it asks kluisd is not among them.
// KLUIS_LOAD_SECONDS (3): of each attack. KLUIS_LOAD_REPORT=1: says whether the p99 of a withdrawal
// stays within ten times its idle value and two seconds; no test depends on a time.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fronted_vault.h"

namespace kluis {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kMostGrowthKib = 200 << 10;
constexpr int64_t kGivenBackKib = 64 << 10;  // what may stay of it
constexpr char kStopped[] = "stopped-and-lifted";

int Seconds() {
  const char* text = std::getenv("KLUIS_LOAD_SECONDS");
  return text == nullptr ? 3 : std::clamp(std::atoi(text), 1, 600);
}

int64_t ResidentKib(pid_t process) {
  std::ifstream status(absl::StrCat("/proc/", process, "/status"));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::atoll(line.c_str() + 6);
  }
  return -1;
}

// Honest callers, at an easy pace, until Stop. Each failed call is kept.
class Others {
 public:
  // With a case of their own: the long form would spend the budget of one for all.
  Others(const FrontedVault& vault, const Person& held)
      : vault_(vault), case_(vault.ActiveCase(/*budget=*/10'000)), held_(held) {
    Start([this] { Withdraw(); });
    Start([this] {
      Expect(vault_.Stop(kStopped), "stop");
      Expect(vault_.Lift({"supervisor/one", "supervisor/two"}, kStopped), "lift");
    });
    Start([this] { Ask(); });
    Start([this] { Expect(vault_.Identify(case_, vault_.Face(held_, 1)), "search"); });
  }
  ~Others() { Stop(); }
  Others(const Others&) = delete;
  Others& operator=(const Others&) = delete;

  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  const std::vector<std::string>& failures() const { return failures_; }
  size_t calls() const { return calls_; }
  size_t withdrawals() const { return milliseconds_.size(); }
  double P99() {
    if (milliseconds_.empty()) return 0;
    std::sort(milliseconds_.begin(), milliseconds_.end());
    return milliseconds_[(milliseconds_.size() * 99 - 1) / 100];
  }

 private:
  template <class Act>
  void Start(Act act) {
    threads_.emplace_back([this, act] {
      do {
        act();
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      } while (!stop_);
    });
  }
  void Withdraw() {
    const Person person = vault_.NewPerson();
    Expect(vault_.Enroll(person), "enrol");
    const Clock::time_point begin = Clock::now();
    Expect(vault_.Withdraw(person), "withdraw");
    milliseconds_.push_back(
        std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  // Each a person of their own: one who asks all the time is no honest caller.
  void Ask() {
    const Person person = vault_.NewPerson();
    Expect(vault_.Enroll(person), "enrol");
    Expect(vault_.Holdings(person), "access");
  }
  template <class Response>
  void Expect(const Reply<Response>& reply, const char* what) {
    ++calls_;
    if (reply.ok()) return;
    const std::lock_guard lock(mutex_);
    failures_.push_back(absl::StrCat(what, ": ", static_cast<int>(reply.status.error_code()), " ",
                                     reply.status.error_message(), " ", reply.reason));
  }

  const FrontedVault& vault_;
  const std::string case_;
  const Person& held_;
  std::atomic<bool> stop_ = false;
  std::atomic<size_t> calls_ = 0;
  std::vector<double> milliseconds_;  // of the withdrawing thread
  std::mutex mutex_;
  std::vector<std::string> failures_;
  std::vector<std::thread> threads_;
};

struct Attack {
  std::string name;
  bool certificate = false;
};

// A vault and those who use it, through the front or past it; what holds before and after attacks.
class AttackTest : public testing::TestWithParam<Attack> {
 protected:
  static void Begin(bool front) {
    front_ = front;
    vault_ = new FrontedVault(KLUISD_BINARY, /*own_limits=*/!front);
    vault_->Connect(Port());
    attacker_ = FrontedVault::CertificateOf("subject/attacker");
    Must(vault_->RegisterPurpose(kStopped), "purpose");
    held_ = new Person(vault_->NewPerson());
    Must(vault_->Enroll(*held_), "enrol");
    started_ = Starts();
    Others idle(*vault_, *held_);
    std::this_thread::sleep_for(std::chrono::seconds(Seconds()));
    idle.Stop();
    EXPECT_THAT(idle.failures(), testing::IsEmpty());
    idle_p99_ = idle.P99();
    std::printf("idle: %zu withdrawals, p99 %.0f ms; kluisd has %lld MB\n", idle.withdrawals(),
                idle_p99_, static_cast<long long>(ResidentKib(vault_->pid()) >> 10));
  }
  // Also when the front died and came back.
  static void End() {
    if (front_) {
      vault_->KillFront();
      vault_->StartFront();
      vault_->Connect(Port());
    }
    EXPECT_FALSE(vault_->Status().seal().sealed());
    EXPECT_EQ(Starts(), started_) << "the vault was opened anew";
    const v1::CheckVaultResponse check = vault_->CheckVault();
    EXPECT_TRUE(check.consistent()) << check.first_difference();
    delete held_;
    delete vault_;
  }

  void Withstand(const Attack& attack);

 private:
  static int Port() { return front_ ? vault_->front_port() : vault_->direct_port(); }

  // Entries that say that the vault began to serve.
  static size_t Starts() {
    size_t starts = 0;
    for (const std::string& bytes : vault_->Entries()) {
      v1::Entry entry;
      entry.ParseFromString(bytes);
      if (entry.command().has_start_service()) ++starts;
    }
    return starts;
  }

  static bool front_;
  static FrontedVault* vault_;
  static Person* held_;
  static std::string attacker_;
  static size_t started_;
  static double idle_p99_;
  static int source_;  // the last byte of the attacker's address: none is blamed for an earlier one
};

bool AttackTest::front_ = true;
FrontedVault* AttackTest::vault_ = nullptr;
Person* AttackTest::held_ = nullptr;
std::string AttackTest::attacker_;
size_t AttackTest::started_ = 0;
double AttackTest::idle_p99_ = 0;
int AttackTest::source_ = 66;

void AttackTest::Withstand(const Attack& attack) {
  const int64_t before = ResidentKib(vault_->pid());
  ASSERT_GT(before, 0);
  std::vector<std::string> line = {"python3",
                                   absl::StrCat(KLUIS_TESTS_DIR, "/load/attack.py"),
                                   attack.name,
                                   absl::StrCat(Port()),
                                   absl::StrCat(Seconds()),
                                   "--source",
                                   absl::StrCat("127.0.0.", source_++)};
  if (attack.certificate) line.insert(line.end(), {"--certificate", attacker_});
  const std::string said =
      absl::StrCat(vault_->directory(), "/", attack.name, attack.certificate, ".out");
  int64_t most = before;
  Others others(*vault_, *held_);
  {
    ChildProcess attacker(line, {}, said);
    std::atomic<bool> over = false;
    std::thread watch([&] {
      do {
        most = std::max(most, ResidentKib(vault_->pid()));
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      } while (!over);
    });
    EXPECT_EQ(attacker.Wait(), 0);
    over = true;
    watch.join();
  }
  others.Stop();
  most = std::max(most, ResidentKib(vault_->pid()));
  for (const std::string& failure : others.failures()) ADD_FAILURE() << failure;
  EXPECT_GT(others.withdrawals(), 0U);
  EXPECT_LE(most - before, kMostGrowthKib) << "kluisd grew";

  const Clock::time_point end = Clock::now() + std::chrono::seconds(60);
  while (ResidentKib(vault_->pid()) - before > kGivenBackKib && Clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  const int64_t after = ResidentKib(vault_->pid());
  EXPECT_LE(after - before, kGivenBackKib) << "kluisd keeps what it grew by";
  EXPECT_FALSE(vault_->Status().seal().sealed());
  const Person person = vault_->NewPerson();
  EXPECT_TRUE(vault_->Enroll(person).ok());
  EXPECT_TRUE(vault_->Withdraw(person).ok());

  std::ifstream text(said);
  std::string did;
  std::getline(text, did);
  EXPECT_TRUE(did.starts_with(attack.name)) << did;
  EXPECT_THAT(did, testing::HasSubstr("connections=")) << "nothing was attacked";
  const double p99 = others.P99();
  std::printf("%s; %zu calls of others, withdrawal p99 %.0f ms; kluisd %lld -> %lld -> %lld MB\n",
              did.c_str(), others.calls(), p99, static_cast<long long>(before >> 10),
              static_cast<long long>(most >> 10), static_cast<long long>(after >> 10));
  if (std::getenv("KLUIS_LOAD_REPORT") != nullptr) {
    const bool within = p99 <= 10 * idle_p99_ && p99 <= 2000;
    std::printf("report: %s %s certificate: p99 %.0f ms is %s ten times idle (%.0f ms) and 2 s\n",
                attack.name.c_str(), attack.certificate ? "with a" : "without a", p99,
                within ? "within" : "BEYOND", idle_p99_);
  }
}

class BehindTheFront : public AttackTest {
 protected:
  static void SetUpTestSuite() { Begin(/*front=*/true); }
  static void TearDownTestSuite() { End(); }
};

TEST_P(BehindTheFront, AnAttackStopsNoCallOfOthersAndFillsNoMemory) { Withstand(GetParam()); }

class WithoutTheFront : public AttackTest {
 protected:
  static void SetUpTestSuite() { Begin(/*front=*/false); }
  static void TearDownTestSuite() { End(); }
};

TEST_P(WithoutTheFront, AnAttackStopsNoCallOfOthersAndFillsNoMemory) { Withstand(GetParam()); }

std::vector<Attack> AllAttacks() {
  std::vector<Attack> attacks;
  for (const char* name :
       {"tcp-connections", "tls-connections", "never-reads", "idle-streams", "batches",
        "rapid-reset", "continuation", "endless-body", "long-texts", "refusals"}) {
    for (const bool certificate : {false, true}) attacks.push_back({name, certificate});
  }
  return attacks;
}

std::vector<Attack> ClaimedWithoutTheFront() {
  std::vector<Attack> claimed = AllAttacks();
  std::erase_if(claimed, [](const Attack& attack) {
    return attack.name == "tcp-connections" ||
           (attack.certificate &&
            (attack.name == "tls-connections" || attack.name == "rapid-reset" ||
             attack.name == "continuation" || attack.name == "endless-body"));
  });
  return claimed;
}

std::string NameOf(const testing::TestParamInfo<Attack>& attack) {
  std::string name = attack.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return absl::StrCat(name, attack.param.certificate ? "_with_certificate" : "_by_a_stranger");
}

INSTANTIATE_TEST_SUITE_P(Each, BehindTheFront, testing::ValuesIn(AllAttacks()), NameOf);
INSTANTIATE_TEST_SUITE_P(Claimed, WithoutTheFront, testing::ValuesIn(ClaimedWithoutTheFront()),
                         NameOf);

}  // namespace
}  // namespace kluis
