// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "audit/proof_file.h"
#include "audit/proofs.h"
#include "base/big_endian.h"
#include "base/codec.h"

namespace kluis::audit::proof_file_test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr char kOrigin[] = "vault.example/audit";
constexpr uint64_t kSize = 300;
constexpr uint64_t kIndex = 17;
constexpr uint64_t kTime = 1'700'000'000;

// A log of `entry <i>`, its key, and a witness.
class ProofFileTest : public testing::Test {
 protected:
  ProofFileTest()
      : signer_(crypto::SigningKey::Generate()), witness_(crypto::SigningKey::Generate()) {
    for (uint64_t i = 0; i < kSize; ++i) leaves_.push_back(LeafHash(absl::StrCat("entry ", i)));
    note_ = *SignCheckpoint({kOrigin, kSize, RootOf(leaves_)}, signer_);
  }

  absl::StatusOr<Hash> Read(uint32_t level, uint64_t index) const {
    const size_t width = size_t{1} << level;
    return RootOf(std::span(leaves_).subspan(index * width, width));
  }

  ProofFile Proof(uint64_t index = kIndex) const {
    const auto read = [this](uint32_t level, uint64_t i) { return Read(level, i); };
    return {"", index, *ProveInclusion(index, kSize, read), note_};
  }

  VerifierKey LogKey() const {
    return *VerifierKey::Create(kOrigin, KeyType::kEd25519, signer_.public_key());
  }

  VerifierKey WitnessKey(const std::string& name = "witness.example") const {
    return *VerifierKey::Create(name, KeyType::kEd25519Cosignature, witness_.public_key());
  }

  std::string Cosigned(const std::string& name = "witness.example") const {
    const Note note = *ParseNote(note_);
    const auto signature = witness_.Sign(CosignatureMessage(kTime, note.text));
    const std::string bytes =
        base::BigEndian(kTime, 8) + std::string(signature.begin(), signature.end());
    const std::vector<NoteSignature> lines = {{name, WitnessKey(name).id(), bytes}};
    return *AddSignatures(note_, lines);
  }

  absl::Status Verify(const ProofFile& proof, const Hash& leaf) const {
    return VerifyProofFile(proof, leaf, LogKey(), {}, 0).status();
  }

  std::vector<Hash> leaves_;
  crypto::SigningKey signer_;
  crypto::SigningKey witness_;
  std::string note_;
};

// The layout of the example in c2sp.org/tlog-proof, with signatures that are whole.
TEST_F(ProofFileTest, WritesTheLinesOfTheSpecification) {
  ProofFile proof = Proof();
  proof.extra = "age-v1.2.1";
  const std::string text = *FormatProofFile(proof);
  EXPECT_THAT(text, StartsWith("c2sp.org/tlog-proof@v1\nextra YWdlLXYxLjIuMQ==\nindex 17\n"));
  EXPECT_THAT(text, HasSubstr(absl::StrCat(base::ToBase64(crypto::Bytes(proof.hashes.back())),
                                           "\n\n", kOrigin, "\n300\n")));
  EXPECT_TRUE(text.ends_with(note_));
}

TEST_F(ProofFileTest, ReadsWhatItWroteForEveryIndex) {
  for (uint64_t index = 0; index < kSize; ++index) {
    const ProofFile proof = Proof(index);
    const absl::StatusOr<ProofFile> read = ParseProofFile(*FormatProofFile(proof));
    ASSERT_TRUE(read.ok()) << index << ": " << read.status();
    EXPECT_EQ(*read, proof);
    EXPECT_TRUE(Verify(*read, leaves_[index]).ok()) << index;
  }
}

TEST_F(ProofFileTest, ProvesTheOnlyEntryWithoutAHash) {
  const Hash leaf = LeafHash("alone");
  const ProofFile proof{"", 0, {}, *SignCheckpoint({kOrigin, 1, leaf}, signer_)};
  const absl::StatusOr<ProofFile> read = ParseProofFile(*FormatProofFile(proof));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(Verify(*read, leaf).ok());
  EXPECT_FALSE(Verify(*read, LeafHash("another")).ok());
}

TEST_F(ProofFileTest, AnyFlippedBitIsMalformedOrDoesNotVerify) {
  const std::string text = *FormatProofFile(Proof());
  for (size_t i = 0; i < text.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = text;
      changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
      const absl::StatusOr<ProofFile> read = ParseProofFile(changed);
      EXPECT_FALSE(read.ok() && Verify(*read, leaves_[kIndex]).ok()) << i << " bit " << bit;
    }
  }
}

TEST_F(ProofFileTest, AnyCutIsMalformed) {
  const std::string text = *FormatProofFile(Proof());
  for (size_t kept = 0; kept < text.size(); ++kept) {
    EXPECT_FALSE(ParseProofFile(text.substr(0, kept)).ok()) << kept;
  }
  EXPECT_FALSE(ParseProofFile(text + "\n").ok());
}

TEST_F(ProofFileTest, RefusesASecondSpelling) {
  const std::string text = *FormatProofFile(Proof());
  const std::string hash = base::ToBase64(crypto::Bytes(Proof().hashes[0]));
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"index 17\n", "index 017\n"},
           {"index 17\n", "index +17\n"},
           {"index 17\n", "index 17 \n"},
           {"index 17\n", "index  17\n"},
           {"index 17\n", "Index 17\n"},
           {"index 17\n", "index 300\n"},
           {"index 17\n", "index 18446744073709551616\n"},
           {"index 17\n", "extra \nindex 17\n"},
           {"index 17\n", "extra YQ\nindex 17\n"},
           {"index 17\n", "extra YR==\nindex 17\n"},
           {"index 17\n", "extra YQ==\nextra YQ==\nindex 17\n"},
           {"index 17\n", "index 17\nextra YQ==\n"},
           {"index 17\n", "index 17\n\n"},
           {"@v1\n", "@v1\r\n"},
           {"@v1\n", "@v2\n"},
           {hash + "\n", hash.substr(0, hash.size() - 1) + "\n"},
           {hash + "\n", hash + " \n"},
           {hash + "\n", "YQ==\n"},
       }) {
    const std::string changed = absl::StrReplaceAll(text, {{from, to}});
    ASSERT_NE(changed, text);
    EXPECT_EQ(ParseProofFile(changed).status().code(), absl::StatusCode::kInvalidArgument) << to;
  }
}

TEST_F(ProofFileTest, RefusesMoreHashesThanATreeCanHave) {
  ProofFile proof = Proof();
  proof.hashes.resize(kMaxProofHashes + 1);
  EXPECT_FALSE(FormatProofFile(proof).ok());
  proof.hashes.resize(kMaxProofHashes);
  std::string text = *FormatProofFile(proof);
  const std::string hash = base::ToBase64(crypto::Bytes(Hash{})) + "\n";
  text.replace(text.find(hash), 0, hash);
  EXPECT_FALSE(ParseProofFile(text).ok());
}

TEST_F(ProofFileTest, RefusesAProofThatIsTooLongOrTooShort) {
  for (const int change : {-1, 1}) {
    ProofFile proof = Proof();
    proof.hashes.resize(static_cast<size_t>(static_cast<int>(proof.hashes.size()) + change));
    EXPECT_EQ(Verify(proof, leaves_[kIndex]).code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(ProofFileTest, RefusesAnotherEntryIndexAndKey) {
  EXPECT_EQ(Verify(Proof(), leaves_[kIndex + 1]).code(), absl::StatusCode::kDataLoss);
  ProofFile moved = Proof();
  moved.index = kIndex + 1;
  EXPECT_EQ(Verify(moved, leaves_[kIndex]).code(), absl::StatusCode::kDataLoss);
  const auto stranger = *VerifierKey::Create(kOrigin, KeyType::kEd25519, witness_.public_key());
  EXPECT_EQ(VerifyProofFile(Proof(), leaves_[kIndex], stranger, {}, 0).status().code(),
            absl::StatusCode::kDataLoss);
  const auto renamed =
      *VerifierKey::Create("other.example/audit", KeyType::kEd25519, signer_.public_key());
  EXPECT_FALSE(VerifyProofFile(Proof(), leaves_[kIndex], renamed, {}, 0).ok());
}

TEST_F(ProofFileTest, DoesNotAuthenticateTheExtraLine) {
  ProofFile proof = Proof();
  proof.extra = "anything";
  EXPECT_TRUE(Verify(proof, leaves_[kIndex]).ok());
}

TEST_F(ProofFileTest, CountsTheWitnessesThatCosigned) {
  ProofFile proof = Proof();
  const std::vector<VerifierKey> one = {WitnessKey()};
  EXPECT_EQ(VerifyProofFile(proof, leaves_[kIndex], LogKey(), one, 0)->witnesses, 0U);
  EXPECT_EQ(VerifyProofFile(proof, leaves_[kIndex], LogKey(), one, 1).status().code(),
            absl::StatusCode::kDataLoss);
  proof.checkpoint = Cosigned();
  EXPECT_EQ(VerifyProofFile(proof, leaves_[kIndex], LogKey(), one, 1)->witnesses, 1U);
  EXPECT_EQ(VerifyProofFile(proof, leaves_[kIndex], LogKey(), one, 2).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ProofFileTest, CountsAWitnessWithTwoNamesOnce) {
  ProofFile proof = Proof();
  const Note second = *ParseNote(Cosigned("second.example"));
  proof.checkpoint = *AddSignatures(Cosigned(), second.signatures);
  const std::vector<VerifierKey> both = {WitnessKey(), WitnessKey("second.example")};
  EXPECT_EQ(VerifyProofFile(proof, leaves_[kIndex], LogKey(), both, 2).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(ProofFileTest, RefusesACosignatureThatDoesNotVerify) {
  ProofFile proof = Proof();
  Note note = *ParseNote(Cosigned());
  note.signatures.back().signature[0] ^= 1;  // its time
  proof.checkpoint = *FormatNote(note);
  const std::vector<VerifierKey> one = {WitnessKey()};
  EXPECT_EQ(VerifyProofFile(proof, leaves_[kIndex], LogKey(), one, 0).status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace kluis::audit::proof_file_test
