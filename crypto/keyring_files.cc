#include "crypto/keyring_files.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/memory.h"

namespace kluis::crypto {
namespace {

constexpr std::string_view kStateMagic = "kluis-keyring-v1";
constexpr std::string_view kRootKeyMagic = "kluis-root-key-1";
constexpr size_t kHeaderBytes = 16 + 8 + 8;
constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr size_t kStateOverheadBytes = kHeaderBytes + kNonceBytes + kTagBytes;
constexpr size_t kMaxStateBytes = size_t{1} << 30;
constexpr size_t kRootKeyBytes = 32;
constexpr size_t kRootKeyFileBytes = 16 + 8 + kRootKeyBytes;
constexpr size_t kMaxRootKeyFileBytes = 4096;

void PutU64(uint64_t value, uint8_t* out) {
  for (unsigned i = 0; i < 8; ++i) out[i] = static_cast<uint8_t>(value >> (8 * i));
}

uint64_t GetU64(const uint8_t* in) {
  uint64_t value = 0;
  for (unsigned i = 0; i < 8; ++i) value |= uint64_t{in[i]} << (8 * i);
  return value;
}

bool StartsWith(std::span<const uint8_t> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
}

std::array<uint8_t, kHeaderBytes> StateHeader(uint64_t generation, size_t cover_bytes) {
  std::array<uint8_t, kHeaderBytes> header;
  std::memcpy(header.data(), kStateMagic.data(), kStateMagic.size());
  PutU64(generation, header.data() + 16);
  PutU64(cover_bytes, header.data() + 24);
  return header;
}

}  // namespace

KeyringFiles::KeyringFiles(KeyringPaths paths, FileSystem& files)
    : paths_(std::move(paths)),
      new_key_path_(paths_.root_key_path + ".new"),
      old_key_path_(paths_.root_key_path + ".old"),
      key_directory_(DirectoryOf(paths_.root_key_path)),
      state_directory_(DirectoryOf(paths_.state_path)),
      files_(files) {}

absl::Status KeyringFiles::CheckAbsent() {
  if (FileNameOf(paths_.state_path).empty() || FileNameOf(paths_.root_key_path).empty() ||
      paths_.state_path == paths_.root_key_path) {
    return absl::InvalidArgumentError("keyring paths: must be two different files");
  }
  for (const std::string& path : {paths_.root_key_path, new_key_path_, old_key_path_}) {
    const absl::StatusOr<bool> exists = Exists(path);
    if (!exists.ok()) return exists.status();
    if (*exists) return absl::AlreadyExistsError(absl::StrCat("keyring: there is ", path));
  }
  const absl::StatusOr<std::vector<std::string>> names = files_.List(state_directory_);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (IsStateName(name)) {
      return absl::AlreadyExistsError(
          absl::StrCat("keyring: there is ", state_directory_, "/", name));
    }
  }
  return absl::OkStatus();
}

absl::Status KeyringFiles::Save(uint64_t generation, std::span<const uint8_t> cover) {
  absl::Status done = RestoreRootKey();
  if (done.ok()) done = DestroyOtherRootKeys();
  const SecretBytes root_key = SecretBytes::Random(kRootKeyBytes);
  const auto key = root_key.Expose().first<kRootKeyBytes>();
  if (done.ok()) done = WriteState(generation, key, cover);
  if (done.ok()) done = WriteRootKey(generation, key);
  if (done.ok()) done = Switch();
  if (done.ok()) done = DestroyOtherRootKeys();
  if (done.ok()) done = RemoveOtherStates(generation);
  return done;
}

absl::StatusOr<SavedCover> KeyringFiles::Load() {
  absl::Status done = RestoreRootKey();
  if (!done.ok()) return done;
  const absl::StatusOr<SecretBytes> file =
      files_.ReadPrivate(paths_.root_key_path, kMaxRootKeyFileBytes);
  if (!file.ok()) return file.status();
  const std::span<const uint8_t> bytes = file->Expose();
  if (bytes.size() != kRootKeyFileBytes || !StartsWith(bytes, kRootKeyMagic)) {
    return absl::DataLossError("root key: not a kluis-root-key-1 file");
  }
  const uint64_t generation = GetU64(bytes.data() + 16);
  absl::StatusOr<SecretBytes> cover = ReadState(generation, bytes.last<kRootKeyBytes>());
  if (!cover.ok()) return cover.status();
  done = DestroyOtherRootKeys();
  if (done.ok()) done = RemoveOtherStates(generation);
  if (!done.ok()) return done;
  return SavedCover{generation, *std::move(cover)};
}

std::string KeyringFiles::StatePath(uint64_t generation) const {
  return absl::StrCat(paths_.state_path, ".", generation);
}

absl::StatusOr<bool> KeyringFiles::Exists(const std::string& path) {
  const absl::StatusOr<std::vector<std::string>> names = files_.List(DirectoryOf(path));
  if (!names.ok()) return names.status();
  return std::find(names->begin(), names->end(), FileNameOf(path)) != names->end();
}

absl::Status KeyringFiles::WriteState(uint64_t generation, std::span<const uint8_t, 32> root_key,
                                      std::span<const uint8_t> cover) {
  EnsureSodium();
  const auto header = StateHeader(generation, cover.size());
  std::vector<uint8_t> state(kStateOverheadBytes + cover.size());
  uint8_t* const nonce = state.data() + kHeaderBytes;
  std::memcpy(state.data(), header.data(), header.size());
  randombytes_buf(nonce, kNonceBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + kNonceBytes, nullptr, cover.data(),
                                             cover.size(), header.data(), header.size(), nullptr,
                                             nonce, root_key.data());
  const absl::Status written = files_.CreateSynced(StatePath(generation), state);
  if (!written.ok()) return written;
  return files_.SyncDirectory(state_directory_);
}

absl::StatusOr<SecretBytes> KeyringFiles::ReadState(uint64_t generation,
                                                    std::span<const uint8_t, 32> root_key) {
  const absl::StatusOr<SecretBytes> file =
      files_.ReadPrivate(StatePath(generation), kMaxStateBytes);
  if (absl::IsNotFound(file.status())) {
    return absl::DataLossError("keyring: there is no state for the root key's generation");
  }
  if (!file.ok()) return file.status();
  const std::span<const uint8_t> bytes = file->Expose();
  if (bytes.size() < kStateOverheadBytes) return absl::DataLossError("keyring: state is cut off");
  const auto header = StateHeader(generation, bytes.size() - kStateOverheadBytes);
  if (!std::equal(header.begin(), header.end(), bytes.begin())) {
    return absl::DataLossError("keyring: state is not of the root key's generation");
  }
  const uint8_t* const nonce = bytes.data() + kHeaderBytes;
  SecretBytes cover = SecretBytes::Zero(bytes.size() - kStateOverheadBytes);
  const int rc = crypto_aead_xchacha20poly1305_ietf_decrypt(
      cover.ExposeMutable().data(), nullptr, nullptr, nonce + kNonceBytes, cover.size() + kTagBytes,
      header.data(), header.size(), nonce, root_key.data());
  if (rc != 0) return absl::DataLossError("keyring: state does not authenticate");
  return cover;
}

absl::Status KeyringFiles::WriteRootKey(uint64_t generation,
                                        std::span<const uint8_t, 32> root_key) {
  SecretBytes file = SecretBytes::Zero(kRootKeyFileBytes);
  uint8_t* const out = file.ExposeMutable().data();
  std::memcpy(out, kRootKeyMagic.data(), kRootKeyMagic.size());
  PutU64(generation, out + 16);
  std::memcpy(out + 24, root_key.data(), root_key.size());
  const absl::Status written = files_.CreateSynced(new_key_path_, file.Expose());
  if (!written.ok()) return written;
  return files_.SyncDirectory(key_directory_);
}

absl::Status KeyringFiles::Switch() {
  const absl::StatusOr<bool> exists = Exists(paths_.root_key_path);
  if (!exists.ok()) return exists.status();
  absl::Status done;
  if (*exists) {
    done = files_.Rename(paths_.root_key_path, old_key_path_);
    if (done.ok()) done = files_.SyncDirectory(key_directory_);
  }
  if (done.ok()) done = files_.Rename(new_key_path_, paths_.root_key_path);
  if (done.ok()) done = files_.SyncDirectory(key_directory_);
  return done;
}

// Undoes step 3 where step 4 did not follow, and syncs: what is the root key now stays it.
absl::Status KeyringFiles::RestoreRootKey() {
  const absl::StatusOr<bool> current = Exists(paths_.root_key_path);
  if (!current.ok()) return current.status();
  const absl::StatusOr<bool> old = Exists(old_key_path_);
  if (!old.ok()) return old.status();
  if (!*current && *old) {
    const absl::Status restored = files_.Rename(old_key_path_, paths_.root_key_path);
    if (!restored.ok()) return restored;
  }
  return files_.SyncDirectory(key_directory_);
}

absl::Status KeyringFiles::DestroyOtherRootKeys() {
  for (const std::string& path : {new_key_path_, old_key_path_}) {
    const absl::StatusOr<bool> exists = Exists(path);
    if (!exists.ok()) return exists.status();
    if (!*exists) continue;
    absl::Status done = files_.Wipe(path);
    if (done.ok()) done = files_.Remove(path);
    if (done.ok()) done = files_.SyncDirectory(key_directory_);
    if (!done.ok()) return done;
  }
  return absl::OkStatus();
}

absl::Status KeyringFiles::RemoveOtherStates(uint64_t generation) {
  const absl::StatusOr<std::vector<std::string>> names = files_.List(state_directory_);
  if (!names.ok()) return names.status();
  const std::string current = FileNameOf(StatePath(generation));
  for (const std::string& name : *names) {
    if (!IsStateName(name) || name == current) continue;
    const absl::Status removed = files_.Remove(absl::StrCat(state_directory_, "/", name));
    if (!removed.ok()) return removed;
  }
  return files_.SyncDirectory(state_directory_);
}

// <file name of state_path>.<digits>
bool KeyringFiles::IsStateName(std::string_view name) const {
  const std::string prefix = FileNameOf(paths_.state_path) + ".";
  return name.size() > prefix.size() && name.starts_with(prefix) &&
         name.find_first_not_of("0123456789", prefix.size()) == std::string_view::npos;
}

}  // namespace kluis::crypto
