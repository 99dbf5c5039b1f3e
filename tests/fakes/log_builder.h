// SPDX-License-Identifier: Apache-2.0
// Writes a log as the vault does: each entry is decided by policy::Decide over the state that the
// entries before it leave, statements are really signed, commitments really opened by what is kept,
// and closing entries have the digest of the state. And as a vault does that lies: with other
// rules, or whatever entry it is given. Keys are made from names, the same in every run. Not
// thread-safe.
//
// Commands come from PolicyWorld (policy_world.h), whose key ids are "key-<name>" and whose
// statements are signed by nobody: Real makes acts of them that stand up to a replay.
#ifndef KLUIS_TESTS_FAKES_LOG_BUILDER_H_
#define KLUIS_TESTS_FAKES_LOG_BUILDER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "audit/checkpoint.h"
#include "audit/merkle.h"
#include "audit/state_digest.h"
#include "audit/verifier_key.h"
#include "crypto/ed25519.h"
#include "kluis/v1/ledger.pb.h"
#include "kluis/v1/types.pb.h"
#include "policy/decide.h"

namespace kluis::audit {

// One command with what stands beside it in its entry.
struct BuiltAct {
  v1::Command command;
  std::vector<v1::Envelope> envelopes;
  std::vector<v1::CommitmentOpening> openings;  // the entry has their commitments
};

class LogBuilder {
 public:
  using Sink = std::function<void(uint64_t index, const std::string& entry)>;

  // `origin` is also the vault's name; every entry goes to `sink`, when there is one, and is kept
  // in entries() otherwise.
  explicit LogBuilder(std::string origin = "vault.example/log", Sink sink = {});

  // The clock. A step further than the promised distance of closing entries is a restart: a
  // StartService entry follows it. One further than the promised gap is several restarts.
  void SetTime(int64_t now);
  // The same without any restart, also back.
  void JumpTo(int64_t now) {
    now_ = now;
    closed_at_ = now;
  }
  int64_t now() const { return now_; }

  // An act of a command as PolicyWorld makes it, with real statements and keys.
  BuiltAct Real(v1::Command command);

  // Decides at now() and writes.
  policy::Ruling Append(const BuiltAct& act);
  policy::Ruling Append(const v1::Command& command) { return Append(Real(command)); }
  // As Append, by a vault that has these rules.
  policy::Ruling AppendBy(policy::RuleList rules, const BuiltAct& act);
  // As it is: whatever it says, its changes are folded.
  void AppendEntry(const v1::Entry& entry);

  // The entry that Append writes for this ruling.
  v1::Entry EntryOf(const BuiltAct& act, const v1::Decision& decision,
                    const std::vector<v1::RecordChange>& changes) const;

  // The gap is wide: a test's world passes over years, and its starts are not what is tested.
  void Start(uint32_t checkpoint_seconds = 60, uint32_t max_gap_seconds = 31 * 86'400);
  // Signs over everything so far and a closing entry.
  void Close();

  // The whole of a PolicyWorld's log, with a start after the founding.
  void Import(const std::vector<v1::Entry>& log);

  uint64_t size() const { return frontier_.size(); }
  const std::vector<std::string>& entries() const { return entries_; }
  // Of all allowed acts, in the order of the log; kept when there is no sink.
  const std::vector<v1::CommitmentOpening>& openings() const { return openings_; }
  policy::StateView& state() { return state_; }

  Checkpoint checkpoint() const;
  std::string SignedCheckpoint() const;
  VerifierKey key() const;
  const crypto::SigningKey& KeyOf(const std::string& name);

 private:
  class HashState : public policy::StateView {
   public:
    absl::StatusOr<std::optional<std::string>> Read(std::string_view key) const override;
    policy::RecordCache* cache() const override { return &cache_; }
    std::unordered_map<std::string, std::string>& records() { return records_; }

   private:
    std::unordered_map<std::string, std::string> records_;
    mutable policy::RecordCache cache_;
  };

  // Of a statement of this log, the digest that it has here; of others, the one given.
  std::string RealDigest(const std::string& digest) const;
  // Where `payload` names a statement by the digest that a world gave it, names it by the real one.
  void NameReally(google::protobuf::Message& payload) const;
  template <class Payload>
  v1::Envelope SignBy(const std::vector<std::string>& keyids, v1::StatementFacts& facts,
                      Payload& payload, const crypto::SigningKey* subject = nullptr);
  template <class Order>
  void NameHead(Order& order) const;
  template <class Payload>
  void Whole(v1::StatementFacts& facts, Payload& payload, BuiltAct& act);
  void RealStatement(v1::Command& command, BuiltAct& act);
  void RealEnrolment(v1::Enroll& enroll, BuiltAct& act);
  v1::CommitmentOpening CommitTo(std::string what, std::string payload) const;
  // Adds the opening; its commitment in hex, for the statement.
  std::string CommitToDetails(const char* what, const google::protobuf::Message& details,
                              BuiltAct& act) const;
  const crypto::SigningKey& KeyOfId(const std::string& keyid);

  const std::string origin_;
  const Sink sink_;
  const std::string policy_digest_;
  std::map<std::string, crypto::SigningKey> keys_;
  std::map<std::string, std::string> digests_;  // as a PolicyWorld gives them -> as they are
  int64_t now_ = 0;
  int64_t closed_at_ = 0;
  uint32_t checkpoint_seconds_ = 0;
  uint32_t max_gap_seconds_ = 0;
  HashState state_;
  StateDigest digest_;
  MerkleFrontier frontier_;
  std::vector<std::string> entries_;
  std::vector<v1::CommitmentOpening> openings_;
};

// The digest that stands for `opening` in its entry.
std::string CommitmentDigest(const v1::CommitmentOpening& opening);

}  // namespace kluis::audit

#endif  // KLUIS_TESTS_FAKES_LOG_BUILDER_H_
