// SPDX-License-Identifier: Apache-2.0
#include "storage/open_options.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>

#include "rocksdb/cache.h"
#include "rocksdb/convenience.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/slice_transform.h"
#include "rocksdb/table.h"
#include "storage/layout.h"

namespace kluis::storage {
namespace {

constexpr std::size_t kMiB = 1024 * 1024;
constexpr std::size_t kWriteBufferBytes = 16 * kMiB;  // per column
constexpr std::size_t kMaxWalBytes = 64 * kMiB;
constexpr std::size_t kBlockCacheBytes = 64 * kMiB;  // shared by all columns
// Seven templates of 512 values, not two: a gallery is loaded from a third of the reads.
constexpr std::size_t kSealedBlockBytes = 16 * 1024;
constexpr double kBloomBitsPerKey = 10;
constexpr double kMemoryBloomRatio = 0.02;  // of the write buffer
constexpr std::size_t kLogPrefixBytes = 2;  // 'e' and its first byte; 'h' and its level

rocksdb::CompressionType CompressionOf(Column column) {
  if (column == Column::kSealed || column == Column::kDetails) {
    return rocksdb::kNoCompression;  // ciphertext does not shrink
  }
  const std::vector<rocksdb::CompressionType> supported = rocksdb::GetSupportedCompressions();
  const bool lz4 =
      std::find(supported.begin(), supported.end(), rocksdb::kLZ4Compression) != supported.end();
  return lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
}

rocksdb::ColumnFamilyOptions ColumnOptions(Column column,
                                           const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  if (column == Column::kSealed) table.block_size = kSealedBlockBytes;
  rocksdb::ColumnFamilyOptions options;
  if (column == Column::kLog) {
    // Entries, and the nodes of a level, come in the order of their keys: each is put after the one
    // before it without a search. They are read by keys that exist.
    options.memtable_insert_with_hint_prefix_extractor.reset(
        rocksdb::NewFixedPrefixTransform(kLogPrefixBytes));
  } else {
    // Elsewhere "not here" is a common answer, of tables on disk and of the one in memory.
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));
    options.memtable_prefix_bloom_size_ratio = kMemoryBloomRatio;
    options.memtable_whole_key_filtering = true;
  }
  options.write_buffer_size = kWriteBufferBytes;
  options.compression = CompressionOf(column);
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace

rocksdb::DBOptions DatabaseOptions(bool create_if_missing, rocksdb::Env* env,
                                   rocksdb::WalFilter* wal_filter) {
  rocksdb::DBOptions options;
  options.create_if_missing = create_if_missing;
  options.create_missing_column_families =
      create_if_missing;  // a crash may have cut creation short
  options.env = env;

  // Recovery. A batch is one WAL record. kTolerateCorruptedTailRecords drops a record cut short at
  // the end of a WAL, which is what a crash leaves of a batch that was never acknowledged, and
  // refuses to open on any record that fails its checksum. kPointInTimeRecovery would open there
  // and silently drop everything after it, acknowledged or not. The price: if a crash leaves a last
  // record of full length with wrong bytes, opening is refused too, although it may be
  // unacknowledged; nobody can tell.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.wal_filter = wal_filter;  // a cut between two WAL files ends the replay
  options.track_and_verify_wals_in_manifest =
      true;  // a missing or shortened synced WAL refuses to open
  // All columns are flushed together: else a table of one column could be ahead of what replay
  // gives the others, and a batch across columns would be there in part.
  options.atomic_flush = true;
  options.avoid_flush_during_shutdown = false;
  options.paranoid_checks = true;

  options.max_bgerror_resume_count = 0;  // after a fault the database stays failed until reopened
  options.max_total_wal_size = kMaxWalBytes;
  options.max_background_jobs = 2;
  options.allow_mmap_writes = false;  // a sync beside writes needs this
  // Batches reach the WAL file at the latest when they are synced, those of a group with one write.
  options.manual_wal_flush = true;

  // RocksDB's own log: below WARN it would name keys (bounds of compactions).
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.keep_log_file_num = 2;
  options.max_log_file_size = kMiB;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> ColumnFamilies() {
  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(kBlockCacheBytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const Column column : kColumns) {
    families.emplace_back(std::string(ColumnName(column)), ColumnOptions(column, cache));
  }
  families.emplace_back(rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions());
  return families;
}

}  // namespace kluis::storage
