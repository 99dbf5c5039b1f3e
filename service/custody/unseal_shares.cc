// SPDX-License-Identifier: Apache-2.0
// Unsealing by shares: k of n holders bring theirs, and a rekey replaces all of them at once.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/root_key_file.h"
#include "service/custody/unseal.h"

namespace kluis::service {
namespace {

absl::Status NotByShares() {
  return absl::FailedPreconditionError("shares: keys.unseal of this vault is not \"shares\"");
}

}  // namespace

// The newest of the places': a rekey that was cut off left the others under the shares before.
absl::StatusOr<crypto::ShareHeader> Unsealer::HeaderInForce() const {
  absl::StatusOr<crypto::ShareHeader> newest = absl::FailedPreconditionError(
      "shares: there is no root key under shares; a new vault makes them with `kluis vault init`, "
      "any "
      "other must have its root key put back");
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

bool Unsealer::HasEnough() {
  const std::lock_guard lock(mutex_);
  if (kept_ != nullptr) return true;
  return shares_.has_value() && shares_->progress().have >= shares_->progress().need;
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
  const Wrappers wrappers(places_.size(), wrapper);
  const absl::Status dropped = DropOldShares(*header, wrappers);
  if (!dropped.ok()) return dropped;
  return wrappers;
}

bool Unsealer::IsUnder(const Place& place, const crypto::ShareHeader& header) {
  if (!place.wrapped.has_value()) return false;
  const absl::StatusOr<crypto::WrappedRoot> parts = crypto::ParseWrapped(*place.wrapped);
  return parts.ok() && parts->header == header.Serialize();
}

// A place that an interrupted rekey left under older shares is made again from those under the new
// ones. Its root key goes only when those are known to open by themselves.
absl::Status Unsealer::DropOldShares(const crypto::ShareHeader& header, const Wrappers& wrappers) {
  const auto is_old = [&](const Place& place) {
    return place.wrapped.has_value() && !IsUnder(place, header);
  };
  if (std::none_of(places_.begin(), places_.end(), is_old)) return absl::OkStatus();
  const absl::Status opens = crypto::Keyring::Open(PlacesUnder(wrappers, &header), files_).status();
  if (!opens.ok()) return opens;
  for (Place& place : places_) {
    if (!is_old(place)) continue;
    const absl::Status destroyed = crypto::RootKeyFile(place.paths.root_key_path, files_).Destroy();
    if (!destroyed.ok()) return destroyed;
    place.wrapped.reset();
    place.exists = false;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<crypto::SecretBytes>> Unsealer::BeginShares(size_t needed,
                                                                       size_t holders) {
  const std::lock_guard lock(mutex_);
  if (kind_ != v1::UNSEAL_KIND_SHARES) return NotByShares();
  const absl::Status read = ReadPlaces();
  if (!read.ok()) return read;
  absl::StatusOr<crypto::ShareRekey::Begun> begun =
      crypto::ShareRekey::Begin(crypto::ShareHint(vault_), generation_ + 1, needed, holders);
  if (!begun.ok()) return begun.status();
  rekey_.emplace(std::move(begun->rekey));
  agreed_ = {};
  return std::move(begun->texts);
}

void Unsealer::CancelShares() {
  const std::lock_guard lock(mutex_);
  rekey_.reset();
  agreed_ = {};
}

// Of the share only its number is kept: it is held against the commitment of the set in force.
absl::StatusOr<crypto::ShareProgress> Unsealer::AddOld(std::string_view text, OldShares& old) {
  if (kind_ != v1::UNSEAL_KIND_SHARES) return NotByShares();
  const absl::Status read = ReadPlaces();
  if (!read.ok()) return read;
  const absl::StatusOr<crypto::ShareHeader> header = HeaderInForce();
  if (!header.ok()) return header.status();
  const absl::StatusOr<crypto::LabeledShare> share = crypto::CheckShare(*header, text);
  if (!share.ok()) return share.status();
  if (old.header != header->Serialize()) old = {header->Serialize(), header->needed, {}, false};
  if (!old.numbers.insert(share->label.index).second) {
    return absl::AlreadyExistsError("shares: this one was given for it before");
  }
  return crypto::ShareProgress{old.numbers.size(), old.needed};
}

absl::StatusOr<crypto::ShareProgress> Unsealer::AddCancelling(std::string_view order,
                                                              std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (cancelled_order_ != order) cancelling_ = {};
  cancelled_order_ = std::string(order);
  absl::StatusOr<crypto::ShareProgress> progress = AddOld(text, cancelling_);
  // Enough were given, and then it was not entered: whoever comes again lets it be.
  if (absl::IsAlreadyExists(progress.status()) && cancelling_.enough()) {
    return crypto::ShareProgress{cancelling_.numbers.size(), cancelling_.needed};
  }
  return progress;
}

std::vector<uint32_t> Unsealer::Cancelling() {
  const std::lock_guard lock(mutex_);
  if (!cancelling_.enough()) return {};
  return {cancelling_.numbers.begin(), cancelling_.numbers.end()};
}

absl::StatusOr<v1::Rekey> Unsealer::Proposed() {
  const std::lock_guard lock(mutex_);
  if (!rekey_.has_value()) return absl::FailedPreconditionError("shares: no rekey is under way");
  v1::Rekey rekey;
  rekey.set_generation(rekey_->header().generation);
  rekey.set_needed(rekey_->header().needed);
  rekey.set_holders(static_cast<uint32_t>(rekey_->header().commitments.size()));
  if (agreed_.enough()) {
    rekey.mutable_old_shares()->Assign(agreed_.numbers.begin(), agreed_.numbers.end());
  }
  return rekey;
}

// Whoever can write to the disk could put commitments of shares of his own there. What opened the
// vault opens what lies under the true ones only.
absl::Status Unsealer::CheckOldHeader(const OpenKeyring& open) {
  const absl::Status read = ReadPlaces();
  if (!read.ok()) return read;
  for (const Place& place : places_) {
    if (!place.wrapped.has_value()) continue;
    const absl::StatusOr<crypto::WrappedRoot> parts = crypto::ParseWrapped(*place.wrapped);
    if (!parts.ok() || parts->header != agreed_.header) continue;
    for (const auto& wrapper : open.wrappers) {
      agreed_.checked = agreed_.checked || (wrapper && wrapper->Unwrap(*place.wrapped).ok());
    }
  }
  return agreed_.checked ? absl::OkStatus()
                         : absl::DataLossError(
                               "shares: the old ones that agreed are not those "
                               "that opened this vault");
}

absl::StatusOr<bool> Unsealer::ProveShare(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (!rekey_.has_value()) {
    return absl::FailedPreconditionError(
        "shares: no new ones were made; begin with `kluis vault init` or `kluis vault rekey`");
  }
  const absl::StatusOr<crypto::ShareProgress> proven = rekey_->Prove(text);
  if (absl::IsPermissionDenied(proven.status()) && HasRootKey()) {  // not a new one: an old one?
    const absl::Status agreed = AddOld(text, agreed_).status();
    if (!agreed.ok()) return absl::IsPermissionDenied(agreed) ? proven.status() : agreed;
    return rekey_->Missing().empty();
  }
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
  ReadPlaces().IgnoreError();  // for Status
  rekey_.reset();
  return open;
}

absl::StatusOr<v1::Rekey> Unsealer::FinishRekey(OpenKeyring& open) {
  const std::lock_guard lock(mutex_);
  if (!rekey_.has_value()) return absl::FailedPreconditionError("shares: no rekey is under way");
  absl::StatusOr<std::unique_ptr<crypto::RootWrapper>> wrapper = rekey_->Commit();
  if (!wrapper.ok()) return wrapper.status();
  if (!agreed_.numbers.empty() && !agreed_.checked) {  // once: a second attempt changed a place
    const absl::Status same = CheckOldHeader(open);
    if (!same.ok()) return same;
  }
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
  if (agreed_.enough()) {
    rekey.mutable_old_shares()->Assign(agreed_.numbers.begin(), agreed_.numbers.end());
  }
  rekey_.reset();
  agreed_ = {};
  cancelling_ = {};
  shares_.reset();
  given_.clear();
  ReadPlaces().IgnoreError();  // for Status
  return rekey;
}

}  // namespace kluis::service
