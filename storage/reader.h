// SPDX-License-Identifier: Apache-2.0
// Reading ordered records: implemented by Database (the latest state) and Snapshot (one moment).
#ifndef KLUIS_STORAGE_READER_H_
#define KLUIS_STORAGE_READER_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/layout.h"

namespace kluis::storage {

// Thread-safe. All functions: kDataLoss when the disk returns bytes that fail their checksum;
// kUnavailable when the disk fails, or after a failed write or sync (see Database).
class Reader {
 public:
  // Sees one record; both views end with the call. Returns false to stop. Must not close the
  // database.
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;

  virtual ~Reader() = default;

  // The value, or nothing when there is no such key.
  virtual absl::StatusOr<std::optional<std::string>> Get(Column column,
                                                         std::string_view key) const = 0;

  // Visits the records with begin <= key < end in bytewise key order; an empty `end` is no end.
  // A scan sees one moment: writes during it do not appear in it.
  virtual absl::Status ScanRange(Column column, std::string_view begin, std::string_view end,
                                 const Visit& visit) const = 0;

  // Sees the value of the i-th key, which ends with the call; nothing: there is none. Returns false
  // to stop.
  using VisitEach = std::function<bool(std::size_t i, std::optional<std::string_view> value)>;

  // Visits what is under `keys`, which ascend, in their order and as of one moment. Of many keys
  // that lie near each other each costs a fraction of a Get, and what is read does not displace
  // what others read again and again.
  virtual absl::Status GetEach(Column column, std::span<const std::string> keys,
                               const VisitEach& visit) const = 0;

  // Visits the records whose key starts with `prefix`, in bytewise key order.
  absl::Status Scan(Column column, std::string_view prefix, const Visit& visit) const {
    return ScanRange(column, prefix, PrefixEnd(prefix), visit);
  }

 protected:
  Reader() = default;
  Reader(const Reader&) = default;
  Reader& operator=(const Reader&) = default;
};

}  // namespace kluis::storage

#endif  // KLUIS_STORAGE_READER_H_
