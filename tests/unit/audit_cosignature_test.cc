// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "audit/note.h"
#include "audit/witness/cosignature.h"

namespace kluis::audit::cosignature_test {
namespace {

constexpr auto kMalformed = absl::StatusCode::kInvalidArgument;
constexpr auto kFails = absl::StatusCode::kDataLoss;

// The published vector of another implementation: sigsum-go, pkg/checkpoint/checkpoint_test.go,
// TestCheckpointVerifyCosignatureByKey, with the seed, text, name and time that made it.
constexpr std::string_view kText =
    "example.org/log\n10\nHA5HAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
constexpr std::string_view kName = "example.org/witness";
constexpr uint64_t kTime = 1234;
constexpr std::string_view kLine =
    "\xE2\x80\x94 example.org/witness ys8uUAAAAAAAAATSftMzceM8zssdZ9jin9SjwIxzx9iADMf63VqirX2hafol9"
    "RsqNqbofIz0LVRqHXI2kpEBSki5RTXFtxz1vo9+Cg==\n";
// Of the same test: another key id, another name, another length.
constexpr std::string_view kOtherId =
    "\xE2\x80\x94 example.org/witness yX8uUAAAAAAAAATSftMzceM8zssdZ9jin9SjwIxzx9iADMf63VqirX2hafol9"
    "RsqNqbofIz0LVRqHXI2kpEBSki5RTXFtxz1vo9+Cg==\n";
constexpr std::string_view kOtherName =
    "\xE2\x80\x94 example.org/witness-2 ys8uUAAAAAAAAATSftMzceM8zssdZ9jin9SjwIxzx9iADMf63VqirX2hafo"
    "l9RsqNqbofIz0LVRqHXI2kpEBSki5RTXFtxz1vo9+Cg==\n";
constexpr std::string_view kOtherLength =
    "\xE2\x80\x94 example.org/witness ys8uUAAAAAAAAATSftMzceM8zssdZ9jin9SjwIxzx9iADMf63VqirX2hafol9"
    "RsqNqbofIz0LVRqHXI2kpEBSki5RTXFtxz1vo9+CgXX\n";

crypto::SigningKey KeyOf(char first) {
  std::string seed(32, '\0');
  seed[0] = first;
  return *crypto::SigningKey::FromSeed(crypto::SecretBytes::CopyOf(seed));
}

VerifierKey WitnessKey() {
  return *VerifierKey::Create(kName, KeyType::kEd25519Cosignature, KeyOf(17).public_key());
}

std::vector<NoteSignature> Lines(std::string_view lines) { return *ParseSignatureLines(lines); }

TEST(Cosignature, IsTheOneThatAnotherImplementationPublished) {
  const absl::StatusOr<NoteSignature> signature = CosignText(kText, kName, KeyOf(17), kTime);
  ASSERT_TRUE(signature.ok());
  EXPECT_EQ(FormatSignatureLine(*signature), kLine);
  EXPECT_EQ(*CosignatureTime(*signature), kTime);
}

TEST(Cosignature, OfItsExampleHasTheTimeThatTheSpecificationNames) {
  const std::vector<NoteSignature> lines = Lines(
      "\xE2\x80\x94 witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZC"
      "B9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n");
  EXPECT_EQ(*CosignatureTime(lines[0]), 1679315147);
}

TEST(Cosignature, IsFoundAmongLinesOfOthers) {
  const std::string lines = std::string(kOtherId) + std::string(kOtherName) + std::string(kLine);
  const absl::StatusOr<NoteSignature> found = FindCosignature(Lines(lines), kText, WitnessKey());
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(FormatSignatureLine(*found), kLine);
}

TEST(Cosignature, IsNotFoundUnderAnotherNameOrKeyId) {
  const std::string lines = std::string(kOtherId) + std::string(kOtherName);
  EXPECT_TRUE(absl::IsNotFound(FindCosignature(Lines(lines), kText, WitnessKey()).status()));
}

TEST(Cosignature, OfAnotherLengthIsRefused) {
  EXPECT_EQ(FindCosignature(Lines(kOtherLength), kText, WitnessKey()).status().code(), kMalformed);
}

TEST(Cosignature, FailsForEveryChangedBit) {
  const NoteSignature good = Lines(kLine)[0];
  for (size_t bit = 0; bit < good.signature.size() * 8; ++bit) {
    NoteSignature bad = good;
    bad.signature[bit / 8] = static_cast<char>(bad.signature[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(FindCosignature({bad}, kText, WitnessKey()).ok()) << bit;
  }
  for (size_t bit = 0; bit < kText.size() * 8; ++bit) {
    std::string bad(kText);
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    EXPECT_EQ(FindCosignature({good}, bad, WitnessKey()).status().code(), kFails) << bit;
  }
}

TEST(Cosignature, IsNotAPlainSignatureOfTheSameKey) {
  const NoteSignature plain = *SignText(kText, kName, KeyOf(17));
  EXPECT_TRUE(absl::IsNotFound(FindCosignature({plain}, kText, WitnessKey()).status()));
  const VerifierKey log_key =
      *VerifierKey::Create(kName, KeyType::kEd25519, KeyOf(17).public_key());
  EXPECT_EQ(FindCosignature({plain}, kText, log_key).status().code(), kMalformed);
}

TEST(Cosignature, TakesTimesUpToTheSpecificationsLimit) {
  for (const uint64_t time : {uint64_t{0}, uint64_t{1}, kMaxCosignatureTime}) {
    const absl::StatusOr<NoteSignature> signature = CosignText(kText, kName, KeyOf(17), time);
    ASSERT_TRUE(signature.ok()) << time;
    EXPECT_EQ(*CosignatureTime(*signature), time);
    EXPECT_TRUE(FindCosignature({*signature}, kText, WitnessKey()).ok()) << time;
  }
  EXPECT_EQ(CosignText(kText, kName, KeyOf(17), kMaxCosignatureTime + 1).status().code(),
            kMalformed);
  NoteSignature late = Lines(kLine)[0];
  late.signature[0] = '\x80';
  EXPECT_EQ(CosignatureTime(late).status().code(), kMalformed);
  EXPECT_EQ(FindCosignature({late}, kText, WitnessKey()).status().code(), kMalformed);
}

TEST(Cosignature, RefusesATextOrANameThatNoNoteMayHold) {
  EXPECT_EQ(CosignText("no newline", kName, KeyOf(17), kTime).status().code(), kMalformed);
  EXPECT_EQ(CosignText("", kName, KeyOf(17), kTime).status().code(), kMalformed);
  EXPECT_EQ(CosignText(kText, "a+b", KeyOf(17), kTime).status().code(), kMalformed);
}

TEST(SignatureLines, RefuseEverythingButWholeLines) {
  const std::string line(kLine);
  EXPECT_EQ(Lines(line + line).size(), 2);
  for (const std::string& bad :
       {std::string(), std::string("\n"), line.substr(0, line.size() - 1), line + "\n", "\n" + line,
        line + "text\n", std::string("200 OK\n"), std::string(10, '\0')}) {
    EXPECT_EQ(ParseSignatureLines(bad).status().code(), kMalformed) << bad;
  }
}

TEST(SignatureLines, AreAtMostAsManyAsANoteMayHave) {
  std::string lines;
  for (size_t i = 0; i < kMaxNoteSignatures; ++i) lines += kLine;
  EXPECT_EQ(Lines(lines).size(), kMaxNoteSignatures);
  EXPECT_EQ(ParseSignatureLines(lines + std::string(kLine)).status().code(), kMalformed);
}

}  // namespace
}  // namespace kluis::audit::cosignature_test
