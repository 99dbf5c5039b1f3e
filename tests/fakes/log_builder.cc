// SPDX-License-Identifier: Apache-2.0
#include "tests/fakes/log_builder.h"

#include <cstdio>
#include <cstdlib>
#include <span>
#include <utility>

#include "audit/details.h"
#include "audit/statement_facts.h"
#include "base/codec.h"
#include "crypto/derive.h"
#include "crypto/random.h"
#include "crypto/secret_bytes.h"
#include "policy/record_key.h"
#include "policy/rules.h"

namespace kluis::audit {
namespace {

constexpr std::string_view kKeyPrefix = "key-";
constexpr char kLogKey[] = "the log";

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "log builder: %s\n", why.c_str());
  std::abort();
}

v1::LogKind KindOf(const v1::Command& command) {
  switch (command.act_case()) {
    case v1::Command::kEnroll:
      return v1::LOG_KIND_COLLECTION;
    case v1::Command::kIdentify:
    case v1::Command::kVerify:
    case v1::Command::kSearchOutcome:
    case v1::Command::kCalibrate:
    case v1::Command::kCalibrationOutcome:
    case v1::Command::kEvaluate:
    case v1::Command::kEvaluationOutcome:
      return v1::LOG_KIND_COMBINATION;
    case v1::Command::kDisclose:
      return v1::LOG_KIND_DISCLOSURE;
    case v1::Command::kReadCase:
    case v1::Command::kAccess:
      return v1::LOG_KIND_CONSULTATION;
    case v1::Command::kWithdraw:
    case v1::Command::kEraseDone:
    case v1::Command::kExpireTemplate:
    case v1::Command::kForgetSubject:
    case v1::Command::kForgetAuthorityYear:
    case v1::Command::kLoseTemplate:
      return v1::LOG_KIND_ERASURE;
    case v1::Command::kRenewTemplate:
    case v1::Command::kRestrict:
    case v1::Command::kLiftRestriction:
      return v1::LOG_KIND_ALTERATION;
    case v1::Command::kSealService:
    case v1::Command::kOrderRekey:
    case v1::Command::kBeginRekey:
    case v1::Command::kCancelRekey:
    case v1::Command::kVoidRekey:
    case v1::Command::kRekey:
    case v1::Command::kBackUp:
    case v1::Command::kRecover:
    case v1::Command::kConfirmClock:
    case v1::Command::kSetClockBack:
    case v1::Command::kWitnessClock:
    case v1::Command::kApproveSweep:
    case v1::Command::kFinishRotation:
    case v1::Command::kStartService:
    case v1::Command::kCloseCheckpoint:
      return v1::LOG_KIND_UPKEEP;
    default:
      return v1::LOG_KIND_GOVERNANCE;
  }
}

crypto::SigningKey KeyNamed(const std::string& name) {
  auto key = crypto::SigningKey::FromSeed(
      crypto::SecretBytes::CopyOf(crypto::Bytes(crypto::Sha256({"fake key of ", name}))));
  if (!key.ok()) Fail("no key");
  return *std::move(key);
}

// Words of which the vault finds what the command says of them; the same necessity for the same
// digest.
v1::CaseDetails DetailsOf(const v1::OpenCase& open) {
  v1::CaseDetails details;
  if (open.reference_given()) details.set_reference("2026-0001");
  if (open.description_given()) details.set_matter_description("A person is missing.");
  std::string necessity = base::ToHex(open.necessity_digest());
  necessity.resize(open.necessity_characters(), 'n');
  details.set_necessity(std::move(necessity));
  return details;
}

std::vector<std::string> SignersOf(const v1::StatementFacts& facts) {
  return {facts.signed_by().begin(), facts.signed_by().end()};
}

}  // namespace

std::string CommitmentDigest(const v1::CommitmentOpening& opening) {
  const std::span<const uint8_t, 32> nonce(reinterpret_cast<const uint8_t*>(opening.nonce().data()),
                                           32);
  return std::string(crypto::Bytes(crypto::Commit(nonce, opening.payload())));
}

absl::StatusOr<std::optional<std::string>> LogBuilder::HashState::Read(std::string_view key) const {
  const auto found = records_.find(std::string(key));
  if (found == records_.end()) return std::optional<std::string>();
  return std::optional<std::string>(found->second);
}

LogBuilder::LogBuilder(std::string origin, Sink sink)
    : origin_(std::move(origin)),
      sink_(std::move(sink)),
      policy_digest_(crypto::Bytes(crypto::Sha256({policy::RulesText()}))) {}

void LogBuilder::SetTime(int64_t now) {
  while (checkpoint_seconds_ > 0 && now - closed_at_ > max_gap_seconds_) {
    now_ = closed_at_ + max_gap_seconds_;
    Start();
  }
  now_ = now;
  if (checkpoint_seconds_ > 0 && now - closed_at_ > checkpoint_seconds_) Start();
}

const crypto::SigningKey& LogBuilder::KeyOf(const std::string& name) {
  auto found = keys_.find(name);
  if (found == keys_.end()) found = keys_.emplace(name, KeyNamed(name)).first;
  return found->second;
}

const crypto::SigningKey& LogBuilder::KeyOfId(const std::string& keyid) {
  if (!keyid.starts_with(kKeyPrefix)) Fail("a key id that no world gives");
  return KeyOf(keyid.substr(kKeyPrefix.size()));
}

std::string LogBuilder::RealDigest(const std::string& digest) const {
  const auto found = digests_.find(digest);
  return found == digests_.end() ? digest : found->second;
}

void LogBuilder::NameReally(google::protobuf::Message& payload) const {
  const google::protobuf::Reflection& reflection = *payload.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(payload, &fields);
  for (const auto* field : fields) {
    if (field->is_repeated() ||
        field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_STRING) {
      continue;
    }
    const auto digest = base::FromHex(reflection.GetString(payload, field));
    if (!digest.ok() || !digests_.contains(*digest)) continue;
    reflection.SetString(&payload, field, base::ToHex(RealDigest(*digest)));
  }
}

template <class Payload>
v1::Envelope LogBuilder::SignBy(const std::vector<std::string>& keyids, v1::StatementFacts& facts,
                                Payload& payload, const crypto::SigningKey* subject) {
  payload.set_vault(facts.vault());
  payload.set_statement_id(base::ToHex(facts.digest().substr(0, policy::kIdBytes)));
  NameReally(payload);
  payload.mutable_issued_at()->set_seconds(facts.issued_at());
  auto envelope = MakeStatement(payload);
  if (!envelope.ok()) Fail(std::string(envelope.status().message()));
  for (const std::string& keyid : keyids) AddSignature(KeyOfId(keyid), *envelope);
  if (subject != nullptr && facts.subject_signed()) AddSignature(*subject, *envelope);
  auto found = FactsOf(*envelope, payload);
  const auto signers = RegisteredSigners(state_, *envelope);
  if (!found.ok() || !signers.ok()) Fail("no facts");
  digests_[facts.digest()] = found->digest();
  for (const std::string& keyid : *signers) found->add_signed_by(keyid);
  facts = *std::move(found);
  return *std::move(envelope);
}

template <class Payload>
void LogBuilder::Whole(v1::StatementFacts& facts, Payload& payload, BuiltAct& act) {
  act.envelopes.push_back(SignBy(SignersOf(facts), facts, payload));
}

v1::CommitmentOpening LogBuilder::CommitTo(std::string what, std::string payload) const {
  v1::CommitmentOpening opening;
  opening.set_log_index(size());
  opening.set_what(std::move(what));
  opening.set_nonce(crypto::RandomBytes(32));
  opening.set_payload(std::move(payload));
  return opening;
}

std::string LogBuilder::CommitToDetails(const char* what, const google::protobuf::Message& details,
                                        BuiltAct& act) const {
  const auto json = WriteJson(details);
  if (!json.ok()) Fail(std::string(json.status().message()));
  act.openings.push_back(CommitTo(what, *json));
  return base::ToHex(CommitmentDigest(act.openings.back()));
}

void LogBuilder::RealEnrolment(v1::Enroll& enroll, BuiltAct& act) {
  const std::string& id =
      enroll.known_subject_id().empty() ? enroll.new_subject_id() : enroll.known_subject_id();
  const crypto::SigningKey subject = KeyNamed("subject " + id);
  v1::Consent consent;
  consent.set_subject_public_key(crypto::PublicKeyText(subject.public_key()));
  consent.set_purpose(enroll.consent_purpose());
  *consent.mutable_notice() = enroll.notice();
  consent.set_explicit_consent(enroll.explicit_consent());
  consent.set_custody_sha256(base::ToHex(enroll.custody_sha256()));
  consent.mutable_expires_at()->set_seconds(enroll.consent_expires_at());
  if (!enroll.replaces().empty()) {
    consent.set_replaces("subjects/" + base::ToHex(id) + "/templates/" +
                         base::ToHex(enroll.replaces()));
  }
  enroll.set_follows(RealDigest(enroll.follows()));
  if (enroll.follows_none()) consent.set_follows("none");
  if (enroll.follows().size() == policy::kIdBytes) {
    consent.set_follows("subjects/" + base::ToHex(id) + "/templates/" +
                        base::ToHex(enroll.follows()));
  } else if (!enroll.follows().empty()) {
    consent.set_follows(base::ToHex(enroll.follows()));
  }
  const v1::Envelope first = SignBy(SignersOf(enroll.consent_statement()),
                                    *enroll.mutable_consent_statement(), consent, &subject);
  v1::CaptureAttestation attestation;
  attestation.set_subject_public_key(
      enroll.same_subject() ? consent.subject_public_key()
                            : crypto::PublicKeyText(KeyOf("another subject").public_key()));
  attestation.set_purpose(enroll.attested_purpose());
  attestation.set_algorithm(enroll.algorithm());
  attestation.set_template_sha256(std::string(64, 'a'));
  attestation.mutable_captured_at()->set_seconds(enroll.captured_at());
  attestation.set_live_capture(enroll.live_capture());
  if (enroll.live_capture()) attestation.set_liveness_method("a person watched");
  attestation.set_quality(enroll.quality());
  attestation.set_adult(enroll.adult());
  attestation.set_subject_category(enroll.category());
  const v1::Envelope second = SignBy(SignersOf(enroll.attestation_statement()),
                                     *enroll.mutable_attestation_statement(), attestation);
  act.openings.push_back(CommitTo("consent", first.SerializeAsString()));
  act.openings.push_back(CommitTo("capture-attestation", second.SerializeAsString()));
  enroll.set_consent_commitment(CommitmentDigest(act.openings.front()));
}

BuiltAct LogBuilder::Real(v1::Command command) {
  BuiltAct act;
  if (command.method().empty()) command.set_method("Test");
  RealStatement(command, act);
  act.command = std::move(command);
  return act;
}

// A world knows of no tree: of a head that it named, the root is made the log's own.
template <class Order>
void LogBuilder::NameHead(Order& order) const {
  if (order.root() != std::string(64, '0')) return;
  order.set_size(static_cast<uint32_t>(size()));
  order.set_root(base::ToHex(crypto::Bytes(frontier_.Root())));
}

void LogBuilder::RealStatement(v1::Command& command, BuiltAct& act) {
  const auto whole = [&](auto* with, auto* payload) {
    Whole(*with->mutable_statement(), *payload, act);
  };
  switch (command.act_case()) {
    case v1::Command::kFound: {
      v1::Found& found = *command.mutable_found();
      const std::vector<std::string> signers = SignersOf(found.statement());
      for (auto& supervisor : *found.mutable_founding()->mutable_supervisors()) {
        supervisor.set_public_key(crypto::PublicKeyText(KeyOf(supervisor.name()).public_key()));
      }
      for (auto* members : {found.mutable_founding()->mutable_operators(),
                            found.mutable_founding()->mutable_auditors()}) {
        for (v1::FoundingMember& member : *members) {
          member.set_public_key(crypto::PublicKeyText(KeyOf(member.name()).public_key()));
        }
      }
      SetFoundingKeys(found.founding(), found);
      if (!found.founding().log_public_key().empty()) {
        found.mutable_founding()->set_log_public_key(
            crypto::PublicKeyText(KeyOf(kLogKey).public_key()));
      }
      act.envelopes.push_back(
          SignBy(signers, *found.mutable_statement(), *found.mutable_founding()));
      found.mutable_statement()->clear_signed_by();
      for (const std::string& keyid : FoundingSigners(act.envelopes[0], found.founding())) {
        found.mutable_statement()->add_signed_by(keyid);
      }
      return;
    }
    case v1::Command::kAccredit:
      return whole(command.mutable_accredit(), command.mutable_accredit()->mutable_accreditation());
    case v1::Command::kRegister: {
      v1::Register& act_of = *command.mutable_register_();
      if (!act_of.keyid().empty()) {
        act_of.mutable_registration()->set_public_key(
            crypto::PublicKeyText(KeyOfId(act_of.keyid()).public_key()));
      }
      SetRegisteredKey(act_of.registration(), act_of);
      return whole(&act_of, act_of.mutable_registration());
    }
    case v1::Command::kSetTerm:
      // Ids are the same, as they are given by the world.
      return whole(command.mutable_set_term(), command.mutable_set_term()->mutable_term());
    case v1::Command::kOrderRekey:
      return whole(command.mutable_order_rekey(), command.mutable_order_rekey()->mutable_order());
    case v1::Command::kCancelRekey:
      return whole(command.mutable_cancel_rekey(),
                   command.mutable_cancel_rekey()->mutable_cancellation());
    case v1::Command::kRegisterPurpose:
      return whole(command.mutable_register_purpose(),
                   command.mutable_register_purpose()->mutable_registration());
    case v1::Command::kStop:
      return whole(command.mutable_stop(), command.mutable_stop()->mutable_order());
    case v1::Command::kLift:
      return whole(command.mutable_lift(), command.mutable_lift()->mutable_order());
    case v1::Command::kInspect:
      return whole(command.mutable_inspect(), command.mutable_inspect()->mutable_order());
    case v1::Command::kCalibrate:
      return whole(command.mutable_calibrate(), command.mutable_calibrate()->mutable_order());
    case v1::Command::kEvaluate:
      return whole(command.mutable_evaluate(), command.mutable_evaluate()->mutable_order());
    case v1::Command::kRecover:
      return whole(command.mutable_recover(), command.mutable_recover()->mutable_order());
    case v1::Command::kConfirmClock:
      NameHead(*command.mutable_confirm_clock()->mutable_order());
      return whole(command.mutable_confirm_clock(),
                   command.mutable_confirm_clock()->mutable_order());
    case v1::Command::kSetClockBack:
      NameHead(*command.mutable_set_clock_back()->mutable_order());
      return whole(command.mutable_set_clock_back(),
                   command.mutable_set_clock_back()->mutable_order());
    case v1::Command::kApproveSweep:
      return whole(command.mutable_approve_sweep(),
                   command.mutable_approve_sweep()->mutable_approval());
    case v1::Command::kRotateTransform:
      return whole(command.mutable_rotate_transform(),
                   command.mutable_rotate_transform()->mutable_order());
    case v1::Command::kEnroll:
      return RealEnrolment(*command.mutable_enroll(), act);
    case v1::Command::kOpenCase: {
      v1::OpenCase& open = *command.mutable_open_case();
      open.mutable_opening()->set_details(CommitToDetails(kCaseDetails, DetailsOf(open), act));
      return whole(&open, open.mutable_opening());
    }
    case v1::Command::kIssueWarrant:
      return whole(command.mutable_issue_warrant(),
                   command.mutable_issue_warrant()->mutable_warrant());
    case v1::Command::kRefuseWarrant: {
      v1::RefuseWarrant& refuse = *command.mutable_refuse_warrant();
      v1::RefusalDetails details;
      if (refuse.reasons_given()) details.set_reasons("Not necessary.");
      refuse.mutable_refusal()->set_details(CommitToDetails(kRefusalDetails, details, act));
      return whole(&refuse, refuse.mutable_refusal());
    }
    case v1::Command::kApproveCase:
      return whole(command.mutable_approve_case(),
                   command.mutable_approve_case()->mutable_approval());
    case v1::Command::kCloseCase:
      return whole(command.mutable_close_case(), command.mutable_close_case()->mutable_closing());
    case v1::Command::kAdjudicate:
      return whole(command.mutable_adjudicate(),
                   command.mutable_adjudicate()->mutable_adjudication());
    case v1::Command::kDisclose: {
      v1::Disclose& disclose = *command.mutable_disclose();
      act.openings.push_back(CommitTo("subject", std::string(16, 's')));
      disclose.set_subject_commitment(CommitmentDigest(act.openings.front()));
      return whole(&disclose, disclose.mutable_request());
    }
    case v1::Command::kCloseCheckpoint: {
      v1::CloseCheckpoint& closing = *command.mutable_close_checkpoint();
      StateDigest left = digest_;
      size_t records = state_.records().size();
      for (const std::string& rest : closing.over_statements()) {
        const std::string key = policy::KindPrefix(v1::RecordChange::kUsedStatement) + rest;
        const auto over = state_.records().find(key);
        if (over == state_.records().end()) continue;  // a lie, which its rule finds
        left.Remove(key, over->second);
        --records;
      }
      closing.set_state_digest(std::string(crypto::Bytes(left.Value())));
      closing.set_records(records);
      return;
    }
    default:
      return;
  }
}

v1::Entry LogBuilder::EntryOf(const BuiltAct& act, const v1::Decision& decision,
                              const std::vector<v1::RecordChange>& changes) const {
  v1::Entry entry;
  entry.set_version(1);
  entry.set_decided_at(now_);
  entry.set_kind(KindOf(act.command));
  entry.set_policy_digest(policy_digest_);
  *entry.mutable_command() = act.command;
  *entry.mutable_decision() = decision;
  entry.mutable_changes()->Assign(changes.begin(), changes.end());
  entry.mutable_envelopes()->Assign(act.envelopes.begin(), act.envelopes.end());
  for (const v1::CommitmentOpening& opening : act.openings) {
    v1::Commitment* commitment = entry.add_commitments();
    commitment->set_what(opening.what());
    commitment->set_digest(CommitmentDigest(opening));
  }
  return entry;
}

policy::Ruling LogBuilder::Append(const BuiltAct& act) {
  return AppendBy(policy::RulesFor(act.command.act_case()), act);
}

policy::Ruling LogBuilder::AppendBy(policy::RuleList rules, const BuiltAct& act) {
  absl::StatusOr<policy::Ruling> ruling = act.command.has_reject()
                                              ? policy::Decide(state_, act.command, now_)
                                              : policy::DecideBy(rules, state_, act.command, now_);
  if (!ruling.ok()) Fail("no ruling: " + std::string(ruling.status().message()));
  if (!sink_ && ruling->decision.allowed()) {
    openings_.insert(openings_.end(), act.openings.begin(), act.openings.end());
  }
  AppendEntry(EntryOf(act, ruling->decision, ruling->changes));
  return *std::move(ruling);
}

void LogBuilder::AppendEntry(const v1::Entry& entry) {
  const std::string bytes = entry.SerializeAsString();
  const uint64_t index = size();
  frontier_.Append(LeafHash(bytes));
  if (sink_) {
    sink_(index, bytes);
  } else {
    entries_.push_back(bytes);
  }
  auto& records = state_.records();
  for (const v1::RecordChange& change : entry.changes()) {
    policy::RecordWrite write = policy::Apply(change);
    state_.cache()->Forget(write.key);
    const auto found = records.find(write.key);
    if (found != records.end()) digest_.Remove(write.key, found->second);
    if (write.value.has_value()) {
      digest_.Add(write.key, *write.value);
      records[write.key] = *std::move(write.value);
    } else if (found != records.end()) {
      records.erase(found);
    }
  }
}

void LogBuilder::Start(uint32_t checkpoint_seconds, uint32_t max_gap_seconds) {
  BuiltAct act;
  act.command.set_method("Start");
  act.command.mutable_start_service()->set_version("0.1.0");
  act.command.mutable_start_service()->set_checkpoint_seconds(checkpoint_seconds);
  act.command.mutable_start_service()->set_max_gap_seconds(max_gap_seconds);
  Append(act);
  checkpoint_seconds_ = checkpoint_seconds;
  max_gap_seconds_ = max_gap_seconds;
  closed_at_ = now_;
}

void LogBuilder::Close() {
  v1::Command command;
  command.set_method("Close");
  command.mutable_close_checkpoint();
  Append(command);
  closed_at_ = now_;
}

void LogBuilder::Import(const std::vector<v1::Entry>& log) {
  for (const v1::Entry& entry : log) {
    SetTime(entry.decided_at());
    if (entry.command().act_case() == v1::Command::ACT_NOT_SET && entry.changes_size() > 0) {
      BuiltAct forced;
      v1::Decision decision;
      decision.set_allowed(true);
      AppendEntry(EntryOf(forced, decision, {entry.changes().begin(), entry.changes().end()}));
      continue;
    }
    const policy::Ruling ruling = Append(entry.command());
    if (ruling.decision.allowed() != entry.decision().allowed()) {
      Fail("decides otherwise than the world: " + ruling.decision.rule());
    }
    if (entry.command().has_found()) Start();
  }
}

Checkpoint LogBuilder::checkpoint() const { return {origin_, size(), frontier_.Root()}; }

VerifierKey LogBuilder::key() const {
  return *VerifierKey::Create(origin_, KeyType::kEd25519, KeyNamed(kLogKey).public_key());
}

std::string LogBuilder::SignedCheckpoint() const {
  return *SignCheckpoint(checkpoint(), KeyNamed(kLogKey));
}

}  // namespace kluis::audit
