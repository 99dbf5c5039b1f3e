// SPDX-License-Identifier: Apache-2.0
// Whether a probe is one that its case searched with before, or nearly: who climbs towards somebody
// by many small steps, or asks the same question of a gallery again and again, spends the warrant's
// budget twice as fast, and the log says so.
//
// The sketches of a case's probes (matching/probe_sketch.h) lie sealed under the case's slot and go
// with it. They are made under a key of that slot, of the probe as it came: a rotation of the
// purpose does not disturb them, and nobody can link two cases by them. Read, compared and written
// within the commit of the search's intent, so that of two equal probes at the same time one is the
// first. A search that was aborted answered nothing, and its sketch is taken back, so that it can
// be asked again; not when a crash aborted it.
//
// One search's; not thread-safe. The vault must outlive it.
#ifndef KLUIS_SERVICE_ACTS_PROBE_NOVELTY_H_
#define KLUIS_SERVICE_ACTS_PROBE_NOVELTY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/id.h"
#include "kluis/v1/ledger.pb.h"
#include "kluis/v1/sealed.pb.h"
#include "kluis/v1/types.pb.h"
#include "matching/probe_sketch.h"
#include "policy/facts.h"
#include "service/ledger/writes.h"
#include "service/vault.h"

namespace kluis::service {

class ProbeNovelty {
 public:
  static constexpr size_t kSketchesPerRow = 256;  // 16 KiB: what a search writes anew at most

  // Sketches `probe`, which ValidateTemplate let pass. Without such a case, or when its slot is
  // punctured, there is nothing to compare with: the rules refuse the search. Others: the store's.
  static absl::StatusOr<ProbeNovelty> Create(const Vault& vault, const std::string& case_id,
                                             const v1::Template& probe);

  // For Act::prepare of an Identify: says in the command whether an earlier probe of the case is
  // nearly equal. Looks at nothing where the rules refuse the search anyway. kDataLoss: a row of
  // sketches does not open.
  absl::Status Judge(const Writes& writes, policy::Time now, v1::Command& command);

  // For Act::attach, after Judge: keeps the sketch for the searches to come.
  absl::Status Keep(Writes& writes) const;

  // For Act::attach of the aborted outcome, after Keep was written: puts random bytes in the
  // sketch's place, which nothing is near to. Where the row does not open, it stays.
  void TakeBack(Writes& writes) const;

 private:
  explicit ProbeNovelty(const Sealer& sealer) : sealer_(&sealer) {}

  absl::StatusOr<bool> IsRepeated(const Writes& writes);
  std::string RowKey() const;
  absl::Status Write(const std::string& key, const v1::SealedProbeSketches& row,
                     Writes& writes) const;

  const Sealer* sealer_;
  base::Id case_id_ = {};
  uint32_t case_slot_ = 0;
  std::optional<matching::ProbeSketch> sketch_;
  uint16_t row_ = 0;  // the last one, which has room
  v1::SealedProbeSketches last_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_ACTS_PROBE_NOVELTY_H_
