// SPDX-License-Identifier: Apache-2.0
// How a vault is unsealed, rekeyed and sealed.
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/version.h"
#include "crypto/file_system.h"
#include "policy/record_key.h"
#include "service/custody/keyring_check.h"
#include "service/ledger/outcome.h"
#include "service/publish/publisher.h"
#include "service/recovery/backups.h"
#include "service/vault.h"

namespace kluis::service {
namespace {

absl::Status NotNow(std::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat("vault: ", std::string(what)));
}

// What opens the newest state of every place; null: not shares.
std::shared_ptr<crypto::RootWrapper> KeptSharesOf(const OpenKeyring& open) {
  return open.kind == v1::UNSEAL_KIND_SHARES ? open.wrappers.back() : nullptr;
}

}  // namespace

// Nothing was ever sealed: slot 0 is the vault's own and taken by the founding.
absl::StatusOr<bool> Vault::IsNew() const {
  const auto slots = policy::Find<v1::SlotCounter>(*state_, policy::key::Slots());
  if (!slots.ok()) return slots.status();
  return slots->has_value() && (*slots)->next_slot() == 1;
}

absl::StatusOr<std::optional<Committed>> Vault::Unseal() {
  const std::lock_guard lock(seal_mutex_);
  if (gate_.is_open()) return NotNow("is not sealed");
  CloseKeyring();  // of a recovery that waits
  const absl::StatusOr<bool> is_new = IsNew();
  if (!is_new.ok()) return is_new.status();
  absl::StatusOr<OpenKeyring> open = unsealer_->Open(*is_new);
  waits_for_token_ =
      unsealer_->kind() == v1::UNSEAL_KIND_TOKEN && absl::IsUnavailable(open.status());
  if (!open.ok()) {
    StayClosed(open.status());
    return open.status();
  }
  const absl::Status used = UseKeyring(*std::move(open));
  if (!used.ok()) return used;
  if (restored_.has_value()) {
    StayClosed(absl::FailedPreconditionError(
        "a recovery waits for the order of two operators: `kluis vault restore`"));
    return std::nullopt;
  }
  absl::StatusOr<Committed> started = Serve();
  if (!started.ok()) return started.status();
  return *std::move(started);
}

absl::StatusOr<v1::RestoreVaultResponse> Vault::FinishRestore(const v1::Caller& caller,
                                                              const v1::Envelope& order,
                                                              uint32_t backup,
                                                              const RecoveryStep& step) {
  const std::lock_guard lock(seal_mutex_);
  if (!restored_.has_value()) {
    return NotNow("is not recovered; stop it, move its database away and start kluisd --recover");
  }
  if (backup != 0 && backup != restored_->backup.id) {
    return NotNow(absl::StrCat("backup ", restored_->backup.id, " was restored, not ", backup,
                               "; another one is chosen by kluisd --recover --backup N"));
  }
  if (open_.keyring == nullptr) return NotNow("must be unsealed before it is recovered");
  const absl::Status started = EnsureStarted();
  if (!started.ok()) return started;
  const RecoveryParts parts{data_, *database_, *ledger_, *open_.keyring, *eraser_};
  absl::StatusOr<v1::RestoreVaultResponse> finished =
      FinishRecovery(parts, *restored_, caller, order, step);
  if (!finished.ok()) return finished;
  const absl::Status served = Serve().status();
  if (!served.ok()) return served;
  restored_.reset();
  return finished;
}

// A backup directory that cannot be read holds up no vault: the next unsealing enters them.
absl::Status Vault::EnterBackups() {
  const absl::StatusOr<std::vector<v1::Backup>> backups = ListBackups(backups_);
  if (!backups.ok()) return absl::OkStatus();
  for (const v1::Backup& backup : *backups) {
    const auto known = policy::Find<v1::BackupRecord>(*state_, policy::key::Backup(backup.id()));
    if (!known.ok()) return known.status();
    if (known->has_value() && (*known)->made_at() == backup.made_at().seconds()) continue;
    Act act;
    act.kind = v1::LOG_KIND_UPKEEP;
    act.command.set_method("EnterBackups");
    SetBackUp(backup, *act.command.mutable_back_up());
    act.command.mutable_back_up()->set_while_sealed(true);
    const absl::Status entered = ledger_->Commit(std::move(act)).status();
    if (!entered.ok()) return entered;
  }
  return absl::OkStatus();
}

// Under seal_mutex_, with the gate closed.
absl::Status Vault::UseKeyring(OpenKeyring open) {
  open_ = std::move(open);
  started_ = false;
  sealer_ = std::make_unique<Sealer>(*open_.keyring);
  const absl::Status fits = CheckKeyring(*database_, *open_.keyring, *sealer_);
  if (!fits.ok()) {
    CloseKeyring();
    StayClosed(fits);
    return fits;
  }
  galleries_ = std::make_unique<Galleries>(*database_, *sealer_, gallery_options_);
  eraser_ = std::make_unique<Eraser>(*database_, *open_.keyring, *ledger_);
  sweeper_ = std::make_unique<Sweeper>(*database_, *ledger_, *sealer_, *galleries_, *eraser_);
  return absl::OkStatus();
}

// The start is the first that the log hears of an opening.
absl::Status Vault::EnsureStarted() {
  if (started_) return absl::OkStatus();
  const absl::Status logged = LogStart().status();
  started_ = logged.ok();
  return logged;
}

// The same, once the keyring is in use.
absl::StatusOr<Committed> Vault::Serve() {
  absl::StatusOr<Committed> started =
      started_ ? absl::StatusOr<Committed>(Committed{}) : LogStart();
  absl::Status status = started.status();
  if (status.ok()) status = Recover();
  if (status.ok()) status = EnterBackups();
  if (status.ok()) {
    const absl::StatusOr<SignedCheckpoint> made = publisher_->Sign();
    status = made.status();
    // Without them the next checkpoint asks again, or operators confirm.
    if (made.ok()) ConfirmByWitnesses(*made).IgnoreError();
    // A witness that knows another history leaves revocations: a vault must start for those.
    const bool revokes = !fault_.text().empty() && fault_.Check(Fault::Leaves::kRevocations).ok();
    if (revokes) status = absl::OkStatus();
  }
  if (!status.ok()) {
    // Its holders need not come again for a disk that failed.
    unsealer_->Keep(KeptSharesOf(open_));
    CloseKeyring();
    StayClosed(status);
    return status;
  }
  sealed_by_operator_ = false;
  sweeper_->Start(sweep_seconds_);
  eraser_->concluder().Start();
  // An error here is an error of the store, which shows in every call.
  const DecisionClock::Reading clock = ledger_->ReadClock();
  if (clock.trusted()) galleries_->LoadActive(clock.time).IgnoreError();
  gate_.Open();
  if (told_) told_(true);
  return started;
}

absl::StatusOr<Committed> Vault::Seal(Act act, const std::function<void()>& hurry) {
  const std::lock_guard lock(seal_mutex_);
  if (open_.keyring == nullptr) return NotNow("is sealed already");
  if (!gate_.is_open()) {  // a recovery waits: nothing was served
    unsealer_->ForgetShares();
    CloseKeyring();
    return NotNow("was not serving; its keyring is closed again");
  }
  act.command.mutable_seal_service();
  gate_.Shut();
  if (hurry) hurry();
  galleries_->EndLoads();
  database_->InterruptCompactions(true);  // for nobody who still runs
  gate_.WaitUntilEmpty();
  sweeper_->Stop();
  eraser_->concluder().Stop();  // what is not concluded yet, the next unsealing finishes
  absl::StatusOr<Committed> committed = CommitAct(ledger(), std::move(act));
  if (!committed.ok()) {
    sweeper_ = std::make_unique<Sweeper>(*database_, *ledger_, *sealer_, *galleries_, *eraser_);
    sweeper_->Start(sweep_seconds_);
    eraser_->concluder().Start();
    galleries_->ResumeLoads();
    gate_.Open();
    return committed;
  }
  // The next start signs what this could not.
  publisher_->Sign().status().IgnoreError();
  unsealer_->ForgetShares();
  unsealer_->CancelShares();
  CloseKeyring();
  sealed_by_operator_ = true;
  StayClosed(absl::FailedPreconditionError("sealed by an operator"));
  if (told_) told_(false);
  return committed;
}

void Vault::CloseKeyring() {
  ledger_->SetFollowers(nullptr, nullptr);
  sweeper_.reset();
  eraser_.reset();
  galleries_.reset();
  sealer_.reset();
  open_.keyring.reset();  // before what wraps its root key
  open_ = OpenKeyring();
}

void Vault::StayClosed(const absl::Status& why) {
  const std::lock_guard lock(why_mutex_);
  why_sealed_ = std::string(why.message());
}

std::string Vault::why_sealed() const {
  const std::lock_guard lock(why_mutex_);
  return gate_.is_open() ? "" : why_sealed_;
}

std::shared_ptr<crypto::RootWrapper> Vault::KeptShares() const {
  const std::lock_guard lock(seal_mutex_);
  return KeptSharesOf(open_);
}

absl::StatusOr<Committed> Vault::LogStart() {
  ledger_->CheckGap();
  Act act;
  act.kind = v1::LOG_KIND_UPKEEP;
  act.command.set_method("Start");
  v1::StartService& start = *act.command.mutable_start_service();
  start.set_version(base::Version());
  start.set_checkpoint_seconds(static_cast<uint32_t>(checkpoint_seconds_));
  start.set_max_gap_seconds(static_cast<uint32_t>(max_gap_seconds_));
  start.set_unsealed_by(open_.kind);
  start.mutable_shares()->Assign(open_.shares.begin(), open_.shares.end());
  return ledger_->Commit(std::move(act));
}

// Whatever the published log says is believed only as far as this vault's own key signed it.
absl::Status Vault::RestoreDatabase(const Config& config, const crypto::PublicKey& log_key,
                                    const VaultStart& start) {
  const absl::StatusOr<std::string> text =
      crypto::RealFileSystem().Read(config.audit.directory + ".vkey", audit::kMaxNoteBytes);
  if (!text.ok()) return text.status();
  const absl::StatusOr<audit::VerifierKey> key =
      audit::VerifierKey::Parse(text->substr(0, text->find_last_not_of(" \n") + 1));
  if (!key.ok()) return key.status();
  if (key->key() != log_key) {
    return absl::FailedPreconditionError(
        absl::StrCat(config.audit.directory, ".vkey: is not of keys.log_signer"));
  }
  const RecoveryPlaces places{.data = config.vault.data,
                              .backups = {config.vault.backups},
                              .backup = start.backup,
                              .log = {config.audit.directory, config.audit.anchor, *key}};
  absl::StatusOr<RestoredDatabase> restored = RecoverDatabase(places, start.step);
  if (!restored.ok()) return restored.status();
  restored_ = *std::move(restored);
  return absl::OkStatus();
}

// Repairs what a crash left: erasures and rotations that were started, searches that were cut off.
absl::Status Vault::Recover() {
  ledger_->SetFollowers(galleries_.get(), eraser_.get());
  const absl::Status erased = eraser_->FinishAll();
  if (!erased.ok()) return erased;
  const absl::Status renewed = sweeper_->rotations().FinishAtStart();
  if (!renewed.ok()) return renewed;

  std::vector<std::string> searches;
  absl::Status scanned = state_->ForEach<v1::PendingSearch>(
      v1::RecordChange::kPendingSearch,
      [&](const v1::PendingSearch& search) { searches.push_back(search.id()); });
  if (!scanned.ok()) return scanned;
  for (const std::string& id : searches) {
    Act act;
    act.kind = v1::LOG_KIND_COMBINATION;
    act.command.set_method("Recover");
    act.command.mutable_search_outcome()->set_search_id(id);
    act.command.mutable_search_outcome()->set_result(v1::SEARCH_RESULT_ABORTED);
    const absl::StatusOr<Committed> committed = ledger_->Commit(std::move(act));
    if (!committed.ok()) return committed.status();
  }

  return state_->ForEach<v1::CaseRecord>(
      v1::RecordChange::kCase, [&](const v1::CaseRecord& kase) { galleries_->Follow(kase); });
}

}  // namespace kluis::service
