#include "client/progress.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>

namespace kluis::client {

Progress::Progress(std::ostream& err, uint64_t total)
    : err_(err),
      total_(total),
      terminal_(&err == &std::cerr && isatty(STDERR_FILENO) == 1),
      last_(std::chrono::steady_clock::now()) {}

void Progress::Show(uint64_t done, const std::string& text) {
  const auto now = std::chrono::steady_clock::now();
  if (terminal_ && !ended_) {
    ended_ = done >= total_;
    constexpr uint64_t kWidth = 30;
    const uint64_t filled = total_ == 0 ? kWidth : kWidth * std::min(done, total_) / total_;
    err_ << "\r[" << std::string(filled, '#') << std::string(kWidth - filled, ' ') << "] " << text
         << (ended_ ? "\n" : "") << std::flush;
  } else if (!terminal_ && now - last_ >= std::chrono::seconds(10)) {
    err_ << "kluis: " << text << std::endl;
    last_ = now;
  }
}

}  // namespace kluis::client
