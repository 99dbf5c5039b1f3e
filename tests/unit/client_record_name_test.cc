// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "client/record_name.h"
#include "kluis/v1/ledger.pb.h"

namespace kluis::client::record_name_test {
namespace {

using v1::RecordChange;

std::string Key(int kind, const std::string& id) { return std::string(1, char(kind)) + id; }

const std::string kOne(16, '\x1f');
const std::string kTwo(16, '\x2e');
const std::string kOneHex = "1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f";
const std::string kTwoHex = "2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e";

TEST(RecordName, SaysKindAndIdOfEveryKindOfRecord) {
  EXPECT_EQ(RecordName(Key(RecordChange::kVault, "")), "vault");
  EXPECT_EQ(RecordName(Key(RecordChange::kSlots, "")), "slots");
  EXPECT_EQ(RecordName(Key(RecordChange::kAuthority, kOne)), "authority " + kOneHex);
  EXPECT_EQ(RecordName(Key(RecordChange::kMember, "\x03one")), "member officer/one");
  EXPECT_EQ(RecordName(Key(RecordChange::kMemberKey, "keyid")), "member key keyid");
  EXPECT_EQ(RecordName(Key(RecordChange::kPurpose, "p-1")), "purpose p-1");
  EXPECT_EQ(RecordName(Key(RecordChange::kPurposeStop, "p-1")), "purpose stop p-1");
  EXPECT_EQ(RecordName(Key(RecordChange::kSubject, kOne)), "subject " + kOneHex);
  EXPECT_EQ(RecordName(Key(RecordChange::kTemplate, kOne)), "template " + kOneHex);
  EXPECT_EQ(RecordName(Key(RecordChange::kEnrollment, kOne + "p-1")),
            "enrollment of subject " + kOneHex + " for p-1");
  EXPECT_EQ(RecordName(Key(RecordChange::kCase, kOne)), "case " + kOneHex);
  EXPECT_EQ(RecordName(Key(RecordChange::kCaseUse, kOne)), "case use " + kOneHex);
  EXPECT_EQ(RecordName(Key(RecordChange::kCandidate, kOne + kTwo)),
            "candidate " + kTwoHex + " of case " + kOneHex);
  EXPECT_EQ(RecordName(Key(RecordChange::kDisclosure, kOne)), "disclosure " + kOneHex);
  EXPECT_EQ(RecordName(Key(RecordChange::kUsedStatement, kOne)), "used statement " + kOneHex);
  EXPECT_EQ(RecordName(Key(RecordChange::kPendingErasure, "\x02" + kOne)),
            "pending erasure of case " + kOneHex);
  EXPECT_EQ(RecordName(Key(RecordChange::kAuthorityYear, kOne + "\x07\xEB")),
            "authority year 2027 of " + kOneHex);
  EXPECT_EQ(RecordName(Key(RecordChange::kAuthorityYear, kOne)), "authority year " + kOneHex);
}

TEST(RecordName, TakesAnyBytes) {
  EXPECT_EQ(RecordName(""), "record ");
  EXPECT_EQ(RecordName("\x7f\x01"), "record 7f01");
  EXPECT_EQ(RecordName(Key(RecordChange::kRemovedKey, kOne)), "record 1e" + kOneHex);
  for (int kind = 0; kind < 256; ++kind) {
    for (const std::string& id : {std::string(), std::string(1, '\x07'), std::string(15, '\xff')}) {
      EXPECT_FALSE(RecordName(Key(kind, id)).empty());
    }
  }
  EXPECT_EQ(RecordName(Key(RecordChange::kPurpose, "a\x1b[2J")), "purpose a\\u{1B}[2J");
}

}  // namespace
}  // namespace kluis::client::record_name_test
