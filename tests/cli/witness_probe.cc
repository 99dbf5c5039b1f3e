// SPDX-License-Identifier: Apache-2.0
// Plays a log towards a real witness, for the scripts beside it. The log is of "entry 0", "entry
// 1",
// ... with the origin that sigsum's witnesses ask for: sigsum.org/v1/tree/<hex SHA-256 of its key>.
//   witness_probe prepare DIR             makes in DIR the keys of both, in the forms of both:
//                                         log.vkey, log.pub, witness.key, witness.ssh
//   witness_probe name URL SIZE           asks for the first cosignature; prints its name
//   witness_probe cosign URL NAME SIZE    asks as kluisd does
//   witness_probe fork URL NAME SIZE      the same of another log under the same key
// Exit codes: 0 cosigned, 1 not cosigned, 2 wrong usage, 3 the witness says rolled back or forked.
#include <charconv>
#include <condition_variable>
#include <fstream>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "audit/witness/cosignature.h"
#include "base/big_endian.h"
#include "base/codec.h"
#include "crypto/key_file.h"
#include "service/publish/witnesses.h"
#include "tests/fakes/growing_log.h"

namespace kluis {
namespace {

using audit::GrowingLog;

constexpr char kLogSeed = 1;
constexpr char kWitnessSeed = 7;
constexpr uint64_t kForkedAt = 2;
constexpr double kTimeoutSeconds = 20;

std::string Origin() {
  const crypto::PublicKey key = GrowingLog::KeyOf(kLogSeed).public_key();
  const crypto::Hash hash = crypto::Sha256({crypto::Bytes(key)});
  return "sigsum.org/v1/tree/" + base::ToHex(crypto::Bytes(hash));
}

// A field of the SSH wire format, RFC 4251 s.5: length[4] | bytes.
std::string SshString(std::string_view bytes) {
  return base::BigEndian(bytes.size(), 4) + std::string(bytes);
}

// RFC 8709 s.4.
std::string SshPublic(const crypto::SigningKey& key) {
  return SshString("ssh-ed25519") + SshString(crypto::Bytes(key.public_key()));
}

// OpenSSH's PROTOCOL.key, without encryption.
std::string SshPrivate(const crypto::SigningKey& key) {
  const std::string seed(key.seed().Expose().begin(), key.seed().Expose().end());
  const std::string pub(crypto::Bytes(key.public_key()));
  std::string secret =
      std::string(8, '\x01') + SshPublic(key) + SshString(seed + pub) + SshString("witness");
  for (char pad = 1; secret.size() % 8 != 0; ++pad) secret += pad;
  const std::string blob = std::string("openssh-key-v1") + '\0' + SshString("none") +
                           SshString("none") + SshString("") + base::BigEndian(1, 4) +
                           SshString(SshPublic(key)) + SshString(secret);
  std::string base64 = base::ToBase64(blob);
  for (size_t at = 70; at < base64.size(); at += 71) base64.insert(at, "\n");
  return "-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64 + "\n-----END OPENSSH PRIVATE KEY-----\n";
}

int Prepare(const std::string& directory) {
  const crypto::SigningKey log = GrowingLog::KeyOf(kLogSeed);
  const crypto::SigningKey witness = GrowingLog::KeyOf(kWitnessSeed);
  std::ofstream(directory + "/log.vkey") << GrowingLog(Origin()).key().ToString() << "\n";
  std::ofstream(directory + "/log.pub")
      << "ssh-ed25519 " << base::ToBase64(SshPublic(log)) << " log\n";
  std::ofstream(directory + "/witness.ssh") << SshPrivate(witness);
  return crypto::WriteSigningKey(witness, directory + "/witness.key").ok() ? 0 : 1;
}

int Name(const std::string& url, uint64_t size) {
  GrowingLog log(Origin());
  const auto parsed = service::ParseHttpUrl(url);
  if (!parsed.ok()) return 2;
  std::mutex mutex;
  std::condition_variable arrived;
  std::optional<service::HttpPost::Answer> answer;
  service::HttpPost post(*parsed, audit::kAddCheckpointPath, std::chrono::seconds(20));
  post.Start(log.Body(0, size), [&](service::HttpPost::Answer given) {
    const std::lock_guard lock(mutex);
    answer = std::move(given);
    arrived.notify_one();
  });
  std::unique_lock lock(mutex);
  arrived.wait(lock, [&] { return answer.has_value(); });
  const auto lines = audit::ParseSignatureLines(answer->body);
  if (answer->status != 200 || !lines.ok()) {
    std::cerr << answer->status << " " << answer->failure << answer->body << "\n";
    return 1;
  }
  for (const audit::NoteSignature& line : *lines) {
    const auto key = audit::VerifierKey::Create(line.name, audit::KeyType::kEd25519Cosignature,
                                                GrowingLog::KeyOf(kWitnessSeed).public_key());
    if (key.ok() &&
        audit::FindCosignature({line}, *audit::FormatCheckpoint(log.At(size)), *key).ok()) {
      std::cout << line.name << "\n";
      return 0;
    }
  }
  std::cerr << "no line is a cosignature of the witness's key: " << answer->body;
  return 1;
}

int Cosign(GrowingLog log, const std::string& url, const std::string& name, uint64_t size) {
  const auto key = audit::VerifierKey::Create(name, audit::KeyType::kEd25519Cosignature,
                                              GrowingLog::KeyOf(kWitnessSeed).public_key());
  if (!key.ok()) return 2;
  const auto witnesses = service::Witnesses::Create({{url, key->ToString()}}, 1, kTimeoutSeconds);
  if (!witnesses.ok()) return 2;
  const service::Witnesses::Outcome outcome =
      (*witnesses)->Cosign(log.Note(size), log.At(size), [&](uint64_t from, uint64_t to) {
        return absl::StatusOr<std::vector<audit::Hash>>(log.Proof(from, to));
      });
  if (!outcome.fatal.ok()) {
    std::cout << "fatal: " << outcome.fatal.message() << "\n";
    return 3;
  }
  if (!outcome.quorum) {
    std::cout << "failed: " << (*witnesses)->States()[0].failure << "\n";
    return 1;
  }
  // As a reader of the published checkpoint verifies it, with the two public keys.
  const std::vector<audit::VerifierKey> keys = {log.key(), *key};
  const auto opened = audit::OpenCheckpoint(outcome.note, log.origin(), keys);
  if (!opened.ok() || opened->signatures.size() != 2) return 1;
  std::cout << "cosigned size " << opened->checkpoint.size << "\n";
  return 0;
}

int Run(const std::vector<std::string>& args) {
  if (args.size() == 2 && args[0] == "prepare") return Prepare(args[1]);
  if (args.size() < 3) return 2;
  uint64_t size = 0;
  const std::string& digits = args.back();
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
  if (error != std::errc() || end != digits.data() + digits.size()) return 2;
  if (args.size() == 3 && args[0] == "name") return Name(args[1], size);
  if (args.size() != 4) return 2;
  if (args[0] == "cosign") return Cosign(GrowingLog(Origin()), args[1], args[2], size);
  if (args[0] == "fork") return Cosign(GrowingLog(Origin(), kForkedAt), args[1], args[2], size);
  return 2;
}

}  // namespace
}  // namespace kluis

int main(int argc, char** argv) {
  const int code = kluis::Run({argv + 1, argv + argc});
  if (code == 2) std::cerr << "usage: see the head of witness_probe.cc\n";
  return code;
}
