// SPDX-License-Identifier: Apache-2.0
#include "service/host/daemon.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "service/callers/callers.h"
#include "service/host/metrics.h"
#include "service/host/metrics_socket.h"
#include "service/host/port_watch.h"
#include "service/host/tls.h"
#include "service/process/process.h"
#include "service/process/ticker.h"
#include "service/process/unix_server.h"
#include "service/publish/publisher.h"
#include "service/rpc/audit_service.h"
#include "service/rpc/case_service.h"
#include "service/rpc/enrollment_service.h"
#include "service/rpc/front_door.h"
#include "service/rpc/search_service.h"
#include "service/rpc/subject_service.h"
#include "service/rpc/supervision_service.h"
#include "service/rpc/vault_service.h"

namespace kluis::service {
namespace {

constexpr int kCountSeconds = 60;  // between entries about calls that were not decided
constexpr int kLookSeconds = 5;    // between calls of the vault's own port, and for its answer
constexpr int kCheckSeconds = 1;   // between looks at whether the storage is as it was left

// Without people where that can be; a vault that has to wait for them is in order.
absl::Status TryUnseal(Vault& vault, std::shared_ptr<crypto::RootWrapper> kept) {
  const bool by_shares = vault.unsealer().kind() == v1::UNSEAL_KIND_SHARES;
  if (by_shares && kept == nullptr) return absl::OkStatus();
  vault.unsealer().Keep(std::move(kept));
  const absl::Status unsealed = vault.Unseal().status();
  return vault.waits_for_token() ? absl::OkStatus() : unsealed;
}

}  // namespace

// In the order they are opened; closed in the reverse order, the server first.
struct Daemon::Parts {
  Parts(const Config& settings, std::unique_ptr<Logger> log, std::unique_ptr<Callers> known,
        std::unique_ptr<Vault> opened)
      : config(settings),
        logger(std::move(log)),
        callers(std::move(known)),
        vault(std::move(opened)),
        calls(*vault, config, *callers, *logger),
        enrollment(calls),
        subjects(calls),
        cases(calls),
        searches(calls),
        supervision(calls),
        audits(calls),
        vaults(calls) {}

  void MakeCheckpoint(uint64_t found);
  void WatchPort();
  void WatchClock();

  const Config config;
  std::unique_ptr<Logger> logger;
  std::unique_ptr<Callers> callers;
  std::unique_ptr<Vault> vault;
  Calls calls;
  EnrollmentService enrollment;
  SubjectService subjects;
  CaseService cases;
  SearchService searches;
  SupervisionService supervision;
  AuditService audits;
  VaultService vaults;
  bool clock_trusted = true;  // as last logged; only of the thread of `checks`
  Ticker checkpoints;
  Ticker checks;
  Ticker limited;
  std::unique_ptr<PortWatch> port;
  Ticker looks;
  std::unique_ptr<UnixServer> metrics;
  std::unique_ptr<Server> server;
  std::unique_ptr<UnixServer> front;
};

// Connections of the front's user go to the server; others are closed.
absl::Status ServeFront(const ServerConfig& config, Logger& logger, Server& server,
                        std::unique_ptr<UnixServer>& front) {
  if (config.front_socket.empty()) return absl::OkStatus();
  const std::optional<uid_t> user = UserOf(config.front_user);
  if (!user.has_value()) return absl::NotFoundError("server.front_user: there is no such user");
  auto started = UnixServer::Start("server.front_socket", config.front_socket,
                                   [user, &logger, &server](int connection) {
                                     if (const uid_t peer = PeerUser(connection); peer != *user) {
                                       logger.Warn("front-refused", {{"user", uint64_t{peer}}});
                                       close(connection);
                                     } else {
                                       server.AddConnection(connection);
                                     }
                                   });
  if (started.ok()) front = *std::move(started);
  return started.status();
}

// `found`: the size of the log at the start. Sealed, the vault signs only what it wrote since: the
// first entry of each opening is its start.
void Daemon::Parts::MakeCheckpoint(uint64_t found) {
  const Gate::Pass pass = vault->gate().Enter();
  Publisher& publisher = vault->publisher();
  const uint64_t covered = std::max(found, publisher.Last().size);
  if (!pass.owns_lock() && vault->ledger().size() == covered) return;
  const absl::StatusOr<SignedCheckpoint> made = publisher.Sign();
  if (!made.ok()) {
    logger->Error("no-checkpoint", {{"why", Diagnosis{std::string(made.status().message())}}});
  } else if (!made->quorum) {
    logger->Warn("quorum-missed",
                 {{"cosigned", made->cosigned}, {"quorum", publisher.witness_quorum()}});
  }
  if (!made.ok()) return;
  const absl::Status confirmed = vault->ConfirmByWitnesses(*made);
  if (!confirmed.ok()) {
    logger->Warn("clock-not-witnessed", {{"why", Diagnosis{std::string(confirmed.message())}}});
  }
}

// Every act asks for the time itself (service/ledger/ledger.cc); this is for the operator.
void Daemon::Parts::WatchClock() {
  const DecisionClock::Reading clock = vault->ledger().ReadClock();
  if (clock.trusted() == clock_trusted) return;
  clock_trusted = clock.trusted();
  if (clock_trusted) {
    logger->Info("clock-agrees", {});
  } else {
    logger->Error("clock", {{"why", Diagnosis{InWords(clock)}}, {"ahead", clock.ahead}});
  }
}

// The listener may be deaf, and then nobody else can say so.
void Daemon::Parts::WatchPort() {
  const size_t colon = config.server.listen.rfind(':');
  const std::string listen =
      absl::StrCat(config.server.listen.substr(0, colon + 1), server->port());
  port = std::make_unique<PortWatch>(
      [listen] { return ProbePort(listen, absl::Seconds(kLookSeconds)); },
      [this] { return server->Reopen(absl::Seconds(kLookSeconds)); });
  looks.Start(kLookSeconds, [this] {
    const absl::Status heard = port->Look();
    vault->port_state().deaf = port->deaf();
    vault->port_state().reopened = port->reopened();
    if (!heard.ok()) logger->Error("port-deaf", {{"why", Diagnosis{std::string(heard.message())}}});
  });
}

Daemon::Daemon(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Daemon::~Daemon() {
  parts_->looks.Stop();  // before the port is silent on purpose
  parts_->front.reset();
  parts_->server->Shutdown(absl::Seconds(parts_->config.server.drain_seconds));
  parts_->limited.Stop();
  parts_->checks.Stop();
  parts_->checkpoints.Stop();
  // The last word: what was there when the vault stopped. The next start compares itself with it.
  if (const Gate::Pass pass = parts_->vault->gate().Enter(); pass.owns_lock()) {
    parts_->vault->sweeper().Stop();
    parts_->vault->publisher().Sign().status().IgnoreError();
  }
  parts_->logger->Info("stopped", {{"log_size", parts_->vault->ledger().size()}});
}

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(const Config& config, const Clock& clock,
                                                      VaultStart start,
                                                      std::shared_ptr<crypto::RootWrapper> kept) {
  auto logger = Logger::Create(config.log.level, config.log.file);
  if (!logger.ok()) return logger.status();
  WarnOfSwap(**logger);
  auto credentials = LoadServerCredentials(config.server.ca, config.server.cert, config.server.key);
  if (!credentials.ok()) return credentials.status();
  auto callers = Callers::Load(config.server);
  if (!callers.ok()) return callers.status();
  start.step = [raw = logger->get()](std::string_view step) {
    raw->Info("recovery", {{"step", Diagnosis{std::string(step)}}});
  };
  auto vault = Vault::Open(config, clock, start);
  if (!vault.ok()) return vault.status();
  const uint64_t found = (*vault)->ledger().size();
  if (!start.stay_sealed) {
    const absl::Status unsealed = TryUnseal(**vault, std::move(kept));
    if (!unsealed.ok()) return unsealed;
  }
  auto parts =
      std::make_unique<Parts>(config, *std::move(logger), *std::move(callers), *std::move(vault));

  const std::vector<HostedService> services = {
      {v1::EnrollmentService::service_full_name(), &parts->enrollment},
      {v1::SubjectService::service_full_name(), &parts->subjects},
      {v1::CaseService::service_full_name(), &parts->cases},
      {v1::SearchService::service_full_name(), &parts->searches},
      {v1::SupervisionService::service_full_name(), &parts->supervision},
      {v1::AuditService::service_full_name(), &parts->audits},
      {v1::VaultService::service_full_name(), &parts->vaults},
  };
  ServerOptions options;
  options.listen = config.server.listen;
  options.credentials = *std::move(credentials);
  options.max_message_bytes = static_cast<int>(config.server.max_message_kib * 1024);
  options.max_concurrent_streams = static_cast<int>(config.server.max_concurrent_streams);
  options.reflection = config.server.reflection;
  options.connection_seconds = static_cast<int>(config.server.connection_seconds);
  options.front = !config.server.front_socket.empty();
  if (!config.metrics.socket.empty()) {
    auto metrics = ServeMetrics(config.metrics.socket,
                                [raw = parts->vault.get()] { return MetricsText(*raw); });
    if (!metrics.ok()) return metrics.status();
    parts->metrics = *std::move(metrics);
  }
  // Every call asks for the fault itself (service/rpc/front_door.cc); this is for health and the
  // operator.
  parts->vault->fault().Tell([raw = parts.get()](const std::string& text) {
    raw->logger->Error("out-of-service", {{"why", Diagnosis{text}}});
  });
  parts->vault->TellSealing([raw = parts.get()](bool open) {
    if (raw->server) raw->server->SetServing(open && raw->vault->fault().text().empty());
    raw->logger->Info(open ? Word("unsealed") : Word("sealed"), {});
  });
  auto server = Server::Start(options, services);
  if (!server.ok()) return server.status();
  parts->server = *std::move(server);
  const absl::Status front =
      ServeFront(config.server, *parts->logger, *parts->server, parts->front);
  if (!front.ok()) return front;
  // A checkpoint also when nothing happened: silence is provable.
  parts->checkpoints.Start(static_cast<int>(config.audit.checkpoint_seconds),
                           [raw = parts.get(), found] { raw->MakeCheckpoint(found); });
  parts->checks.Start(kCheckSeconds, [raw = parts.get()] {
    Vault& watched = *raw->vault;
    const absl::Status storage = watched.CheckStorage();
    if (absl::IsDataLoss(storage)) watched.fault().Set(storage);
    const absl::Status published = watched.publisher().Check();
    if (absl::IsDataLoss(published)) watched.fault().Set(published);
    raw->server->SetServing(watched.gate().is_open() && watched.fault().text().empty());
    raw->WatchClock();
  });
  parts->limited.Start(kCountSeconds, [raw = parts.get()] {
    const absl::Status counted = CountLimited(*raw->vault);
    if (counted.ok()) return;
    raw->logger->Warn("uncounted", {{"why", Diagnosis{std::string(counted.message())}}});
  });
  parts->WatchPort();
  const bool open = parts->vault->gate().is_open();
  parts->server->SetServing(open && parts->vault->fault().text().empty());
  if (const Gate::Pass pass = parts->vault->gate().Enter(); pass.owns_lock()) {
    for (const std::string& repair : parts->vault->keyring().repairs()) {
      parts->logger->Warn("keyring-repaired", {{"what", Diagnosis{repair}}});
    }
  }
  parts->logger->Info(
      open ? Word("started") : Word("started-sealed"),
      {{"port", parts->server->port()}, {"log_size", parts->vault->ledger().size()}});
  return std::unique_ptr<Daemon>(new Daemon(std::move(parts)));
}

int Daemon::port() const { return parts_->server->port(); }

Vault& Daemon::vault() { return *parts_->vault; }

}  // namespace kluis::service
