// SPDX-License-Identifier: Apache-2.0
#include "client/batch_enroll.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "client/failure.h"

namespace kluis::client {
namespace {

using Clock = std::chrono::steady_clock;
using Stream = grpc::ClientReaderWriterInterface<v1::BatchEnrollRequest, v1::BatchEnrollResponse>;

class Batch {
 public:
  Batch(v1::EnrollmentService::StubInterface& stub, const BatchPlan& plan)
      : plan_(plan), stream_(stub.BatchEnroll(&context_)) {}

  absl::StatusOr<BatchCount> Run() {
    std::thread writer([this] { WriteRows(); });
    std::thread reader([this] { ReadAnswers(); });
    Watch();
    writer.join();
    reader.join();
    const grpc::Status ended = stream_->Finish();
    if (plan_.progress) plan_.progress(count_);
    if (!failure_.ok()) return failure_;
    if (!ended.ok()) return FromServer(ended);
    if (count_.answered() != count_.sent) {
      return absl::DataLossError(
          absl::StrCat("the vault answered ", count_.answered(), " of ", count_.sent, " rows"));
    }
    return count_;
  }

 private:
  void WriteRows() {
    v1::BatchEnrollRequest message;
    message.mutable_options()->set_atomic(plan_.atomic);
    if (plan_.atomic) message.mutable_options()->set_rows(plan_.rows);
    bool good = stream_->Write(message);
    while (good && WaitForWindow()) {
      absl::StatusOr<std::optional<v1::EnrollRequest>> row = plan_.next_row();
      if (!row.ok()) {
        Fail(row.status(), /*cancel=*/plan_.atomic);
        break;
      }
      if (!row->has_value()) break;
      *message.mutable_row() = **std::move(row);
      CountSent();  // before the answer can come
      good = stream_->Write(message);
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!cancelled_) stream_->WritesDone();
    writer_done_ = true;
    changed_.notify_all();
  }

  void ReadAnswers() {
    v1::BatchEnrollResponse answer;
    while (stream_->Read(&answer)) {
      const absl::Status taken = plan_.answered(answer);
      if (!taken.ok()) Fail(taken, /*cancel=*/true);
      const std::lock_guard<std::mutex> lock(mutex_);
      ++(answer.has_enrolled() ? count_.enrolled : count_.refused);
      last_progress_ = Clock::now();
      changed_.notify_all();
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    reader_done_ = true;
    changed_.notify_all();
  }

  // False when there is nobody to send to any more.
  bool WaitForWindow() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] {
      return plan_.atomic || reader_done_ || cancelled_ ||
             count_.sent - count_.answered() < plan_.window;
    });
    return !reader_done_ && !cancelled_;
  }

  void CountSent() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++count_.sent;
    last_progress_ = Clock::now();
  }

  // Keeps the first failure.
  void Fail(const absl::Status& failure, bool cancel) {
    const std::lock_guard<std::mutex> lock(mutex_);
    FailLocked(failure, cancel);
  }

  void FailLocked(const absl::Status& failure, bool cancel) {
    if (failure_.ok()) failure_ = failure;
    if (!cancel) return;
    cancelled_ = true;
    context_.TryCancel();
    changed_.notify_all();
  }

  void Watch() {
    std::unique_lock<std::mutex> lock(mutex_);
    last_progress_ = Clock::now();
    while (!(writer_done_ && reader_done_)) {
      changed_.wait_for(lock, plan_.progress_every,
                        [this] { return writer_done_ && reader_done_; });
      if (!cancelled_ && Clock::now() - last_progress_ > plan_.patience) {
        FailLocked(absl::DeadlineExceededError("the vault stopped answering"), /*cancel=*/true);
      }
      const BatchCount count = count_;
      lock.unlock();
      if (plan_.progress) plan_.progress(count);
      lock.lock();
    }
  }

  const BatchPlan& plan_;
  grpc::ClientContext context_;
  std::unique_ptr<Stream> stream_;

  std::mutex mutex_;
  std::condition_variable changed_;
  BatchCount count_;
  absl::Status failure_;
  bool cancelled_ = false;
  bool writer_done_ = false;
  bool reader_done_ = false;
  Clock::time_point last_progress_;
};

}  // namespace

absl::StatusOr<BatchCount> EnrollBatch(v1::EnrollmentService::StubInterface& stub,
                                       const BatchPlan& plan) {
  return Batch(stub, plan).Run();
}

}  // namespace kluis::client
