// SPDX-License-Identifier: Apache-2.0
#include "storage/layout.h"

#include <algorithm>

#include "base/big_endian.h"

namespace kluis::storage {
namespace {

void AppendByte(std::string& key, std::uint8_t byte) { key.push_back(static_cast<char>(byte)); }

template <std::size_t N>
void AppendArray(std::string& key, const std::array<std::uint8_t, N>& bytes) {
  key.append(bytes.begin(), bytes.end());
}

void AppendU64(std::string& key, std::uint64_t value) {
  key += base::BigEndian(value, base::kNumberBytes);
}

}  // namespace

std::string_view ColumnName(Column column) {
  switch (column) {
    case Column::kLog:
      return "log";
    case Column::kState:
      return "state";
    case Column::kSealed:
      return "sealed";
    case Column::kDetails:
      return "details";
  }
  return "";
}

absl::StatusOr<YearId> YearIdFromBytes(std::string_view bytes) {
  YearId id;
  if (bytes.size() != id.size()) return absl::DataLossError("record: an id is damaged");
  std::copy(bytes.begin(), bytes.end(), id.begin());
  return id;
}

std::string EntryKey(std::uint64_t index) {
  std::string key = EntryPrefix();
  AppendU64(key, index);
  return key;
}

std::string NodeKey(std::uint8_t level, std::uint64_t index) {
  std::string key = "h";
  AppendByte(key, level);
  AppendU64(key, index);
  return key;
}

std::string LogSizeKey() { return "m"; }

std::optional<std::uint64_t> EntryIndexOf(std::string_view key) {
  if (!key.starts_with('e')) return std::nullopt;
  return DecodeU64(key.substr(1));
}

std::string TemplateKey(const Id& record_id) {
  std::string key;
  PutTemplateKey(record_id, key);
  return key;
}

void PutTemplateKey(const Id& record_id, std::string& key) {
  key.assign(TemplatePrefix());
  AppendArray(key, record_id);
}

std::string ProbeKey(const Id& case_id, const Id& search_id) {
  std::string key = ProbePrefix(case_id);
  AppendArray(key, search_id);
  return key;
}

std::string SketchesKey(const Id& case_id, std::uint16_t n) {
  std::string key = ProbePrefix(case_id);
  AppendByte(key, static_cast<std::uint8_t>(n >> 8));
  AppendByte(key, static_cast<std::uint8_t>(n & 0xff));
  return key;
}

std::string SubjectKey(const Id& subject_id) {
  std::string key = "s";
  AppendArray(key, subject_id);
  return key;
}

std::string PublicKeyLookupKey(const KeyedDigest& digest) {
  std::string key = PublicKeyLookupPrefix();
  AppendArray(key, digest);
  return key;
}

std::string NoticeKey(const Id& subject_id, const Id& notice_id) {
  std::string key = NoticePrefix(subject_id);
  AppendArray(key, notice_id);
  return key;
}

std::string OpeningKey(std::uint64_t log_index, std::uint8_t n) {
  std::string key = "o";
  AppendU64(key, log_index);
  AppendByte(key, n);
  return key;
}

std::string WrittenKey(const YearId& year, const Id& case_id, Written what) {
  std::string key = WrittenPrefix(year);
  AppendArray(key, case_id);
  AppendByte(key, static_cast<std::uint8_t>(what));
  return key;
}

std::string EntryPrefix() { return "e"; }

std::string TemplatePrefix() { return "t"; }

std::string ProbePrefix(const Id& case_id) {
  std::string key = "p";
  AppendArray(key, case_id);
  return key;
}

std::string PublicKeyLookupPrefix() { return "k"; }

std::string NoticePrefix(const Id& subject_id) {
  std::string key = "n";
  AppendArray(key, subject_id);
  return key;
}

std::string WrittenPrefix(const YearId& year) {
  std::string key = "w";
  AppendArray(key, year);
  return key;
}

std::string PrefixEnd(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<std::uint8_t>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<std::uint8_t>(end.back()) + 1);
  return end;
}

std::string EncodeU64(std::uint64_t value) {
  std::string bytes;
  AppendU64(bytes, value);
  return bytes;
}

std::optional<std::uint64_t> DecodeU64(std::string_view bytes) {
  if (bytes.size() != base::kNumberBytes) return std::nullopt;
  return base::ReadBigEndian(bytes);
}

}  // namespace kluis::storage
