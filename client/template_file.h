// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_CLIENT_TEMPLATE_FILE_H_
#define KLUIS_CLIENT_TEMPLATE_FILE_H_

// Template files as the users of InsightFace, DeepFace and dlib have them: a .npy array
// (client/npy.h) or a JSON array of numbers, told apart by content, not by name. 1-D is one
// template; 2-D, or an array of arrays, is a batch with a template in each row.
//
// Every template is checked before it is handed out: its dimension, NaN, infinity, and zero norm,
// which no metric can compare. Messages start with the path and name the row, counted from 0, and
// the rule; never a value.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/npy.h"

namespace kluis::client {

// A JSON file is held in memory; a larger batch is for .npy, which is not.
inline constexpr uint64_t kJsonMaxBytes = 64 * 1024 * 1024;

// Not thread-safe. Movable.
class TemplateBatch {
 public:
  // `dimension`: of every template, 1..4096.
  // kInvalidArgument: `dimension` out of range; neither .npy nor JSON; .npy that NpyReader refuses;
  // JSON over 64 MiB, with a syntax error, or other than numbers nested once or twice; templates of
  // another dimension; no templates. Other codes: as the operating system refuses.
  static absl::StatusOr<TemplateBatch> Open(const std::string& path, size_t dimension);

  // The number of templates in the file, read or not.
  uint64_t size() const { return size_; }

  // The next template, `dimension` values in order of the file.
  // kInvalidArgument: NaN, infinity or zero norm; the batch does not go past such a row.
  // kOutOfRange: all templates were read.
  absl::StatusOr<std::vector<float>> Next();

 private:
  TemplateBatch(std::string path, size_t dimension, uint64_t size)
      : path_(std::move(path)), dimension_(dimension), size_(size) {}

  std::string path_;
  size_t dimension_;
  uint64_t size_;
  uint64_t next_ = 0;
  absl::Status refused_;            // what Next refused, for every later call
  std::optional<NpyReader> npy_;    // else:
  std::vector<float> json_values_;  // size_ rows of dimension_
};

// Reads a file of exactly one template. kInvalidArgument: more than one; other codes as
// TemplateBatch::Open and Next.
absl::StatusOr<std::vector<float>> ReadTemplate(const std::string& path, size_t dimension);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_TEMPLATE_FILE_H_
