// SPDX-License-Identifier: Apache-2.0
// When the log says that an erasure is done, no file of the database has the bytes of the row.
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "policy/facts.h"
#include "policy/record_key.h"
#include "tests/fakes/erased_rows.h"
#include "tests/fakes/test_vault.h"

namespace kluis::erased_bytes_test {
namespace {

using storage::Column;

class ErasedBytes : public testing::Test {
 protected:
  std::string RowOf(Column column, const std::string& key) {
    return SealedBytes(vault_.vault().database(), column, key);
  }
  std::string TemplateRow(const v1::EnrollResponse& enrolled) {
    return RowOf(Column::kSealed, storage::TemplateKey(LastId(enrolled.template_record())));
  }
  bool OnDisk(const std::string& bytes) const {
    return InAnyFile(vault_.directory() + "/data", bytes);
  }
  // Waits until the log says it, as anybody who reads the log would.
  void AwaitEraseDone(v1::ErasureTarget target) {
    for (uint64_t next = 0;; std::this_thread::yield()) {
      for (const std::string& bytes : vault_.Entries(next)) {
        v1::Entry entry;
        ASSERT_TRUE(entry.ParseFromString(bytes));
        if (entry.command().erase_done().target() == target) return;
        ++next;
      }
    }
  }

  TestVault vault_;
};

TEST_F(ErasedBytes, OfAWithdrawnTemplateAreInNoFileWhenTheLogSaysSo) {
  const Person person = vault_.NewPerson();
  const std::string row = TemplateRow(Must(vault_.Enroll(person), "enrol"));
  ASSERT_TRUE(OnDisk(row));
  Must(vault_.Withdraw(person), "withdraw");
  AwaitEraseDone(v1::ERASURE_TARGET_TEMPLATE);
  EXPECT_FALSE(OnDisk(row));
}

TEST_F(ErasedBytes, OfAReplacedTemplateAreInNoFileWhenTheLogSaysSo) {
  const Person person = vault_.NewPerson();
  const v1::EnrollResponse enrolled = Must(vault_.Enroll(person), "enrol");
  const std::string row = TemplateRow(enrolled);
  TestWorld::Terms terms;
  terms.replaces = enrolled.template_record();
  terms.capture = 1;
  Must(vault_.Enroll(person, terms), "replace");
  AwaitEraseDone(v1::ERASURE_TARGET_TEMPLATE);
  EXPECT_FALSE(OnDisk(row));
}

TEST_F(ErasedBytes, OfATemplateBeforeARotationAreInNoFileWhenTheLogSaysSo) {
  const v1::EnrollResponse enrolled = Must(vault_.Enroll(vault_.NewPerson()), "enrol");
  const std::string before = TemplateRow(enrolled);
  ASSERT_TRUE(vault_.vault().database().Flush().ok());
  Must(vault_.Rotate(), "rotate");
  AwaitEraseDone(v1::ERASURE_TARGET_SLOT);
  EXPECT_FALSE(OnDisk(before));
  EXPECT_TRUE(OnDisk(TemplateRow(enrolled)));
}

TEST_F(ErasedBytes, OfAForgottenSubjectAreInNoFileWhenTheLogSaysSo) {
  const Person person = vault_.NewPerson();
  const v1::EnrollResponse enrolled = Must(vault_.Enroll(person), "enrol");
  const std::string row = RowOf(Column::kDetails, storage::SubjectKey(LastId(enrolled.subject())));
  Must(vault_.Withdraw(person), "withdraw");
  vault_.Advance(91 * kDay);
  ASSERT_TRUE(vault_.vault().sweeper().SweepOnce().ok());
  AwaitEraseDone(v1::ERASURE_TARGET_SUBJECT);
  EXPECT_FALSE(OnDisk(row));
}

TEST_F(ErasedBytes, OfWhatAnAuthorityWroteAreInNoFileWhenTheLogSaysSo) {
  const std::string name = Must(vault_.OpenCase(), "open").case_().name();
  Must(vault_.Close(name), "close");
  const auto year = storage::YearIdFromBytes(
      policy::AuthorityYearId(policy::IdInName(vault_.authority_one(), "authorities"), 2027));
  const std::string row =
      RowOf(Column::kDetails, storage::WrittenKey(*year, LastId(name), storage::Written::kOpening));
  ASSERT_TRUE(OnDisk(row));
  vault_.Advance(600 * kDay);
  ASSERT_TRUE(vault_.vault().sweeper().SweepOnce().ok());
  AwaitEraseDone(v1::ERASURE_TARGET_AUTHORITY_YEAR);
  EXPECT_FALSE(OnDisk(row));
}

TEST_F(ErasedBytes, OfWhatAnEarlierProcessLeftAreInNoFileBeforeTheNextOneServes) {
  const Person person = vault_.NewPerson();
  const v1::EnrollResponse enrolled = Must(vault_.Enroll(person), "enrol");
  const std::string row = TemplateRow(enrolled);
  vault_.vault().eraser().concluder().Stop();
  Must(vault_.Withdraw(person), "withdraw");
  ASSERT_EQ(vault_.Status().pending_erasures(), 1u);
  vault_.ShutDown();
  ASSERT_TRUE(OnDisk(row));
  ASSERT_TRUE(vault_.TryStart().ok());
  EXPECT_FALSE(OnDisk(row));
  EXPECT_EQ(vault_.Status().pending_erasures(), 0u);
}

}  // namespace
}  // namespace kluis::erased_bytes_test
