// SPDX-License-Identifier: Apache-2.0
// Streams of enrolments: each row by itself, or all or none.
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "storage/layout.h"
#include "tests/fakes/test_vault.h"

namespace kluis::batch_test {
namespace {

struct BatchReply {
  grpc::Status status;
  std::string reason;
  std::optional<uint64_t> log_index;
  std::vector<v1::BatchEnrollResponse> rows;
};

// `announced`: how many rows an atomic batch says it has; 0: as many as it has.
BatchReply Send(const TestWorld& vault, const std::vector<v1::EnrollRequest>& rows, bool atomic,
                uint64_t announced = 0) {
  v1::EnrollmentService::Stub stub(vault.ChannelOf("registrar/desk"));
  grpc::ClientContext context;
  TestWorld::SetDeadline(context);
  const auto stream = stub.BatchEnroll(&context);
  BatchReply reply;
  std::thread reader([&] {  // answers come while rows still go out
    v1::BatchEnrollResponse response;
    while (stream->Read(&response)) reply.rows.push_back(response);
  });
  v1::BatchEnrollRequest message;
  message.mutable_options()->set_atomic(atomic);
  if (atomic) message.mutable_options()->set_rows(announced > 0 ? announced : rows.size());
  bool open = stream->Write(message);
  for (const v1::EnrollRequest& row : rows) {
    *message.mutable_row() = row;
    open = open && stream->Write(message);
  }
  stream->WritesDone();
  reader.join();
  reply.status = stream->Finish();
  TestWorld::ReadErrorInfo(reply.status, reply.reason, reply.log_index);
  return reply;
}

std::vector<Person> People(const TestWorld& vault, size_t count) {
  std::vector<Person> people;
  for (size_t i = 0; i < count; ++i) people.push_back(vault.NewPerson());
  return people;
}

std::vector<v1::EnrollRequest> RowsOf(const TestWorld& vault, const std::vector<Person>& people) {
  std::vector<v1::EnrollRequest> rows;
  for (const Person& person : people) rows.push_back(vault.EnrollRequestOf(person));
  return rows;
}

size_t Rows(TestVault& vault, storage::Column column, const std::string& prefix) {
  size_t count = 0;
  const absl::Status scanned =
      vault.vault().database().Scan(column, prefix, [&](std::string_view, std::string_view) {
        ++count;
        return true;
      });
  EXPECT_TRUE(scanned.ok());
  return count;
}

size_t StoredTemplates(TestVault& vault) {
  return Rows(vault, storage::Column::kSealed, storage::TemplatePrefix());
}

void BreakConsent(v1::EnrollRequest& row) {
  std::string& sig = *row.mutable_consent()->mutable_signatures(0)->mutable_sig();
  sig.front() = static_cast<char>(sig.front() ^ 1);
}

TEST(BatchEnroll, OneBadRowOfFiveHundredLeavesTheOthersStored) {
  TestVault vault;
  const std::vector<Person> people = People(vault, 500);
  std::vector<v1::EnrollRequest> rows = RowsOf(vault, people);
  BreakConsent(rows[123]);
  rows[321].mutable_template_()->mutable_values()->RemoveLast();
  const BatchReply reply = Send(vault, rows, /*atomic=*/false);
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  ASSERT_EQ(reply.rows.size(), 500u);
  std::vector<bool> answered(500);
  for (const v1::BatchEnrollResponse& row : reply.rows) {
    ASSERT_LT(row.row(), 500u);
    EXPECT_FALSE(answered[row.row()]);
    answered[row.row()] = true;
    if (row.row() == 123) {
      EXPECT_EQ(row.refused().reason(), "CONSENT_SIGNATURE_INVALID");
    } else if (row.row() == 321) {
      EXPECT_EQ(row.refused().reason(), "MALFORMED_TEMPLATE");
    } else {
      ASSERT_TRUE(row.has_enrolled()) << row.DebugString();
      EXPECT_EQ(row.enrolled().receipt().leaf_hash().size(), 32u);
    }
  }
  EXPECT_EQ(StoredTemplates(vault), 498u);
  const std::string name = vault.ActiveCase();
  EXPECT_EQ(vault.Identify(name, vault.Face(people[122]))->result(), v1::SEARCH_RESULT_MATCH);
  EXPECT_EQ(vault.Identify(name, vault.Face(people[123]))->result(), v1::SEARCH_RESULT_NO_MATCH);
  EXPECT_TRUE(vault.CheckVault().consistent());
  vault.ExpectLogVerifies();
}

TEST(BatchEnroll, AGoodAtomicBatchIsStoredWhole) {
  TestVault vault;
  const std::vector<Person> people = People(vault, 500);
  const BatchReply reply = Send(vault, RowsOf(vault, people), /*atomic=*/true);
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  EXPECT_EQ(reply.rows.size(), 500u);
  EXPECT_EQ(StoredTemplates(vault), 500u);
  EXPECT_TRUE(vault.CheckVault().consistent());
}

// What one bad row does to an atomic batch, wherever it stands and whatever is wrong with it.
struct BadRow {
  const char* name;
  size_t at;
  const char* reason;
  void (*spoil)(std::vector<v1::EnrollRequest>& rows);
};

class AtomicBatch : public testing::TestWithParam<BadRow> {};

TEST_P(AtomicBatch, StoresNothing) {
  TestVault vault;
  const std::vector<Person> people = People(vault, 40);
  std::vector<v1::EnrollRequest> rows = RowsOf(vault, people);
  GetParam().spoil(rows);
  const v1::GetVaultStatusResponse before = vault.Status();
  const BatchReply reply = Send(vault, rows, /*atomic=*/true);
  EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(reply.reason, "ATOMIC_BATCH_REFUSED");
  ASSERT_EQ(reply.rows.size(), 1u);
  EXPECT_EQ(reply.rows[0].row(), GetParam().at);
  EXPECT_EQ(reply.rows[0].refused().reason(), GetParam().reason);

  const v1::GetVaultStatusResponse after = vault.Status();
  EXPECT_EQ(after.log_size(), before.log_size() + 1);  // the refusal
  EXPECT_EQ(after.slots_used(), before.slots_used());
  ASSERT_TRUE(reply.log_index.has_value());
  EXPECT_EQ(vault.EntryAt(*reply.log_index).decision().reason(), "ATOMIC_BATCH_REFUSED");
  EXPECT_EQ(StoredTemplates(vault), 0u);
  EXPECT_EQ(Rows(vault, storage::Column::kDetails, ""), 0u);
  EXPECT_EQ(vault.Identify(vault.ActiveCase(), vault.Face(people[0]))->result(),
            v1::SEARCH_RESULT_NO_MATCH);
  EXPECT_TRUE(vault.CheckVault().consistent());
  // No statement was used up: the same rows without the bad one go in.
  rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(GetParam().at));
  EXPECT_TRUE(Send(vault, rows, /*atomic=*/true).status.ok());
  EXPECT_EQ(StoredTemplates(vault), 39u);
}

INSTANTIATE_TEST_SUITE_P(
    BadRows, AtomicBatch,
    testing::Values(BadRow{"Signature", 20, "CONSENT_SIGNATURE_INVALID",
                           [](std::vector<v1::EnrollRequest>& rows) { BreakConsent(rows[20]); }},
                    BadRow{"Template", 39, "MALFORMED_TEMPLATE",
                           [](std::vector<v1::EnrollRequest>& rows) {
                             rows[39].mutable_template_()->mutable_values()->RemoveLast();
                           }},
                    BadRow{"FirstRow", 0, "TEMPLATE_NOT_ATTESTED",
                           [](std::vector<v1::EnrollRequest>& rows) {
                             rows[0].mutable_template_()->set_values(0, 0.25F);
                           }},
                    BadRow{"SameStatement", 30, "STATEMENT_REPLAYED",
                           [](std::vector<v1::EnrollRequest>& rows) { rows[30] = rows[10]; }}),
    [](const testing::TestParamInfo<BadRow>& bad) { return bad.param.name; });

TEST(BatchEnroll, ASecondConsentOfOneSubjectForOnePurposeSpoilsAnAtomicBatch) {
  TestVault vault;
  const std::vector<Person> people = People(vault, 10);
  std::vector<v1::EnrollRequest> rows = RowsOf(vault, people);
  rows.push_back(vault.EnrollRequestOf(people[4]));
  const BatchReply reply = Send(vault, rows, /*atomic=*/true);
  EXPECT_EQ(reply.reason, "ATOMIC_BATCH_REFUSED");
  ASSERT_EQ(reply.rows.size(), 1u);
  EXPECT_EQ(reply.rows[0].row(), 10u);
  EXPECT_EQ(reply.rows[0].refused().reason(), "ALREADY_ENROLLED");
  EXPECT_EQ(StoredTemplates(vault), 0u);
}

TEST(BatchEnroll, AnAtomicBatchOfMoreOrFewerRowsThanAnnouncedStoresNothing) {
  TestVault vault;
  const std::vector<Person> people = People(vault, 10);
  const std::vector<v1::EnrollRequest> rows = RowsOf(vault, people);
  for (const uint64_t announced : {9, 11, 10'001}) {
    const BatchReply reply = Send(vault, rows, /*atomic=*/true, announced);
    EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << announced;
    ASSERT_TRUE(reply.log_index.has_value());
    EXPECT_EQ(vault.EntryAt(*reply.log_index).decision().reason(), "MALFORMED_REQUEST");
    EXPECT_EQ(StoredTemplates(vault), 0u);
  }
  EXPECT_TRUE(Send(vault, rows, /*atomic=*/true).status.ok());
}

TEST(BatchEnroll, MustBeginWithItsOptions) {
  TestVault vault;
  const Person person = vault.NewPerson();
  v1::EnrollmentService::Stub stub(vault.ChannelOf("registrar/desk"));
  grpc::ClientContext context;
  TestWorld::SetDeadline(context);
  const auto stream = stub.BatchEnroll(&context);
  v1::BatchEnrollRequest message;
  *message.mutable_row() = vault.EnrollRequestOf(person);
  stream->Write(message);
  stream->WritesDone();
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(StoredTemplates(vault), 0u);
}

}  // namespace
}  // namespace kluis::batch_test
