// SPDX-License-Identifier: Apache-2.0
// kluisd's own log for its operator (not the audit log): one JSON object a line. Its interface
// takes numbers and registered words only, and a Diagnosis of the storage, so that a name, an id or
// a text of a dependency has no way in. Thread-safe. Source: spdlog >= 1.10.
//
//   {"time":"2026-01-02T03:04:05.678Z","level":"info","event":"started","port":7443}
#ifndef KLUIS_SERVICE_PROCESS_LOGGING_H_
#define KLUIS_SERVICE_PROCESS_LOGGING_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/statusor.h"

namespace spdlog {
class logger;
}

namespace kluis::service {

// 1 to 128 of A-Z, a-z, 0-9, '.', '/', '-' and '_'.
constexpr bool IsWord(std::string_view text) {
  if (text.empty() || text.size() > 128) return false;
  for (const char c : text) {
    if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
          c == '/' || c == '-' || c == '_')) {
      return false;
    }
  }
  return true;
}

// A word that stands in the source, or in a Vocabulary.
class Word {
 public:
  // A literal; anything else does not compile.
  template <size_t N>
  consteval Word(const char (&literal)[N])  // NOLINT(google-explicit-constructor): a literal is one
      : text_(literal, N - 1) {
    if (!IsWord(text_)) throw "not a word";  // at compile time only
  }

  std::string_view text() const { return text_; }

 private:
  friend class Vocabulary;
  explicit Word(std::string_view text) : text_(text) {}

  std::string_view text_;
};

// Words known at start only: names of methods, ids of rules, reasons. Must outlive its Words.
class Vocabulary {
 public:
  // Texts that are not IsWord are left out.
  explicit Vocabulary(std::span<const std::string> words);

  // The word `text`, or "other" when it is not in the vocabulary.
  Word Find(std::string_view text) const;

 private:
  std::set<std::string, std::less<>> words_;
};

// What is wrong with the vault's own storage, in words: paths, sizes, roots. Nothing else may make
// one; what is not printable ASCII, or a quote, is written as '?'.
struct Diagnosis {
  std::string_view text;
};

// One key with its value.
class LogField {
 public:
  LogField(Word key, Word value) : key_(key), value_(value) {}
  LogField(Word key, Diagnosis value) : key_(key), value_(value) {}
  LogField(Word key, std::same_as<bool> auto value) : key_(key), value_(value) {}
  LogField(Word key, std::signed_integral auto value) : key_(key), value_(int64_t{value}) {}
  LogField(Word key,
           std::unsigned_integral auto value) requires(!std::same_as<decltype(value), bool>)
      : key_(key), value_(uint64_t{value}) {}

 private:
  friend class Logger;
  Word key_;
  std::variant<Word, Diagnosis, bool, int64_t, uint64_t> value_;
};

class Logger {
 public:
  // `level` is debug, info, warn or error: what is below it is dropped. `file` is appended to, and
  // made with mode 0600; empty: stderr. kInvalidArgument: any other level.
  // kUnavailable: the file cannot be opened.
  static absl::StatusOr<std::unique_ptr<Logger>> Create(std::string_view level,
                                                        const std::string& file);
  ~Logger();

  // Each line is written through to the file before the call returns, so that a crash loses none;
  // a line that cannot be written is dropped, never an error.
  void Debug(Word event, std::initializer_list<LogField> fields = {});
  void Info(Word event, std::initializer_list<LogField> fields = {});
  void Warn(Word event, std::initializer_list<LogField> fields = {});
  void Error(Word event, std::initializer_list<LogField> fields = {});

 private:
  explicit Logger(std::shared_ptr<spdlog::logger> sink);
  void Write(int level, Word event, std::initializer_list<LogField> fields);

  std::shared_ptr<spdlog::logger> sink_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_PROCESS_LOGGING_H_
