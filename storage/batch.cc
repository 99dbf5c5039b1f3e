#include "storage/batch.h"

namespace kluis::storage {

void Batch::Put(Column column, std::string_view key, std::string_view value) {
  changes_.push_back({Change::Kind::kPut, column, std::string(key), std::string(value)});
  bytes_ += key.size() + value.size();
}

void Batch::Delete(Column column, std::string_view key) {
  changes_.push_back({Change::Kind::kDelete, column, std::string(key), std::string()});
  bytes_ += key.size();
}

}  // namespace kluis::storage
