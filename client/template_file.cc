// SPDX-License-Identifier: Apache-2.0
#include "client/template_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file_descriptor.h"
#include "client/file_error.h"

namespace kluis::client {
namespace {

absl::Status WrongDimension(uint64_t row, uint64_t found, size_t expected) {
  return Invalid("row ", row, " has ", found, " values; a template of this gallery has ", expected,
                 ": check the extractor, or choose the gallery of its algorithm");
}

// The whole file; a file over `limit` bytes is cut there, plus one byte that tells so.
absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t limit) {
  // O_NONBLOCK: a named pipe is refused, not waited for.
  const base::FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat facts {};
  if (file.get() < 0 || fstat(file.get(), &facts) != 0) return absl::ErrnoToStatus(errno, "open");
  if (!S_ISREG(facts.st_mode)) return Invalid("not a regular file; save the templates to one");
  std::string content(std::min<uint64_t>(static_cast<uint64_t>(facts.st_size), limit + 1), '\0');
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t got = read(file.get(), content.data() + done, content.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, "read");
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  content.resize(done);
  return content;
}

// Collects the rows of [n, ...] or [[n, ...], ...] while nlohmann::json reads them, without a tree
// in memory and without recursion. Returning false stops the reading; status() says why.
class RowCollector : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit RowCollector(size_t dimension) : dimension_(dimension) {}

  const absl::Status& status() const { return status_; }
  uint64_t rows() const { return rows_; }
  std::vector<float> TakeValues() { return std::move(values_); }

  bool number_integer(number_integer_t value) override { return Add(static_cast<double>(value)); }
  bool number_unsigned(number_unsigned_t value) override { return Add(static_cast<double>(value)); }
  bool number_float(number_float_t value, const string_t&) override { return Add(value); }

  bool start_array(std::size_t) override {
    if (depth_ == 2)
      return Refuse("arrays are nested more than twice; one array for each template");
    if (depth_ == 1 && row_size_ > 0) return RefuseMixture();
    nested_ = depth_ == 1;
    ++depth_;
    return true;
  }

  bool end_array() override {
    --depth_;
    // The end of the outer array ends a row only when its numbers were the template.
    if (depth_ == 0 && rows_ > 0) return true;
    if (depth_ == 0 && row_size_ == 0)
      return Refuse("the array is empty; save at least one template");
    if (row_size_ != dimension_) {
      status_ = WrongDimension(rows_, row_size_, dimension_);
      return false;
    }
    ++rows_;
    row_size_ = 0;
    return true;
  }

  bool null() override { return RefuseValue("null"); }
  bool boolean(bool) override { return RefuseValue("true or false"); }
  bool string(string_t&) override { return RefuseValue("a string"); }
  bool binary(binary_t&) override { return RefuseValue("binary"); }
  bool start_object(std::size_t) override {
    return Refuse("holds a JSON object; save only the array of numbers, e.g. its 'embedding'");
  }
  bool key(string_t&) override { return false; }  // no object is entered
  bool end_object() override { return false; }

  // The library's message quotes the file, so only the place is passed on.
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception& error) override {
    if (error.id == 406) return RefuseRange();
    return Refuse(absl::StrCat("not JSON at byte ", position,
                               " (NaN and Infinity are not JSON either); save it again"));
  }

 private:
  bool Add(double value) {
    if (depth_ == 0) return Refuse("holds a single number; save an array of numbers");
    if (depth_ == 1 && nested_) return RefuseMixture();
    if (std::abs(value) > std::numeric_limits<float>::max()) return RefuseRange();
    if (row_size_ < dimension_) values_.push_back(static_cast<float>(value));
    ++row_size_;
    return true;
  }

  bool Refuse(std::string message) {
    status_ = absl::InvalidArgumentError(message);
    return false;
  }
  bool RefuseMixture() { return Refuse("mixes numbers and arrays; one array for each template"); }
  bool RefuseValue(const char* kind) {
    return Refuse(absl::StrCat("row ", rows_, ", column ", row_size_, " is ", kind,
                               "; a template holds only numbers"));
  }
  bool RefuseRange() {
    return Refuse(absl::StrCat("row ", rows_, ", column ", row_size_,
                               " is beyond float32's range; check the extractor"));
  }

  size_t dimension_;
  int depth_ = 0;
  bool nested_ = false;  // the outer array holds arrays
  uint64_t rows_ = 0;
  uint64_t row_size_ = 0;
  std::vector<float> values_;
  absl::Status status_;
};

// What every template must satisfy; `row` is for the message.
absl::Status CheckTemplate(const std::vector<float>& values, uint64_t row) {
  double squares = 0.0;
  for (size_t c = 0; c < values.size(); ++c) {
    if (std::isnan(values[c])) {
      return Invalid("row ", row, ", column ", c, " is NaN; extract this template again");
    }
    if (std::isinf(values[c])) {
      return Invalid("row ", row, ", column ", c, " is infinite; extract this template again");
    }
    squares += static_cast<double>(values[c]) * static_cast<double>(values[c]);
  }
  if (squares == 0.0) {
    return Invalid("row ", row, " is all zeros; the extractor found no face: leave it out");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TemplateBatch> TemplateBatch::Open(const std::string& path, size_t dimension) {
  if (dimension < 1 || dimension > kNpyMaxColumns) {
    return Invalid("dimension: must be 1 to ", kNpyMaxColumns);
  }
  const absl::StatusOr<std::string> start = ReadFile(path, kNpyMagic.size());
  if (!start.ok()) return WithPath(path, start.status());
  if (std::string_view(*start).starts_with(kNpyMagic)) {
    absl::StatusOr<NpyReader> npy = NpyReader::Open(path);
    if (!npy.ok()) return npy.status();
    if (npy->dimension() != dimension) {
      return WithPath(path, WrongDimension(0, npy->dimension(), dimension));
    }
    TemplateBatch batch(path, dimension, npy->rows());
    batch.npy_ = *std::move(npy);
    return batch;
  }

  const absl::StatusOr<std::string> content = ReadFile(path, kJsonMaxBytes);
  if (!content.ok()) return WithPath(path, content.status());
  const size_t first = content->find_first_not_of(" \t\r\n");
  if (first == std::string::npos || ((*content)[first] != '[' && (*content)[first] != '{')) {
    return Invalid(path,
                   ": neither a .npy file nor a JSON array of numbers; save the template with "
                   "numpy.save, or json.dump(template.tolist(), file)");
  }
  if (content->size() > kJsonMaxBytes) {
    return Invalid(path, ": JSON of over 64 MiB; save the batch with numpy.save");
  }
  RowCollector collector(dimension);
  const bool parsed = nlohmann::json::sax_parse(*content, &collector);
  if (!collector.status().ok()) return WithPath(path, collector.status());
  if (!parsed) return Invalid(path, ": not JSON; save it again");
  TemplateBatch batch(path, dimension, collector.rows());
  batch.json_values_ = collector.TakeValues();
  return batch;
}

absl::StatusOr<std::vector<float>> TemplateBatch::Next() {
  if (!refused_.ok()) return refused_;
  if (next_ == size_) return absl::OutOfRangeError("all templates were read");
  std::vector<float> values(dimension_);
  if (npy_) {
    refused_ = npy_->ReadRow(values);
  } else {
    const auto row = json_values_.begin() + static_cast<std::ptrdiff_t>(next_ * dimension_);
    values.assign(row, row + static_cast<std::ptrdiff_t>(dimension_));
  }
  if (!refused_.ok()) return refused_;
  const absl::Status checked = CheckTemplate(values, next_);
  if (!checked.ok()) return refused_ = WithPath(path_, checked);
  ++next_;
  return values;
}

absl::StatusOr<std::vector<float>> ReadTemplate(const std::string& path, size_t dimension) {
  absl::StatusOr<TemplateBatch> batch = TemplateBatch::Open(path, dimension);
  if (!batch.ok()) return batch.status();
  if (batch->size() != 1) {
    return Invalid(
        path, ": holds ", batch->size(),
        " templates where one is expected; save one row: ", "numpy.save(path, array[0])");
  }
  return batch->Next();
}

}  // namespace kluis::client
