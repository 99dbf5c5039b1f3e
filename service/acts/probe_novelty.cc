// SPDX-License-Identifier: Apache-2.0
#include "service/acts/probe_novelty.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "base/id.h"
#include "crypto/random.h"
#include "policy/decide.h"
#include "policy/record_key.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

using matching::kProbeSketchBytes;
using storage::Column;

constexpr size_t kRowBytes = ProbeNovelty::kSketchesPerRow * kProbeSketchBytes;

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

bool HasNearlyEqual(std::string_view sketches, const matching::ProbeSketch& sketch) {
  for (size_t at = 0; at < sketches.size(); at += kProbeSketchBytes) {
    const auto earlier = Bytes(sketches.substr(at, kProbeSketchBytes));
    if (matching::DifferingBits(earlier, sketch) <= matching::kMaxRepeatBits) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<ProbeNovelty> ProbeNovelty::Create(const Vault& vault, const std::string& case_id,
                                                  const v1::Template& probe) {
  ProbeNovelty novelty(vault.sealer());
  const auto kase = policy::Find<v1::CaseRecord>(vault.state(), policy::key::Case(case_id));
  if (!kase.ok()) return kase.status();
  if (!kase->has_value()) return novelty;
  const auto id = base::IdFromBytes(case_id);
  if (!id.ok()) return id.status();
  const auto key = vault.sealer().ProbeSketchKey(**kase);
  if (absl::IsNotFound(key.status())) return novelty;
  if (!key.ok()) return key.status();
  const auto sketch = matching::SketchProbe(
      *matching::FindAlgorithm(probe.algorithm()), key->Expose(),
      std::span(probe.values().data(), static_cast<size_t>(probe.values_size())));
  if (!sketch.ok()) return sketch.status();
  novelty.case_id_ = *id;
  novelty.case_slot_ = (*kase)->slot();
  novelty.sketch_ = *sketch;
  return novelty;
}

std::string ProbeNovelty::RowKey() const { return storage::SketchesKey(case_id_, row_); }

absl::StatusOr<bool> ProbeNovelty::IsRepeated(const Writes& writes) {
  if (!sketch_.has_value()) return false;
  bool repeated = false;
  for (row_ = 0;; ++row_) {
    last_.clear_sketches();
    const std::string key = RowKey();
    const auto sealed = writes.Get(Column::kSealed, key);
    if (!sealed.ok()) return sealed.status();
    if (!sealed->has_value()) return repeated;
    const auto opened = sealer_->Open(case_slot_, kNoveltyUse, key, **sealed);
    if (!opened.ok()) return opened.status();
    if (!last_.ParseFromArray(opened->Expose().data(), static_cast<int>(opened->size())) ||
        last_.sketches().size() % kProbeSketchBytes != 0) {
      return absl::DataLossError("case: its sketches are damaged");
    }
    repeated = repeated || HasNearlyEqual(last_.sketches(), *sketch_);
    if (last_.sketches().size() < kRowBytes) return repeated;
  }
}

absl::Status ProbeNovelty::Judge(const Writes& writes, policy::Time now, v1::Command& command) {
  const absl::StatusOr<policy::Ruling> ruling = policy::Decide(writes, command, now);
  if (!ruling.ok() || !ruling->decision.allowed()) return ruling.status();
  const absl::StatusOr<bool> repeated = IsRepeated(writes);
  if (repeated.ok()) command.mutable_identify()->set_repeated_probe(*repeated);
  return repeated.status();
}

absl::Status ProbeNovelty::Write(const std::string& key, const v1::SealedProbeSketches& row,
                                 Writes& writes) const {
  const auto sealed = sealer_->Seal(case_slot_, kNoveltyUse, key, row.SerializeAsString());
  if (!sealed.ok()) return sealed.status();
  writes.Put(Column::kSealed, key, *sealed);
  return absl::OkStatus();
}

absl::Status ProbeNovelty::Keep(Writes& writes) const {
  if (!sketch_.has_value()) return absl::InternalError("case: its probe has no sketch");
  v1::SealedProbeSketches row = last_;
  row.mutable_sketches()->append(sketch_->begin(), sketch_->end());
  return Write(RowKey(), row, writes);
}

void ProbeNovelty::TakeBack(Writes& writes) const {
  const std::string key = RowKey();
  const auto sealed = writes.Get(Column::kSealed, key);
  if (!sealed.ok() || !sealed->has_value()) return;
  const auto opened = sealer_->Open(case_slot_, kNoveltyUse, key, **sealed);
  v1::SealedProbeSketches row;
  if (!opened.ok() ||
      !row.ParseFromArray(opened->Expose().data(), static_cast<int>(opened->size()))) {
    return;
  }
  const size_t at = last_.sketches().size();  // where Keep put it
  if (row.sketches().size() < at + kProbeSketchBytes) return;
  row.mutable_sketches()->replace(at, kProbeSketchBytes, crypto::RandomBytes(kProbeSketchBytes));
  Write(key, row, writes).IgnoreError();
}

}  // namespace kluis::service
