// SPDX-License-Identifier: Apache-2.0
#include "audit/replay/completeness.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/big_endian.h"
#include "policy/record_key.h"
#include "policy/rules.h"

namespace kluis::audit {
namespace {

// Before the keys of what is open; no record has a key of this kind.
constexpr std::string_view kOpenPrefix = "\xFE";

std::string SearchId(std::string_view id) { return policy::key::PendingSearch(id); }

// The id that an intent gives its search or measurement; null: it is no intent.
const std::string* Intended(const v1::Command& command) {
  switch (command.act_case()) {
    case v1::Command::kIdentify:
      return &command.identify().new_search_id();
    case v1::Command::kVerify:
      return &command.verify().new_search_id();
    case v1::Command::kCalibrate:
      return &command.calibrate().new_search_id();
    case v1::Command::kEvaluate:
      return &command.evaluate().new_search_id();
    default:
      return nullptr;
  }
}

// What a sealed vault enters too: who may run it, and that it gets no new shares.
bool NeedsNoKey(const v1::Command& command) {
  return command.has_register_() || command.has_set_term() || command.has_cancel_rekey() ||
         command.has_void_rekey();
}

// The id of what an outcome concludes; null: it is no outcome.
const std::string* Concluded(const v1::Command& command) {
  switch (command.act_case()) {
    case v1::Command::kSearchOutcome:
      return &command.search_outcome().search_id();
    case v1::Command::kCalibrationOutcome:
      return &command.calibration_outcome().search_id();
    case v1::Command::kEvaluationOutcome:
      return &command.evaluation_outcome().search_id();
    default:
      return nullptr;
  }
}

}  // namespace

void CompletenessCheck::Mismatch(uint64_t index, std::string reason) {
  verdict_.mismatches.Add({index, "", "", std::move(reason)});
}

absl::Status CompletenessCheck::Open(std::string id, uint64_t index, int64_t at) {
  const auto before =
      scratch_.Write(absl::StrCat(std::string(kOpenPrefix), id),
                     base::BigEndian(index, base::kNumberBytes) +
                         base::BigEndian(static_cast<uint64_t>(at), base::kNumberBytes));
  if (!before.ok()) return before.status();
  if (before->has_value()) {
    Mismatch(index, absl::StrCat("starts what entry ", base::ReadBigEndian((*before)->substr(0, 8)),
                                 " started and nobody concluded"));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> CompletenessCheck::Close(const std::string& id) {
  const auto before = scratch_.Write(absl::StrCat(std::string(kOpenPrefix), id), std::nullopt);
  if (!before.ok()) return before.status();
  return before->has_value();
}

absl::Status CompletenessCheck::CheckSearch(uint64_t index, const v1::Entry& entry) {
  if (const std::string* const intended = Intended(entry.command())) {
    ++verdict_.searches;
    return Open(SearchId(*intended), index, entry.decided_at());
  }
  const std::string* const concluded = Concluded(entry.command());
  if (concluded == nullptr) return absl::OkStatus();
  const absl::StatusOr<bool> closed = Close(SearchId(*concluded));
  if (!closed.ok()) return closed.status();
  if (*closed) {
    ++verdict_.concluded;
  } else {
    Mismatch(index, "an outcome of a search that is not open: no intent, or a second outcome");
  }
  return absl::OkStatus();
}

absl::Status CompletenessCheck::CheckErasures(uint64_t index, const v1::Entry& entry) {
  for (const v1::RecordChange& change : entry.changes()) {
    if (!change.has_pending_erasure()) continue;
    ++verdict_.erasures;
    const v1::PendingErasure& erasure = change.pending_erasure();
    const absl::Status opened = Open(policy::key::PendingErasure(erasure.target(), erasure.id()),
                                     index, entry.decided_at());
    if (!opened.ok()) return opened;
  }
  if (!entry.command().has_erase_done()) return absl::OkStatus();
  const v1::EraseDone& done = entry.command().erase_done();
  const absl::StatusOr<bool> closed = Close(policy::key::PendingErasure(done.target(), done.id()));
  if (!closed.ok()) return closed.status();
  if (*closed) {
    ++verdict_.erased;
  } else {
    Mismatch(index, "the end of an erasure that is not open: never started, or done twice");
  }
  return absl::OkStatus();
}

// An entry that is no start.
void CompletenessCheck::CheckSilence(uint64_t index, const v1::Entry& entry) {
  const int64_t now = entry.decided_at();
  const bool founding = entry.command().has_found();
  const int64_t limit = promised_ + kClosingSlackSeconds + promised_ / kClosingSlackShare;
  const bool late = promised_ > 0 ? now - closed_at_ > limit : !founding;
  if (!late) return;
  if (NeedsNoKey(entry.command())) {
    if (!sealed_) sealed_since_ = latest_;
    sealed_ = true;
    return;
  }
  if (promised_ == 0 || (sealed_ && entry.command().has_close_checkpoint())) return;
  Mismatch(index,
           absl::StrCat("comes ", now - closed_at_, " s after the last closing entry, and every ",
                        promised_, " s one was promised"));
  closed_at_ = now;  // said once
  sealed_ = false;
}

void CompletenessCheck::CheckTime(uint64_t index, const v1::Entry& entry) {
  const v1::Command& command = entry.command();
  const int64_t now = entry.decided_at();
  if (now < latest_) Mismatch(index, "decided before the entry before it");
  if (command.time_unknown() && entry.decision().allowed() && !policy::WorksOnAnyTime(command)) {
    Mismatch(index, "was decided while the vault did not know the time, and had to wait");
  }
  if (command.has_start_service() && entry.decision().allowed()) {
    max_gap_ = max_gap_ == 0
                   ? command.start_service().max_gap_seconds()
                   : std::min<int64_t>(max_gap_, command.start_service().max_gap_seconds());
    if (promised_ > 0 && now - latest_ > max_gap_) {
      Mismatch(index, absl::StrCat("starts ", now - latest_,
                                   " s after the entry before it, and nobody confirmed the time"));
    }
    max_gap_ = command.start_service().max_gap_seconds();
    if (promised_ > 0) {
      ++verdict_.restarts;
      if (verdict_.downtimes.size() < Mismatches::kKept) {
        verdict_.downtimes.push_back({index, sealed_ ? sealed_since_ : latest_, now});
      }
    }
    sealed_ = false;
    promised_ = command.start_service().checkpoint_seconds();
    closed_at_ = now;
    started_ = index;
  } else {
    CheckSilence(index, entry);
  }
  const int64_t goes_on = policy::TimeAfter(command, entry.decision().allowed(), now);
  if (goes_on != now) {  // silence is measured anew from there
    latest_ = goes_on;
    closed_at_ = goes_on;
  }
  latest_ = std::max(latest_, goes_on);
  last_closes_ = command.has_close_checkpoint() && entry.decision().allowed();
  if (!last_closes_) return;
  ++verdict_.closings;
  if (sealed_) return;  // of what a sealed vault entered: it promises nothing
  if (promised_ == 0) Mismatch(index, "a closing entry, and no start of the vault before it");
  closed_at_ = now;
}

absl::Status CompletenessCheck::Add(uint64_t index, const v1::Entry& entry) {
  if (index == 0 && !(entry.command().has_found() && entry.decision().allowed())) {
    Mismatch(index, "the log does not begin with the founding of the vault");
  }
  CheckTime(index, entry);
  next_ = index + 1;
  if (!entry.decision().allowed()) return absl::OkStatus();
  const absl::Status search = CheckSearch(index, entry);
  if (!search.ok()) return search;
  return CheckErasures(index, entry);
}

absl::Status CompletenessCheck::Finish() {
  if (!last_closes_) {
    Mismatch(next_ == 0 ? 0 : next_ - 1, "the last entry does not close its checkpoint");
  }
  const std::string searches =
      absl::StrCat(std::string(kOpenPrefix), policy::KindPrefix(v1::RecordChange::kPendingSearch));
  return scratch_.ForEachUnder(kOpenPrefix, [&](std::string_view key, std::string_view value) {
    const uint64_t index = base::ReadBigEndian(value.substr(0, base::kNumberBytes));
    const auto at = static_cast<int64_t>(base::ReadBigEndian(value.substr(base::kNumberBytes)));
    const bool search = key.starts_with(searches);
    if (index < started_) {
      Mismatch(index, search ? "a search without an outcome, although the vault started since"
                             : "an erasure that is not done, although the vault started since");
    } else if (latest_ - at > kOpenSeconds) {
      Mismatch(index, search ? "a search without an outcome for over an hour"
                             : "an erasure that is not done for over an hour");
    } else {
      ++(search ? verdict_.open_searches : verdict_.open_erasures);
    }
  });
}

}  // namespace kluis::audit
