// SPDX-License-Identifier: Apache-2.0
#include "service/custody/unseal.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/codec.h"
#include "crypto/passphrase.h"
#include "crypto/root_key_file.h"
#include "crypto/sha256.h"
#include "crypto/token.h"
#include "crypto/token_module.h"

namespace kluis::service {
namespace {

constexpr size_t kTokenNameBytes = 8;  // of the digest of the vault's name

v1::UnsealKind KindOf(const std::string& unseal) {
  if (unseal == "passphrase") return v1::UNSEAL_KIND_PASSPHRASE;
  if (unseal == "shares") return v1::UNSEAL_KIND_SHARES;
  if (unseal == "token") return v1::UNSEAL_KIND_TOKEN;
  return v1::UNSEAL_KIND_NONE;
}

// How the root key on disk is wrapped; unspecified: it is damaged.
v1::UnsealKind KindOfWrapped(std::string_view file) {
  if (file.starts_with(crypto::kPlainRootKey)) return v1::UNSEAL_KIND_NONE;
  const absl::StatusOr<crypto::WrappedRoot> wrapped = crypto::ParseWrapped(file);
  if (!wrapped.ok()) return v1::UNSEAL_KIND_UNSPECIFIED;
  switch (wrapped->kind) {
    case crypto::WrapKind::kPassphrase:
      return v1::UNSEAL_KIND_PASSPHRASE;
    case crypto::WrapKind::kShares:
      return v1::UNSEAL_KIND_SHARES;
    case crypto::WrapKind::kToken:
      return v1::UNSEAL_KIND_TOKEN;
  }
  return v1::UNSEAL_KIND_NONE;
}

const char* NameOf(v1::UnsealKind kind) {
  switch (kind) {
    case v1::UNSEAL_KIND_PASSPHRASE:
      return "passphrase";
    case v1::UNSEAL_KIND_SHARES:
      return "shares";
    case v1::UNSEAL_KIND_TOKEN:
      return "token";
    default:
      return "none";
  }
}

std::string_view TextOf(const crypto::SecretBytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.Expose().data()), bytes.size()};
}

}  // namespace

Unsealer::Unsealer(const KeysConfig& keys, const std::string& vault, crypto::FileSystem& files)
    : keys_(keys), vault_(vault), kind_(KindOf(keys.unseal)), files_(files) {
  places_.push_back({.paths = {keys.keyring, keys.root_key}});
  for (const ReplicaConfig& replica : keys.replicas) {
    places_.push_back({.paths = {replica.keyring, replica.root_key}});
  }
}

absl::StatusOr<OpenKeyring> Unsealer::Open(bool is_new) {
  const std::lock_guard lock(mutex_);
  decided_ = false;  // no keyring is open
  const absl::Status read = ReadPlaces();
  if (!read.ok()) return read;
  if (!HasRootKey() && !is_new) {
    return absl::FailedPreconditionError(
        absl::StrCat("root key: ", keys_.root_key,
                     " is missing; without it nothing in this vault can ever be opened: put it "
                     "back"));
  }
  absl::StatusOr<Wrappers> wrappers = MakeWrappers(is_new);
  if (!wrappers.ok()) return wrappers.status();
  absl::StatusOr<OpenKeyring> open = OpenWith(*std::move(wrappers), is_new);
  if (!open.ok()) return open;
  open->shares = std::exchange(given_, {});  // the wrapper is enough from here on
  shares_.reset();
  kept_.reset();
  return open;
}

// Before a keyring is opened: what an interrupted change of a root key left.
absl::Status Unsealer::DecidePlaces() {
  for (const Place& place : places_) {
    const absl::Status decided = crypto::RootKeyFile(place.paths.root_key_path, files_).Decide();
    if (!decided.ok() && !absl::IsNotFound(decided)) return decided;
  }
  return absl::OkStatus();
}

// What each place has now; a place under another kind of wrapper is refused with what to set. A
// damaged one is left to the keyring, which knows whether it can be made again from another.
absl::Status Unsealer::ReadPlaces() {
  if (!decided_) {
    const absl::Status decided = DecidePlaces();
    if (!decided.ok()) return decided;
    decided_ = true;
  }
  bool damaged = false;
  bool sound = false;
  for (Place& place : places_) {
    crypto::RootKeyFile file(place.paths.root_key_path, files_);
    const absl::StatusOr<crypto::SecretBytes> raw = file.ReadRaw();
    place.exists = raw.ok();
    place.wrapped.reset();
    if (absl::IsNotFound(raw.status())) continue;
    if (!raw.ok()) return raw.status();
    const v1::UnsealKind kind = KindOfWrapped(TextOf(*raw));
    damaged = damaged || kind == v1::UNSEAL_KIND_UNSPECIFIED;
    if (kind == v1::UNSEAL_KIND_UNSPECIFIED) continue;
    if (kind != kind_) {
      return absl::FailedPreconditionError(absl::StrCat("keys.unseal: is \"", NameOf(kind_),
                                                        "\", but ", place.paths.root_key_path,
                                                        " is of \"", NameOf(kind), "\""));
    }
    sound = true;
    // A plain root key is read where it is needed and nowhere kept.
    if (kind != v1::UNSEAL_KIND_NONE) place.wrapped = std::string(TextOf(*raw));
    if (kind != v1::UNSEAL_KIND_SHARES) continue;
    const absl::StatusOr<crypto::ShareHeader> header = crypto::ShareHeader::OfWrapped(TextOf(*raw));
    if (header.ok()) generation_ = std::max(generation_, header->generation);
  }
  if (!damaged || sound) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("root key: ", keys_.root_key, " is damaged or cut off; put it back"));
}

bool Unsealer::HasRootKey() const {
  return std::any_of(places_.begin(), places_.end(),
                     [](const Place& place) { return place.exists; });
}

absl::StatusOr<Unsealer::Wrappers> Unsealer::MakeWrappers(bool is_new) {
  switch (kind_) {
    case v1::UNSEAL_KIND_PASSPHRASE:
      return PassphraseWrappers(is_new);
    case v1::UNSEAL_KIND_TOKEN:
      return TokenWrappers();
    case v1::UNSEAL_KIND_SHARES:
      return ShareWrappers();
    default:
      return Wrappers(places_.size());
  }
}

// Places with one header share a wrapper, as stretching takes a second.
absl::StatusOr<Unsealer::Wrappers> Unsealer::PassphraseWrappers(bool is_new) {
  const absl::StatusOr<crypto::SecretBytes> passphrase =
      crypto::ReadPassphrase(keys_.passphrase_file, files_);
  if (!passphrase.ok()) return passphrase.status();
  std::map<std::string, std::shared_ptr<crypto::RootWrapper>> by_header;
  Wrappers wrappers;
  for (const Place& place : places_) {
    wrappers.emplace_back();
    if (!place.wrapped.has_value()) continue;
    const absl::StatusOr<crypto::WrappedRoot> parts = crypto::ParseWrapped(*place.wrapped);
    if (!parts.ok()) return parts.status();
    std::shared_ptr<crypto::RootWrapper>& wrapper = by_header[std::string(parts->header)];
    if (wrapper == nullptr) {
      auto opened = crypto::OpenPassphraseWrapper(*passphrase, *place.wrapped);
      if (!opened.ok()) {
        return absl::Status(
            opened.status().code(),
            absl::StrCat(place.paths.root_key_path, ": ", std::string(opened.status().message())));
      }
      wrapper = *std::move(opened);
    }
    wrappers.back() = wrapper;
  }
  std::shared_ptr<crypto::RootWrapper> first;
  if (!by_header.empty()) {
    first = by_header.begin()->second;
  } else if (is_new) {
    auto made = crypto::NewPassphraseWrapper(*passphrase);
    if (!made.ok()) return made.status();
    first = *std::move(made);
  }
  for (std::shared_ptr<crypto::RootWrapper>& wrapper : wrappers) {
    if (wrapper == nullptr) wrapper = first;
  }
  return wrappers;
}

// One key name for each place: a token destroys all keys of a name but the newest.
absl::StatusOr<Unsealer::Wrappers> Unsealer::TokenWrappers() {
  const auto module = crypto::TokenModule::Load(keys_.token_module);
  if (!module.ok()) return module.status();
  const std::string name =
      base::ToHex(crypto::Bytes(crypto::Sha256({vault_})).substr(0, kTokenNameBytes));
  Wrappers wrappers;
  for (size_t i = 0; i < places_.size(); ++i) {
    auto wrapper = crypto::TokenWrapper::Open(
        *module, {keys_.token_label, keys_.token_pin_file, absl::StrCat(name, "-", i + 1)}, files_);
    if (!wrapper.ok()) return wrapper.status();
    wrappers.push_back(*std::move(wrapper));
  }
  return wrappers;
}

// `only`: the places that are under these shares.
std::vector<crypto::KeyringPlace> Unsealer::PlacesUnder(const Wrappers& wrappers,
                                                        const crypto::ShareHeader* only) const {
  std::vector<crypto::KeyringPlace> places;
  for (size_t i = 0; i < places_.size(); ++i) {
    if (only != nullptr && !IsUnder(places_[i], *only)) continue;
    places.push_back({places_[i].paths.state_path,
                      std::make_unique<crypto::RootKeyFile>(places_[i].paths.root_key_path, files_,
                                                            wrappers[i].get())});
  }
  return places;
}

absl::StatusOr<OpenKeyring> Unsealer::OpenWith(Wrappers wrappers, bool is_new) {
  std::vector<crypto::KeyringPlace> places = PlacesUnder(wrappers);
  OpenKeyring open;
  open.wrappers = std::move(wrappers);
  open.kind = kind_;
  auto keyring = HasRootKey() || !is_new ? crypto::Keyring::Open(std::move(places), files_)
                                         : crypto::Keyring::Create(std::move(places), files_);
  if (!keyring.ok()) return keyring.status();
  open.keyring = *std::move(keyring);
  return open;
}

v1::SealStatus Unsealer::Status() {
  const std::lock_guard lock(mutex_);
  v1::SealStatus status;
  const absl::Status read = ReadPlaces();
  if (!read.ok()) status.set_why(std::string(read.message()));
  status.set_unsealed_by(kind_);
  status.set_initialized(HasRootKey());
  if (rekey_.has_value()) {
    for (const uint8_t number : rekey_->Missing()) status.add_unproven(number);
  }
  status.set_agreed(static_cast<uint32_t>(agreed_.numbers.size()));
  if (kind_ != v1::UNSEAL_KIND_SHARES) return status;
  const absl::StatusOr<crypto::ShareHeader> header = HeaderInForce();
  if (!header.ok()) return status;
  status.set_have(static_cast<uint32_t>(given_.size()));
  status.set_need(header->needed);
  status.set_holders(static_cast<uint32_t>(header->commitments.size()));
  status.set_generation(header->generation);
  return status;
}

}  // namespace kluis::service
