// SPDX-License-Identifier: Apache-2.0
// Under which kind the log has the calls of the API (Directive 2016/680, article 25), and that it
// has them.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <future>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"
#include "kluis/v1/annotations.pb.h"
#include "tests/fakes/test_vault.h"

namespace kluis::log_kinds_test {
namespace {

using Method = google::protobuf::MethodDescriptor;

std::map<std::string, const Method*> MethodsByName() {
  std::map<std::string, const Method*> methods;
  for (const char* name :
       {"Enrollment", "Subject", "Case", "Search", "Supervision", "Audit", "Vault"}) {
    const auto* service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(
        absl::StrCat("kluis.v1.", name, "Service"));
    for (int i = 0; i < service->method_count(); ++i) {
      methods[service->method(i)->name()] = service->method(i);
    }
  }
  return methods;
}

const v1::MethodPolicy& PolicyOf(const Method& method) {
  return method.options().GetExtension(v1::method_policy);
}

// Also of a vault that is sealed.
v1::Entry EntryAt(TestVault& vault, uint64_t index) {
  v1::Entry entry;
  const auto bytes = vault.vault().ledger().Entry(index);
  EXPECT_TRUE(bytes.ok() && entry.ParseFromString(*bytes)) << index;
  return entry;
}

// Somebody who may call what the role may.
std::string CallerFor(v1::Role role) {
  static const std::map<v1::Role, std::string> kCallers = {
      {v1::ROLE_SUBJECT, "subject/portal"},    {v1::ROLE_REGISTRAR, "registrar/desk"},
      {v1::ROLE_OFFICER, "officer/one"},       {v1::ROLE_JUDGE, "judge/one"},
      {v1::ROLE_SUPERVISOR, "supervisor/one"}, {v1::ROLE_AUDITOR, "auditor/one"},
      {v1::ROLE_OPERATOR, "operator/one"}};
  return kCallers.at(role);
}

// The method with an empty request, whichever side streams.
void CallWithNothing(const TestVault& vault, const Method& method) {
  grpc::GenericStub stub(
      vault.ChannelOf(CallerFor(static_cast<v1::Role>(PolicyOf(method).roles(0)))));
  grpc::ClientContext context;
  TestWorld::SetDeadline(context);
  const grpc::Slice empty;
  const grpc::ByteBuffer request(&empty, 1);
  grpc::ByteBuffer response;
  std::promise<void> done;
  stub.UnaryCall(&context, absl::StrCat("/", method.service()->full_name(), "/", method.name()), {},
                 &request, &response, [&done](const grpc::Status&) { done.set_value(); });
  done.get_future().wait();
}

TEST(LogKinds, OfEveryEntryIsItsMethodsAndEveryCallThatIsNotPublicLeavesOne) {
  TestVault vault([](service::Config& config) { config.audit.checkpoint_seconds = 3600; });
  const Person person = vault.NewPerson();
  const std::string subject = Must(vault.Enroll(person), "enrol").subject();
  const std::string name = vault.ActiveCase();
  Must(vault.Identify(name, vault.Face(person, 1)), "identify");
  Must(vault.Verify(subject, vault.Face(person, 1)), "verify");
  Must(vault.Withdraw(person), "withdraw");
  vault.FinishErasures();  // nothing of the vault's own comes between the calls
  Must(vault.Stop(), "stop");

  const auto methods = MethodsByName();
  ASSERT_GT(methods.size(), 30U);
  const auto expect_an_entry = [&](const Method& method) {
    const uint64_t before = vault.vault().ledger().size();
    CallWithNothing(vault, method);
    ASSERT_GT(vault.vault().ledger().size(), before) << method.name() << " left no entry";
    EXPECT_EQ(EntryAt(vault, before).command().method(), method.name());
  };
  for (const auto& [method_name, method] : methods) {
    const bool is_public = PolicyOf(*method).kind() == v1::LOG_KIND_PUBLIC;
    if (!is_public && method_name != "SealVault") expect_an_entry(*method);
  }
  expect_an_entry(*methods.at("SealVault"));  // the last: it has nothing to fill in
  size_t calls = 0;
  for (uint64_t index = 0; index < vault.vault().ledger().size(); ++index) {
    const v1::Entry entry = EntryAt(vault, index);
    const auto method = methods.find(entry.command().method());
    if (method == methods.end()) continue;  // the vault's own upkeep
    ++calls;
    EXPECT_EQ(entry.kind(), PolicyOf(*method->second).kind()) << method->first;
  }
  EXPECT_GT(calls, methods.size() / 2);
}

}  // namespace
}  // namespace kluis::log_kinds_test
