// Unsealing by shares: k of n holders bring theirs, and a rekey replaces all of them at once.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/root_key_file.h"
#include "service/unseal.h"

namespace kluis::service {
namespace {

absl::Status NotByShares() {
  return absl::FailedPreconditionError("shares: keys.unseal of this vault is not \"shares\"");
}

}  // namespace

// The newest of the places': a rekey that was cut off left the others under the shares before.
absl::StatusOr<crypto::ShareHeader> Unsealer::HeaderInForce() const {
  absl::StatusOr<crypto::ShareHeader> newest = absl::FailedPreconditionError(
      "shares: this vault has none yet, make them with `kluis vault init`");
  for (const Place& place : places_) {
    if (!place.wrapped.has_value()) continue;
    absl::StatusOr<crypto::ShareHeader> header = crypto::ShareHeader::OfWrapped(*place.wrapped);
    if (!header.ok()) return header;
    if (!newest.ok() || header->generation > newest->generation) newest = std::move(header);
  }
  return newest;
}

absl::Status Unsealer::AddShare(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (kind_ != v1::UNSEAL_KIND_SHARES) return NotByShares();
  const absl::Status read = ReadPlaces();
  if (!read.ok()) return read;
  absl::StatusOr<crypto::ShareHeader> header = HeaderInForce();
  if (!header.ok()) return header.status();
  if (!shares_.has_value() || shares_->header().Serialize() != header->Serialize()) {
    shares_.emplace(*std::move(header));
    given_.clear();
  }
  const absl::StatusOr<crypto::ShareProgress> added = shares_->Add(text);
  if (!added.ok()) return added.status();
  const absl::StatusOr<crypto::LabeledShare> share = crypto::ParseShare(text);
  if (share.ok() && given_.size() < added->have) given_.push_back(share->label.index);
  return absl::OkStatus();
}

void Unsealer::ForgetShares() {
  const std::lock_guard lock(mutex_);
  shares_.reset();
  given_.clear();
  kept_.reset();
}

void Unsealer::Keep(std::shared_ptr<crypto::RootWrapper> shares) {
  const std::lock_guard lock(mutex_);
  kept_ = std::move(shares);
}

absl::StatusOr<Unsealer::Wrappers> Unsealer::ShareWrappers() {
  const absl::StatusOr<crypto::ShareHeader> header = HeaderInForce();
  if (!header.ok()) return header.status();
  std::shared_ptr<crypto::RootWrapper> wrapper = kept_;
  if (wrapper == nullptr) {
    if (!shares_.has_value()) {
      return absl::FailedPreconditionError(absl::StrCat("shares: 0 of ", header->needed, " given"));
    }
    auto opened = shares_->Open();
    if (!opened.ok()) return opened.status();
    wrapper = *std::move(opened);
  }
  const absl::Status dropped = DropOldShares(*header, *wrapper);
  if (!dropped.ok()) return dropped;
  return Wrappers(places_.size(), wrapper);
}

// A place that an interrupted rekey left under older shares is made again from one that the new
// ones open, which is tried first.
absl::Status Unsealer::DropOldShares(const crypto::ShareHeader& header,
                                     crypto::RootWrapper& wrapper) {
  const std::string in_force = header.Serialize();
  absl::Status opens = absl::DataLossError("shares: they open no root key");
  for (const Place& place : places_) {
    if (!place.wrapped.has_value()) continue;
    const absl::StatusOr<crypto::WrappedRoot> parts = crypto::ParseWrapped(*place.wrapped);
    if (!parts.ok()) return parts.status();
    if (parts->header == in_force) opens = wrapper.Unwrap(*place.wrapped).status();
    if (parts->header == in_force && opens.ok()) break;
  }
  if (!opens.ok()) return opens;
  for (Place& place : places_) {
    if (!place.wrapped.has_value()) continue;
    if (crypto::ParseWrapped(*place.wrapped)->header == in_force) continue;
    crypto::RootKeyFile file(place.paths.root_key_path, files_);
    const absl::Status destroyed = file.Destroy();
    if (!destroyed.ok()) return destroyed;
    place.wrapped.reset();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<crypto::SecretBytes>> Unsealer::BeginShares(size_t needed,
                                                                       size_t holders) {
  const std::lock_guard lock(mutex_);
  if (kind_ != v1::UNSEAL_KIND_SHARES) return NotByShares();
  const absl::Status read = ReadPlaces();
  if (!read.ok()) return read;
  uint32_t generation = 0;
  if (HasRootKey()) {
    const absl::StatusOr<crypto::ShareHeader> header = HeaderInForce();
    if (!header.ok()) return header.status();
    generation = header->generation;
  }
  absl::StatusOr<crypto::ShareRekey::Begun> begun =
      crypto::ShareRekey::Begin(crypto::ShareHint(vault_), generation + 1, needed, holders);
  if (!begun.ok()) return begun.status();
  rekey_.emplace(std::move(begun->rekey));
  return std::move(begun->texts);
}

void Unsealer::CancelShares() {
  const std::lock_guard lock(mutex_);
  rekey_.reset();
}

absl::StatusOr<bool> Unsealer::ProveShare(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (!rekey_.has_value()) {
    return absl::FailedPreconditionError(
        "shares: no new ones were made; begin with `kluis vault init` or `kluis vault rekey`");
  }
  const absl::StatusOr<crypto::ShareProgress> proven = rekey_->Prove(text);
  if (absl::IsAlreadyExists(proven.status()) && rekey_->Missing().empty()) return true;
  if (!proven.ok()) return proven.status();
  return proven->have == proven->need;
}

absl::StatusOr<OpenKeyring> Unsealer::FinishInit() {
  const std::lock_guard lock(mutex_);
  const absl::Status read = ReadPlaces();
  if (!read.ok()) return read;
  if (!rekey_.has_value() || HasRootKey()) {
    return absl::FailedPreconditionError("shares: this vault has its keyring already");
  }
  absl::StatusOr<std::unique_ptr<crypto::RootWrapper>> wrapper = rekey_->Commit();
  if (!wrapper.ok()) return wrapper.status();
  const std::shared_ptr<crypto::RootWrapper> shared = *std::move(wrapper);
  absl::StatusOr<OpenKeyring> open = OpenWith(Wrappers(places_.size(), shared), true);
  if (!open.ok()) return open;
  for (uint32_t i = 1; i <= rekey_->header().commitments.size(); ++i) open->shares.push_back(i);
  rekey_.reset();
  return open;
}

absl::StatusOr<v1::Rekey> Unsealer::FinishRekey(OpenKeyring& open) {
  const std::lock_guard lock(mutex_);
  if (!rekey_.has_value()) return absl::FailedPreconditionError("shares: no rekey is under way");
  absl::StatusOr<std::unique_ptr<crypto::RootWrapper>> wrapper = rekey_->Commit();
  if (!wrapper.ok()) return wrapper.status();
  const std::shared_ptr<crypto::RootWrapper> shared = *std::move(wrapper);
  std::vector<std::unique_ptr<crypto::RootKeyStore>> stores;
  for (const Place& place : places_) {
    stores.push_back(
        std::make_unique<crypto::RootKeyFile>(place.paths.root_key_path, files_, shared.get()));
  }
  // Kept whatever comes: a place that was changed refers to it.
  open.wrappers.push_back(shared);
  const absl::Status changed = open.keyring->Rekey(std::move(stores));
  if (!changed.ok()) return changed;
  open.wrappers.assign(places_.size(), shared);

  v1::Rekey rekey;
  rekey.set_generation(rekey_->header().generation);
  rekey.set_needed(rekey_->header().needed);
  rekey.set_holders(static_cast<uint32_t>(rekey_->header().commitments.size()));
  rekey_.reset();
  shares_.reset();
  given_.clear();
  return rekey;
}

}  // namespace kluis::service
