// SPDX-License-Identifier: Apache-2.0
// The state that a replay folds a log into, in bounded memory however long the log is. Records
// stand in memory up to a budget; beyond it those that were neither written nor read for longest go
// to a temporary SQLite database, which the system removes with the process. A filter of fixed size
// tells of most keys that they are not in that database, so that new ids cost no lookup.
//
// In memory a record is one run of bytes in a segment of 1 MiB: flag[1] | key size[2] |
// value size[4] | key | value, and 8 bytes in a hash table: tag[2] | address[6]. A rewritten record
// is written anew at the end. When the budget is full the oldest segments go: what was read since
// moves to the end once more, what is left goes to disk.
// Not thread-safe.
#ifndef KLUIS_AUDIT_REPLAY_SCRATCH_STATE_H_
#define KLUIS_AUDIT_REPLAY_SCRATCH_STATE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "policy/state_view.h"

struct sqlite3;
struct sqlite3_stmt;

namespace kluis::audit {

class ScratchState : public policy::StateView {
 public:
  struct Options {
    size_t memory_bytes = size_t{64} << 20;  // of records and table; at least a few segments
    size_t filter_bytes = size_t{8} << 20;   // a power of two
    size_t segment_bytes = size_t{1} << 20;  // an odd size makes tests spill sooner
  };

  // kInternal: SQLite cannot make a temporary database.
  static absl::StatusOr<std::unique_ptr<ScratchState>> Create(const Options& options);
  ~ScratchState() override;

  ScratchState(const ScratchState&) = delete;
  ScratchState& operator=(const ScratchState&) = delete;

  // kInternal: the temporary database fails, for example because its disk is full.
  absl::StatusOr<std::optional<std::string>> Read(std::string_view key) const override;
  policy::RecordCache* cache() const override { return &cache_; }

  // Writes `value` under `key`, or removes `key`, and returns what was there before. Keys of 1
  // byte to 64 KiB; key and value together must fit a segment. kInvalidArgument: they do not.
  // kInternal: as Read.
  absl::StatusOr<std::optional<std::string>> Write(std::string_view key,
                                                   std::optional<std::string_view> value);

  // Every record whose key starts with `prefix`, in no order. Scans all of memory.
  absl::Status ForEachUnder(
      std::string_view prefix,
      const std::function<void(std::string_view key, std::string_view value)>& visit) const;

  uint64_t spilled() const { return spilled_; }  // records written to disk so far
  size_t memory() const;                         // bytes of segments, table and filter

 private:
  struct Record {
    std::string_view key;
    std::string_view value;
    bool removed = false;  // hides a record on disk
  };

  explicit ScratchState(const Options& options);
  absl::Status OpenDatabase();

  uint64_t HashOf(std::string_view key) const;
  char* At(uint64_t address) const;
  Record RecordAt(uint64_t address) const;
  // The slot of `key`, or the free one where it belongs.
  size_t FindSlot(std::string_view key, uint64_t hash) const;
  void FreeSlot(size_t slot);
  void Grow();
  uint64_t Append(const Record& record);
  void Place(const Record& record, uint64_t hash);

  absl::Status MakeRoom();
  absl::Status SpillOldest();
  absl::Status Spill(const std::vector<Record>& records);
  bool MayBeOnDisk(uint64_t hash) const;
  void MarkOnDisk(uint64_t hash);
  absl::StatusOr<std::optional<std::string>> ReadFromDisk(std::string_view key) const;
  absl::Status Failed() const;

  const Options options_;
  const uint64_t seed_;
  std::deque<std::unique_ptr<char[]>> segments_;
  uint64_t first_segment_ = 0;  // number of segments_[0]
  size_t used_ = 0;             // bytes of the last segment
  std::vector<uint64_t> table_;
  size_t taken_ = 0;  // slots
  std::vector<uint64_t> filter_;
  uint64_t spilled_ = 0;

  sqlite3* database_ = nullptr;
  sqlite3_stmt* select_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  sqlite3_stmt* remove_ = nullptr;

  // What governs, and is read all the time; few people come back soon, and more would only push
  // others out of the processor's caches.
  mutable policy::RecordCache cache_{256};
};

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_REPLAY_SCRATCH_STATE_H_
