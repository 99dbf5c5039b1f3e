// SPDX-License-Identifier: Apache-2.0
#include "crypto/token.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/passphrase.h"
#include "crypto/random.h"

namespace kluis::crypto {
namespace {

constexpr size_t kIdBytes = 16;
constexpr size_t kIvBytes = 12;
constexpr size_t kMaxTokenLabelBytes = 32;
constexpr size_t kMaxVaultBytes = 64;

bool IsVaultName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxVaultBytes &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenWrapper>> TokenWrapper::Open(
    std::shared_ptr<TokenModule> module, TokenOptions options, FileSystem& files) {
  if (options.token_label.empty() || options.token_label.size() > kMaxTokenLabelBytes) {
    return absl::InvalidArgumentError("token label: must be 1 to 32 bytes");
  }
  if (!IsVaultName(options.vault)) {
    return absl::InvalidArgumentError("token vault: must be 1 to 64 of a-z A-Z 0-9 . _ -");
  }
  absl::StatusOr<SecretBytes> pin = ReadPassphrase(options.pin_path, files);
  if (!pin.ok()) return pin.status();
  std::unique_ptr<TokenWrapper> wrapper(
      new TokenWrapper(std::move(module), std::move(options), *std::move(pin)));
  const absl::Status ready = wrapper->session_.Ensure();
  if (!ready.ok()) return ready;
  return wrapper;
}

TokenWrapper::TokenWrapper(std::shared_ptr<TokenModule> module, TokenOptions options,
                           SecretBytes pin)
    : label_prefix_(absl::StrCat("kluis-root/", options.vault, "/")),
      session_(std::move(module), std::move(options.token_label), std::move(pin)) {}

absl::StatusOr<std::string> TokenWrapper::Wrap(std::span<const uint8_t, kRootKeyBytes> root_key,
                                               uint64_t generation) {
  const std::lock_guard lock(mutex_);
  absl::Status done = session_.Ensure();
  if (!done.ok()) return done;
  const std::string header = RandomBytes(kIdBytes + kIvBytes);
  const std::string_view id = std::string_view(header).substr(0, kIdBytes);
  const absl::StatusOr<TokenKey> key =
      session_.MakeKey(id, absl::StrCat(label_prefix_, generation));
  if (!key.ok()) return key.status();
  const std::string prefix = WrappedPrefix(WrapKind::kToken, header, generation);
  const absl::StatusOr<std::string> sealed =
      session_.Encrypt(*key, std::string_view(header).substr(kIdBytes), prefix, root_key);
  if (sealed.ok()) return prefix + *sealed;
  // What it cannot destroy now, DestroyAllBut does later.
  static_cast<void>(session_.Destroy(*key));
  return sealed.status();
}

absl::StatusOr<RootKey> TokenWrapper::Unwrap(std::string_view wrapped) {
  const std::lock_guard lock(mutex_);
  return UnwrapLocked(wrapped);
}

absl::Status TokenWrapper::DestroyAllBut(std::string_view current) {
  const std::lock_guard lock(mutex_);
  absl::Status opens = UnwrapLocked(current).status();
  if (!opens.ok()) return opens;
  return DestroyLocked(ParseWrapped(current)->header.substr(0, kIdBytes));
}

absl::Status TokenWrapper::DestroyAll() {
  const std::lock_guard lock(mutex_);
  absl::Status ready = session_.Ensure();
  if (!ready.ok()) return ready;
  return DestroyLocked({});
}

// All keys of this vault but the one with this id; empty: all.
absl::Status TokenWrapper::DestroyLocked(std::string_view kept_id) {
  const absl::StatusOr<std::vector<TokenKey>> keys = session_.FindKeys(label_prefix_);
  if (!keys.ok()) return keys.status();
  for (const TokenKey& key : *keys) {
    if (!kept_id.empty() && key.id == kept_id) continue;
    absl::Status destroyed = session_.Destroy(key);
    if (!destroyed.ok()) return destroyed;
  }
  return absl::OkStatus();
}

absl::StatusOr<RootKey> TokenWrapper::UnwrapLocked(std::string_view wrapped) {
  const absl::StatusOr<WrappedRoot> parts = ParseWrapped(wrapped);
  if (!parts.ok()) return parts.status();
  if (parts->kind != WrapKind::kToken || parts->header.size() != kIdBytes + kIvBytes) {
    return absl::DataLossError("root key: not wrapped by a token");
  }
  const absl::Status ready = session_.Ensure();
  if (!ready.ok()) return ready;
  const absl::StatusOr<TokenKey> key = FindKey(*parts);
  if (!key.ok()) return key.status();
  absl::StatusOr<SecretBytes> root_key =
      session_.Decrypt(*key, parts->header.substr(kIdBytes), parts->authenticated, parts->sealed);
  if (!root_key.ok()) return root_key.status();
  if (root_key->size() != kRootKeyBytes) {
    return absl::DataLossError("root key: not wrapped by a token");
  }
  return RootKey{parts->generation, *std::move(root_key)};
}

absl::StatusOr<TokenKey> TokenWrapper::FindKey(const WrappedRoot& parts) {
  absl::StatusOr<std::vector<TokenKey>> keys = session_.FindKeys(label_prefix_);
  if (!keys.ok()) return keys.status();
  for (TokenKey& key : *keys) {
    if (key.id == parts.header.substr(0, kIdBytes)) return std::move(key);
  }
  return absl::DataLossError(absl::StrCat(
      "root key: the token has no key for it: an older file, or another token (generation ",
      parts.generation, ")"));
}

}  // namespace kluis::crypto
