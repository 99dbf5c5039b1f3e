// SPDX-License-Identifier: Apache-2.0
// What stands between the keyring and whoever has the disk: the ways in which the root key is
// wrapped, and how each is given to a vault that starts. A plain file, for development; a
// passphrase in a file of its own; k of n shares, which their holders bring one by one; a key in a
// token. Thread-safe.
#ifndef KLUIS_SERVICE_CUSTODY_UNSEAL_H_
#define KLUIS_SERVICE_CUSTODY_UNSEAL_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crypto/file_system.h"
#include "crypto/keyring.h"
#include "crypto/root_wrapper.h"
#include "crypto/shamir_rekey.h"
#include "crypto/shamir_set.h"
#include "kluis/v1/ledger.pb.h"
#include "kluis/v1/vault_service.pb.h"
#include "service/process/config.h"

namespace kluis::service {

// An open keyring, and what it wraps its next root key with. One wrapper may serve several places.
struct OpenKeyring {
  std::vector<std::shared_ptr<crypto::RootWrapper>> wrappers;  // of each place; null: plain
  std::unique_ptr<crypto::Keyring> keyring;
  v1::UnsealKind kind = v1::UNSEAL_KIND_UNSPECIFIED;
  std::vector<uint32_t> shares;  // the numbers of those that opened it
};

class Unsealer {
 public:
  // `vault` is the vault's name: shares and token keys are labelled by it. Looks at no file.
  Unsealer(const KeysConfig& keys, const std::string& vault,
           crypto::FileSystem& files = crypto::RealFileSystem());

  v1::UnsealKind kind() const { return kind_; }

  // Opens the keyring, or makes it where `is_new` says that nothing was ever sealed.
  // kFailedPrecondition: shares are missing, or the keyring of a vault that is not new; the message
  // says what to do. kPermissionDenied: wrong passphrase or PIN. kUnavailable: the token is not
  // there, or the disk failed. kDataLoss and others: as Keyring::Open.
  absl::StatusOr<OpenKeyring> Open(bool is_new);

  // Whether shares are kept or enough were given: Open may be tried.
  bool HasEnough();

  // The shares of one that was open in this process before, so that a restart of the database does
  // not call the holders again.
  void Keep(std::shared_ptr<crypto::RootWrapper> shares);

  // One share of the set in force. kFailedPrecondition: shares do not unseal this vault, or it has
  // none yet (`kluis vault init`). Else as ShareSet::Add.
  absl::Status AddShare(std::string_view text);
  void ForgetShares();

  // New shares: for a keyring that is yet to be made, or in place of those in force. Ends a rekey
  // that was under way, and what old holders agreed to. kFailedPrecondition: shares do not unseal
  // this vault. kInvalidArgument: as ShareRekey::Begin.
  absl::StatusOr<std::vector<crypto::SecretBytes>> BeginShares(size_t needed, size_t holders);
  void CancelShares();

  // One new share, brought back; or one of those in force, by which its holder agrees to the new
  // ones. Errors as ShareRekey::Prove and CheckShare; kFailedPrecondition: none is awaited. True
  // when all new ones are proven: then Finish, if policy lets Proposed come into force.
  absl::StatusOr<bool> ProveShare(std::string_view text);

  // The new shares that are made, and the old ones that agreed when they are as many as open the
  // vault. kFailedPrecondition: none are made.
  absl::StatusOr<v1::Rekey> Proposed();

  // One share of those in force, by which its holder wants the order of new shares ended that has
  // this id; those given for another order are forgotten. Errors as CheckShare;
  // kFailedPrecondition: shares do not unseal this vault, or it has none.
  absl::StatusOr<crypto::ShareProgress> AddCancelling(std::string_view order,
                                                      std::string_view text);
  // The numbers of the shares given for that order, when they are as many as open the vault.
  std::vector<uint32_t> Cancelling();

  // After the last proof: the keyring of a new vault, or `open` under the new shares. On an error
  // of the disk the new shares stay proven; call again. Errors as Open and Keyring::Rekey.
  // kDataLoss: the header that old shares were held against is not the one of what opened `open`.
  absl::StatusOr<OpenKeyring> FinishInit();
  absl::StatusOr<v1::Rekey> FinishRekey(OpenKeyring& open);

  // Everything but `sealed`, as the files are now; `why` when they cannot be read. Writes nothing,
  // so that it may be asked while the keyring works.
  v1::SealStatus Status();

 private:
  struct Place {
    crypto::KeyringPaths paths;
    bool exists = false;                      // a root key is there
    std::optional<std::string> wrapped = {};  // as it is on disk; nullopt: none, plain, or damaged
  };
  using Wrappers = std::vector<std::shared_ptr<crypto::RootWrapper>>;

  absl::Status DecidePlaces();
  absl::Status ReadPlaces();
  bool HasRootKey() const;
  absl::StatusOr<Wrappers> MakeWrappers(bool is_new);
  absl::StatusOr<Wrappers> PassphraseWrappers(bool is_new);
  absl::StatusOr<Wrappers> TokenWrappers();
  absl::StatusOr<Wrappers> ShareWrappers();
  absl::StatusOr<crypto::ShareHeader> HeaderInForce() const;
  // Old shares that were held against the commitments in one header.
  struct OldShares {
    std::string header;
    size_t needed = 0;
    std::set<uint32_t> numbers;
    bool checked = false;  // the header is that of what opened the vault

    bool enough() const { return !numbers.empty() && numbers.size() >= needed; }
  };
  absl::StatusOr<crypto::ShareProgress> AddOld(std::string_view text, OldShares& old);
  absl::Status CheckOldHeader(const OpenKeyring& open);
  static bool IsUnder(const Place& place, const crypto::ShareHeader& header);
  absl::Status DropOldShares(const crypto::ShareHeader& header, const Wrappers& wrappers);
  absl::StatusOr<OpenKeyring> OpenWith(Wrappers wrappers, bool is_new);
  std::vector<crypto::KeyringPlace> PlacesUnder(const Wrappers& wrappers,
                                                const crypto::ShareHeader* only = nullptr) const;

  const KeysConfig keys_;
  const std::string vault_;
  const v1::UnsealKind kind_;
  crypto::FileSystem& files_;

  std::mutex mutex_;      // guards what follows
  bool decided_ = false;  // before the first keyring is opened, and never while one is
  std::vector<Place> places_;
  std::optional<crypto::ShareSet> shares_;
  std::vector<uint32_t> given_;                // numbers of the shares in shares_
  std::shared_ptr<crypto::RootWrapper> kept_;  // of shares that were given before
  std::optional<crypto::ShareRekey> rekey_;
  OldShares agreed_;             // to the shares of rekey_
  std::string cancelled_order_;  // that cancelling_ is about
  OldShares cancelling_;
  uint32_t generation_ = 0;  // the highest that any place has shown
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_CUSTODY_UNSEAL_H_
