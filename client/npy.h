// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_CLIENT_NPY_H_
#define KLUIS_CLIENT_NPY_H_

// Reads and writes NumPy's .npy files row by row, so that a batch of millions of templates needs
// about 1 MiB of memory. The header is read by a strict parser; nothing in a file is evaluated.
// A file is untrusted: every size is checked against the file's own before memory is taken.
// Source: numpy.lib.format, versions 1.0, 2.0 and 3.0.
//
// Messages start with the file's path and say what to do. Rows and columns in them count from 0,
// as in NumPy. Values never appear in them.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file_descriptor.h"

namespace kluis::client {

inline constexpr std::string_view kNpyMagic{"\x93NUMPY", 6};
inline constexpr uint64_t kNpyMaxHeaderBytes = 64 * 1024;
inline constexpr uint64_t kNpyMaxRows = 10'000'000;
inline constexpr uint64_t kNpyMaxColumns = 4096;

// What the header of a .npy file says, checked against the limits above.
struct NpyHeader {
  bool big_endian = false;
  bool fortran_order = false;  // columns one after another, not rows
  uint64_t item_bytes = 4;     // 4: float32, 8: float64
  uint64_t rows = 0;           // 1 for a 1-D array
  uint64_t columns = 0;
};

// Reads the header's text: a Python dict literal with exactly 'descr', 'fortran_order' and 'shape'.
// kInvalidArgument: another syntax, a missing, repeated or unknown key, a dtype other than
// <f4 <f8 >f4 >f8, a shape that is not 1-D or 2-D, empty, or over the limits.
absl::StatusOr<NpyHeader> ParseNpyHeader(std::string_view text);

// Not thread-safe. Movable.
class NpyReader {
 public:
  // Opens a regular file and checks its header and its size, but no value yet.
  // kNotFound, kPermissionDenied and others: as the operating system refuses.
  // kInvalidArgument: not a .npy file, a version other than 1.0, 2.0 and 3.0, a header that
  // ParseNpyHeader refuses or over 64 KiB, or bytes missing or left over at the end.
  static absl::StatusOr<NpyReader> Open(const std::string& path);

  uint64_t rows() const { return header_.rows; }
  size_t dimension() const { return static_cast<size_t>(header_.columns); }

  // Writes the next row to `out` as float32. NaN and infinity are passed on.
  // kOutOfRange: all rows were read. kInvalidArgument: `out` is not dimension() long, a float64 is
  // beyond float32's range, or the file became shorter since Open.
  absl::Status ReadRow(std::span<float> out);

 private:
  NpyReader(std::string path, base::FileDescriptor file, NpyHeader header, uint64_t data_offset);

  // Loads the next rows, about 1 MiB of them, row by row whatever the file's order.
  absl::Status FillBlock();
  absl::Status ReadExactly(uint64_t offset, std::span<char> out) const;

  std::string path_;
  base::FileDescriptor file_;
  NpyHeader header_;
  uint64_t data_offset_;
  uint64_t next_row_ = 0;
  uint64_t block_first_ = 0;  // first row in block_
  uint64_t block_rows_ = 0;
  std::vector<char> block_;
};

// Writes a 2-D float32 array ('<f4', C order, version 1.0), readable by its owner only.
// Not thread-safe. Movable.
class NpyWriter {
 public:
  // kInvalidArgument: `rows` not in 1..10,000,000 or `columns` not in 1..4096.
  // kFailedPrecondition: the file exists; it is not overwritten.
  // Other codes: as the operating system refuses.
  static absl::StatusOr<NpyWriter> Create(const std::string& path, uint64_t rows, uint64_t columns);

  // kInvalidArgument: `row` is not `columns` long. kFailedPrecondition: all rows were written.
  absl::Status WriteRow(std::span<const float> row);

  // Writes what is left and closes. kFailedPrecondition: fewer rows than promised were written,
  // or it was closed before. A file that was not closed is refused by NpyReader as truncated.
  absl::Status Close();

 private:
  NpyWriter(std::string path, base::FileDescriptor file, uint64_t rows, uint64_t columns);

  absl::Status Flush();

  std::string path_;
  base::FileDescriptor file_;
  uint64_t columns_;
  uint64_t rows_left_;
  std::string buffer_;
};

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_NPY_H_
