// SPDX-License-Identifier: Apache-2.0
#include "crypto/keyring_replica.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/little_endian.h"
#include "crypto/memory.h"

namespace kluis::crypto {
namespace {

constexpr std::string_view kReplicaMagic = "kluis-keyring-v2";
constexpr std::string_view kOldMagic = "kluis-keyring-v1";
constexpr size_t kReplicaHeaderBytes = 16 + 8 + 8;
constexpr size_t kReplicaNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kReplicaTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr size_t kOverheadBytes = kReplicaHeaderBytes + kReplicaNonceBytes + kReplicaTagBytes;
constexpr size_t kMaxReplicaBytes = size_t{4} << 30;
constexpr uint32_t kSpareBlocks = 32;

using Header = std::array<uint8_t, kReplicaHeaderBytes>;

Header HeaderOf(uint64_t generation, size_t table_bytes) {
  Header header;
  std::memcpy(header.data(), kReplicaMagic.data(), kReplicaMagic.size());
  base::PutU64(generation, header.data() + 16);
  base::PutU64(table_bytes, header.data() + 24);
  return header;
}

bool StartsWith(std::span<const uint8_t> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
}

// A file of a place, by its name.
struct PlaceFile {
  bool pages;
  uint64_t generation;
};

std::optional<PlaceFile> ParseName(std::string_view name, std::string_view place) {
  if (!name.starts_with(place)) return std::nullopt;
  name.remove_prefix(place.size());
  const bool pages = name.starts_with(".pages.");
  if (!pages && !name.starts_with(".")) return std::nullopt;
  name.remove_prefix(pages ? 7 : 1);
  uint64_t generation = 0;
  if (name.find_first_not_of("0123456789") != std::string_view::npos ||
      !absl::SimpleAtoi(std::string(name), &generation)) {
    return std::nullopt;
  }
  return PlaceFile{pages, generation};
}

absl::Status About(const std::string& path, const absl::Status& status) {
  return {status.code(), absl::StrCat("keyring ", path, ": ", status.message())};
}

// What lies in the file beside the pages may be a third of them, and a little for a small one.
bool TooLoose(uint32_t end, const PageEntries& pages) {
  uint64_t blocks = 0;
  for (const PageEntry& page : pages) blocks += page.blocks();
  return end > blocks + blocks / 3 + kSpareBlocks;
}

}  // namespace

KeyringReplica::KeyringReplica(KeyringPlace place, FileSystem& files)
    : place_(std::move(place)), directory_(DirectoryOf(place_.path)), files_(files) {}

std::string KeyringReplica::TablePath(uint64_t generation) const {
  return absl::StrCat(place_.path, ".", generation);
}

std::string KeyringReplica::PagesPath(uint64_t generation) const {
  return absl::StrCat(place_.path, ".pages.", generation);
}

absl::Status KeyringReplica::CheckAbsent() {
  const absl::Status absent = place_.root_key->CheckAbsent();
  if (!absent.ok()) return absent;
  const absl::StatusOr<std::vector<std::string>> names = files_.List(directory_);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (ParseName(name, FileNameOf(place_.path)).has_value()) {
      return absl::AlreadyExistsError(absl::StrCat("keyring: there is ", directory_, "/", name));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<KeyringState> KeyringReplica::Load() {
  absl::StatusOr<KeyringState> state = ReadState();
  if (!state.ok()) return About(place_.path, state.status());
  return state;
}

uint64_t KeyringReplica::ClaimedGeneration() {
  if (root_generation_ != 0) return root_generation_;
  uint64_t newest = 0;
  const absl::StatusOr<std::vector<std::string>> names = files_.List(directory_);
  if (!names.ok()) return newest;
  for (const std::string& name : *names) {
    const std::optional<PlaceFile> file = ParseName(name, FileNameOf(place_.path));
    if (file.has_value() && !file->pages) newest = std::max(newest, file->generation);
  }
  return newest;
}

absl::Status KeyringReplica::Settle() {
  absl::Status done = place_.root_key->DestroyOthers();
  if (done.ok()) done = RemoveLeftovers();
  settled_ = done.ok();
  return done.ok() ? done : About(place_.path, done);
}

absl::StatusOr<KeyringState> KeyringReplica::ReadState() {
  settled_ = false;
  root_generation_ = 0;
  const absl::StatusOr<RootKey> root = place_.root_key->Read();
  if (!root.ok()) return root.status();
  root_generation_ = root->generation;
  const absl::StatusOr<SecretBytes> bytes =
      ReadTable(root->generation, root->key.Expose().first<kRootKeyBytes>());
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<ParsedTable> parsed = ParseTable(bytes->Expose());
  if (!parsed.ok()) return parsed.status();

  const std::string pages_path = PagesPath(parsed->table.pages_generation);
  const absl::StatusOr<SecretBytes> file = files_.ReadPrivate(pages_path, kMaxReplicaBytes);
  if (absl::IsNotFound(file.status())) {
    return absl::DataLossError(absl::StrCat("there is no ", pages_path));
  }
  if (!file.ok()) return file.status();
  SegmentedCover::Segments segments;
  for (const PageEntry& page : parsed->table.pages) {
    absl::StatusOr<SegmentedCover::Segment> segment = OpenPage(page, file->Expose());
    if (!segment.ok()) return segment.status();
    segments.emplace(page.segment, *std::move(segment));
  }
  absl::StatusOr<SegmentedCover> cover =
      SegmentedCover::Assemble(std::move(parsed->top), std::move(segments));
  if (!cover.ok()) return cover.status();
  table_ = std::move(parsed->table);
  return KeyringState{table_.id, root->generation, *std::move(cover)};
}

absl::StatusOr<SecretBytes> KeyringReplica::ReadTable(
    uint64_t generation, std::span<const uint8_t, kRootKeyBytes> root_key) {
  const absl::StatusOr<SecretBytes> file =
      files_.ReadPrivate(TablePath(generation), kMaxReplicaBytes);
  if (absl::IsNotFound(file.status())) {
    return absl::DataLossError(
        absl::StrCat("there is no ", TablePath(generation), ", the one that its root key opens"));
  }
  if (!file.ok()) return file.status();
  const std::span<const uint8_t> bytes = file->Expose();
  if (StartsWith(bytes, kOldMagic)) {
    return absl::DataLossError("it is of version 1, which is no longer read");
  }
  if (bytes.size() < kOverheadBytes) return absl::DataLossError("its table is cut off");
  const Header header = HeaderOf(generation, bytes.size() - kOverheadBytes);
  if (!std::equal(header.begin(), header.end(), bytes.begin())) {
    return absl::DataLossError("its table is not of the root key's generation, or cut off");
  }
  const uint8_t* const nonce = bytes.data() + kReplicaHeaderBytes;
  SecretBytes table = SecretBytes::Zero(bytes.size() - kOverheadBytes);
  const int rc = crypto_aead_xchacha20poly1305_ietf_decrypt(
      table.ExposeMutable().data(), nullptr, nullptr, nonce + kReplicaNonceBytes,
      table.size() + kReplicaTagBytes, header.data(), header.size(), nonce, root_key.data());
  if (rc != 0) return absl::DataLossError("its root key does not open its table");
  return table;
}

absl::Status KeyringReplica::SaveWhole(const KeyringId& id, uint64_t generation,
                                       const SegmentedCover& cover) {
  // What is here may be unknown: the root key tells which table holds, and its pages are no newer.
  settled_ = false;
  const absl::StatusOr<RootKey> root = place_.root_key->Read();
  if (!root.ok() && !absl::IsNotFound(root.status())) return root.status();
  const uint64_t current = root.ok() ? root->generation : 0;
  const absl::Status removed = RemoveFiles([&](const PlaceFile& file) {
    return file.pages ? file.generation > current : file.generation != current;
  });
  if (!removed.ok()) return removed;

  KeyringTable table;
  table.id = id;
  table.pages_generation = generation;
  table.pages.reserve(cover.segments().size());
  uint32_t blocks = 0;
  for (const auto& [number, segment] : cover.segments()) {
    table.pages.push_back(NewPage(number, segment));
    table.pages.back().block = blocks;
    blocks = table.pages.back().end();
  }
  std::vector<uint8_t> file(size_t{blocks} * kPageBlockBytes);
  for (const PageEntry& page : table.pages) {
    const std::vector<uint8_t> sealed = SealPage(page, cover.segments().at(page.segment).cover);
    std::copy(sealed.begin(), sealed.end(),
              file.begin() + static_cast<std::ptrdiff_t>(size_t{page.block} * kPageBlockBytes));
  }
  const absl::Status written = files_.CreateSynced(PagesPath(generation), file);
  if (!written.ok()) return written;
  return Switch(generation, table, cover);
}

absl::Status KeyringReplica::Save(const KeyringId& id, uint64_t generation,
                                  const SegmentedCover& cover, std::span<const uint32_t> changed) {
  if (!settled_) return SaveWhole(id, generation, cover);
  KeyringTable table;
  table.id = id;
  table.pages_generation = table_.pages_generation;
  table.pages.reserve(table_.pages.size() + changed.size());
  auto kept = table_.pages.begin();
  for (const auto& [number, segment] : cover.segments()) {
    if (std::binary_search(changed.begin(), changed.end(), number)) {
      table.pages.push_back(NewPage(number, segment));
      continue;
    }
    while (kept->segment != number) ++kept;
    table.pages.push_back(*kept);
  }
  const uint32_t end = PlacePages(table.pages, changed, table_.pages);
  if (TooLoose(end, table.pages)) return SaveWhole(id, generation, cover);

  settled_ = false;
  const absl::Status written = WritePages(PagesPath(table.pages_generation), table, cover, changed);
  if (!written.ok()) return written;
  return Switch(generation, table, cover);
}

absl::Status KeyringReplica::ChangeStore(std::unique_ptr<RootKeyStore> store, const KeyringId& id,
                                         uint64_t generation, const SegmentedCover& cover,
                                         std::span<const uint32_t> changed) {
  if (!settled_) {  // what is on disk is the present store's until it is known
    const absl::Status saved = SaveWhole(id, generation - 1, cover);
    if (!saved.ok()) return saved;
  }
  std::swap(place_.root_key, store);
  const absl::Status saved = Save(id, generation, cover, changed);
  if (!saved.ok() && !place_.root_key->Read().ok()) std::swap(place_.root_key, store);
  return saved;
}

absl::Status KeyringReplica::WritePages(const std::string& path, const KeyringTable& table,
                                        const SegmentedCover& cover,
                                        std::span<const uint32_t> changed) {
  std::vector<std::vector<uint8_t>> sealed;
  std::vector<FilePiece> pieces;
  for (const PageEntry& page : table.pages) {
    if (!std::binary_search(changed.begin(), changed.end(), page.segment)) continue;
    sealed.push_back(SealPage(page, cover.segments().at(page.segment).cover));
    pieces.push_back({uint64_t{page.block} * kPageBlockBytes, sealed.back()});
  }
  if (pieces.empty()) return absl::OkStatus();
  return files_.WriteSynced(path, pieces);
}

// Steps 2 to 5.
absl::Status KeyringReplica::Switch(uint64_t generation, const KeyringTable& table,
                                    const SegmentedCover& cover) {
  EnsureSodium();
  const SecretBytes root_key = SecretBytes::Random(kRootKeyBytes);
  const SecretBytes plain = SerializeTable(table, cover.top());
  const Header header = HeaderOf(generation, plain.size());
  std::vector<uint8_t> file(kOverheadBytes + plain.size());
  uint8_t* const nonce = file.data() + kReplicaHeaderBytes;
  std::memcpy(file.data(), header.data(), header.size());
  randombytes_buf(nonce, kReplicaNonceBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      nonce + kReplicaNonceBytes, nullptr, plain.Expose().data(), plain.size(), header.data(),
      header.size(), nullptr, nonce, root_key.Expose().data());

  absl::Status done = files_.CreateSynced(TablePath(generation), file);
  if (done.ok()) done = files_.SyncDirectory(directory_);
  if (done.ok()) {
    done = place_.root_key->Replace(generation, root_key.Expose().first<kRootKeyBytes>());
  }
  if (done.ok()) done = place_.root_key->DestroyOthers();
  if (!done.ok()) return done;
  root_generation_ = generation;
  table_ = table;
  done = RemoveLeftovers();
  settled_ = done.ok();
  return done;
}

absl::Status KeyringReplica::RemoveLeftovers() {
  return RemoveFiles([&](const PlaceFile& file) {
    return file.generation != (file.pages ? table_.pages_generation : root_generation_);
  });
}

template <typename Unwanted>
absl::Status KeyringReplica::RemoveFiles(Unwanted unwanted) {
  const absl::StatusOr<std::vector<std::string>> names = files_.List(directory_);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const std::optional<PlaceFile> file = ParseName(name, FileNameOf(place_.path));
    if (!file.has_value() || !unwanted(*file)) continue;
    const absl::Status removed = files_.Remove(absl::StrCat(directory_, "/", name));
    if (!removed.ok()) return removed;
  }
  return absl::OkStatus();
}

}  // namespace kluis::crypto
