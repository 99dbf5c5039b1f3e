// The memory of the real kluisd, read whole while it runs: more than any core dump of it would
// hold, as locked pages are left out of those. After a withdrawal there is nothing left of the
// person.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/keyring.h"
#include "crypto/root_key_file.h"
#include "gtest/gtest.h"
#include "tests/fakes/kluisd_process.h"
#include "tests/fakes/scratch_directory.h"
#include "tests/fakes/test_world.h"

namespace kluis {
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
  explicit Memory(pid_t process)
      : maps_(absl::StrCat("/proc/", process, "/maps")),
        file_(open(absl::StrCat("/proc/", process, "/mem").c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~Memory() {
    if (file_ >= 0) close(file_);
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  bool readable() const { return file_ >= 0; }

  // "what (where)" for each needle that is there.
  std::vector<std::string> Find(const Needles& needles) {
    std::vector<std::string> found;
    std::ifstream maps(maps_);
    std::string bytes(kPiece, '\0');
    for (std::string line; std::getline(maps, line);) {
      uint64_t first = 0;
      uint64_t end = 0;
      if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64, &first, &end) != 2) continue;
      for (uint64_t at = first; at < end; at += kPiece - kOverlap) {
        const size_t wanted = std::min<uint64_t>(kPiece, end - at);
        const ssize_t got = pread(file_, bytes.data(), wanted, static_cast<off_t>(at));
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
  const std::string maps_;
  const int file_;
  uint64_t read_ = 0;
};

// Four pieces of 16 bytes, so that a copy of a part is found too.
void AddFloats(const std::string& what, const v1::Template& face, Needles& needles) {
  const std::string_view bytes(reinterpret_cast<const char*>(face.values().data()),
                               static_cast<size_t>(face.values_size()) * sizeof(float));
  for (const size_t at : {size_t{64}, bytes.size() / 4, bytes.size() / 2, bytes.size() - 32}) {
    needles[absl::StrCat(what, " at ", at)] = std::string(bytes.substr(at, 16));
  }
}

// The way down to a slot's key, from the keyring's files as they are now.
void AddSeeds(const std::string& place, uint32_t slot, Needles& needles) {
  const ScratchDirectory copy;
  std::filesystem::copy(place + "/keys", copy.path() + "/keys");
  crypto::FileSystem& files = crypto::RealFileSystem();
  crypto::KeyringReplica replica(
      {copy.path() + "/keys/keyring",
       std::make_unique<crypto::RootKeyFile>(copy.path() + "/keys/root.key", files)},
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
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer keeps what is freed, and has a heap of its own";
#endif
  const service::SystemClock clock;
  TestWorld vault(clock, /*target_fpir=*/1e-9);
  const ScratchDirectory scratch;
  vault.WriteFounding(scratch.path());
  const KluisdProcess kluisd(KLUISD_BINARY, WriteConfig(scratch.path()),
                             scratch.path() + "/kluisd.errors");
  vault.Connect(kluisd.port());
  vault.SetUp();
  Memory memory(kluisd.pid());
  if (!memory.readable()) GTEST_SKIP() << "the memory of another process may not be read here";

  const Person stays = vault.NewPerson();
  Must(vault.Enroll(stays), "enroll");
  const Person leaves = vault.NewPerson();
  const auto enrolled = Must(vault.Enroll(leaves), "enroll");
  const std::string name = vault.ActiveCase();
  ASSERT_EQ(Must(vault.Identify(name, vault.Face(leaves, 1)), "identify").result(),
            v1::SEARCH_RESULT_MATCH);
  ASSERT_EQ(Must(vault.Verify(enrolled.subject(), vault.Face(leaves, 2)), "verify").result(),
            v1::SEARCH_RESULT_MATCH);

  Needles needles;
  AddFloats("template", vault.Face(leaves), needles);
  AddFloats("probe of the case", vault.Face(leaves, 1), needles);
  AddFloats("probe of the verification", vault.Face(leaves, 2), needles);
  AddSeeds(scratch.path(), SlotIn(vault.EntryAt(enrolled.receipt().log_index())), needles);
  ASSERT_GT(needles.size(), 20U);

  Must(vault.Withdraw(leaves), "withdraw");
  // TLS keeps the last record of a connection as long as it is open: the callers hang up.
  vault.Connect(kluisd.port());
  vault.Status();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(memory.Find(needles), std::vector<std::string>());
  EXPECT_FALSE(memory.Find({{"vault", TestWorld::kVault}}).empty()) << "nothing was looked at";
  EXPECT_GT(memory.read_bytes(), 50U << 20);
}

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

}  // namespace
}  // namespace kluis
