// SPDX-License-Identifier: Apache-2.0
#include "service/rpc/methods.h"

#include <map>

#include "kluis/v1/audit_service.pb.h"
#include "kluis/v1/case_service.pb.h"
#include "kluis/v1/enrollment_service.pb.h"
#include "kluis/v1/search_service.pb.h"
#include "kluis/v1/subject_service.pb.h"
#include "kluis/v1/supervision_service.pb.h"
#include "kluis/v1/vault_service.pb.h"

namespace kluis::service {
namespace {

using Methods = std::map<const google::protobuf::Descriptor*, Method>;

void AddServicesOf(const google::protobuf::FileDescriptor& file, Methods& methods) {
  for (int i = 0; i < file.service_count(); ++i) {
    const google::protobuf::ServiceDescriptor& service = *file.service(i);
    for (int k = 0; k < service.method_count(); ++k) {
      const google::protobuf::MethodDescriptor& method = *service.method(k);
      methods[method.input_type()] = {method.name(),
                                      method.options().GetExtension(v1::method_policy),
                                      method.client_streaming() || method.server_streaming(),
                                      service.name() == "SubjectService"};
    }
  }
}

// Made once and never freed.
const Methods& All() {
  static const Methods& all = *[] {
    auto* const made = new Methods;
    AddServicesOf(*v1::EnrollRequest::descriptor()->file(), *made);
    AddServicesOf(*v1::GetHoldingsRequest::descriptor()->file(), *made);
    AddServicesOf(*v1::OpenCaseRequest::descriptor()->file(), *made);
    AddServicesOf(*v1::IdentifyRequest::descriptor()->file(), *made);
    AddServicesOf(*v1::AccreditAuthorityRequest::descriptor()->file(), *made);
    AddServicesOf(*v1::GetCheckpointRequest::descriptor()->file(), *made);
    AddServicesOf(*v1::GetVaultStatusRequest::descriptor()->file(), *made);
    return made;
  }();
  return all;
}

}  // namespace

const Method& MethodOf(const google::protobuf::Descriptor& request) {
  static const Method& nobodys = *new Method;
  const auto found = All().find(&request);
  return found == All().end() ? nobodys : found->second;
}

std::vector<const Method*> AllMethods() {
  std::vector<const Method*> methods;
  for (const auto& [request, method] : All()) methods.push_back(&method);
  return methods;
}

}  // namespace kluis::service
