// SPDX-License-Identifier: Apache-2.0
// A log in this process, over gRPC, that serves its entries in small messages.
#ifndef KLUIS_TESTS_FAKES_FAKE_LOG_H_
#define KLUIS_TESTS_FAKES_FAKE_LOG_H_

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "audit/checkpoint.h"
#include "audit/merkle.h"
#include "audit/proofs.h"
#include "audit/verifier_key.h"
#include "client/session.h"
#include "kluis/v1/audit_service.grpc.pb.h"

namespace kluis::client {

class FakeLog final : public v1::AuditService::Service {
 public:
  static constexpr char kOrigin[] = "vault.example/nl";

  // Holds "entry 0", "entry 1" and so on.
  explicit FakeLog(size_t size) {
    GrowTo(size);
    grpc::ServerBuilder builder;
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    session_ = std::make_unique<Session>(Settings(), out_, out_, server_->InProcessChannel({}));
  }
  ~FakeLog() override { server_->Shutdown(); }

  Session& session() { return *session_; }

  // More entries, and a checkpoint over all.
  void GrowTo(size_t size) {
    while (entries.size() < size) entries.push_back(absl::StrCat("entry ", entries.size()));
    Sign();
  }
  // A checkpoint over the entries as they are.
  void Sign() {
    note_ = *audit::SignCheckpoint({kOrigin, entries.size(), audit::RootOf(Leaves())}, key_);
  }

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
        response.add_entries(shown.contains(j) ? shown[j] : entries[j]);
        ++read;
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
  std::map<uint64_t, std::string> shown;  // instead of those entries, by index
  std::atomic<uint64_t> read = 0;         // entries that were sent

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

}  // namespace kluis::client

#endif  // KLUIS_TESTS_FAKES_FAKE_LOG_H_
