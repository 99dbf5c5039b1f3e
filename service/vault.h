// SPDX-License-Identifier: Apache-2.0
// Everything that outlives a call, in the order it is opened: database, ledger and log first, and
// the vault is sealed; then, unsealed, the keyring and what works under it. Unsealing repairs what
// a crash left before anything can be served. Thread-safe.
#ifndef KLUIS_SERVICE_VAULT_H_
#define KLUIS_SERVICE_VAULT_H_

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/ed25519.h"
#include "crypto/keyring.h"
#include "service/callers/limits.h"
#include "service/custody/gate.h"
#include "service/custody/sealer.h"
#include "service/custody/unseal.h"
#include "service/gallery/galleries.h"
#include "service/gallery/search_queue.h"
#include "service/ledger/database_state.h"
#include "service/ledger/ledger.h"
#include "service/process/clock.h"
#include "service/process/config.h"
#include "service/process/fault.h"
#include "service/recovery/recovery.h"
#include "service/upkeep/directory_watch.h"
#include "service/upkeep/eraser.h"
#include "service/upkeep/space_guard.h"
#include "service/upkeep/sweeper.h"
#include "storage/database.h"

namespace kluis::service {

class Publisher;
struct SignedCheckpoint;

// What a start is for.
struct VaultStart {
  bool recover = false;  // the database was lost: restore it first (service/recovery/recovery.h)
  std::optional<uint32_t> backup;  // of these; nullopt: the newest
  RecoveryStep step = {};          // told what a recovery does
  bool stay_sealed = false;        // an operator sealed it: nothing unseals it by itself
};

class Vault {
 public:
  // Opens the vault, sealed, or founds it when there is none yet: the founding document of the
  // configuration becomes entry 0. kFailedPrecondition: the log's key or the founding document is
  // missing, or does not belong to this vault. kDataLoss: damaged, an older copy, or edited behind
  // the log's back; the message says what. For a recovery also the errors of RecoverDatabase.
  static absl::StatusOr<std::unique_ptr<Vault>> Open(const Config& config, const Clock& clock,
                                                     const VaultStart& start = {});
  ~Vault();

  // Opens the keyring with what was given so far, finishes what a crash left, and serves. Returns
  // the entry of the start; nullopt for a vault that is recovered: it waits for its order. Errors
  // as Unsealer::Open; the vault is sealed as before. kFailedPrecondition also when it is not
  // sealed.
  absl::StatusOr<std::optional<Committed>> Unseal();

  // Finishes a recovery, once the keyring is open, and serves. Errors as FinishRecovery.
  // kFailedPrecondition: no recovery is under way, another `backup` was restored (0: whichever), or
  // the vault must be unsealed first.
  absl::StatusOr<v1::RestoreVaultResponse> FinishRestore(const v1::Caller& caller,
                                                         const v1::Envelope& order, uint32_t backup,
                                                         const RecoveryStep& step);

  // New shares of an open vault, handed out; their entry is made first. `act` carries the caller.
  // Errors as Unsealer::BeginShares and CommitAct.
  absl::StatusOr<std::vector<crypto::SecretBytes>> BeginRekey(Act act, uint32_t needed,
                                                              uint32_t holders,
                                                              Committed& committed);

  // Ends what is under way of new shares by `act`, a CancelRekey or a VoidRekey.
  absl::StatusOr<Committed> EndRekey(Act act);

  // The same for a new vault, and a rekey of an open one, when all new shares are proven. Which of
  // both is known by whether it has a keyring. `act` carries the caller. REKEY_NOT_DUE: neither
  // have as many old holders agreed as open the vault, nor is an order of two operators due; the
  // old shares stay in force.
  absl::StatusOr<Committed> FinishShares(Act act);

  // Enters backups that the log does not know of: made while the vault was sealed.
  absl::Status EnterBackups();

  // A rekey is in force whose entry could not be made: FinishShares makes it.
  bool HasUnloggedRekey() const;

  // The act SealService: lets what runs end, then closes the keyring and wipes every key. `hurry`
  // is called when nobody new is let in, to end what would not end by itself. kFailedPrecondition:
  // sealed already. Errors of the ledger: it serves as before.
  absl::StatusOr<Committed> Seal(Act act, const std::function<void()>& hurry = {});

  // Takes the time from the witnesses that cosigned `made`, when nobody knows it: as many of them
  // as the quorum, within five minutes of each other, and the machine's clock must show it. OK also
  // when there is nothing to do. kFailedPrecondition: they do not say one time, or the machine's
  // clock shows another. Others: the ledger's.
  absl::Status ConfirmByWitnesses(const SignedCheckpoint& made);

  // What a call holds while it uses keyring, sealer, galleries, eraser or sweeper.
  Gate& gate() { return gate_; }
  Unsealer& unsealer() { return *unsealer_; }

  // `told` is called after each unsealing and each sealing. Call once, before anything is served.
  void TellSealing(std::function<void(bool open)> told) { told_ = std::move(told); }

  // What the last attempt to unseal met; empty: nothing. Never waits for one that runs.
  std::string why_sealed() const;

  // The last attempt found no token: it may be there a moment later.
  bool waits_for_token() const { return waits_for_token_; }

  // An operator sealed it, and nobody has unsealed it since.
  bool sealed_by_operator() const { return sealed_by_operator_; }

  // Of an open vault, for one that is opened again in this process.
  std::shared_ptr<crypto::RootWrapper> KeptShares() const;

  // For durations only: what decides takes the time of its act (service/ledger/ledger.h).
  const Clock& clock() const { return clock_; }
  storage::Database& database() { return *database_; }
  const DatabaseState& state() const { return *state_; }
  const crypto::Keyring& keyring() const { return *open_.keyring; }
  const Sealer& sealer() const { return *sealer_; }
  Ledger& ledger() { return *ledger_; }
  Galleries& galleries() { return *galleries_; }
  Eraser& eraser() { return *eraser_; }
  Sweeper& sweeper() { return *sweeper_; }
  Publisher& publisher() { return *publisher_; }
  Fault& fault() { return fault_; }
  SpaceGuard& space() { return *space_; }
  SearchQueue& search_queue() { return search_queue_; }
  Limits& limits() { return limits_; }

  // What the daemon found of the port that calls come through; for metrics.
  struct PortState {
    std::atomic<bool> deaf = false;
    std::atomic<uint64_t> reopened = 0;
  };
  PortState& port_state() { return port_state_; }

  // To be called every second: settles what the disk has room for, and looks whether database and
  // published log are the directories that were opened. kDataLoss: one is not.
  absl::Status CheckStorage();

  // Where backups of the database lie.
  const std::string& backups() const { return backups_; }

  // The vault's name: its log's origin.
  const std::string& origin() const { return origin_; }
  const std::string& policy_digest() const { return policy_digest_; }

 private:
  Vault(const Config& config, const Clock& clock);

  absl::Status OpenSpace(const VaultConfig& config);
  absl::Status OpenStores(const Config& config);
  absl::Status Watch(DirectoryWatch::Watched watched);
  absl::Status RestoreDatabase(const Config& config, const crypto::PublicKey& log_key,
                               const VaultStart& start);
  absl::Status UseKeyring(OpenKeyring open);
  void StayClosed(const absl::Status& why);
  absl::Status EnsureStarted();
  absl::Status MayRekey(const Act& act);
  absl::Status Foresee(const v1::Command& command) const;
  absl::Status CheckLogged() const;  // under seal_mutex_
  absl::StatusOr<Committed> Serve();
  void CloseKeyring();
  absl::StatusOr<bool> IsNew() const;
  absl::Status Found(const std::string& path, const crypto::PublicKey& log_key);
  absl::Status OpenLog(const AuditConfig& config, crypto::SigningKey signer);
  absl::Status Recover();
  absl::StatusOr<Committed> LogStart();

  const Clock& clock_;
  const Galleries::Options gallery_options_;
  const int sweep_seconds_;
  const int64_t checkpoint_seconds_;
  const int64_t max_gap_seconds_;
  const std::string data_;
  const std::string backups_;
  Fault fault_;
  SearchQueue search_queue_;
  Limits limits_;
  PortState port_state_;
  std::string policy_digest_;
  std::unique_ptr<SpaceGuard> space_;
  std::vector<std::unique_ptr<DirectoryWatch>> watches_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<DatabaseState> state_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Publisher> publisher_;
  std::string origin_;
  std::unique_ptr<Unsealer> unsealer_;
  std::function<void(bool open)> told_;

  mutable std::mutex why_mutex_;  // guards why_sealed_ only
  std::string why_sealed_;
  std::atomic<bool> waits_for_token_ = false;
  std::atomic<bool> sealed_by_operator_ = false;

  mutable std::mutex seal_mutex_;  // one unsealing, sealing or rekey at a time; guards what follows
  bool started_ = false;           // the entry of this opening is in the log
  std::optional<v1::Rekey> unlogged_;         // in force, and its entry not yet made
  std::optional<RestoredDatabase> restored_;  // until the recovery is in the log
  OpenKeyring open_;

  // Null while the vault is sealed; whoever uses them holds a pass of the gate.
  Gate gate_;
  std::unique_ptr<Sealer> sealer_;
  std::unique_ptr<Galleries> galleries_;
  std::unique_ptr<Eraser> eraser_;
  std::unique_ptr<Sweeper> sweeper_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_VAULT_H_
