// SPDX-License-Identifier: Apache-2.0
// Opens many templates under one Grant: what Sealer::OpenTemplate does with each by itself, with
// keys that are derived a thousand at a time. For a gallery that is loaded. One thread at a time.
#ifndef KLUIS_SERVICE_GALLERY_TEMPLATE_OPENER_H_
#define KLUIS_SERVICE_GALLERY_TEMPLATE_OPENER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/blake2b_lanes.h"
#include "crypto/envelope.h"
#include "crypto/slot_keys.h"
#include "kluis/v1/state.pb.h"
#include "policy/grant.h"
#include "service/custody/sealer.h"

namespace kluis::service {

class TemplateOpener {
 public:
  // Keys at a time: each costs the less the more there are, and lives the longer.
  static constexpr size_t kAtOnce = 1024;

  // `sealer` and `grant` must outlive it. kInternal: OpenSSL lacks the cipher.
  static absl::StatusOr<TemplateOpener> Create(const Sealer& sealer, const policy::Grant& grant);

  // Makes the keys of `records`, at most kAtOnce, in guarded memory; those of the last call are
  // wiped. `records` must live until Wipe. kPermissionDenied: the grant does not cover one of them;
  // there are no keys then.
  absl::Status Take(std::span<const v1::TemplateRecord> records);

  // Opens what is sealed of the i-th record taken into `values`, as long as the template.
  // kDataLoss: punctured before Take, altered, moved, of another length, or in its subject's
  // custody; one code for all, and `values` are zeros.
  absl::Status Open(size_t i, std::string_view sealed, std::span<float> values);

  // Wipes the keys.
  void Wipe();

 private:
  TemplateOpener(const Sealer& sealer, const policy::Grant& grant, crypto::EnvelopeOpener envelope);

  const Sealer* sealer_;
  const policy::Grant* grant_;
  crypto::EnvelopeOpener envelope_;
  crypto::SlotKeys keys_;
  std::span<const v1::TemplateRecord> records_;
  std::vector<uint32_t> slots_;
  std::vector<std::string> bindings_;
  std::vector<crypto::HashJob> jobs_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_GALLERY_TEMPLATE_OPENER_H_
