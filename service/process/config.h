// SPDX-License-Identifier: Apache-2.0
// kluisd's settings, from one TOML file. Strict: what is not known, or not safe, stops the start
// with one line. deploy/kluisd.example.toml explains every key. Thread-safe: functions of a value.
// Source: toml.io 1.0 (toml++ 3).
#ifndef KLUIS_SERVICE_PROCESS_CONFIG_H_
#define KLUIS_SERVICE_PROCESS_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kluis::service {

struct ServerConfig {
  std::string listen = "127.0.0.1:7443";  // host:port, [v6]:port; port 0: the system chooses
  bool allow_remote = false;              // without it `listen` must be a loopback address
  std::string trust_domain = "kluis.test";
  std::string ca = "pki/ca.crt";  // PEM files
  std::string cert = "pki/server.crt";
  std::string key = "pki/server.key";
  std::string crl;           // PEM, revocation lists of the authorities in `ca`; empty: none
  std::string front_socket;  // a Unix socket for a front that ends TLS; empty: none
  std::string front_user;    // the only one who may connect to it: a name or a number
  bool reflection = false;
  int64_t max_message_kib = 256;         // 64 to 4096
  int64_t max_concurrent_streams = 256;  // per connection, 1 to 65536
  int64_t deadline_seconds = 30;         // for a call, or the next message of a stream, 1 to 3600
  int64_t drain_seconds = 10;            // for running calls at a stop, 0 to 600
  int64_t connection_seconds = 600;      // that one past the front is kept, 1 to 86400
};

struct VaultConfig {
  std::string data = "data";                    // RocksDB's directory
  std::string founding = "founding.dsse.json";  // read at the first start only
  int64_t sweep_seconds = 60;                   // between looks for what has expired, 1 to 3600
  int64_t reserve_mib = 64;                     // of disk, kept for revocations, 1 to 65536
  std::string backups = "backups";              // where backups of `data` lie
};

// One further place of the keyring.
struct ReplicaConfig {
  std::string keyring;
  std::string root_key;
};

struct KeysConfig {                      // see crypto/keyring.h and crypto/key_file.h
  std::string keyring = "keys/keyring";  // the generation is appended
  std::string root_key = "keys/root.key";
  std::string log_signer = "keys/log.key";
  std::string unseal = "none";  // none, passphrase, shares or token (service/custody/unseal.h)
  std::string passphrase_file;  // of one line; unseal = "passphrase"
  std::string token_module;     // the PKCS#11 library; unseal = "token"
  std::string token_label;      // CK_TOKEN_INFO.label
  std::string token_pin_file;   // of one line
  std::vector<std::string> replica_lines;  // "<keyring> <root key>" each, as written
  std::vector<ReplicaConfig> replicas;     // the same, resolved
};

struct SearchConfig {
  int64_t threads = 2;  // that scan galleries, 1 to 64
};

inline constexpr char kRefineInMemory[] = "memory";
inline constexpr char kRefineOnDisk[] = "disk";

struct GalleryConfig {
  std::string refine = kRefineInMemory;  // where the templates of a resident gallery are kept
  int64_t queue = 256;                   // searches of one purpose that run or wait, 1 to 400
};

struct MetricsConfig {
  std::string socket;  // a Unix socket that tells them; empty: none
};

// One certificate of a portal for subjects, with bounds of its own.
struct PortalLimits {
  std::string name;  // of spiffe://<trust domain>/subject/<name>
  int64_t rate = 0;
  int64_t calls = 0;
};

// How much one identity may take, and all together (service/callers/limits.h).
struct LimitsConfig {
  int64_t calls = 384;                    // at a time, of all, 16 to 384
  int64_t streams = 64;                   // of them, 1 to 384
  int64_t member_calls = 64;              // at a time, of one member, 1 to 384
  int64_t member_streams = 8;             // of them, 1 to 384
  int64_t member_rate = 200;              // calls a second of one member, 1 to 1,000,000
  int64_t subject_calls = 16;             // of one certificate of subjects
  int64_t subject_rate = 20;              // likewise
  int64_t rows = 40'000;                  // of batches, at a time, of all, 1,000 to 1,000,000
  int64_t member_rows = 20'000;           // of one member, 1,000 to 1,000,000
  int64_t rows_mib = 192;                 // their bytes, of all, 1 to 65536
  int64_t member_rows_mib = 128;          // of one member, 1 to 65536
  int64_t answers_mib = 64;               // kept for repeated requests, of all, 0 to 65536
  int64_t member_answers_kib = 4096;      // of one identity, 0 to 1,048,576
  std::vector<std::string> portal_lines;  // "<name> <calls a second> <calls at a time>" each
  std::vector<PortalLimits> portals;      // the same, read
};

struct LogConfig {
  std::string level = "info";  // debug, info, warn or error
  std::string file;            // empty: stderr
};

// The audit log: how it is signed, published and witnessed.
struct AuditConfig {
  std::string directory = "log";           // published; its name and ".vkey" is the verifier key
  std::string anchor = "keys/checkpoint";  // the last signed checkpoint, apart from the database
  int64_t checkpoint_seconds = 10;         // between signed checkpoints, 1 to 3600
  std::vector<std::string> witnesses;      // "<url> <verifier key>" each
  int64_t witness_quorum = 0;              // so many must cosign, 0 to 16
  int64_t witness_seconds = 2;             // that a checkpoint waits for them, 1 to 60
};

struct ClockConfig {
  int64_t max_gap_hours = 168;  // a later start needs its time confirmed, 1 to 744
};

struct Config {
  ServerConfig server;
  VaultConfig vault;
  KeysConfig keys;
  SearchConfig search;
  GalleryConfig gallery;
  MetricsConfig metrics;
  LimitsConfig limits;
  LogConfig log;
  AuditConfig audit;
  ClockConfig clock;
};

// "server.listen" and so on: every key there is, in the order of the structs.
std::vector<std::string> ConfigKeys();

// Reads `text`; what it leaves out has the default above. Relative paths are resolved against
// `directory`; messages begin with `name`, the file's. Looks at no file.
// kInvalidArgument: not TOML, an unknown section or key (the message names the nearest known one),
// a wrong type, a value out of its bounds, or a combination that is unsafe by itself: a listen
// address beyond loopback without allow_remote, reflection together with allow_remote, keys
// within the data directory, two keys in one file, a socket in a public directory. A key that an
// earlier kluisd knew is unknown too; the message says what took its place.
absl::StatusOr<Config> ParseConfig(std::string_view text, const std::string& directory,
                                   std::string_view name);

// Looks at the files that `config` names. kFailedPrecondition: a TLS file is missing; a private key
// or a directory of keys is open to group or others; keys lie within the data directory once
// symbolic links are resolved. Keys and directories that do not exist yet are in order.
absl::Status CheckFiles(const Config& config, std::string_view name);

// ParseConfig of the file at `path` against its directory, then CheckFiles. Errors as theirs;
// kNotFound: no such file.
absl::StatusOr<Config> LoadConfig(const std::string& path);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_PROCESS_CONFIG_H_
