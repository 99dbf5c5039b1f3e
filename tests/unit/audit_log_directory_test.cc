// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "audit/log/log_directory.h"
#include "audit/merkle.h"
#include "audit/note.h"
#include "audit/tiles.h"
#include "base/big_endian.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::audit::log_directory_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char kOrigin[] = "vault.example/audit";
constexpr uint64_t kSize = 600;  // bundles of 256, 256 and 88 entries

v1::Entry MakeEntry(uint64_t index) {
  v1::Entry entry;
  entry.set_version(1);
  entry.set_decided_at(1'000'000 + static_cast<int64_t>(index));
  entry.set_kind(index % 3 == 0 ? v1::LOG_KIND_COMBINATION : v1::LOG_KIND_COLLECTION);
  entry.mutable_command()->set_method("Identify");
  entry.mutable_decision()->set_allowed(index % 4 != 0);
  if (index % 4 == 0) entry.mutable_decision()->set_reason("BUDGET_SPENT");
  return entry;
}

std::vector<std::string> MakeEntries(uint64_t count = kSize) {
  std::vector<std::string> entries;
  for (uint64_t i = 0; i < count; ++i) entries.push_back(MakeEntry(i).SerializeAsString());
  return entries;
}

class LogDirectoryTest : public testing::Test {
 protected:
  LogDirectoryTest() : signer_(crypto::SigningKey::Generate()) {}

  VerifierKey Key() const {
    return *VerifierKey::Create(kOrigin, KeyType::kEd25519, signer_.public_key());
  }

  void Write(const std::string& name, const std::string& bytes) const {
    const std::filesystem::path path = scratch_.path() + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
  }

  std::string Read(const std::string& name) const {
    std::ifstream stream(scratch_.path() + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }

  void WriteCheckpoint(const std::vector<std::string>& entries) const {
    MerkleFrontier tree;
    for (const std::string& entry : entries) tree.Append(LeafHash(entry));
    Write("checkpoint", *SignCheckpoint({kOrigin, tree.size(), tree.Root()}, signer_));
  }

  void WriteBundles(const std::vector<std::string>& entries) const {
    for (uint64_t n = 0; n * kTileWidth < entries.size(); ++n) {
      const uint32_t width = TileWidthAt(0, n, entries.size());
      const auto first = entries.begin() + static_cast<std::ptrdiff_t>(n * kTileWidth);
      Write(*TilePath({true, 0, n, width}),
            *EncodeEntryBundle(std::vector<std::string>(first, first + width)));
    }
  }

  // The tiles of all levels, by the definition: not as TileWriter makes them.
  void WriteHashes(const std::vector<std::string>& entries) const {
    std::vector<Hash> hashes;
    for (const std::string& entry : entries) hashes.push_back(LeafHash(entry));
    for (uint32_t level = 0; !hashes.empty(); ++level) {
      std::vector<Hash> above;
      for (size_t first = 0; first < hashes.size(); first += kTileWidth) {
        const std::span<const Hash> tile =
            std::span(hashes).subspan(first, std::min<size_t>(kTileWidth, hashes.size() - first));
        Write(*TilePath({false, level, first / kTileWidth, static_cast<uint32_t>(tile.size())}),
              *EncodeTile(tile));
        if (tile.size() == kTileWidth) above.push_back(RootOf(tile));
      }
      hashes = std::move(above);
    }
  }

  void WriteLog(const std::vector<std::string>& entries) const {
    WriteCheckpoint(entries);
    WriteBundles(entries);
    WriteHashes(entries);
  }

  LogDirectory Log() const { return LogDirectory(scratch_.path()); }

  // `note` with the cosignature of `witness` at time 7.
  static std::string Cosign(const std::string& note, const std::string& name,
                            const crypto::SigningKey& witness) {
    const std::string text = ParseNote(note)->text;
    const VerifierKey key = WitnessKey(name, witness);
    const crypto::Signature signature = witness.Sign(CosignatureMessage(7, text));
    const NoteSignature line{name, key.id(),
                             base::BigEndian(7, 8) + std::string(crypto::Bytes(signature))};
    return *AddSignatures(note, {&line, 1});
  }
  static VerifierKey WitnessKey(const std::string& name, const crypto::SigningKey& witness) {
    return *VerifierKey::Create(name, KeyType::kEd25519Cosignature, witness.public_key());
  }

  void ExpectDataLoss(const testing::Matcher<std::string>& message) const {
    const absl::Status status = Log().Verify(Key()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), message);
  }

  ScratchDirectory scratch_;
  crypto::SigningKey signer_;
};

TEST_F(LogDirectoryTest, VerifiesAndCountsAWholeExport) {
  WriteLog(MakeEntries());
  const absl::StatusOr<DirectoryReport> report = Log().Verify(Key());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->checkpoint.origin, kOrigin);
  EXPECT_EQ(report->log.entries, kSize);
  EXPECT_EQ(report->by_kind,
            (std::map<std::string, uint64_t>{{"COLLECTION", 400}, {"COMBINATION", 200}}));
  EXPECT_EQ(report->refused, 150U);
  EXPECT_EQ(report->by_reason, (std::map<std::string, uint64_t>{{"BUDGET_SPENT", 150}}));
}

TEST_F(LogDirectoryTest, VerifiesEverySizeAroundABundle) {
  for (const uint64_t size : {0, 1, 255, 256, 257, 512}) {
    WriteLog(MakeEntries(size));
    const absl::StatusOr<DirectoryReport> report = Log().Verify(Key());
    ASSERT_TRUE(report.ok()) << size << ": " << report.status();
    EXPECT_EQ(report->log.entries, size);
  }
}

TEST_F(LogDirectoryTest, FindsTheSameOnAnyNumberOfThreads) {
  WriteLog(MakeEntries(70'000));
  for (const size_t threads : {1, 2, 7}) {
    VerifyOptions options;
    options.threads = threads;
    std::vector<uint64_t> steps;
    options.progress = [&](uint64_t done, uint64_t size) {
      EXPECT_EQ(size, 70'000U);
      steps.push_back(done);
    };
    const absl::StatusOr<DirectoryReport> report = Log().Verify(Key(), options);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->log.root, report->checkpoint.root);
    EXPECT_EQ(report->refused, 17'500U);
    EXPECT_EQ(steps.size(), 274U);
    EXPECT_TRUE(std::is_sorted(steps.begin(), steps.end()));
    EXPECT_EQ(steps.back(), 70'000U);
  }
  // Of several faults the first is told, whichever thread is faster.
  for (const char* path : {"tile/entries/100", "tile/entries/101", "tile/entries/250"}) {
    std::filesystem::remove(scratch_.path() + "/" + path);
  }
  for (int i = 0; i < 20; ++i) ExpectDataLoss(HasSubstr("tile/entries/100"));
}

TEST_F(LogDirectoryTest, NamesTheTileOfAnyLevelThatIsMissingOrDiffers) {
  WriteLog(MakeEntries(70'000));
  for (const auto& [path, range] :
       std::vector<std::pair<std::string, std::string>>{{"tile/0/007", "entr"},
                                                        {"tile/0/273.p/112", "entr"},
                                                        {"tile/1/000", "entries 0 to "},
                                                        {"tile/1/001.p/17", "entries 65536 to "},
                                                        {"tile/2/000.p/1", "entries 0 to 65535"}}) {
    const std::string whole = Read(path);
    std::string changed = whole;
    changed[3] = static_cast<char>(changed[3] ^ 1);
    Write(path, changed);
    ExpectDataLoss(AllOf(HasSubstr(path), HasSubstr(range)));
    std::filesystem::remove(scratch_.path() + "/" + path);
    ExpectDataLoss(AllOf(HasSubstr(path), HasSubstr("missing"), HasSubstr("entries")));
    Write(path, whole);
  }
  EXPECT_TRUE(Log().Verify(Key()).ok());
}

TEST_F(LogDirectoryTest, ReadsAPartialBundleFromTheFullOneThatReplacedIt) {
  WriteLog(MakeEntries(768));
  Write("tile/1/000.p/2", Read("tile/1/000.p/3").substr(0, 64));
  WriteCheckpoint(MakeEntries());
  const absl::StatusOr<DirectoryReport> report = Log().Verify(Key());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->log.entries, kSize);
}

TEST_F(LogDirectoryTest, FindsAnyChangedByteOfTheTail) {
  WriteLog(MakeEntries(5));
  const std::string bundle = Read("tile/entries/000.p/5");
  for (size_t i = 0; i < bundle.size(); ++i) {
    std::string changed = bundle;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    Write("tile/entries/000.p/5", changed);
    ExpectDataLoss(testing::Not(testing::IsEmpty()));
  }
}

TEST_F(LogDirectoryTest, NamesTheIndexOfAChangedEntry) {
  std::vector<std::string> entries = MakeEntries();
  WriteLog(entries);
  v1::Entry changed = MakeEntry(300);
  changed.mutable_decision()->set_allowed(true);
  entries[300] = changed.SerializeAsString();
  WriteBundles(entries);
  ExpectDataLoss(HasSubstr("entry 300:"));
}

TEST_F(LogDirectoryTest, DoesNotTrustLeafHashesOverTheSignedRoot) {
  std::vector<std::string> entries = MakeEntries();
  WriteLog(entries);
  v1::Entry changed = MakeEntry(300);
  changed.mutable_decision()->set_reason("OTHER");
  entries[300] = changed.SerializeAsString();
  WriteBundles(entries);
  const std::string above = Read("tile/1/000.p/2");
  WriteHashes(entries);
  ExpectDataLoss(HasSubstr("root"));
  Write("tile/1/000.p/2", above);
  ExpectDataLoss(AllOf(HasSubstr("tile/1/000.p/2"), HasSubstr("entries 256 to 511")));
}

TEST_F(LogDirectoryTest, NamesTheEntriesOfARemovedBundle) {
  WriteLog(MakeEntries());
  std::filesystem::remove(scratch_.path() + "/tile/entries/001");
  ExpectDataLoss(AllOf(HasSubstr("entries 256 to 511"), HasSubstr("missing")));
}

TEST_F(LogDirectoryTest, NamesTheEntriesOfACutOffBundle) {
  WriteLog(MakeEntries());
  const std::string tail = Read("tile/entries/002.p/88");
  for (const size_t kept : {size_t{0}, size_t{1}, tail.size() / 2, tail.size() - 1}) {
    Write("tile/entries/002.p/88", tail.substr(0, kept));
    ExpectDataLoss(AllOf(HasSubstr("entries 512 to 599"), HasSubstr("88")));
  }
}

TEST_F(LogDirectoryTest, RefusesATailThatWasDroppedTogetherWithItsBundleName) {
  WriteLog(MakeEntries());
  std::filesystem::remove_all(scratch_.path() + "/tile/entries/002.p");
  WriteBundles(MakeEntries(590));
  ExpectDataLoss(HasSubstr("entries 512 to 599"));
}

TEST_F(LogDirectoryTest, NamesTheIndexWhereSwappedEntriesStepBackInTime) {
  std::vector<std::string> entries = MakeEntries();
  WriteLog(entries);
  std::swap(entries[40], entries[41]);
  WriteBundles(entries);
  ExpectDataLoss(HasSubstr("entry 40:"));
  WriteHashes(entries);
  ExpectDataLoss(AllOf(HasSubstr("entry 41:"), HasSubstr("root")));
}

TEST_F(LogDirectoryTest, RefusesASignedLogWhoseTimesStepBack) {
  std::vector<std::string> entries = MakeEntries();
  std::swap(entries[40], entries[41]);
  WriteLog(entries);
  ExpectDataLoss(HasSubstr("entry 41:"));
  entries = MakeEntries();
  std::swap(entries[255], entries[256]);  // between two bundles
  WriteLog(entries);
  ExpectDataLoss(HasSubstr("entry 256:"));
}

TEST_F(LogDirectoryTest, RefusesASignedEntryThatIsNone) {
  v1::Entry newer = MakeEntry(7);
  newer.set_version(2);
  v1::Entry undecided = MakeEntry(7);
  undecided.clear_decision();
  v1::Entry kindless = MakeEntry(7);
  kindless.set_kind(v1::LOG_KIND_UNSPECIFIED);
  for (const std::string& bytes :
       {std::string(), std::string("\xff\xff"), newer.SerializeAsString(),
        undecided.SerializeAsString(), kindless.SerializeAsString()}) {
    std::vector<std::string> entries = MakeEntries();
    entries[7] = bytes;
    WriteLog(entries);
    ExpectDataLoss(HasSubstr("entry 7:"));
  }
}

TEST_F(LogDirectoryTest, RefusesAnotherKeyAndAChangedCheckpoint) {
  WriteLog(MakeEntries());
  const auto stranger =
      *VerifierKey::Create(kOrigin, KeyType::kEd25519, crypto::SigningKey::Generate().public_key());
  EXPECT_EQ(Log().Verify(stranger).status().code(), absl::StatusCode::kDataLoss);
  const auto renamed =
      *VerifierKey::Create("other.example/audit", KeyType::kEd25519, signer_.public_key());
  EXPECT_FALSE(Log().Verify(renamed).ok());
  std::string note = Read("checkpoint");
  note.replace(note.find("600"), 3, "599");
  Write("checkpoint", note);
  ExpectDataLoss(HasSubstr("checkpoint"));
}

TEST_F(LogDirectoryTest, CountsWitnessesAndWantsAQuorum) {
  WriteLog(MakeEntries());
  const auto a = crypto::SigningKey::Generate();
  const auto b = crypto::SigningKey::Generate();
  VerifyOptions options;
  options.witnesses = {WitnessKey("witness.example/a", a), WitnessKey("witness.example/b", b)};
  const std::string bare = Read("checkpoint");
  EXPECT_EQ(Log().Verify(Key(), options)->cosigned_by, std::vector<std::string>());
  options.quorum = 1;
  const absl::Status none = Log().Verify(Key(), options).status();
  EXPECT_EQ(none.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(none.message()), HasSubstr("cosigned by 0 of 2 witnesses, 1 are needed"));
  Write("checkpoint", Cosign(bare, "witness.example/b", b));
  const absl::StatusOr<DirectoryReport> one = Log().Verify(Key(), options);
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_EQ(one->cosigned_by, std::vector<std::string>{"witness.example/b"});
  EXPECT_THAT(ReportText(*one), HasSubstr("cosigned  witness.example/b\n"));
  options.quorum = 2;
  EXPECT_EQ(Log().Verify(Key(), options).status().code(), absl::StatusCode::kDataLoss);
  Write("checkpoint", Cosign(Read("checkpoint"), "witness.example/a", a));
  EXPECT_TRUE(Log().Verify(Key(), options).ok());
  // A cosignature that fails is worse than none.
  Write("checkpoint", Cosign(bare, "witness.example/a", b));
  EXPECT_TRUE(Log().Verify(Key()).ok());
  std::string forged = Cosign(bare, "witness.example/a", a);
  forged.replace(forged.size() - 12, 1, forged[forged.size() - 12] == 'A' ? "B" : "A");
  Write("checkpoint", forged);
  options.quorum = 0;
  EXPECT_EQ(Log().Verify(Key(), options).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(LogDirectoryTest, RefusesWitnessesThatWouldBeCountedWrong) {
  WriteLog(MakeEntries(3));
  const auto witness = crypto::SigningKey::Generate();
  VerifyOptions options;
  options.witnesses = {WitnessKey("a", witness), WitnessKey("b", witness)};
  EXPECT_EQ(Log().Verify(Key(), options).status().code(), absl::StatusCode::kInvalidArgument);
  options.witnesses = {Key()};
  EXPECT_EQ(Log().Verify(Key(), options).status().code(), absl::StatusCode::kInvalidArgument);
  options.witnesses = {WitnessKey("a", witness)};
  options.quorum = 2;
  EXPECT_EQ(Log().Verify(Key(), options).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(LogDirectoryTest, NamesTheOlderCheckpointsThatItExtends) {
  WriteLog(MakeEntries(257));
  const std::string older = Read("checkpoint");
  WriteLog(MakeEntries());
  VerifyOptions options;
  options.since = {{"now", Read("checkpoint")}, {"then", older}};
  const absl::StatusOr<DirectoryReport> report = Log().Verify(Key(), options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->extends, (std::vector<uint64_t>{257, 600}));
  EXPECT_EQ(nlohmann::json::parse(ReportJson(*report))["extends"], (std::vector<int>{257, 600}));
}

TEST_F(LogDirectoryTest, SaysThatThereIsNoCheckpoint) {
  EXPECT_EQ(Log().Verify(Key()).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(LogDirectoryTest, ReadsSingleEntriesBelowTheSize) {
  WriteLog(MakeEntries());
  for (const uint64_t index : {0, 255, 256, 599}) {
    const absl::StatusOr<v1::Entry> entry = Log().ReadEntry(index);
    ASSERT_TRUE(entry.ok()) << entry.status();
    EXPECT_EQ(entry->decided_at(), 1'000'000 + static_cast<int64_t>(index));
  }
  EXPECT_EQ(Log().ReadEntry(600).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(Log().ReadEntry(~uint64_t{0}).status().code(), absl::StatusCode::kOutOfRange);
}

TEST_F(LogDirectoryTest, ReportsAreReadableAndFreeOfControlCharacters) {
  std::vector<std::string> entries = MakeEntries();
  v1::Entry odd = MakeEntry(8);
  odd.mutable_decision()->set_reason("RED\x1b[31m");
  entries[8] = odd.SerializeAsString();
  WriteLog(entries);
  const absl::StatusOr<DirectoryReport> report = Log().Verify(Key());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(ReportText(*report),
              AllOf(HasSubstr("149  BUDGET_SPENT"), HasSubstr("RED\\u{1B}[31m"),
                    testing::EndsWith("verified: 600 entries under the signed root\n")));
  const auto json = nlohmann::json::parse(ReportJson(*report));
  EXPECT_EQ(json["size"], 600);
  EXPECT_EQ(json["by_kind"]["COLLECTION"], 400);
}

}  // namespace
}  // namespace kluis::audit::log_directory_test
