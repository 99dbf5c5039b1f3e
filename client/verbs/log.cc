// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/codec.h"
#include "base/utc_text.h"
#include "client/command_line.h"
#include "client/files.h"
#include "client/log_export.h"
#include "client/log_reader.h"
#include "client/progress.h"
#include "client/verbs/verbs.h"
#include "kluis/v1/ledger.pb.h"

namespace kluis::client::log_verbs {
namespace {

struct HeadOptions {
  std::string verifier_key;
};

struct EntriesOptions {
  uint64_t start = 0;
  uint64_t end = 0;
  bool raw = false;
};

struct ExportOptions {
  std::string directory;
  std::string verifier_key;
};

struct ReceiptOptions {
  uint64_t index = 0;
  std::string leaf_hash;
  std::string verifier_key;
  std::string out;
  std::string entry_out;
};

Outcome PrintCheckpoint(Session& session, const HeadOptions& options) {
  const absl::StatusOr<LogHead> head = ReadHead(session, options.verifier_key);
  if (!head.ok()) return head.status();
  if (session.json()) {
    session.out() << nlohmann::ordered_json{{"origin", head->checkpoint.origin},
                                            {"size", head->checkpoint.size},
                                            {"root",
                                             base::ToBase64(crypto::Bytes(head->checkpoint.root))},
                                            {"checkpoint", head->note},
                                            {"verifier_key", head->key.ToString()}}
                         .dump()
                  << "\n";
  } else {
    session.out() << head->note;
  }
  return ExitCode::kDone;
}

std::string EntryLine(uint64_t index, const v1::Entry& entry) {
  const v1::Decision& decision = entry.decision();
  const v1::Caller& caller = entry.command().caller();
  const std::string who =
      absl::StrCat(EnumText(*v1::Role_descriptor()->FindValueByNumber(
                       v1::Role_IsValid(caller.role()) ? caller.role() : v1::ROLE_UNSPECIFIED)),
                   caller.name().empty() ? "" : "/", Printable(caller.name()));
  const std::string kind = EnumText(*v1::LogKind_descriptor()->FindValueByNumber(
      v1::LogKind_IsValid(entry.kind()) ? entry.kind() : v1::LOG_KIND_UNSPECIFIED));
  std::string result = decision.allowed() ? "allowed" : "refused";
  for (const std::string& part : {decision.rule(), decision.reason()}) {
    if (!part.empty()) absl::StrAppend(&result, " ", Printable(part));
  }
  return absl::StrCat(Padded(absl::StrCat(index), 8), " ", base::UtcText(entry.decided_at()), " ",
                      Padded(kind, 12), " ", Padded(Printable(entry.command().method()), 20), " ",
                      Padded(who, 20), " ", result, "\n");
}

absl::Status PrintEntry(Session& session, bool raw, uint64_t index, const std::string& bytes) {
  if (raw) {
    session.out() << base::ToHex(bytes) << "\n";
    return absl::OkStatus();
  }
  v1::Entry entry;
  if (!entry.ParseFromString(bytes)) {
    return absl::DataLossError(absl::StrCat("log entry ", index, ": not an entry"));
  }
  if (session.json()) {
    session.out() << "{\"log_index\":\"" << index << "\",\"entry\":" << ToJson(entry) << "}\n";
  } else {
    session.out() << EntryLine(index, entry);
  }
  return absl::OkStatus();
}

Outcome Entries(Session& session, const EntriesOptions& options) {
  uint64_t end = options.end;
  if (end == 0) {
    const absl::StatusOr<LogHead> head = ReadHead(session, "");
    if (!head.ok()) return head.status();
    end = head->checkpoint.size;
  }
  if (!options.raw && !session.json()) {
    session.out() << Padded("INDEX", 8) << " " << Padded("TIME", 20) << " " << Padded("KIND", 12)
                  << " " << Padded("METHOD", 20) << " " << Padded("CALLER", 20) << " DECISION\n";
  }
  const absl::Status read =
      ReadEntries(session, options.start, end, [&](uint64_t index, const std::string& bytes) {
        return PrintEntry(session, options.raw, index, bytes);
      });
  if (!read.ok()) return read;
  return ExitCode::kDone;
}

Outcome Export(Session& session, const ExportOptions& options) {
  const absl::StatusOr<LogHead> head = ReadHead(session, options.verifier_key);
  if (!head.ok()) return head.status();
  const uint64_t size = head->checkpoint.size;
  Progress progress(session.err(), size);
  const absl::StatusOr<uint64_t> before = ExportLog(
      session, *head, options.directory,
      [&](uint64_t done) { progress.Show(done, absl::StrCat(done, " of ", size, " entries")); });
  if (!before.ok()) return before.status();
  session.err() << "kluis: " << size << " entries in " << Printable(options.directory) << ", "
                << size - *before << " of them new, as the checkpoint says\n";
  return ExitCode::kDone;
}

// What the proof shows, for people.
std::string ProofText(uint64_t index, const ProvenEntry& proven) {
  std::string text =
      absl::StrCat("verified: entry ", index, " is in the signed log of ", proven.checkpoint.size,
                   " entries of ", Printable(proven.checkpoint.origin), "\n");
  v1::Entry entry;
  if (proven.entry.has_value() && entry.ParseFromString(*proven.entry)) {
    absl::StrAppend(&text, EntryLine(index, entry));
  }
  return text;
}

Outcome Receipt(Session& session, const ReceiptOptions& options) {
  ProofOrder order{options.index, std::nullopt, !options.entry_out.empty(), options.verifier_key};
  if (!options.leaf_hash.empty()) {
    const absl::StatusOr<std::string> bytes = base::FromHex(options.leaf_hash);
    if (!bytes.ok() || bytes->size() != 32) {
      return UsageError("--leaf-hash: must be 64 lowercase hex digits");
    }
    order.leaf_hash = *bytes;
  }
  const absl::StatusOr<ProvenEntry> proven = ProveEntry(session, order);
  if (!proven.ok()) return proven.status();
  absl::Status written;
  if (!options.entry_out.empty()) written = WriteText(options.entry_out, *proven->entry);
  if (written.ok() && !options.out.empty()) written = WriteText(options.out, proven->proof);
  if (!written.ok()) return written;
  if (session.json()) {
    session.out() << nlohmann::ordered_json{{"log_index", options.index},
                                            {"verified", true},
                                            {"origin", proven->checkpoint.origin},
                                            {"log_size", proven->checkpoint.size},
                                            {"proof", proven->proof}}
                         .dump()
                  << "\n";
  } else {
    session.out() << ProofText(options.index, *proven);
  }
  if (options.verifier_key.empty()) {
    session.err() << "kluis: the log's key came from the vault itself; give --verifier-key with "
                     "the one published\n";
  }
  return ExitCode::kDone;
}

void AddVerifierKey(base::Verb verb, std::string& key) {
  verb.Text("--verifier-key", key,
            "The log's key as published, NAME+ID+KEY or a file; else the vault's word")
      .Called("VKEY");
}

}  // namespace

void Add(CommandLine& line) {
  base::Verb group = line.Group("log", "The log: read it, prove it, take it along (auditor)");
  auto [checkpoint, head] =
      line.Verb<HeadOptions>(group, "checkpoint", "Print the signed checkpoint, verified",
                             "kluis log checkpoint --verifier-key vkey", PrintCheckpoint);
  AddVerifierKey(checkpoint, head->verifier_key);

  auto [entries, range] = line.Verb<EntriesOptions>(group, "entries", "Print what was decided",
                                                    "kluis log entries --start 100", Entries);
  entries.Count("--start", range->start, "First index").Called("N").ShowingDefault();
  entries.Count("--end", range->end, "First index not to print; else the newest is last")
      .Called("N");
  entries.Flag("--raw", range->raw, "The bytes that are hashed, in hex");

  auto [exported, to] = line.Verb<ExportOptions>(
      group, "export",
      "Write the log as tlog-tiles, for kluis-audit; an earlier export goes on where it ended",
      "kluis log export log-copy --verifier-key vkey", Export);
  exported.Text("directory", to->directory, "Where to").Called("DIR").Required();
  AddVerifierKey(exported, to->verifier_key);

  auto [receipt, about] = line.Verb<ReceiptOptions>(
      group, "receipt", "Verify that an entry is in the signed log, and keep the proof",
      "kluis log receipt 17 --verifier-key vkey -o 17.tlog-proof --entry-out 17.entry\n"
      "  kluis-audit receipt verify 17.tlog-proof --entry 17.entry --key @vkey",
      Receipt);
  receipt.Count("index", about->index, "The log index of an answer").Called("INDEX").Required();
  receipt
      .Text("--leaf-hash", about->leaf_hash,
            "Of the answer's receipt, in hex; else of the entry as the vault sends it now")
      .Called("HEX");
  AddVerifierKey(receipt, about->verifier_key);
  receipt.Text("-o,--out", about->out, "Writes the proof (C2SP tlog-proof)").Called("FILE");
  receipt.Text("--entry-out", about->entry_out, "Writes the entry, the bytes that are hashed")
      .Called("FILE");
}

}  // namespace kluis::client::log_verbs
