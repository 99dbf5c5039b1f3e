#include "service/batch_enroll.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "service/enroll.h"
#include "service/requests.h"

namespace kluis::service {
namespace {

constexpr size_t kRowsTogether = 64;

}  // namespace

absl::Status BatchEnroller::RunEach() {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Row> waiting;
  bool ended = false;
  bool stopped = false;

  // Reading on a thread of its own lets rows gather while others are being synced, and answers a
  // client that waits for each row.
  std::thread reader([&] {
    v1::BatchEnrollRequest message;
    for (uint64_t number = 0; stream_.Read(&message); ++number) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return waiting.size() < kRowsTogether || stopped; });
      if (stopped) break;
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
      changed.notify_all();
    }
    if (rows.empty()) break;
    status = Serve(rows);
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

absl::Status BatchEnroller::Serve(const std::vector<Row>& rows) {
  std::vector<Act> acts;
  std::vector<uint64_t> numbers;
  for (const Row& row : rows) {
    absl::Status status = Validate(row.request);
    if (status.ok()) {
      absl::StatusOr<Act> act = EnrollAct(calls_.vault(), call_, row.request);
      if (act.ok()) {
        acts.push_back(*std::move(act));
        numbers.push_back(row.number);
        continue;
      }
      status = act.status();
    }
    status = calls_.LogRejection(call_, std::move(status));
    if (!LogIndexOf(status).has_value()) return status;
    Refuse(row.number, status);
  }
  if (acts.empty()) return absl::OkStatus();

  Ledger& ledger = calls_.vault().ledger();
  const absl::StatusOr<Appended> appended = ledger.Append(std::move(acts));
  if (!appended.ok()) return appended.status();
  const absl::Status synced = ledger.Sync(*appended);
  if (!synced.ok()) return synced;
  const absl::Status erased = calls_.vault().eraser().EraseStarted(appended->acts).status();
  if (!erased.ok()) return erased;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const Committed& committed = appended->acts[i];
    if (!committed.ruling.decision.allowed()) {
      Refuse(numbers[i], Calls::RefusalOf(committed));
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
  return calls_.LogRejection(
      call_, WithReason(absl::PermissionDeniedError(absl::StrCat(
                            "batch: nothing of it was stored, because row ", row, " was refused")),
                        "ATOMIC_BATCH_REFUSED"));
}

absl::Status BatchEnroller::RunAtomic(uint64_t announced) {
  if (announced < 1 || announced > kMaxAtomicRows) {
    return calls_.LogRejection(
        call_, absl::InvalidArgumentError("options.rows: an atomic batch has 1 to 10,000 rows"));
  }
  std::vector<Act> acts;
  v1::BatchEnrollRequest message;
  while (acts.size() < announced && stream_.Read(&message)) {
    const uint64_t row = acts.size();
    absl::Status status = Validate(message.row());
    if (!status.ok()) return RefuseWhole(row, status);
    absl::StatusOr<Act> act = EnrollAct(calls_.vault(), call_, message.row());
    if (!act.ok()) return RefuseWhole(row, act.status());
    acts.push_back(*std::move(act));
  }
  // A stream that breaks off looks like one that ends: only the number says that it is whole.
  if (acts.size() < announced || stream_.Read(&message)) {
    return calls_.LogRejection(
        call_, absl::InvalidArgumentError("options.rows: not as many rows came as were announced"));
  }
  const size_t rows = acts.size();
  Ledger& ledger = calls_.vault().ledger();
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
  const absl::Status erased = calls_.vault().eraser().EraseStarted(appended->acts).status();
  if (!erased.ok()) return erased;
  for (size_t i = 0; i < rows; ++i) {
    v1::BatchEnrollResponse response;
    response.set_row(i);
    *response.mutable_enrolled() = EnrollResponseOf(appended->acts[i]);
    stream_.Write(response);
  }
  return absl::OkStatus();
}

}  // namespace kluis::service
