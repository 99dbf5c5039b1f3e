// SPDX-License-Identifier: Apache-2.0
// A log of the entries "entry 0", "entry 1", ... with its key: signs checkpoints of any size and
// proves consistency between them. With a `twist` it is another log under the same key whose
// entries differ from that index on. Not thread-safe.
#ifndef KLUIS_TESTS_FAKES_GROWING_LOG_H_
#define KLUIS_TESTS_FAKES_GROWING_LOG_H_

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "audit/checkpoint.h"
#include "audit/merkle.h"
#include "audit/proofs.h"
#include "audit/verifier_key.h"
#include "audit/witness/add_checkpoint.h"
#include "crypto/ed25519.h"

namespace kluis::audit {

class GrowingLog {
 public:
  static constexpr uint64_t kNoTwist = std::numeric_limits<uint64_t>::max();

  explicit GrowingLog(std::string origin = "vault.example/audit", uint64_t twist = kNoTwist,
                      char seed = 1)
      : origin_(std::move(origin)), twist_(twist), key_(KeyOf(seed)) {}

  static crypto::SigningKey KeyOf(char seed) {
    return *crypto::SigningKey::FromSeed(crypto::SecretBytes::CopyOf(std::string(32, seed)));
  }

  const std::string& origin() const { return origin_; }
  VerifierKey key() const {
    return *VerifierKey::Create(origin_, KeyType::kEd25519, key_.public_key());
  }

  Checkpoint At(uint64_t size) {
    Grow(size);
    return {origin_, size, roots_.at(size)};
  }
  std::string Note(uint64_t size) { return *SignCheckpoint(At(size), key_); }
  std::vector<Hash> Proof(uint64_t old_size, uint64_t size) {
    Grow(size);
    return *ProveConsistency(old_size, size, [this](uint32_t level, uint64_t index) {
      return absl::StatusOr<Hash>(nodes_.at({level, index}));
    });
  }
  // The body of an add-checkpoint call.
  std::string Body(uint64_t old_size, uint64_t size) {
    return *FormatAddCheckpoint({old_size, Proof(old_size, size), Note(size)});
  }

 private:
  void Grow(uint64_t size) {
    if (roots_.empty()) roots_.push_back(EmptyRoot());
    while (frontier_.size() < size) {
      const uint64_t i = frontier_.size();
      const std::string entry = (i >= twist_ ? "other " : "entry ") + std::to_string(i);
      for (const Node& node : frontier_.Append(LeafHash(entry))) {
        nodes_[{node.level, node.index}] = node.hash;
      }
      roots_.push_back(frontier_.Root());
    }
  }

  const std::string origin_;
  const uint64_t twist_;
  const crypto::SigningKey key_;
  MerkleFrontier frontier_;
  std::map<std::pair<uint32_t, uint64_t>, Hash> nodes_;
  std::vector<Hash> roots_;  // by size
};

}  // namespace kluis::audit

#endif  // KLUIS_TESTS_FAKES_GROWING_LOG_H_
