// SPDX-License-Identifier: Apache-2.0
// Template algorithms by name and dimension, and template files opened for one.
#ifndef KLUIS_CLIENT_ALGORITHM_H_
#define KLUIS_CLIENT_ALGORITHM_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "client/template_file.h"
#include "kluis/v1/types.pb.h"

namespace kluis::client {

// 512 for "arcface-512/1": the digits between the last dash and the slash.
// kInvalidArgument: not of that form, or not 1 to 4096.
absl::StatusOr<size_t> DimensionOf(std::string_view algorithm);

// Not thread-safe.
class Templates {
 public:
  // `algorithm` empty: by the file's dimension, "arcface-512/1" or "dlib-128/1".
  // kInvalidArgument and others: as DimensionOf and TemplateBatch::Open.
  static absl::StatusOr<Templates> Open(const std::string& path, std::string_view algorithm);

  const std::string& algorithm() const { return algorithm_; }
  uint64_t size() const { return batch_.size(); }

  // As TemplateBatch::Next.
  absl::StatusOr<v1::Template> Next();

 private:
  Templates(std::string algorithm, TemplateBatch batch)
      : algorithm_(std::move(algorithm)), batch_(std::move(batch)) {}

  std::string algorithm_;
  TemplateBatch batch_;
};

// One template of a file. kInvalidArgument: no such row, or `row` absent and several rows.
absl::StatusOr<v1::Template> ReadTemplateRow(const std::string& path, std::optional<uint64_t> row,
                                             std::string_view algorithm);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_ALGORITHM_H_
