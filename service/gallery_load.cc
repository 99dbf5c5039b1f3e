#include "service/gallery_load.h"

#include <sodium.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "crypto/secret_bytes.h"
#include "policy/record_key.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

// Ids of records are random: by their first ten bits the templates fall into even parts. Some of
// them are read at a time, at one moment of their own, so that no snapshot keeps what is erased
// during a long load.
constexpr size_t kParts = 1024;

// Templates that are read at a time, where there are so many. In the order of their slots each is a
// short way from the key of the one before.
constexpr size_t kAtOnce = 16'384;

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

  absl::Status Add(const matching::Row& row, std::span<const float> values) {
    if (values.size() != dimension_) return absl::DataLossError("template: of another dimension");
    std::ranges::copy(values, All().subspan(rows_.size() * dimension_, dimension_).begin());
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
    OnThreads(threads, [this] {
      ForEachPart(1, [this](size_t part, size_t end) { return Count(part, end); });
    });
    next_ = 0;
    const size_t parts = std::clamp<size_t>(kParts * kAtOnce / std::max<size_t>(counted_, 1), 1,
                                            std::max<size_t>(kParts / 4 / threads, 1));
    OnThreads(threads, [this, parts] {
      Batch batch(gallery_, room_.algorithm->dimension, step_);
      ForEachPart(parts, [&](size_t part, size_t end) { return Open(part, end, batch); });
      if (!failed_) Note(batch.Flush());
    });
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
  void ForEachPart(size_t at_once, const Work& work) {
    for (size_t part = next_.fetch_add(at_once); part < kParts && !failed_;
         part = next_.fetch_add(at_once)) {
      const size_t end = std::min(part + at_once, kParts);
      Note(gallery_.dropped() ? absl::CancelledError("gallery: dropped") : work(part, end));
    }
  }

  void Note(const absl::Status& status) {
    if (status.ok()) return;
    const std::lock_guard lock(mutex_);
    status_.Update(status);
    failed_ = true;
  }

  // The live templates of the purpose from `part` to before `end`, in the order of their slots.
  absl::StatusOr<std::vector<v1::TemplateRecord>> Records(const storage::Reader& reader,
                                                          size_t part, size_t end) const {
    std::vector<v1::TemplateRecord> records;
    bool parsed = true;
    const absl::Status scanned = reader.ScanRange(
        storage::Column::kState, PartBegin(part), PartEnd(end - 1),
        [&](std::string_view, std::string_view value) {
          v1::TemplateRecord record;
          parsed = record.ParseFromArray(value.data(), static_cast<int>(value.size()));
          if (parsed && record.purpose() == grant_.purpose() &&
              record.state() == v1::TEMPLATE_STATE_ACTIVE) {
            records.push_back(std::move(record));
          }
          return parsed;
        });
    if (!scanned.ok()) return scanned;
    if (!parsed) return absl::DataLossError("state: a record does not parse");
    std::ranges::sort(records, {}, &v1::TemplateRecord::slot);
    return records;
  }

  absl::Status Count(size_t part, size_t end) {
    const auto records = Records(database_, part, end);
    if (!records.ok()) return records.status();
    gallery_.CountMore(records->size());
    counted_ += records->size();
    return absl::OkStatus();
  }

  absl::Status Open(size_t part, size_t end, Batch& batch) {
    const storage::Snapshot snapshot = database_.TakeSnapshot();
    const auto records = Records(snapshot, part, end);
    if (!records.ok()) return records.status();
    for (const v1::TemplateRecord& record : *records) {
      if (gallery_.dropped()) return absl::CancelledError("gallery: dropped");
      const absl::Status opened = OpenOne(snapshot, record, batch);
      if (!opened.ok()) return opened;
    }
    return absl::OkStatus();
  }

  // The gallery follows the log since before the snapshot was taken, so every change is in the
  // snapshot, or has come or will come to the gallery, or both.
  absl::Status OpenOne(const storage::Snapshot& snapshot, const v1::TemplateRecord& record,
                       Batch& batch) const {
    if (record.transform_slot() != room_.slot) return Rotating();  // renewed before the snapshot
    if (gallery_.HasEnded(record.slot())) return absl::OkStatus();
    const auto id = storage::IdFromBytes(record.id());
    if (!id.has_value()) return absl::DataLossError("state: an id is damaged");
    const auto sealed = snapshot.Get(storage::Column::kSealed, storage::TemplateKey(*id));
    if (!sealed.ok()) return sealed.status();
    if (!sealed->has_value()) return absl::DataLossError("template: its record is missing");
    const absl::StatusOr<crypto::SecretBytes> opened =
        sealer_.OpenTemplate(grant_, record, **sealed);
    if (!opened.ok()) {
      // Its key may have been destroyed since the record was read.
      return gallery_.HasEnded(record.slot()) ? absl::OkStatus() : opened.status();
    }
    const absl::StatusOr<std::span<const float>> floats = AsFloats(*opened);
    return floats.ok() ? batch.Add(RowOf(record), *floats) : floats.status();
  }

  const storage::Database& database_;
  const Sealer& sealer_;
  const policy::Grant& grant_;
  const SearchRoom& room_;
  const LoadStep& step_;
  ResidentGallery& gallery_;

  std::atomic<size_t> next_ = 0;  // part
  std::atomic<size_t> counted_ = 0;
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
