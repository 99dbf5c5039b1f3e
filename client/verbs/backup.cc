// SPDX-License-Identifier: Apache-2.0
// Backups of a vault, and its return from one (operator). A backup and a restore take as long as
// they take: --timeout does not cut them off.
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "audit/statement.h"
#include "client/command_line.h"
#include "client/files.h"
#include "client/progress.h"
#include "client/verbs/verbs.h"
#include "kluis/v1/vault_service.grpc.pb.h"

namespace kluis::client::backup_verbs {
namespace {

using Stub = v1::VaultService::Stub;

constexpr std::chrono::hours kLongest{24};

struct BackupOptions {
  uint32_t keep = 0;
};

struct ListOptions {
  bool verify = false;
};

struct RestoreOptions {
  std::string order;
  uint32_t backup = 0;
};

std::string MiB(uint64_t bytes) { return absl::StrCat(bytes >> 20, " MiB"); }

// Sends the request, hands each message to `take`, and returns the last one.
template <class Request, class Response, class Take>
absl::StatusOr<Response> ReadStream(Session& session,
                                    std::unique_ptr<grpc::ClientReader<Response>> (Stub::*method)(
                                        grpc::ClientContext*, const Request&),
                                    const Request& request, const Take& take) {
  const absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = session.Channel();
  if (!channel.ok()) return channel.status();
  Stub stub(*channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kLongest);
  const std::unique_ptr<grpc::ClientReader<Response>> stream = (stub.*method)(&context, request);
  Response last;
  for (Response message; stream->Read(&message); last = std::move(message)) take(message);
  const grpc::Status ended = stream->Finish();
  if (!ended.ok()) return FromServer(ended);
  return last;
}

Outcome BackUp(Session& session, const BackupOptions& options) {
  v1::BackUpVaultRequest request;
  request.set_keep(options.keep);
  Progress progress(session.err(), std::nullopt);
  const absl::StatusOr<v1::BackUpVaultResponse> last =
      ReadStream(session, &Stub::BackUpVault, request, [&](const v1::BackUpVaultResponse& message) {
        if (message.has_backup()) return;
        progress.Show(message.copied_bytes(),
                      absl::StrCat(MiB(message.copied_bytes()), " are copied"));
      });
  progress.End();
  if (!last.ok()) return last.status();
  if (!last->has_backup()) return absl::DataLossError("backup: the vault says of none");
  session.PrintMessage(last->backup());
  return ExitCode::kDone;
}

Outcome List(Session& session, const ListOptions& options) {
  v1::ListBackupsRequest request;
  request.set_verify(options.verify);
  const absl::StatusOr<v1::ListBackupsResponse> response =
      session.CallPages(&Stub::ListBackups, request);
  const Outcome printed = session.PrintList(
      response, "backups",
      {{"BACKUP", "id"}, {"MADE", "made_at"}, {"BYTES", "bytes"}, {"DAMAGED", "damaged"}});
  if (!printed.ok()) return printed;
  for (const v1::Backup& backup : response->backups()) {
    if (backup.damaged()) {
      return absl::DataLossError(absl::StrCat("backup ", backup.id(), ": is damaged"));
    }
  }
  return printed;
}

// The ids stand in lines of their own: they are to be worked through, one person after another.
void PrintRestored(Session& session, const v1::RestoreVaultResponse& restored) {
  if (session.json()) {
    session.PrintMessage(restored);
    return;
  }
  session.out() << "restored backup " << restored.backup().id() << "; rolled forward from "
                << restored.from_size() << " to " << restored.to_size() << " entries, removed "
                << restored.removed_rows() << " rows of what was erased since; log entry "
                << restored.receipt().log_index() << " says so\n";
  for (const std::string& name : restored.lost_templates()) {
    session.out() << "lost " << Printable(name) << "\n";
  }
  for (const std::string& name : restored.lost_subjects()) {
    session.out() << "lost " << Printable(name) << "\n";
  }
}

Outcome Restore(Session& session, const RestoreOptions& options) {
  const absl::StatusOr<v1::Envelope> order = ReadStatement(options.order);
  if (!order.ok()) return order.status();
  v1::RecoveryOrder ordered;
  const absl::Status read = audit::ReadPayload(*order, ordered);
  if (!read.ok()) return read;
  v1::RestoreVaultRequest request;
  *request.mutable_recovery_order() = *order;
  request.set_backup(options.backup);
  const absl::StatusOr<v1::RestoreVaultResponse> last = ReadStream(
      session, &Stub::RestoreVault, request, [&](const v1::RestoreVaultResponse& message) {
        if (!message.step().empty()) {
          session.err() << "kluis: " << Printable(message.step()) << std::endl;
        }
      });
  if (!last.ok()) return last.status();
  if (!last->has_receipt()) return absl::DataLossError("restore: the vault gave no receipt");
  PrintRestored(session, *last);
  return ExitCode::kDone;
}

}  // namespace

void Add(CommandLine& line) {
  base::Verb vault = line.root().Find("vault");
  auto [backup, to_make] = line.Verb<BackupOptions>(
      vault, "backup", "Back the vault up while it serves; only what is new is copied (operator)",
      "kluis vault backup --keep 14", BackUp);
  backup.Count("--keep", to_make->keep, "Delete all but the newest N; else all are kept")
      .Called("N")
      .Between(1, 100000);

  auto [backups, to_list] =
      line.Verb<ListOptions>(vault, "backups", "List the backups (exit code 7 when one is damaged)",
                             "kluis vault backups --verify --timeout 3600", List);
  backups.Flag("--verify", to_list->verify, "Read every byte of them");

  auto [restore, to_restore] = line.Verb<RestoreOptions>(
      vault, "restore",
      "Bring a vault back that lost its database, and print who must be enrolled again; needs "
      "kluisd --recover and the order of two operators",
      "kluis statement sign recovery-order --key op-1.key --set reasons=\"disk lost\" \\\n"
      "    -o recovery.dsse.json\n"
      "  kluis statement cosign recovery.dsse.json --key op-2.key\n"
      "  kluis vault restore --order recovery.dsse.json",
      Restore);
  restore.Text("--order", to_restore->order, "The signed recovery order").Called("FILE").Required();
  restore.Count("--backup", to_restore->backup, "Its number; else the newest")
      .Called("N")
      .Between(1U, UINT32_MAX);
}

}  // namespace kluis::client::backup_verbs
