// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "audit/statement.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/timestamp.pb.h"

namespace kluis::audit::statement_test {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

crypto::SigningKey Key(char seed) {
  return *crypto::SigningKey::FromSeed(crypto::SecretBytes::CopyOf(std::string(32, seed)));
}

v1::Consent AConsent() {
  v1::Consent consent;
  consent.set_vault("vault.example/log");
  consent.set_statement_id("000102030405060708090a0b0c0d0e0f");
  consent.mutable_issued_at()->set_seconds(1'800'000'000);
  consent.set_purpose("missing-persons");
  consent.mutable_notice()->set_language("nl");
  consent.mutable_notice()->set_version("1");
  consent.set_explicit_consent(true);
  return consent;
}

constexpr std::string_view kConsentJson =
    R"({"vault":"vault.example/log","statement_id":"000102030405060708090a0b0c0d0e0f",)"
    R"("issued_at":"2027-01-15T08:00:00Z","purpose":"missing-persons",)"
    R"("notice":{"language":"nl","version":"1"},"explicit_consent":true})";

// Reads `json` as the payload of a statement of the type of `into`.
absl::Status ReadAs(Message& into, std::string_view json) {
  v1::Envelope envelope;
  envelope.set_payload_type(PayloadTypeOf(*into.GetDescriptor()));
  envelope.set_payload(std::string(json));
  return ReadPayload(envelope, into);
}

void ExpectRefused(std::string_view json) {
  v1::Consent consent;
  EXPECT_EQ(ReadAs(consent, json).code(), absl::StatusCode::kInvalidArgument) << json;
}

// kConsentJson with `from` replaced by `to`.
std::string With(std::string_view from, std::string_view to) {
  std::string json(kConsentJson);
  const size_t at = json.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return json.replace(at, from.size(), to);
}

TEST(PayloadType, IsTheKindInKebabCase) {
  EXPECT_EQ(PayloadTypeOf(*v1::CaseOpening::descriptor()),
            "application/vnd.kluis.case-opening.v1+json");
  EXPECT_EQ(KindOf("application/vnd.kluis.case-opening.v1+json"), "case-opening");
  for (const char* other : {"", "case-opening", "application/vnd.kluis.v1+json",
                            "application/vnd.kluis.case-opening.v2+json",
                            "application/vnd.kluis.case-opening", "application/json"}) {
    EXPECT_EQ(KindOf(other), "") << other;
  }
}

TEST(MakeStatement, WritesCompactJsonWithTheFieldNamesOfTheProto) {
  const auto envelope = MakeStatement(AConsent());
  ASSERT_TRUE(envelope.ok());
  EXPECT_EQ(envelope->payload_type(), "application/vnd.kluis.consent.v1+json");
  EXPECT_EQ(envelope->payload(), kConsentJson);
  EXPECT_EQ(envelope->signatures_size(), 0);
}

TEST(MakeStatement, RefusesAPayloadOver32KiB) {
  v1::CaseOpening opening;
  opening.set_legal_basis(std::string(kMaxPayloadBytes - 18, 'n'));
  EXPECT_TRUE(MakeStatement(opening).ok());  // {"legal_basis":""} is 18
  opening.set_legal_basis(std::string(kMaxPayloadBytes - 17, 'n'));
  EXPECT_EQ(MakeStatement(opening).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ReadPayload, UndoesMakeStatement) {
  v1::Consent consent;
  ASSERT_TRUE(ReadPayload(*MakeStatement(AConsent()), consent).ok());
  EXPECT_EQ(consent.SerializeAsString(), AConsent().SerializeAsString());
}

TEST(IsStatementOf, IsTrueOfWhatMakeStatementWritesAndReadPayloadTakes) {
  const v1::Consent consent = AConsent();
  v1::Envelope envelope = *MakeStatement(consent);
  EXPECT_TRUE(IsStatementOf(envelope, consent));
  v1::Consent other = consent;
  other.set_purpose("other");
  EXPECT_FALSE(IsStatementOf(envelope, other));
  EXPECT_FALSE(IsStatementOf(envelope, v1::Withdrawal()));
  for (int i = 0; i < kMaxSignatures; ++i) envelope.add_signatures();
  EXPECT_TRUE(IsStatementOf(envelope, consent));
  envelope.add_signatures();
  EXPECT_FALSE(IsStatementOf(envelope, consent));

  v1::CaptureAttestation attestation;
  attestation.set_subject_category(static_cast<v1::SubjectCategory>(77));
  EXPECT_FALSE(IsStatementOf(*MakeStatement(attestation), attestation));
}

TEST(ReadPayload, TakesAnyOrderOfFieldsAndAnyWhiteSpace) {
  v1::Consent consent;
  EXPECT_TRUE(ReadAs(consent, R"( { "explicit_consent" : true ,
    "notice" : { "version" : "1", "language" : "nl" },
	"purpose" : "missing-persons", "issued_at": "2027-01-15T08:00:00Z",
    "statement_id": "000102030405060708090a0b0c0d0e0f", "vault": "vault.example/log" }
  )")
                  .ok());
  EXPECT_EQ(consent.SerializeAsString(), AConsent().SerializeAsString());
}

TEST(ReadPayload, ForgetsWhatTheMessageHeldBefore) {
  v1::Consent consent;
  consent.set_subject_public_key("left over");
  ASSERT_TRUE(ReadAs(consent, kConsentJson).ok());
  EXPECT_EQ(consent.subject_public_key(), "");
}

TEST(ReadPayload, RefusesUnknownFields) {
  ExpectRefused(With("\"purpose\"", "\"extra\":1,\"purpose\""));
  ExpectRefused(With("\"language\"", "\"extra\":1,\"language\""));
  ExpectRefused(With("\"purpose\"", "\"[kluis.v1.x]\":1,\"purpose\""));
}

TEST(ReadPayload, RefusesDuplicateFieldsAtAnyDepth) {
  ExpectRefused(With("\"purpose\"", "\"purpose\":\"missing-persons\",\"purpose\""));
  ExpectRefused(With("\"purpose\"", "\"purpose\":\"other\",\"purpose\""));
  ExpectRefused(With("\"language\"", "\"language\":\"nl\",\"language\""));
  ExpectRefused(With("\"notice\"", "\"notice\":{\"sha256\":\"x\"},\"notice\""));
  ExpectRefused(With("\"purpose\"", "\"p\\u0075rpose\":\"missing-persons\",\"purpose\""));
}

TEST(ReadPayload, RefusesACamelCaseName) {
  ExpectRefused(With("statement_id", "statementId"));
  ExpectRefused(With("explicit_consent", "explicitConsent"));
}

TEST(ReadPayload, RefusesAWrittenDefault) {
  ExpectRefused(With("\"explicit_consent\":true", "\"explicit_consent\":false"));
  ExpectRefused(With("\"vault.example/log\"", "\"\""));
  v1::Warrant warrant;
  EXPECT_FALSE(ReadAs(warrant, R"({"budget":0})").ok());
  EXPECT_FALSE(ReadAs(warrant, R"({"subject_categories":[]})").ok());
}

TEST(ReadPayload, RefusesNull) {
  ExpectRefused(With("\"missing-persons\"", "null"));
  ExpectRefused(With("{\"language\":\"nl\",\"version\":\"1\"}", "null"));
  ExpectRefused("null");
}

TEST(ReadPayload, RefusesANumberInAnyOtherSpelling) {
  v1::Warrant warrant;
  EXPECT_TRUE(ReadAs(warrant, R"({"budget":3})").ok());
  for (const char* number : {"\"3\"", "-3", "3.5", "03", "4294967296", "4294967299", "true", "[3]",
                             "0x3", "+3", "3 4", "3.0", "3e0", "0.3e1", "30E-1"}) {
    EXPECT_FALSE(ReadAs(warrant, std::string("{\"budget\":") + number + "}").ok()) << number;
  }
  v1::ThresholdPolicy threshold;
  EXPECT_TRUE(ReadAs(threshold, R"({"target_fpir":0.001})").ok());
  for (const char* number : {"1e-3", "0.0010", "1.0e-3", "0.001e0"}) {
    EXPECT_FALSE(ReadAs(threshold, std::string("{\"target_fpir\":") + number + "}").ok()) << number;
  }
}

TEST(ReadPayload, RefusesAnEnumThatIsNotItsName) {
  v1::CaseOpening opening;
  EXPECT_TRUE(ReadAs(opening, R"({"matter":"MATTER_OFFENCE"})").ok());
  for (const char* value : {"2", "\"2\"", "\"matter_offence\"", "\"OFFENCE\"", "99", "\"\"",
                            "\"MATTER_UNSPECIFIED\""}) {
    EXPECT_FALSE(ReadAs(opening, std::string("{\"matter\":") + value + "}").ok()) << value;
  }
  EXPECT_FALSE(ReadAs(opening, R"({"subject_categories":[3]})").ok());
  EXPECT_FALSE(ReadAs(opening, R"({"subject_categories":[99]})").ok());
}

TEST(ReadPayload, RefusesABooleanThatIsNotTrue) {
  for (const char* value : {"\"true\"", "1", "True", "[true]"}) {
    ExpectRefused(With("\"explicit_consent\":true", std::string("\"explicit_consent\":") + value));
  }
}

TEST(ReadPayload, RefusesEveryOtherSpellingOfATime) {
  for (const char* time :
       {"2027-01-15T09:00:00+01:00", "2027-01-15T08:00:00+00:00", "2027-01-15T08:00:00.000Z",
        "2027-01-15T08:00:00.0Z", "2027-01-15t08:00:00z", "2027-01-15 08:00:00Z", "2027-01-15",
        "2027-01-15T08:00:00", "2027-13-15T08:00:00Z", "2027-01-15T24:00:00Z", "1800000000", "",
        "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", " 2027-01-15T08:00:00Z"}) {
    ExpectRefused(With("2027-01-15T08:00:00Z", time));
  }
  ExpectRefused(With("\"2027-01-15T08:00:00Z\"", "1800000000"));
  ExpectRefused(With("\"2027-01-15T08:00:00Z\"", R"({"seconds":1800000000})"));
}

TEST(ReadPayload, RefusesWhatIsNotOneStrictJsonObject) {
  const std::string json(kConsentJson);
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string("1"), std::string("\"\""),
        json + "x", json + "{}", json + json, "\xef\xbb\xbf" + json, "/* c */" + json,
        json + "// c", "[" + json + "]", json.substr(0, json.size() - 1), json + std::string(1, 0),
        With("\"purpose\"", "purpose"), With("\"purpose\"", "'purpose'"), With("true}", "true,}"),
        With("\"nl\"", "'nl'")}) {
    ExpectRefused(text);
  }
}

TEST(ReadPayload, RefusesTextThatIsNotUtf8) {
  for (const char* bytes :
       {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\\ud800", "\\udc00"}) {
    ExpectRefused(With("missing-persons", bytes));
  }
}

TEST(ReadPayload, RefusesControlCharactersThatAreNotEscaped) {
  ExpectRefused(With("missing-persons", "a\nb"));
  ExpectRefused(With("missing-persons", std::string_view("a\0b", 3)));
}

TEST(ReadPayload, RefusesAnotherPayloadType) {
  for (const char* type :
       {"", "application/json", "application/vnd.kluis.withdrawal.v1+json",
        "application/vnd.kluis.Consent.v1+json", "application/vnd.kluis.consent.v1+json ",
        "application/vnd.kluis.consent.v2+json"}) {
    v1::Envelope envelope = *MakeStatement(AConsent());
    envelope.set_payload_type(type);
    v1::Consent consent;
    EXPECT_EQ(ReadPayload(envelope, consent).code(), absl::StatusCode::kInvalidArgument) << type;
  }
}

TEST(ReadPayload, RefusesOver32KiBAndOver16Signatures) {
  v1::Consent consent;
  const std::string json(kConsentJson);
  EXPECT_TRUE(ReadAs(consent, json + std::string(kMaxPayloadBytes - json.size(), ' ')).ok());
  ExpectRefused(json + std::string(kMaxPayloadBytes - json.size() + 1, ' '));
  v1::Envelope envelope = *MakeStatement(AConsent());
  for (char seed = 'a'; seed < 'a' + kMaxSignatures; ++seed) AddSignature(Key(seed), envelope);
  EXPECT_TRUE(ReadPayload(envelope, consent).ok());
  AddSignature(Key('z'), envelope);
  EXPECT_EQ(ReadPayload(envelope, consent).code(), absl::StatusCode::kInvalidArgument);
}

TEST(ReadPayload, RefusesDeepNesting) {
  ExpectRefused("{\"notice\":" + std::string(16'000, '[') + std::string(16'000, ']') + "}");
  std::string deep;
  for (int i = 0; i < 3000; ++i) deep += "{\"notice\":";
  ExpectRefused(deep + "1" + std::string(3000, '}'));
}

TEST(Signature, VerifiesForItsKeyOnly) {
  v1::Envelope envelope = *MakeStatement(AConsent());
  EXPECT_FALSE(IsSignedBy(envelope, Key('a').public_key()));
  AddSignature(Key('a'), envelope);
  EXPECT_TRUE(IsSignedBy(envelope, Key('a').public_key()));
  EXPECT_FALSE(IsSignedBy(envelope, Key('b').public_key()));
  AddSignature(Key('b'), envelope);
  EXPECT_TRUE(IsSignedBy(envelope, Key('a').public_key()));
  EXPECT_TRUE(IsSignedBy(envelope, Key('b').public_key()));
}

TEST(Signature, OfTheSameKeyIsReplaced) {
  v1::Envelope envelope = *MakeStatement(AConsent());
  AddSignature(Key('a'), envelope);
  envelope.mutable_signatures(0)->set_sig(std::string(64, 's'));
  AddSignature(Key('a'), envelope);
  EXPECT_EQ(envelope.signatures_size(), 1);
  EXPECT_TRUE(IsSignedBy(envelope, Key('a').public_key()));
}

TEST(Signature, IsFoundBesideABadOneOfTheSameKey) {
  v1::Envelope envelope = *MakeStatement(AConsent());
  AddSignature(Key('a'), envelope);
  v1::Envelope::Signature good = envelope.signatures(0);
  envelope.mutable_signatures(0)->set_sig(std::string(64, 's'));
  *envelope.add_signatures() = good;
  EXPECT_TRUE(IsSignedBy(envelope, Key('a').public_key()));
}

TEST(Signature, FailsForEveryAlteredBitOfPayloadAndSignature) {
  v1::Envelope signed_one = *MakeStatement(AConsent());
  AddSignature(Key('a'), signed_one);
  const crypto::PublicKey key = Key('a').public_key();
  for (const bool in_payload : {true, false}) {
    v1::Envelope envelope = signed_one;
    std::string& bytes =
        in_payload ? *envelope.mutable_payload() : *envelope.mutable_signatures(0)->mutable_sig();
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
      EXPECT_FALSE(IsSignedBy(envelope, key)) << bit;
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    }
    EXPECT_TRUE(IsSignedBy(envelope, key));
  }
}

TEST(Signature, FailsUnderAnotherTypeAnotherKeyIdAndAnotherLength) {
  v1::Envelope envelope = *MakeStatement(AConsent());
  AddSignature(Key('a'), envelope);
  AddSignature(Key('b'), envelope);
  v1::Envelope changed = envelope;
  changed.set_payload_type(PayloadTypeOf(*v1::Withdrawal::descriptor()));
  EXPECT_FALSE(IsSignedBy(changed, Key('a').public_key()));
  changed = envelope;
  changed.mutable_signatures(0)->mutable_keyid()->swap(
      *changed.mutable_signatures(1)->mutable_keyid());
  EXPECT_FALSE(IsSignedBy(changed, Key('a').public_key()));
  EXPECT_FALSE(IsSignedBy(changed, Key('b').public_key()));
  changed = envelope;
  changed.mutable_signatures(0)->mutable_sig()->push_back('x');
  EXPECT_FALSE(IsSignedBy(changed, Key('a').public_key()));
}

TEST(EnvelopeJson, RoundTrips) {
  v1::Envelope envelope = *MakeStatement(AConsent());
  AddSignature(Key('a'), envelope);
  AddSignature(Key('b'), envelope);
  const auto back = EnvelopeFromJson(EnvelopeToJson(envelope));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->SerializeAsString(), envelope.SerializeAsString());
}

TEST(EnvelopeJson, HasTheFieldsOfDsse) {
  v1::Envelope envelope;
  envelope.set_payload_type("t");
  envelope.set_payload("hello");
  EXPECT_EQ(EnvelopeToJson(envelope),
            R"({"payloadType":"t","payload":"aGVsbG8=","signatures":[]})");
}

TEST(EnvelopeJson, RefusesEveryOtherShape) {
  const std::string sig = "\"sig\":\"" + std::string(86, 'A') + "==\"";
  const auto text = [](const std::string& signatures) {
    return R"({"payloadType":"t","payload":"aGVsbG8=","signatures":)" + signatures + "}";
  };
  EXPECT_TRUE(EnvelopeFromJson(text("[{\"keyid\":\"k\"," + sig + "}]")).ok());
  for (const std::string& json :
       {std::string(),
        std::string("{}"),
        std::string("null"),
        std::string("[]"),
        text("{}"),
        text("null"),
        text("[{}]"),
        text("[1]"),
        text("[{\"keyid\":\"k\"}]"),
        text("[{" + sig + "}]"),
        text("[{\"keyid\":\"k\"," + sig + ",\"x\":1}]"),
        text("[{\"keyid\":1," + sig + "}]"),
        text("[{\"key\":\"k\"," + sig + "}]"),
        text("[{\"keyid\":\"k\",\"sig\":\"AAAA\"}]"),
        text("[],\"x\":1"),
        text("[],\"payload\":\"aGVsbG8=\""),
        text("[]") + "x",
        "\xef\xbb\xbf" + text("[]"),
        std::string(R"({"payloadType":"","payload":"aGVsbG8=","signatures":[]})"),
        std::string(R"({"payloadType":"t","payload":"","signatures":[]})"),
        std::string(R"({"payloadType":"t","payload":"aGVsbG8","signatures":[]})"),
        std::string(R"({"payloadType":"t","payload":1,"signatures":[]})"),
        std::string(R"({"payloadType":1,"payload":"aGVsbG8=","signatures":[]})"),
        std::string(R"({"payload_type":"t","payload":"aGVsbG8=","signatures":[]})")}) {
    EXPECT_EQ(EnvelopeFromJson(json).status().code(), absl::StatusCode::kInvalidArgument) << json;
  }
  EXPECT_FALSE(EnvelopeFromJson(text("[]") + std::string(4 * kMaxPayloadBytes, ' ')).ok());
}

// Property: whatever a statement holds, what is made of it reads back the same.

class Filler {
 public:
  explicit Filler(uint64_t seed) : random_(seed) {}

  void Fill(Message& message) {
    const auto* type = message.GetDescriptor();
    const auto* reflection = message.GetReflection();
    if (type == google::protobuf::Timestamp::descriptor()) {
      auto& time = static_cast<google::protobuf::Timestamp&>(message);
      time.set_seconds(static_cast<int64_t>(Below(4'000'000'000)));
      if (Below(2) == 0) time.set_nanos(static_cast<int32_t>(Below(1'000'000'000)));
      return;
    }
    for (int i = 0; i < type->field_count(); ++i) {
      const auto* field = type->field(i);
      if (field->is_repeated()) {
        for (uint64_t n = Below(4); n > 0; --n) Set(message, reflection, field, true);
      } else if (Below(4) != 0) {
        Set(message, reflection, field, false);
      }
    }
  }

 private:
  uint64_t Below(uint64_t n) { return random_() % n; }

  std::string Text() {
    static const std::vector<std::string> kPieces = {
        "a",    " ", "\"",     "\\", "/", "<", "&",    "\n",    "\t", std::string(1, '\0'),
        "\x7f", "é", "\u2028", "😀",  "'", "{", "\x01", "\ufeff"};
    std::string text;
    for (uint64_t n = Below(12); n > 0; --n) text += kPieces[Below(kPieces.size())];
    return text;
  }

  void Set(Message& message, const google::protobuf::Reflection* r, const FieldDescriptor* field,
           bool add) {
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Fill(add ? *r->AddMessage(&message, field) : *r->MutableMessage(&message, field));
      case FieldDescriptor::CPPTYPE_STRING:
        return add ? r->AddString(&message, field, Text()) : r->SetString(&message, field, Text());
      case FieldDescriptor::CPPTYPE_ENUM: {
        const auto* value = field->enum_type()->value(
            static_cast<int>(Below(static_cast<uint64_t>(field->enum_type()->value_count()))));
        return add ? r->AddEnum(&message, field, value) : r->SetEnum(&message, field, value);
      }
      case FieldDescriptor::CPPTYPE_BOOL:
        return r->SetBool(&message, field, Below(2) == 0);
      case FieldDescriptor::CPPTYPE_UINT32:
        return r->SetUInt32(&message, field, static_cast<uint32_t>(random_()));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return r->SetDouble(&message, field,
                            std::uniform_real_distribution<double>(0, 1e-3)(random_));
      default:
        FAIL() << field->full_name() << " is of a type that the filler does not know";
    }
  }

  std::mt19937_64 random_;
};

TEST(StatementProperty, EveryKindFilledAtRandomReadsBackTheSame) {
  const char* given = std::getenv("KLUIS_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::printf("KLUIS_SEED=%llu\n", static_cast<unsigned long long>(seed));
  Filler filler(seed);
  const auto* file = v1::Consent::descriptor()->file();
  int kinds = 0;
  for (int i = 0; i < file->message_type_count(); ++i) {
    const auto* type = file->message_type(i);
    if (type->FindFieldByName("statement_id") == nullptr) continue;
    ++kinds;
    const Message* prototype =
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(type);
    for (int round = 0; round < 200; ++round) {
      const std::unique_ptr<Message> written(prototype->New());
      const std::unique_ptr<Message> read(prototype->New());
      filler.Fill(*written);
      const auto envelope = MakeStatement(*written);
      ASSERT_TRUE(envelope.ok());
      const absl::Status status = ReadPayload(*envelope, *read);
      ASSERT_TRUE(status.ok()) << status << " " << envelope->payload();
      ASSERT_EQ(read->SerializeAsString(), written->SerializeAsString()) << envelope->payload();
    }
  }
  EXPECT_EQ(kinds, 31);
}

}  // namespace
}  // namespace kluis::audit::statement_test
