// SPDX-License-Identifier: Apache-2.0
// Two desks enrol as many people as a batch may have, at the same time. (Each row took a guarded
// mapping of its own or more, and the process ended when the kernel gave no further one.)
#include <grpcpp/grpcpp.h>

#include <thread>

#include "gtest/gtest.h"
#include "service/acts/batch_enroll.h"
#include "tests/fakes/test_vault.h"

namespace kluis::large_batches_test {
namespace {

// The vault's answer to a whole batch of so many new people.
grpc::Status EnrolAll(const TestWorld& vault, uint64_t rows) {
  v1::EnrollmentService::Stub stub(vault.ChannelOf("registrar/desk"));
  grpc::ClientContext context;
  const auto stream = stub.BatchEnroll(&context);
  v1::BatchEnrollRequest message;
  message.mutable_options()->set_atomic(true);
  message.mutable_options()->set_rows(rows);
  bool open = stream->Write(message);
  for (uint64_t i = 0; i < rows && open; ++i) {
    *message.mutable_row() = vault.EnrollRequestOf(vault.NewPerson());
    open = stream->Write(message);
  }
  stream->WritesDone();
  v1::BatchEnrollResponse response;
  uint64_t stored = 0;
  while (stream->Read(&response)) stored += response.has_enrolled() ? 1 : 0;
  EXPECT_EQ(stored, rows);
  return stream->Finish();
}

TEST(LargeBatches, TwoOfTenThousandRowsAtOnceAreBothStored) {
  const TestVault vault;
  grpc::Status one, two;
  std::thread first([&] { one = EnrolAll(vault, service::kMaxAtomicRows); });
  std::thread second([&] { two = EnrolAll(vault, service::kMaxAtomicRows); });
  first.join();
  second.join();
  EXPECT_TRUE(one.ok()) << one.error_message();
  EXPECT_TRUE(two.ok()) << two.error_message();
  EXPECT_TRUE(vault.CheckVault().consistent());
}

}  // namespace
}  // namespace kluis::large_batches_test
