// SPDX-License-Identifier: Apache-2.0
#include "client/verbs/purpose_order.h"

namespace kluis::client {

void AddOrderOptions(base::Verb verb, OrderOptions& options) {
  verb.Text("purpose", options.purpose, "The purpose's name").Called("PURPOSE").Required();
  const base::Option keys =
      verb.Repeated("--key", options.keys, "A supervisor's key; repeatable").Called("FILE");
  const base::Option reasons = verb.Text("--reasons", options.reasons, "Why; public in the log");
  verb.Text("--statement,--order", options.statement,
            "A signed order instead (kluis statement sign and cosign)")
      .Called("FILE")
      .Excludes(keys)
      .Excludes(reasons);
}

}  // namespace kluis::client
