// SPDX-License-Identifier: Apache-2.0
// Writes the published logs that tests/cli/audit.sh looks at. Usage: make_audit_logs DIRECTORY.
//   vkey             the log's key          stranger.vkey    another log's
//   witness.vkey     a witness's key, which has cosigned nothing
//   new/             a year of a vault      old/             the same, 20 entries earlier
//   fork/            another entry 5, as long as new/        broken/   new/ with a changed entry
//   17.tlog-proof    proof of entry 17      17.entry         its bytes        17.leaf  its leaf
//   hash old.checkpoint   old/'s checkpoint alone
#include <cstdio>
#include <fstream>
#include <string>

#include "audit/proof_file.h"
#include "audit/proofs.h"
#include "base/codec.h"
#include "tests/fakes/log_story.h"
#include "tests/fakes/served_log.h"

namespace kluis::audit {
namespace {

constexpr uint64_t kProven = 17;
constexpr size_t kNewerEntries = 20;
constexpr int64_t kLongAgo = 1'000'000'000;

void Write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

int Run(const std::string& directory) {
  const LogStory story = StoryOf2026();
  ServedLog older;
  ServedLog newer;
  ServedLog fork;
  for (size_t i = 0; i < story.entries().size(); ++i) {
    v1::Entry entry = story.entries()[i];
    newer.Append(entry);
    if (i + kNewerEntries < story.entries().size()) older.Append(entry);
    if (i == 5) entry.mutable_decision()->set_rule("another.rule");
    fork.Append(entry);
  }
  const int64_t end = LogStory::k2027 + 3 * LogStory::kHour;
  older.Publish();
  newer.Close(end);
  fork.Close(end);
  older.WriteTo(directory + "/old");
  newer.WriteTo(directory + "/new");
  fork.WriteTo(directory + "/fork");

  ServedLog stopped;
  stopped.Close(kLongAgo);
  stopped.WriteTo(directory + "/stopped");

  PublishedTiles tiles(newer, newer.entries.size());
  const auto hashes = ProveInclusion(kProven, newer.entries.size(), tiles.Reader());
  if (!hashes.ok()) return 1;
  const auto proof = FormatProofFile({"", kProven, *hashes, newer.files["checkpoint"]});
  if (!proof.ok()) return 1;
  const std::string name = directory + "/" + std::to_string(kProven);
  Write(name + ".tlog-proof", *proof);
  Write(name + ".entry", newer.entries[kProven]);
  Write(name + ".leaf", base::ToHex(crypto::Bytes(LeafHash(newer.entries[kProven]))));
  Write(directory + "/old.checkpoint", older.files["checkpoint"]);
  Write(directory + "/vkey", newer.Key().ToString() + "\n");
  const auto stranger = crypto::SigningKey::Generate();
  Write(directory + "/stranger.vkey",
        VerifierKey::Create(ServedLog::kOrigin, KeyType::kEd25519, stranger.public_key())
                ->ToString() +
            "\n");

  Write(directory + "/witness.vkey",
        VerifierKey::Create("witness.example/w", KeyType::kEd25519Cosignature,
                            crypto::SigningKey::Generate().public_key())
                ->ToString() +
            "\n");

  for (auto& [path, bytes] : newer.files) {
    const size_t place = bytes.find("BUDGET_SPENT");
    if (place != std::string::npos) bytes.replace(place, 12, "BUDGET_LEFT_");
  }
  newer.WriteTo(directory + "/broken");
  return 0;
}

}  // namespace
}  // namespace kluis::audit

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_audit_logs DIRECTORY\n");
    return 2;
  }
  return kluis::audit::Run(argv[1]);
}
