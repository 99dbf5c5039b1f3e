// SPDX-License-Identifier: Apache-2.0
// The fold of a log: writes the entries' changes into a state and compares its digest and its
// number of records with every closing entry. A record that is written many times between two
// closing entries counts once, and the arithmetic of the digest is done by other threads. An object
// belongs to one thread.
#ifndef KLUIS_AUDIT_REPLAY_STATE_H_
#define KLUIS_AUDIT_REPLAY_STATE_H_

#include <cstdint>
#include <deque>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "audit/replay/report.h"
#include "audit/replay/scratch_state.h"
#include "audit/replay/work_pool.h"
#include "audit/state_digest.h"
#include "kluis/v1/ledger.pb.h"

namespace kluis::audit {

// Writes by key: what stood there before the first one, and what stands there after the last. All
// in one run of bytes, so that it passes from thread to thread as a whole.
class NetWrites {
 public:
  void Add(std::string_view key, const std::optional<std::string>& before,
           std::optional<std::string_view> after);
  size_t size() const { return nets_.size(); }
  size_t bytes() const { return bytes_.size(); }  // below 4 GiB, with those that were rewritten
  StateDigest Digest() const;

 private:
  static constexpr size_t kSlots = 8192;
  static constexpr uint32_t kAbsent = UINT32_MAX;

  struct Run {
    uint32_t begin = 0;
    uint32_t size = kAbsent;
  };
  struct Net {
    Run key, before, after;
  };

  Run Keep(std::string_view bytes);
  std::string_view View(const Run& run) const;

  std::string bytes_;
  std::vector<Net> nets_;
  std::vector<uint16_t> slots_ = std::vector<uint16_t>(kSlots, 0);  // index in nets_, plus one
};

class StateFold {
 public:
  // All three outlive this object.
  StateFold(ScratchState& state, WorkPool& pool, StateVerdict& verdict)
      : state_(state), pool_(pool), verdict_(verdict) {}

  // Writes `value` under `key`, or removes `key`. Errors are those of the scratch state.
  absl::Status Apply(std::string_view key, std::optional<std::string_view> value);

  // Entry `index`, whose writes are applied, says what the state is.
  void Compare(uint64_t index, const v1::CloseCheckpoint& closing);

  // Waits for all comparisons.
  void Finish();

 private:
  static constexpr size_t kSliceBytes = size_t{2} << 20;
  static constexpr size_t kSlice = 2048;  // records that one thread adds and removes at a time
  static constexpr size_t kWaiting = 64;  // steps that may wait for other threads

  // A part of the digest to be merged; or, without one, a closing entry to be compared.
  struct Step {
    std::future<StateDigest> part;
    uint64_t index = 0;
    std::string claimed;
  };
  struct Comparison {
    std::shared_future<crypto::Hash> value;
    uint64_t index = 0;
    std::string claimed;
  };

  void Slice();
  // Takes what is ready, in order, and waits until at most `waiting` of each kind are left.
  void Take(size_t waiting);

  ScratchState& state_;
  WorkPool& pool_;
  StateVerdict& verdict_;
  std::unique_ptr<NetWrites> nets_ = std::make_unique<NetWrites>();  // since the last slice
  std::deque<Step> steps_;
  std::deque<Comparison> comparisons_;
  StateDigest digest_;                      // of all parts taken
  std::shared_future<crypto::Hash> value_;  // of digest_; not valid: nobody has asked yet
};

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_REPLAY_STATE_H_
