// SPDX-License-Identifier: Apache-2.0
// Feeds bytes to the reading of a founding document, as the first start does, up to the decision: a
// founding that is allowed is signed by all the supervisors that it names itself.
#include <google/protobuf/stubs/logging.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>

#include "audit/statement.h"
#include "audit/statement_facts.h"
#include "policy/decide.h"
#include "policy/state_view.h"

namespace {

using namespace kluis;

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const google::protobuf::LogSilencer silence;  // of text that is not UTF-8
  const auto envelope =
      audit::EnvelopeFromJson(std::string(reinterpret_cast<const char*>(data), size));
  if (!envelope.ok()) return 0;
  v1::Founding founding;
  if (!audit::ReadPayload(*envelope, founding).ok()) return 0;
  auto facts = audit::FactsOf(*envelope, founding);
  if (!facts.ok()) return 0;
  const auto signers = audit::FoundingSigners(*envelope, founding);
  v1::Command command;
  command.set_method("Found");
  command.mutable_caller()->set_role(v1::ROLE_SUPERVISOR);
  *command.mutable_found()->mutable_founding() = founding;
  for (const std::string& keyid : signers) facts->add_signed_by(keyid);
  *command.mutable_found()->mutable_statement() = *facts;
  const policy::MemoryState empty;
  const auto ruling = policy::Decide(empty, command, founding.issued_at().seconds());
  if (!ruling.ok() || !ruling->decision.allowed()) return 0;
  const std::set<std::string> different(signers.begin(), signers.end());
  Require(!different.empty() &&
          different.size() == static_cast<size_t>(founding.supervisors_size()));
  Require(founding.threshold() >= 1 && founding.threshold() <= different.size());
  Require(!ruling->changes.empty());
  return 0;
}
