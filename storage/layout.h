// SPDX-License-Identifier: Apache-2.0
// Where every record of Kluis lies: columns, keys, values. This is the only place that builds keys.
// storage/ neither reads nor interprets values; it sees ciphertext, hashes and public log bytes.
//
// Every key and value, byte by byte. u64 is big-endian, so that key order is number order; `|`
// joins; quoted letters are one byte; sealed means nonce[24] | ciphertext | tag[16]; ids are 16
// random bytes.
//
//   column   key                                      value
//   log      'e' | u64 index                          entry, exactly the bytes that are hashed
//   log      'h' | u8 level | u64 index               SHA-256[32] of the perfect subtree of 2^level
//                                                     leaves, number `index` (RFC 6962,
//                                                     section 2.1); the frontier is recomputed from
//                                                     these nodes
//   log      'm'                                      u64 number of entries
//   state    u8 kind of record | id                   serialized kluis.v1 state record; policy/
//                                                     makes these keys, storage/ takes them as they
//                                                     are
//   sealed   't' | record id[16]                      sealed template
//   sealed   'p' | case id[16] | search id[16]        sealed probe and result of one search
//   sealed   'p' | case id[16] | u16 n                sealed sketches of the case's probes, 256 a
//                                                     row; u16 is big-endian
//   details  's' | subject id[16]                     sealed subject details
//   details  'k' | keyed digest[32] of a public key   sealed subject id
//   details  'n' | subject id[16] | notice id[16]     sealed notice
//   details  'o' | u64 log index | u8 n               sealed opening (nonce and payload) of the
//                                                     n-th commitment of that log entry
//   details  'w' | authority id[16] | u16 year |      sealed opening of what was written about a
//            case id[16] | u8 what                    case of that year: 0 the details of its
//                                                     opening, 1 those of its warrant's refusal;
//                                                     u16 is big-endian
//
// Thread-safe: functions without state.
#ifndef KLUIS_STORAGE_LAYOUT_H_
#define KLUIS_STORAGE_LAYOUT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/id.h"

namespace kluis::storage {

enum class Column : std::uint8_t { kLog, kState, kSealed, kDetails };
inline constexpr std::size_t kColumnCount = 4;
inline constexpr std::array<Column, kColumnCount> kColumns = {Column::kLog, Column::kState,
                                                              Column::kSealed, Column::kDetails};

// The name of the column on disk: "log", "state", "sealed" or "details".
std::string_view ColumnName(Column column);

using base::Id;
using KeyedDigest = std::array<std::uint8_t, 32>;
using YearId = std::array<std::uint8_t, 18>;  // authority id[16] | u16 year

// kDataLoss: not exactly 18 bytes.
absl::StatusOr<YearId> YearIdFromBytes(std::string_view bytes);

// log
std::string EntryKey(std::uint64_t index);
std::string NodeKey(std::uint8_t level, std::uint64_t index);
std::string LogSizeKey();
// The index in a key made by EntryKey; nothing for any other key.
std::optional<std::uint64_t> EntryIndexOf(std::string_view key);

// sealed
std::string TemplateKey(const Id& record_id);
void PutTemplateKey(const Id& record_id, std::string& key);  // in the memory that `key` has
std::string ProbeKey(const Id& case_id, const Id& search_id);
std::string SketchesKey(const Id& case_id, std::uint16_t n);

// details
std::string SubjectKey(const Id& subject_id);
std::string PublicKeyLookupKey(const KeyedDigest& digest);
std::string NoticeKey(const Id& subject_id, const Id& notice_id);
std::string OpeningKey(std::uint64_t log_index, std::uint8_t n);
enum class Written : std::uint8_t { kOpening = 0, kRefusal = 1 };
std::string WrittenKey(const YearId& year, const Id& case_id, Written what);

// Prefixes for Reader::Scan: all entries, all templates, all probes of a case with its sketches,
// all ways from a public key to its subject, all notices of a subject, all that was written about
// the cases of an authority's year.
std::string EntryPrefix();
std::string TemplatePrefix();
std::string ProbePrefix(const Id& case_id);
std::string PublicKeyLookupPrefix();
std::string NoticePrefix(const Id& subject_id);
std::string WrittenPrefix(const YearId& year);

// The smallest key above all keys with this prefix, for Reader::ScanRange. Empty
// ("no end") when there is none: for an empty prefix and for one of only 0xff bytes.
std::string PrefixEnd(std::string_view prefix);

// Eight bytes, big-endian. Decode gives nothing unless `bytes` is exactly 8 bytes.
std::string EncodeU64(std::uint64_t value);
std::optional<std::uint64_t> DecodeU64(std::string_view bytes);

}  // namespace kluis::storage

#endif  // KLUIS_STORAGE_LAYOUT_H_
