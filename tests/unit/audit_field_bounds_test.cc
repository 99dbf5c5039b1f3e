// SPDX-License-Identifier: Apache-2.0
// Every text of a statement has a longest length.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "audit/field_bounds.h"
#include "audit/statement.h"
#include "kluis/v1/statements.pb.h"

namespace kluis::audit::field_bounds_test {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

bool IsTextOfAStatement(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_STRING &&
         field.containing_type()->name() != "Envelope" &&
         field.containing_type()->full_name() != "kluis.v1.Envelope.Signature";
}

// Calls visit with every message of statements.proto.
template <class Visit>
void ForEachMessage(const Visit& visit) {
  const auto* file = v1::Consent::descriptor()->file();
  for (int i = 0; i < file->message_type_count(); ++i) visit(*file->message_type(i));
}

TEST(FieldBounds, KnowEveryTextOfEveryStatement) {
  int texts = 0;
  ForEachMessage([&](const Descriptor& message) {
    for (int i = 0; i < message.field_count(); ++i) {
      if (!IsTextOfAStatement(*message.field(i))) continue;
      ++texts;
      const auto most = MaxBytesOf(*message.field(i));
      EXPECT_TRUE(most.has_value()) << message.field(i)->full_name() << " has no bound";
      EXPECT_LE(most.value_or(0), 8000u) << message.field(i)->full_name();
    }
  });
  EXPECT_GT(texts, 80);
}

// Each text one byte longer than it may be, and as long as it may be.
TEST(FieldBounds, RefuseEveryTextThatIsLonger) {
  const auto* file = v1::Consent::descriptor()->file();
  for (int i = 0; i < file->message_type_count(); ++i) {
    const Descriptor& type = *file->message_type(i);
    const auto* prototype =
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type);
    for (int k = 0; k < type.field_count(); ++k) {
      const FieldDescriptor& field = *type.field(k);
      if (!IsTextOfAStatement(field) || field.is_repeated()) continue;
      const std::unique_ptr<google::protobuf::Message> message(prototype->New());
      const size_t most = MaxBytesOf(field).value_or(0);
      message->GetReflection()->SetString(message.get(), &field, std::string(most, 'a'));
      EXPECT_TRUE(CheckFieldBounds(*message).ok()) << field.full_name();
      message->GetReflection()->SetString(message.get(), &field, std::string(most + 1, 'a'));
      EXPECT_TRUE(absl::IsInvalidArgument(CheckFieldBounds(*message))) << field.full_name();
    }
  }
}

TEST(FieldBounds, AreAskedWhenAStatementIsRead) {
  v1::CaseOpening opening;
  opening.set_legal_basis(std::string(20'000, 'a'));
  const auto envelope = MakeStatement(opening);
  ASSERT_TRUE(envelope.ok());
  v1::CaseOpening read;
  const absl::Status refused = ReadPayload(*envelope, read);
  EXPECT_TRUE(absl::IsInvalidArgument(refused));
  EXPECT_NE(std::string(refused.message()).find("legal_basis"), std::string::npos);
  opening.set_legal_basis(std::string(1000, 'a'));
  EXPECT_TRUE(ReadPayload(*MakeStatement(opening), read).ok());
}

TEST(FieldBounds, ReachIntoListsAndMessages) {
  v1::PurposeRegistration purpose;
  for (int i = 0; i < kMaxRepeated; ++i) purpose.add_notices()->set_language("en");
  EXPECT_TRUE(CheckFieldBounds(purpose).ok());
  purpose.mutable_notices(31)->set_language(std::string(36, 'e'));
  EXPECT_FALSE(CheckFieldBounds(purpose).ok());
  purpose.mutable_notices(31)->set_language("en");
  purpose.add_notices();
  EXPECT_FALSE(CheckFieldBounds(purpose).ok());
  v1::PurposeRegistration other;
  other.mutable_controller()->set_contact(std::string(201, 'c'));
  EXPECT_FALSE(CheckFieldBounds(other).ok());
}

}  // namespace
}  // namespace kluis::audit::field_bounds_test
