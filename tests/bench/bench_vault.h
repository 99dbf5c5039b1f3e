// SPDX-License-Identifier: Apache-2.0
// A founded vault with its members, served in this process over loopback with mutual TLS: the real
// service, the machine's clock, RocksDB on the machine's disk. Thread-safe once started.
#ifndef KLUIS_TESTS_BENCH_BENCH_VAULT_H_
#define KLUIS_TESTS_BENCH_BENCH_VAULT_H_

#include <grpcpp/channel.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/synth.h"
#include "crypto/ed25519.h"
#include "kluis/v1/enrollment_service.pb.h"
#include "kluis/v1/statements.pb.h"
#include "kluis/v1/subject_service.pb.h"
#include "kluis/v1/types.pb.h"
#include "service/host/daemon.h"

namespace kluis::bench {

// Threads and connections of the rows that measure many clients.
inline constexpr int kClients = 16;
inline constexpr int kManyClients = 64;

// Who calls.
inline constexpr char kRegistrar[] = "registrar/desk";
inline constexpr char kOfficer[] = "officer/anna";
inline constexpr char kPortal[] = "subject/portal";

class BenchVault {
 public:
  // Makes certificates, keys and a founding below `directory`, which must be empty, and starts the
  // service there. `prepare` is called before that, with settings it may change.
  static absl::StatusOr<std::unique_ptr<BenchVault>> Start(
      const std::string& directory,
      const std::function<absl::Status(service::Config&)>& prepare = {});

  // Stops the service and starts it again on the same files.
  absl::Status Restart();

  service::Daemon& daemon() { return *daemon_; }
  // Takes effect at the next start.
  service::Config& config() { return config_; }

  // A connection of its own, with the certificate of "role/name", already open.
  absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(const std::string& identity) const;
  absl::StatusOr<std::vector<std::shared_ptr<grpc::Channel>>> ConnectClients(
      const std::string& identity, int count = kClients) const;

  absl::Status RegisterPurpose(const std::string& purpose);

  // The name of a new active case with a warrant for 10,000 searches.
  absl::StatusOr<std::string> OpenCase(const std::string& purpose);

  // Ends the case; the gallery of its purpose is dropped when no other keeps it.
  absl::Status CloseCase(const std::string& kase) const;

  // A synthetic person's template, and signed requests to enrol capture 0 of that person, who has a
  // key of its own for each purpose, and to withdraw.
  v1::Template Face(uint64_t person, uint32_t capture) const;
  absl::StatusOr<v1::EnrollRequest> Enrollment(const std::string& purpose, uint64_t person) const;
  absl::StatusOr<v1::WithdrawConsentRequest> Withdrawal(const std::string& purpose,
                                                        uint64_t person) const;

  // Makes log and state as `count` enrolments leave them, by the vault's own rules and ledger, but
  // without signatures, and without sealed rows unless `with_rows`: then person 0 to count - 1 can
  // be searched for. Both take most of the time.
  absl::Status FillState(const std::string& purpose, uint64_t count, bool with_rows = false);

  // The requests of `count` people from `first` on, made by all cores.
  absl::StatusOr<std::vector<v1::EnrollRequest>> Enrollments(const std::string& purpose,
                                                             uint64_t first, uint64_t count) const;

 private:
  BenchVault(std::string directory, client::Population people);

  absl::Status SealRow(const service::SearchRoom& room, uint64_t person,
                       const policy::Ruling& ruling, service::Writes& writes) const;
  absl::Status Found();
  absl::Status Configure();
  absl::Status Serve();
  absl::Status RegisterMembers();

  // One call with a statement of `key` in the request's field `slot`.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Send(const std::string& identity, const crypto::SigningKey& key,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                v1::Envelope* (Request::*slot)(),
                                google::protobuf::Message& payload) const;

  const std::string directory_;
  const client::Population people_;
  const service::SystemClock clock_;
  crypto::SigningKey supervisor_ = crypto::SigningKey::Generate();
  crypto::SigningKey registrar_ = crypto::SigningKey::Generate();
  crypto::SigningKey officer_ = crypto::SigningKey::Generate();
  crypto::SigningKey second_officer_ = crypto::SigningKey::Generate();
  crypto::SigningKey judge_ = crypto::SigningKey::Generate();
  service::Config config_;
  std::unique_ptr<service::Daemon> daemon_;
};

}  // namespace kluis::bench

#endif  // KLUIS_TESTS_BENCH_BENCH_VAULT_H_
