// SPDX-License-Identifier: Apache-2.0
// Asks the configured witnesses for their cosignatures on a checkpoint and merges them into its
// note. A witness that fails is seen in States and holds nobody up for longer than the timeout.
// Source: c2sp.org/tlog-witness, the log's side.
//
// Trust: a cosignature counts only when it verifies under the configured key. That a witness holds
// a larger or another tree is its word alone, as the protocol signs no refusal: it is told as
// `fatal`, and a witness that lies, or who changes its answers on the way, can stop a vault that
// obeys. Witnesses belong behind https or a network of their own.
//
// Thread-safe; calls of Cosign wait for each other and must come in the order of their sizes.
#ifndef KLUIS_SERVICE_PUBLISH_WITNESSES_H_
#define KLUIS_SERVICE_PUBLISH_WITNESSES_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "audit/checkpoint.h"
#include "audit/merkle.h"
#include "audit/note.h"
#include "audit/verifier_key.h"
#include "service/publish/http_post.h"

namespace kluis::service {

// Of one log; also the largest quorum.
inline constexpr int64_t kMaxWitnesses = 16;

struct WitnessConfig {
  std::string url;   // the submission prefix: http[s]://host[:port][/prefix]
  std::string vkey;  // <name>+<key id>+<base64>, of type 04
};

class Witnesses {
 public:
  // The proof that the log of `size` extends that of `old_size`; called on Cosign's own thread.
  using ConsistencyProof =
      std::function<absl::StatusOr<std::vector<audit::Hash>>(uint64_t old_size, uint64_t size)>;

  struct Outcome {
    std::string note;     // the given note and the cosignatures of this call, one per witness
    size_t cosigned = 0;  // witnesses whose cosignature it has from this call
    bool quorum = false;  // cosigned is at least the quorum
    std::vector<int64_t> cosigned_at;  // when, by each witness's clock; ascending
    absl::Status fatal;  // kDataLoss: this log was rolled back or forked; names both sizes
  };

  // What is known of one witness.
  struct State {
    std::string name;
    std::string url;
    uint64_t cosigned_at = 0;  // seconds since 1970 by the witness's clock; 0: not since the start
    uint64_t cosigned_size = 0;  // of the last cosigned checkpoint
    std::string failure;         // of the last call; empty when that was well
  };

  // kInvalidArgument: a URL or key of another form, a key that is there twice, more than
  // kMaxWitnesses, a quorum below 0 or above their number, a timeout not in (0, 600] seconds. The
  // message begins with the setting: witnesses[0].url, witnesses[0].key, witness_quorum,
  // witness_timeout_seconds.
  static absl::StatusOr<std::unique_ptr<Witnesses>> Create(
      const std::vector<WitnessConfig>& witnesses, int64_t quorum, double timeout_seconds);

  // Asks all at once and returns when all have answered or the timeout is over. `note` is the
  // checkpoint signed by the log; a cosignature of the same witness that it has is replaced. Where
  // a witness holds another size than remembered, it is asked a second time with the proof from
  // there.
  Outcome Cosign(const std::string& note, const audit::Checkpoint& checkpoint,
                 const ConsistencyProof& prove);

  // In the order of the configuration.
  std::vector<State> States() const;

 private:
  struct Witness {
    audit::VerifierKey key;
    std::unique_ptr<HttpPost> post;
    State state;  // guarded by state_mutex_
  };
  class Round;

  Witnesses(std::vector<Witness> witnesses, int64_t quorum, std::chrono::microseconds timeout);
  void Failed(size_t witness, std::string why);
  void Cosigned(size_t witness, uint64_t at, uint64_t size);
  uint64_t Remembered(size_t witness) const;

  std::vector<Witness> witnesses_;  // fixed, but for the states
  const size_t quorum_;
  const std::chrono::microseconds timeout_;
  std::mutex call_mutex_;  // held by Cosign
  mutable std::mutex state_mutex_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_PUBLISH_WITNESSES_H_
