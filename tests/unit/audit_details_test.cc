// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <span>
#include <string>

#include "audit/details.h"
#include "audit/statement.h"
#include "base/codec.h"
#include "crypto/derive.h"
#include "crypto/random.h"

namespace kluis::audit::details_test {
namespace {

v1::CaseDetails ACase() {
  v1::CaseDetails details;
  details.set_reference("2026-4711");
  details.set_matter_description("man, about 70");
  details.set_necessity("Nobody knows him.");
  return details;
}

constexpr char kJson[] =
    R"({"reference":"2026-4711","matter_description":"man, about 70","necessity":"Nobody knows him."})";

// Committed to as it is, whatever it says.
Details Of(const std::string& payload) {
  const std::string nonce = crypto::RandomBytes(kDetailsNonceBytes);
  const std::span<const uint8_t, kDetailsNonceBytes> key(
      reinterpret_cast<const uint8_t*>(nonce.data()), kDetailsNonceBytes);
  return {payload, nonce, base::ToHex(crypto::Bytes(crypto::Commit(key, payload)))};
}

TEST(Details, AreReadAsTheyWereMade) {
  const auto made = MakeDetails(ACase());
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->payload, kJson);
  EXPECT_EQ(made->nonce.size(), kDetailsNonceBytes);
  EXPECT_EQ(made->commitment.size(), 64u);
  v1::CaseDetails read;
  ASSERT_TRUE(ReadDetails(*made, read).ok());
  EXPECT_EQ(read.SerializeAsString(), ACase().SerializeAsString());
}

TEST(Details, AreCommittedToUnderAnotherNonceEachTime) {
  const auto first = MakeDetails(ACase());
  const auto second = MakeDetails(ACase());
  EXPECT_NE(first->nonce, second->nonce);
  EXPECT_NE(first->commitment, second->commitment);
}

TEST(Details, DoNotOpenWithAnyByteChanged) {
  const Details made = *MakeDetails(ACase());
  v1::CaseDetails read;
  for (std::string Details::*part : {&Details::payload, &Details::nonce, &Details::commitment}) {
    for (size_t i = 0; i < (made.*part).size(); ++i) {
      Details altered = made;
      (altered.*part)[i] ^= 1;
      const absl::Status status = ReadDetails(altered, read);
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
      EXPECT_NE(status.message().find("commits to"), std::string::npos) << status;
    }
  }
}

TEST(Details, TakeANonceOf32Bytes) {
  Details made = *MakeDetails(ACase());
  v1::CaseDetails read;
  for (const std::string& nonce : {std::string(), made.nonce.substr(1), made.nonce + "x"}) {
    Details altered = made;
    altered.nonce = nonce;
    EXPECT_NE(ReadDetails(altered, read).message().find("32 bytes"), std::string::npos);
  }
}

TEST(Details, AreReadAsStrictlyAsStatements) {
  v1::CaseDetails read;
  EXPECT_TRUE(ReadDetails(Of(R"({"reference":"1"})"), read).ok());
  EXPECT_TRUE(ReadDetails(Of("{}"), read).ok());
  for (const char* json :
       {"", "[]", "{", R"({"reference":"1","reference":"1"})", R"({"reference":""})",
        R"({"reference":1})", R"({"ref":"1"})", R"({"matterDescription":"x"})",
        R"({"reference":null})", R"({"reasons":"x"})"}) {
    const absl::Status status = ReadDetails(Of(json), read);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << json;
    EXPECT_EQ(status.message().find("details: "), 0u) << status;
  }
  const std::string longest(8'000, 'n');
  EXPECT_TRUE(ReadDetails(Of("{\"necessity\":\"" + longest + "\"}"), read).ok());
  EXPECT_FALSE(ReadDetails(Of("{\"necessity\":\"" + longest + "n\"}"), read).ok());
}

TEST(NecessityEssence, IsOneWhateverCaseSpacingAndPunctuation) {
  EXPECT_EQ(NecessityEssence("  Nobody\tknows, him. "), "nobodyknowshim");
  EXPECT_EQ(NecessityEssence("NOBODY knows him"), NecessityEssence("nobody-knows him!"));
  EXPECT_NE(NecessityEssence("nobody knows him 1"), NecessityEssence("nobody knows him 2"));
  EXPECT_EQ(NecessityEssence("\xc3\xa9t\xc3\xa9"), "\xc3\xa9t\xc3\xa9");
  EXPECT_EQ(NecessityEssence(" .\n"), "");
}

TEST(SetDetails, SaysWhatIsThereAndCountsWhatIsNoWhiteSpace) {
  v1::OpenCase open;
  SetDetails(ACase(), open);
  EXPECT_TRUE(open.reference_given());
  EXPECT_TRUE(open.description_given());
  EXPECT_EQ(open.necessity_characters(), 15u);
  v1::CaseDetails details;
  details.set_necessity(std::string(10'000, ' ') + "\t\n\xc3\xa9\xe2\x82\xac");
  SetDetails(details, open);
  EXPECT_FALSE(open.reference_given());
  EXPECT_FALSE(open.description_given());
  EXPECT_EQ(open.necessity_characters(), 2u);

  v1::RefuseWarrant refuse;
  v1::RefusalDetails reasons;
  reasons.set_reasons("Less would do.");
  SetDetails(reasons, refuse);
  EXPECT_TRUE(refuse.reasons_given());
  SetDetails(v1::RefusalDetails(), refuse);
  EXPECT_FALSE(refuse.reasons_given());
}

}  // namespace
}  // namespace kluis::audit::details_test
