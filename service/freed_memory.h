// How the process treats freed memory.
#ifndef KLUIS_SERVICE_FREED_MEMORY_H_
#define KLUIS_SERVICE_FREED_MEMORY_H_

#include <malloc.h>

namespace kluis::service {

// Keeps up to 64 MiB of freed memory instead of giving it back at once: with messages and batches
// of some kilobytes, glibc otherwise trims and faults the same pages in at every call. Once, first
// in main.
inline void KeepFreedMemory() {
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
}

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_FREED_MEMORY_H_
