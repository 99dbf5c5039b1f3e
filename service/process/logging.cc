// SPDX-License-Identifier: Apache-2.0
#include "service/process/logging.h"

#include <fcntl.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kluis::service {
namespace {

constexpr char kPattern[] = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";

std::optional<spdlog::level::level_enum> LevelOf(std::string_view level) {
  if (level == "debug") return spdlog::level::debug;
  if (level == "info") return spdlog::level::info;
  if (level == "warn") return spdlog::level::warn;
  if (level == "error") return spdlog::level::err;
  return std::nullopt;
}

// Words need no escaping: IsWord has neither quotes nor control characters.
struct AppendValue {
  std::string& line;

  void operator()(const Word& word) const {
    absl::StrAppend(&line, "\"", std::string(word.text()), "\"");
  }
  void operator()(const Diagnosis& diagnosis) const {
    line += '"';
    for (const char c : diagnosis.text) {
      const bool plain = c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
      line += plain ? c : '?';
    }
    line += '"';
  }
  void operator()(bool value) const { line += value ? "true" : "false"; }
  void operator()(int64_t value) const { absl::StrAppend(&line, value); }
  void operator()(uint64_t value) const { absl::StrAppend(&line, value); }
};

}  // namespace

Vocabulary::Vocabulary(std::span<const std::string> words) {
  for (const std::string& word : words) {
    if (IsWord(word)) words_.insert(word);
  }
}

Word Vocabulary::Find(std::string_view text) const {
  const auto found = words_.find(text);
  return found == words_.end() ? Word("other") : Word(std::string_view(*found));
}

absl::StatusOr<std::unique_ptr<Logger>> Logger::Create(std::string_view level,
                                                       const std::string& file) {
  const std::optional<spdlog::level::level_enum> lowest = LevelOf(level);
  if (!lowest) return absl::InvalidArgumentError("log.level: must be debug, info, warn or error");
  spdlog::sink_ptr sink;
  if (file.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    const int made = open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (made < 0) return absl::UnavailableError(absl::StrCat("log.file: cannot open ", file));
    close(made);
    try {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
    } catch (const spdlog::spdlog_ex&) {  // spdlog reports by exception; it ends here
      return absl::UnavailableError(absl::StrCat("log.file: cannot open ", file));
    }
  }
  auto logger = std::make_shared<spdlog::logger>("kluisd", std::move(sink));
  logger->set_formatter(
      std::make_unique<spdlog::pattern_formatter>(kPattern, spdlog::pattern_time_type::utc));
  logger->set_level(*lowest);
  logger->flush_on(*lowest);
  logger->set_error_handler([](const std::string&) {});
  return std::unique_ptr<Logger>(new Logger(std::move(logger)));
}

Logger::Logger(std::shared_ptr<spdlog::logger> sink) : sink_(std::move(sink)) {}

Logger::~Logger() = default;

void Logger::Debug(Word event, std::initializer_list<LogField> fields) {
  Write(spdlog::level::debug, event, fields);
}

void Logger::Info(Word event, std::initializer_list<LogField> fields) {
  Write(spdlog::level::info, event, fields);
}

void Logger::Warn(Word event, std::initializer_list<LogField> fields) {
  Write(spdlog::level::warn, event, fields);
}

void Logger::Error(Word event, std::initializer_list<LogField> fields) {
  Write(spdlog::level::err, event, fields);
}

void Logger::Write(int level, Word event, std::initializer_list<LogField> fields) {
  const auto spdlog_level = static_cast<spdlog::level::level_enum>(level);
  if (!sink_->should_log(spdlog_level)) return;
  std::string line = absl::StrCat("\"event\":\"", std::string(event.text()), "\"");
  for (const LogField& field : fields) {
    absl::StrAppend(&line, ",\"", std::string(field.key_.text()), "\":");
    std::visit(AppendValue{line}, field.value_);
  }
  sink_->log(spdlog_level, line);
}

}  // namespace kluis::service
