#include "client/progress.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>

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
    err_ << "\r" << (total_.has_value() ? Bar(done, *total_) : "") << text << std::flush;
    if (total_.has_value() && done >= *total_) End();
  } else if (!terminal_ && now - last_ >= std::chrono::seconds(10)) {
    err_ << "kluis: " << text << std::endl;
    last_ = now;
  }
}

void Progress::End() {
  if (shown_ && !ended_) err_ << "\n" << std::flush;
  ended_ = true;
}

}  // namespace kluis::client
