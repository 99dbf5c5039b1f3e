// SPDX-License-Identifier: Apache-2.0
#include "storage/engine_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

#include "base/utc_text.h"

namespace kluis::storage {
namespace {

constexpr std::size_t kMaxLine = 2048;  // with its time; longer ones are cut

}  // namespace

EngineLog::EngineLog(std::string directory)
    : Logger(rocksdb::InfoLogLevel::WARN_LEVEL), path_(std::move(directory) + "/LOG") {}

EngineLog::~EngineLog() {
  if (file_ >= 0) close(file_);
}

void EngineLog::Logv(const char* format, va_list arguments) {
  std::array<char, kMaxLine> line{};
  const std::string time = base::UtcText(std::time(nullptr)) + " ";
  std::size_t size = time.copy(line.data(), line.size());
  const int length = std::vsnprintf(line.data() + size, line.size() - size - 1, format, arguments);
  if (length < 0) return;
  size = std::min(size + static_cast<std::size_t>(length), line.size() - 2);
  line[size++] = '\n';

  const std::lock_guard lock(mutex_);
  if (file_ < 0) {
    std::rename(path_.c_str(), (path_ + ".old").c_str());
    file_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  }
  if (file_ < 0 || written_ + size > kMaxBytes) return;
  const ssize_t written = write(file_, line.data(), size);
  if (written > 0) written_ += static_cast<std::size_t>(written);
}

}  // namespace kluis::storage
