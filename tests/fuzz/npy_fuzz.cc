// SPDX-License-Identifier: Apache-2.0
// Any bytes as a template file: through the .npy reader and, for JSON as well, the batch reader.
// Checks that what is accepted can be read to its promised end, and that every refusal has a code.
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "client/npy.h"
#include "client/template_file.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

// Returns the dimension, or 4 when the bytes are no .npy file.
size_t ReadNpy(const std::string& path) {
  absl::StatusOr<kluis::client::NpyReader> reader = kluis::client::NpyReader::Open(path);
  if (!reader.ok()) {
    Require(reader.status().code() == absl::StatusCode::kInvalidArgument);
    return 4;
  }
  std::vector<float> row(reader->dimension());
  uint64_t rows = 0;
  absl::Status read;
  while ((read = reader->ReadRow(row)).ok()) ++rows;
  Require(read.code() == absl::StatusCode::kInvalidArgument ||
          (read.code() == absl::StatusCode::kOutOfRange && rows == reader->rows()));
  return reader->dimension();
}

void ReadBatch(const std::string& path, size_t dimension) {
  absl::StatusOr<kluis::client::TemplateBatch> batch =
      kluis::client::TemplateBatch::Open(path, dimension);
  if (!batch.ok()) {
    Require(batch.status().code() == absl::StatusCode::kInvalidArgument);
    return;
  }
  Require(batch->size() > 0);
  uint64_t rows = 0;
  while (true) {
    const absl::StatusOr<std::vector<float>> row = batch->Next();
    if (!row.ok()) {
      Require(row.status().code() == absl::StatusCode::kInvalidArgument ||
              (row.status().code() == absl::StatusCode::kOutOfRange && rows == batch->size()));
      return;
    }
    Require(row->size() == dimension);
    for (const float value : *row) Require(std::isfinite(value));
    ++rows;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const int file = memfd_create("npy_fuzz", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  Require(ftruncate(file, 0) == 0);
  Require(pwrite(file, data, size, 0) == static_cast<ssize_t>(size));
  ReadBatch(path, ReadNpy(path));
  return 0;
}
