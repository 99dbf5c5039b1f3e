// SPDX-License-Identifier: Apache-2.0
#ifndef KLUIS_MATCHING_IPSEC_MB_H_
#define KLUIS_MATCHING_IPSEC_MB_H_

#include <cstdint>
#include <memory>
#include <span>

#include "matching/segment_sealer.h"

// AES-256-GCM of intel-ipsec-mb, for segment_sealer.cc only. On a machine whose Debian has no such
// library (it exists for x86-64) both functions say so.
// Source: intel-ipsec-mb 1.3, intel-ipsec-mb.h, the direct API for GCM.

namespace kluis::matching {

// Whether the library was built in and the processor has the AES instructions it needs.
bool IpsecMbIsAvailable();

// nullptr: not available. The expanded key lies in guarded memory.
std::unique_ptr<SegmentSealer> CreateIpsecMbSealer(
    std::span<const std::uint8_t, SegmentSealer::kKeyBytes> key);

}  // namespace kluis::matching

#endif  // KLUIS_MATCHING_IPSEC_MB_H_
