// SPDX-License-Identifier: Apache-2.0
// The keyring's cover in segments of 4096 slots, so that a puncture changes one segment and not the
// whole. A segment exists from its first puncture on until its last slot is punctured. All other
// slots are covered by nodes of whole segments or more, the top: the slots above the highest one
// punctured are few nodes in it. Thread-safe for const calls; Apply excludes them.
#ifndef KLUIS_CRYPTO_KEYRING_SEGMENTS_H_
#define KLUIS_CRYPTO_KEYRING_SEGMENTS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "absl/status/statusor.h"
#include "crypto/keyring_cover.h"
#include "crypto/sha256.h"

namespace kluis::crypto {

inline constexpr int kSegmentDepth = 20;
inline constexpr int kSegmentSlotBits = kSlotBits - kSegmentDepth;

inline uint32_t SegmentOf(uint32_t slot) { return slot >> kSegmentSlotBits; }

class SegmentedCover {
 public:
  struct Segment {
    KeyringCover cover;
    Hash positions;  // PositionDigest of `cover`
  };
  using Segments = std::map<uint32_t, Segment>;  // by number

  // What a puncture puts in the place of what there was.
  struct Change {
    std::optional<KeyringCover> top;
    Segments segments;  // an empty cover: the segment ends
  };

  // All slots, under a new random seed.
  static SegmentedCover Fresh();

  // kDataLoss: a node of `top` is narrower than a segment or reaches into one of `segments`, or a
  // segment is empty or has a node outside itself.
  static absl::StatusOr<SegmentedCover> Assemble(KeyringCover top, Segments segments);

  // The node that covers `slot`, null when it is punctured. Valid until Apply. O(log size).
  const CoverNode* Find(uint32_t slot) const;

  // What changes when `slots` are punctured: ascending, each once. Segments whose slots among them
  // are all punctured already do not change. Of a segment at most 80 KiB are derived and
  // copied, and the top once for each segment that begins.
  Change Puncture(std::span<const uint32_t> slots) const;
  void Apply(Change change);

  // Whether every slot that is left here has its key from `older` too: this is `older` after some
  // punctures, or the same. The time depends on the positions of the nodes, not on their seeds.
  bool ComesFrom(const SegmentedCover& older) const;

  // SHA-256("kluis-keyring-commitment-v2\n" | generation u64 | PositionDigest of the top | for
  // each segment in order: number u32 | PositionDigest), little-endian: which slots are left, and
  // nothing about their keys. 36 bytes a segment are hashed.
  Hash Commitment(uint64_t generation) const;

  const KeyringCover& top() const { return top_; }
  const Segments& segments() const { return segments_; }

  // Nodes in all.
  size_t size() const { return top_.size() + segment_nodes_; }

 private:
  SegmentedCover(KeyringCover top, Segments segments);

  KeyringCover top_;
  Segments segments_;
  size_t segment_nodes_ = 0;
};

}  // namespace kluis::crypto

#endif  // KLUIS_CRYPTO_KEYRING_SEGMENTS_H_
