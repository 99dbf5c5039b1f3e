// SPDX-License-Identifier: Apache-2.0
// How Kluis opens RocksDB: what is durable, what recovery accepts, and how each column is kept.
#ifndef KLUIS_STORAGE_OPEN_OPTIONS_H_
#define KLUIS_STORAGE_OPEN_OPTIONS_H_

#include <vector>

#include "rocksdb/db.h"
#include "rocksdb/options.h"

namespace kluis::storage {

// For the whole database. `env` and `wal_filter` are not owned and must outlive it.
rocksdb::DBOptions DatabaseOptions(bool create_if_missing, rocksdb::Env* env,
                                   rocksdb::WalFilter* wal_filter);

// One per Column, in the order of kColumns, then RocksDB's own "default", which stays empty.
std::vector<rocksdb::ColumnFamilyDescriptor> ColumnFamilies();

}  // namespace kluis::storage

#endif  // KLUIS_STORAGE_OPEN_OPTIONS_H_
