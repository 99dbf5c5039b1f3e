// SPDX-License-Identifier: Apache-2.0
// Answers a repeated request with the answer to the first one (AIP-155), so that a client that lost
// a reply can ask again without doing a thing twice. In memory, for ten minutes, and bounded in
// bytes, for each caller and in all: what is over drops the oldest. After a restart the statements'
// own ids still keep every act from happening twice. Answers that name a person are not kept
// (service/rpc/methods.h). Thread-safe.
#ifndef KLUIS_SERVICE_RPC_REQUEST_CACHE_H_
#define KLUIS_SERVICE_RPC_REQUEST_CACHE_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "crypto/sha256.h"
#include "grpcpp/support/status.h"
#include "service/process/clock.h"

namespace kluis::service {

class RequestCache {
 public:
  struct Answer {
    grpc::Status status;
    std::string response;  // serialized
  };

  struct Bounds {
    size_t bytes = 0;     // of all answers, with what keeping one takes
    size_t of_owner = 0;  // of those of one caller
  };

  RequestCache(const Clock& clock, Bounds bounds) : clock_(clock), bounds_(bounds) {}

  // The answer given to `key`, one caller's method and id, before, waiting for it while it is under
  // way; nullptr when this is the first: then call Finish. kInvalidArgument: the id stood for
  // another request.
  absl::StatusOr<std::shared_ptr<const Answer>> Begin(const std::string& key,
                                                      const crypto::Hash& request);

  // Forgets all answers that were given: what they say may be personal.
  void Forget();

  // Remembers the answer, as one of `owner`. One that may be different next time, or is larger than
  // the bounds, is forgotten instead.
  void Finish(const std::string& key, const std::string& owner,
              std::shared_ptr<const Answer> answer, bool remember);

  size_t bytes() const;

 private:
  struct Slot {
    crypto::Hash request;
    std::shared_ptr<const Answer> answer;  // nullptr: under way
    int64_t expires_at = 0;
    std::string owner;
    size_t bytes = 0;
    std::list<std::string>::iterator of_all;  // the places in the lists below
    std::list<std::string>::iterator of_owner;
  };
  struct Owner {
    std::list<std::string> keys;  // of finished ones, oldest first
    size_t bytes = 0;
  };

  void DropOld(int64_t now);
  void Drop(const std::string& key);

  const Clock& clock_;
  const Bounds bounds_;
  mutable std::mutex mutex_;
  std::condition_variable answered_;
  std::unordered_map<std::string, Slot> slots_;
  std::list<std::string> order_;  // of finished ones, oldest first
  std::unordered_map<std::string, Owner> owners_;
  size_t bytes_ = 0;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_RPC_REQUEST_CACHE_H_
