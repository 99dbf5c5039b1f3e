// SPDX-License-Identifier: Apache-2.0
// Everybody around a vault: three supervisors, two authorities with officers, a judge, a desk, and
// people to enrol, each with certificate and signing key. Says nothing about where the vault runs:
// Connect names its port. Each call returns what the caller got; what must succeed ends the test
// program when it does not. Thread-safe after SetUp, but for Connect.
#ifndef KLUIS_TESTS_FAKES_TEST_WORLD_H_
#define KLUIS_TESTS_FAKES_TEST_WORLD_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/checkpoint.h"
#include "client/synth.h"
#include "crypto/ed25519.h"
#include "kluis/v1/audit_service.grpc.pb.h"
#include "kluis/v1/case_service.grpc.pb.h"
#include "kluis/v1/enrollment_service.grpc.pb.h"
#include "kluis/v1/ledger.pb.h"
#include "kluis/v1/search_service.grpc.pb.h"
#include "kluis/v1/subject_service.grpc.pb.h"
#include "kluis/v1/supervision_service.grpc.pb.h"
#include "kluis/v1/vault_service.grpc.pb.h"
#include "service/process/clock.h"

namespace kluis {

inline constexpr int64_t kMinute = 60;
inline constexpr int64_t kHour = 3600;
inline constexpr int64_t kDay = 86'400;

using Metadata = std::multimap<std::string, std::string>;

// The answer to one call. `reason` and `log_index` are those of its ErrorInfo.
template <class Response>
struct Reply {
  grpc::Status status;
  Response value;
  std::string reason;
  std::optional<uint64_t> log_index;
  Metadata initial;  // as the server sent them
  Metadata trailing;

  bool ok() const { return status.ok(); }
  const Response* operator->() const { return &value; }
};

struct Person {
  uint64_t number = 0;  // in the synthetic population
  crypto::SigningKey key;
  v1::SubjectDetails details;
};

class TestWorld {
 public:
  static constexpr char kVault[] = "vault.test/log";
  static constexpr char kPurpose[] = "missing-person-identification";
  static constexpr char kAlgorithm[] = "arcface-512/1";

  // `clock`: the vault's; statements are signed at its time. `target_fpir`: of the purposes.
  explicit TestWorld(const service::Clock& clock, double target_fpir = 1e-3);

  // Makes founding.dsse.json and keys/log.key below `directory`, for a new vault.
  void WriteFounding(const std::string& directory) const;
  // The certificates, the same for all vaults of this process: ca.crt, server.crt, server.key and
  // <role>/<name>.crt with its .key.
  static const std::string& Pki();

  void Connect(int port);
  // Accredits, registers the members (but officer/guest and operator/stranger) and the purpose. The
  // founding names the operators one and two, and the auditor.
  void SetUp();

  int64_t now() const { return clock_.NowUnix(); }
  const std::string& authority_one() const { return authority_one_; }
  const std::string& authority_two() const { return authority_two_; }

  // Calls and statements.
  std::shared_ptr<grpc::Channel> ChannelOf(const std::string& who) const;
  std::shared_ptr<grpc::Channel> ChannelWith(const std::string& cert, const std::string& key) const;
  v1::Envelope Sign(google::protobuf::Message& payload,
                    const std::vector<const crypto::SigningKey*>& keys) const;
  const crypto::SigningKey& KeyOf(const std::string& who) const { return keys_.at(who); }

  // Adds a request_id when the request has none yet.
  template <class Stub, class Request, class Response>
  Reply<Response> Call(const std::string& who,
                       grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                    Response*),
                       const Request& request) const {
    return CallOver(ChannelOf(who), method, request);
  }
  template <class Stub, class Request, class Response>
  Reply<Response> CallOver(std::shared_ptr<grpc::Channel> channel,
                           grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                        Response*),
                           Request request) const {
    Stub stub(std::move(channel));
    grpc::ClientContext context;
    SetDeadline(context);
    AddRequestId(request);
    Reply<Response> reply;
    reply.status = (stub.*method)(&context, request, &reply.value);
    ReadErrorInfo(reply.status, reply.reason, reply.log_index);
    reply.initial = MetadataOf(context.GetServerInitialMetadata());
    reply.trailing = MetadataOf(context.GetServerTrailingMetadata());
    return reply;
  }

  // The caller signs `payload` and sends it.
  template <class Stub, class Request, class Response, class Payload>
  Reply<Response> Act(const std::string& who,
                      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                      v1::Envelope* (Request::*slot)(), Payload payload) const {
    Request request;
    *(request.*slot)() = Sign(payload, {&KeyOf(who)});
    return Call(who, method, request);
  }

  static void ReadErrorInfo(const grpc::Status& status, std::string& reason,
                            std::optional<uint64_t>& log_index);
  static void SetDeadline(grpc::ClientContext& context);
  static Metadata MetadataOf(const std::multimap<grpc::string_ref, grpc::string_ref>& sent);

  // The supervisors.
  Reply<v1::AccreditAuthorityResponse> Accredit(const std::string& name, int64_t days = 365) const;
  Reply<v1::RegisterMemberResponse> Register(v1::Role role, const std::string& who,
                                             const std::string& authority = "") const;
  // `change` may be empty.
  Reply<v1::RegisterPurposeResponse> RegisterPurpose(
      const std::string& purpose,
      const std::function<void(v1::PurposeRegistration&)>& change = {}) const;
  Reply<v1::OrderStopResponse> Stop(const std::string& purpose = kPurpose) const;
  Reply<v1::LiftStopResponse> Lift(const std::vector<std::string>& signers,
                                   const std::string& purpose = kPurpose) const;
  v1::Purpose Purpose(const std::string& purpose) const;  // as the vault lists it
  v1::Envelope RotationOrder(const std::string& purpose = kPurpose) const;
  Reply<v1::RotateTransformResponse> Rotate(const std::string& purpose = kPurpose) const;

  // People and the desk.
  struct Terms {
    std::string purpose = kPurpose;
    int64_t days = 100;
    std::string replaces = {};     // subjects/<id>/templates/<id>
    std::string follows = "none";  // unless it replaces
    uint32_t capture = 0;
    v1::SubjectCategory category = v1::SUBJECT_CATEGORY_OTHER;
  };
  Person NewPerson() const;
  v1::Template Face(uint64_t number, uint32_t capture = 0) const;
  v1::Template Face(const Person& person, uint32_t capture = 0) const {
    return Face(person.number, capture);
  }
  v1::Envelope ConsentOf(const Person& person, const Terms& terms) const;
  v1::EnrollRequest EnrollRequestOf(const Person& person, const Terms& terms) const;
  v1::EnrollRequest EnrollRequestOf(const Person& person) const {
    return EnrollRequestOf(person, Terms());
  }
  Reply<v1::EnrollResponse> Enroll(const Person& person, const Terms& terms) const;
  Reply<v1::EnrollResponse> Enroll(const Person& person) const { return Enroll(person, Terms()); }
  Reply<v1::WithdrawConsentResponse> Withdraw(const Person& person,
                                              const std::string& purpose = kPurpose) const;
  Reply<v1::RestrictProcessingResponse> Restrict(const Person& person,
                                                 const std::string& purpose = kPurpose) const;
  Reply<v1::LiftRestrictionResponse> LiftRestriction(const Person& person,
                                                     const std::string& purpose = kPurpose) const;
  Reply<v1::GetHoldingsResponse> Holdings(const Person& person) const;

  // Officers and the judge.
  v1::CaseOpening Opening() const;
  v1::CaseDetails Details() const;  // with a necessity of its own
  // `who` signs an opening that commits to the details.
  v1::OpenCaseRequest OpenCaseRequestOf(v1::CaseOpening opening, const v1::CaseDetails& details,
                                        const std::string& who = "officer/one") const;
  // Of a case that this world opened, else as the vault shows it to the judge.
  std::string OpeningOf(const std::string& name) const;
  v1::Warrant WarrantFor(const std::string& name, uint32_t budget = 100) const;
  Reply<v1::OpenCaseResponse> OpenCase(const std::string& who = "officer/one") const;
  Reply<v1::OpenCaseResponse> OpenCaseWith(const v1::CaseDetails& details,
                                           const std::string& who = "officer/one") const;
  Reply<v1::RefuseWarrantResponse> Refuse(const std::string& name,
                                          const std::string& reasons = "not necessary") const;
  Reply<v1::IssueWarrantResponse> Issue(const v1::Warrant& warrant) const;
  Reply<v1::ApproveCaseResponse> Approve(const std::string& name,
                                         const std::string& who = "officer/two") const;
  Reply<v1::CloseCaseResponse> Close(const std::string& name) const;
  // Opened, approved, and with this warrant; the case's name. `change` may be empty.
  std::string ActiveCase(uint32_t budget = 100,
                         const std::function<void(v1::Warrant&)>& change = {}) const;
  v1::IdentifyRequest IdentifyRequestOf(const std::string& name, const v1::Template& probe) const;
  Reply<v1::IdentifyResponse> Identify(const std::string& name, const v1::Template& probe,
                                       const std::string& who = "officer/one") const;
  Reply<v1::VerifyResponse> Verify(const std::string& subject, const v1::Template& probe) const;
  Reply<v1::AdjudicateCandidateResponse> Confirm(const std::string& candidate,
                                                 const std::string& who) const;
  Reply<v1::DiscloseCandidateResponse> Disclose(const std::string& candidate,
                                                const std::string& who = "officer/one") const;

  // The log, as an auditor reads it.
  std::vector<std::string> Entries(uint64_t start = 0, uint64_t end = 0) const;
  v1::Entry EntryAt(uint64_t index) const;
  // The newest checkpoint, its signature verified.
  audit::Checkpoint Checkpoint() const;
  // Every entry against the newest checkpoint.
  void ExpectLogVerifies() const;
  v1::GetVaultStatusResponse Status() const;
  v1::CheckVaultResponse CheckVault() const;

 private:
  static void AddRequestId(google::protobuf::Message& request);

  const service::Clock& clock_;
  const double target_fpir_;
  const client::Population population_;
  const crypto::SigningKey log_key_;
  std::map<std::string, crypto::SigningKey> keys_;  // by role/name
  int port_ = 0;
  std::string authority_one_;
  std::string authority_two_;
  mutable std::atomic<uint64_t> people_ = 0;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;
  mutable std::map<std::string, std::string> openings_;      // digests, by case
  mutable std::map<std::string, std::string> restrictions_;  // digests, by public key and purpose
};

// Ends the test program with the status unless it is OK.
void Require(const grpc::Status& status, std::string_view what);

template <class Response>
Response Must(Reply<Response> reply, std::string_view what) {
  Require(reply.status, what);
  return std::move(reply.value);
}

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_TEST_WORLD_H_
