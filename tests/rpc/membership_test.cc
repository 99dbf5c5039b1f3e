// SPDX-License-Identifier: Apache-2.0
// A certificate of a role is not enough: whoever acts or reads is a member that supervisors named.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/fakes/replayed.h"
#include "tests/fakes/share_holders.h"

namespace kluis::membership_test {
namespace {

using google::protobuf::MethodDescriptor;

struct Stranger {
  v1::Role role;
  const char* who;
};
constexpr Stranger kStrangers[] = {{v1::ROLE_OPERATOR, "operator/stranger"},
                                   {v1::ROLE_AUDITOR, "auditor/stranger"},
                                   {v1::ROLE_SUPERVISOR, "supervisor/stranger"}};

std::vector<const MethodDescriptor*> MethodsOf(v1::Role role) {
  std::vector<const MethodDescriptor*> methods;
  for (const auto* file :
       {v1::GetCheckpointRequest::descriptor()->file(), v1::OrderStopRequest::descriptor()->file(),
        v1::GetVaultStatusRequest::descriptor()->file()}) {
    for (int i = 0; i < file->service(0)->method_count(); ++i) {
      const MethodDescriptor* method = file->service(0)->method(i);
      const auto& roles = method->options().GetExtension(v1::method_policy).roles();
      if (std::find(roles.begin(), roles.end(), role) != roles.end()) methods.push_back(method);
    }
  }
  return methods;
}

// The method with an empty request, whichever side streams; the reason of its refusal.
std::string ReasonOf(const TestWorld& vault, const std::string& who,
                     const MethodDescriptor& method) {
  grpc::GenericStub stub(vault.ChannelOf(who));
  grpc::ClientContext context;
  TestWorld::SetDeadline(context);
  const grpc::Slice empty;
  const grpc::ByteBuffer request(&empty, 1);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, absl::StrCat("/", method.service()->full_name(), "/", method.name()), {},
                 &request, &response,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  std::string reason;
  std::optional<uint64_t> index;
  TestWorld::ReadErrorInfo(done.get_future().get(), reason, index);
  return reason;
}

bool IsForEverybody(const MethodDescriptor& method) {
  return method.name() == "ListPolicyRules" || method.name() == "ListPurposes" ||
         method.name() == "GetInclusionProof";
}

void ExpectRefusedEverywhere(const TestWorld& vault) {
  for (const Stranger& stranger : kStrangers) {
    const auto methods = MethodsOf(stranger.role);
    EXPECT_GT(methods.size(), 5U);
    for (const MethodDescriptor* method : methods) {
      const bool refused = ReasonOf(vault, stranger.who, *method) == "MEMBER_NOT_REGISTERED";
      EXPECT_EQ(refused, !IsForEverybody(*method)) << stranger.who << " " << method->name();
    }
  }
}

TEST(Membership, IsAskedOfOperatorsAuditorsAndSupervisorsForEveryCall) {
  TestVault vault;
  ExpectRefusedEverywhere(vault);
}

TEST(Membership, OfAnUnregisteredOperatorIsRefusedByAnEntryThatNamesHim) {
  TestVault vault;
  const auto refused =
      vault.Call("operator/stranger", &v1::VaultService::Stub::SealVault, v1::SealVaultRequest());
  EXPECT_EQ(refused.reason, "MEMBER_NOT_REGISTERED");
  ASSERT_TRUE(refused.log_index.has_value());
  const v1::Entry entry = vault.EntryAt(*refused.log_index);
  EXPECT_EQ(entry.command().caller().name(), "stranger");
  EXPECT_FALSE(entry.decision().allowed());
}

// The statement id that the next term of a member follows.
std::string TermOf(const TestWorld& vault, const std::string& name) {
  const auto status = Must(vault.Call("supervisor/one", &v1::VaultService::Stub::GetVaultStatus,
                                      v1::GetVaultStatusRequest()),
                           "status");
  for (const auto& member : status.members()) {
    if (member.role() == v1::ROLE_OPERATOR && member.name() == name) return member.term();
  }
  return "";
}

Reply<v1::SetMemberTermResponse> SetTerm(const TestWorld& vault, const std::string& name,
                                         int64_t valid_until,
                                         const std::vector<std::string>& signers) {
  v1::MemberTerm term;
  term.set_role(v1::ROLE_OPERATOR);
  term.set_member(name);
  term.set_follows(TermOf(vault, name));
  if (valid_until > 0) term.mutable_valid_until()->set_seconds(valid_until);
  std::vector<const crypto::SigningKey*> keys;
  for (const std::string& who : signers) keys.push_back(&vault.KeyOf(who));
  v1::SetMemberTermRequest request;
  *request.mutable_term() = vault.Sign(term, keys);
  return vault.Call("supervisor/one", &v1::SupervisionService::Stub::SetMemberTerm, request);
}

const std::vector<std::string> kTwoSupervisors = {"supervisor/one", "supervisor/three"};

TEST(Membership, EndsOnTheSecondForReadsToo) {
  TestVault vault;
  Must(SetTerm(vault, "one", vault.now() + kHour, kTwoSupervisors), "term");
  vault.Advance(kHour - 1);
  EXPECT_GT(vault.Status().log_size(), 0U);
  vault.Advance(1);
  EXPECT_EQ(vault
                .Call("operator/one", &v1::VaultService::Stub::GetVaultStatus,
                      v1::GetVaultStatusRequest())
                .reason,
            "MEMBER_NOT_REGISTERED");
  EXPECT_EQ(SetTerm(vault, "one", vault.now() + kDay, {"supervisor/one"}).reason,
            "TOO_FEW_SIGNATURES");
  Must(SetTerm(vault, "one", vault.now() + kDay, kTwoSupervisors), "prolong");
  EXPECT_GT(vault.Status().log_size(), 0U);
  Must(SetTerm(vault, "one", 0, {"supervisor/one"}), "end");
  EXPECT_EQ(vault
                .Call("operator/one", &v1::VaultService::Stub::GetVaultStatus,
                      v1::GetVaultStatusRequest())
                .reason,
            "MEMBER_NOT_REGISTERED");
}

TEST(Membership, IsAskedWhileTheVaultIsSealed) {
  SharedVault vault;
  vault.Seal();
  ExpectRefusedEverywhere(*vault);
  EXPECT_EQ(Give(*vault, vault.shares()[0], "operator/stranger").reason, "MEMBER_NOT_REGISTERED");
  EXPECT_EQ(vault->Status().seal().have(), 0U);
}

// Nobody is left who may unseal: supervisors give it new operators, and it is sealed all the while.
TEST(Membership, OfAllOperatorsLapsesWhileSealedAndSupervisorsRegisterOneWhoUnseals) {
  SharedVault vault;
  const int64_t end = vault->now() + kHour;
  Must(SetTerm(*vault, "one", end, kTwoSupervisors), "term");
  Must(SetTerm(*vault, "two", end, kTwoSupervisors), "term");
  vault.Seal();
  vault->Advance(2 * kHour);
  for (const char* who : {"operator/one", "operator/two", "operator/stranger"}) {
    EXPECT_EQ(Give(*vault, vault.shares()[0], who).reason, "MEMBER_NOT_REGISTERED");
  }
  v1::Registration alone;
  alone.set_role(v1::ROLE_OPERATOR);
  alone.set_member("stranger");
  alone.set_public_key(crypto::PublicKeyText(vault->KeyOf("operator/stranger").public_key()));
  alone.set_follows("none");
  alone.mutable_valid_until()->set_seconds(vault->now() + kDay);
  EXPECT_EQ(vault
                ->Act("supervisor/one", &v1::SupervisionService::Stub::RegisterMember,
                      &v1::RegisterMemberRequest::mutable_registration, alone)
                .reason,
            "TOO_FEW_SIGNATURES")
      << "one supervisor alone";
  const auto registered = Must(vault->Register(v1::ROLE_OPERATOR, "operator/stranger"), "register");
  EXPECT_FALSE(vault->vault().gate().is_open());
  ASSERT_TRUE(vault.OpensWith(vault.shares(), "operator/stranger"));

  // The entry came before the start that follows the silence.
  const uint64_t index = registered.receipt().log_index();
  EXPECT_TRUE(vault->EntryAt(index).command().has_register_());
  const audit::ReplayReport report = CleanlyReplayed(*vault);
  ASSERT_FALSE(report.completeness.downtimes.empty());
  const audit::Downtime& silence = report.completeness.downtimes.back();
  EXPECT_EQ(silence.to - silence.from, 2 * kHour);
}

}  // namespace
}  // namespace kluis::membership_test
