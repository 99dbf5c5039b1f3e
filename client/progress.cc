// SPDX-License-Identifier: Apache-2.0
#include "client/progress.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "client/output.h"

namespace kluis::client {
namespace {

std::string Bar(uint64_t done, uint64_t total) {
  constexpr uint64_t kWidth = 30;
  const uint64_t filled = total == 0 ? kWidth : kWidth * std::min(done, total) / total;
  return "[" + std::string(filled, '#') + std::string(kWidth - filled, ' ') + "] ";
}

}  // namespace

Progress::Progress(std::ostream& err, std::optional<uint64_t> total)
    : err_(err),
      total_(total),
      terminal_(&err == &std::cerr && isatty(STDERR_FILENO) == 1),
      last_(std::chrono::steady_clock::now()) {}

void Progress::Show(uint64_t done, const std::string& text) {
  const auto now = std::chrono::steady_clock::now();
  if (terminal_ && !ended_) {
    shown_ = true;
    Draw("\r" + (total_.has_value() ? Bar(done, *total_) : "") + Printable(text));
    if (total_.has_value() && done >= *total_) End();
  } else if (!terminal_ && now - last_ >= std::chrono::seconds(10)) {
    err_ << "kluis: " << text << std::endl;
    last_ = now;
  }
}

void Progress::End() {
  if (shown_ && !ended_) Draw("\n");
  ended_ = true;
}

void Progress::Draw(const std::string& text) {
  // Past the stream, which makes control characters visible. A terminal that is gone stops nothing.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace kluis::client
