// SPDX-License-Identifier: Apache-2.0
// The heap of kluisd forgets: every block is wiped when it is freed, whoever freed it. Requests
// hold templates, and gRPC, protobuf and OpenSSL keep them in buffers that only they know; without
// this a dump of the memory would hold faces of people long after they were forgotten.
//
// Linked into the program itself, these stand in for glibc's own in every library. What malloc
// hands out is unchanged. Source: "Replacing malloc", the GNU C Library manual 3.2.5; glibc 2.36
// exports the __libc_ names.
#include <malloc.h>
#include <strings.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

extern "C" {

void __libc_free(void* block);      // NOLINT(bugprone-reserved-identifier): glibc's own name
void* __libc_malloc(size_t bytes);  // NOLINT(bugprone-reserved-identifier)

void free(void* block) noexcept {
  if (block == nullptr) return;
  const int before = errno;
  explicit_bzero(block, malloc_usable_size(block));
  __libc_free(block);
  errno = before;
}

// glibc's would free the old block by itself when it moves.
void* realloc(void* block, size_t bytes) noexcept {
  if (block == nullptr) return __libc_malloc(bytes);
  if (bytes == 0) {
    free(block);
    return nullptr;
  }
  const size_t had = malloc_usable_size(block);
  if (bytes <= had && bytes >= had / 2) {  // it stays; what is cut off is wiped
    explicit_bzero(static_cast<char*>(block) + bytes, had - bytes);
    return block;
  }
  void* const moved = __libc_malloc(bytes);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, std::min(had, bytes));
  free(block);
  return moved;
}

}  // extern "C"

#endif
