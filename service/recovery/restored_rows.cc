// SPDX-License-Identifier: Apache-2.0
#include "service/recovery/restored_rows.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/id.h"
#include "policy/record_key.h"
#include "service/custody/sealer.h"
#include "service/ledger/database_state.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

using storage::Column;

constexpr size_t kRowsAtOnce = 4096;

// Removes rows of one column as they are found.
class RowRemoval {
 public:
  RowRemoval(storage::Database& database, Column column) : database_(database), column_(column) {}

  void Add(std::string_view key) {
    if (!status_.ok()) return;
    if (count_++ == 0) first_ = std::string(key);
    last_ = std::string(key);
    batch_.Delete(column_, key);
    if (batch_.size() == kRowsAtOnce) Write();
  }

  // The number of rows, gone from the disk as well where it has the room to rewrite its tables.
  absl::StatusOr<uint64_t> Finish() {
    Write();
    if (!status_.ok()) return status_;
    if (count_ == 0) return count_;
    const absl::Status compacted =
        database_.Compact(column_, std::min(first_, last_), std::max(first_, last_));
    if (!compacted.ok() && !absl::IsResourceExhausted(compacted)) return compacted;
    return count_;
  }

 private:
  void Write() {
    if (batch_.empty() || !status_.ok()) return;
    status_ = database_.Write(std::exchange(batch_, storage::Batch())).status();
  }

  storage::Database& database_;
  const Column column_;
  storage::Batch batch_;
  absl::Status status_;
  uint64_t count_ = 0;
  std::string first_;
  std::string last_;
};

// Whether the state says that what the row was sealed for is erased, or never was.
class Erased {
 public:
  explicit Erased(const storage::Database& database) : state_(database) {}

  absl::StatusOr<bool> Template(std::string_view id) const {
    const auto record = policy::Find<v1::TemplateRecord>(state_, policy::key::Template(id));
    if (!record.ok()) return record.status();
    return !record->has_value() || (*record)->state() == v1::TEMPLATE_STATE_ERASED;
  }
  absl::StatusOr<bool> Case(std::string_view id) const {
    const auto record = policy::Find<v1::CaseRecord>(state_, policy::key::Case(id));
    if (!record.ok()) return record.status();
    return !record->has_value() || (*record)->erased();
  }
  absl::StatusOr<bool> Subject(std::string_view id) const {
    const auto record = policy::Find<v1::SubjectRecord>(state_, policy::key::Subject(id));
    if (!record.ok()) return record.status();
    return !record->has_value() || (*record)->erased();
  }
  absl::StatusOr<bool> Year(std::string_view id) const {
    const auto record = policy::Find<v1::AuthorityYear>(state_, policy::key::AuthorityYear(id));
    if (!record.ok()) return record.status();
    return !record->has_value() || (*record)->erased();
  }

 private:
  const DatabaseState state_;
};

// Removes the rows of `column` whose key begins with the letter `kind`, then an id of `id_bytes`
// that is erased.
absl::Status Sweep(storage::Database& database, Column column, char kind, size_t id_bytes,
                   const std::function<absl::StatusOr<bool>(std::string_view id)>& erased,
                   uint64_t& removed) {
  RowRemoval removal(database, column);
  absl::Status status;
  const absl::Status scanned = database.Scan(
      column, std::string_view(&kind, 1), [&](std::string_view key, std::string_view) {
        const absl::StatusOr<bool> gone = erased(key.substr(1, id_bytes));
        status = gone.status();
        if (gone.ok() && *gone) removal.Add(key);
        return gone.ok();
      });
  if (!scanned.ok()) return scanned;
  if (!status.ok()) return status;
  const absl::StatusOr<uint64_t> count = removal.Finish();
  if (count.ok()) removed += *count;
  return count.status();
}

// "u8 target | id" of what waits for its puncture.
absl::StatusOr<std::unordered_set<std::string>> Pending(const DatabaseState& state) {
  std::unordered_set<std::string> pending;
  const absl::Status scanned = state.ForEach<v1::PendingErasure>(
      v1::RecordChange::kPendingErasure, [&](const v1::PendingErasure& erasure) {
        pending.insert(policy::key::PendingErasure(erasure.target(), erasure.id()));
      });
  if (!scanned.ok()) return scanned;
  return pending;
}

// Gathers the ids of records whose row is missing.
class Missing {
 public:
  explicit Missing(const storage::Database& database) : database_(database) {}

  void Look(Column column, const std::string& id, std::string (*key)(const base::Id&),
            std::vector<std::string>& missing) {
    if (!status_.ok()) return;
    const auto bytes = base::IdFromBytes(id);
    if (!bytes.ok()) {
      status_ = bytes.status();
      return;
    }
    const auto row = database_.Get(column, key(*bytes));
    status_ = row.status();
    if (row.ok() && !row->has_value()) missing.push_back(id);
  }
  const absl::Status& status() const { return status_; }

 private:
  const storage::Database& database_;
  absl::Status status_;
};

// Gathers what has no key although the state takes it for alive.
class Keyless {
 public:
  Keyless(const DatabaseState& state, const crypto::Keyring& keyring)
      : state_(state), keyring_(keyring) {}

  absl::StatusOr<std::vector<v1::PendingErasure>> Find() {
    const auto pending = Pending(state_);
    if (!pending.ok()) return pending.status();
    pending_ = &*pending;
    absl::Status status = state_.ForEach<v1::TemplateRecord>(
        v1::RecordChange::kTemplate, [&](const v1::TemplateRecord& record) {
          if (record.state() != v1::TEMPLATE_STATE_ACTIVE) return;
          Look(v1::ERASURE_TARGET_TEMPLATE, record.id(), record.slot(), record.subject_id());
        });
    if (status.ok()) {
      status = state_.ForEach<v1::CaseRecord>(
          v1::RecordChange::kCase, [&](const v1::CaseRecord& record) {
            if (!record.erased()) Look(v1::ERASURE_TARGET_CASE, record.id(), record.slot(), "");
          });
    }
    if (status.ok()) {
      status = state_.ForEach<v1::SubjectRecord>(
          v1::RecordChange::kSubject, [&](const v1::SubjectRecord& record) {
            if (!record.erased()) Look(v1::ERASURE_TARGET_SUBJECT, record.id(), record.slot(), "");
          });
    }
    if (status.ok()) {
      status = state_.ForEach<v1::AuthorityYear>(
          v1::RecordChange::kAuthorityYear, [&](const v1::AuthorityYear& year) {
            if (year.erased()) return;
            Look(v1::ERASURE_TARGET_AUTHORITY_YEAR,
                 policy::AuthorityYearId(year.authority_id(), year.year()), year.slot(), "");
          });
    }
    if (!status.ok()) return status;
    return std::move(found_);
  }

 private:
  void Look(v1::ErasureTarget target, const std::string& id, uint32_t slot,
            const std::string& subject_id) {
    if (!keyring_.IsPunctured(slot)) return;
    if (pending_->contains(policy::key::PendingErasure(target, id))) return;
    v1::PendingErasure& erasure = found_.emplace_back();
    erasure.set_target(target);
    erasure.set_id(id);
    erasure.set_slot(slot);
    erasure.set_subject_id(subject_id);
  }

  const DatabaseState& state_;
  const crypto::Keyring& keyring_;
  const std::unordered_set<std::string>* pending_ = nullptr;
  std::vector<v1::PendingErasure> found_;
};

}  // namespace

absl::StatusOr<uint64_t> RemoveErasedRows(storage::Database& database) {
  const Erased erased(database);
  const auto of_template = [&](std::string_view id) { return erased.Template(id); };
  const auto of_case = [&](std::string_view id) { return erased.Case(id); };
  const auto of_subject = [&](std::string_view id) { return erased.Subject(id); };
  const auto of_year = [&](std::string_view id) { return erased.Year(id); };
  constexpr size_t kId = policy::kIdBytes;
  uint64_t removed = 0;
  absl::Status status = Sweep(database, Column::kSealed, 't', kId, of_template, removed);
  if (status.ok()) status = Sweep(database, Column::kSealed, 'p', kId, of_case, removed);
  if (status.ok()) status = Sweep(database, Column::kDetails, 's', kId, of_subject, removed);
  if (status.ok()) status = Sweep(database, Column::kDetails, 'n', kId, of_subject, removed);
  if (status.ok()) {
    status =
        Sweep(database, Column::kDetails, 'w', policy::kAuthorityYearIdBytes, of_year, removed);
  }
  if (!status.ok()) return status;
  return removed;
}

absl::StatusOr<LostRows> FindLostRows(const storage::Database& database) {
  const DatabaseState state(database);
  const auto pending = Pending(state);
  if (!pending.ok()) return pending.status();
  LostRows lost;
  Missing missing(database);
  absl::Status scanned = state.ForEach<v1::TemplateRecord>(
      v1::RecordChange::kTemplate, [&](const v1::TemplateRecord& record) {
        if (record.state() != v1::TEMPLATE_STATE_ACTIVE) return;
        missing.Look(Column::kSealed, record.id(), storage::TemplateKey, lost.templates);
      });
  if (!scanned.ok()) return scanned;
  scanned = state.ForEach<v1::SubjectRecord>(
      v1::RecordChange::kSubject, [&](const v1::SubjectRecord& subject) {
        const std::string erasure =
            policy::key::PendingErasure(v1::ERASURE_TARGET_SUBJECT, subject.id());
        if (subject.erased() || pending->contains(erasure)) return;
        missing.Look(Column::kDetails, subject.id(), storage::SubjectKey, lost.subjects);
      });
  if (!scanned.ok()) return scanned;
  if (!missing.status().ok()) return missing.status();
  return lost;
}

absl::StatusOr<MatchedKeyring> MatchKeyring(storage::Database& database,
                                            const crypto::Keyring& keyring) {
  const DatabaseState state(database);
  MatchedKeyring matched;
  absl::StatusOr<std::vector<v1::PendingErasure>> keyless = Keyless(state, keyring).Find();
  if (!keyless.ok()) return keyless.status();
  matched.keyless = *std::move(keyless);

  std::unordered_set<std::string> forgotten;
  absl::Status scanned = state.ForEach<v1::SubjectRecord>(v1::RecordChange::kSubject,
                                                          [&](const v1::SubjectRecord& record) {
                                                            if (keyring.IsPunctured(record.slot()))
                                                              forgotten.insert(record.id());
                                                          });
  if (!scanned.ok()) return scanned;
  // Only the vault's own slot tells whose row this is.
  const Sealer sealer(keyring);
  RowRemoval removal(database, Column::kDetails);
  scanned =
      database.Scan(Column::kDetails, "k", [&](std::string_view key, std::string_view sealed) {
        const auto id = sealer.Open(kVaultSlot, kLookupUse, key, sealed);
        if (id.ok() && forgotten.contains(std::string(AsText(*id)))) removal.Add(key);
        return true;
      });
  if (!scanned.ok()) return scanned;
  const absl::StatusOr<uint64_t> removed = removal.Finish();
  if (!removed.ok()) return removed.status();
  matched.removed_rows = *removed;
  return matched;
}

}  // namespace kluis::service
