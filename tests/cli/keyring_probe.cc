// SPDX-License-Identifier: Apache-2.0
// What an adversary with every file tries, for forgetting.sh. Exit codes: 0 done, 1 it cannot be
// had, 2 usage.
//   keyring_probe seeds KEYRING ROOTKEY SLOT   every seed from the cover down to the slot's key,
//   one
//                                              a line in hex
//   keyring_probe floats FILE.npy ROW          16 bytes each out of the row's floats, in hex
//   keyring_probe open KEYRING ROOTKEY SLOT    whether these files open, and the slot derives
//   keyring_probe search FILE DIRECTORY...     which files hold one of the lines of FILE, as bytes
//   or
//                                              as hex
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "base/codec.h"
#include "client/npy.h"
#include "crypto/keyring.h"
#include "crypto/root_key_file.h"
#include "tests/fakes/file_bytes.h"

namespace {

using namespace kluis;

int Refused(const absl::Status& status) {
  std::cout << std::string(status.message()) << "\n";
  return 1;
}

std::string Hex(std::span<const uint8_t> bytes) {
  return base::ToHex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

int Seeds(const std::string& path, const std::string& root_key, uint32_t slot) {
  crypto::FileSystem& files = crypto::RealFileSystem();
  crypto::KeyringReplica replica({path, std::make_unique<crypto::RootKeyFile>(root_key, files)},
                                 files);
  const absl::StatusOr<crypto::KeyringState> state = replica.Load();
  if (!state.ok()) return Refused(state.status());
  const crypto::CoverNode* node = state->cover.Find(slot);
  if (node == nullptr) return Refused(absl::NotFoundError("punctured"));
  for (int depth = node->depth; depth <= crypto::kSlotBits; ++depth) {
    std::cout << Hex(crypto::Descend(*node, slot, depth).Expose()) << "\n";
  }
  return 0;
}

int Open(const std::string& path, const std::string& root_key, uint32_t slot) {
  const auto keyring = crypto::Keyring::Open({path, root_key});
  if (!keyring.ok()) return Refused(keyring.status());
  const auto key = (*keyring)->Key(slot);
  if (!key.ok()) return Refused(key.status());
  std::cout << "derives\n";
  return 0;
}

// Four pieces of a row, so that a copy of a part is found too.
int Floats(const std::string& path, size_t row) {
  auto opened = client::NpyReader::Open(path);
  if (!opened.ok()) return Refused(opened.status());
  const size_t columns = opened->dimension();
  std::vector<float> values(columns);
  for (size_t i = 0; i <= row; ++i) {
    const absl::Status read = opened->ReadRow(values);
    if (!read.ok()) return Refused(read);
  }
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(values.data()),
                                       values.size() * sizeof(float));
  for (const size_t at : {size_t{0}, size_t{64}, bytes.size() / 2, bytes.size() - 16}) {
    std::cout << Hex(bytes.subspan(at, 16)) << "\n";
  }
  return 0;
}

int Search(const std::string& needles_path, const std::vector<std::string>& directories) {
  std::vector<std::pair<std::string, std::string>> needles;  // bytes, hex
  std::ifstream lines(needles_path);
  for (std::string line; std::getline(lines, line);) {
    const absl::StatusOr<std::string> bytes = base::FromHex(line);
    if (!bytes.ok() || bytes->size() < 16) return Refused(absl::InvalidArgumentError("needle"));
    needles.emplace_back(*bytes, line);
  }
  size_t files = 0;
  size_t hits = 0;
  for (const std::string& directory : directories) {
    for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) {
      if (!file.is_regular_file()) continue;
      ++files;
      const std::string content = FileBytes(file.path());
      for (const auto& [bytes, hex] : needles) {
        if (content.find(bytes) == std::string::npos && content.find(hex) == std::string::npos) {
          continue;
        }
        ++hits;
        std::cout << file.path().string() << " holds " << hex.substr(0, 8) << "\n";
      }
    }
  }
  std::cout << needles.size() << " needles in " << files << " files: " << hits << " found\n";
  return hits == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::string verb = words.empty() ? "" : words[0];
  if (verb == "seeds" && words.size() == 4) {
    return Seeds(words[1], words[2], static_cast<uint32_t>(std::atol(words[3].c_str())));
  }
  if (verb == "open" && words.size() == 4) {
    return Open(words[1], words[2], static_cast<uint32_t>(std::atol(words[3].c_str())));
  }
  if (verb == "floats" && words.size() == 3) {
    return Floats(words[1], static_cast<size_t>(std::atol(words[2].c_str())));
  }
  if (verb == "search" && words.size() >= 3) {
    return Search(words[1], {words.begin() + 2, words.end()});
  }
  std::cerr << "usage: see the head of keyring_probe.cc\n";
  return 2;
}
