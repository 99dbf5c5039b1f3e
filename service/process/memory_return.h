// SPDX-License-Identifier: Apache-2.0
// Gives back to the system what the heap has freed, so that what an attack or a large batch took
// does not stay. Going through a heap of a gigabyte takes a quarter of a second, in which its
// threads wait for memory: it is done when the process has grown, and ever more rarely while it
// brings nothing, at last once an hour. For one thread.
#ifndef KLUIS_SERVICE_PROCESS_MEMORY_RETURN_H_
#define KLUIS_SERVICE_PROCESS_MEMORY_RETURN_H_

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <fstream>

namespace kluis::service {

class MemoryReturn {
 public:
  // Call every second.
  void Tick() {
    const size_t before = ResidentBytes();
    if (before > after_last_ + kGrown) wait_ = kSoonSeconds;
    if (++seconds_ < wait_) return;
    seconds_ = 0;
    malloc_trim(kKept);
    after_last_ = ResidentBytes();
    const bool worth = before > after_last_ + kWorth;
    wait_ = worth ? kSoonSeconds : std::min(2 * wait_, kLongestSeconds);
  }

 private:
  static constexpr int kSoonSeconds = 10;
  static constexpr int kLongestSeconds = 3600;
  static constexpr size_t kKept = 16 << 20;   // for what comes next
  static constexpr size_t kGrown = 32 << 20;  // since the last time
  static constexpr size_t kWorth = 4 << 20;   // given back

  // 0 when nobody says so.
  static size_t ResidentBytes() {
    std::ifstream pages("/proc/self/statm");
    size_t all = 0;
    size_t resident = 0;
    pages >> all >> resident;
    return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
  }

  int seconds_ = 0;
  int wait_ = kSoonSeconds;
  size_t after_last_ = 0;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_PROCESS_MEMORY_RETURN_H_
