// SPDX-License-Identifier: Apache-2.0
#include "service/ledger/ledger.h"

#include <algorithm>
#include <utility>

#include "audit/statement_facts.h"
#include "audit/tiles.h"
#include "audit/whole_statement.h"
#include "policy/record_key.h"
#include "policy/rules.h"
#include "service/ledger/closing.h"
#include "service/ledger/database_state.h"
#include "service/ledger/errors.h"
#include "service/ledger/log_rows.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

using storage::Column;

constexpr uint32_t kEntryVersion = 1;

// What an act brings along may look beyond the batch and change what others see there.
bool IsPlain(const Act& act) { return !act.prepare && !act.attach; }

absl::Status ClockFault() {
  return WithReason(
      absl::UnavailableError("vault: its clock is wrong; until an operator mends it only reads, "
                             "withdrawals, restrictions, stops and access are served"),
      "CLOCK");
}

}  // namespace

Ledger::Ledger(storage::Database& database, std::string policy_digest)
    : database_(database),
      policy_digest_(std::move(policy_digest)),
      group_([this](std::span<GroupCommit::Seat* const> seats) { return AppendEach(seats); },
             [this](uint64_t ticket) { return database_.Sync(ticket); }) {}

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Open(storage::Database& database,
                                                     const Clock& clock, std::string policy_digest,
                                                     int64_t max_gap_seconds) {
  std::unique_ptr<Ledger> ledger(new Ledger(database, std::move(policy_digest)));
  const absl::Status loaded = ledger->LoadLast();
  if (!loaded.ok()) return loaded;
  ledger->known_size_ = ledger->head_.frontier.size();
  ledger->clock_ = std::make_unique<DecisionClock>(clock, ledger->head_.time, max_gap_seconds);
  return ledger;
}

absl::Status Ledger::LoadLast() {
  const absl::StatusOr<uint64_t> size = LogSizeIn(database_);
  if (!size.ok()) return size.status();
  absl::StatusOr<audit::MerkleFrontier> frontier = audit::MerkleFrontier::Restore(*size, Nodes());
  if (!frontier.ok()) return frontier.status();
  head_.frontier = *std::move(frontier);
  absl::StatusOr<StateSummary> state = Summarize(database_);
  if (!state.ok()) return state.status();
  head_.state = *std::move(state);
  if (*size == 0) return absl::OkStatus();
  const absl::StatusOr<std::string> last = Entry(*size - 1);
  if (!last.ok()) return last.status();
  v1::Entry entry;
  if (!entry.ParseFromString(*last)) return absl::DataLossError("log: the last entry is damaged");
  head_.time = policy::TimeAfter(entry.command(), entry.decision().allowed(), entry.decided_at());
  last_time_ = head_.time;
  return absl::OkStatus();
}

// A key may have been registered since the statement was taken in. The state of the decision
// counts, as a replay will find it; what verified then is not verified again.
absl::Status Ledger::FindSigners(Act& act, const Writes& writes) const {
  v1::StatementFacts* const facts = audit::MutableWholeStatement(act.command);
  if (facts == nullptr || act.envelopes.empty() || act.command.has_found()) return absl::OkStatus();
  const auto& known = facts->signed_by();
  const auto signers = audit::RegisteredSigners(
      writes, act.envelopes.front(),
      [&](const v1::Envelope& envelope, const crypto::PublicKey& key) {
        return std::find(known.begin(), known.end(), crypto::KeyIdOf(key)) != known.end() ||
               audit::IsSignedBy(envelope, key);
      });
  if (!signers.ok()) return signers.status();
  facts->mutable_signed_by()->Assign(signers->begin(), signers->end());
  return absl::OkStatus();
}

absl::Status Ledger::Change(const std::vector<policy::RecordWrite>& changes, Next& next) {
  StateSummary& state = next.head.state;
  for (const policy::RecordWrite& write : changes) {
    const auto before = next.writes.Read(write.key);
    if (!before.ok()) return before.status();
    if (before->has_value()) {
      state.digest.Remove(write.key, **before);
      --state.records;
    }
    if (write.value.has_value()) {
      state.digest.Add(write.key, *write.value);
      ++state.records;
      next.writes.Put(Column::kState, write.key, *write.value);
    } else {
      next.writes.Delete(Column::kState, write.key);
    }
    cache_.Forget(write.key);
    last_.Keep(write.key, write.value);
  }
  return absl::OkStatus();
}

absl::StatusOr<Ledger::Ruled> Ledger::Rule(Act& act, Next& next) const {
  const Head& head = next.head;
  Writes& writes = next.writes;
  if (!next.clock.trusted()) {
    if (!policy::WorksOnAnyTime(act.command)) return ClockFault();
    act.command.set_time_unknown(true);
  }
  if (admission_) {
    const absl::Status admitted = admission_(act.command);
    if (!admitted.ok()) return admitted;
  }
  if (act.command.has_close_checkpoint()) {
    const auto time = next.clock.trusted() ? std::optional(head.time) : std::nullopt;
    const absl::Status filled =
        FillClosing(database_, head.state, time, *act.command.mutable_close_checkpoint());
    if (!filled.ok()) return filled;
  }
  if (act.prepare) {
    const absl::Status prepared = act.prepare(writes, head.time, act.command);
    if (!prepared.ok()) return prepared;
  }
  const absl::Status found = FindSigners(act, writes);
  if (!found.ok()) return found;
  absl::StatusOr<policy::Ruling> ruling = policy::Decide(writes, act.command, head.time);
  if (!ruling.ok()) return ruling.status();

  v1::Entry entry;
  entry.set_version(kEntryVersion);
  entry.set_decided_at(head.time);
  entry.set_kind(act.kind);
  entry.set_policy_digest(policy_digest_);
  *entry.mutable_decision() = ruling->decision;
  entry.mutable_changes()->Assign(ruling->changes.begin(), ruling->changes.end());
  entry.mutable_envelopes()->Assign(act.envelopes.begin(), act.envelopes.end());
  entry.mutable_commitments()->Assign(act.commitments.begin(), act.commitments.end());
  entry.mutable_command()->Swap(&act.command);  // lent, not copied
  Ruled ruled;
  ruled.entry = entry.SerializeAsString();
  entry.mutable_command()->Swap(&act.command);
  if (ruled.entry.size() > audit::kMaxEntryBytes) {
    return absl::InvalidArgumentError("request: its statements are too long for one log entry");
  }
  if (ruling->decision.allowed() && act.attach) {
    const absl::Status attached = act.attach(*ruling, head.frontier.size(), writes);
    if (!attached.ok()) return attached;
  }
  for (const v1::RecordChange& change : ruling->changes) {
    policy::RecordWrite write = policy::Apply(change);
    const auto before = writes.Read(write.key);  // known from here on
    if (!before.ok()) return before.status();
    ruled.writes.push_back(std::move(write));
  }
  ruled.committed.decided_at = head.time;
  ruled.committed.command = std::move(act.command);
  ruled.committed.ruling = *std::move(ruling);
  return ruled;
}

absl::StatusOr<Committed> Ledger::Enter(Ruled ruled, Next& next) {
  Committed& committed = ruled.committed;
  committed.index = next.head.frontier.size();
  committed.leaf = audit::LeafHash(ruled.entry);
  next.writes.Append(Column::kLog, storage::EntryKey(committed.index), ruled.entry);
  for (const audit::Node& node : next.head.frontier.Append(committed.leaf)) {
    next.writes.Append(Column::kLog, storage::NodeKey(static_cast<uint8_t>(node.level), node.index),
                       crypto::Bytes(node.hash));
  }
  const absl::Status changed = Change(ruled.writes, next);
  if (!changed.ok()) return changed;
  next.head.time = policy::TimeAfter(committed.command, committed.ruling.decision.allowed(),
                                     committed.decided_at);
  return std::move(committed);
}

Ledger::Next Ledger::Begin() {
  Head head = head_;
  const DecisionClock::Reading clock = clock_->Read();
  if (clock.trusted()) known_size_ = head.frontier.size();
  head.time = std::max(head.time, clock.time);
  return {std::move(head), clock, Writes(database_, &cache_, &last_)};
}

absl::StatusOr<policy::Ruling> Ledger::Judge(v1::Command command) const {
  const DecisionClock::Reading clock = clock_->Read();
  if (!clock.trusted()) {
    if (!policy::WorksOnAnyTime(command)) return ClockFault();
    command.set_time_unknown(true);
  }
  absl::StatusOr<policy::Ruling> ruling =
      policy::Decide(DatabaseState(database_), command, std::max(last_time_.load(), clock.time));
  if (ruling.ok()) {  // nothing of it happened: it changes nothing and opens nothing
    ruling->grant.reset();
    ruling->changes.clear();
  }
  return ruling;
}

DecisionClock::Reading Ledger::ReadClock() const {
  DecisionClock::Reading reading = clock_->Read();
  const std::lock_guard lock(mutex_);
  const policy::Time held = std::max(reading.time, head_.time);
  reading.ahead -= held - reading.time;
  reading.time = held;
  return reading;
}

// The order is in the log: time goes on from what it says.
void Ledger::FollowClock(const Committed& committed) {
  const bool allowed = committed.ruling.decision.allowed();
  if (!allowed) return;
  const v1::Command& command = committed.command;
  if (!command.has_confirm_clock() && !command.has_set_clock_back() &&
      !command.has_witness_clock()) {
    return;
  }
  clock_->Confirm(policy::TimeAfter(command, allowed, committed.decided_at));
}

void Ledger::CheckGap() {
  const std::lock_guard lock(mutex_);
  clock_->CheckGap(head_.time);
}

uint64_t Ledger::known_size() const {
  const std::lock_guard lock(mutex_);
  return known_size_;
}

policy::Time Ledger::Now() const { return ReadClock().time; }

void Ledger::Forget() {
  cache_ = {};
  last_ = {};
}

absl::StatusOr<uint64_t> Ledger::End(Next next) {
  next.writes.Append(Column::kLog, storage::LogSizeKey(),
                     storage::EncodeU64(next.head.frontier.size()));
  const absl::StatusOr<uint64_t> ticket = database_.Write(next.writes.TakeBatch());
  if (ticket.ok()) {
    head_ = std::move(next.head);
    last_time_ = head_.time;
  }
  return ticket;
}

absl::StatusOr<Appended> Ledger::Write(std::vector<Act> acts, bool all_or_nothing, Closed* closed) {
  const std::lock_guard lock(mutex_);
  Next next = Begin();
  Appended appended;
  absl::Status failed;
  for (Act& act : acts) {
    absl::StatusOr<Ruled> ruled = Rule(act, next);
    absl::StatusOr<Committed> committed =
        ruled.ok() ? Enter(*std::move(ruled), next) : ruled.status();
    if (!committed.ok()) {
      failed = committed.status();
      break;
    }
    appended.acts.push_back(*std::move(committed));
    if (all_or_nothing && !appended.acts.back().ruling.decision.allowed()) {
      Forget();
      for (Committed& unwritten : appended.acts) {  // none of it happened
        unwritten.ruling.grant.reset();
        unwritten.ruling.changes.clear();
      }
      return appended;
    }
  }
  if (failed.ok()) {
    const absl::StatusOr<uint64_t> ticket = End(std::move(next));
    if (ticket.ok()) appended.ticket = *ticket;
    failed = ticket.status();
  }
  if (!failed.ok()) {
    Forget();
    return failed;
  }
  for (size_t i = 0; i < acts.size(); ++i) {
    FollowClock(appended.acts[i]);
    Follow(acts[i], appended.acts[i]);
  }
  if (closed != nullptr) *closed = {head_.frontier.size(), head_.frontier.Root(), head_.time};
  return appended;
}

absl::StatusOr<uint64_t> Ledger::AppendEach(std::span<GroupCommit::Seat* const> seats) {
  const std::lock_guard lock(mutex_);
  uint64_t last = 0;
  while (!seats.empty()) {
    const auto alone = [](const GroupCommit::Seat* seat) { return !IsPlain(seat->act); };
    const auto plain = static_cast<size_t>(std::ranges::find_if(seats, alone) - seats.begin());
    const auto batch = seats.first(std::max<size_t>(plain, 1));
    seats = seats.subspan(batch.size());
    const absl::StatusOr<uint64_t> ticket = WriteEach(batch);
    if (!ticket.ok()) {
      Forget();
      return ticket;
    }
    last = std::max(last, *ticket);
  }
  return last;
}

absl::StatusOr<uint64_t> Ledger::WriteEach(std::span<GroupCommit::Seat* const> batch) {
  Next next = Begin();
  bool any = false;
  for (GroupCommit::Seat* const seat : batch) {
    absl::StatusOr<Ruled> ruled = Rule(seat->act, next);
    if (!ruled.ok()) {
      seat->committed = ruled.status();
      continue;
    }
    seat->committed = Enter(*std::move(ruled), next);
    if (!seat->committed.ok()) return seat->committed.status();
    any = true;
  }
  if (!any) return 0;
  const absl::StatusOr<uint64_t> ticket = End(std::move(next));
  if (!ticket.ok()) return ticket;
  for (GroupCommit::Seat* const seat : batch) {
    if (!seat->committed.ok()) continue;
    FollowClock(*seat->committed);
    Follow(seat->act, *seat->committed);
  }
  return ticket;
}

absl::StatusOr<Appended> Ledger::Append(std::vector<Act> acts) {
  return Write(std::move(acts), /*all_or_nothing=*/false, nullptr);
}

absl::StatusOr<Appended> Ledger::AppendAllOrNothing(std::vector<Act> acts) {
  return Write(std::move(acts), /*all_or_nothing=*/true, nullptr);
}

absl::StatusOr<Closed> Ledger::Close() {
  std::vector<Act> acts(1);
  acts.front().kind = v1::LOG_KIND_UPKEEP;
  acts.front().command.set_method("Checkpoint");
  acts.front().command.mutable_close_checkpoint();
  Closed closed;
  const absl::StatusOr<Appended> appended =
      Write(std::move(acts), /*all_or_nothing=*/true, &closed);
  if (!appended.ok()) return appended.status();
  if (!appended->acts.front().ruling.decision.allowed()) {
    return absl::FailedPreconditionError("log: the vault is not founded yet");
  }
  const absl::Status synced = Sync(*appended);
  if (!synced.ok()) return synced;
  return closed;
}

uint64_t Ledger::size() const {
  const std::lock_guard lock(mutex_);
  return head_.frontier.size();
}

StateSummary Ledger::state() const {
  const std::lock_guard lock(mutex_);
  return head_.state;
}

}  // namespace kluis::service
