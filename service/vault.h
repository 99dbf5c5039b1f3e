// Everything that outlives a call, in the order it is opened: database, keyring, ledger, and what
// works on them. Opening repairs what a crash left before anything can be served. Thread-safe.
#ifndef KLUIS_SERVICE_VAULT_H_
#define KLUIS_SERVICE_VAULT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/ed25519.h"
#include "crypto/keyring.h"
#include "service/clock.h"
#include "service/config.h"
#include "service/database_state.h"
#include "service/directory_watch.h"
#include "service/eraser.h"
#include "service/fault.h"
#include "service/galleries.h"
#include "service/ledger.h"
#include "service/sealer.h"
#include "service/space_guard.h"
#include "service/sweeper.h"
#include "storage/database.h"

namespace kluis::service {

class Publisher;

class Vault {
 public:
  // Opens the vault, or founds it when there is none yet: the founding document of the
  // configuration becomes entry 0. kFailedPrecondition: a key file or the founding document is
  // missing, or does not belong to this vault. kDataLoss: damaged, an older copy, or edited behind
  // the log's back; the message says what.
  static absl::StatusOr<std::unique_ptr<Vault>> Open(const Config& config, const Clock& clock);
  ~Vault();

  const Clock& clock() const { return clock_; }
  storage::Database& database() { return *database_; }
  const DatabaseState& state() const { return *state_; }
  const crypto::Keyring& keyring() const { return *keyring_; }
  const Sealer& sealer() const { return *sealer_; }
  Ledger& ledger() { return *ledger_; }
  Galleries& galleries() { return *galleries_; }
  Eraser& eraser() { return *eraser_; }
  Sweeper& sweeper() { return *sweeper_; }
  Publisher& publisher() { return *publisher_; }
  Fault& fault() { return fault_; }
  SpaceGuard& space() { return *space_; }

  // To be called every second: settles what the disk has room for, and looks whether database and
  // published log are the directories that were opened. kDataLoss: one is not.
  absl::Status CheckStorage();

  // The vault's name: its log's origin.
  const std::string& origin() const { return origin_; }
  const std::string& policy_digest() const { return policy_digest_; }

 private:
  explicit Vault(const Clock& clock);

  absl::Status OpenSpace(const VaultConfig& config);
  absl::Status OpenStores(const Config& config);
  absl::Status Watch(DirectoryWatch::Watched watched);
  absl::Status OpenKeyring(const KeysConfig& keys);
  absl::Status Found(const std::string& path, const crypto::PublicKey& log_key);
  absl::Status OpenLog(const AuditConfig& config, crypto::SigningKey signer);
  absl::Status Recover();
  absl::Status LogStart(int64_t checkpoint_seconds);

  const Clock& clock_;
  Fault fault_;
  std::string policy_digest_;
  std::unique_ptr<SpaceGuard> space_;
  std::vector<std::unique_ptr<DirectoryWatch>> watches_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<DatabaseState> state_;
  std::unique_ptr<crypto::Keyring> keyring_;
  std::unique_ptr<Sealer> sealer_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Galleries> galleries_;
  std::unique_ptr<Eraser> eraser_;
  std::unique_ptr<Sweeper> sweeper_;
  std::unique_ptr<Publisher> publisher_;
  std::string origin_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_VAULT_H_
