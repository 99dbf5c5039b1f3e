// SPDX-License-Identifier: Apache-2.0
#include "client/npy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/file_error.h"

namespace kluis::client {
namespace {

constexpr uint64_t kBlockBytes = 1024 * 1024;
constexpr char kSaveAgain[] = "; save it again with numpy.save";

// Text of an untrusted file, safe and short enough for a message.
std::string Shown(std::string_view text) {
  const bool cut = text.size() > 24;
  return absl::StrCat(absl::CHexEscape(std::string(text.substr(0, 24))), cut ? "..." : "");
}

// The few Python literals that a header may hold. Each Take... consumes what it recognises.
class LiteralScanner {
 public:
  explicit LiteralScanner(std::string_view text) : rest_(text) {}

  bool Take(std::string_view token) {
    SkipBlanks();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  // A quoted string without escapes.
  std::optional<std::string_view> TakeString() {
    SkipBlanks();
    if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) return std::nullopt;
    const size_t end = rest_.find(rest_[0], 1);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view content = rest_.substr(1, end - 1);
    if (content.find_first_of("\\\n") != std::string_view::npos) return std::nullopt;
    rest_.remove_prefix(end + 1);
    return content;
  }

  // A decimal number without sign or leading zeros; the largest uint64 for anything over it.
  std::optional<uint64_t> TakeNumber() {
    SkipBlanks();
    constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
    const size_t digits = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    if (digits == 0 || (digits > 1 && rest_[0] == '0')) return std::nullopt;
    uint64_t value = 0;
    for (const char c : rest_.substr(0, digits)) {
      const auto digit = static_cast<uint64_t>(c - '0');
      value = value > (kMax - digit) / 10 ? kMax : value * 10 + digit;
    }
    rest_.remove_prefix(digits);
    return value;
  }

  bool AtEnd() {
    SkipBlanks();
    return rest_.empty();
  }

 private:
  void SkipBlanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
  }

  std::string_view rest_;
};

absl::Status ParseDescr(LiteralScanner& scanner, NpyHeader& header) {
  const std::optional<std::string_view> descr = scanner.TakeString();
  if (!descr) return Invalid("dtype is structured; save a plain float32 array");
  if (*descr != "<f4" && *descr != ">f4" && *descr != "<f8" && *descr != ">f8") {
    return Invalid("dtype is '", Shown(*descr), "'; only <f4, <f8, >f4 and >f8 are read: ",
                   "save it as float32: array.astype('float32')");
  }
  header.big_endian = descr->front() == '>';
  header.item_bytes = descr->back() == '8' ? 8 : 4;
  return absl::OkStatus();
}

absl::Status ParseShape(LiteralScanner& scanner, NpyHeader& header) {
  if (!scanner.Take("(")) return Invalid("header: 'shape' is not a tuple", kSaveAgain);
  std::vector<uint64_t> shape;
  bool comma = true;
  while (!scanner.Take(")")) {
    const std::optional<uint64_t> extent = comma ? scanner.TakeNumber() : std::nullopt;
    if (!extent) return Invalid("header: 'shape' is not a tuple of numbers", kSaveAgain);
    shape.push_back(*extent);
    if (shape.size() > 2) break;
    comma = scanner.Take(",");
  }
  if (shape.empty() || shape.size() > 2) {
    return Invalid("the array is neither 1-D (one template) nor 2-D (a row for each template); ",
                   "reshape it: array.reshape(-1, dimension)");
  }
  if (shape.size() == 1 && !comma) return Invalid("header: 'shape' is not a tuple", kSaveAgain);
  header.rows = shape.size() == 2 ? shape[0] : 1;
  header.columns = shape.back();
  if (header.rows == 0 || header.columns == 0) {
    return Invalid("the array is empty; save at least one template");
  }
  if (header.columns > kNpyMaxColumns) {
    return Invalid("the array has over ", kNpyMaxColumns,
                   " columns; save one row for each template");
  }
  if (header.rows > kNpyMaxRows) {
    return Invalid("the array has over ", kNpyMaxRows, " rows; split it into several files");
  }
  return absl::OkStatus();
}

absl::Status ParseOrder(LiteralScanner& scanner, NpyHeader& header) {
  header.fortran_order = scanner.Take("True");
  if (header.fortran_order || scanner.Take("False")) return absl::OkStatus();
  return Invalid("header: 'fortran_order' is neither True nor False", kSaveAgain);
}

template <typename Unsigned>
Unsigned Load(const char* bytes, bool big_endian) {
  std::array<unsigned char, sizeof(Unsigned)> raw{};
  std::memcpy(raw.data(), bytes, raw.size());
  if (big_endian) std::reverse(raw.begin(), raw.end());
  Unsigned value = 0;
  for (size_t i = raw.size(); i-- > 0;) value = static_cast<Unsigned>((value << 8) | raw[i]);
  return value;
}

// pread(2) until `out` is full; the number of bytes read is smaller only at the end of the file.
absl::StatusOr<size_t> ReadAt(int fd, uint64_t offset, std::span<char> out) {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t got =
        pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, "read");
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

}  // namespace

absl::StatusOr<NpyHeader> ParseNpyHeader(std::string_view text) {
  LiteralScanner scanner(text);
  NpyHeader header;
  bool descr = false, order = false, shape = false;
  if (!scanner.Take("{")) return Invalid("header: not a dict", kSaveAgain);
  bool comma = true;
  while (!scanner.Take("}")) {
    const std::optional<std::string_view> key = comma ? scanner.TakeString() : std::nullopt;
    if (!key || !scanner.Take(":")) return Invalid("header: not a dict", kSaveAgain);
    absl::Status parsed;
    if (*key == "descr" && !std::exchange(descr, true)) {
      parsed = ParseDescr(scanner, header);
    } else if (*key == "fortran_order" && !std::exchange(order, true)) {
      parsed = ParseOrder(scanner, header);
    } else if (*key == "shape" && !std::exchange(shape, true)) {
      parsed = ParseShape(scanner, header);
    } else {
      return Invalid("header: unknown or repeated key '", Shown(*key), "'", kSaveAgain);
    }
    if (!parsed.ok()) return parsed;
    comma = scanner.Take(",");
  }
  if (!scanner.AtEnd()) return Invalid("header: text after the dict", kSaveAgain);
  if (!descr || !order || !shape) {
    return Invalid("header: 'descr', 'fortran_order' or 'shape' is missing", kSaveAgain);
  }
  return header;
}

NpyReader::NpyReader(std::string path, base::FileDescriptor file, NpyHeader header,
                     uint64_t data_offset)
    : path_(std::move(path)), file_(std::move(file)), header_(header), data_offset_(data_offset) {}

absl::StatusOr<NpyReader> NpyReader::Open(const std::string& path) {
  // O_NONBLOCK: a named pipe is refused below, not waited for.
  base::FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat facts {};
  if (file.get() < 0 || fstat(file.get(), &facts) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat(path, ": open"));
  }
  if (!S_ISREG(facts.st_mode)) return Invalid(path, ": not a regular file; save the array to one");
  const auto file_bytes = static_cast<uint64_t>(facts.st_size);

  std::array<char, 12> prefix{};  // magic[6] | major | minor | header bytes u16 or u32
  const absl::StatusOr<size_t> got = ReadAt(file.get(), 0, prefix);
  if (!got.ok()) return WithPath(path, got.status());
  if (!std::string_view(prefix.data(), *got).starts_with(kNpyMagic)) {
    return Invalid(path, ": not a .npy file; save the array with numpy.save");
  }
  const int major = static_cast<unsigned char>(prefix[6]);
  const int minor = static_cast<unsigned char>(prefix[7]);
  if (*got >= 8 && (major < 1 || major > 3 || minor != 0)) {
    return Invalid(path, ": .npy version ", major, ".", minor, "; only 1.0, 2.0 and 3.0 are read",
                   kSaveAgain);
  }
  const uint64_t prefix_bytes = major == 1 ? 10 : 12;
  const uint64_t header_bytes = major == 1 ? Load<uint16_t>(prefix.data() + 8, false)
                                           : Load<uint32_t>(prefix.data() + 8, false);
  if (*got >= prefix_bytes && header_bytes > kNpyMaxHeaderBytes) {
    return Invalid(path, ": header of over 64 KiB; save a plain float32 array");
  }
  const uint64_t data_offset = prefix_bytes + header_bytes;
  if (*got < prefix_bytes || file_bytes < data_offset) {
    return Invalid(path, ": truncated in its header; copy or save the file again");
  }

  std::string text(header_bytes, '\0');
  const absl::StatusOr<size_t> text_bytes = ReadAt(file.get(), prefix_bytes, text);
  if (!text_bytes.ok()) return WithPath(path, text_bytes.status());
  if (*text_bytes != header_bytes) return Invalid(path, ": became shorter while being read");
  const absl::StatusOr<NpyHeader> header = ParseNpyHeader(text);
  if (!header.ok()) return WithPath(path, header.status());

  // At most 10^7 * 4096 * 8 bytes: no overflow.
  const uint64_t expected = data_offset + header->rows * header->columns * header->item_bytes;
  if (file_bytes < expected) {
    return Invalid(path, ": truncated: ", file_bytes, " bytes where the header promises ", expected,
                   "; copy or save the file again");
  }
  if (file_bytes > expected) {
    return Invalid(path, ": ", file_bytes - expected,
                   " bytes after the array; save one array to a file");
  }
  return NpyReader(path, std::move(file), *header, data_offset);
}

absl::Status NpyReader::ReadExactly(uint64_t offset, std::span<char> out) const {
  const absl::StatusOr<size_t> got = ReadAt(file_.get(), offset, out);
  if (!got.ok()) return WithPath(path_, got.status());
  if (*got != out.size()) return Invalid(path_, ": became shorter while being read");
  return absl::OkStatus();
}

absl::Status NpyReader::FillBlock() {
  const uint64_t item = header_.item_bytes;
  const uint64_t row_bytes = header_.columns * item;
  block_first_ = next_row_;
  block_rows_ = 0;  // until the block is complete
  const uint64_t rows =
      std::min(header_.rows - next_row_, std::max<uint64_t>(1, kBlockBytes / row_bytes));
  block_.resize(rows * row_bytes);
  if (!header_.fortran_order) {
    const absl::Status read = ReadExactly(data_offset_ + next_row_ * row_bytes, block_);
    if (!read.ok()) return read;
  } else {
    std::vector<char> column(rows * item);
    for (uint64_t c = 0; c < header_.columns; ++c) {
      const uint64_t offset = data_offset_ + (c * header_.rows + next_row_) * item;
      const absl::Status read = ReadExactly(offset, column);
      if (!read.ok()) return read;
      for (uint64_t r = 0; r < rows; ++r) {
        std::memcpy(&block_[r * row_bytes + c * item], &column[r * item], item);
      }
    }
  }
  block_rows_ = rows;
  return absl::OkStatus();
}

absl::Status NpyReader::ReadRow(std::span<float> out) {
  if (out.size() != dimension()) return Invalid("out: must be dimension() long");
  if (next_row_ == header_.rows) return absl::OutOfRangeError("all rows were read");
  if (next_row_ >= block_first_ + block_rows_) {
    const absl::Status filled = FillBlock();
    if (!filled.ok()) return filled;
  }
  const char* item = &block_[(next_row_ - block_first_) * header_.columns * header_.item_bytes];
  for (size_t c = 0; c < out.size(); ++c, item += header_.item_bytes) {
    if (header_.item_bytes == 4) {
      out[c] = std::bit_cast<float>(Load<uint32_t>(item, header_.big_endian));
      continue;
    }
    const auto value = std::bit_cast<double>(Load<uint64_t>(item, header_.big_endian));
    if (std::isfinite(value) && std::abs(value) > std::numeric_limits<float>::max()) {
      return Invalid(path_, ": row ", next_row_, ", column ", c,
                     " is beyond float32's range; check the extractor");
    }
    out[c] = static_cast<float>(value);
  }
  ++next_row_;
  return absl::OkStatus();
}

NpyWriter::NpyWriter(std::string path, base::FileDescriptor file, uint64_t rows, uint64_t columns)
    : path_(std::move(path)), file_(std::move(file)), columns_(columns), rows_left_(rows) {}

absl::StatusOr<NpyWriter> NpyWriter::Create(const std::string& path, uint64_t rows,
                                            uint64_t columns) {
  if (rows < 1 || rows > kNpyMaxRows) return Invalid("rows: must be 1 to ", kNpyMaxRows);
  if (columns < 1 || columns > kNpyMaxColumns)
    return Invalid("columns: must be 1 to ", kNpyMaxColumns);
  base::FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0 && errno == EEXIST) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": exists; choose another or remove it"));
  }
  if (file.get() < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": create"));

  std::string text = absl::StrCat("{'descr': '<f4', 'fortran_order': False, 'shape': (", rows, ", ",
                                  columns, "), }");
  while ((10 + text.size() + 1) % 64 != 0) text += ' ';  // the data start at a multiple of 64
  text += '\n';
  NpyWriter writer(path, std::move(file), rows, columns);
  writer.buffer_ = absl::StrCat(std::string(kNpyMagic), std::string("\x01\x00", 2));
  writer.buffer_ += static_cast<char>(text.size() & 0xff);
  writer.buffer_ += static_cast<char>(text.size() >> 8);
  writer.buffer_ += text;
  return writer;
}

absl::Status NpyWriter::WriteRow(std::span<const float> row) {
  if (row.size() != columns_) return Invalid("row: must be ", columns_, " long");
  if (rows_left_ == 0) return absl::FailedPreconditionError("all rows were written");
  for (const float value : row) {
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8)
      buffer_ += static_cast<char>((bits >> shift) & 0xff);
  }
  --rows_left_;
  return buffer_.size() >= kBlockBytes ? Flush() : absl::OkStatus();
}

absl::Status NpyWriter::Flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t put = write(file_.get(), rest.data(), rest.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": write"));
    rest.remove_prefix(static_cast<size_t>(put));
  }
  buffer_.clear();
  return absl::OkStatus();
}

absl::Status NpyWriter::Close() {
  if (file_.get() < 0) return absl::FailedPreconditionError("closed before");
  if (rows_left_ != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path_, ": ", rows_left_, " rows are missing"));
  }
  const absl::Status flushed = Flush();
  if (!flushed.ok()) return flushed;
  if (file_.Close() != 0) return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": close"));
  return absl::OkStatus();
}

}  // namespace kluis::client
