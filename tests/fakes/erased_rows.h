// SPDX-License-Identifier: Apache-2.0
// What an erasure has to remove from the files of a database: the bytes of a row as it is sealed.
#ifndef KLUIS_TESTS_FAKES_ERASED_ROWS_H_
#define KLUIS_TESTS_FAKES_ERASED_ROWS_H_

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/codec.h"
#include "base/id.h"
#include "storage/database.h"
#include "storage/layout.h"

namespace kluis {

// The last id in a name, as in subjects/<id>/templates/<id>.
inline base::Id LastId(const std::string& name) {
  return *base::IdFromBytes(*base::FromHex(name.substr(name.rfind('/') + 1)));
}

// Of a row that is there, without its nonce: nothing else has these bytes.
inline std::string SealedBytes(const storage::Database& database, storage::Column column,
                               const std::string& key) {
  const auto row = database.Get(column, key);
  EXPECT_TRUE(row.ok() && row->has_value());
  return row.ok() && row->has_value() ? (*row)->substr(24, 32) : "no such row";
}

// Whether any file of the directory has the bytes.
inline bool InAnyFile(const std::string& directory, const std::string& bytes) {
  for (const auto& item : std::filesystem::directory_iterator(directory)) {
    std::ifstream file(item.path(), std::ios::binary);
    const std::string all(std::istreambuf_iterator<char>(file), {});
    if (all.find(bytes) != std::string::npos) return true;
  }
  return false;
}

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_ERASED_ROWS_H_
