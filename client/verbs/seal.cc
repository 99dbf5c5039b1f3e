// SPDX-License-Identifier: Apache-2.0
// kluis vault init, unseal, prove, rekey and seal: who holds the key of the keys.
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "client/command_line.h"
#include "client/files.h"
#include "client/secret_line.h"
#include "client/verbs/verbs.h"
#include "kluis/v1/vault_service.grpc.pb.h"

namespace kluis::client::seal_verbs {
namespace {

struct NewShares {
  uint32_t needed = 0;
  uint32_t holders = 0;
  std::string out;
  std::string order;
  bool cancel = false;
};

struct OneShare {
  std::string share = "-";
  bool forget = false;
};

struct CancelOptions {
  std::string share;
  std::string order;
};

struct NoOptions {};

std::string ShareFile(const std::string& directory, int holder) {
  return absl::StrCat(directory, "/share-", holder, ".txt");
}

// One file for each holder, and what to do with them.
Outcome HandOut(Session& session, const NewShares& options,
                const google::protobuf::RepeatedPtrField<std::string>& shares) {
  const absl::Status made = MakeDirectories(options.out);
  if (!made.ok()) return made;
  for (int i = 0; i < shares.size(); ++i) {
    const absl::Status written = WriteText(ShareFile(options.out, i + 1), shares[i] + "\n");
    if (!written.ok()) return written;
  }
  session.err() << "kluis: " << shares.size() << " shares are in " << options.out
                << ", one file for each holder; " << options.needed
                << " of them will unseal the vault.\n"
                   "Hand them out, destroy the files here, and let each holder prove theirs:\n"
                   "  kluis vault prove --share FILE\n"
                   "They are in force when all are proven, and not before.\n";
  return ExitCode::kDone;
}

// Of a vault that has shares.
void TellWhatElse(Session& session) {
  session.err()
      << "kluis: beside that, as many holders of the old shares as open the vault prove "
         "theirs the same way,\nor the order of two operators (`kluis vault rekey --order`) "
         "is due.\n";
}

Outcome SubmitOrder(Session& session, const std::string& path) {
  const absl::StatusOr<v1::Envelope> order = ReadStatement(path);
  if (!order.ok()) return order.status();
  v1::OrderRekeyRequest request;
  *request.mutable_order() = *order;
  return session.Print(session.Call(&v1::VaultService::Stub::OrderRekey, request));
}

Outcome CheckNewShares(const NewShares& options) {
  if (options.needed < 2 || options.needed > options.holders || options.holders > 32) {
    return UsageError("--needed: must be 2 to --holders, and --holders at most 32");
  }
  if (options.out.empty()) return UsageError("--out: is required");
  // Shares that are there may be in force: nothing replaces them.
  std::error_code ignored;
  if (std::filesystem::exists(ShareFile(options.out, 1), ignored)) {
    return UsageError(absl::StrCat("--out: there are shares in ", options.out, " already"));
  }
  return ExitCode::kDone;
}

Outcome Init(Session& session, const NewShares& options) {
  const Outcome good = CheckNewShares(options);
  if (!good.ok()) return good;
  v1::InitVaultRequest request;
  request.set_needed(options.needed);
  request.set_holders(options.holders);
  const auto response = session.Call(&v1::VaultService::Stub::InitVault, request);
  if (!response.ok()) return response.status();
  return HandOut(session, options, response->shares());
}

Outcome Rekey(Session& session, const NewShares& options) {
  if (!options.order.empty()) return SubmitOrder(session, options.order);
  v1::RekeyVaultRequest request;
  request.set_cancel(options.cancel);
  if (!options.cancel) {
    const Outcome good = CheckNewShares(options);
    if (!good.ok()) return good;
    request.set_needed(options.needed);
    request.set_holders(options.holders);
  }
  const auto response = session.Call(&v1::VaultService::Stub::RekeyVault, request);
  if (!response.ok()) return response.status();
  if (options.cancel) {
    session.err() << "kluis: the new shares are void; those before stay in force\n";
    return ExitCode::kDone;
  }
  const Outcome handed = HandOut(session, options, response->shares());
  if (handed.ok()) TellWhatElse(session);
  return handed;
}

Outcome Cancel(Session& session, const CancelOptions& options) {
  if (options.share.empty() == options.order.empty()) {
    return UsageError("--share or --cancellation: one of both");
  }
  v1::CancelRekeyRequest request;
  if (!options.share.empty()) {
    absl::StatusOr<std::string> share = ReadSecretLine(options.share, "share", session.err());
    if (!share.ok()) return share.status();
    request.set_share(*std::move(share));
  } else {
    const absl::StatusOr<v1::Envelope> cancellation = ReadStatement(options.order);
    if (!cancellation.ok()) return cancellation.status();
    *request.mutable_cancellation() = *cancellation;
  }
  return session.Print(session.Call(&v1::VaultService::Stub::CancelRekey, request));
}

Outcome Prove(Session& session, const OneShare& options) {
  absl::StatusOr<std::string> share = ReadSecretLine(options.share, "share", session.err());
  if (!share.ok()) return share.status();
  v1::ProveShareRequest request;
  request.set_share(*std::move(share));
  return session.Print(session.Call(&v1::VaultService::Stub::ProveShare, request));
}

// A share is asked for only where shares unseal.
Outcome Unseal(Session& session, const OneShare& options) {
  v1::UnsealVaultRequest request;
  request.set_forget(options.forget);
  if (!options.forget) {
    const auto status =
        session.Call(&v1::VaultService::Stub::GetVaultStatus, v1::GetVaultStatusRequest());
    if (!status.ok()) return status.status();
    if (status->seal().sealed() && status->seal().need() > 0) {
      absl::StatusOr<std::string> share = ReadSecretLine(options.share, "share", session.err());
      if (!share.ok()) return share.status();
      request.set_share(*std::move(share));
    }
  }
  const auto response = session.Call(&v1::VaultService::Stub::UnsealVault, request);
  const Outcome printed = session.Print(response);
  if (printed.ok() && response->seal().sealed()) {
    session.err() << "kluis: " << response->seal().have() << " of " << response->seal().need()
                  << " shares given; the vault is still sealed\n";
  }
  return printed;
}

Outcome Seal(Session& session, const NoOptions&) {
  return session.Print(session.Call(&v1::VaultService::Stub::SealVault, v1::SealVaultRequest()));
}

void BindNewShares(base::Verb verb, NewShares& options) {
  verb.Count("--needed", options.needed, "How many holders unseal together").Called("K");
  verb.Count("--holders", options.holders, "How many there are").Called("N");
  verb.Text("-o,--out", options.out, "A directory for one file a holder").Called("DIR");
}

void BindShare(base::Verb verb, OneShare& options) {
  verb.Text("--share", options.share, "The file with the share; - is stdin, without echo")
      .Called("FILE")
      .ShowingDefault();
}

}  // namespace

void Add(CommandLine& line) {
  base::Verb vault = line.root().Find("vault");
  auto [init, initial] = line.Verb<NewShares>(
      vault, "init", "Make the shares of a new vault whose keys.unseal is \"shares\"",
      "kluis vault init --needed 2 --holders 3 --out shares", Init);
  BindNewShares(init, *initial);
  auto [unseal, given] = line.Verb<OneShare>(
      vault, "unseal", "Give one share, or let passphrase or token be tried again",
      "kluis vault unseal --share share-1.txt", Unseal);
  BindShare(unseal, *given);
  unseal.Flag("--forget", given->forget, "Forget the shares given so far");
  auto [prove, proven] =
      line.Verb<OneShare>(vault, "prove", "Bring a new share back, to show that its holder has it",
                          "kluis vault prove --share share-1.txt", Prove);
  BindShare(prove, *proven);
  auto [rekey, renewed] = line.Verb<NewShares>(
      vault, "rekey",
      "Make new shares: in force when all are proven and the old holders agree, or an order is due",
      "kluis vault rekey --needed 3 --holders 5 --out shares", Rekey);
  BindNewShares(rekey, *renewed);
  rekey.Flag("--cancel", renewed->cancel, "Void the new shares that are not all proven");
  rekey
      .Text("--order", renewed->order,
            "Order new shares by a rekey-order of two operators, instead of making them")
      .Called("FILE");
  auto [cancel, to_cancel] = line.Verb<CancelOptions>(
      vault, "cancel-rekey", "End an order of new shares, with old shares or as a supervisor",
      "kluis vault cancel-rekey --share share-1.txt", Cancel);
  cancel.Text("--share", to_cancel->share, "An old share; - is stdin, without echo").Called("FILE");
  cancel.Text("--cancellation", to_cancel->order, "A supervisor's rekey-cancellation")
      .Called("FILE");
  line.Verb<NoOptions>(vault, "seal",
                       "Close the keyring: nothing is served until the vault is unsealed",
                       "kluis vault seal", Seal);
}

}  // namespace kluis::client::seal_verbs
