// SPDX-License-Identifier: Apache-2.0
// A log as its server publishes it: entries, tiles of all levels and a signed checkpoint, in
// memory. A test grows it, forks it, damages it and makes it silent.
#ifndef KLUIS_TESTS_FAKES_SERVED_LOG_H_
#define KLUIS_TESTS_FAKES_SERVED_LOG_H_

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "audit/checkpoint.h"
#include "audit/log/log_source.h"
#include "audit/merkle.h"
#include "audit/tiles.h"
#include "kluis/v1/ledger.pb.h"

namespace kluis::audit {

class ServedLog final : public LogSource {
 public:
  static constexpr char kOrigin[] = "vault.example/audit";

  // The key of the golden log: the seed 00 01 .. 1f, so that every run signs the same bytes.
  static const crypto::SigningKey& Signer() {
    static const crypto::SigningKey key = [] {
      std::string seed;
      for (char byte = 0; byte < 32; ++byte) seed.push_back(byte);
      return *crypto::SigningKey::FromSeed(crypto::SecretBytes::CopyOf(seed));
    }();
    return key;
  }

  absl::StatusOr<std::string> Read(const std::string& path, size_t max_bytes) override {
    reads.push_back(path);
    if (!failure_.ok()) return failure_;
    const auto file = files.find(path);
    if (file == files.end()) return absl::NotFoundError("no file " + path);
    if (file->second.size() > max_bytes) return absl::DataLossError(path + ": too large");
    return file->second;
  }

  // From now on every read answers so; OK: as before.
  void FailWith(absl::Status failure) { failure_ = std::move(failure); }

  static VerifierKey Key() {
    return *VerifierKey::Create(kOrigin, KeyType::kEd25519, Signer().public_key());
  }

  void Append(const v1::Entry& entry) { entries.push_back(entry.SerializeAsString()); }

  // Appends `count` entries of a kind that mean nothing, decided at `at`.
  void AppendPlain(uint64_t count, int64_t at, v1::LogKind kind = v1::LOG_KIND_CONSULTATION) {
    for (uint64_t i = 0; i < count; ++i) {
      v1::Entry entry;
      entry.set_version(1);
      entry.set_decided_at(at);
      entry.set_kind(kind);
      entry.mutable_command()->mutable_access();
      entry.mutable_decision()->set_allowed(true);
      Append(entry);
    }
  }

  // The closing entry of a checkpoint, then all tiles, then the checkpoint.
  void Close(int64_t at) {
    v1::Entry entry;
    entry.set_version(1);
    entry.set_decided_at(at);
    entry.set_kind(v1::LOG_KIND_UPKEEP);
    entry.mutable_command()->mutable_close_checkpoint();
    entry.mutable_decision()->set_allowed(true);
    Append(entry);
    Publish();
  }

  void Publish() {
    std::vector<Hash> hashes;
    for (const std::string& entry : entries) hashes.push_back(LeafHash(entry));
    const Hash root = RootOf(hashes);
    for (uint64_t n = 0; n * kTileWidth < entries.size(); ++n) {
      const uint32_t width = TileWidthAt(0, n, entries.size());
      const auto first = entries.begin() + static_cast<std::ptrdiff_t>(n * kTileWidth);
      files[*TilePath({true, 0, n, width})] =
          *EncodeEntryBundle(std::vector<std::string>(first, first + width));
    }
    for (uint32_t level = 0; !hashes.empty(); ++level) {
      std::vector<Hash> above;
      for (uint64_t n = 0; n * kTileWidth < hashes.size(); ++n) {
        const auto first = hashes.begin() + static_cast<std::ptrdiff_t>(n * kTileWidth);
        const std::vector<Hash> tile(
            first, hashes.size() - n * kTileWidth < kTileWidth ? hashes.end() : first + kTileWidth);
        files[*TilePath({false, level, n, static_cast<uint32_t>(tile.size())})] = *EncodeTile(tile);
        if (tile.size() == kTileWidth) above.push_back(RootOf(tile));
      }
      hashes = std::move(above);
    }
    files["checkpoint"] = *SignCheckpoint({kOrigin, entries.size(), root}, Signer());
  }

  // Writes what is served below `directory`.
  void WriteTo(const std::string& directory) const {
    for (const auto& [path, bytes] : files) {
      const std::filesystem::path full = directory + "/" + path;
      std::filesystem::create_directories(full.parent_path());
      std::ofstream(full, std::ios::binary) << bytes;
    }
  }

  std::vector<std::string> entries;
  std::map<std::string, std::string> files;
  std::vector<std::string> reads;

 private:
  absl::Status failure_;
};

}  // namespace kluis::audit

#endif  // KLUIS_TESTS_FAKES_SERVED_LOG_H_
