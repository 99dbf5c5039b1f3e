// SPDX-License-Identifier: Apache-2.0
// A log of made-up entries, its signer, and what it must look like at each size: roots come from
// MerkleFrontier, while TileWriter and LogDirectory go over tiles. One thread.
#ifndef KLUIS_TESTS_FAKES_TEST_LOG_H_
#define KLUIS_TESTS_FAKES_TEST_LOG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "audit/checkpoint.h"
#include "audit/log/tile_writer.h"
#include "audit/merkle.h"
#include "audit/verifier_key.h"
#include "crypto/ed25519.h"
#include "kluis/v1/ledger.pb.h"

namespace kluis::audit {

inline v1::Entry MakeTestEntry(uint64_t index) {
  v1::Entry entry;
  entry.set_version(1);
  entry.set_decided_at(1'000'000 + static_cast<int64_t>(index));
  entry.set_kind(index % 3 == 0 ? v1::LOG_KIND_COMBINATION : v1::LOG_KIND_COLLECTION);
  entry.mutable_command()->set_method("Identify");
  entry.mutable_decision()->set_allowed(index % 4 != 0);
  if (index % 4 == 0) entry.mutable_decision()->set_reason("BUDGET_SPENT");
  return entry;
}

class TestLog {
 public:
  static constexpr char kOrigin[] = "vault.example/audit";

  explicit TestLog(uint64_t count) : signer_(crypto::SigningKey::Generate()) {
    MerkleFrontier frontier;
    roots_.push_back(frontier.Root());
    for (uint64_t i = 0; i < count; ++i) {
      entries_.push_back(MakeTestEntry(i).SerializeAsString());
      frontier.Append(LeafHash(entries_.back()));
      roots_.push_back(frontier.Root());
    }
  }

  const std::vector<std::string>& entries() const { return entries_; }
  const Hash& RootAt(uint64_t size) const { return roots_[size]; }
  const crypto::SigningKey& signer() const { return signer_; }

  VerifierKey Key() const {
    return *VerifierKey::Create(kOrigin, KeyType::kEd25519, signer_.public_key());
  }

  std::string NoteAt(uint64_t size) const {
    return *SignCheckpoint({kOrigin, size, roots_[size]}, signer_);
  }

  TileWriter::EntryReader Reader() const {
    return [this](uint64_t index) -> absl::StatusOr<std::string> { return entries_.at(index); };
  }

  // Writes and publishes up to `size`.
  absl::Status PublishAt(uint64_t size, TileWriter& writer) const {
    const absl::StatusOr<Hash> root = writer.WriteTiles(size, Reader());
    if (!root.ok()) return root.status();
    if (*root != roots_[size]) return absl::InternalError("the tiles lead to another root");
    return writer.Publish(NoteAt(size));
  }

 private:
  crypto::SigningKey signer_;
  std::vector<std::string> entries_;
  std::vector<Hash> roots_;  // by size
};

}  // namespace kluis::audit

#endif  // KLUIS_TESTS_FAKES_TEST_LOG_H_
