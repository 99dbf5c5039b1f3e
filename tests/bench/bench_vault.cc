// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/bench_vault.h"

#include <grpcpp/grpcpp.h>
#include <sodium.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "audit/statement.h"
#include "base/id.h"
#include "client/draft.h"
#include "client/session.h"
#include "client/station.h"
#include "crypto/key_file.h"
#include "kluis/v1/case_service.grpc.pb.h"
#include "kluis/v1/supervision_service.grpc.pb.h"
#include "storage/layout.h"

namespace kluis::bench {
namespace {

constexpr char kVaultName[] = "bench.kluis.test/vault";
constexpr char kAlgorithm[] = "arcface-512/1";
constexpr char kSupervisor[] = "supervisor/sup";
constexpr char kSecondOfficer[] = "officer/ben";
constexpr char kJudge[] = "judge/jo";

google::protobuf::Timestamp DaysFromNow(int64_t days) {
  return client::ToTimestamp(client::Now() + days * client::kDaySeconds);
}

v1::Notice NoticeText() {
  v1::Notice notice;
  notice.set_language("en");
  notice.set_version("1");
  notice.set_sha256(std::string(64, 'a'));
  return notice;
}

v1::LegalProfile Profile() {
  v1::LegalProfile profile = client::DefaultProfile();
  profile.set_membership_max_days(3650);
  profile.set_legal_basis_max_days(3650);
  return profile;
}

absl::StatusOr<v1::Envelope> Signed(const crypto::SigningKey& key,
                                    google::protobuf::Message& payload) {
  client::Stamp(kVaultName, client::Now(), payload);
  absl::StatusOr<v1::Envelope> envelope = audit::MakeStatement(payload);
  if (envelope.ok()) audit::AddSignature(key, *envelope);
  return envelope;
}

// The same in each run; synthetic people have nothing to protect.
absl::StatusOr<crypto::SigningKey> SubjectKey(const std::string& purpose, uint64_t person) {
  const crypto::Hash seed = crypto::Sha256({"bench subject ", purpose, " ", absl::StrCat(person)});
  return crypto::SigningKey::FromSeed(crypto::SecretBytes::CopyOf(seed));
}

std::string RandomId() {
  std::string id(16, '\0');
  randombytes_buf(id.data(), id.size());
  return id;
}

std::string FileText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

BenchVault::BenchVault(std::string directory, client::Population people)
    : directory_(std::move(directory)), people_(std::move(people)) {}

absl::StatusOr<std::unique_ptr<BenchVault>> BenchVault::Start(
    const std::string& directory, const std::function<absl::Status(service::Config&)>& prepare) {
  absl::StatusOr<client::Population> people = client::Population::Create("arcface-512", 1);
  if (!people.ok()) return people.status();
  std::unique_ptr<BenchVault> vault(new BenchVault(directory, *std::move(people)));
  absl::Status status = vault->Found();
  if (status.ok()) status = vault->Configure();
  if (status.ok() && prepare) status = prepare(vault->config_);
  if (status.ok()) status = vault->Serve();
  if (status.ok()) status = vault->RegisterMembers();
  if (!status.ok()) return status;
  return vault;
}

absl::Status BenchVault::Found() {
  const std::string command =
      absl::StrCat("'", KLUIS_DEV_PKI, "' '", directory_, "/pki' ", kSupervisor, " ", kRegistrar,
                   " ", kOfficer, " ", kSecondOfficer, " ", kJudge, " ", kPortal);
  if (std::system(command.c_str()) != 0) return absl::UnavailableError("deploy/dev-pki failed");

  const std::string keys = directory_ + "/keys";
  std::filesystem::create_directory(keys);
  std::filesystem::permissions(keys, std::filesystem::perms::owner_all);
  const crypto::SigningKey log_key = crypto::SigningKey::Generate();
  const absl::Status written = crypto::WriteSigningKey(log_key, keys + "/log.key");
  if (!written.ok()) return written;

  v1::Founding founding;
  v1::FoundingSupervisor& supervisor = *founding.add_supervisors();
  supervisor.set_name("sup");
  supervisor.set_public_key(crypto::PublicKeyText(supervisor_.public_key()));
  // No bench acts as one; its key is nobody's.
  v1::FoundingMember& founding_operator = *founding.add_operators();
  founding_operator.set_name("operator");
  founding_operator.set_public_key(
      crypto::PublicKeyText(crypto::SigningKey::Generate().public_key()));
  founding_operator.mutable_valid_until()->set_seconds(client::Now() + 365 * client::kDaySeconds);
  founding.set_threshold(1);
  founding.set_log_public_key(crypto::PublicKeyText(log_key.public_key()));
  *founding.mutable_legal_profile() = Profile();
  const absl::StatusOr<v1::Envelope> statement = Signed(supervisor_, founding);
  if (!statement.ok()) return statement.status();
  std::ofstream(directory_ + "/founding.dsse.json") << audit::EnvelopeToJson(*statement);
  return absl::OkStatus();
}

absl::Status BenchVault::Configure() {
  const std::string toml =
      "[server]\nlisten = \"127.0.0.1:0\"\ndeadline_seconds = 600\n[log]\nlevel = \"warn\"\n"
      "[limits]\nmember_rate = 1000000\nmember_calls = 384\nsubject_rate = 1000000\n";
  absl::StatusOr<service::Config> config = service::ParseConfig(toml, directory_, "bench.toml");
  if (!config.ok()) return config.status();
  config_ = *std::move(config);
  return absl::OkStatus();
}

absl::Status BenchVault::Restart() {
  daemon_.reset();
  return Serve();
}

absl::Status BenchVault::Serve() {
  auto daemon = service::Daemon::Start(config_, clock_);
  if (!daemon.ok()) return daemon.status();
  daemon_ = *std::move(daemon);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> BenchVault::Connect(
    const std::string& identity) const {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = FileText(directory_ + "/pki/ca.crt");
  options.pem_cert_chain = FileText(absl::StrCat(directory_, "/pki/", identity, ".crt"));
  options.pem_private_key = FileText(absl::StrCat(directory_, "/pki/", identity, ".key"));
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  std::shared_ptr<grpc::Channel> channel = grpc::CreateCustomChannel(
      absl::StrCat("127.0.0.1:", daemon_->port()), grpc::SslCredentials(options), arguments);
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
    return absl::UnavailableError(absl::StrCat("no connection as ", identity));
  }
  return channel;
}

absl::StatusOr<std::vector<std::shared_ptr<grpc::Channel>>> BenchVault::ConnectClients(
    const std::string& identity, int count) const {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < count; ++i) {
    auto channel = Connect(identity);
    if (!channel.ok()) return channel.status();
    channels.push_back(*std::move(channel));
  }
  return channels;
}

template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> BenchVault::Send(
    const std::string& identity, const crypto::SigningKey& key,
    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
    v1::Envelope* (Request::*slot)(), google::protobuf::Message& payload) const {
  const absl::StatusOr<v1::Envelope> statement = Signed(key, payload);
  if (!statement.ok()) return statement.status();
  auto channel = Connect(identity);
  if (!channel.ok()) return channel.status();
  std::ostringstream unused;
  client::Session session({}, unused, unused, *std::move(channel));
  return session.Send(method, slot, *statement);
}

absl::Status BenchVault::RegisterMembers() {
  v1::Accreditation accreditation;
  accreditation.set_authority_name("Bench authority");
  accreditation.set_contact("desk@bench.kluis.test");
  accreditation.set_legal_mandate("Act, article 1");
  *accreditation.mutable_valid_until() = DaysFromNow(365);
  const auto authority =
      Send(kSupervisor, supervisor_, &v1::SupervisionService::Stub::AccreditAuthority,
           &v1::AccreditAuthorityRequest::mutable_accreditation, accreditation);
  if (!authority.ok()) return authority.status();

  struct Member {
    v1::Role role;
    const char* name;
    const crypto::SigningKey& key;
  };
  for (const Member& member :
       {Member{v1::ROLE_REGISTRAR, "desk", registrar_}, Member{v1::ROLE_OFFICER, "anna", officer_},
        Member{v1::ROLE_OFFICER, "ben", second_officer_}, Member{v1::ROLE_JUDGE, "jo", judge_}}) {
    v1::Registration registration;
    registration.set_role(member.role);
    registration.set_member(member.name);
    if (member.role == v1::ROLE_OFFICER) registration.set_authority(authority->authority());
    registration.set_public_key(crypto::PublicKeyText(member.key.public_key()));
    registration.set_follows("none");
    *registration.mutable_valid_until() = DaysFromNow(365);
    const absl::Status registered =
        Send(kSupervisor, supervisor_, &v1::SupervisionService::Stub::RegisterMember,
             &v1::RegisterMemberRequest::mutable_registration, registration)
            .status();
    if (!registered.ok()) return registered;
  }
  return absl::OkStatus();
}

absl::Status BenchVault::RegisterPurpose(const std::string& purpose) {
  v1::PurposeRegistration registration;
  registration.set_purpose(purpose);
  registration.set_title("Bench");
  registration.mutable_controller()->set_name("Controller");
  registration.mutable_controller()->set_representative("Representative");
  registration.mutable_controller()->set_contact("contact@bench.kluis.test");
  registration.mutable_legal_basis()->set_reference("Act, article 1");
  *registration.mutable_legal_basis()->mutable_valid_until() = DaysFromNow(365);
  registration.mutable_dpia()->set_reference("DPIA 1");
  registration.mutable_dpia()->set_sha256(std::string(64, 'd'));
  registration.set_custody(v1::CUSTODY_CASE_GATED);
  registration.add_operations(v1::OPERATION_VERIFY);
  registration.add_operations(v1::OPERATION_IDENTIFY);
  registration.set_algorithm(kAlgorithm);
  registration.set_retention_max_days(365);
  registration.mutable_threshold()->set_target_fpir(0.001);
  registration.mutable_threshold()->set_target_fmr(0.0001);
  registration.set_candidate_cap(10);
  registration.add_subject_categories(v1::SUBJECT_CATEGORY_VICTIM);
  *registration.add_notices() = NoticeText();
  return Send(kSupervisor, supervisor_, &v1::SupervisionService::Stub::RegisterPurpose,
              &v1::RegisterPurposeRequest::mutable_registration, registration)
      .status();
}

absl::StatusOr<std::string> BenchVault::OpenCase(const std::string& purpose) {
  v1::CaseOpening opening;
  opening.set_purpose(purpose);
  opening.set_legal_basis("Act, article 1");
  opening.set_matter(v1::MATTER_MISSING_PERSON);
  v1::CaseDetails details;
  details.set_reference("2026-0001");
  details.set_matter_description("A person is missing.");
  details.set_necessity(absl::StrCat(  // of its own: a copied one opens no case
      "Every other means was tried for a week without a trace; only a comparison with the people "
      "who enrolled can tell who the person in the photograph is. Photograph ",
      client::NewRequestId()));
  const absl::StatusOr<audit::Details> made = audit::MakeDetails(details);
  if (!made.ok()) return made.status();
  opening.set_details(made->commitment);
  opening.add_subject_categories(v1::SUBJECT_CATEGORY_VICTIM);
  const absl::StatusOr<v1::Envelope> statement = Signed(officer_, opening);
  if (!statement.ok()) return statement.status();
  auto channel = Connect(kOfficer);
  if (!channel.ok()) return channel.status();
  std::ostringstream unused;
  client::Session session({}, unused, unused, *std::move(channel));
  const auto opened = session.Send(&v1::CaseService::Stub::OpenCase,
                                   &v1::OpenCaseRequest::mutable_opening, *statement, *made);
  if (!opened.ok()) return opened.status();
  const std::string name = opened->case_().name();

  v1::Warrant warrant;
  warrant.set_case_(name);
  warrant.set_opening(opened->case_().opening_digest());
  warrant.set_follows("none");
  warrant.set_budget(10'000);
  warrant.set_candidate_cap(10);
  warrant.add_subject_categories(v1::SUBJECT_CATEGORY_VICTIM);
  *warrant.mutable_not_before() = DaysFromNow(0);
  *warrant.mutable_not_after() = DaysFromNow(14);
  const absl::Status issued = Send(kJudge, judge_, &v1::CaseService::Stub::IssueWarrant,
                                   &v1::IssueWarrantRequest::mutable_warrant, warrant)
                                  .status();
  if (!issued.ok()) return issued;

  v1::CaseApproval approval;
  approval.set_case_(name);
  approval.set_opening(opened->case_().opening_digest());
  const absl::Status approved =
      Send(kSecondOfficer, second_officer_, &v1::CaseService::Stub::ApproveCase,
           &v1::ApproveCaseRequest::mutable_approval, approval)
          .status();
  if (!approved.ok()) return approved;
  return name;
}

absl::Status BenchVault::CloseCase(const std::string& kase) const {
  v1::CaseClosing closing;
  closing.set_case_(kase);
  return Send(kOfficer, officer_, &v1::CaseService::Stub::CloseCase,
              &v1::CloseCaseRequest::mutable_closing, closing)
      .status();
}

v1::Template BenchVault::Face(uint64_t person, uint32_t capture) const {
  v1::Template face;
  face.set_algorithm(kAlgorithm);
  face.mutable_values()->Resize(static_cast<int>(people_.dimension()), 0);
  people_.Capture(person, capture, {face.mutable_values()->mutable_data(), people_.dimension()});
  return face;
}

absl::StatusOr<v1::WithdrawConsentRequest> BenchVault::Withdrawal(const std::string& purpose,
                                                                  uint64_t person) const {
  const absl::StatusOr<crypto::SigningKey> key = SubjectKey(purpose, person);
  if (!key.ok()) return key.status();
  v1::Withdrawal withdrawal;
  withdrawal.set_subject_public_key(crypto::PublicKeyText(key->public_key()));
  withdrawal.set_purpose(purpose);
  absl::StatusOr<v1::Envelope> statement = Signed(*key, withdrawal);
  if (!statement.ok()) return statement.status();
  v1::WithdrawConsentRequest request;
  request.set_request_id(client::NewRequestId());
  *request.mutable_withdrawal() = *std::move(statement);
  return request;
}

absl::StatusOr<v1::EnrollRequest> BenchVault::Enrollment(const std::string& purpose,
                                                         uint64_t person) const {
  const absl::StatusOr<crypto::SigningKey> person_key = SubjectKey(purpose, person);
  if (!person_key.ok()) return person_key.status();
  const crypto::SigningKey& key = *person_key;
  v1::Consent consent;
  consent.set_subject_public_key(crypto::PublicKeyText(key.public_key()));
  consent.set_purpose(purpose);
  *consent.mutable_notice() = NoticeText();
  consent.set_explicit_consent(true);
  *consent.mutable_expires_at() = DaysFromNow(300);
  consent.set_follows("none");
  const absl::StatusOr<v1::Envelope> statement = Signed(key, consent);
  if (!statement.ok()) return statement.status();

  absl::StatusOr<crypto::SigningKey> registrar =
      crypto::SigningKey::FromSeed(crypto::SecretBytes::CopyOf(registrar_.seed().Expose()));
  if (!registrar.ok()) return registrar.status();
  client::Capture capture;
  capture.captured_at = client::Now() - 60;
  capture.category = v1::SUBJECT_CATEGORY_VICTIM;
  const client::Station station(kVaultName, *std::move(registrar), capture);
  v1::SubjectDetails details;
  details.set_full_name(absl::StrCat("Synthetic Person ", person));
  details.set_contact(absl::StrCat("person-", person, "@bench.kluis.test"));
  return station.Request(*statement, Face(person, 0), std::move(details), client::Now());
}

// The sealed row of a person's new template, as an enrolment makes it.
absl::Status BenchVault::SealRow(const service::SearchRoom& room, uint64_t person,
                                 const policy::Ruling& ruling, service::Writes& writes) const {
  const v1::Template face = Face(person, 0);
  std::vector<float> values(room.algorithm->dimension);
  const absl::Status made =
      room.transform.Apply({face.values().data(), static_cast<size_t>(face.values_size())}, values);
  if (!made.ok()) return made;
  for (const v1::RecordChange& change : ruling.changes) {
    if (!change.has_template_()) continue;
    const auto sealed = daemon_->vault().sealer().SealTemplate(change.template_(), values);
    if (!sealed.ok()) return sealed.status();
    writes.Append(storage::Column::kSealed,
                  storage::TemplateKey(*base::IdFromBytes(change.template_().id())), *sealed);
  }
  return absl::OkStatus();
}

absl::Status BenchVault::FillState(const std::string& purpose, uint64_t count, bool with_rows) {
  constexpr uint64_t kAtOnce = 1000;
  const auto room = daemon_->vault().galleries().Room(purpose);
  if (!room.ok()) return room.status();
  service::Ledger& ledger = daemon_->vault().ledger();
  const int64_t now = client::Now();
  const auto facts = [&](const char* kind) {
    v1::StatementFacts made;
    made.set_kind(kind);
    made.set_digest(RandomId() + RandomId());
    made.set_issued_at(now);
    made.set_vault(kVaultName);
    return made;
  };
  for (uint64_t done = 0; done < count;) {
    std::vector<service::Act> acts;
    for (; acts.size() < kAtOnce && done < count; ++done) {
      service::Act& act = acts.emplace_back();
      act.kind = v1::LOG_KIND_COLLECTION;
      act.command.set_method("Enroll");
      act.command.mutable_caller()->set_role(v1::ROLE_REGISTRAR);
      act.command.mutable_caller()->set_name("desk");
      v1::Enroll& enroll = *act.command.mutable_enroll();
      *enroll.mutable_consent_statement() = facts("consent");
      enroll.mutable_consent_statement()->set_subject_signed(true);
      *enroll.mutable_attestation_statement() = facts("capture-attestation");
      enroll.mutable_attestation_statement()->add_signed_by(
          crypto::KeyIdOf(registrar_.public_key()));
      enroll.set_consent_purpose(purpose);
      *enroll.mutable_notice() = NoticeText();
      enroll.set_explicit_consent(true);
      enroll.set_consent_expires_at(now + 300 * 86'400);
      enroll.set_attested_purpose(purpose);
      enroll.set_algorithm(kAlgorithm);
      enroll.set_captured_at(now - 60);
      enroll.set_live_capture(true);
      enroll.set_quality(80);
      enroll.set_adult(true);
      enroll.set_category(v1::SUBJECT_CATEGORY_VICTIM);
      enroll.set_same_subject(true);
      enroll.set_template_attested(true);
      enroll.set_follows_none(true);
      enroll.set_new_subject_id(RandomId());
      enroll.set_new_template_id(RandomId());
      enroll.set_consent_commitment(RandomId() + RandomId());
      if (!with_rows) continue;
      act.attach = [&, person = done](const policy::Ruling& ruling, uint64_t,
                                      service::Writes& writes) {
        return SealRow(**room, person, ruling, writes);
      };
    }
    const absl::StatusOr<service::Appended> appended = ledger.AppendAllOrNothing(std::move(acts));
    if (!appended.ok()) return appended.status();
    if (!appended->acts.front().ruling.decision.allowed()) {
      return absl::FailedPreconditionError(appended->acts.front().ruling.decision.reason());
    }
    const absl::Status synced = ledger.Sync(*appended);
    if (!synced.ok()) return synced;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<v1::EnrollRequest>> BenchVault::Enrollments(const std::string& purpose,
                                                                       uint64_t first,
                                                                       uint64_t count) const {
  std::vector<v1::EnrollRequest> requests(count);
  const uint64_t threads = std::max(1u, std::thread::hardware_concurrency());
  std::vector<absl::Status> failures(threads);
  std::vector<std::thread> workers;
  for (uint64_t t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      for (uint64_t i = t; i < count && failures[t].ok(); i += threads) {
        absl::StatusOr<v1::EnrollRequest> request = Enrollment(purpose, first + i);
        if (request.ok()) {
          requests[i] = *std::move(request);
        } else {
          failures[t] = request.status();
        }
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  for (const absl::Status& failure : failures) {
    if (!failure.ok()) return failure;
  }
  return requests;
}

}  // namespace kluis::bench
