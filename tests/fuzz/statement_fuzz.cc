// SPDX-License-Identifier: Apache-2.0
// Feeds bytes to the readers of statements: the first byte picks the kind, the rest is the payload;
// and the whole input is read as a DSSE envelope's JSON. What is accepted has one meaning: made
// again from what was understood, it reads back equal.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "audit/statement.h"
#include "google/protobuf/descriptor.h"

namespace {

using namespace kluis;
using google::protobuf::Message;

void Require(bool holds) {
  if (!holds) std::abort();
}

// An empty message of each kind of statement, in the order of the file.
std::vector<const Message*> Kinds() {
  std::vector<const Message*> kinds;
  const auto* file = v1::Consent::descriptor()->file();
  for (int i = 0; i < file->message_type_count(); ++i) {
    if (file->message_type(i)->FindFieldByName("statement_id") == nullptr) continue;
    kinds.push_back(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(file->message_type(i)));
  }
  return kinds;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<const Message*> kinds = Kinds();
  const std::string input(reinterpret_cast<const char*>(data), size);

  if (const auto envelope = audit::EnvelopeFromJson(input); envelope.ok()) {
    const auto again = audit::EnvelopeFromJson(audit::EnvelopeToJson(*envelope));
    Require(again.ok() && again->SerializeAsString() == envelope->SerializeAsString());
  }
  if (size == 0) return 0;
  const Message* kind = kinds[data[0] % kinds.size()];
  v1::Envelope envelope;
  envelope.set_payload_type(audit::PayloadTypeOf(*kind->GetDescriptor()));
  envelope.set_payload(input.substr(1));
  const std::unique_ptr<Message> read(kind->New());
  if (!audit::ReadPayload(envelope, *read).ok()) return 0;
  const auto made = audit::MakeStatement(*read);
  if (!made.ok()) {
    // Escapes may make it longer than what was read.
    Require(made.status().code() == absl::StatusCode::kInvalidArgument &&
            envelope.payload().size() > audit::kMaxPayloadBytes / 6);
    return 0;
  }
  const std::unique_ptr<Message> again(kind->New());
  Require(audit::ReadPayload(*made, *again).ok());
  Require(again->SerializeAsString() == read->SerializeAsString());
  return 0;
}
