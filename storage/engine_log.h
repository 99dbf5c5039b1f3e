// SPDX-License-Identifier: Apache-2.0
// Where RocksDB says what went wrong: warnings and errors, in the file LOG of its directory, as
// RocksDB's own logger would. That one ends the process when a line cannot be written and another
// one follows (an assertion of Debian's build), so a full disk would take the vault down; here such
// lines are lost. The last open's file stays as LOG.old. Thread-safe.
// Source: RocksDB 7.8, include/rocksdb/env.h (Logger).
#ifndef KLUIS_STORAGE_ENGINE_LOG_H_
#define KLUIS_STORAGE_ENGINE_LOG_H_

#include <cstdarg>
#include <cstddef>
#include <mutex>
#include <string>

#include "rocksdb/env.h"

namespace kluis::storage {

class EngineLog final : public rocksdb::Logger {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{1} << 20;  // further lines are lost

  // `directory` need not exist before the first line. Below WARN, lines would name keys.
  explicit EngineLog(std::string directory);
  ~EngineLog() override;

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override;
  void LogHeader(const char*, va_list) override {}  // the options, which are in the code

 private:
  const std::string path_;
  std::mutex mutex_;  // guards what follows
  int file_ = -1;
  std::size_t written_ = 0;
};

}  // namespace kluis::storage

#endif  // KLUIS_STORAGE_ENGINE_LOG_H_
