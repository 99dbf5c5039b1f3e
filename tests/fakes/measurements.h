// SPDX-License-Identifier: Apache-2.0
// Calibrations and evaluations as calls to a real vault. Functions of their arguments.
#ifndef KLUIS_TESTS_FAKES_MEASUREMENTS_H_
#define KLUIS_TESTS_FAKES_MEASUREMENTS_H_

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "client/draft.h"
#include "gtest/gtest.h"
#include "tests/fakes/test_vault.h"

namespace kluis {

inline constexpr char kErrorRates[] = "error-rates";

struct Enrolled {
  std::vector<Person> people;
  std::vector<std::string> subjects;
};

// `count` new people, in one stream.
inline Enrolled EnrolMany(const TestWorld& vault, size_t count, const std::string& purpose) {
  Enrolled enrolled;
  v1::EnrollmentService::Stub stub(vault.ChannelOf("registrar/desk"));
  grpc::ClientContext context;
  TestWorld::SetDeadline(context);
  const auto stream = stub.BatchEnroll(&context);
  enrolled.subjects.resize(count);
  std::thread reader([&] {
    v1::BatchEnrollResponse answer;
    while (stream->Read(&answer)) enrolled.subjects[answer.row()] = answer.enrolled().subject();
  });
  v1::BatchEnrollRequest message;
  message.mutable_options();
  stream->Write(message);
  TestWorld::Terms terms;
  terms.purpose = purpose;
  for (size_t i = 0; i < count; ++i) {
    enrolled.people.push_back(vault.NewPerson());
    *message.mutable_row() = vault.EnrollRequestOf(enrolled.people.back(), terms);
    stream->Write(message);
  }
  stream->WritesDone();
  reader.join();
  Require(stream->Finish(), "enrol many");
  return enrolled;
}

inline Reply<v1::CalibratePurposeResponse> Calibrate(
    const TestWorld& vault, const std::string& purpose = TestWorld::kPurpose,
    const std::vector<std::string>& signers = {"supervisor/one", "supervisor/two"}) {
  v1::CalibrationOrder order;
  order.set_purpose(purpose);
  order.set_reasons("many people are enrolled");
  order.set_follows(vault.Purpose(purpose).last_calibration());
  std::vector<const crypto::SigningKey*> keys;
  for (const std::string& who : signers) keys.push_back(&vault.KeyOf(who));
  v1::CalibratePurposeRequest request;
  request.set_request_id(client::NewRequestId());
  *request.mutable_order() = vault.Sign(order, keys);
  v1::SupervisionService::Stub stub(vault.ChannelOf("supervisor/one"));
  grpc::ClientContext context;
  TestWorld::SetDeadline(context);
  const auto stream = stub.CalibratePurpose(&context, request);
  Reply<v1::CalibratePurposeResponse> reply;
  v1::CalibratePurposeResponse message;
  while (stream->Read(&message)) reply.value = message;
  reply.status = stream->Finish();
  TestWorld::ReadErrorInfo(reply.status, reply.reason, reply.log_index);
  return reply;
}

struct Probe {
  v1::Template face;
  std::string subject;
};

inline Reply<v1::EvaluatePurposeResponse> Evaluate(const TestWorld& vault,
                                                   const std::vector<Probe>& probes,
                                                   uint32_t ordered,
                                                   const std::string& purpose = kErrorRates) {
  v1::EvaluationOrder order;
  order.set_purpose(purpose);
  order.set_reasons("the yearly test");
  order.set_probes(ordered);
  v1::SupervisionService::Stub stub(vault.ChannelOf("supervisor/one"));
  grpc::ClientContext context;
  TestWorld::SetDeadline(context);
  const auto stream = stub.EvaluatePurpose(&context);
  v1::EvaluatePurposeRequest message;
  message.set_request_id(client::NewRequestId());
  *message.mutable_order() = vault.Sign(order, {&vault.KeyOf("supervisor/one")});
  bool open = stream->Write(message);
  for (const Probe& probe : probes) {
    *message.mutable_labelled()->mutable_template_() = probe.face;
    message.mutable_labelled()->set_subject(probe.subject);
    open = open && stream->Write(message);
  }
  stream->WritesDone();
  Reply<v1::EvaluatePurposeResponse> reply;
  v1::EvaluatePurposeResponse answer;
  while (stream->Read(&answer)) reply.value = answer;
  reply.status = stream->Finish();
  TestWorld::ReadErrorInfo(reply.status, reply.reason, reply.log_index);
  return reply;
}

inline void RegisterErrorRates(const TestWorld& vault) {
  Must(vault.RegisterPurpose(kErrorRates,
                             [](v1::PurposeRegistration& p) {
                               p.clear_operations();
                               p.add_operations(v1::OPERATION_EVALUATE);
                             }),
       "purpose");
}

inline v1::Purpose PurposeOf(const TestWorld& vault,
                             const std::string& purpose = TestWorld::kPurpose) {
  const auto all = Must(vault.Call("auditor/one", &v1::SupervisionService::Stub::ListPurposes,
                                   v1::ListPurposesRequest()),
                        "purposes");
  for (const v1::Purpose& each : all.purposes()) {
    if (each.registration().purpose() == purpose) return each;
  }
  ADD_FAILURE() << "no such purpose";
  return {};
}

inline size_t Pending(TestVault& vault) {
  size_t count = 0;
  EXPECT_TRUE(vault.vault()
                  .state()
                  .ForEach<v1::PendingSearch>(v1::RecordChange::kPendingSearch,
                                              [&](const v1::PendingSearch&) { ++count; })
                  .ok());
  return count;
}

// Of the last search or measurement that was concluded as a search is.
inline v1::SearchResult LastResult(const TestWorld& vault) {
  v1::SearchResult result = v1::SEARCH_RESULT_UNSPECIFIED;
  for (const std::string& bytes : vault.Entries()) {
    v1::Entry entry;
    EXPECT_TRUE(entry.ParseFromString(bytes));
    if (entry.command().has_search_outcome()) result = entry.command().search_outcome().result();
  }
  return result;
}

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_MEASUREMENTS_H_
