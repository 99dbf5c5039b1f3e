// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "audit/replay/known_fields.h"
#include "kluis/v1/ledger.pb.h"

namespace kluis::audit::known_fields_test {
namespace {

class KnownFieldsTest : public testing::Test {
 protected:
  const KnownFields known_{*v1::Entry::descriptor()};
};

v1::Entry Full() {
  v1::Entry entry;
  entry.set_version(1);
  entry.set_decided_at(-1);
  entry.mutable_command()->mutable_issue_warrant()->mutable_warrant()->add_subject_categories(
      v1::SUBJECT_CATEGORY_VICTIM);
  v1::PurposeRegistration& purpose =
      *entry.add_changes()->mutable_purpose()->mutable_registration();
  purpose.add_operations(v1::OPERATION_VERIFY);
  purpose.mutable_threshold()->set_target_fmr(0.5);
  entry.add_envelopes()->add_signatures()->set_sig("sig");
  return entry;
}

TEST_F(KnownFieldsTest, TakesEveryFieldThatTheTypeHas) {
  EXPECT_TRUE(known_.Only(""));
  EXPECT_TRUE(known_.Only(Full().SerializeAsString()));
}

TEST_F(KnownFieldsTest, FindsAnUnknownFieldAtAnyDepth) {
  const auto with_unknown = [](v1::Entry& entry, google::protobuf::Message& in) {
    in.GetReflection()->MutableUnknownFields(&in)->AddVarint(400, 1);
    return entry.SerializeAsString();
  };
  v1::Entry entry = Full();
  EXPECT_FALSE(known_.Only(with_unknown(entry, entry)));
  entry = Full();
  EXPECT_FALSE(known_.Only(
      with_unknown(entry, *entry.mutable_command()->mutable_issue_warrant()->mutable_warrant())));
  entry = Full();
  EXPECT_FALSE(
      known_.Only(with_unknown(entry, *entry.mutable_envelopes(0)->mutable_signatures(0))));
}

TEST_F(KnownFieldsTest, FindsAKnownNumberOfAnotherWireType) {
  v1::Entry entry = Full();
  entry.GetReflection()->MutableUnknownFields(&entry)->AddLengthDelimited(1, "text");
  EXPECT_FALSE(known_.Only(entry.SerializeAsString()));
}

TEST_F(KnownFieldsTest, NeverReadsPastItsBytesAndRefusesEveryCut) {
  const std::string bytes = Full().SerializeAsString();
  size_t whole = 0;
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string cut(bytes.data(), size);  // its own memory, for the sanitizer
    if (known_.Only(cut)) ++whole;
  }
  EXPECT_LT(whole, 8u) << "only cuts between two fields of the entry are whole";
  EXPECT_FALSE(known_.Only("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
  EXPECT_FALSE(known_.Only("\x2a\x7f"));  // command: 127 bytes that are not there
}

}  // namespace
}  // namespace kluis::audit::known_fields_test
