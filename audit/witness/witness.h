// SPDX-License-Identifier: Apache-2.0
// A witness without its network: says of each checkpoint that it is the largest consistent one seen
// of its log, and remembers that before it answers. Source: c2sp.org/tlog-witness.
//
// Files in its directory, of mode 0600, one per log that was ever cosigned:
//   <hex of SHA-256(origin)>.witness     kluis-witness-state-v1\n | the log's signed note
// The log's own signature guards the bytes; no cosignature is ever on the disk. A file that is
// damaged is refused and never overwritten. Whoever deletes one makes the witness forget that log:
// a witness whose directory is lost must get a new key.
//
// Thread-safe. Calls for one log wait for each other, those for different logs do not.
#ifndef KLUIS_AUDIT_WITNESS_WITNESS_H_
#define KLUIS_AUDIT_WITNESS_WITNESS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "audit/checkpoint.h"
#include "audit/note.h"
#include "audit/verifier_key.h"
#include "audit/witness/add_checkpoint.h"
#include "crypto/ed25519.h"
#include "crypto/file_system.h"

namespace kluis::audit {

// What the HTTP server sends.
struct WitnessReply {
  int status = 0;  // 200, 400, 403, 404, 409, 422 as the specification says; 500: the disk failed
  std::string content_type;
  std::string body;     // 200: one cosignature line; 409 of another size: "<size>\n"; else a reason
  std::string summary;  // one line for the witness's log, without characters of the request
};

class Witness {
 public:
  struct Options {
    std::string name;               // of the witness's key: a URL without schema
    std::vector<VerifierKey> logs;  // type 01; the name is the origin; a log may have several keys
    std::string directory;          // exists; nobody else may write in it while this object lives
    std::function<uint64_t()> now;  // seconds since 1970, at most 2^63 - 1
  };

  // Takes `key` and reads what was cosigned before. `files` must outlive the object.
  // kInvalidArgument: a name that is not IsKeyName, no log, a key of a log that is not of type 01,
  // a key that is given twice or is the witness's own.
  // kDataLoss: a state file is not one, or no key of its log verifies it; the message names it.
  // kFailedPrecondition: a state file that others can read. kUnavailable: the disk failed.
  static absl::StatusOr<std::unique_ptr<Witness>> Open(Options options, crypto::SigningKey key,
                                                       crypto::FileSystem& files);

  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

  // One add-checkpoint call; `body` is the request's. With 200 the checkpoint is on disk. What was
  // cosigned last may be asked for again and gets a new time.
  WitnessReply AddCheckpoint(std::string_view body);

  // What others verify its cosignatures with.
  const VerifierKey& key() const { return verifier_; }

  // The size of the largest checkpoint cosigned of `origin`; 0 for none and for an unknown log.
  uint64_t SizeOf(const std::string& origin) const;

 private:
  // The largest checkpoint that was cosigned of one log.
  struct Log {
    std::vector<VerifierKey> keys;
    std::string path;
    mutable std::mutex mutex;
    uint64_t size = 0;  // guarded by mutex, as root
    Hash root = EmptyRoot();
  };

  Witness(Options options, crypto::SigningKey key, VerifierKey verifier, crypto::FileSystem& files);
  absl::Status Load(Log& log, const std::string& origin);
  // The checks, the file and the cosignature, while `log` is held.
  WitnessReply Cosign(Log& log, const AddCheckpointRequest& request, const Checkpoint& checkpoint,
                      const Note& note);
  absl::Status Persist(const Log& log, const Note& note);

  const Options options_;
  const crypto::SigningKey key_;
  const VerifierKey verifier_;
  crypto::FileSystem& files_;
  std::map<std::string, std::unique_ptr<Log>, std::less<>> logs_;  // by origin; fixed by Open
};

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_WITNESS_WITNESS_H_
