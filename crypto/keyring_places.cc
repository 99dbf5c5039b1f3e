// SPDX-License-Identifier: Apache-2.0
#include "crypto/keyring_places.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/codec.h"

namespace kluis::crypto {
namespace {

using Loaded = std::vector<absl::StatusOr<KeyringState>>;

std::string ShortHex(const Hash& hash) { return base::ToHex(Bytes(hash)).substr(0, 16); }

std::string RemovalOf(const KeyringReplica& replica) {
  return absl::StrCat("remove ", replica.path(), ".* and ", replica.root_key_name());
}

// What to do about a replica that cannot be read beside one that can.
absl::Status Damaged(KeyringReplica& replica, const absl::Status& status,
                     const KeyringReplica& newest, uint64_t newest_generation) {
  if (status.code() != absl::StatusCode::kDataLoss) return status;
  const uint64_t claimed = replica.ClaimedGeneration();
  if (claimed > newest_generation) {
    return absl::DataLossError(absl::StrCat(
        status.message(), "; put its files back: it is of generation ", claimed, ", and ",
        newest.path(), " of ", newest_generation, " may know what it forgot"));
  }
  return absl::DataLossError(absl::StrCat(status.message(), "; put its files back, or ",
                                          RemovalOf(replica), " to have it made again from ",
                                          newest.path()));
}

// Whether `state` may be overwritten by `newest`, or is the same.
absl::Status CheckSuccession(const KeyringReplica& replica, const KeyringState& state,
                             const KeyringReplica& newest_replica, const KeyringState& newest) {
  if (state.id != newest.id) {
    return absl::DataLossError(absl::StrCat("keyring ", replica.path(),
                                            ": is another keyring than ", newest_replica.path(),
                                            "; one of the two is in the wrong place"));
  }
  const Hash commitment = state.cover.Commitment(state.generation);
  const bool may_follow = newest.generation > state.generation ||
                          newest.cover.Commitment(state.generation) == commitment;
  if (!may_follow || !newest.cover.ComesFrom(state.cover)) {
    return absl::DataLossError(absl::StrCat(
        "keyring ", replica.path(), ": of generation ", state.generation, " and commitment ",
        ShortHex(commitment), ", forgot what ", newest_replica.path(), " of generation ",
        newest.generation, " and commitment ", ShortHex(newest.cover.Commitment(newest.generation)),
        " did not; keep the one whose commitment the log has, remove the other's files"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<KeyringReplica>> ReplicasAt(std::vector<KeyringPlace> places,
                                                       FileSystem& files) {
  std::vector<KeyringReplica> replicas;
  std::set<std::string> names;
  if (places.empty()) return absl::InvalidArgumentError("keyring: has no place");
  for (KeyringPlace& place : places) {
    for (const std::string& name : {place.path, place.root_key->name()}) {
      if (FileNameOf(name).empty() || !names.insert(name).second) {
        return absl::InvalidArgumentError("keyring paths: must all be different files");
      }
    }
    replicas.emplace_back(std::move(place), files);
  }
  return replicas;
}

absl::StatusOr<KeyringState> BringTogether(std::vector<KeyringReplica>& replicas,
                                           std::vector<std::string>& repairs) {
  Loaded loaded;
  for (KeyringReplica& replica : replicas) loaded.push_back(replica.Load());
  size_t newest = replicas.size();
  for (size_t i = 0; i < replicas.size(); ++i) {
    if (!loaded[i].ok()) continue;
    if (newest == replicas.size() || loaded[i]->generation > loaded[newest]->generation) newest = i;
  }
  for (size_t i = 0; i < replicas.size(); ++i) {
    if (loaded[i].ok() || absl::IsNotFound(loaded[i].status())) continue;
    if (newest == replicas.size()) return loaded[i].status();
    return Damaged(replicas[i], loaded[i].status(), replicas[newest], loaded[newest]->generation);
  }
  if (newest == replicas.size()) return loaded.front().status();

  KeyringState& state = *loaded[newest];
  for (size_t i = 0; i < replicas.size(); ++i) {
    if (i == newest || !loaded[i].ok()) continue;
    const absl::Status follows = CheckSuccession(replicas[i], *loaded[i], replicas[newest], state);
    if (!follows.ok()) return follows;
  }
  for (size_t i = 0; i < replicas.size(); ++i) {
    if (loaded[i].ok() && loaded[i]->generation == state.generation) {
      const absl::Status settled = replicas[i].Settle();
      if (!settled.ok()) return settled;
      continue;
    }
    const absl::Status saved = replicas[i].SaveWhole(state.id, state.generation, state.cover);
    if (absl::IsNotFound(saved)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "keyring ", replicas[i].path(), ": its directory is missing: ", saved.message()));
    }
    if (!saved.ok()) {
      return absl::Status(saved.code(), absl::StrCat("keyring ", replicas[i].path(),
                                                     ": not made again: ", saved.message()));
    }
    repairs.push_back(absl::StrCat(
        "keyring ", replicas[i].path(), ": ",
        loaded[i].ok() ? absl::StrCat("was of generation ", loaded[i]->generation) : "was missing",
        ", made again from ", replicas[newest].path(), " of generation ", state.generation));
  }
  return std::move(state);
}

}  // namespace kluis::crypto
