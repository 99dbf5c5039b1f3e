// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "audit/note.h"
#include "audit/note_text.h"
#include "base/big_endian.h"
#include "base/codec.h"

namespace kluis::audit::note_test {
namespace {

constexpr auto kMalformed = absl::StatusCode::kInvalidArgument;
constexpr auto kFails = absl::StatusCode::kDataLoss;

// The vector of c2sp.org/signed-note.
constexpr std::string_view kVectorKey =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
constexpr std::string_view kVectorNote =
    "This is an example message.\n\n\xE2\x80\x94 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
    "\n";

crypto::SigningKey KeyFrom(uint8_t first) {
  std::string seed(32, '\0');
  std::iota(seed.begin(), seed.end(), static_cast<char>(first));
  return *crypto::SigningKey::FromSeed(crypto::SecretBytes::CopyOf(seed));
}

VerifierKey VerifierOf(std::string_view name, const crypto::SigningKey& key) {
  return *VerifierKey::Create(name, KeyType::kEd25519, key.public_key());
}

absl::StatusCode Open(std::string_view note, const std::vector<VerifierKey>& keys) {
  const absl::StatusOr<Note> parsed = ParseNote(note);
  if (!parsed.ok()) return parsed.status().code();
  return VerifyNote(*parsed, keys).status().code();
}

TEST(VerifierKey, ReadsAndPrintsThePublishedKey) {
  const absl::StatusOr<VerifierKey> key = VerifierKey::Parse(kVectorKey);
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(key->name(), "example.com/foo");
  EXPECT_EQ(key->id(), 0x530d903aU);
  EXPECT_EQ(key->type(), KeyType::kEd25519);
  EXPECT_EQ(key->ToString(), kVectorKey);
}

TEST(VerifierKey, OfTheGoldenSeedIsThePublishedOne) {
  EXPECT_EQ(VerifierOf("vault.example/audit", KeyFrom(0)).ToString(),
            "vault.example/audit+99f33cb1+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4");
}

TEST(VerifierKey, RefusesEveryChangedByte) {
  for (size_t i = 0; i < kVectorKey.size(); ++i) {
    for (int mask = 1; mask < 256; ++mask) {
      std::string text(kVectorKey);
      text[i] = static_cast<char>(text[i] ^ mask);
      EXPECT_EQ(VerifierKey::Parse(text).status().code(), kMalformed) << text;
    }
  }
}

TEST(VerifierKey, RefusesOtherForms) {
  const crypto::PublicKey key = KeyFrom(0).public_key();
  const std::string base64 = base::ToBase64(std::string("\x01", 1) + std::string(31, 'k'));
  for (const std::string& text :
       {std::string(), std::string("name"), std::string("name+00000000"), std::string("++"),
        "name+00000000+" + base64, std::string(kVectorKey) + "\n", " " + std::string(kVectorKey)}) {
    EXPECT_EQ(VerifierKey::Parse(text).status().code(), kMalformed) << text;
  }
  for (const char* name : {"", "a b", "a+b", "a\nb", "a\xC2\xA0z", "a\xFFz"}) {
    EXPECT_EQ(VerifierKey::Create(name, KeyType::kEd25519, key).status().code(), kMalformed);
  }
}

TEST(VerifierKey, OfTypeFourVerifiesATimedCosignature) {
  const crypto::SigningKey key = KeyFrom(7);
  const VerifierKey witness =
      *VerifierKey::Create("witness.example", KeyType::kEd25519Cosignature, key.public_key());
  EXPECT_EQ(*VerifierKey::Parse(witness.ToString()), witness);
  const crypto::Signature ed25519 = key.Sign("cosignature/v1\ntime 1700000000\ntext\n");
  const std::string signature =
      base::BigEndian(1700000000, 8) + std::string(crypto::Bytes(ed25519));
  EXPECT_TRUE(witness.Verifies("text\n", signature));
  EXPECT_FALSE(witness.Verifies("other\n", signature));
  EXPECT_FALSE(witness.Verifies("text\n", base::BigEndian(1700000001, 8) + signature.substr(8)));
  EXPECT_FALSE(witness.Verifies("text\n", signature.substr(8)));
  EXPECT_FALSE(witness.Verifies("text\n", ""));
}

TEST(Note, VerifiesThePublishedVector) {
  const absl::StatusOr<Note> note = ParseNote(kVectorNote);
  ASSERT_TRUE(note.ok());
  EXPECT_EQ(note->text, "This is an example message.\n");
  EXPECT_EQ(*FormatNote(*note), kVectorNote);
  const std::vector<VerifierKey> keys = {*VerifierKey::Parse(kVectorKey)};
  const auto verified = VerifyNote(*note, keys);
  ASSERT_TRUE(verified.ok());
  EXPECT_EQ(*verified, note->signatures);
}

// No byte of the vector may have any other value: each is text, name, key id or signature, or the
// framing around them, and base64 has one spelling.
TEST(Note, OfThePublishedVectorFailsWhenAnyByteHasAnyOtherValue) {
  const std::vector<VerifierKey> keys = {*VerifierKey::Parse(kVectorKey)};
  for (size_t i = 0; i < kVectorNote.size(); ++i) {
    for (int mask = 1; mask < 256; ++mask) {
      std::string note(kVectorNote);
      note[i] = static_cast<char>(note[i] ^ mask);
      const absl::StatusCode code = Open(note, keys);
      ASSERT_TRUE(code == kMalformed || code == kFails) << i << " " << mask;
    }
  }
}

TEST(Note, OfThePublishedVectorFailsWhenCutOrWhenAByteIsAddedOrRemoved) {
  const std::vector<VerifierKey> keys = {*VerifierKey::Parse(kVectorKey)};
  for (size_t i = 0; i < kVectorNote.size(); ++i) {
    EXPECT_NE(Open(kVectorNote.substr(0, i), keys), absl::StatusCode::kOk) << i;
    EXPECT_NE(Open(std::string(kVectorNote).erase(i, 1), keys), absl::StatusCode::kOk) << i;
    for (const char c : {'\n', ' ', 'A', '='}) {
      EXPECT_NE(Open(std::string(kVectorNote).insert(i, 1, c), keys), absl::StatusCode::kOk) << i;
    }
  }
}

TEST(Note, SignedIsVerified) {
  const crypto::SigningKey key = KeyFrom(0);
  const absl::StatusOr<std::string> note = SignNote("one\n\ntwo\n", "log.example", key);
  ASSERT_TRUE(note.ok());
  EXPECT_EQ(Open(*note, {VerifierOf("log.example", key)}), absl::StatusCode::kOk);
  EXPECT_EQ(ParseNote(*note)->text, "one\n\ntwo\n");
}

TEST(Note, IgnoresLinesOfUnknownKeysButNeedsAKnownOne) {
  const crypto::SigningKey log = KeyFrom(0);
  const crypto::SigningKey other = KeyFrom(1);
  const std::string note = *SignNote("text\n", "log.example", log);
  const NoteSignature garbage{"log.example", 0x01020304, "not a signature"};
  const std::string both = *AddSignatures(note, std::vector<NoteSignature>{garbage});
  EXPECT_EQ(Open(both, {VerifierOf("log.example", log)}), absl::StatusCode::kOk);
  EXPECT_EQ(Open(both, {VerifierOf("log.example", other)}), kFails);
  EXPECT_EQ(Open(both, {VerifierOf("another.example", log)}), kFails);
  EXPECT_EQ(Open(both, {}), kFails);
}

TEST(Note, IsRejectedAsAWholeWhenOneKnownKeyFails) {
  const crypto::SigningKey log = KeyFrom(0);
  const crypto::SigningKey witness = KeyFrom(1);
  const std::string note = *SignNote("text\n", "log.example", log);
  const NoteSignature of_other_text = *SignText("other\n", "witness.example", witness);
  const std::string both = *AddSignatures(note, std::vector<NoteSignature>{of_other_text});
  const VerifierKey log_key = VerifierOf("log.example", log);
  EXPECT_EQ(Open(both, {log_key}), absl::StatusCode::kOk);
  EXPECT_EQ(Open(both, {log_key, VerifierOf("witness.example", witness)}), kFails);
}

TEST(Note, CountsAKeyOnceHoweverOftenItSigned) {
  const crypto::SigningKey key = KeyFrom(7);
  const std::vector<VerifierKey> keys = {
      *VerifierKey::Create("witness.example", KeyType::kEd25519Cosignature, key.public_key())};
  Note note{"text\n", {}};
  for (const uint64_t time : {1, 2}) {
    const crypto::Signature ed25519 = key.Sign(CosignatureMessage(time, note.text));
    note.signatures.push_back({keys[0].name(), keys[0].id(),
                               base::BigEndian(time, 8) + std::string(crypto::Bytes(ed25519))});
  }
  const auto verified = VerifyNote(note, keys);
  ASSERT_TRUE(verified.ok());
  EXPECT_EQ(*verified, std::vector<NoteSignature>{note.signatures[0]});
  note.signatures[1].signature.back() ^= 1;
  EXPECT_EQ(VerifyNote(note, keys).status().code(), kFails);
}

TEST(Note, RefusesTwoKnownKeysOfOneNameAndId) {
  const std::vector<VerifierKey> keys(2, *VerifierKey::Parse(kVectorKey));
  EXPECT_EQ(Open(kVectorNote, keys), kMalformed);
}

TEST(Note, TakesUpToTheBoundOfSignatures) {
  const crypto::SigningKey key = KeyFrom(0);
  Note note{"text\n", {}};
  for (uint32_t i = 0; i + 1 < kMaxNoteSignatures; ++i) {
    note.signatures.push_back({"other.example", i, "signature"});
  }
  note.signatures.push_back(*SignText(note.text, "log.example", key));
  EXPECT_GE(note.signatures.size(), 16U);
  const absl::StatusOr<std::string> full = FormatNote(note);
  ASSERT_TRUE(full.ok());
  EXPECT_EQ(Open(*full, {VerifierOf("log.example", key)}), absl::StatusCode::kOk);
  const NoteSignature one_more{"other.example", 99, "signature"};
  EXPECT_EQ(AddSignatures(*full, std::vector<NoteSignature>{one_more}).status().code(), kMalformed);
  EXPECT_EQ(ParseNote(*full + FormatSignatureLine(one_more)).status().code(), kMalformed);
}

TEST(Note, DoesNotRepeatALineThatIsAlreadyThere) {
  const Note note = *ParseNote(kVectorNote);
  EXPECT_EQ(*AddSignatures(kVectorNote, note.signatures), kVectorNote);
}

TEST(Note, RefusesBadSignatureLines) {
  const std::string dash = "\xE2\x80\x94 ";
  const std::string good = FormatSignatureLine({"name", 1, "s"});
  ASSERT_TRUE(ParseNote("text\n\n" + good).ok());
  EXPECT_EQ(ParseSignatureLine(good)->key_id, 1U);
  for (const std::string& line :
       {std::string(), std::string("\n"), std::string("- name AAAAAXM=\n"),
        std::string("\xE2\x80\x94name AAAAAXM=\n"), dash + "AAAAAXM=\n", dash + " AAAAAXM=\n",
        dash + "name AAAAAXM\n", dash + "name AAAAAXN=\n", dash + "name AAAAAQ==\n",
        dash + "name  AAAAAXM=\n", dash + "name AAAAAXM= \n", dash + "name AAAAAXM=\r\n",
        dash + "na+me AAAAAXM=\n", dash + "name AAAAAXM="}) {
    EXPECT_EQ(ParseNote("text\n\n" + line).status().code(), kMalformed) << line;
    EXPECT_EQ(ParseNote("text\n\n" + good + line).ok(), line.empty()) << line;
  }
}

TEST(Note, RefusesATextThatIsNotClean) {
  const crypto::SigningKey key = KeyFrom(0);
  for (const std::string& text :
       {std::string(), std::string("no newline"), std::string("tab\t\n"), std::string("cr\r\n"),
        std::string("nul\0\n", 5), std::string("del\x7F\n"), std::string("c1\xC2\x85\n"),
        std::string("latin\xE9\n"), std::string("overlong\xC0\x8A\n"),
        std::string("surrogate\xED\xA0\x80\n"), std::string("beyond\xF4\x90\x80\x80\n"),
        std::string("cut\xE2\x80\n")}) {
    EXPECT_FALSE(IsNoteText(text));
    EXPECT_EQ(SignNote(text, "log.example", key).status().code(), kMalformed);
    EXPECT_EQ(ParseNote(text + "\n" + FormatSignatureLine({"name", 1, "s"})).status().code(),
              kMalformed);
  }
  EXPECT_TRUE(IsNoteText("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x94\x92\n"));
}

TEST(Note, RefusesANoteOverTheBound) {
  const std::string text(kMaxNoteBytes, 'a');
  EXPECT_EQ(SignNote(text + "\n", "log.example", KeyFrom(0)).status().code(), kMalformed);
}

}  // namespace
}  // namespace kluis::audit::note_test
