// SPDX-License-Identifier: Apache-2.0
#include "crypto/root_key_file.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/little_endian.h"

namespace kluis::crypto {
namespace {

constexpr std::string_view kRootKeyMagic = kPlainRootKey;
constexpr size_t kFileBytes = 16 + 8 + kRootKeyBytes;
constexpr size_t kMaxRootKeyFileBytes = kMaxWrappedBytes;

std::string_view TextOf(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

SecretBytes Plain(uint64_t generation, std::span<const uint8_t, kRootKeyBytes> key) {
  SecretBytes file = SecretBytes::Zero(kFileBytes);
  uint8_t* const out = file.ExposeMutable().data();
  std::memcpy(out, kRootKeyMagic.data(), kRootKeyMagic.size());
  base::PutU64(generation, out + 16);
  std::memcpy(out + 24, key.data(), key.size());
  return file;
}

}  // namespace

RootKeyFile::RootKeyFile(std::string path, FileSystem& files, RootWrapper* wrapper)
    : path_(std::move(path)),
      new_path_(path_ + ".new"),
      old_path_(path_ + ".old"),
      directory_(DirectoryOf(path_)),
      files_(files),
      wrapper_(wrapper) {}

absl::Status RootKeyFile::CheckAbsent() {
  for (const std::string& path : {path_, new_path_, old_path_}) {
    const absl::StatusOr<bool> exists = Exists(path);
    if (!exists.ok()) return exists.status();
    if (*exists) return absl::AlreadyExistsError(absl::StrCat("keyring: there is ", path));
  }
  return absl::OkStatus();
}

absl::StatusOr<SecretBytes> RootKeyFile::ReadRaw() {
  return files_.ReadPrivate(path_, kMaxRootKeyFileBytes);
}

absl::Status RootKeyFile::Destroy() {
  absl::Status done = files_.Wipe(path_);
  if (done.ok()) done = files_.Remove(path_);
  if (done.ok()) done = files_.SyncDirectory(directory_);
  return done;
}

absl::StatusOr<RootKey> RootKeyFile::Read() {
  const absl::Status restored = Restore();
  if (!restored.ok()) return restored;
  const absl::StatusOr<SecretBytes> file = ReadRaw();
  if (!file.ok()) return file.status();
  const std::span<const uint8_t> bytes = file->Expose();
  if (wrapper_ != nullptr) return wrapper_->Unwrap(TextOf(bytes));
  if (bytes.size() != kFileBytes ||
      !std::equal(kRootKeyMagic.begin(), kRootKeyMagic.end(), bytes.begin())) {
    return absl::DataLossError(absl::StrCat(path_, ": not a kluis-root-key-1 file"));
  }
  return RootKey{base::GetU64(bytes.data() + 16), SecretBytes::CopyOf(bytes.last<kRootKeyBytes>())};
}

absl::Status RootKeyFile::Replace(uint64_t generation,
                                  std::span<const uint8_t, kRootKeyBytes> key) {
  absl::Status done = Restore();
  if (done.ok()) done = WipeLeftovers();
  if (!done.ok()) return done;

  if (wrapper_ != nullptr) {
    const absl::StatusOr<std::string> wrapped = wrapper_->Wrap(key, generation);
    if (!wrapped.ok()) return wrapped.status();
    done = files_.CreateSynced(
        new_path_, {reinterpret_cast<const uint8_t*>(wrapped->data()), wrapped->size()});
  } else {
    done = files_.CreateSynced(new_path_, Plain(generation, key).Expose());
  }
  if (!done.ok()) return done;

  const absl::StatusOr<bool> exists = Exists(path_);
  if (!exists.ok()) return exists.status();
  if (*exists) done = files_.Rename(path_, old_path_);
  if (done.ok()) done = files_.Rename(new_path_, path_);
  if (done.ok()) done = files_.SyncDirectory(directory_);
  return done;
}

absl::Status RootKeyFile::DestroyOthers() {
  if (wrapper_ != nullptr) {
    const absl::StatusOr<SecretBytes> current = files_.ReadPrivate(path_, kMaxRootKeyFileBytes);
    if (!current.ok()) return current.status();
    const absl::Status destroyed = wrapper_->DestroyAllBut(TextOf(current->Expose()));
    if (!destroyed.ok()) return destroyed;
  }
  return WipeLeftovers();
}

absl::Status RootKeyFile::WipeLeftovers() {
  for (const std::string& path : {new_path_, old_path_}) {
    const absl::StatusOr<bool> exists = Exists(path);
    if (!exists.ok()) return exists.status();
    if (!*exists) continue;
    absl::Status done = files_.Wipe(path);
    if (done.ok()) done = files_.Remove(path);
    if (!done.ok()) return done;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> RootKeyFile::Exists(const std::string& path) {
  const absl::StatusOr<std::vector<std::string>> names = files_.List(directory_);
  if (!names.ok()) return names.status();
  return std::find(names->begin(), names->end(), FileNameOf(path)) != names->end();
}

// Undoes the first rename where the second did not follow, and syncs: what is the root key now
// stays it.
absl::Status RootKeyFile::Restore() {
  const absl::StatusOr<bool> current = Exists(path_);
  if (!current.ok()) return current.status();
  const absl::StatusOr<bool> old = Exists(old_path_);
  if (!old.ok()) return old.status();
  if (!*current && *old) {
    const absl::Status restored = files_.Rename(old_path_, path_);
    if (!restored.ok()) return restored;
  }
  return files_.SyncDirectory(directory_);
}

}  // namespace kluis::crypto
