// SPDX-License-Identifier: Apache-2.0
#include "audit/tool/verb_output.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "audit/visible_text.h"
#include "crypto/file_system.h"

namespace kluis::audit {
namespace {

constexpr size_t kMaxKeyFileBytes = 4096;
constexpr int64_t kBarMilliseconds = 100;
constexpr size_t kBarWidth = 30;

int64_t NowMilliseconds() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

ExitCode Tell(const absl::Status& failure, ExitCode code) {
  std::cerr << "kluis-audit: "
            << VisibleText(std::string_view(failure.message().data(), failure.message().size()))
            << "\n";
  return code;
}

absl::StatusOr<VerifierKey> ReadKey(std::string_view option, std::string text) {
  if (text.starts_with('@')) {
    absl::StatusOr<std::string> bytes = ReadWholeFile(text.substr(1), kMaxKeyFileBytes);
    if (!bytes.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(std::string(option), ": ", bytes.status().message()));
    }
    text = bytes->substr(0, bytes->find('\n'));
  }
  absl::StatusOr<VerifierKey> key =
      VerifierKey::Parse(std::string(absl::StripAsciiWhitespace(text)));
  if (!key.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(option), ": ", key.status().message()));
  }
  return key;
}

absl::StatusOr<VerifierKey> ReadLogKey(std::string_view option, const std::string& text) {
  absl::StatusOr<VerifierKey> key = ReadKey(option, text);
  if (key.ok() && key->type() != KeyType::kEd25519) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(option), ": must be the log's own key, of type 01"));
  }
  return key;
}

absl::StatusOr<VerifyOptions> ReadWitnesses(const WitnessLine& line) {
  VerifyOptions options;
  for (const std::string& text : line.keys) {
    const absl::StatusOr<VerifierKey> key = ReadKey("--witness", text);
    if (!key.ok()) return key.status();
    options.witnesses.push_back(*key);
  }
  options.quorum = line.quorum.value_or(options.witnesses.size());
  const absl::Status sound = CheckOptions(options);
  if (!sound.ok()) return absl::InvalidArgumentError(absl::StrCat("--", sound.message()));
  return options;
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path, size_t max_bytes) {
  std::error_code failure;
  if (!std::filesystem::is_regular_file(path, failure)) {
    return absl::NotFoundError(absl::StrCat("no file ", path));
  }
  const uintmax_t size = std::filesystem::file_size(path, failure);
  if (!failure && size > max_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": over ", max_bytes, " bytes"));
  }
  std::ifstream stream(path, std::ios::binary);
  std::string bytes(failure ? 0 : size, '\0');
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (failure || !stream) return absl::InvalidArgumentError(absl::StrCat("cannot read ", path));
  return bytes;
}

absl::Status WriteWholeFile(const std::string& path, std::string_view bytes) {
  return crypto::ReplaceReadable(crypto::RealFileSystem(), path, bytes);
}

void AddDirectory(base::Verb verb, std::string& directory) {
  verb.Text("DIR", directory, "An exported log: checkpoint and tile/")
      .ExistingDirectory()
      .Required();
}

base::Option AddLogKey(base::Verb verb, std::string& key) {
  return verb.Text("--key", key, "The log's verifier key, or @FILE that holds it")
      .Called("VKEY|@FILE")
      .Required();
}

void AddWitnesses(base::Verb verb, WitnessLine& line) {
  verb.Repeated("--witness", line.keys, "A witness's verifier key; may be repeated")
      .Called("VKEY|@FILE");
  verb.Count("--quorum", line.quorum,
             "How many of the witnesses must have cosigned; all of them unless told")
      .Called("K");
}

void AddOutput(base::Verb verb, std::string& output) {
  verb.Text("--output", output, "human or json").OneOf({"human", "json"}).ShowingDefault();
}

ProgressBar::ProgressBar(std::string label)
    : label_(std::move(label)), terminal_(isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  if (drawn_) Draw("");
}

void ProgressBar::Show(uint64_t done, uint64_t total) {
  if (!terminal_ || total == 0) return;
  const int64_t now = NowMilliseconds();
  if (drawn_ && now - shown_at_ms_ < kBarMilliseconds) return;
  const size_t filled =
      static_cast<size_t>(static_cast<double>(done) / static_cast<double>(total) * kBarWidth);
  Draw(absl::StrCat(label_, " [", std::string(std::min(filled, kBarWidth), '#'),
                    std::string(kBarWidth - std::min(filled, kBarWidth), '.'), "] ", done, " of ",
                    total));
  drawn_ = true;
  shown_at_ms_ = now;
}

void ProgressBar::Draw(const std::string& text) {
  const std::string line = absl::StrCat("\r", text, "\x1b[K");
  // Past the stream, which makes control characters visible. A terminal that is gone stops nothing.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace kluis::audit
