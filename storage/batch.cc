// SPDX-License-Identifier: Apache-2.0
#include "storage/batch.h"

namespace kluis::storage {

void Batch::Add(Change::Kind kind, Column column, std::string_view key, std::string_view value) {
  const std::size_t begin = bytes_.size();
  bytes_.append(key);
  bytes_.append(value);
  places_.push_back({kind, column, begin, begin + key.size(), bytes_.size()});
}

Batch::Change Batch::operator[](std::size_t index) const {
  const Place& place = places_[index];
  const std::string_view bytes = bytes_;
  return {place.kind, place.column, bytes.substr(place.begin, place.value - place.begin),
          bytes.substr(place.value, place.end - place.value)};
}

}  // namespace kluis::storage
