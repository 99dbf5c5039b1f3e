// SPDX-License-Identifier: Apache-2.0
// How many items one answer holds: a page ends before it grows beyond what any configuration lets
// through (server.max_message_kib is 64 at least). For one thread.
#ifndef KLUIS_SERVICE_RPC_PAGE_BYTES_H_
#define KLUIS_SERVICE_RPC_PAGE_BYTES_H_

#include <cstddef>

#include "google/protobuf/message.h"

namespace kluis::service {

inline constexpr size_t kPageBytes = 48 * 1024;

class PageBytes {
 public:
  // Whether the item goes into this page; the first one always does. False from the first item on
  // that does not.
  bool Take(const google::protobuf::Message& item) {
    const size_t size = item.ByteSizeLong() + 16;  // with its tag and length
    if (full_ || (bytes_ > 0 && bytes_ + size > kPageBytes)) {
      full_ = true;
      return false;
    }
    bytes_ += size;
    return true;
  }

  bool full() const { return full_; }

 private:
  size_t bytes_ = 0;
  bool full_ = false;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RPC_PAGE_BYTES_H_
