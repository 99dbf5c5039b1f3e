// SPDX-License-Identifier: Apache-2.0
#include "service/gallery/load.h"

#include <sodium.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/id.h"
#include "crypto/secret_bytes.h"
#include "policy/record_key.h"
#include "service/gallery/template_opener.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

// Ids of records are random: by their first ten bits the templates fall into even parts. Some of
// them are read at a time, at one moment of their own, so that no snapshot keeps what is erased
// during a long load.
constexpr size_t kParts = 1024;

// Records of all purposes that are read at a time, where there are so many: about as many as keys
// are derived at a time.
constexpr size_t kReadAtOnce = TemplateOpener::kAtOnce;

// From so many templates on a sixteenth of the parts is counted, which tells the number within one
// in a hundred: to read all records twice would take a tenth of the load.
constexpr size_t kSampled = kParts / 16;
constexpr size_t kMany = 131'072;

// The keys of a part's templates: from the first one on, up to End.
std::string PartBegin(size_t part) {
  const size_t bits = part << 6;
  std::string key = policy::KindPrefix(v1::RecordChange::kTemplate);
  key.push_back(static_cast<char>(bits >> 8));
  key.push_back(static_cast<char>(bits & 0xff));
  return key;
}

std::string PartEnd(size_t part) {
  return part + 1 < kParts ? PartBegin(part + 1)
                           : storage::PrefixEnd(policy::KindPrefix(v1::RecordChange::kTemplate));
}

// Templates on their way into the gallery, opened in guarded memory, some at a time: each time a
// segment is sealed for many rows and not for one.
class Batch {
 public:
  Batch(ResidentGallery& gallery, size_t dimension, const LoadStep& step)
      : gallery_(gallery),
        step_(step),
        dimension_(dimension),
        values_(crypto::SecretBytes::Zero(kRows * dimension * sizeof(float))) {}

  // Where the next template goes; it is not there before Keep.
  std::span<float> Place() { return All().subspan(rows_.size() * dimension_, dimension_); }

  absl::Status Keep(const matching::Row& row) {
    rows_.push_back(row);
    return rows_.size() == kRows ? Flush() : absl::OkStatus();
  }

  absl::Status Flush() {
    if (rows_.empty()) return absl::OkStatus();
    const absl::Status added = gallery_.AddLoaded(rows_, All().first(rows_.size() * dimension_));
    rows_.clear();
    sodium_memzero(values_.ExposeMutable().data(), values_.size());
    if (step_) step_();
    return added;
  }

 private:
  static constexpr size_t kRows = 128;

  std::span<float> All() {
    const std::span<uint8_t> bytes = values_.ExposeMutable();
    return {reinterpret_cast<float*>(bytes.data()), bytes.size() / sizeof(float)};
  }

  ResidentGallery& gallery_;
  const LoadStep& step_;
  const size_t dimension_;
  std::vector<matching::Row> rows_;
  crypto::SecretBytes values_;
};

class Load {
 public:
  Load(const storage::Database& database, const Sealer& sealer, const policy::Grant& grant,
       const SearchRoom& room, const LoadStep& step, ResidentGallery& gallery)
      : database_(database),
        sealer_(sealer),
        grant_(grant),
        room_(room),
        step_(step),
        gallery_(gallery) {}

  absl::Status Run(size_t threads) {
    const auto count = [this](size_t part, size_t end) { return Count(part, end); };
    OnThreads(threads, [&] { ForEachPart(1, kSampled, count); });
    const size_t others = counted_ * (kParts / kSampled - 1);
    next_ = kSampled;
    if (counted_ + others < kMany) {
      OnThreads(threads, [&] { ForEachPart(1, kParts, count); });
    } else {
      gallery_.CountMore(others);
      visited_ = visited_ * (kParts / kSampled);
    }
    next_ = 0;
    const size_t parts = std::clamp<size_t>(kParts * kReadAtOnce / std::max<size_t>(visited_, 1), 1,
                                            std::max<size_t>(kParts / 4 / threads, 1));
    OnThreads(threads, [this, parts] { Note(OpenAll(parts)); });
    const std::lock_guard lock(mutex_);
    return status_;
  }

 private:
  template <class Work>
  static void OnThreads(size_t threads, const Work& work) {
    std::vector<std::thread> others;
    for (size_t i = 1; i < threads; ++i) others.emplace_back(work);
    work();
    for (std::thread& other : others) other.join();
  }

  template <class Work>
  void ForEachPart(size_t at_once, size_t last, const Work& work) {
    for (size_t part = next_.fetch_add(at_once); part < last && !failed_;
         part = next_.fetch_add(at_once)) {
      const size_t end = std::min(part + at_once, last);
      Note(gallery_.dropped() ? absl::CancelledError("gallery: dropped") : work(part, end));
    }
  }

  void Note(const absl::Status& status) {
    if (status.ok()) return;
    const std::lock_guard lock(mutex_);
    status_.Update(status);
    failed_ = true;
  }

  // Visits the live templates of the purpose from `part` to before `end`, in the order of their
  // ids; reads each into what `place` gives.
  absl::Status Records(const storage::Reader& reader, size_t part, size_t end,
                       const std::function<v1::TemplateRecord&()>& place,
                       const std::function<void()>& taken) const {
    bool parsed = true;
    const absl::Status scanned = reader.ScanRange(
        storage::Column::kState, PartBegin(part), PartEnd(end - 1),
        [&](std::string_view, std::string_view value) {
          v1::TemplateRecord& record = place();
          parsed = record.ParseFromArray(value.data(), static_cast<int>(value.size()));
          if (parsed && record.purpose() == grant_.purpose() &&
              record.state() == v1::TEMPLATE_STATE_ACTIVE) {
            taken();
          }
          return parsed;
        });
    if (!scanned.ok()) return scanned;
    return parsed ? absl::OkStatus() : absl::DataLossError("state: a record does not parse");
  }

  absl::Status Count(size_t part, size_t end) {
    v1::TemplateRecord record;
    size_t visited = 0;
    size_t count = 0;
    const auto next = [&]() -> auto& {
      ++visited;
      return record;
    };
    const absl::Status read = Records(database_, part, end, next, [&] { ++count; });
    if (!read.ok()) return read;
    gallery_.CountMore(count);
    counted_ += count;
    visited_ += visited;
    return absl::OkStatus();
  }

  // What one thread of the load keeps from part to part.
  struct Hands {
    Batch batch;
    TemplateOpener opener;
    std::vector<v1::TemplateRecord> records;  // as many as ever, for their memory
    std::vector<std::string> keys;            // of the sealed column
  };

  absl::Status OpenAll(size_t parts) {
    absl::StatusOr<TemplateOpener> opener = TemplateOpener::Create(sealer_, grant_);
    if (!opener.ok()) return opener.status();
    Hands hands{Batch(gallery_, room_.algorithm->dimension, step_), *std::move(opener), {}, {}};
    ForEachPart(parts, kParts, [&](size_t part, size_t end) { return Open(part, end, hands); });
    return failed_ ? absl::OkStatus() : hands.batch.Flush();
  }

  absl::Status Open(size_t part, size_t end, Hands& hands) {
    const storage::Snapshot snapshot = database_.TakeSnapshot();
    std::vector<v1::TemplateRecord>& records = hands.records;
    size_t count = 0;
    const absl::Status read = Records(
        snapshot, part, end,
        [&]() -> auto& { return count < records.size() ? records[count] : records.emplace_back(); },
        [&] { ++count; });
    if (!read.ok()) return read;
    for (size_t done = 0; done < count;) {
      const size_t size = std::min(count - done, TemplateOpener::kAtOnce);
      const absl::Status opened = OpenSome(snapshot, std::span(records).subspan(done, size), hands);
      hands.opener.Wipe();
      if (!opened.ok()) return opened;
      done += size;
    }
    return absl::OkStatus();
  }

  // The gallery follows the log since before the snapshot was taken, so every change is in the
  // snapshot, or has come or will come to the gallery, or both.
  absl::Status OpenSome(const storage::Snapshot& snapshot,
                        std::span<const v1::TemplateRecord> records, Hands& hands) const {
    hands.keys.resize(records.size());
    for (size_t i = 0; i < records.size(); ++i) {
      const v1::TemplateRecord& record = records[i];
      if (record.transform_slot() != room_.slot) return Rotating();  // renewed before the snapshot
      const auto id = base::IdFromBytes(record.id());
      if (!id.ok()) return id.status();
      storage::PutTemplateKey(*id, hands.keys[i]);
    }
    absl::Status status = hands.opener.Take(records);
    if (!status.ok()) return status;
    const absl::Status read =
        snapshot.GetEach(storage::Column::kSealed, hands.keys,
                         [&](size_t i, std::optional<std::string_view> sealed) {
                           status = OpenOne(records[i], i, sealed, hands);
                           return status.ok();
                         });
    return status.ok() ? read : status;
  }

  absl::Status OpenOne(const v1::TemplateRecord& record, size_t i,
                       std::optional<std::string_view> sealed, Hands& hands) const {
    if (gallery_.dropped()) return absl::CancelledError("gallery: dropped");
    if (gallery_.HasEnded(record.slot())) return absl::OkStatus();
    if (!sealed.has_value()) return absl::DataLossError("template: its record is missing");
    const absl::Status opened = hands.opener.Open(i, *sealed, hands.batch.Place());
    if (opened.ok()) {
      const absl::StatusOr<matching::Row> row = RowOf(record);
      return row.ok() ? hands.batch.Keep(*row) : row.status();
    }
    // Its key may have been destroyed since the record was read.
    return gallery_.HasEnded(record.slot()) ? absl::OkStatus() : opened;
  }

  const storage::Database& database_;
  const Sealer& sealer_;
  const policy::Grant& grant_;
  const SearchRoom& room_;
  const LoadStep& step_;
  ResidentGallery& gallery_;

  std::atomic<size_t> next_ = 0;     // part
  std::atomic<size_t> counted_ = 0;  // templates to load
  std::atomic<size_t> visited_ = 0;  // records of all purposes, which a snapshot is held for
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;     // guards the next
  absl::Status status_;  // the first that failed
};

}  // namespace

absl::Status LoadGallery(const storage::Database& database, const Sealer& sealer,
                         const policy::Grant& grant, const SearchRoom& room, size_t threads,
                         const LoadStep& step, ResidentGallery& gallery) {
  return Load(database, sealer, grant, room, step, gallery).Run(std::max<size_t>(threads, 1));
}

}  // namespace kluis::service
