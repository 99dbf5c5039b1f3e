// SPDX-License-Identifier: Apache-2.0
#include "client/algorithm.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace kluis::client {
namespace {

constexpr std::string_view kArcface = "arcface-512/1";
constexpr std::string_view kDlib = "dlib-128/1";

}  // namespace

absl::StatusOr<size_t> DimensionOf(std::string_view algorithm) {
  const size_t slash = algorithm.rfind('/');
  const size_t dash = algorithm.substr(0, slash).rfind('-');
  uint32_t dimension = 0;
  if (slash == std::string_view::npos || dash == std::string_view::npos ||
      !absl::SimpleAtoi(std::string(algorithm.substr(dash + 1, slash - dash - 1)), &dimension) ||
      dimension < 1 || dimension > kNpyMaxColumns) {
    return absl::InvalidArgumentError(
        absl::StrCat("algorithm: must be NAME-DIMENSION/VERSION, such as ", std::string(kArcface)));
  }
  return dimension;
}

absl::StatusOr<Templates> Templates::Open(const std::string& path, std::string_view algorithm) {
  if (algorithm.empty()) {
    absl::StatusOr<Templates> arcface = Open(path, kArcface);
    if (arcface.ok()) return arcface;
    absl::StatusOr<Templates> dlib = Open(path, kDlib);
    return dlib.ok() ? std::move(dlib) : std::move(arcface);
  }
  const absl::StatusOr<size_t> dimension = DimensionOf(algorithm);
  if (!dimension.ok()) return dimension.status();
  absl::StatusOr<TemplateBatch> batch = TemplateBatch::Open(path, *dimension);
  if (!batch.ok()) return batch.status();
  return Templates(std::string(algorithm), *std::move(batch));
}

absl::StatusOr<v1::Template> Templates::Next() {
  const absl::StatusOr<std::vector<float>> values = batch_.Next();
  if (!values.ok()) return values.status();
  v1::Template one;
  one.set_algorithm(algorithm_);
  one.mutable_values()->Add(values->begin(), values->end());
  return one;
}

absl::StatusOr<v1::Template> ReadTemplateRow(const std::string& path, std::optional<uint64_t> row,
                                             std::string_view algorithm) {
  absl::StatusOr<Templates> templates = Templates::Open(path, algorithm);
  if (!templates.ok()) return templates.status();
  const uint64_t wanted = row.value_or(0);
  if (!row.has_value() && templates->size() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": holds ", templates->size(), " templates; choose one with --row"));
  }
  if (wanted >= templates->size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": --row must be below ", templates->size(), "; rows count from 0"));
  }
  for (uint64_t skipped = 0; skipped < wanted; ++skipped) {
    const absl::StatusOr<v1::Template> other = templates->Next();
    if (!other.ok()) return other;
  }
  return templates->Next();
}

}  // namespace kluis::client
