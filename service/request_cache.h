// Answers a repeated request with the answer to the first one (AIP-155), so that a client that lost
// a reply can ask again without doing a thing twice. In memory, bounded, for ten minutes: after a
// restart the statements' own ids still keep every act from happening twice. Thread-safe.
#ifndef KLUIS_SERVICE_REQUEST_CACHE_H_
#define KLUIS_SERVICE_REQUEST_CACHE_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "crypto/sha256.h"
#include "grpcpp/support/status.h"
#include "service/clock.h"

namespace kluis::service {

class RequestCache {
 public:
  struct Answer {
    grpc::Status status;
    std::string response;  // serialized
  };

  explicit RequestCache(const Clock& clock) : clock_(clock) {}

  // The answer given to this caller, method and id before, waiting for it while it is under way;
  // nullptr when this is the first: then call Finish. kInvalidArgument: the id stood for another
  // request.
  absl::StatusOr<std::shared_ptr<const Answer>> Begin(const std::string& key,
                                                      const crypto::Hash& request);

  // Forgets all answers that were given: what they say may be personal.
  void Forget();

  // Remembers the answer. An answer that may be different next time is forgotten instead.
  void Finish(const std::string& key, std::shared_ptr<const Answer> answer, bool remember);

 private:
  struct Slot {
    crypto::Hash request;
    std::shared_ptr<const Answer> answer;  // nullptr: under way
    int64_t expires_at = 0;
  };

  void DropOld(int64_t now);

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable answered_;
  std::unordered_map<std::string, Slot> slots_;
  std::deque<std::string> order_;  // finished ones, oldest first
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_REQUEST_CACHE_H_
