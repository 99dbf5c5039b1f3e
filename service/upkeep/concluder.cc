// SPDX-License-Identifier: Apache-2.0
#include "service/upkeep/concluder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kluis::service {
namespace {

using Steady = std::chrono::steady_clock;

constexpr size_t kAtOnce = 64;  // entries of one batch: calls wait for the ledger's lock meanwhile
// After a compaction the thread rests for 19 times what it took, but so long at most: a person who
// withdrew is told that the files are rewritten within minutes.
constexpr int kRestPerWork = 19;
constexpr std::chrono::minutes kLongestRest{5};
constexpr std::chrono::seconds kRestAfterFailure{2};

}  // namespace

void Concluder::Add(std::span<const v1::PendingErasure> erasures) {
  if (erasures.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    // A start after a recovery finds in the state what the recovery left waiting.
    for (const v1::PendingErasure& erasure : erasures) {
      const auto is_it = [&](const v1::PendingErasure& other) {
        return other.slot() == erasure.slot() && other.target() == erasure.target();
      };
      if (std::ranges::none_of(waiting_, is_it)) waiting_.push_back(erasure);
    }
    due_ = true;
  }
  wake_.notify_all();
}

// One batch after the other, then one sync. `said`: how many have their entry.
absl::Status Concluder::SayDone(std::span<const v1::PendingErasure> erasures, size_t& said) {
  const std::string commitment(crypto::Bytes(keyring_.Commitment()));
  Appended last;
  while (said < erasures.size()) {
    std::vector<Act> acts;
    for (const v1::PendingErasure& erasure :
         erasures.subspan(said, std::min(erasures.size() - said, kAtOnce))) {
      Act& act = acts.emplace_back();
      act.kind = v1::LOG_KIND_ERASURE;
      act.command.set_method("Erase");
      v1::EraseDone* done = act.command.mutable_erase_done();
      done->set_target(erasure.target());
      done->set_id(erasure.id());
      done->set_keyring_commitment(commitment);
    }
    absl::StatusOr<Appended> appended = ledger_.Append(std::move(acts));
    if (!appended.ok()) return appended.status();
    said += appended->acts.size();
    for (const Committed& committed : appended->acts) {
      if (!committed.ruling.decision.allowed()) {
        return absl::InternalError("erasure: was not pending");
      }
    }
    last = *std::move(appended);
  }
  return last.acts.empty() ? absl::OkStatus() : ledger_.Sync(last);
}

absl::Status Concluder::Conclude() {
  const std::lock_guard one_at_a_time(concluding_);
  std::vector<v1::PendingErasure> erasures;
  {
    const std::lock_guard lock(mutex_);
    erasures.swap(waiting_);
  }
  absl::Status status;
  for (const storage::Column column : {storage::Column::kSealed, storage::Column::kDetails}) {
    if (status.ok()) status = database_.CompactDeleted(column).status();
  }
  size_t said = 0;
  if (status.ok()) status = SayDone(erasures, said);
  const std::lock_guard lock(mutex_);
  waiting_.insert(waiting_.begin(), erasures.begin() + static_cast<std::ptrdiff_t>(said),
                  erasures.end());
  last_status_ = status;
  return status;
}

void Concluder::Start() {
  Stop();
  const std::lock_guard lock(mutex_);
  stop_ = false;
  due_ = true;
  thread_ = std::thread([this] { Run(); });
}

void Concluder::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) {
    database_.InterruptCompactions(true);
    thread_.join();
  }
  database_.InterruptCompactions(false);
}

void Concluder::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stop_ || due_; });
    if (stop_) return;
    due_ = false;
    lock.unlock();
    const Steady::time_point begin = Steady::now();
    const bool concluded = Conclude().ok();
    const Steady::duration took = Steady::now() - begin;
    lock.lock();
    Steady::duration rest = std::min<Steady::duration>(kRestPerWork * took, kLongestRest);
    if (!concluded) {
      due_ = true;
      rest = std::max<Steady::duration>(rest, kRestAfterFailure);
    }
    if (wake_.wait_for(lock, rest, [this] { return stop_; })) return;
  }
}

std::string Concluder::failure() const {
  const std::lock_guard lock(mutex_);
  if (last_status_.ok() || absl::IsFailedPrecondition(last_status_)) return "";
  return absl::StrCat("erasures wait: ", std::string(last_status_.message()));
}

}  // namespace kluis::service
