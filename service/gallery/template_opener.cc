// SPDX-License-Identifier: Apache-2.0
#include "service/gallery/template_opener.h"

#include <algorithm>
#include <utility>

namespace kluis::service {

absl::StatusOr<TemplateOpener> TemplateOpener::Create(const Sealer& sealer,
                                                      const policy::Grant& grant) {
  absl::StatusOr<crypto::EnvelopeOpener> envelope = crypto::EnvelopeOpener::Create();
  if (!envelope.ok()) return envelope.status();
  return TemplateOpener(sealer, grant, *std::move(envelope));
}

TemplateOpener::TemplateOpener(const Sealer& sealer, const policy::Grant& grant,
                               crypto::EnvelopeOpener envelope)
    : sealer_(&sealer), grant_(&grant), envelope_(std::move(envelope)), keys_(kAtOnce) {}

absl::Status TemplateOpener::Take(std::span<const v1::TemplateRecord> records) {
  Wipe();
  if (records.size() > kAtOnce) return absl::InvalidArgumentError("records: too many at a time");
  slots_.clear();
  for (const v1::TemplateRecord& record : records) {
    const absl::Status covered = Sealer::CheckCovered(*grant_, record);
    if (!covered.ok()) return covered;
    slots_.push_back(record.slot());
  }
  sealer_->keyring_.Keys(slots_, keys_);
  bindings_.resize(records.size());
  jobs_.clear();
  for (size_t i = 0; i < records.size(); ++i) {
    Sealer::PutTemplateBinding(records[i], bindings_[i]);
    const std::span<uint8_t, 32> key = keys_.ExposeMutable(i);  // of the slot, then of the template
    jobs_.push_back({key.data(), bindings_[i], key.data()});
  }
  crypto::KeyedBlake2bEach(Sealer::kTemplateUse, jobs_);
  records_ = records;
  return absl::OkStatus();
}

absl::Status TemplateOpener::Open(size_t i, std::string_view sealed, std::span<float> values) {
  const std::span<uint8_t> plain(reinterpret_cast<uint8_t*>(values.data()), values.size_bytes());
  if (i >= records_.size() || !keys_.Has(i) || !records_[i].custody_sha256().empty()) {
    std::ranges::fill(plain, uint8_t{0});
    return absl::DataLossError("record: does not authenticate");
  }
  return envelope_.Open(keys_.Expose(i), sealed, records_[i].id(), plain);
}

void TemplateOpener::Wipe() {
  records_ = {};
  keys_.Wipe();
  envelope_.Forget();
}

}  // namespace kluis::service
