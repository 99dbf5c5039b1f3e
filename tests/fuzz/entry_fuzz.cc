// SPDX-License-Identifier: Apache-2.0
// Feeds bytes to the decoding of a log entry, then folds its changes and decides its command again,
// over an empty state and over the state that its own changes make: no bytes may bring it down. A
// refusal changes nothing, an allowed command folds, and deciding twice gives the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "google/protobuf/stubs/logging.h"
#include "policy/decide.h"
#include "policy/record_key.h"

namespace {

using namespace kluis;

void Require(bool holds) {
  if (!holds) std::abort();
}

void DecideOver(policy::MemoryState& state, const v1::Command& command, policy::Time now) {
  const auto ruling = policy::Decide(state, command, now);
  if (!ruling.ok()) return;
  const auto again = policy::Decide(state, command, now);
  Require(again.ok() && again->changes.size() == ruling->changes.size());
  Require(again->decision.SerializeAsString() == ruling->decision.SerializeAsString());
  Require(ruling->decision.allowed() || (ruling->changes.empty() && !ruling->grant));
  v1::Entry entry;
  entry.mutable_changes()->Add(ruling->changes.begin(), ruling->changes.end());
  for (const v1::RecordChange& change : entry.changes())
    Require(!policy::Apply(change).key.empty());
  state.ApplyChanges(entry);
  (void)policy::Decide(state, command, now);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const google::protobuf::LogSilencer silence;  // of text that is not UTF-8
  v1::Entry entry;
  if (size > 65'535 || !entry.ParseFromArray(data, static_cast<int>(size))) return 0;
  policy::MemoryState empty;
  DecideOver(empty, entry.command(), entry.decided_at());
  policy::MemoryState made;
  made.ApplyChanges(entry);
  DecideOver(made, entry.command(), entry.decided_at());
  return 0;
}
