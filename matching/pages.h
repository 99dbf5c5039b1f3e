// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_PAGES_H_
#define KLUIS_MATCHING_PAGES_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace kluis::matching {

// Memory for ciphertext straight from the kernel: zeros at first, resident once touched, outside
// core dumps, and given back when dropped, which a heap would not promise. Not thread-safe.
class Pages {
 public:
  Pages() = default;  // none

  // `size` bytes, rounded up to whole pages. Aborts when memory cannot be had, as SecretBytes does.
  explicit Pages(std::size_t size);

  Pages(Pages&& other) noexcept;
  Pages& operator=(Pages&& other) noexcept;
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages();

  std::span<std::uint8_t> bytes() const { return {data_, size_}; }
  std::size_t size() const { return size_; }

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_PAGES_H_
