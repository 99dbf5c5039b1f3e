// SPDX-License-Identifier: Apache-2.0
// Walks the descriptors of every service: what no RPC may have, and what each must.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "kluis/v1/annotations.pb.h"
#include "kluis/v1/audit_service.pb.h"
#include "kluis/v1/case_service.pb.h"
#include "kluis/v1/enrollment_service.pb.h"
#include "kluis/v1/search_service.pb.h"
#include "kluis/v1/subject_service.pb.h"
#include "kluis/v1/supervision_service.pb.h"
#include "kluis/v1/vault_service.pb.h"

namespace kluis::v1::proto_api_test {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;

std::vector<const MethodDescriptor*> AllMethods() {
  std::vector<const MethodDescriptor*> methods;
  for (const auto* file :
       {GetCheckpointRequest::descriptor()->file(), OpenCaseRequest::descriptor()->file(),
        EnrollRequest::descriptor()->file(), IdentifyRequest::descriptor()->file(),
        GetHoldingsRequest::descriptor()->file(), OrderStopRequest::descriptor()->file(),
        GetVaultStatusRequest::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        methods.push_back(file->service(s)->method(m));
      }
    }
  }
  return methods;
}

MethodPolicy PolicyOf(const MethodDescriptor* method) {
  return method->options().GetExtension(method_policy);
}

// Every field reachable from `root`, each message type once.
void Walk(const Descriptor* root, const std::function<void(const FieldDescriptor*)>& visit) {
  std::set<const Descriptor*> seen;
  std::vector<const Descriptor*> left = {root};
  while (!left.empty()) {
    const Descriptor* type = left.back();
    left.pop_back();
    if (!seen.insert(type).second) continue;
    for (int i = 0; i < type->field_count(); ++i) {
      visit(type->field(i));
      if (type->field(i)->message_type() != nullptr) left.push_back(type->field(i)->message_type());
    }
  }
}

bool NameHas(const FieldDescriptor* field, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (field->name().find(word) != std::string::npos) return true;
  }
  return false;
}

TEST(Api, HasTheServicesThatTheWalkCovers) {
  std::set<std::string> services;
  for (const auto* method : AllMethods()) services.insert(method->service()->name());
  EXPECT_EQ(services, (std::set<std::string>{"AuditService", "CaseService", "EnrollmentService",
                                             "SearchService", "SubjectService",
                                             "SupervisionService", "VaultService"}));
}

TEST(Api, SaysOfEveryRpcHowItIsLoggedAndWhoMayCallIt) {
  for (const auto* method : AllMethods()) {
    ASSERT_TRUE(method->options().HasExtension(method_policy)) << method->full_name();
    const MethodPolicy policy = PolicyOf(method);
    EXPECT_NE(policy.kind(), LOG_KIND_UNSPECIFIED) << method->full_name();
    EXPECT_GE(policy.roles_size(), 1) << method->full_name();
    std::set<int> roles(policy.roles().begin(), policy.roles().end());
    EXPECT_FALSE(roles.contains(ROLE_UNSPECIFIED)) << method->full_name();
    EXPECT_EQ(roles.size(), static_cast<size_t>(policy.roles_size())) << method->full_name();
  }
}

// The front door finds the RPC by what it takes.
TEST(Api, GivesEachRpcARequestOfItsOwn) {
  std::set<const Descriptor*> requests;
  for (const auto* method : AllMethods()) {
    EXPECT_TRUE(requests.insert(method->input_type()).second) << method->full_name();
  }
}

// Whose key signed is known of a whole request only, and no stream would be limited before.
TEST(Api, HasNoStreamAmongTheRightsOfSubjects) {
  for (const auto* method : AllMethods()) {
    if (method->service()->name() != "SubjectService") continue;
    EXPECT_FALSE(method->client_streaming() || method->server_streaming()) << method->full_name();
  }
}

// What takes something away goes on when others wait, and has room of its own.
TEST(Api, LetsAPersonsRightsAndAStopGoOn) {
  std::set<std::string> go_on;
  for (const auto* method : AllMethods()) {
    const MethodPolicy policy = PolicyOf(method);
    if (policy.goes_on() && policy.has_reserve()) go_on.insert(method->name());
    if (policy.has_reserve() && method->name() != "SealVault") {
      EXPECT_TRUE(policy.goes_on()) << method->full_name();
    }
  }
  EXPECT_EQ(go_on, (std::set<std::string>{"CloseCase", "GetHoldings", "OrderStop", "RefuseWarrant",
                                          "RestrictProcessing", "WithdrawConsent"}));
}

// What operators and supervisors have the vault do to itself; a repeat finds it done, so that these
// need no request id.
bool IsOrderToTheVault(const std::string& name) {
  static const std::set<std::string> kOrders = {"SealVault",    "RestoreVault", "RekeyVault",
                                                "OrderRekey",   "CancelRekey",  "BackUpVault",
                                                "ConfirmClock", "SetClockBack", "ApproveSweep"};
  return kOrders.contains(name);
}

TEST(Api, LeavesOutOfTheLogOnlyWhatIsPublic) {
  for (const auto* method : AllMethods()) {
    const std::string& service = method->service()->name();
    const bool may_be_public = service == "AuditService" || method->name() == "ListPurposes" ||
                               method->name() == "GetAccessChallenge" ||  // kept nowhere
                               (service == "VaultService" && !IsOrderToTheVault(method->name()));
    EXPECT_EQ(PolicyOf(method).kind() == LOG_KIND_PUBLIC, may_be_public) << method->full_name();
  }
}

// The one stream of probes; what it may answer stands below.
bool IsEvaluation(const MethodDescriptor* method) { return method->name() == "EvaluatePurpose"; }

// AI Act 5(1)(h): no stream of probes that is answered, so nothing can be fed from a camera.
TEST(Api, TakesNoStreamButABatchOfEnrolmentsAndAProbeSetForErrorRates) {
  for (const auto* method : AllMethods()) {
    EXPECT_EQ(method->client_streaming(), method->name() == "BatchEnroll" || IsEvaluation(method))
        << method->full_name();
    if (!method->client_streaming() || IsEvaluation(method)) continue;
    Walk(method->input_type(), [&](const FieldDescriptor* field) {
      EXPECT_NE(field->name(), "probe") << method->full_name();
    });
  }
}

// Counts over the whole set, of a supervisor's order; nobody is found by it.
TEST(Api, AnswersAProbeSetWithCountsAndNothingOfAnyProbe) {
  bool seen = false;
  for (const auto* method : AllMethods()) {
    if (!IsEvaluation(method)) continue;
    seen = true;
    const MethodPolicy policy = PolicyOf(method);
    ASSERT_EQ(policy.roles_size(), 1);
    EXPECT_EQ(policy.roles(0), ROLE_SUPERVISOR);
    Walk(method->output_type(), [&](const FieldDescriptor* field) {
      EXPECT_FALSE(NameHas(field, {"candidate", "subject", "result", "match", "name"}))
          << field->full_name();
      EXPECT_TRUE(!field->is_repeated() || field->message_type() == ErrorCounts::descriptor())
          << field->full_name();
    });
    for (int i = 0; i < ErrorCounts::descriptor()->field_count(); ++i) {
      EXPECT_EQ(ErrorCounts::descriptor()->field(i)->type(), FieldDescriptor::TYPE_UINT32);
    }
  }
  EXPECT_TRUE(seen);
}

TEST(Api, ReturnsNoTemplateScoreImageOrUrl) {
  // A policy that a supervisor sets and everybody may read; not the result of any comparison.
  const std::string exempt = "kluis.v1.PurposeRegistration.threshold";
  std::set<std::string> exempt_fields;
  for (int i = 0; i < ThresholdPolicy::descriptor()->field_count(); ++i) {
    exempt_fields.insert(ThresholdPolicy::descriptor()->field(i)->full_name());
  }
  bool exemption_used = false;
  for (const auto* method : AllMethods()) {
    Walk(method->output_type(), [&](const FieldDescriptor* field) {
      const std::string where = method->full_name() + ": " + field->full_name();
      if (field->message_type() == ThresholdPolicy::descriptor()) {
        EXPECT_EQ(field->full_name(), exempt) << where;
        exemption_used = true;
        return;
      }
      if (!exempt_fields.contains(field->full_name())) {
        EXPECT_NE(field->cpp_type(), FieldDescriptor::CPPTYPE_FLOAT) << where;
        EXPECT_NE(field->cpp_type(), FieldDescriptor::CPPTYPE_DOUBLE) << where;
      }
      EXPECT_NE(field->message_type(), Template::descriptor()) << where;
      EXPECT_FALSE(NameHas(field, {"template_values", "score", "similarity", "distance",
                                   "embedding", "image", "photo", "url", "vector"}))
          << where;
    });
  }
  EXPECT_TRUE(exemption_used);
}

TEST(Api, TakesNoImageAndNoUrl) {
  for (const auto* method : AllMethods()) {
    Walk(method->input_type(), [&](const FieldDescriptor* field) {
      EXPECT_FALSE(NameHas(field, {"image", "photo", "url", "uri", "picture"}))
          << method->full_name() << ": " << field->full_name();
    });
  }
}

TEST(Statements, HaveNoImageAndNoUrl) {
  const auto* file = Consent::descriptor()->file();
  for (int i = 0; i < file->message_type_count(); ++i) {
    Walk(file->message_type(i), [&](const FieldDescriptor* field) {
      EXPECT_FALSE(NameHas(field, {"image", "photo", "url", "uri", "picture"}))
          << field->full_name();
    });
  }
}

// GDPR 7(3).
TEST(Withdrawal, AsksForNothingThatConsentDoesNot) {
  const Descriptor* consent = Consent::descriptor();
  const Descriptor* withdrawal = Withdrawal::descriptor();
  for (int i = 0; i < withdrawal->field_count(); ++i) {
    EXPECT_NE(consent->FindFieldByName(withdrawal->field(i)->name()), nullptr)
        << withdrawal->field(i)->name();
  }
  EXPECT_LT(withdrawal->field_count(), consent->field_count());
  EXPECT_LE(WithdrawConsentRequest::descriptor()->field_count(),
            EnrollRequest::descriptor()->field_count());
}

TEST(Api, TakesARequestIdWithEveryCallThatChangesSomething) {
  for (const auto* method : AllMethods()) {
    const bool reads = PolicyOf(method).kind() == LOG_KIND_PUBLIC || method->name() == "GetCase" ||
                       method->name() == "ListCases" || IsOrderToTheVault(method->name());
    if (reads) continue;
    // Of a batch, each row is a request of its own.
    const Descriptor* request = method->name() == "BatchEnroll"
                                    ? method->input_type()->FindFieldByName("row")->message_type()
                                    : method->input_type();
    const auto* field = request->FindFieldByName("request_id");
    ASSERT_NE(field, nullptr) << method->full_name();
    EXPECT_EQ(field->type(), FieldDescriptor::TYPE_STRING) << method->full_name();
    EXPECT_EQ(field->number(), 1) << method->full_name();
  }
}

// The field at a dotted path below `type`; null: there is none.
const FieldDescriptor* FieldAt(const Descriptor* type, const std::string& path) {
  const size_t dot = path.find('.');
  const FieldDescriptor* field = type->FindFieldByName(path.substr(0, dot));
  if (field == nullptr || dot == std::string::npos) return field;
  return field->message_type() == nullptr ? nullptr
                                          : FieldAt(field->message_type(), path.substr(dot + 1));
}

TEST(Api, AnswersEveryCallThatMakesAnEntryWithItsReceipt) {
  const std::map<std::string, std::string> elsewhere = {{"BatchEnroll", "enrolled.receipt"},
                                                        {"WithdrawConsent", "erasure.started"}};
  for (const auto* method : AllMethods()) {
    const auto place = elsewhere.find(method->name());
    const FieldDescriptor* receipt =
        FieldAt(method->output_type(), place == elsewhere.end() ? "receipt" : place->second);
    // Of several shares the last one makes the entry.
    const bool by_the_last = method->name() == "UnsealVault" || method->name() == "ProveShare";
    if (PolicyOf(method).kind() == LOG_KIND_PUBLIC) {
      EXPECT_EQ(receipt != nullptr, by_the_last) << method->full_name();
      continue;
    }
    ASSERT_NE(receipt, nullptr) << method->full_name();
    EXPECT_EQ(receipt->message_type(), Receipt::descriptor()) << method->full_name();
    EXPECT_FALSE(receipt->is_repeated()) << method->full_name();
  }
  EXPECT_NE(Receipt::descriptor()->FindFieldByName("log_index"), nullptr);
}

// A search is two entries; what is known of it must not hang on the second.
TEST(Api, AnswersASearchWithTheReceiptOfItsIntentToo) {
  for (const Descriptor* response :
       {IdentifyResponse::descriptor(), VerifyResponse::descriptor()}) {
    const FieldDescriptor* intent = response->FindFieldByName("intent");
    ASSERT_NE(intent, nullptr) << response->full_name();
    EXPECT_EQ(intent->message_type(), Receipt::descriptor()) << response->full_name();
  }
}

TEST(Api, LetsOnlyTheSubjectWithdrawAndOnlyJudgesWarrant) {
  for (const auto* method : AllMethods()) {
    const MethodPolicy policy = PolicyOf(method);
    const auto only = [&](Role role) {
      return policy.roles_size() == 1 && policy.roles(0) == role;
    };
    const std::string& service = method->service()->name();
    if (service == "SubjectService") {
      EXPECT_TRUE(only(ROLE_SUBJECT)) << method->name();
    }
    if (service == "SearchService") {
      EXPECT_TRUE(only(ROLE_OFFICER)) << method->name();
    }
    if (service == "EnrollmentService") {
      EXPECT_TRUE(only(ROLE_REGISTRAR)) << method->name();
    }
    if (method->name().find("Warrant") != std::string::npos) {
      EXPECT_TRUE(only(ROLE_JUDGE)) << method->name();
    }
  }
}

}  // namespace
}  // namespace kluis::v1::proto_api_test
