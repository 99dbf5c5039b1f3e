// SPDX-License-Identifier: Apache-2.0
// The memory of the real kluisd, read whole while it runs: more than any core dump of it would
// hold, as locked pages are left out of those. After a withdrawal there is nothing left of the
// person.
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/keyring.h"
#include "crypto/root_key_file.h"
#include "gtest/gtest.h"
#include "matching/quantised.h"
#include "matching/transform.h"
#include "service/custody/sealer.h"
#include "service/process/process.h"
#include "tests/fakes/file_bytes.h"
#include "tests/fakes/kluisd_process.h"
#include "tests/fakes/scratch_directory.h"
#include "tests/fakes/test_world.h"

namespace kluis::memory_test {
namespace {

using Needles = std::map<std::string, std::string>;  // what it is, and its bytes

constexpr size_t kPiece = 4 << 20;  // bytes read at once
constexpr size_t kOverlap = 64;

std::string WriteConfig(const std::string& place) {
  const std::string path = place + "/kluisd.toml";
  std::ofstream(path) << "[server]\nlisten = \"127.0.0.1:0\"\nca = \"" << TestWorld::Pki()
                      << "/ca.crt\"\ncert = \"" << TestWorld::Pki() << "/server.crt\"\nkey = \""
                      << TestWorld::Pki() << "/server.key\"\n";
  return path;
}

// Everything that the process has mapped; what cannot be read (devices, guard pages) is skipped.
class Memory {
 public:
  explicit Memory(const KluisdProcess& process) : process_(process) {}

  // "what (where)" for each needle that is there.
  std::vector<std::string> Find(const Needles& needles) {
    std::vector<std::string> found;
    std::istringstream maps(Maps());
    std::string bytes(kPiece, '\0');
    for (std::string line; std::getline(maps, line);) {
      uint64_t first = 0;
      uint64_t end = 0;
      if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64, &first, &end) != 2) continue;
      for (uint64_t at = first; at < end; at += kPiece - kOverlap) {
        const size_t wanted = std::min<uint64_t>(kPiece, end - at);
        const ssize_t got = pread(process_.memory(), bytes.data(), wanted, static_cast<off_t>(at));
        if (got <= 0) break;
        read_ += static_cast<uint64_t>(got);
        const std::string_view piece(bytes.data(), static_cast<size_t>(got));
        for (const auto& [what, needle] : needles) {
          if (piece.find(needle) != std::string_view::npos) {
            found.push_back(absl::StrCat(what, " (", line, ")"));
          }
        }
        if (wanted < kPiece) break;
      }
    }
    return found;
  }

  uint64_t read_bytes() const { return read_; }

 private:
  // As it is now.
  std::string Maps() const {
    EXPECT_EQ(lseek(process_.maps(), 0, SEEK_SET), 0);
    std::string text;
    char block[4096];
    for (ssize_t got = 0; (got = read(process_.maps(), block, sizeof(block))) > 0;) {
      text.append(block, static_cast<size_t>(got));
    }
    return text;
  }

  const KluisdProcess& process_;
  uint64_t read_ = 0;
};

TEST(Memory, IsNeverDumped) {
  const service::SystemClock clock;
  TestWorld vault(clock);
  const ScratchDirectory scratch;
  vault.WriteFounding(scratch.path());
  const KluisdProcess kluisd(KLUISD_BINARY, WriteConfig(scratch.path()),
                             scratch.path() + "/kluisd.errors");
  std::ifstream limits(absl::StrCat("/proc/", kluisd.pid(), "/limits"));
  std::string soft;
  std::string hard;
  constexpr std::string_view kCore = "Max core file size";
  for (std::string line; std::getline(limits, line);) {
    if (line.starts_with(kCore)) std::istringstream(line.substr(kCore.size())) >> soft >> hard;
  }
  EXPECT_EQ(soft, "0");
  EXPECT_EQ(hard, "0");  // which no shell sets by itself
}

// A sanitizer keeps what is freed, has a heap of its own, locks nothing and looks for functions
// late.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

// Four pieces of 16 bytes, so that a copy of a part is found too.
void AddPieces(const std::string& what, std::string_view bytes, Needles& needles) {
  for (const size_t at : {size_t{64}, bytes.size() / 4, bytes.size() / 2, bytes.size() - 32}) {
    needles[absl::StrCat(what, " at ", at)] = std::string(bytes.substr(at, 16));
  }
}

void AddFloats(const std::string& what, std::span<const float> values, Needles& needles) {
  AddPieces(what, {reinterpret_cast<const char*>(values.data()), values.size_bytes()}, needles);
}

// As the caller sent it, and in both protected forms: floats, and the bytes that a gallery
// compares.
void AddFace(const std::string& what, const v1::Template& face,
             const matching::Transform& transform, Needles& needles) {
  const std::span<const float> raw(face.values().data(), static_cast<size_t>(face.values_size()));
  AddFloats(what, raw, needles);
  std::vector<float> hidden(raw.size());
  ASSERT_TRUE(transform.Apply(raw, hidden).ok());
  AddFloats(what + ", protected", hidden, needles);
  std::vector<int8_t> bytes(raw.size());
  matching::Quantise(hidden, bytes);
  AddPieces(what + ", quantised", {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
            needles);
}

// The keyring's files as they are now, apart.
class KeysNow {
 public:
  explicit KeysNow(const std::string& place) {
    std::filesystem::copy(place + "/keys", copy_.path() + "/keys");
  }
  crypto::KeyringPaths paths() const {
    return {copy_.path() + "/keys/keyring", copy_.path() + "/keys/root.key"};
  }

 private:
  const ScratchDirectory copy_;
};

// The transform of the test's purpose, with the secret that the vault made for it.
matching::Transform TransformOf(const TestWorld& vault, const std::string& place) {
  v1::PurposeRecord purpose;
  for (const std::string& bytes : vault.Entries()) {
    v1::Entry entry;
    EXPECT_TRUE(entry.ParseFromString(bytes));
    for (const v1::RecordChange& change : entry.changes()) {
      if (change.has_purpose()) purpose = change.purpose();
    }
  }
  const KeysNow keys(place);
  const auto keyring = crypto::Keyring::Open(keys.paths());
  EXPECT_TRUE(keyring.ok()) << keyring.status();
  const auto key = service::Sealer(**keyring).TransformKey(purpose);
  EXPECT_TRUE(key.ok()) << key.status();
  return *matching::Transform::Create(*matching::FindAlgorithm(TestWorld::kAlgorithm),
                                      key->Expose());
}

// The way down to a slot's key, from the keyring's files as they are now.
void AddSeeds(const std::string& place, uint32_t slot, Needles& needles) {
  const KeysNow keys(place);
  crypto::FileSystem& files = crypto::RealFileSystem();
  crypto::KeyringReplica replica({keys.paths().state_path, std::make_unique<crypto::RootKeyFile>(
                                                               keys.paths().root_key_path, files)},
                                 files);
  const absl::StatusOr<crypto::KeyringState> state = replica.Load();
  ASSERT_TRUE(state.ok()) << state.status();
  const crypto::CoverNode* node = state->cover.Find(slot);
  ASSERT_NE(node, nullptr);
  for (int depth = node->depth; depth <= crypto::kSlotBits; ++depth) {
    const crypto::SecretKey32 seed = crypto::Descend(*node, slot, depth);
    needles[absl::StrCat("seed at depth ", depth)] = {seed.Expose().begin(), seed.Expose().end()};
  }
}

uint32_t SlotIn(const v1::Entry& entry) {
  for (const v1::RecordChange& change : entry.changes()) {
    if (change.has_template_()) return change.template_().slot();
  }
  ADD_FAILURE() << "no template in the entry";
  return 0;
}

TEST(Memory, HoldsNothingOfAPersonWhoWithdrew) {
  const service::SystemClock clock;
  TestWorld vault(clock, /*target_fpir=*/1e-9);
  const ScratchDirectory scratch;
  vault.WriteFounding(scratch.path());
  const KluisdProcess kluisd(KLUISD_BINARY, WriteConfig(scratch.path()),
                             scratch.path() + "/kluisd.errors");
  vault.Connect(kluisd.port());
  vault.SetUp();
  Memory memory(kluisd);

  const Person stays = vault.NewPerson();
  Must(vault.Enroll(stays), "enroll");
  const Person leaves = vault.NewPerson();
  const auto enrolled = Must(vault.Enroll(leaves), "enroll");
  const std::string name = vault.ActiveCase();
  ASSERT_EQ(Must(vault.Identify(name, vault.Face(leaves, 1)), "identify").result(),
            v1::SEARCH_RESULT_MATCH);
  ASSERT_EQ(Must(vault.Verify(enrolled.subject(), vault.Face(leaves, 2)), "verify").result(),
            v1::SEARCH_RESULT_MATCH);

  const matching::Transform transform = TransformOf(vault, scratch.path());
  Needles needles;
  AddFace("template", vault.Face(leaves), transform, needles);
  AddFace("probe of the case", vault.Face(leaves, 1), transform, needles);
  AddFace("probe of the verification", vault.Face(leaves, 2), transform, needles);
  needles["contact"] = leaves.details.contact();
  AddSeeds(scratch.path(), SlotIn(vault.EntryAt(enrolled.receipt().log_index())), needles);
  ASSERT_GT(needles.size(), 40U);

  Must(vault.Withdraw(leaves), "withdraw");
  // TLS keeps the last record of a connection as long as it is open: the callers hang up.
  vault.Connect(kluisd.port());
  vault.Status();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(memory.Find(needles), std::vector<std::string>());
  EXPECT_FALSE(memory.Find({{"vault", TestWorld::kVault}}).empty()) << "nothing was looked at";
  EXPECT_GT(memory.read_bytes(), 50U << 20);
}

// The lines of kluisd's own log at a start with this limit on locked memory.
std::string StartWith(rlim_t limit) {
  rlimit before{};
  EXPECT_EQ(getrlimit(RLIMIT_MEMLOCK, &before), 0);
  const rlimit now{limit, std::max(limit, before.rlim_max)};
  EXPECT_EQ(setrlimit(RLIMIT_MEMLOCK, &now), 0);
  const service::SystemClock clock;
  TestWorld vault(clock);
  const ScratchDirectory scratch;
  vault.WriteFounding(scratch.path());
  const KluisdProcess kluisd(KLUISD_BINARY, WriteConfig(scratch.path()),
                             scratch.path() + "/kluisd.errors");
  EXPECT_EQ(setrlimit(RLIMIT_MEMLOCK, &before), 0);
  return FileBytes(scratch.path() + "/kluisd.errors");
}

TEST(Memory, SaysAtTheStartWhenItCannotBeLocked) {
  prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0);  // which lets root lock without a limit
  EXPECT_NE(StartWith(64 << 10).find(R"("event":"memory-not-locked","limit_kib":64,)"),
            std::string::npos);
  constexpr rlim_t kEnough = 2 * service::kLockedBytesNeeded;
  const rlimit enough{kEnough, kEnough};
  if (setrlimit(RLIMIT_MEMLOCK, &enough) != 0) return;  // the other half cannot be had here
  EXPECT_EQ(StartWith(kEnough).find("memory-not-locked"), std::string::npos);
}
// How many functions of shared libraries this start had found by the time main began, and by its
// end; the dynamic linker counts them.
std::pair<int, int> FunctionsFound(const std::string& environment) {
  const ScratchDirectory scratch;
  const std::string told = scratch.path() + "/told";
  const std::string command = absl::StrCat("env -u LD_BIND_NOW ", environment,
                                           " LD_DEBUG=statistics LD_DEBUG_OUTPUT=", told, " ",
                                           KLUISD_BINARY, " --help > /dev/null");
  EXPECT_EQ(std::system(command.c_str()), 0);
  std::pair<int, int> found;
  for (const auto& file : std::filesystem::directory_iterator(scratch.path())) {
    std::ifstream lines(file.path());  // of the start that came to its end
    for (std::string line; std::getline(lines, line);) {
      const size_t colon = line.rfind(':');
      if (line.find(" number of relocations:") == std::string::npos) continue;
      const int count = std::atoi(line.c_str() + colon + 1);
      (line.find("final") == std::string::npos ? found.first : found.second) = count;
    }
  }
  return found;
}

TEST(Memory, HasNoFunctionFoundAtItsFirstCall) {
  const auto [before, after] = FunctionsFound("");
  EXPECT_GT(before, 1000);
  EXPECT_EQ(before, after);
  const auto [given, end] = FunctionsFound("LD_BIND_NOW=1");  // as a service manager may give it
  EXPECT_EQ(given, before);
  EXPECT_EQ(end, before);
}
#endif

}  // namespace
}  // namespace kluis::memory_test
