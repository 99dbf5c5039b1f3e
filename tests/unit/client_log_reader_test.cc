#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <sstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "audit/merkle.h"
#include "audit/proofs.h"
#include "audit/tiles.h"
#include "client/files.h"
#include "client/log_reader.h"
#include "kluis/v1/audit_service.grpc.pb.h"

namespace kluis::client {
namespace {

constexpr char kOrigin[] = "vault.example/nl";

// A log in this process that serves its entries in small messages.
class FakeLog final : public v1::AuditService::Service {
 public:
  explicit FakeLog(size_t size) {
    for (size_t i = 0; i < size; ++i) entries.push_back(absl::StrCat("entry ", i));
    audit::Checkpoint checkpoint{kOrigin, size, audit::RootOf(Leaves())};
    note_ = *audit::SignCheckpoint(checkpoint, key_);
    grpc::ServerBuilder builder;
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    session_ = std::make_unique<Session>(Settings(), out_, out_, server_->InProcessChannel({}));
  }
  ~FakeLog() override { server_->Shutdown(); }

  Session& session() { return *session_; }

  std::string VerifierKey() const {
    return audit::VerifierKey::Create(kOrigin, audit::KeyType::kEd25519, key_.public_key())
        ->ToString();
  }

  grpc::Status GetCheckpoint(grpc::ServerContext*, const v1::GetCheckpointRequest*,
                             v1::GetCheckpointResponse* response) override {
    response->set_checkpoint(note_);
    response->set_verifier_key(VerifierKey());
    return grpc::Status::OK;
  }

  grpc::Status ReadEntries(grpc::ServerContext*, const v1::ReadEntriesRequest* request,
                           grpc::ServerWriter<v1::ReadEntriesResponse>* writer) override {
    for (uint64_t i = request->start(); i < request->end() && i < entries.size(); i += 100) {
      v1::ReadEntriesResponse response;
      response.set_first_index(i);
      for (uint64_t j = i; j < i + 100 && j < request->end() && j < entries.size(); ++j) {
        response.add_entries(entries[j]);
      }
      writer->Write(response);
    }
    return grpc::Status::OK;
  }

  grpc::Status GetInclusionProof(grpc::ServerContext*, const v1::GetInclusionProofRequest* request,
                                 v1::GetInclusionProofResponse* response) override {
    const std::vector<audit::Hash> leaves = Leaves();
    const auto node = [&leaves](uint32_t level, uint64_t index) -> absl::StatusOr<audit::Hash> {
      const size_t width = size_t{1} << level;
      return audit::RootOf({leaves.data() + index * width, width});
    };
    response->set_checkpoint(note_);
    const auto proof = audit::ProveInclusion(request->log_index(), leaves.size(), node);
    if (!proof.ok()) return {grpc::StatusCode::FAILED_PRECONDITION, "not covered yet"};
    for (const audit::Hash& hash : *proof) {
      response->add_hashes(std::string(crypto::Bytes(hash)));
    }
    return grpc::Status::OK;
  }

  std::vector<std::string> entries;

 private:
  std::vector<audit::Hash> Leaves() const {
    std::vector<audit::Hash> leaves;
    for (const std::string& entry : entries) leaves.push_back(audit::LeafHash(entry));
    return leaves;
  }

  crypto::SigningKey key_ = crypto::SigningKey::Generate();
  std::string note_;
  std::ostringstream out_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Session> session_;
};

struct Directory {
  Directory() {
    std::string form = (std::filesystem::temp_directory_path() / "kluis-log-XXXXXX").string();
    path = mkdtemp(form.data());
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string path;
};

TEST(ReadHead, AcceptsThePublishedKeyAndNoOther) {
  FakeLog log(3);
  const FakeLog other(3);
  const absl::StatusOr<LogHead> head = ReadHead(log.session(), log.VerifierKey());
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(head->checkpoint.size, 3u);
  EXPECT_FALSE(ReadHead(log.session(), other.VerifierKey()).ok());
  EXPECT_FALSE(ReadHead(log.session(), "no key").ok());
}

TEST(ReadEntries, GivesEachEntryOnceInOrderAcrossCalls) {
  FakeLog log(9000);
  uint64_t next = 10;
  const absl::Status read =
      ReadEntries(log.session(), 10, 9000, [&](uint64_t index, const std::string& entry) {
        EXPECT_EQ(index, next);
        EXPECT_EQ(entry, absl::StrCat("entry ", next++));
        return absl::OkStatus();
      });
  EXPECT_TRUE(read.ok()) << read;
  EXPECT_EQ(next, 9000u);
}

TEST(ReadEntries, SaysThatTheLogEndsEarly) {
  FakeLog log(5);
  const absl::Status read = ReadEntries(
      log.session(), 0, 6, [](uint64_t, const std::string&) { return absl::OkStatus(); });
  EXPECT_EQ(read.code(), absl::StatusCode::kDataLoss);
}

TEST(ExportLog, WritesBundlesThatHoldTheEntries) {
  FakeLog log(600);
  const Directory directory;
  const absl::StatusOr<LogHead> head = ReadHead(log.session(), "");
  ASSERT_TRUE(head.ok());
  const absl::Status exported = ExportLog(log.session(), *head, directory.path);
  ASSERT_TRUE(exported.ok()) << exported;
  EXPECT_EQ(*ReadText(directory.path + "/checkpoint"), head->note);
  EXPECT_EQ(*ReadText(directory.path + "/vkey"), log.VerifierKey() + "\n");
  const absl::StatusOr<std::string> last = ReadText(directory.path + "/tile/entries/002.p/88");
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_EQ(audit::DecodeEntryBundle(*last, 88)->back(), "entry 599");
  EXPECT_TRUE(ReadText(directory.path + "/tile/entries/001").ok());
}

TEST(ExportLog, LeavesNoCheckpointBesideEntriesThatDoNotLeadToIt) {
  FakeLog log(600);
  const Directory directory;
  const absl::StatusOr<LogHead> head = ReadHead(log.session(), "");
  ASSERT_TRUE(head.ok());
  log.entries[300] = "another entry";
  EXPECT_EQ(ExportLog(log.session(), *head, directory.path).code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(std::filesystem::exists(directory.path + "/checkpoint"));
}

TEST(ProveEntry, VerifiesEveryEntryAndAReceiptsLeafHash) {
  FakeLog log(13);
  for (uint64_t index = 0; index < 13; ++index) {
    const absl::StatusOr<ProvenEntry> proven =
        ProveEntry(log.session(), index, std::nullopt, log.VerifierKey());
    ASSERT_TRUE(proven.ok()) << index << ": " << proven.status();
    EXPECT_EQ(proven->log_size, 13u);
    EXPECT_TRUE(
        proven->proof.starts_with(absl::StrCat("c2sp.org/tlog-proof@v1\nindex ", index, "\n")));
  }
  const audit::Hash leaf = audit::LeafHash("entry 7");
  const std::string bytes(crypto::Bytes(leaf));
  EXPECT_TRUE(ProveEntry(log.session(), 7, bytes, log.VerifierKey()).ok());
  EXPECT_EQ(ProveEntry(log.session(), 8, bytes, log.VerifierKey()).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(ProveEntry, FindsAnEntryThatWasChanged) {
  FakeLog log(13);
  log.entries[7] = "another entry";
  EXPECT_EQ(ProveEntry(log.session(), 7, std::nullopt, "").status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(ProveEntry(log.session(), 3, std::nullopt, "").status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace kluis::client
