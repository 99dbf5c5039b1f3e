// SPDX-License-Identifier: Apache-2.0
#include "audit/replay/entry.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "audit/details.h"
#include "audit/log/bundle_check.h"
#include "audit/replay/known_fields.h"
#include "audit/statement_facts.h"
#include "audit/tiles.h"
#include "audit/whole_statement.h"
#include "base/codec.h"
#include "policy/record_key.h"

namespace kluis::audit {
namespace {

constexpr size_t kDigestBytes = 32;
constexpr size_t kArenaBlock = 64 * 1024;

// The facts without who signed, which only the state can say.
bool SameButSigners(const v1::StatementFacts& recorded, const v1::StatementFacts& found) {
  return recorded.kind() == found.kind() && recorded.digest() == found.digest() &&
         recorded.issued_at() == found.issued_at() && recorded.vault() == found.vault() &&
         recorded.subject_signed() == found.subject_signed() &&
         recorded.usable_until() == found.usable_until();
}

// The envelope must say what the command says that it says.
std::string StatementComplaint(const v1::Entry& entry) {
  std::string complaint;
  const bool whole =
      VisitStatement(entry.command(), [&](const v1::StatementFacts& facts, const auto& copy) {
        if (entry.envelopes_size() != 1) {
          complaint = "the act stands on one statement, and the entry does not hold exactly one";
          return;
        }
        const v1::Envelope& envelope = entry.envelopes(0);
        if (!IsStatementOf(envelope, copy)) {  // written in another order, or a lie
          const std::unique_ptr<std::remove_cvref_t<decltype(copy)>> payload(copy.New());
          const absl::Status read = ReadPayload(envelope, *payload);
          if (!read.ok()) {
            complaint = absl::StrCat("the statement is not readable: ", read.message());
            return;
          }
          if (payload->SerializeAsString() != copy.SerializeAsString()) {
            complaint = "the command does not say what the signed statement says";
            return;
          }
        }
        const absl::StatusOr<v1::StatementFacts> found = FactsOf(envelope, copy);
        if (!found.ok() || !SameButSigners(facts, *found)) {
          complaint = "the facts recorded of the statement are not what it says";
        }
      });
  if (!whole && entry.envelopes_size() > 0) return "the act stands on no statement, but has one";
  return complaint;
}

std::string CommitmentTo(const v1::Entry& entry, std::string_view what) {
  for (const v1::Commitment& commitment : entry.commitments()) {
    if (commitment.what() == what) return commitment.digest();
  }
  return {};
}

// The entry has one commitment, and it is the one that the signed statement has.
bool CommitsTo(const v1::Entry& entry, std::string_view what, const std::string& signed_one) {
  return entry.commitments_size() == 1 && base::ToHex(CommitmentTo(entry, what)) == signed_one;
}

bool HasFoundingKeys(const v1::Found& found) {
  v1::Found again;
  SetFoundingKeys(found.founding(), again);
  const auto same = [](const auto& one, const auto& other) {
    return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                      [](const v1::NamedKey& a, const v1::NamedKey& b) {
                        return a.keyid() == b.keyid() && a.public_key() == b.public_key();
                      });
  };
  return same(again.operators(), found.operators()) && same(again.auditors(), found.auditors());
}

// Fields of the command that follow from others.
std::string DerivedComplaint(const v1::Entry& entry, std::string_view origin,
                             const crypto::PublicKey& log_key) {
  const v1::Command& command = entry.command();
  for (const v1::Commitment& commitment : entry.commitments()) {
    if (commitment.digest().size() != kDigestBytes) return "a commitment is not 32 bytes";
  }
  switch (command.act_case()) {
    case v1::Command::kFound:
      if (command.found().founding().log_public_key() != crypto::PublicKeyText(log_key)) {
        return "the founding names another log key than the one that signs the checkpoints";
      }
      if (command.found().founding().vault() != origin) {
        return "the founding is that of another vault than the log's origin";
      }
      if (!HasFoundingKeys(command.found())) {
        return "the keys of operators and auditors are not those in the founding";
      }
      return {};
    case v1::Command::kRegister: {
      v1::Register again;
      SetRegisteredKey(command.register_().registration(), again);
      if (again.keyid() != command.register_().keyid() ||
          again.public_key() != command.register_().public_key()) {
        return "the key to be registered is not the one in the registration";
      }
      return {};
    }
    case v1::Command::kOpenCase:
      if (!CommitsTo(entry, kCaseDetails, command.open_case().opening().details())) {
        return "a case's entry commits to its details, as the opening says";
      }
      if (command.open_case().necessity_digest().size() != kDigestBytes) {
        return "the digest of the necessity statement is not 32 bytes";
      }
      return {};
    case v1::Command::kRefuseWarrant:
      if (!CommitsTo(entry, kRefusalDetails, command.refuse_warrant().refusal().details())) {
        return "the refusal of a warrant commits to its reasons, as the refusal says";
      }
      return {};
    case v1::Command::kEnroll: {
      const v1::Enroll& enroll = command.enroll();
      if (entry.commitments_size() != 2 || CommitmentTo(entry, "capture-attestation").empty() ||
          CommitmentTo(entry, "consent") != enroll.consent_commitment()) {
        return "an enrolment commits to its consent, as the command says, and its attestation";
      }
      if (enroll.consent_statement().kind() != "consent" ||
          enroll.attestation_statement().kind() != "capture-attestation") {
        return "an enrolment stands on a consent and a capture attestation";
      }
      return {};
    }
    case v1::Command::kVerify:
      if (command.verify().has_released() &&
          command.verify().released().statement().kind() != "release") {
        return "a verification stands on a statement that is no release";
      }
      return {};
    case v1::Command::kDisclose:
      if (CommitmentTo(entry, "subject") != command.disclose().subject_commitment() ||
          (entry.decision().allowed() && entry.commitments_size() != 1)) {
        return "a disclosure commits to whom it named, as the command says";
      }
      return {};
    case v1::Command::kWithdraw:
      return command.withdraw().statement().kind() == "withdrawal" ? "" : "not a withdrawal";
    case v1::Command::kAccess:
      return command.access().statement().kind() == "access-request" ? "" : "not an access request";
    case v1::Command::kRestrict:
      return command.restrict().statement().kind() == "restriction" ? "" : "not a restriction";
    case v1::Command::kLiftRestriction:
      return command.lift_restriction().statement().kind() == "restriction-lift"
                 ? ""
                 : "not the lift of a restriction";
    default:
      return {};
  }
}

std::string_view Keep(std::string_view bytes, google::protobuf::Arena& arena) {
  char* const kept = google::protobuf::Arena::CreateArray<char>(&arena, bytes.size());
  std::memcpy(kept, bytes.data(), bytes.size());
  return {kept, bytes.size()};
}

void CheckSignatures(const v1::Entry& entry, const SeenKeys& keys, PreparedEntry& prepared) {
  if (entry.envelopes_size() != 1) return;
  for (const auto& signature : entry.envelopes(0).signatures()) {
    const std::optional<crypto::PublicKey> key = keys.Find(signature.keyid());
    if (!key.has_value()) continue;
    prepared.signatures.push_back({*key, IsSignedBy(entry.envelopes(0), *key)});
  }
}

void Prepare(std::string_view bytes, uint64_t index, std::string_view origin,
             const crypto::PublicKey& log_key, SeenKeys& keys, google::protobuf::Arena& arena,
             std::string& scratch, PreparedEntry& prepared) {
  auto* const parsed = google::protobuf::Arena::CreateMessage<v1::Entry>(&arena);
  const absl::Status read = ParseEntry(bytes, index, *parsed);
  if (!read.ok()) {
    prepared.malformed = std::string(read.message());
    return;
  }
  prepared.entry = parsed;
  const v1::Entry& entry = *parsed;
  keys.AddFrom(entry.command());
  for (const v1::RecordChange& change : entry.changes()) {
    const policy::RecordWrite write = policy::Apply(change);
    PreparedWrite& kept = prepared.writes.emplace_back();
    kept.key = Keep(write.key, arena);
    if (write.value.has_value()) kept.value = Keep(*write.value, arena);
  }
  // What this program cannot see could mean anything, and one entry has one spelling.
  static const KnownFields known(*v1::Entry::descriptor());
  scratch.clear();
  if (!known.Only(bytes) || !entry.AppendToString(&scratch) || scratch != bytes) {
    prepared.complaint = "the entry holds something that this version does not know";
    return;
  }
  prepared.complaint = StatementComplaint(entry);
  if (prepared.complaint.empty()) prepared.complaint = DerivedComplaint(entry, origin, log_key);
  CheckSignatures(entry, keys, prepared);
}

}  // namespace

void SeenKeys::Add(const crypto::PublicKey& key) {
  const std::unique_lock lock(mutex_);
  if (keys_.size() < kMaxKeys) keys_.emplace(crypto::KeyIdOf(key), key);
}

void SeenKeys::AddFrom(const v1::Command& command) {
  const auto add = [this](const std::string& text) {
    const absl::StatusOr<crypto::PublicKey> key = crypto::ParsePublicKey(text);
    if (key.ok()) Add(*key);
  };
  if (command.has_register_()) add(command.register_().registration().public_key());
  for (const auto& supervisor : command.found().founding().supervisors()) {
    add(supervisor.public_key());
  }
  for (const auto& member : command.found().founding().operators()) add(member.public_key());
  for (const auto& member : command.found().founding().auditors()) add(member.public_key());
}

std::optional<crypto::PublicKey> SeenKeys::Find(const std::string& keyid) const {
  const std::shared_lock lock(mutex_);
  const auto found = keys_.find(keyid);
  if (found == keys_.end()) return std::nullopt;
  return found->second;
}

absl::StatusOr<PreparedBundle> PrepareBundle(const BundleReader& read, uint64_t bundle,
                                             std::string_view origin,
                                             const crypto::PublicKey& log_key, SeenKeys& keys) {
  absl::StatusOr<BundleBytes> bytes = read(bundle);
  if (!bytes.ok()) return bytes.status();
  PreparedBundle prepared;
  google::protobuf::ArenaOptions blocks;
  blocks.start_block_size = kArenaBlock;
  blocks.max_block_size = kArenaBlock;
  prepared.arena = std::make_unique<google::protobuf::Arena>(blocks);
  prepared.entries.resize(bytes->entries.size());
  prepared.leaves = std::move(bytes->leaves);
  const bool hashed = !prepared.leaves.empty();
  std::string scratch;
  for (size_t i = 0; i < bytes->entries.size(); ++i) {
    const std::string_view entry = bytes->entries[i];
    prepared.bytes += entry.size();
    if (!hashed) prepared.leaves.push_back(LeafHash(entry));
    Prepare(entry, bundle * kTileWidth + i, origin, log_key, keys, *prepared.arena, scratch,
            prepared.entries[i]);
  }
  if (prepared.leaves.size() == kTileWidth) {
    MerkleFrontier frontier;
    for (const Hash& leaf : prepared.leaves) frontier.Append(leaf);
    prepared.root = frontier.Root();
    prepared.leaves.clear();
  }
  return prepared;
}

}  // namespace kluis::audit
