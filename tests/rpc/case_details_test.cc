// SPDX-License-Identifier: Apache-2.0
// What an authority writes about a case, and a judge against it: taken with the statement that
// commits to it, shown to who may read the case, and forgotten with the authority's year.
#include "service/acts/case_details.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audit/details.h"
#include "audit/statement.h"
#include "base/codec.h"
#include "crypto/derive.h"
#include "policy/civil_time.h"
#include "policy/record_key.h"
#include "tests/fakes/erased_rows.h"
#include "tests/fakes/scratch_directory.h"
#include "tests/fakes/test_vault.h"

namespace kluis::case_details_test {
namespace {

using grpc::StatusCode;
using storage::Column;
using storage::Written;

// The vault begins on 15 January 2027; its profile has six months.
constexpr uint32_t kYear = 2027;
const int64_t kOver = policy::MonthsAfterYear(kYear, 6);

// `nonce` is of 32 bytes.
std::string CommitmentOf(const std::string& nonce, std::string_view payload) {
  const std::span<const uint8_t, audit::kDetailsNonceBytes> key(
      reinterpret_cast<const uint8_t*>(nonce.data()), audit::kDetailsNonceBytes);
  return base::ToHex(crypto::Bytes(crypto::Commit(key, payload)));
}

class CaseDetails : public testing::Test {
 protected:
  Reply<v1::GetCaseResponse> Get(const std::string& name, const std::string& who) const {
    v1::GetCaseRequest request;
    request.set_name(name);
    return vault_.Call(who, &v1::CaseService::Stub::GetCase, request);
  }
  // To a judge: the officers' authority is accredited for a year only.
  v1::Case Shown(const std::string& name, const std::string& who = "judge/one") const {
    return Must(Get(name, who), "get").case_();
  }
  size_t Rows() {
    size_t rows = 0;
    EXPECT_TRUE(vault_.vault()
                    .database()
                    .Scan(Column::kDetails, "w",
                          [&](std::string_view, std::string_view) {
                            ++rows;
                            return true;
                          })
                    .ok());
    return rows;
  }
  std::string PoliceId() const { return policy::IdInName(vault_.authority_one(), "authorities"); }
  v1::AuthorityYear Year() {
    const auto year = policy::Find<v1::AuthorityYear>(
        vault_.vault().state(),
        policy::key::AuthorityYear(policy::AuthorityYearId(PoliceId(), kYear)));
    EXPECT_TRUE(year.ok() && year->has_value());
    return **year;
  }
  std::string RowKey(const std::string& name, Written what) {
    v1::CaseRecord kase;
    kase.set_id(policy::IdInName(name, "cases"));
    return *service::WrittenKeyOf(kase, Year(), what);
  }
  // Puts the row of another case in the place of this one's.
  void Damage(const std::string& name, const std::string& other) {
    storage::Database& database = vault_.vault().database();
    const auto row = database.Get(Column::kDetails, RowKey(other, Written::kOpening));
    storage::Batch batch;
    batch.Put(Column::kDetails, RowKey(name, Written::kOpening), **row);
    ASSERT_TRUE(database.WriteSynced(std::move(batch)).ok());
  }
  std::vector<v1::Entry> EntriesOf(v1::Command::ActCase act) const {
    std::vector<v1::Entry> found;
    for (const std::string& bytes : vault_.Entries()) {
      v1::Entry entry;
      EXPECT_TRUE(entry.ParseFromString(bytes));
      if (entry.command().act_case() == act) found.push_back(entry);
    }
    return found;
  }
  // EraseDone of years.
  size_t YearsDone() const {
    size_t done = 0;
    for (const v1::Entry& entry : EntriesOf(v1::Command::kEraseDone)) {
      if (entry.command().erase_done().target() == v1::ERASURE_TARGET_AUTHORITY_YEAR) ++done;
    }
    return done;
  }
  void SweepAt(int64_t now) {
    vault_.SetTime(now);
    vault_.Sweep();
  }

  TestVault vault_;
};

TEST_F(CaseDetails, AreShownToWhoMayReadTheCase) {
  const v1::CaseDetails details = vault_.Details();
  const auto opened = Must(vault_.OpenCaseWith(details), "open");
  EXPECT_EQ(opened.case_().details().SerializeAsString(), details.SerializeAsString());
  const std::string name = opened.case_().name();
  for (const char* who : {"officer/one", "officer/two", "judge/one"}) {
    const v1::Case shown = Shown(name, who);
    EXPECT_EQ(shown.details().SerializeAsString(), details.SerializeAsString()) << who;
    EXPECT_FALSE(shown.details_erased()) << who;
    EXPECT_FALSE(shown.has_refusal()) << who;
    const auto list =
        Must(vault_.Call(who, &v1::CaseService::Stub::ListCases, v1::ListCasesRequest()), "list");
    ASSERT_EQ(list.cases_size(), 1) << who;
    EXPECT_EQ(list.cases(0).details().reference(), "FILE-2026-7") << who;
  }
  EXPECT_EQ(Get(name, "officer/outside").reason, "NO_CASE");
  vault_.Restart();
  EXPECT_EQ(Shown(name).details().SerializeAsString(), details.SerializeAsString());
}

TEST_F(CaseDetails, OfARefusalAreShownAsWell) {
  const std::string name = Must(vault_.OpenCase(), "open").case_().name();
  const auto refused = Must(vault_.Refuse(name, "less would do"), "refuse");
  EXPECT_EQ(refused.case_().refusal().reasons(), "less would do");
  EXPECT_EQ(Shown(name).refusal().reasons(), "less would do");
  EXPECT_EQ(Shown(name).details().reference(), "FILE-2026-7");
  EXPECT_EQ(Rows(), 2u);
}

TEST_F(CaseDetails, ThatTheStatementDoesNotCommitToAreRefusedAndNothingIsKept) {
  using Edit = std::function<void(v1::OpenCaseRequest&)>;
  const auto other = audit::MakeDetails(vault_.Details());
  const std::pair<const char*, Edit> edits[] = {
      {"MALFORMED_STATEMENT", [](auto& r) { r.mutable_details_nonce()->back() ^= 1; }},
      {"MALFORMED_STATEMENT", [](auto& r) { r.mutable_details()->at(20) ^= 1; }},
      {"MALFORMED_STATEMENT", [](auto& r) { r.mutable_details()->append(" "); }},
      {"MALFORMED_STATEMENT", [&](auto& r) { r.set_details(other->payload); }},
      {"MALFORMED_STATEMENT",
       [&](auto& r) {
         r.set_details(other->payload);
         r.set_details_nonce(other->nonce);
       }},
      {"MALFORMED_REQUEST", [](auto& r) { r.clear_details(); }},
      {"MALFORMED_REQUEST", [](auto& r) { r.clear_details_nonce(); }},
      {"MALFORMED_REQUEST", [](auto& r) { r.mutable_details_nonce()->push_back('x'); }},
      {"MALFORMED_REQUEST",
       [](auto& r) { r.set_details(std::string(audit::kMaxPayloadBytes + 1, ' ')); }},
  };
  for (const auto& [reason, edit] : edits) {
    v1::OpenCaseRequest request = vault_.OpenCaseRequestOf(vault_.Opening(), vault_.Details());
    edit(request);
    const auto reply = vault_.Call("officer/one", &v1::CaseService::Stub::OpenCase, request);
    EXPECT_EQ(reply.status.error_code(), StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(reply.reason, reason);
    EXPECT_EQ(reply.status.error_message().find("FILE"), std::string::npos);
    ASSERT_TRUE(reply.log_index.has_value());
    EXPECT_TRUE(vault_.EntryAt(*reply.log_index).command().has_reject());
  }
  // Signed and committed to, but no details.
  for (const char* json : {"[]", "{\"reference\":\"\"}", "{\"reasons\":\"x\"}"}) {
    const std::string nonce(audit::kDetailsNonceBytes, 'n');
    v1::CaseOpening opening = vault_.Opening();
    opening.set_details(CommitmentOf(nonce, json));
    v1::OpenCaseRequest request;
    *request.mutable_opening() = vault_.Sign(opening, {&vault_.KeyOf("officer/one")});
    request.set_details(json);
    request.set_details_nonce(nonce);
    EXPECT_EQ(vault_.Call("officer/one", &v1::CaseService::Stub::OpenCase, request).reason,
              "MALFORMED_STATEMENT")
        << json;
  }
  EXPECT_EQ(Rows(), 0u);
  EXPECT_TRUE(EntriesOf(v1::Command::kOpenCase).empty());
}

TEST_F(CaseDetails, AreJudgedByWhatWasFoundOfThem) {
  v1::CaseDetails details = vault_.Details();
  details.clear_reference();
  EXPECT_EQ(vault_.OpenCaseWith(details).reason, "CASE_INCOMPLETE");
  details = vault_.Details();
  details.clear_matter_description();
  EXPECT_EQ(vault_.OpenCaseWith(details).reason, "CASE_INCOMPLETE");
  details = vault_.Details();
  details.set_necessity("we want to know" + std::string(1000, ' '));
  EXPECT_EQ(vault_.OpenCaseWith(details).reason, "NECESSITY_MISSING");
  EXPECT_EQ(vault_.OpenCaseWith(v1::CaseDetails()).reason, "CASE_INCOMPLETE");
  EXPECT_EQ(Rows(), 0u) << "of what is refused nothing is kept";
  const std::string name = Must(vault_.OpenCase(), "open").case_().name();
  EXPECT_EQ(vault_.Refuse(name, "").reason, "REASONS_MISSING");
}

// A guess of a text cannot be tested with the log: another vault, another digest.
TEST_F(CaseDetails, LeaveADigestThatIsTheVaultsOwn) {
  const v1::CaseDetails details = vault_.Details();
  Must(vault_.OpenCaseWith(details), "open");
  TestVault other;
  Must(other.OpenCaseWith(details), "open");
  const auto digest_of = [](const TestVault& vault) {
    for (const std::string& bytes : vault.Entries()) {
      v1::Entry entry;
      EXPECT_TRUE(entry.ParseFromString(bytes));
      if (entry.command().has_open_case()) return entry.command().open_case().necessity_digest();
    }
    return std::string();
  };
  EXPECT_EQ(digest_of(vault_).size(), 32u);
  EXPECT_NE(digest_of(vault_), digest_of(other));
}

TEST_F(CaseDetails, OpenInTheirOwnRowOnly) {
  const std::string first = Must(vault_.OpenCase(), "open").case_().name();
  const std::string second = Must(vault_.OpenCase(), "open").case_().name();
  Damage(second, first);
  EXPECT_TRUE(Get(first, "officer/one").ok());
  EXPECT_EQ(Get(second, "officer/one").status.error_code(), StatusCode::DATA_LOSS);
}

TEST_F(CaseDetails, ThatAreDamagedDoNotHideTheListOfCases) {
  const std::string whole = Must(vault_.OpenCase(), "open").case_().name();
  const std::string damaged = Must(vault_.OpenCase(), "open").case_().name();
  Damage(damaged, whole);
  const auto list =
      Must(vault_.Call("officer/one", &v1::CaseService::Stub::ListCases, v1::ListCasesRequest()),
           "list");
  ASSERT_EQ(list.cases_size(), 2);
  for (const v1::Case& shown : list.cases()) {
    EXPECT_EQ(shown.has_details(), shown.name() == whole);
    EXPECT_FALSE(shown.details_erased());
  }
}

TEST_F(CaseDetails, ThatAreDamagedDoNotFailAnActThatIsDone) {
  const std::string whole = Must(vault_.OpenCase(), "open").case_().name();
  const std::string damaged = Must(vault_.OpenCase(), "open").case_().name();
  Damage(damaged, whole);
  const auto warranted = Must(vault_.Issue(vault_.WarrantFor(damaged, 5)), "warrant");
  EXPECT_TRUE(warranted.case_().has_warrant());
  EXPECT_FALSE(warranted.case_().has_details());
  const auto closed = Must(vault_.Close(damaged), "close");
  EXPECT_EQ(closed.case_().state(), v1::CASE_STATE_CLOSED);
  EXPECT_EQ(Get(damaged, "officer/one").status.error_code(), StatusCode::DATA_LOSS);
}

TEST_F(CaseDetails, AreReadableUntilTheMonthsAfterTheYearAreOver) {
  const std::string name = Must(vault_.OpenCase(), "open").case_().name();
  const std::string refused = Must(vault_.OpenCase(), "open").case_().name();
  Must(vault_.Refuse(refused), "refuse");
  Must(vault_.Close(name), "close");
  const std::string key = RowKey(name, Written::kOpening);
  const std::string row = SealedBytes(vault_.vault().database(), Column::kDetails, key);
  SweepAt(kOver - 1);
  EXPECT_EQ(Shown(name).details().reference(), "FILE-2026-7");
  EXPECT_EQ(Shown(refused).refusal().reasons(), "not necessary");
  EXPECT_EQ(YearsDone(), 0u);

  SweepAt(kOver);
  for (const std::string& each : {name, refused}) {
    const v1::Case shown = Shown(each);
    EXPECT_TRUE(shown.details_erased());
    EXPECT_FALSE(shown.has_details());
    EXPECT_FALSE(shown.has_refusal());
    EXPECT_EQ(shown.opening().matter(), v1::MATTER_MISSING_PERSON) << "the signed rest stays";
  }
  EXPECT_TRUE(vault_.vault().keyring().IsPunctured(Year().slot()));
  EXPECT_TRUE(Year().erased());
  EXPECT_EQ(Rows(), 0u);
  EXPECT_EQ(YearsDone(), 1u);
  EXPECT_EQ(EntriesOf(v1::Command::kForgetAuthorityYear).size(), 1u);
  ASSERT_TRUE(vault_.vault().database().Flush().ok());
  EXPECT_FALSE(InAnyFile(vault_.directory() + "/data", row));
  vault_.Restart();
  EXPECT_TRUE(Shown(name).details_erased());
  EXPECT_TRUE(vault_.CheckVault().consistent());
  vault_.ExpectLogVerifies();
}

// Who kept a copy of the files has the rows, and no key.
TEST_F(CaseDetails, AreUnreadableInACopyOfTheDatabaseToo) {
  const std::string name = Must(vault_.OpenCase(), "open").case_().name();
  Must(vault_.Close(name), "close");
  const std::string key = RowKey(name, Written::kOpening);
  vault_.ShutDown();
  const ScratchDirectory copies;
  const std::string copy = copies.path() + "/data";
  std::filesystem::copy(vault_.directory() + "/data", copy,
                        std::filesystem::copy_options::recursive);
  ASSERT_TRUE(vault_.TryStart().ok());
  const auto open_copy = [&] {
    const auto database = storage::Database::Open({copy, false, nullptr});
    EXPECT_TRUE(database.ok()) << database.status();
    const auto row = (*database)->Get(Column::kDetails, key);
    EXPECT_TRUE(row.ok() && row->has_value());
    return vault_.vault().sealer().Open(Year().slot(), service::kWrittenUse, key, **row);
  };
  ASSERT_TRUE(open_copy().ok()) << "as long as the key is there";
  EXPECT_NE(service::AsText(*open_copy()).find("FILE-2026-7"), std::string_view::npos);
  SweepAt(kOver);
  EXPECT_TRUE(absl::IsDataLoss(open_copy().status()));
}

TEST_F(CaseDetails, StayWhileACaseOfTheYearIsOpen) {
  const int64_t opened_at = policy::MonthsAfterYear(kYear, 0) - kDay;
  vault_.SetTime(opened_at);
  const std::string closed = Must(vault_.OpenCase(), "open").case_().name();
  const std::string open = Must(vault_.OpenCase(), "open").case_().name();
  Must(vault_.Close(closed), "close");
  SweepAt(kOver + 30 * kDay);
  EXPECT_EQ(Shown(closed).details().reference(), "FILE-2026-7");
  EXPECT_EQ(YearsDone(), 0u);
  SweepAt(opened_at + 365 * kDay - 1);
  EXPECT_EQ(YearsDone(), 0u);
  SweepAt(opened_at + 365 * kDay);  // it waited in vain for a warrant
  EXPECT_TRUE(Shown(closed).details_erased());
  EXPECT_TRUE(Shown(open).details_erased());
  EXPECT_EQ(YearsDone(), 1u);
}

TEST_F(CaseDetails, OfTheNextYearStay) {
  const std::string old = Must(vault_.OpenCase(), "open").case_().name();
  Must(vault_.Close(old), "close");
  vault_.SetTime(policy::MonthsAfterYear(kYear, 0));
  const std::string young = Must(vault_.OpenCase(), "open").case_().name();
  Must(vault_.Close(young), "close");
  SweepAt(kOver);
  EXPECT_TRUE(Shown(old).details_erased());
  EXPECT_EQ(Shown(young).details().reference(), "FILE-2026-7");
}

TEST_F(CaseDetails, AreForgottenOnceAndNotStartedAgainBySweeps) {
  Must(vault_.Close(Must(vault_.OpenCase(), "open").case_().name()), "close");
  vault_.vault().eraser().concluder().Stop();
  vault_.SetTime(kOver);
  for (int sweep = 0; sweep < 2; ++sweep) {
    ASSERT_TRUE(vault_.vault().sweeper().SweepOnce().ok());
    EXPECT_EQ(EntriesOf(v1::Command::kForgetAuthorityYear).size(), 1u);
    EXPECT_EQ(YearsDone(), 0u);
  }
  vault_.FinishErasures();
  ASSERT_TRUE(vault_.vault().sweeper().SweepOnce().ok());
  EXPECT_EQ(EntriesOf(v1::Command::kForgetAuthorityYear).size(), 1u);
  EXPECT_EQ(YearsDone(), 1u);
}

// The process ends right after the entry, before the puncture: the next start does the rest.
TEST_F(CaseDetails, AreForgottenByTheNextStartWhenACrashCutTheErasureOff) {
  const std::string name = Must(vault_.OpenCase(), "open").case_().name();
  Must(vault_.Close(name), "close");
  vault_.SetTime(kOver);
  service::Act act;
  act.kind = v1::LOG_KIND_ERASURE;
  act.command.set_method("Sweep");
  act.command.mutable_forget_authority_year()->set_authority_id(PoliceId());
  act.command.mutable_forget_authority_year()->set_year(kYear);
  vault_.vault().ledger().SetFollowers(nullptr, nullptr);
  const auto committed = vault_.vault().ledger().Commit(std::move(act));
  ASSERT_TRUE(committed.ok() && committed->ruling.decision.allowed());
  ASSERT_FALSE(vault_.vault().keyring().IsPunctured(Year().slot()));
  ASSERT_EQ(Rows(), 1u);
  vault_.Restart();
  EXPECT_TRUE(vault_.vault().keyring().IsPunctured(Year().slot()));
  EXPECT_EQ(Rows(), 0u);
  EXPECT_EQ(YearsDone(), 1u);
  EXPECT_TRUE(Shown(name).details_erased());
}

}  // namespace
}  // namespace kluis::case_details_test
