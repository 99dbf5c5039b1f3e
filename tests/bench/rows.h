// SPDX-License-Identifier: Apache-2.0
// The figures, in groups that share their preparations. Each group adds its rows to the report and
// prepares only what the report wants.
#ifndef KLUIS_TESTS_BENCH_ROWS_H_
#define KLUIS_TESTS_BENCH_ROWS_H_

#include <string>

#include "absl/status/status.h"
#include "tests/bench/bench_vault.h"
#include "tests/bench/report.h"

namespace kluis::bench {

// Durable enrolments, by themselves and against RocksDB alone in `directory`.
absl::Status EnrollRows(BenchVault& vault, const std::string& directory, Report& report);

// Verifications with their two durable entries, by themselves and against an empty RPC.
absl::Status VerifyRows(BenchVault& vault, Report& report);

// Exact 1:N in a gallery of 100,000.
absl::Status IdentifyRows(BenchVault& vault, Report& report);

// The whole search as its caller sees it, in a gallery of a million, of a vault of its own in
// `directory`; and how long its gallery is loaded for. With templates in memory and on disk.
absl::Status IdentifyRpcRows(const std::string& directory, Report& report);

// The sealed gallery by itself: a million people, two threads, and FAISS on the same templates.
absl::Status GalleryRows(Report& report);

// The keyring by itself: keys in order, bytes and time of punctures. Files below `directory`.
absl::Status KeyringRows(const std::string& directory, Report& report);

// Withdrawals, with 100,000 punctures behind them, of a vault of their own in `directory`.
absl::Status ErasureRows(const std::string& directory, Report& report);

// How much two protected forms tell of being one person's: across purposes, across a rotation.
absl::Status UnlinkabilityRows(Report& report);

// What an auditor does with a published log of 1,000,000 entries, written below `directory`.
absl::Status AuditRows(const std::string& directory, Report& report);

// Entries of 64 writers, what an entry costs on disk, and a checkpoint over 1,000,000 of them.
// `directory`: the vault's. To be measured last: it leaves a long log.
absl::Status LogRows(BenchVault& vault, const std::string& directory, Report& report);

}  // namespace kluis::bench

#endif  // KLUIS_TESTS_BENCH_ROWS_H_
