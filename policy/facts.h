// SPDX-License-Identifier: Apache-2.0
// Everything that a rule may look at: the command as it is recorded in the log, the decision time,
// and the state records that the command names. Loaded once per decision, then constant.
#ifndef KLUIS_POLICY_FACTS_H_
#define KLUIS_POLICY_FACTS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kluis/v1/ledger.pb.h"
#include "policy/state_view.h"

namespace kluis::policy {

using Time = int64_t;  // unix seconds
inline constexpr Time kMinute = 60;
inline constexpr Time kDay = 86'400;

struct Facts {
  const v1::Command* command = nullptr;
  Time now = 0;

  std::shared_ptr<const v1::VaultRecord> vault;                      // null before the founding
  const v1::Founding* founding = &v1::Founding::default_instance();  // of `vault`
  uint32_t next_slot = 0;  // only for commands that take a slot

  // The statements of the command, in its order, and whether one of them was used before.
  std::vector<const v1::StatementFacts*> statements;
  bool statement_used = false;
  bool id_taken = false;  // an id for something new is not 16 bytes, or something has it
  bool over_statements_known = true;  // of a closing: the state has all that it names

  // The members whose keys signed; only for commands that count them.
  std::vector<std::shared_ptr<const v1::MemberRecord>> signers;

  std::shared_ptr<const v1::MemberRecord> member;        // the caller, when registered
  std::shared_ptr<const v1::AuthorityRecord> authority;  // the caller's
  std::shared_ptr<const v1::MemberRecord> registered;   // who already has the name to be registered
  std::shared_ptr<const v1::MemberKey> registered_key;  // who already has the key to be registered

  std::shared_ptr<const v1::PurposeRecord> purpose_record;
  const v1::PurposeRegistration* purpose = nullptr;  // of `purpose_record`
  bool stopped = false;
  std::string stop;  // digest of the last order that stopped it

  std::shared_ptr<const v1::SubjectRecord> subject;
  std::shared_ptr<const v1::TemplateRecord> record;  // the template that the command is about

  std::shared_ptr<const v1::CaseRecord> kase;
  v1::CaseUse use;
  // Of the case that is opened or ends, or to be forgotten: the year that it was opened in.
  std::optional<v1::AuthorityYear> year;
  bool necessity_used = false;
  std::optional<v1::CandidateRecord> candidate;
  std::string candidate_id;

  std::optional<v1::PendingSearch> search;
  std::optional<v1::PendingErasure> erasure;
  std::optional<v1::PendingRekey> rekey;  // the order of new shares that stands
  std::string last_rekey;                 // digest of the last such order, or of its cancellation
  bool backup_known = false;              // the log has this backup already
};

// Reads what `command` names. Any error of `state` is returned: a store that is down denies.
absl::StatusOr<Facts> LoadFacts(const StateView& state, const v1::Command& command, Time now);

// What a search spends of the warrant's budget: who asks with a probe that the case had before gets
// the answer again for the price of two, as many such answers tell more than one does.
inline uint32_t SearchCost(const v1::Identify& search) { return search.repeated_probe() ? 2 : 1; }

// The id in a resource name such as "cases/<32 hex digits>" or "cases/<id>/candidates/<id>": the
// 16 bytes after `collection`/; empty when the name does not have that form.
std::string IdInName(std::string_view name, std::string_view collection);

// When a statement can be used no more: the end that it states itself, or else the profile's age
// after its signing.
Time UsableUntil(const v1::Founding& founding, const v1::StatementFacts& statement);

// Whether a predecessor that a statement names is the one with this digest: 64 lowercase hex
// digits, or "none" for an empty digest.
bool Names(std::string_view name, std::string_view digest);
// Whether a purpose may have this id: 1 to 64 of a-z, 0-9 and '-'.
bool IsPurposeId(std::string_view id);

}  // namespace kluis::policy

#endif  // KLUIS_POLICY_FACTS_H_
