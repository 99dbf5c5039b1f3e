// SPDX-License-Identifier: Apache-2.0
// The key of every state record: u8 kind | id. The kind is the record's field number in
// kluis.v1.RecordChange, so a new record cannot reuse a kind. Pure, safe from any thread.
#ifndef KLUIS_POLICY_RECORD_KEY_H_
#define KLUIS_POLICY_RECORD_KEY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kluis/v1/ledger.pb.h"

namespace kluis::policy {

inline constexpr size_t kIdBytes = 16;

// What names a year of an authority in erasures and in the rows sealed for it: authority id[16] |
// year u16, big-endian. kAuthorityYearIdBytes with an id of 16 bytes.
inline constexpr size_t kAuthorityYearIdBytes = kIdBytes + 2;
std::string AuthorityYearId(std::string_view authority_id, uint32_t year);

namespace key {
std::string Vault();                                       // nothing more: there is one
std::string Slots();                                       // nothing more: there is one
std::string Authority(std::string_view id);                // id[16]
std::string Member(v1::Role role, std::string_view name);  // u8 role | name
std::string MemberKey(std::string_view keyid);             // keyid
std::string Purpose(std::string_view purpose);             // purpose
std::string PurposeStop(std::string_view purpose);         // purpose
std::string Subject(std::string_view id);                  // id[16]
std::string Template(std::string_view id);                 // id[16]
std::string Enrollment(std::string_view subject_id, std::string_view purpose);  // id[16] | purpose
std::string Case(std::string_view id);                                          // id[16]
std::string CaseUse(std::string_view case_id);                                  // id[16]
std::string Candidate(std::string_view case_id, std::string_view id);           // id[16] | id[16]
std::string Disclosure(std::string_view id);                                    // id[16]
// Minute u32 from which the statement cannot be used any more, big-endian | digest[16], the first.
std::string UsedStatement(int64_t usable_until, std::string_view digest);
std::string UsedNecessity(std::string_view digest);                         // digest[32]
std::string PendingSearch(std::string_view id);                             // id[16]
std::string PendingErasure(v1::ErasureTarget target, std::string_view id);  // u8 target | its id
std::string AuthorityYear(std::string_view id);                             // AuthorityYearId
std::string LastRekeyOrder();  // nothing more: there is one
std::string PendingRekey();
std::string Backup(uint32_t id);  // u32, big-endian
}  // namespace key

// Unix seconds from which the statement is over whose key this is, without the kind.
int64_t OverAt(std::string_view used_statement);

// The prefix that all records of a kind share: 1 byte.
std::string KindPrefix(v1::RecordChange::ChangeCase kind);

// What applying a change does: `value` is written under `key`, or `key` is removed.
struct RecordWrite {
  std::string key;
  std::optional<std::string> value;
};

// The whole of Apply(state, event): an entry's changes, written in order, are the fold.
// A change without content gives an empty key; no decision makes one.
RecordWrite Apply(const v1::RecordChange& change);

}  // namespace kluis::policy

#endif  // KLUIS_POLICY_RECORD_KEY_H_
