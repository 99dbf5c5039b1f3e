// SPDX-License-Identifier: Apache-2.0
#include "service/upkeep/space_guard.h"

#include <algorithm>
#include <utility>

#include "service/ledger/errors.h"

namespace kluis::service {

std::string_view InWords(SpaceLevel level) {
  switch (level) {
    case SpaceLevel::kOk:
      return "ok: there is room for everything";
    case SpaceLevel::kLow:
      return "low: only withdrawals, restrictions, stops, ends of cases and reads are logged";
    case SpaceLevel::kCritical:
      return "critical: only withdrawals, restrictions, stops, ends of cases and reads are logged, "
             "on the reserve";
    case SpaceLevel::kFull:
      return "full: nothing can be logged";
  }
  return "";
}

bool GoesOnWithoutSpace(v1::Command::ActCase act) {
  switch (act) {
    // Somebody takes something back, or ends it.
    case v1::Command::kWithdraw:
    case v1::Command::kRestrict:
    case v1::Command::kStop:
    case v1::Command::kRefuseWarrant:
    case v1::Command::kCloseCase:
    case v1::Command::kSetTerm:
    case v1::Command::kCancelRekey:
    case v1::Command::kVoidRekey:
    case v1::Command::kExpireTemplate:
    case v1::Command::kEndCase:
    case v1::Command::kForgetSubject:
    case v1::Command::kForgetAuthorityYear:
    case v1::Command::kSealService:
    case v1::Command::kBeginRekey:
    case v1::Command::kRekey:
    case v1::Command::kBackUp:
    // Concludes what began before.
    case v1::Command::kEraseDone:
    case v1::Command::kSearchOutcome:
    case v1::Command::kCalibrationOutcome:
    case v1::Command::kEvaluationOutcome:
    case v1::Command::kLoseTemplate:
    case v1::Command::kFinishRotation:
    // Reads that leave an entry.
    case v1::Command::kAccess:
    case v1::Command::kReadCase:
    // What the vault says of itself.
    case v1::Command::kStartService:
    case v1::Command::kCloseCheckpoint:
    case v1::Command::kRecover:
    case v1::Command::kConfirmClock:
    case v1::Command::kSetClockBack:
    case v1::Command::kWitnessClock:
    case v1::Command::kApproveSweep:
      return true;
    case v1::Command::kFound:
    case v1::Command::kAccredit:
    case v1::Command::kRegister:
    case v1::Command::kRegisterPurpose:
    case v1::Command::kLift:
    case v1::Command::kInspect:
    case v1::Command::kCalibrate:
    case v1::Command::kEvaluate:
    case v1::Command::kEnroll:
    case v1::Command::kLiftRestriction:
    case v1::Command::kOpenCase:
    case v1::Command::kIssueWarrant:
    case v1::Command::kApproveCase:
    case v1::Command::kIdentify:
    case v1::Command::kVerify:
    case v1::Command::kAdjudicate:
    case v1::Command::kDisclose:
    case v1::Command::kOrderRekey:
    case v1::Command::kRotateTransform:
    case v1::Command::kRenewTemplate:
    case v1::Command::kReject:
    case v1::Command::kAdmit:
    case v1::Command::kCountLimited:
    case v1::Command::ACT_NOT_SET:
      return false;
  }
  return false;
}

SpaceGuard::SpaceGuard(std::unique_ptr<DiskSpace> disk, Options options)
    : disk_(std::move(disk)),
      options_(options),
      reserved_(options.reserve_bytes == 0 || disk_->IsReserved(options.reserve_bytes)) {
  Refresh();
}

// By the marks alone.
SpaceLevel SpaceGuard::Plain(uint64_t free) const {
  if (free < options_.low_bytes / 8) return SpaceLevel::kFull;
  if (free < options_.low_bytes / 2 || !reserved_) return SpaceLevel::kCritical;
  return free < options_.low_bytes ? SpaceLevel::kLow : SpaceLevel::kOk;
}

void SpaceGuard::Look(bool may_improve) {
  looked_at_ = std::chrono::steady_clock::now();
  absl::StatusOr<uint64_t> free = disk_->FreeBytes();
  if (free.ok() && *free < options_.low_bytes / 2 && reserved_ && options_.reserve_bytes > 0 &&
      disk_->Release().ok()) {
    reserved_ = false;
    free = disk_->FreeBytes();
  }
  if (may_improve && reserved_ && options_.reserve_bytes > 0) {  // somebody may have removed it
    reserved_ = disk_->IsReserved(options_.reserve_bytes);
  }
  const uint64_t enough = options_.reserve_bytes + options_.low_bytes / 2 * 3;
  if (may_improve && free.ok() && !reserved_ && *free >= enough &&
      disk_->Reserve(options_.reserve_bytes).ok()) {
    reserved_ = true;
    free = disk_->FreeBytes();
  }
  if (!free.ok()) {  // nobody knows: as if it were short
    level_ = std::max(level_, SpaceLevel::kLow);
    return;
  }
  free_bytes_ = *free;
  const SpaceLevel plain = Plain(*free);
  const SpaceLevel settled = may_improve ? std::min(level_, Plain(*free / 3 * 2)) : level_;
  level_ = std::max(plain, settled);
}

SpaceLevel SpaceGuard::Refresh() {
  const std::lock_guard lock(mutex_);
  Look(/*may_improve=*/true);
  return level_;
}

absl::Status SpaceGuard::Admit(const v1::Command& command) {
  SpaceLevel level = SpaceLevel::kOk;
  {
    const std::lock_guard lock(mutex_);
    if (std::chrono::steady_clock::now() - looked_at_ >= options_.fresh_for) {
      Look(/*may_improve=*/false);
    }
    level = level_;
  }
  if (level == SpaceLevel::kOk) return absl::OkStatus();
  if (level == SpaceLevel::kFull) {
    return WithReason(absl::UnavailableError("audit: the disk is full, nothing can be logged"),
                      kAuditUnavailable);
  }
  if (GoesOnWithoutSpace(command.act_case())) return absl::OkStatus();
  return WithReason(absl::UnavailableError(
                        "audit: the disk is nearly full; until there is space only "
                        "withdrawals, restrictions, stops, ends of cases and reads are logged"),
                    kAuditUnavailable);
}

SpaceLevel SpaceGuard::level() const {
  const std::lock_guard lock(mutex_);
  return level_;
}

uint64_t SpaceGuard::free_bytes() const {
  const std::lock_guard lock(mutex_);
  return free_bytes_;
}

bool SpaceGuard::has_reserve() const {
  const std::lock_guard lock(mutex_);
  return reserved_ && options_.reserve_bytes > 0;
}

}  // namespace kluis::service
