// SPDX-License-Identifier: Apache-2.0
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "audit/statement.h"
#include "base/codec.h"
#include "client/files.h"
#include "client/inspection.h"
#include "kluis/v1/supervision_service.grpc.pb.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::client::inspection_test {
namespace {

// A vault that answers every order with what the test says.
class FakeVault final : public v1::SupervisionService::Service {
 public:
  FakeVault() {
    grpc::ServerBuilder builder;
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    session_ = std::make_unique<Session>(Settings(), out_, out_, server_->InProcessChannel({}));
  }
  ~FakeVault() override { server_->Shutdown(); }

  grpc::Status InspectEntries(grpc::ServerContext*, const v1::InspectEntriesRequest*,
                              grpc::ServerWriter<v1::InspectEntriesResponse>* writer) override {
    for (const v1::InspectEntriesResponse& answer : answers) writer->Write(answer);
    return end;
  }

  void AddReceipt() {
    answers.emplace_back().mutable_receipt()->mutable_decided_at()->set_seconds(1);
    answers.back().mutable_receipt()->set_log_index(99);
  }
  void AddOpening(uint64_t index, const std::string& what) {
    v1::CommitmentOpening& opening = *answers.emplace_back().mutable_opening();
    opening.set_log_index(index);
    opening.set_what(what);
    opening.set_nonce(std::string(32, '\x01'));
    opening.set_payload("\xff payload");
  }

  absl::StatusOr<Inspected> Inspect(const std::string& path, uint32_t start = 10) {
    v1::InspectionOrder order;
    order.set_start_index(start);
    order.set_end_index(20);
    return client::Inspect(*session_, *audit::MakeStatement(order), path);
  }

  std::vector<v1::InspectEntriesResponse> answers;
  grpc::Status end;

 private:
  std::ostringstream out_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Session> session_;
};

TEST(Inspect, WritesOneLineForEachOpening) {
  FakeVault vault;
  const ScratchDirectory scratch;
  const std::string path = scratch.path() + "/details.jsonl";
  vault.AddReceipt();
  vault.AddOpening(10, "consent");
  vault.AddOpening(19, "\"quoted\"");
  const absl::StatusOr<Inspected> inspected = vault.Inspect(path);
  ASSERT_TRUE(inspected.ok()) << inspected.status();
  EXPECT_EQ(inspected->openings, 2u);
  EXPECT_EQ(inspected->receipt.log_index(), 99u);
  std::istringstream lines(*ReadText(path));
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const std::string nonce = base::ToBase64(std::string(32, '\x01'));
  EXPECT_EQ(line, "{\"log_index\":10,\"what\":\"consent\",\"nonce\":\"" + nonce +
                      "\",\"payload\":\"" + base::ToBase64("\xff payload") + "\"}");
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(nlohmann::json::parse(line)["what"], "\"quoted\"");
  EXPECT_FALSE(std::getline(lines, line));
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
}

TEST(Inspect, TakesAnswersOnlyAfterAReceiptAndWithinTheOrder) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path() + "/details.jsonl";
  const auto expect_refused = [&](FakeVault& vault, uint32_t start = 10) {
    EXPECT_EQ(vault.Inspect(path, start).status().code(), absl::StatusCode::kDataLoss);
    EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
  };
  for (const uint64_t index : {9, 20}) {
    FakeVault vault;
    vault.AddReceipt();
    vault.AddOpening(index, "consent");
    expect_refused(vault);
  }
  FakeVault without_receipt;
  without_receipt.AddOpening(10, "consent");
  expect_refused(without_receipt);
  FakeVault silent;
  expect_refused(silent);
  FakeVault with_an_empty_answer;
  with_an_empty_answer.AddReceipt();
  with_an_empty_answer.answers.emplace_back();
  expect_refused(with_an_empty_answer, 0);
}

TEST(Inspect, KeepsTheEarlierFileWhenTheVaultBreaksOff) {
  FakeVault vault;
  const ScratchDirectory scratch;
  const std::string path = scratch.path() + "/details.jsonl";
  ASSERT_TRUE(WriteText(path, "earlier\n").ok());
  vault.AddReceipt();
  vault.AddOpening(10, "consent");
  vault.end = grpc::Status(grpc::StatusCode::DATA_LOSS, "an opening is missing");
  EXPECT_EQ(vault.Inspect(path).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(*ReadText(path), "earlier\n");
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
}

}  // namespace
}  // namespace kluis::client::inspection_test
