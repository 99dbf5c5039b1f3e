// SPDX-License-Identifier: Apache-2.0
#include "service/vault.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "audit/checkpoint.h"
#include "audit/statement.h"
#include "base/version.h"
#include "crypto/file_system.h"
#include "crypto/key_file.h"
#include "policy/record_key.h"
#include "policy/rules.h"
#include "service/ledger/self_check.h"
#include "service/ledger/statements.h"
#include "service/publish/publisher.h"

namespace kluis::service {
namespace {

constexpr unsigned kMaxLoadThreads = 64;
constexpr int64_t kHourSeconds = 3600;
constexpr int64_t kWitnessSpreadSeconds = 300;
constexpr int64_t kFoundingSkewSeconds = 300;  // of the clock of whoever signed

absl::Status Missing(std::string_view what, const std::string& path, std::string_view mend) {
  return absl::FailedPreconditionError(
      absl::StrCat(std::string(what), ": ", path, " is missing; ", std::string(mend)));
}

absl::StatusOr<v1::Envelope> ReadEnvelope(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Missing("founding document", path,
                   "make it with `kluis vault found` and set vault.founding");
  }
  const std::string json((std::istreambuf_iterator<char>(file)), {});
  return audit::EnvelopeFromJson(json);
}

// A database without entries may be founded only where nothing was signed before.
absl::Status IsNewLog(const AuditConfig& config) {
  const absl::StatusOr<std::string> note =
      crypto::RealFileSystem().Read(config.anchor, audit::kMaxNoteBytes);
  if (absl::IsNotFound(note.status())) return absl::OkStatus();
  if (!note.ok()) return note.status();
  const absl::StatusOr<audit::Note> parsed = audit::ParseNote(*note);
  const auto checkpoint = parsed.ok() ? audit::ParseCheckpoint(parsed->text)
                                      : absl::StatusOr<audit::Checkpoint>(parsed.status());
  return absl::DataLossError(absl::StrCat("the database has 0 entries, but ",
                                          checkpoint.ok() ? absl::StrCat(checkpoint->size) : "some",
                                          " were signed (audit.anchor: ", config.anchor,
                                          "): it was lost or exchanged, and nothing is served"));
}

}  // namespace

Vault::Vault(const Config& config, const Clock& clock)
    : clock_(clock),
      gallery_options_{
          .scan_threads = static_cast<size_t>(config.search.threads),
          .load_threads = std::clamp(std::thread::hardware_concurrency(), 1U, kMaxLoadThreads),
          .keep_templates = config.gallery.refine == kRefineInMemory},
      sweep_seconds_(static_cast<int>(config.vault.sweep_seconds)),
      checkpoint_seconds_(config.audit.checkpoint_seconds),
      max_gap_seconds_(config.clock.max_gap_hours * kHourSeconds),
      data_(config.vault.data),
      backups_(config.vault.backups),
      search_queue_(static_cast<size_t>(config.gallery.queue)),
      limits_(config.limits) {}

Vault::~Vault() {
  if (database_ != nullptr) database_->InterruptCompactions(true);
  if (sweeper_ != nullptr) sweeper_->Stop();
  gate_.Shut();
  gate_.WaitUntilEmpty();
  if (eraser_ != nullptr) eraser_->concluder().Stop();
  if (ledger_ != nullptr) ledger_->SetFollowers(nullptr, nullptr);
}

absl::StatusOr<std::unique_ptr<Vault>> Vault::Open(const Config& config, const Clock& clock,
                                                   const VaultStart& start) {
  absl::StatusOr<crypto::SigningKey> signer = crypto::ReadSigningKey(config.keys.log_signer);
  if (absl::IsNotFound(signer.status())) {
    return Missing("log signer", config.keys.log_signer, "make it with `kluis key new`");
  }
  if (!signer.ok()) return signer.status();
  std::unique_ptr<Vault> vault(new Vault(config, clock));
  absl::Status status = start.recover ? vault->RestoreDatabase(config, signer->public_key(), start)
                                      : CheckNotRecovering(config.vault.data);
  if (status.ok()) status = vault->OpenStores(config);
  if (status.ok() && vault->ledger_->size() == 0) {
    status = IsNewLog(config.audit);
    if (status.ok()) status = vault->Found(config.vault.founding, signer->public_key());
  }
  if (status.ok()) status = vault->OpenLog(config.audit, *std::move(signer));
  if (status.ok()) status = vault->Watch({config.audit.directory, {}, {}});
  if (!status.ok()) return status;
  vault->unsealer_ = std::make_unique<Unsealer>(config.keys, vault->origin_);
  return vault;
}

// Before the database: on a full disk it is the reserve that it opens with.
absl::Status Vault::OpenSpace(const VaultConfig& config) {
  auto disk = OpenDiskSpace(config.data, config.data + ".reserve");
  if (!disk.ok()) return disk.status();
  SpaceGuard::Options options;
  options.reserve_bytes = static_cast<uint64_t>(config.reserve_mib) << 20;
  space_ = std::make_unique<SpaceGuard>(*std::move(disk), options);
  return absl::OkStatus();
}

absl::Status Vault::Watch(DirectoryWatch::Watched watched) {
  auto watch = DirectoryWatch::Start(std::move(watched));
  if (watch.ok()) watches_.push_back(*std::move(watch));
  return watch.status();
}

absl::Status Vault::CheckStorage() {
  space_->Refresh();
  database_->MeasureSpace();
  for (const std::unique_ptr<DirectoryWatch>& watch : watches_) {
    const absl::Status same = watch->Check();
    if (!same.ok()) return same;
  }
  return absl::OkStatus();
}

absl::Status Vault::OpenStores(const Config& config) {
  const absl::Status space = OpenSpace(config.vault);
  if (!space.ok()) return space;
  storage::Database::Options options;
  options.path = config.vault.data;
  options.create_if_missing = true;
  auto database = storage::Database::Open(options);
  if (!database.ok()) return database.status();
  database_ = *std::move(database);
  const absl::Status watched = Watch(DirectoryWatch::DatabaseAt(config.vault.data));
  if (!watched.ok()) return watched;
  state_ = std::make_unique<DatabaseState>(*database_);

  policy_digest_ = std::string(crypto::Bytes(crypto::Sha256({policy::RulesText()})));
  auto ledger = Ledger::Open(*database_, clock_, policy_digest_, max_gap_seconds_);
  if (!ledger.ok()) return ledger.status();
  ledger_ = *std::move(ledger);
  ledger_->SetAdmission([this](const v1::Command& command) { return space_->Admit(command); });
  return absl::OkStatus();
}

absl::Status Vault::Found(const std::string& path, const crypto::PublicKey& log_key) {
  const absl::StatusOr<v1::Envelope> envelope = ReadEnvelope(path);
  if (!envelope.ok()) return envelope.status();
  Act act;
  act.kind = v1::LOG_KIND_GOVERNANCE;
  act.command.set_method("Found");
  act.command.mutable_caller()->set_role(v1::ROLE_SUPERVISOR);
  v1::Found* found = act.command.mutable_found();
  absl::StatusOr<v1::StatementFacts> facts =
      TakeStatement(*state_, *envelope, *found->mutable_founding());
  if (!facts.ok()) return facts.status();
  facts->clear_signed_by();
  for (const std::string& keyid : audit::FoundingSigners(*envelope, found->founding())) {
    facts->add_signed_by(keyid);
  }
  *found->mutable_statement() = *std::move(facts);
  audit::SetFoundingKeys(found->founding(), *found);
  if (found->founding().log_public_key() != crypto::PublicKeyText(log_key)) {
    return absl::FailedPreconditionError(
        "founding document: names another log key than keys.log_signer");
  }
  act.envelopes.push_back(*envelope);
  const DecisionClock::Reading clock = ledger_->ReadClock();
  if (clock.time + kFoundingSkewSeconds < found->statement().issued_at()) {
    return absl::FailedPreconditionError(
        absl::StrCat("founding document: was signed ",
                     (found->statement().issued_at() - clock.time) / kHourSeconds,
                     " h after what the machine's clock shows; set the clock and start again"));
  }

  // The founding is entry 0 or nothing: a refused one must not become the first entry.
  std::vector<Act> acts;
  acts.push_back(std::move(act));
  const absl::StatusOr<Appended> appended = ledger_->AppendAllOrNothing(std::move(acts));
  if (!appended.ok()) return appended.status();
  const policy::Ruling& ruling = appended->acts.front().ruling;
  if (!ruling.decision.allowed()) {
    return absl::FailedPreconditionError(
        absl::StrCat("founding document: ", ruling.sentence, " [", ruling.decision.reason(), "]"));
  }
  return ledger_->Sync(*appended);
}

absl::Status Vault::ConfirmByWitnesses(const SignedCheckpoint& made) {
  const DecisionClock::Reading clock = ledger_->ReadClock();
  const size_t quorum = publisher_->witness_quorum();
  if (clock.trusted() || quorum == 0 || !made.quorum) return absl::OkStatus();
  Act act;
  act.kind = v1::LOG_KIND_UPKEEP;
  act.command.set_method("Witness");
  v1::WitnessClock& witness = *act.command.mutable_witness_clock();
  const std::vector<int64_t>& times = made.cosigned_at;
  for (size_t end = times.size(); end >= quorum; --end) {  // the latest that agree
    if (times[end - 1] - times[end - quorum] > kWitnessSpreadSeconds) continue;
    witness.mutable_cosigned_at()->Assign(times.begin() + static_cast<ptrdiff_t>(end - quorum),
                                          times.begin() + static_cast<ptrdiff_t>(end));
    break;
  }
  if (witness.cosigned_at().empty()) {
    return absl::FailedPreconditionError("clock: the witnesses do not say one time");
  }
  const int64_t machine = clock.time + clock.ahead;
  const int64_t said = *witness.cosigned_at().rbegin();
  if (std::abs(machine - said) > kWitnessSpreadSeconds || clock.ahead < 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "clock: the machine's clock is ", Lasting(std::abs(machine - said)),
        machine > said ? " ahead of" : " behind", " the witnesses, or it is before the log"));
  }
  witness.set_note(made.note);
  witness.set_time(machine);
  const absl::StatusOr<Committed> committed = ledger_->Commit(std::move(act));
  if (!committed.ok() || committed->ruling.decision.allowed()) return committed.status();
  return absl::FailedPreconditionError(absl::StrCat("clock: ", committed->ruling.sentence));
}

absl::Status Vault::OpenLog(const AuditConfig& config, crypto::SigningKey signer) {
  const auto record = policy::Find<v1::VaultRecord>(*state_, policy::key::Vault());
  if (!record.ok()) return record.status();
  if (!record->has_value()) return absl::DataLossError("vault: its founding record is missing");
  origin_ = (*record)->founding().vault();
  if ((*record)->founding().log_public_key() != crypto::PublicKeyText(signer.public_key())) {
    return absl::FailedPreconditionError("keys.log_signer: is not the key of this vault's log");
  }
  auto publisher = Publisher::Open(config, *ledger_, std::move(signer), origin_, fault_);
  if (!publisher.ok()) return publisher.status();
  publisher_ = *std::move(publisher);
  return CheckAgainstLog(*database_, *ledger_);
}

}  // namespace kluis::service
