// SPDX-License-Identifier: Apache-2.0
#include "audit/replay/scratch_state.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"

namespace kluis::audit {
namespace {

constexpr size_t kHeader = 7;  // flag[1] | key size[2] | value size[4]
constexpr char kTouched = 1;   // read since it was written
constexpr char kRemoved = 2;
constexpr uint64_t kFree = 0;
constexpr uint64_t kAddressBits = 48;
constexpr uint64_t kAddressMask = (uint64_t{1} << kAddressBits) - 1;
constexpr size_t kFirstSlots = 1024;

uint64_t TagOf(uint64_t hash) { return hash >> kAddressBits; }

// Address 0 is a record too: a slot holds the address plus one.
uint64_t SlotOf(uint64_t hash, uint64_t address) {
  return TagOf(hash) << kAddressBits | (address + 1);
}
uint64_t AddressOf(uint64_t slot) { return (slot & kAddressMask) - 1; }

int SizeOf(std::string_view bytes) { return static_cast<int>(bytes.size()); }

}  // namespace

ScratchState::ScratchState(const Options& options)
    : options_(options),
      seed_(std::random_device()()),
      table_(kFirstSlots, kFree),
      filter_(options.filter_bytes / sizeof(uint64_t), 0) {}

ScratchState::~ScratchState() {
  for (sqlite3_stmt* statement : {select_, insert_, remove_}) sqlite3_finalize(statement);
  sqlite3_close(database_);
}

absl::StatusOr<std::unique_ptr<ScratchState>> ScratchState::Create(const Options& options) {
  std::unique_ptr<ScratchState> state(new ScratchState(options));
  const absl::Status opened = state->OpenDatabase();
  if (!opened.ok()) return opened;
  return state;
}

absl::Status ScratchState::OpenDatabase() {
  constexpr char kSetUp[] =
      "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;"
      "PRAGMA cache_size = -8192; PRAGMA page_size = 8192;"
      "CREATE TABLE records (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;";
  if (sqlite3_open("", &database_) != SQLITE_OK ||
      sqlite3_exec(database_, kSetUp, nullptr, nullptr, nullptr) != SQLITE_OK ||
      sqlite3_prepare_v2(database_, "SELECT value FROM records WHERE key = ?", -1, &select_,
                         nullptr) != SQLITE_OK ||
      sqlite3_prepare_v2(database_, "INSERT OR REPLACE INTO records VALUES (?, ?)", -1, &insert_,
                         nullptr) != SQLITE_OK ||
      sqlite3_prepare_v2(database_, "DELETE FROM records WHERE key = ?", -1, &remove_, nullptr) !=
          SQLITE_OK) {
    return Failed();
  }
  return absl::OkStatus();
}

absl::Status ScratchState::Failed() const {
  return absl::InternalError(absl::StrCat("scratch database: ", sqlite3_errmsg(database_)));
}

uint64_t ScratchState::HashOf(std::string_view key) const {
  return absl::Hash<std::pair<uint64_t, absl::string_view>>{}(
      {seed_, absl::string_view(key.data(), key.size())});
}

char* ScratchState::At(uint64_t address) const {
  return &segments_[address / options_.segment_bytes - first_segment_]
                   [address % options_.segment_bytes];
}

ScratchState::Record ScratchState::RecordAt(uint64_t address) const {
  const char* const bytes = At(address);
  uint16_t key_size = 0;
  uint32_t value_size = 0;
  std::memcpy(&key_size, bytes + 1, sizeof(key_size));
  std::memcpy(&value_size, bytes + 3, sizeof(value_size));
  return {std::string_view(bytes + kHeader, key_size),
          std::string_view(bytes + kHeader + key_size, value_size), (bytes[0] & kRemoved) != 0};
}

size_t ScratchState::FindSlot(std::string_view key, uint64_t hash) const {
  const size_t mask = table_.size() - 1;
  size_t slot = hash & mask;
  while (table_[slot] != kFree) {
    if (table_[slot] >> kAddressBits == TagOf(hash) &&
        RecordAt(AddressOf(table_[slot])).key == key) {
      break;
    }
    slot = (slot + 1) & mask;
  }
  return slot;
}

// Closes the gap, so that no search ends at it: Knuth, volume 3, algorithm 6.4 R.
void ScratchState::FreeSlot(size_t slot) {
  const size_t mask = table_.size() - 1;
  --taken_;
  for (size_t next = (slot + 1) & mask; table_[next] != kFree; next = (next + 1) & mask) {
    const size_t home = HashOf(RecordAt(AddressOf(table_[next])).key) & mask;
    if (((next - home) & mask) < ((next - slot) & mask)) continue;
    table_[slot] = table_[next];
    slot = next;
  }
  table_[slot] = kFree;
}

void ScratchState::Grow() {
  std::vector<uint64_t> old(table_.size() * 2, kFree);
  old.swap(table_);
  const size_t mask = table_.size() - 1;
  for (const uint64_t entry : old) {
    if (entry == kFree) continue;
    size_t slot = HashOf(RecordAt(AddressOf(entry)).key) & mask;
    while (table_[slot] != kFree) slot = (slot + 1) & mask;
    table_[slot] = entry;
  }
}

uint64_t ScratchState::Append(const Record& record) {
  const size_t size = kHeader + record.key.size() + record.value.size();
  if (segments_.empty() || used_ + size > options_.segment_bytes) {
    segments_.push_back(std::make_unique<char[]>(options_.segment_bytes));
    used_ = 0;
  }
  const uint64_t address = (first_segment_ + segments_.size() - 1) * options_.segment_bytes + used_;
  char* const bytes = At(address);
  const auto key_size = static_cast<uint16_t>(record.key.size());
  const auto value_size = static_cast<uint32_t>(record.value.size());
  bytes[0] = record.removed ? kRemoved : 0;
  std::memcpy(bytes + 1, &key_size, sizeof(key_size));
  std::memcpy(bytes + 3, &value_size, sizeof(value_size));
  record.key.copy(bytes + kHeader, record.key.size());
  record.value.copy(bytes + kHeader + record.key.size(), record.value.size());
  used_ += size;
  return address;
}

void ScratchState::Place(const Record& record, uint64_t hash) {
  const uint64_t address = Append(record);
  const size_t slot = FindSlot(record.key, hash);
  if (table_[slot] == kFree) ++taken_;
  table_[slot] = SlotOf(hash, address);
  if (taken_ * 4 > table_.size() * 3) Grow();
}

size_t ScratchState::memory() const {
  return segments_.size() * options_.segment_bytes +
         (table_.size() + filter_.size()) * sizeof(uint64_t);
}

bool ScratchState::MayBeOnDisk(uint64_t hash) const {
  if (spilled_ == 0) return false;
  const uint64_t step = hash >> 32 | 1;
  const uint64_t mask = filter_.size() * 64 - 1;
  for (uint64_t i = 0; i < 4; ++i) {
    const uint64_t bit = (hash + i * step) & mask;
    if ((filter_[bit / 64] >> (bit % 64) & 1) == 0) return false;
  }
  return true;
}

void ScratchState::MarkOnDisk(uint64_t hash) {
  const uint64_t step = hash >> 32 | 1;
  const uint64_t mask = filter_.size() * 64 - 1;
  for (uint64_t i = 0; i < 4; ++i) {
    const uint64_t bit = (hash + i * step) & mask;
    filter_[bit / 64] |= uint64_t{1} << (bit % 64);
  }
}

absl::StatusOr<std::optional<std::string>> ScratchState::ReadFromDisk(std::string_view key) const {
  sqlite3_reset(select_);
  sqlite3_bind_blob(select_, 1, key.data(), SizeOf(key), SQLITE_STATIC);
  const int step = sqlite3_step(select_);
  if (step == SQLITE_DONE) return std::optional<std::string>();
  if (step != SQLITE_ROW) return Failed();
  const auto* const bytes = static_cast<const char*>(sqlite3_column_blob(select_, 0));
  const auto size = static_cast<size_t>(sqlite3_column_bytes(select_, 0));
  std::optional<std::string> value(std::in_place, bytes == nullptr ? "" : bytes, size);
  sqlite3_reset(select_);
  return value;
}

absl::StatusOr<std::optional<std::string>> ScratchState::Read(std::string_view key) const {
  const uint64_t hash = HashOf(key);
  const size_t slot = FindSlot(key, hash);
  if (table_[slot] == kFree) {
    if (!MayBeOnDisk(hash)) return std::optional<std::string>();
    return ReadFromDisk(key);
  }
  const uint64_t address = AddressOf(table_[slot]);
  const Record record = RecordAt(address);
  if (record.removed) return std::optional<std::string>();
  *At(address) |= kTouched;
  return std::optional<std::string>(record.value);
}

absl::StatusOr<std::optional<std::string>> ScratchState::Write(
    std::string_view key, std::optional<std::string_view> value) {
  const size_t value_size = value.has_value() ? value->size() : 0;
  if (key.empty() || key.size() > UINT16_MAX ||
      kHeader + key.size() + value_size > options_.segment_bytes) {
    return absl::InvalidArgumentError("scratch state: a record does not fit");
  }
  cache_.Forget(std::string(key));
  const uint64_t hash = HashOf(key);
  const size_t slot = FindSlot(key, hash);
  const bool on_disk = MayBeOnDisk(hash);
  std::optional<std::string> before;
  if (table_[slot] != kFree) {
    const Record record = RecordAt(AddressOf(table_[slot]));
    if (!record.removed) before = std::string(record.value);
  } else if (on_disk) {
    absl::StatusOr<std::optional<std::string>> read = ReadFromDisk(key);
    if (!read.ok()) return read.status();
    before = *std::move(read);
  }
  if (value.has_value()) {
    Place({key, *value, false}, hash);
  } else if (on_disk) {
    Place({key, {}, true}, hash);
  } else if (table_[slot] != kFree) {
    FreeSlot(slot);
  }
  const absl::Status room = MakeRoom();
  if (!room.ok()) return room;
  return before;
}

absl::Status ScratchState::MakeRoom() {
  // An eighth at a time: sorted, they share pages of the database.
  if (memory() <= options_.memory_bytes) return absl::OkStatus();
  const size_t enough = options_.memory_bytes - options_.memory_bytes / 8;
  if (sqlite3_exec(database_, "BEGIN", nullptr, nullptr, nullptr) != SQLITE_OK) return Failed();
  while (memory() > enough && segments_.size() > 2) {
    const absl::Status spilled = SpillOldest();
    if (!spilled.ok()) return spilled;
  }
  if (sqlite3_exec(database_, "COMMIT", nullptr, nullptr, nullptr) != SQLITE_OK) return Failed();
  return absl::OkStatus();
}

absl::Status ScratchState::SpillOldest() {
  const uint64_t begin = first_segment_ * options_.segment_bytes;
  std::vector<Record> cold;
  size_t kept = 0;
  for (uint64_t address = begin; address + kHeader <= begin + options_.segment_bytes;) {
    const Record record = RecordAt(address);
    if (record.key.empty() && record.value.empty()) break;  // the unused end of the segment
    const uint64_t size = kHeader + record.key.size() + record.value.size();
    const uint64_t hash = HashOf(record.key);
    const size_t slot = FindSlot(record.key, hash);
    const bool current = table_[slot] != kFree && AddressOf(table_[slot]) == address;
    const bool hot = (*At(address) & kTouched) != 0 && kept + size < options_.segment_bytes / 2;
    address += size;
    if (!current) continue;
    if (hot) {
      kept += size;
      Place(record, hash);
    } else {
      cold.push_back(record);
    }
  }
  const absl::Status spilled = Spill(cold);
  if (!spilled.ok()) return spilled;
  for (const Record& record : cold) FreeSlot(FindSlot(record.key, HashOf(record.key)));
  segments_.pop_front();
  ++first_segment_;
  return absl::OkStatus();
}

absl::Status ScratchState::Spill(const std::vector<Record>& records) {
  std::vector<const Record*> sorted;
  for (const Record& record : records) sorted.push_back(&record);
  std::sort(sorted.begin(), sorted.end(),
            [](const Record* a, const Record* b) { return a->key < b->key; });
  for (const Record* record : sorted) {
    sqlite3_stmt* const statement = record->removed ? remove_ : insert_;
    sqlite3_reset(statement);
    sqlite3_bind_blob(statement, 1, record->key.data(), SizeOf(record->key), SQLITE_STATIC);
    if (!record->removed) {
      sqlite3_bind_blob(statement, 2, record->value.data(), SizeOf(record->value), SQLITE_STATIC);
      MarkOnDisk(HashOf(record->key));
      ++spilled_;
    }
    if (sqlite3_step(statement) != SQLITE_DONE) return Failed();
    sqlite3_reset(statement);
  }
  return absl::OkStatus();
}

absl::Status ScratchState::ForEachUnder(
    std::string_view prefix,
    const std::function<void(std::string_view, std::string_view)>& visit) const {
  for (const uint64_t slot : table_) {
    if (slot == kFree) continue;
    const Record record = RecordAt(AddressOf(slot));
    if (!record.removed && record.key.starts_with(prefix)) visit(record.key, record.value);
  }
  sqlite3_stmt* scan = nullptr;
  if (sqlite3_prepare_v2(database_, "SELECT key, value FROM records WHERE key >= ?", -1, &scan,
                         nullptr) != SQLITE_OK) {
    return Failed();
  }
  sqlite3_bind_blob(scan, 1, prefix.data(), SizeOf(prefix), SQLITE_STATIC);
  int step = SQLITE_DONE;
  const auto column = [scan](int i) {
    const auto* const bytes = static_cast<const char*>(sqlite3_column_blob(scan, i));
    return std::string_view(bytes == nullptr ? "" : bytes,
                            static_cast<size_t>(sqlite3_column_bytes(scan, i)));
  };
  while ((step = sqlite3_step(scan)) == SQLITE_ROW) {
    const std::string_view key = column(0);
    if (!key.starts_with(prefix)) break;
    if (table_[FindSlot(key, HashOf(key))] == kFree) visit(key, column(1));
  }
  sqlite3_finalize(scan);
  if (step != SQLITE_DONE && step != SQLITE_ROW) return Failed();
  return absl::OkStatus();
}

}  // namespace kluis::audit
