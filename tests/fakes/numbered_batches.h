// SPDX-License-Identifier: Apache-2.0
// A sequence of batches 0, 1, 2, ... of which a reader can tell how many a database holds, whether
// each is whole, and whether one is missing before another.
#ifndef KLUIS_TESTS_FAKES_NUMBERED_BATCHES_H_
#define KLUIS_TESTS_FAKES_NUMBERED_BATCHES_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "storage/batch.h"
#include "storage/layout.h"
#include "storage/reader.h"

namespace kluis::storage {

inline std::string NumberedKey(std::uint64_t number) { return "b" + EncodeU64(number); }

inline std::string NumberedValue(std::uint64_t number, std::size_t size) {
  const auto letter = static_cast<char>('a' + number % 26);
  return EncodeU64(number) + std::string(size, letter);
}

// One record in each column, the count of batches so far, and a record that the next batch deletes.
// About 4 x `size` bytes.
inline Batch NumberedBatch(std::uint64_t number, std::size_t size) {
  Batch batch;
  for (const Column column : kColumns) {
    batch.Put(column, NumberedKey(number), NumberedValue(number, size));
  }
  batch.Put(Column::kLog, LogSizeKey(), EncodeU64(number + 1));
  batch.Put(Column::kState, "last" + EncodeU64(number), "");
  if (number > 0) batch.Delete(Column::kState, "last" + EncodeU64(number - 1));
  return batch;
}

// How many batches there are. Fails the test unless those are whole and of all others there is
// nothing.
inline std::uint64_t CountNumberedBatches(const Reader& reader, std::size_t size) {
  const auto stored = reader.Get(Column::kLog, LogSizeKey());
  EXPECT_TRUE(stored.ok()) << stored.status();
  if (!stored.ok()) return 0;
  const std::uint64_t count = stored->has_value() ? DecodeU64(**stored).value_or(0) : 0;
  for (const Column column : kColumns) {
    std::uint64_t next = 0;
    const absl::Status scanned =
        reader.Scan(column, "b", [&](std::string_view key, std::string_view value) {
          EXPECT_EQ(key, NumberedKey(next)) << ColumnName(column) << ": a batch is missing";
          EXPECT_EQ(value, NumberedValue(next, size));
          ++next;
          return true;
        });
    EXPECT_TRUE(scanned.ok()) << scanned;
    EXPECT_EQ(next, count) << ColumnName(column) << ": a batch is there in part";
  }
  std::string last;
  EXPECT_TRUE(reader
                  .Scan(Column::kState, "last",
                        [&](std::string_view key, std::string_view) {
                          last.append(key);
                          return true;
                        })
                  .ok());
  EXPECT_EQ(last, count == 0 ? "" : "last" + EncodeU64(count - 1));
  return count;
}

}  // namespace kluis::storage

#endif  // KLUIS_TESTS_FAKES_NUMBERED_BATCHES_H_
