// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "audit/witness/add_checkpoint.h"
#include "base/codec.h"

namespace kluis::audit::add_checkpoint_test {
namespace {

constexpr auto kMalformed = absl::StatusCode::kInvalidArgument;

// The example of c2sp.org/tlog-witness, with one of its signature lines.
constexpr std::string_view kCheckpoint =
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "\xE2\x80\x94 example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7"
    "u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
const std::vector<std::string> kProof = {
    "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=", "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=",
    "5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=", "/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0="};

std::string Body(std::string_view old_size, const std::vector<std::string>& proof,
                 std::string_view checkpoint = kCheckpoint) {
  std::string body = "old " + std::string(old_size) + "\n";
  for (const std::string& line : proof) body += line + "\n";
  return body + "\n" + std::string(checkpoint);
}

TEST(AddCheckpoint, ReadsAndWritesTheExampleOfTheSpecification) {
  const absl::StatusOr<AddCheckpointRequest> request = ParseAddCheckpoint(Body("20852014", kProof));
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->old_size, 20852014);
  ASSERT_EQ(request->proof.size(), kProof.size());
  for (size_t i = 0; i < kProof.size(); ++i) {
    EXPECT_EQ(base::ToBase64(crypto::Bytes(request->proof[i])), kProof[i]);
  }
  EXPECT_EQ(request->checkpoint, kCheckpoint);
  EXPECT_EQ(*FormatAddCheckpoint(*request), Body("20852014", kProof));
}

TEST(AddCheckpoint, TakesEveryOldSizeInItsOneSpelling) {
  for (const char* size : {"0", "1", "18446744073709551615"}) {
    EXPECT_TRUE(ParseAddCheckpoint(Body(size, {})).ok()) << size;
  }
  for (const char* size : {"", "00", "01", "-1", "+1", " 1", "1 ", "0x1", "18446744073709551616"}) {
    EXPECT_EQ(ParseAddCheckpoint(Body(size, {})).status().code(), kMalformed) << size;
  }
}

TEST(AddCheckpoint, TakesAtMostSixtyThreeProofLines) {
  std::vector<std::string> proof(kMaxConsistencyLines, kProof[0]);
  absl::StatusOr<AddCheckpointRequest> request = ParseAddCheckpoint(Body("1", proof));
  ASSERT_TRUE(request.ok());
  EXPECT_TRUE(FormatAddCheckpoint(*request).ok());
  request->proof.push_back({});
  EXPECT_EQ(FormatAddCheckpoint(*request).status().code(), kMalformed);
  proof.push_back(kProof[0]);
  EXPECT_EQ(ParseAddCheckpoint(Body("1", proof)).status().code(), kMalformed);
}

TEST(AddCheckpoint, RefusesAProofLineThatIsNotThirtyTwoBytesOfPaddedBase64) {
  for (const char* line : {"AAAA", "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw", " ",
                           "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkax=",
                           "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\r",
                           "_6WVhPs2CwSsb5rYBH5cjHV_wSmA79abXAwhXw3Kj_0="}) {
    EXPECT_EQ(ParseAddCheckpoint(Body("1", {line})).status().code(), kMalformed) << line;
  }
}

TEST(AddCheckpoint, RefusesABodyWithoutItsParts) {
  for (const char* body : {"", "old", "old 1", "old 1\n", "new 1\n\n", "Old 1\n\n", "1\n\n",
                           "old 1\r\n\r\n", "\nold 1\n\n"}) {
    EXPECT_EQ(ParseAddCheckpoint(body).status().code(), kMalformed) << body;
  }
}

TEST(AddCheckpoint, IsAtMostSoLong) {
  const std::string start = Body("1", {}, "");
  const std::string full = start + std::string(kMaxAddCheckpointBytes - start.size(), 'x');
  const absl::StatusOr<AddCheckpointRequest> request = ParseAddCheckpoint(full);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(*FormatAddCheckpoint(*request), full);
  EXPECT_EQ(ParseAddCheckpoint(full + "x").status().code(), kMalformed);
  EXPECT_EQ(FormatAddCheckpoint({1, {}, request->checkpoint + "x"}).status().code(), kMalformed);
}

// The table of sigsum-go, pkg/client/client_test.go, TestProcessConflictResponse.
TEST(TreeSize, IsOneDecimalLine) {
  EXPECT_EQ(*ParseTreeSize("0\n"), 0);
  EXPECT_EQ(*ParseTreeSize("50\n"), 50);
  EXPECT_EQ(*ParseTreeSize(FormatTreeSize(UINT64_MAX)), UINT64_MAX);
  for (const char* bad : {"", "\n", "50", "050\n", "50\n\n", "50\n51\n", "-1\n", " 50\n", "x\n"}) {
    EXPECT_EQ(ParseTreeSize(bad).status().code(), kMalformed) << bad;
  }
}

}  // namespace
}  // namespace kluis::audit::add_checkpoint_test
