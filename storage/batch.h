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
    std::string key;
    std::string value;  // of kPut
  };

  Batch() = default;
  Batch(Batch&&) = default;
  Batch& operator=(Batch&&) = default;
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  void Put(Column column, std::string_view key, std::string_view value);

  // Deleting a key that is absent is no error.
  void Delete(Column column, std::string_view key);

  // Bytes of all keys and values.
  std::size_t bytes() const { return bytes_; }
  bool empty() const { return changes_.empty(); }
  const std::vector<Change>& changes() const { return changes_; }

 private:
  std::vector<Change> changes_;
  std::size_t bytes_ = 0;
};

}  // namespace kluis::storage

#endif  // KLUIS_STORAGE_BATCH_H_
