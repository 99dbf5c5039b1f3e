// SPDX-License-Identifier: Apache-2.0
#include "service/callers/limits.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "service/ledger/errors.h"

namespace kluis::service {
namespace {

constexpr double kBurstSeconds = 2;       // of its rate that an identity may take at once
constexpr int64_t kReservedInFlight = 8;  // calls of one identity that take something away
constexpr double kAccessesPerHour = 10;
constexpr double kKeyPerSecond = 1;
constexpr double kKeyBurst = 10;
constexpr size_t kManyIdentities = 4096;
constexpr int64_t kMostLimited = 32;  // answers that say RATE_LIMITED and have not left
constexpr size_t kMostCounted = 64;
constexpr uint64_t kMib = uint64_t{1} << 20;

std::string IdentityKey(const Peer& peer, std::string_view lane = "") {
  return absl::StrCat(static_cast<int>(peer.role), "/", peer.name, std::string(lane));
}

// The room that one identity has beside its other calls, so that a flood of its own does not keep
// it from ordering a stop.
constexpr std::string_view kReservedLane = "!";

}  // namespace

int64_t Limits::Monotonic() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Limits::Limits(const LimitsConfig& config, Now now) : config_(config), now_(std::move(now)) {}

Limits::Bounds Limits::BoundsOf(const Peer& peer) const {
  if (peer.role != v1::ROLE_SUBJECT) {
    return {static_cast<double>(config_.member_rate), config_.member_calls};
  }
  for (const PortalLimits& portal : config_.portals) {
    if (portal.name == peer.name) return {static_cast<double>(portal.rate), portal.calls};
  }
  return {static_cast<double>(config_.subject_rate), config_.subject_calls};
}

Limits::Identity& Limits::Find(const std::string& key, const Bounds& bounds) {
  if (identities_.size() >= kManyIdentities) DropIdle();
  return identities_.try_emplace(key, bounds.per_second, bounds.per_second * kBurstSeconds)
      .first->second;
}

// Once a second: with many that are not idle it would be the whole work of every call.
void Limits::DropIdle() {
  const int64_t now = now_();
  if (now < dropped_at_ + 1000) return;
  dropped_at_ = now;
  for (auto each = identities_.begin(); each != identities_.end();) {
    Identity& identity = each->second;
    const bool idle = identity.in_flight == 0 && identity.streams == 0 && identity.rows == 0 &&
                      identity.calls.IsFull(now);
    each = idle ? identities_.erase(each) : std::next(each);
  }
  for (auto each = accesses_.begin(); each != accesses_.end();) {
    each = each->second.IsFull(now) ? accesses_.erase(each) : std::next(each);
  }
}

absl::Status Limits::Refuse(const Peer& peer) {
  const bool named = peer.role != v1::ROLE_SUBJECT;  // as the log records callers
  Beyond& beyond = counted_[{peer.role, named ? peer.name : std::string()}];
  if (beyond.calls++ == 0) beyond.first = now_();
  return WithReason(absl::ResourceExhaustedError("limit: too many calls; call again later"),
                    kRateLimited);
}

absl::StatusOr<Limits::Held> Limits::Enter(const Peer& peer, Lane lane) {
  const std::lock_guard lock(mutex_);
  const bool reserved = lane == Lane::kReserved;
  const std::string key = IdentityKey(peer, reserved ? kReservedLane : "");
  Bounds bounds = BoundsOf(peer);
  if (reserved) bounds.in_flight = std::min(bounds.in_flight, kReservedInFlight);
  Identity& identity = Find(key, bounds);
  const bool full = identity.in_flight >= bounds.in_flight ||
                    (!reserved && in_flight_ >= config_.calls) ||
                    (lane == Lane::kStream &&
                     (identity.streams >= config_.member_streams || streams_ >= config_.streams));
  if (full || !identity.calls.Take(now_())) return Refuse(peer);
  ++identity.in_flight;
  if (!reserved) ++in_flight_;
  if (lane == Lane::kStream) {
    ++identity.streams;
    ++streams_;
  }
  return Held(nullptr, [this, key, lane](void*) { GiveBack(key, lane); });
}

void Limits::GiveBack(const std::string& key, Lane lane) {
  const std::lock_guard lock(mutex_);
  Identity& identity = identities_.at(key);  // kept while it has calls
  --identity.in_flight;
  if (lane != Lane::kReserved) --in_flight_;
  if (lane == Lane::kStream) {
    --identity.streams;
    --streams_;
  }
}

absl::Status Limits::EnterSubject(const Peer& peer, const std::string& subject_id, Right right) {
  if (right == Right::kTakesAway) return absl::OkStatus();
  const std::lock_guard lock(mutex_);
  if (right == Right::kAccess) {
    if (accesses_.size() >= kManyIdentities) DropIdle();
    TokenBucket& accesses =
        accesses_.try_emplace(subject_id, kAccessesPerHour / 3600, kAccessesPerHour).first->second;
    if (accesses.Take(now_())) return absl::OkStatus();
  }
  if (identities_.size() >= kManyIdentities) DropIdle();
  Identity& key =
      identities_.try_emplace(absl::StrCat("key/", subject_id), kKeyPerSecond, kKeyBurst)
          .first->second;
  return key.calls.Take(now_()) ? absl::OkStatus() : Refuse(peer);
}

absl::StatusOr<std::unique_ptr<Limits::Rows>> Limits::TakeRows(const Peer& peer, uint64_t rows) {
  const std::lock_guard lock(mutex_);
  const std::string key = IdentityKey(peer);
  Identity& identity = Find(key, BoundsOf(peer));
  if (identity.rows + rows > static_cast<uint64_t>(config_.member_rows) ||
      rows_ + rows > static_cast<uint64_t>(config_.rows)) {
    return Refuse(peer);
  }
  identity.rows += rows;
  rows_ += rows;
  return std::make_unique<Rows>(*this, peer, key, rows);
}

Limits::Rows::~Rows() {
  Clear();
  const std::lock_guard lock(limits_.mutex_);
  limits_.identities_.at(key_).rows -= rows_;
  limits_.rows_ -= rows_;
}

absl::Status Limits::Rows::Add(uint64_t bytes) {
  const std::lock_guard lock(limits_.mutex_);
  Identity& identity = limits_.identities_.at(key_);
  if (identity.row_bytes + bytes > static_cast<uint64_t>(limits_.config_.member_rows_mib) * kMib ||
      limits_.row_bytes_ + bytes > static_cast<uint64_t>(limits_.config_.rows_mib) * kMib) {
    return limits_.Refuse(peer_);
  }
  bytes_ += bytes;
  identity.row_bytes += bytes;
  limits_.row_bytes_ += bytes;
  return absl::OkStatus();
}

void Limits::Rows::Clear() {
  const std::lock_guard lock(limits_.mutex_);
  limits_.identities_.at(key_).row_bytes -= bytes_;
  limits_.row_bytes_ -= bytes_;
  bytes_ = 0;
}

Limits::Held Limits::AnswerLimited() {
  const std::lock_guard lock(mutex_);
  if (limited_ >= kMostLimited) return nullptr;
  ++limited_;
  // Not null: a shared_ptr of a null pointer would be taken for none.
  return Held(this, [this](void*) {
    const std::lock_guard again(mutex_);
    --limited_;
  });
}

std::vector<Limits::Counted> Limits::TakeCounted() {
  const std::lock_guard lock(mutex_);
  std::vector<Counted> taken;
  while (!counted_.empty() && taken.size() < kMostCounted) {
    const auto first = counted_.begin();
    taken.push_back({first->first.first, first->first.second, first->second.calls,
                     (now_() - first->second.first + 999) / 1000});
    counted_.erase(first);
  }
  return taken;
}

size_t Limits::identities() const {
  const std::lock_guard lock(mutex_);
  return identities_.size();
}

}  // namespace kluis::service
