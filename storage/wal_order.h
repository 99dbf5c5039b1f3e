// SPDX-License-Identifier: Apache-2.0
// Watches the replay of the write-ahead log (WAL) and ends it at the first gap.
//
// RocksDB starts a new WAL file whenever memory is flushed, and does not sync the old one first.
// After a crash the old file can lack its tail while the new one is whole: replaying both would
// leave a hole, a batch without the one before it. Such a tail was never acknowledged (a sync
// covers all files in order, and RocksDB's manifest keeps the synced size of each ended file), so
// what follows was not either. Used by one thread, during Open.
#ifndef KLUIS_STORAGE_WAL_ORDER_H_
#define KLUIS_STORAGE_WAL_ORDER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "rocksdb/wal_filter.h"

namespace kluis::storage {

class WalOrder final : public rocksdb::WalFilter {
 public:
  // Batches carry consecutive sequence numbers, one per change, across all WAL files.
  WalProcessingOption LogRecordFound(unsigned long long log_number,
                                     const std::string& log_file_name,
                                     const rocksdb::WriteBatch& batch,
                                     rocksdb::WriteBatch* new_batch, bool* batch_changed) override;
  const char* Name() const override { return "kluis.WalOrder"; }

 private:
  std::optional<std::uint64_t> next_;  // the highest sequence number that leaves no gap
};

}  // namespace kluis::storage

#endif  // KLUIS_STORAGE_WAL_ORDER_H_
