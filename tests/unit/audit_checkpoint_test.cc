// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "audit/checkpoint.h"

namespace kluis::audit::checkpoint_test {
namespace {

constexpr auto kMalformed = absl::StatusCode::kInvalidArgument;
constexpr auto kFails = absl::StatusCode::kDataLoss;
constexpr std::string_view kOrigin = "vault.example/audit";
constexpr std::string_view kRoot = "dziFphNIniTOLPdhmdakI/BC5LvxLX7s7pEu8nbGVwE=";

crypto::SigningKey KeyFrom(uint8_t first) {
  std::string seed(32, '\0');
  std::iota(seed.begin(), seed.end(), static_cast<char>(first));
  return *crypto::SigningKey::FromSeed(crypto::SecretBytes::CopyOf(seed));
}

VerifierKey GoldenKey() {
  return *VerifierKey::Parse(
      "vault.example/audit+99f33cb1+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4");
}

Checkpoint Golden() { return {std::string(kOrigin), 1, LeafHash("entry 0")}; }

std::string Text(std::string_view size, std::string_view root = kRoot) {
  return std::string(kOrigin) + "\n" + std::string(size) + "\n" + std::string(root) + "\n";
}

TEST(Checkpoint, IsTheThreeLinesOfTheGoldenLog) {
  EXPECT_EQ(*FormatCheckpoint(Golden()), Text("1"));
  EXPECT_EQ(*ParseCheckpoint(Text("1")), Golden());
}

TEST(Checkpoint, TakesEverySizeInItsOneSpelling) {
  for (const char* size : {"0", "9", "10", "18446744073709551615"}) {
    const absl::StatusOr<Checkpoint> parsed = ParseCheckpoint(Text(size));
    ASSERT_TRUE(parsed.ok()) << size;
    EXPECT_EQ(*FormatCheckpoint(*parsed), Text(size));
  }
  for (const char* size : {"", "00", "01", "+1", "-1", " 1", "1 ", "1.0", "0x1", "1e3",
                           "18446744073709551616", "99999999999999999999999"}) {
    EXPECT_EQ(ParseCheckpoint(Text(size)).status().code(), kMalformed) << size;
  }
}

TEST(Checkpoint, RefusesExtensionLinesAndMissingOnes) {
  const std::string text = Text("1");
  for (const std::string& bad :
       {text + "extension\n", text + "\n", text + "x", text.substr(0, text.size() - 1),
        std::string(), std::string("\n\n\n"), std::string(kOrigin) + "\n1\n", "\n" + text}) {
    EXPECT_EQ(ParseCheckpoint(bad).status().code(), kMalformed) << bad;
  }
}

TEST(Checkpoint, RefusesARootThatIsNotThirtyTwoBytesOfPaddedBase64) {
  for (const char* root : {"", "dziFphNIniTOLPdhmdakI/BC5LvxLX7s7pEu8nbGVwE",
                           "dziFphNIniTOLPdhmdakI/BC5LvxLX7s7pEu8nbGVwF=",
                           "dziFphNIniTOLPdhmdakI_BC5LvxLX7s7pEu8nbGVwE=", "AAAA",
                           "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                           "dziFphNIniTOLPdhmdakI/BC5LvxLX7s7pEu8nbGVwE= "}) {
    EXPECT_EQ(ParseCheckpoint(Text("1", root)).status().code(), kMalformed) << root;
  }
}

TEST(Checkpoint, RefusesAnOriginThatIsNotAPrefixWithoutSchema) {
  for (const char* origin : {"", "https://vault.example/audit", "vault.example/audit/", "/audit",
                             "vault example", "vault+example", "vault\n1", "vault\r"}) {
    EXPECT_EQ(FormatCheckpoint({origin, 1, {}}).status().code(), kMalformed) << origin;
    EXPECT_EQ(
        ParseCheckpoint(std::string(origin) + "\n1\n" + std::string(kRoot) + "\n").status().code(),
        kMalformed)
        << origin;
  }
}

TEST(OpenCheckpoint, OpensWhatSignCheckpointMade) {
  const absl::StatusOr<std::string> note = SignCheckpoint(Golden(), KeyFrom(0));
  ASSERT_TRUE(note.ok());
  const auto opened = OpenCheckpoint(*note, kOrigin, std::vector<VerifierKey>{GoldenKey()});
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->checkpoint, Golden());
  ASSERT_EQ(opened->signatures.size(), 1U);
  EXPECT_EQ(opened->signatures[0].key_id, 0x99f33cb1U);
}

TEST(OpenCheckpoint, RefusesEveryChangedByte) {
  const std::string note = *SignCheckpoint(Golden(), KeyFrom(0));
  const std::vector<VerifierKey> keys = {GoldenKey()};
  for (size_t i = 0; i < note.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = note;
      changed[i] = static_cast<char>(changed[i] ^ 1 << bit);
      ASSERT_FALSE(OpenCheckpoint(changed, kOrigin, keys).ok()) << i;
    }
  }
}

TEST(OpenCheckpoint, RefusesAnotherOrigin) {
  const std::string note = *SignCheckpoint(Golden(), KeyFrom(0));
  const std::vector<VerifierKey> keys = {GoldenKey()};
  EXPECT_EQ(OpenCheckpoint(note, "vault.example/other", keys).status().code(), kMalformed);
  // The log's key may not vouch for another log's checkpoint either.
  const std::string foreign =
      *SignNote("vault.example/other\n1\n" + std::string(kRoot) + "\n", kOrigin, KeyFrom(0));
  EXPECT_EQ(OpenCheckpoint(foreign, kOrigin, keys).status().code(), kMalformed);
  EXPECT_EQ(OpenCheckpoint(foreign, "vault.example/other", keys).status().code(), kFails);
}

TEST(OpenCheckpoint, RefusesAWitnessInPlaceOfTheLog) {
  const std::string text = Text("1");
  const crypto::SigningKey witness = KeyFrom(1);
  const std::string note = *SignNote(text, "witness.example", witness);
  const std::vector<VerifierKey> keys = {
      GoldenKey(),
      *VerifierKey::Create("witness.example", KeyType::kEd25519, witness.public_key())};
  EXPECT_EQ(OpenCheckpoint(note, kOrigin, keys).status().code(), kFails);
  const std::vector<NoteSignature> log = {*SignText(text, kOrigin, KeyFrom(0))};
  const auto opened = OpenCheckpoint(*AddSignatures(note, log), kOrigin, keys);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->signatures.size(), 2U);
}

TEST(OpenCheckpoint, RefusesANoteThatIsNoCheckpoint) {
  const std::string note = *SignNote("hello\n", kOrigin, KeyFrom(0));
  EXPECT_EQ(OpenCheckpoint(note, kOrigin, std::vector<VerifierKey>{GoldenKey()}).status().code(),
            kMalformed);
}

}  // namespace
}  // namespace kluis::audit::checkpoint_test
