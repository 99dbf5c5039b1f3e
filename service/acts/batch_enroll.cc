// SPDX-License-Identifier: Apache-2.0
#include "service/acts/batch_enroll.h"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/secret_bytes.h"
#include "service/acts/enroll.h"
#include "service/acts/requests.h"
#include "service/callers/limits.h"
#include "service/ledger/outcome.h"

namespace kluis::service {
namespace {

constexpr size_t kRowsTogether = 64;
constexpr size_t kWaitingBytes = size_t{1} << 20;     // beyond them no further row is read
constexpr size_t kTogetherBytes = size_t{256} << 10;  // of the secrets of kRowsTogether rows
constexpr size_t kAtomicBytes = size_t{2} << 20;      // mapped at a time for an atomic batch

}  // namespace

absl::Status BatchEnroller::RunEach() {
  const auto room = vault_.limits().TakeRows(call_.peer, 2 * kRowsTogether);
  if (!room.ok()) return room.status();
  const std::shared_ptr<crypto::SecretArena> arena = crypto::SecretArena::Create(kTogetherBytes);
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Row> waiting;
  size_t bytes = 0;  // of `waiting`
  bool ended = false;
  bool stopped = false;

  // Reading on a thread of its own lets rows gather while others are being synced, and answers a
  // client that waits for each row.
  std::thread reader([&] {
    v1::BatchEnrollRequest message;
    for (uint64_t number = 0; stream_.Read(&message); ++number) {
      call_.Touch();
      const size_t size = message.ByteSizeLong();
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] {
        return (waiting.size() < kRowsTogether && bytes < kWaitingBytes) || stopped;
      });
      if (stopped) break;
      bytes += size;
      waiting.push_back({number, std::move(*message.mutable_row())});
      changed.notify_all();
    }
    const std::lock_guard lock(mutex);
    ended = true;
    changed.notify_all();
  });

  absl::Status status;
  while (status.ok()) {
    std::vector<Row> rows;
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return !waiting.empty() || ended; });
      while (!waiting.empty()) {
        rows.push_back(std::move(waiting.front()));
        waiting.pop_front();
      }
      bytes = 0;
      changed.notify_all();
    }
    if (rows.empty()) break;
    status = Serve(rows, *arena);
    call_.Touch();
  }
  {
    const std::lock_guard lock(mutex);
    stopped = true;
    changed.notify_all();
  }
  if (!status.ok()) call_.context->TryCancel();  // ends the reader's wait
  reader.join();
  return status;
}

absl::Status BatchEnroller::Serve(const std::vector<Row>& rows, crypto::SecretArena& arena) {
  std::vector<Act> acts;
  std::vector<uint64_t> numbers;
  for (const Row& row : rows) {
    absl::Status status = Validate(row.request);
    if (status.ok()) {
      absl::StatusOr<Act> act = EnrollAct(vault_, call_, row.request, &arena);
      if (act.ok()) {
        acts.push_back(*std::move(act));
        numbers.push_back(row.number);
        continue;
      }
      status = act.status();
    }
    status = LogRejection(vault_, call_, std::move(status));
    if (!LogIndexOf(status).has_value()) return status;
    Refuse(row.number, status);
  }
  if (acts.empty()) return absl::OkStatus();

  Ledger& ledger = vault_.ledger();
  const absl::StatusOr<Appended> appended = ledger.Append(std::move(acts));
  if (!appended.ok()) return appended.status();
  const absl::Status synced = ledger.Sync(*appended);
  if (!synced.ok()) return synced;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const Committed& committed = appended->acts[i];
    if (!committed.ruling.decision.allowed()) {
      Refuse(numbers[i], RefusalOf(committed));
      continue;
    }
    v1::BatchEnrollResponse response;
    response.set_row(numbers[i]);
    *response.mutable_enrolled() = EnrollResponseOf(committed);
    stream_.Write(response);
  }
  return absl::OkStatus();
}

void BatchEnroller::Refuse(uint64_t row, const absl::Status& status) {
  v1::BatchEnrollResponse response;
  response.set_row(row);
  response.mutable_refused()->set_reason(ReasonOf(status));
  response.mutable_refused()->set_message(std::string(status.message()));
  stream_.Write(response);
}

absl::Status BatchEnroller::RefuseWhole(uint64_t row, const absl::Status& status) {
  Refuse(row, status);
  return LogRejection(
      vault_, call_,
      WithReason(absl::PermissionDeniedError(absl::StrCat(
                     "batch: nothing of it was stored, because row ", row, " was refused")),
                 "ATOMIC_BATCH_REFUSED"));
}

absl::Status BatchEnroller::RunAtomic(uint64_t announced) {
  if (announced < 1 || announced > kMaxAtomicRows) {
    return LogRejection(
        vault_, call_,
        absl::InvalidArgumentError("options.rows: an atomic batch has 1 to 10,000 rows"));
  }
  const auto room = vault_.limits().TakeRows(call_.peer, announced);
  if (!room.ok()) return room.status();
  const std::shared_ptr<crypto::SecretArena> arena = crypto::SecretArena::Create(kAtomicBytes);
  std::vector<Act> acts;
  v1::BatchEnrollRequest message;
  while (acts.size() < announced && stream_.Read(&message)) {
    call_.Touch();
    const uint64_t row = acts.size();
    absl::Status status = (*room)->Add(message.ByteSizeLong());
    if (!status.ok()) return status;
    status = Validate(message.row());
    if (!status.ok()) return RefuseWhole(row, status);
    absl::StatusOr<Act> act = EnrollAct(vault_, call_, message.row(), arena.get());
    if (!act.ok()) return RefuseWhole(row, act.status());
    acts.push_back(*std::move(act));
  }
  // A stream that breaks off looks like one that ends: only the number says that it is whole.
  if (acts.size() < announced || stream_.Read(&message)) {
    return LogRejection(
        vault_, call_,
        absl::InvalidArgumentError("options.rows: not as many rows came as were announced"));
  }
  const size_t rows = acts.size();
  call_.Compute();
  Ledger& ledger = vault_.ledger();
  const absl::StatusOr<Appended> appended = ledger.AppendAllOrNothing(std::move(acts));
  if (!appended.ok()) return appended.status();
  const Committed& last = appended->acts.back();
  if (appended->acts.size() < rows || !last.ruling.decision.allowed()) {
    const policy::Ruling& ruling = last.ruling;
    return RefuseWhole(
        appended->acts.size() - 1,
        WithReason(absl::PermissionDeniedError(ruling.sentence), ruling.public_reason));
  }
  const absl::Status synced = ledger.Sync(*appended);
  if (!synced.ok()) return synced;
  for (size_t i = 0; i < rows; ++i) {
    v1::BatchEnrollResponse response;
    response.set_row(i);
    *response.mutable_enrolled() = EnrollResponseOf(appended->acts[i]);
    call_.Touch();
    stream_.Write(response);
  }
  return absl::OkStatus();
}

}  // namespace kluis::service
