// SPDX-License-Identifier: Apache-2.0
#include "tests/fakes/test_world.h"

#include <google/protobuf/descriptor.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "audit/log/verify_log.h"
#include "audit/statement.h"
#include "client/draft.h"
#include "crypto/key_file.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis {
namespace {

constexpr const char* kPeople[] = {"registrar/desk",   "officer/one",        "officer/two",
                                   "officer/three",    "officer/outside",    "officer/guest",
                                   "judge/one",        "supervisor/one",     "supervisor/two",
                                   "supervisor/three", "subject/portal",     "auditor/one",
                                   "operator/one",     "operator/two",       "operator/stranger",
                                   "auditor/stranger", "registrar/stranger", "supervisor/stranger"};

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "test world: %s\n", why.c_str());
  std::abort();
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) Fail("cannot read " + path);
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

v1::LegalProfile TheProfile() {
  v1::LegalProfile profile = client::DefaultProfile();
  profile.set_membership_max_days(3650);
  profile.set_legal_basis_max_days(3650);
  profile.set_warrant_start_max_days(366);
  profile.set_inspection_max_entries(1'000'000);
  return profile;
}

client::Population ThePopulation() {
  auto population = client::Population::Create("arcface-512", 20'000);
  if (!population.ok()) Fail("no population");
  return *std::move(population);
}

}  // namespace

void Require(const grpc::Status& status, std::string_view what) {
  if (status.ok()) return;
  Fail(absl::StrCat(std::string(what), ": ", static_cast<int>(status.error_code()), " ",
                    status.error_message()));
}

TestWorld::TestWorld(const service::Clock& clock, double target_fpir)
    : clock_(clock),
      target_fpir_(target_fpir),
      population_(ThePopulation()),
      log_key_(crypto::SigningKey::Generate()) {
  for (const char* who : kPeople) keys_.emplace(who, crypto::SigningKey::Generate());
}

const std::string& TestWorld::Pki() {
  static const ScratchDirectory directory;
  static const std::string path = [] {
    std::string command =
        absl::StrCat("bash ", KLUIS_SOURCE_DIR, "/deploy/dev-pki ", directory.path(), "/pki");
    for (const char* who : kPeople) absl::StrAppend(&command, " ", who);
    if (std::system(command.c_str()) != 0) Fail("deploy/dev-pki failed");
    return directory.path() + "/pki";
  }();
  return path;
}

void TestWorld::WriteFounding(const std::string& directory) const {
  v1::Founding founding;
  for (const char* name : {"one", "two", "three"}) {
    v1::FoundingSupervisor* supervisor = founding.add_supervisors();
    supervisor->set_name(name);
    supervisor->set_public_key(
        crypto::PublicKeyText(KeyOf(absl::StrCat("supervisor/", name)).public_key()));
  }
  const auto name = [&](const char* who, v1::FoundingMember& member) {
    member.set_name(std::string(who).substr(std::string(who).find('/') + 1));
    member.set_public_key(crypto::PublicKeyText(KeyOf(who).public_key()));
    member.mutable_valid_until()->set_seconds(now() + 3650 * kDay);
  };
  name("operator/one", *founding.add_operators());
  name("operator/two", *founding.add_operators());
  name("auditor/one", *founding.add_auditors());
  founding.set_threshold(2);
  founding.set_log_public_key(crypto::PublicKeyText(log_key_.public_key()));
  *founding.mutable_legal_profile() = TheProfile();
  const v1::Envelope envelope = Sign(
      founding, {&KeyOf("supervisor/one"), &KeyOf("supervisor/two"), &KeyOf("supervisor/three")});
  std::ofstream(directory + "/founding.dsse.json") << audit::EnvelopeToJson(envelope);
  std::filesystem::create_directory(directory + "/keys");
  std::filesystem::permissions(directory + "/keys", std::filesystem::perms::owner_all);
  const absl::Status saved = crypto::WriteSigningKey(log_key_, directory + "/keys/log.key");
  if (!saved.ok()) Fail(std::string(saved.message()));
}

void TestWorld::Connect(int port) {
  port_ = port;
  channels_.clear();
}

std::shared_ptr<grpc::Channel> TestWorld::ChannelOf(const std::string& who) const {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<grpc::Channel>& channel = channels_[who];
  if (channel == nullptr) {
    const std::string stem = absl::StrCat(Pki(), "/", who);
    channel = ChannelWith(stem + ".crt", stem + ".key");
  }
  return channel;
}

std::shared_ptr<grpc::Channel> TestWorld::ChannelWith(const std::string& cert,
                                                      const std::string& key) const {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = ReadFile(Pki() + "/ca.crt");
  options.pem_cert_chain = ReadFile(cert);
  options.pem_private_key = ReadFile(key);
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // no connection of an earlier vault
  return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port_), grpc::SslCredentials(options),
                                   arguments);
}

v1::Envelope TestWorld::Sign(google::protobuf::Message& payload,
                             const std::vector<const crypto::SigningKey*>& keys) const {
  client::Stamp(kVault, now(), payload);
  absl::StatusOr<v1::Envelope> envelope = audit::MakeStatement(payload);
  if (!envelope.ok()) Fail(std::string(envelope.status().message()));
  for (const crypto::SigningKey* key : keys) audit::AddSignature(*key, *envelope);
  return *std::move(envelope);
}

void TestWorld::AddRequestId(google::protobuf::Message& request) {
  const auto* field = request.GetDescriptor()->FindFieldByName("request_id");
  if (field == nullptr || request.GetReflection()->HasField(request, field)) return;
  request.GetReflection()->SetString(&request, field, client::NewRequestId());
}

void TestWorld::SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
}

void TestWorld::ReadErrorInfo(const grpc::Status& status, std::string& reason,
                              std::optional<uint64_t>& log_index) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  if (!details.ParseFromString(status.error_details()) || details.details_size() != 1 ||
      !details.details(0).UnpackTo(&info)) {
    return;
  }
  reason = info.reason();
  const auto index = info.metadata().find("log_index");
  uint64_t value = 0;
  if (index != info.metadata().end() && absl::SimpleAtoi(index->second, &value)) log_index = value;
}

Metadata TestWorld::MetadataOf(const std::multimap<grpc::string_ref, grpc::string_ref>& sent) {
  Metadata metadata;
  for (const auto& [key, value] : sent) {
    metadata.emplace(std::string(key.data(), key.size()), std::string(value.data(), value.size()));
  }
  return metadata;
}

void TestWorld::SetUp() {
  authority_one_ = Must(Accredit("Authority One"), "accredit").authority();
  authority_two_ = Must(Accredit("Authority Two"), "accredit").authority();
  for (const char* who : {"officer/one", "officer/two", "officer/three"}) {
    Must(Register(v1::ROLE_OFFICER, who, authority_one_), who);
  }
  Must(Register(v1::ROLE_OFFICER, "officer/outside", authority_two_), "officer/outside");
  Must(Register(v1::ROLE_JUDGE, "judge/one"), "judge/one");
  Must(Register(v1::ROLE_REGISTRAR, "registrar/desk"), "registrar/desk");
  Must(RegisterPurpose(kPurpose), "purpose");
}

std::vector<std::string> TestWorld::Entries(uint64_t start, uint64_t end) const {
  v1::AuditService::Stub stub(ChannelOf("auditor/one"));
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ReadEntriesRequest request;
  request.set_start(start);
  request.set_end(end);
  const auto reader = stub.ReadEntries(&context, request);
  std::vector<std::string> entries;
  v1::ReadEntriesResponse message;
  while (reader->Read(&message)) {
    EXPECT_EQ(message.first_index(), start + entries.size());
    entries.insert(entries.end(), message.entries().begin(), message.entries().end());
  }
  Require(reader->Finish(), "read entries");
  return entries;
}

v1::Entry TestWorld::EntryAt(uint64_t index) const {
  const std::vector<std::string> entries = Entries(index, index + 1);
  v1::Entry entry;
  if (entries.size() != 1 || !entry.ParseFromString(entries.front())) Fail("no such entry");
  return entry;
}

audit::Checkpoint TestWorld::Checkpoint() const {
  const v1::GetCheckpointResponse head =
      Must(Call("auditor/one", &v1::AuditService::Stub::GetCheckpoint, v1::GetCheckpointRequest()),
           "checkpoint");
  const auto key =
      audit::VerifierKey::Create(kVault, audit::KeyType::kEd25519, log_key_.public_key());
  EXPECT_EQ(head.verifier_key(), key->ToString());
  const auto opened = audit::OpenCheckpoint(head.checkpoint(), kVault, std::span(&*key, 1));
  if (!opened.ok()) Fail(std::string(opened.status().message()));
  return opened->checkpoint;
}

void TestWorld::ExpectLogVerifies() const {
  const audit::Checkpoint checkpoint = Checkpoint();
  const std::vector<std::string> entries = Entries(0, checkpoint.size);
  size_t next = 0;
  const auto report = audit::VerifyEntries(
      [&]() -> absl::StatusOr<std::optional<std::string>> {
        if (next == entries.size()) return std::optional<std::string>();
        return std::optional<std::string>(entries[next++]);
      },
      checkpoint);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->entries, checkpoint.size);
}

v1::GetVaultStatusResponse TestWorld::Status() const {
  return Must(
      Call("operator/one", &v1::VaultService::Stub::GetVaultStatus, v1::GetVaultStatusRequest()),
      "vault status");
}

v1::CheckVaultResponse TestWorld::CheckVault() const {
  return Must(Call("operator/one", &v1::VaultService::Stub::CheckVault, v1::CheckVaultRequest()),
              "check vault");
}

}  // namespace kluis
