// SPDX-License-Identifier: Apache-2.0
// A list of changes that are written together or not at all. Not thread-safe.
#ifndef KLUIS_STORAGE_BATCH_H_
#define KLUIS_STORAGE_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/layout.h"

namespace kluis::storage {

// Applied in the order of the calls: a later change of the same key wins. Copies keys and values.
class Batch {
 public:
  struct Change {
    enum class Kind : std::uint8_t { kPut, kDelete };
    Kind kind;
    Column column;
    std::string_view key;
    std::string_view value;  // of kPut
  };

  Batch() = default;
  Batch(Batch&&) = default;
  Batch& operator=(Batch&&) = default;
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  void Put(Column column, std::string_view key, std::string_view value) {
    Add(Change::Kind::kPut, column, key, value);
  }

  // Deleting a key that is absent is no error.
  void Delete(Column column, std::string_view key) { Add(Change::Kind::kDelete, column, key, {}); }

  std::size_t size() const { return places_.size(); }
  bool empty() const { return places_.empty(); }

  // Bytes of all keys and values.
  std::size_t bytes() const { return bytes_.size(); }

  // The change at `index`, below size(); its bytes are valid until the batch is changed or moved.
  Change operator[](std::size_t index) const;

 private:
  struct Place {
    Change::Kind kind;
    Column column;
    std::size_t begin;  // of the key in bytes_; the value follows it
    std::size_t value;
    std::size_t end;
  };

  void Add(Change::Kind kind, Column column, std::string_view key, std::string_view value);

  std::vector<Place> places_;
  std::string bytes_;
};

}  // namespace kluis::storage

#endif  // KLUIS_STORAGE_BATCH_H_
