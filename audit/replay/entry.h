// SPDX-License-Identifier: Apache-2.0
// The part of a replay that needs no state and so can be done by many threads: an entry's bytes,
// its form, the statements that stand in it and their signatures, and what follows from its fields
// alone.
#ifndef KLUIS_AUDIT_REPLAY_ENTRY_H_
#define KLUIS_AUDIT_REPLAY_ENTRY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "audit/merkle.h"
#include "crypto/ed25519.h"
#include "google/protobuf/arena.h"
#include "kluis/v1/ledger.pb.h"

namespace kluis::audit {

// Public keys by their id, of all registrations seen so far, so that signatures can be verified
// before the state says who is registered. A key id is a digest of its key: an entry can add keys,
// and never pass one off under another's id. Thread-safe.
class SeenKeys {
 public:
  // The keys that `command` would register.
  void AddFrom(const v1::Command& command);
  std::optional<crypto::PublicKey> Find(const std::string& keyid) const;

 private:
  void Add(const crypto::PublicKey& key);

  static constexpr size_t kMaxKeys = 100'000;  // beyond it, the state's keys are used when due

  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, crypto::PublicKey> keys_;
};

// Whether `key` signed the entry's statement.
struct CheckedSignature {
  crypto::PublicKey key{};
  bool verifies = false;
};

// What applying a change does (policy::Apply): `value` is written under `key`, or `key` is removed.
struct PreparedWrite {
  std::string_view key;
  std::optional<std::string_view> value;
};

struct PreparedEntry {
  const v1::Entry* entry = nullptr;  // its bundle's
  std::string malformed;  // why it is no entry at all; nothing more of it is looked at then
  std::string complaint;  // the first thing that is wrong with it whatever the state; or empty
  std::vector<PreparedWrite> writes;  // of its changes, in order
  std::vector<CheckedSignature> signatures;
};

// A bundle of kTileWidth entries, or the last and shorter one.
struct PreparedBundle {
  std::unique_ptr<google::protobuf::Arena> arena;  // holds the entries and what they write
  std::vector<PreparedEntry> entries;
  std::vector<Hash> leaves;  // of a shorter bundle
  Hash root{};               // of a full bundle: its perfect subtree
  uint64_t bytes = 0;        // of the entries
};

// The entries of a bundle, and their leaf hashes where they are known already.
struct BundleBytes {
  std::shared_ptr<const void> owner;  // of the bytes
  std::vector<std::string_view> entries;
  std::vector<Hash> leaves;
};

// Gives a bundle. Called by several threads at once.
using BundleReader = std::function<absl::StatusOr<BundleBytes>(uint64_t bundle)>;

// Reads and prepares bundle `bundle`; errors of `read` are passed on. `log_key`: the key that signs
// the checkpoints, which the founding must name; `origin`: the log's, which it must name too.
absl::StatusOr<PreparedBundle> PrepareBundle(const BundleReader& read, uint64_t bundle,
                                             std::string_view origin,
                                             const crypto::PublicKey& log_key, SeenKeys& keys);

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_REPLAY_ENTRY_H_
