// SPDX-License-Identifier: Apache-2.0
#include "storage/wal_order.h"

#include <cstddef>
#include <string_view>

#include "rocksdb/write_batch.h"

namespace kluis::storage {
namespace {

// A batch begins with its sequence number: u64, little-endian (RocksDB, db/write_batch.cc).
constexpr std::size_t kSequenceSize = 8;

std::uint64_t SequenceOf(std::string_view batch) {
  std::uint64_t sequence = 0;
  for (std::size_t i = kSequenceSize; i-- > 0;) {
    sequence = sequence << 8 | static_cast<std::uint8_t>(batch[i]);
  }
  return sequence;
}

}  // namespace

rocksdb::WalFilter::WalProcessingOption WalOrder::LogRecordFound(unsigned long long,
                                                                 const std::string&,
                                                                 const rocksdb::WriteBatch& batch,
                                                                 rocksdb::WriteBatch*, bool*) {
  const std::string& bytes = batch.Data();
  if (bytes.size() < kSequenceSize) return WalProcessingOption::kCorruptedRecord;
  const std::uint64_t sequence = SequenceOf(bytes);
  if (next_.has_value() && sequence > *next_) return WalProcessingOption::kStopReplay;
  next_ = sequence + batch.Count();
  return WalProcessingOption::kContinueProcessing;
}

}  // namespace kluis::storage
