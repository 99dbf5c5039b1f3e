// SPDX-License-Identifier: Apache-2.0
#include "audit/replay/state.h"

#include <chrono>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/codec.h"

namespace kluis::audit {
namespace {

template <class Future>
bool IsReady(const Future& future) {
  return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

}  // namespace

NetWrites::Run NetWrites::Keep(std::string_view bytes) {
  const Run run{static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(bytes.size())};
  bytes_.append(bytes);
  return run;
}

std::string_view NetWrites::View(const Run& run) const {
  return std::string_view(bytes_).substr(run.begin, run.size);
}

void NetWrites::Add(std::string_view key, const std::optional<std::string>& before,
                    std::optional<std::string_view> after) {
  size_t slot = std::hash<std::string_view>()(key) % kSlots;
  while (slots_[slot] != 0 && View(nets_[slots_[slot] - 1u].key) != key) {
    slot = (slot + 1) % kSlots;
  }
  if (slots_[slot] == 0) {
    Net& net = nets_.emplace_back();
    slots_[slot] = static_cast<uint16_t>(nets_.size());
    net.key = Keep(key);
    if (before.has_value()) net.before = Keep(*before);
  }
  nets_[slots_[slot] - 1u].after = after.has_value() ? Keep(*after) : Run{};
}

StateDigest NetWrites::Digest() const {
  StateDigest digest;
  for (const Net& net : nets_) {
    const bool was = net.before.size != kAbsent;
    const bool is = net.after.size != kAbsent;
    if (was == is && (!was || View(net.before) == View(net.after))) continue;
    if (was) digest.Remove(View(net.key), View(net.before));
    if (is) digest.Add(View(net.key), View(net.after));
  }
  return digest;
}

absl::Status StateFold::Apply(std::string_view key, std::optional<std::string_view> value) {
  const absl::StatusOr<std::optional<std::string>> before = state_.Write(key, value);
  if (!before.ok()) return before.status();
  if (before->has_value()) --verdict_.records;
  if (value.has_value()) ++verdict_.records;
  nets_->Add(key, *before, value);
  if (nets_->size() >= kSlice || nets_->bytes() >= kSliceBytes) {
    Slice();
    Take(kWaiting);
  }
  return absl::OkStatus();
}

void StateFold::Slice() {
  if (nets_->size() == 0) return;
  std::shared_ptr<const NetWrites> nets = std::exchange(nets_, std::make_unique<NetWrites>());
  steps_.emplace_back().part = pool_.Submit([nets] { return nets->Digest(); });
}

void StateFold::Compare(uint64_t index, const v1::CloseCheckpoint& closing) {
  if (closing.records() != verdict_.records) {
    verdict_.mismatches.Add(
        {index, "", "",
         absl::StrCat("the state has ", verdict_.records, " records, and the closing entry says ",
                      closing.records())});
    ++verdict_.compared;
    return;
  }
  Slice();
  Step& step = steps_.emplace_back();
  step.index = index;
  step.claimed = closing.state_digest();
  Take(kWaiting);
}

void StateFold::Take(size_t waiting) {
  while (!steps_.empty()) {
    Step& step = steps_.front();
    if (step.part.valid()) {
      if (steps_.size() <= waiting && !IsReady(step.part)) break;
      digest_.Merge(step.part.get());
      value_ = {};
    } else {
      if (!value_.valid()) {
        value_ = pool_.Submit([digest = digest_] { return digest.Value(); }).share();
      }
      comparisons_.push_back({value_, step.index, std::move(step.claimed)});
    }
    steps_.pop_front();
  }
  while (!comparisons_.empty()) {
    const Comparison& comparison = comparisons_.front();
    if (comparisons_.size() <= waiting && !IsReady(comparison.value)) break;
    ++verdict_.compared;
    const std::string_view folded = crypto::Bytes(comparison.value.get());
    if (folded != comparison.claimed) {
      verdict_.mismatches.Add(
          {comparison.index, "", "",
           absl::StrCat("the fold of the log has the state digest ", base::ToHex(folded),
                        ", and the closing entry says ", base::ToHex(comparison.claimed))});
    }
    comparisons_.pop_front();
  }
}

void StateFold::Finish() {
  Slice();
  Take(0);
}

}  // namespace kluis::audit
