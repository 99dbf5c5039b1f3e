// SPDX-License-Identifier: Apache-2.0
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>

#include "client/batch_enroll.h"

namespace kluis::client::batch_enroll_test {
namespace {

using ServerStream = grpc::ServerReaderWriter<v1::BatchEnrollResponse, v1::BatchEnrollRequest>;

// A vault that enrols every row but each `refuse_every`-th, in this process.
class FakeVault final : public v1::EnrollmentService::Service {
 public:
  FakeVault() {
    grpc::ServerBuilder builder;
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    stub_ = v1::EnrollmentService::NewStub(server_->InProcessChannel({}));
  }
  ~FakeVault() override { server_->Shutdown(); }

  v1::EnrollmentService::StubInterface& stub() { return *stub_; }

  grpc::Status BatchEnroll(grpc::ServerContext* context, ServerStream* stream) override {
    v1::BatchEnrollRequest request;
    stream->Read(&request);
    const bool atomic = request.options().atomic();
    uint64_t rows = 0;
    while (stream->Read(&request)) {
      ++rows;
      if (silent) continue;
      if (rows > fail_after) return {grpc::StatusCode::UNAVAILABLE, "shutting down"};
      if (!atomic) Answer(rows - 1, *stream);
    }
    if (context->IsCancelled()) return grpc::Status::CANCELLED;
    ended_well = true;
    for (uint64_t row = 0; atomic && row < rows; ++row) Answer(row, *stream);
    return grpc::Status::OK;
  }

  uint64_t refuse_every = UINT64_MAX;
  uint64_t fail_after = UINT64_MAX;
  bool silent = false;
  std::atomic<bool> ended_well = false;

 private:
  void Answer(uint64_t row, ServerStream& stream) const {
    v1::BatchEnrollResponse answer;
    answer.set_row(row);
    if (row % refuse_every == refuse_every - 1) {
      answer.mutable_refused()->set_reason("CONSENT_EXPIRED");
    } else {
      answer.mutable_enrolled()->set_subject("subjects/1");
    }
    stream.Write(answer);
  }

  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::EnrollmentService::Stub> stub_;
};

// `rows` empty rows; remembers how many are under way at most.
struct Source {
  explicit Source(uint64_t count) : rows(count) {
    plan.progress_every = std::chrono::milliseconds(1);
    plan.next_row = [this]() -> absl::StatusOr<std::optional<v1::EnrollRequest>> {
      if (sent == fail_at) return absl::InvalidArgumentError("consents.jsonl line 5");
      if (sent == rows) return std::nullopt;
      ++sent;
      most = std::max<uint64_t>(most, sent - answers);
      return v1::EnrollRequest();
    };
    plan.answered = [this](const v1::BatchEnrollResponse& answer) {
      EXPECT_EQ(answer.row(), answers.load());
      ++answers;
      return absl::OkStatus();
    };
  }

  uint64_t rows;
  uint64_t fail_at = UINT64_MAX;
  uint64_t sent = 0;
  uint64_t most = 0;
  std::atomic<uint64_t> answers = 0;
  BatchPlan plan;
};

TEST(EnrollBatch, CountsEveryRow) {
  FakeVault vault;
  vault.refuse_every = 10;
  Source source(1000);
  const absl::StatusOr<BatchCount> count = EnrollBatch(vault.stub(), source.plan);
  ASSERT_TRUE(count.ok()) << count.status();
  EXPECT_EQ(count->sent, 1000u);
  EXPECT_EQ(count->enrolled, 900u);
  EXPECT_EQ(count->refused, 100u);
  EXPECT_EQ(source.answers, 1000u);
}

TEST(EnrollBatch, SendsNoMoreThanTheWindowAhead) {
  FakeVault vault;
  Source source(500);
  source.plan.window = 8;
  ASSERT_TRUE(EnrollBatch(vault.stub(), source.plan).ok());
  EXPECT_LE(source.most, 8u);
}

TEST(EnrollBatch, SendsAnAtomicBatchWholeBeforeItsAnswers) {
  FakeVault vault;
  Source source(500);
  source.plan.window = 8;
  source.plan.atomic = true;
  const absl::StatusOr<BatchCount> count = EnrollBatch(vault.stub(), source.plan);
  ASSERT_TRUE(count.ok()) << count.status();
  EXPECT_EQ(count->enrolled, 500u);
}

TEST(EnrollBatch, NeverEndsAnAtomicBatchThatLacksARow) {
  FakeVault vault;
  Source source(10);
  source.plan.atomic = true;
  source.fail_at = 5;
  const absl::StatusOr<BatchCount> count = EnrollBatch(vault.stub(), source.plan);
  EXPECT_EQ(count.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(vault.ended_well);
}

TEST(EnrollBatch, LetsTheRowsBeforeABadOneStand) {
  FakeVault vault;
  Source source(10);
  source.fail_at = 5;
  const absl::StatusOr<BatchCount> count = EnrollBatch(vault.stub(), source.plan);
  EXPECT_EQ(count.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(vault.ended_well);
  EXPECT_EQ(source.answers, 5u);
}

TEST(EnrollBatch, PassesTheVaultsFailureOn) {
  FakeVault vault;
  vault.fail_after = 20;
  Source source(1000);
  const absl::StatusOr<BatchCount> count = EnrollBatch(vault.stub(), source.plan);
  EXPECT_EQ(count.status().code(), absl::StatusCode::kUnavailable);
}

TEST(EnrollBatch, GivesUpOnAVaultThatSaysNothing) {
  FakeVault vault;
  vault.silent = true;
  Source source(1000);
  source.plan.window = 4;
  source.plan.patience = std::chrono::milliseconds(50);
  const absl::StatusOr<BatchCount> count = EnrollBatch(vault.stub(), source.plan);
  EXPECT_EQ(count.status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(EnrollBatch, StopsWhenReceiptsCannotBeWritten) {
  FakeVault vault;
  Source source(1000);
  source.plan.answered = [](const v1::BatchEnrollResponse&) {
    return absl::InvalidArgumentError("receipts.jsonl: cannot write");
  };
  const absl::StatusOr<BatchCount> count = EnrollBatch(vault.stub(), source.plan);
  EXPECT_EQ(count.status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace kluis::client::batch_enroll_test
