// SPDX-License-Identifier: Apache-2.0
// The RPCs of the API, with what their annotations in proto/ say. Thread-safe.
#ifndef KLUIS_SERVICE_RPC_METHODS_H_
#define KLUIS_SERVICE_RPC_METHODS_H_

#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "kluis/v1/annotations.pb.h"

namespace kluis::service {

struct Method {
  std::string name;  // "GetHoldings"
  v1::MethodPolicy policy;
  bool streams = false;  // its requests or its answers
  // A right of a subject: signed by it, so that it counts against the caller's certificate only
  // until the signature verifies.
  bool is_subject_right = false;
};

// The RPC that takes `request`: no two take the same message. One that nobody may call when none of
// the API does. Valid for the life of the process.
const Method& MethodOf(const google::protobuf::Descriptor& request);

std::vector<const Method*> AllMethods();

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RPC_METHODS_H_
