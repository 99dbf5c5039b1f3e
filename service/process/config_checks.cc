// SPDX-License-Identifier: Apache-2.0
#include "service/process/config_checks.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/host_port.h"
#include "service/process/unix_server.h"

namespace kluis::service {
namespace {

using Error = std::optional<std::string>;

bool IsTrustDomain(std::string_view domain) {
  return !domain.empty() && domain.size() <= 255 && std::ranges::all_of(domain, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  });
}

// True when `path` is `directory` or lies below it; both absolute and normal.
bool IsWithin(const std::filesystem::path& path, const std::filesystem::path& directory) {
  return std::mismatch(directory.begin(), directory.end(), path.begin(), path.end()).first ==
         directory.end();
}

// Everything secret that the vault reads, by the key that names it.
std::vector<std::pair<std::string, std::string>> KeyPaths(const Config& config) {
  const KeysConfig& keys = config.keys;
  std::vector<std::pair<std::string, std::string>> paths = {{"keys.keyring", keys.keyring},
                                                            {"keys.root_key", keys.root_key},
                                                            {"keys.log_signer", keys.log_signer}};
  for (const ReplicaConfig& replica : keys.replicas) {
    paths.emplace_back("keyring.replicas", replica.keyring);
    paths.emplace_back("keyring.replicas", replica.root_key);
  }
  if (!keys.passphrase_file.empty()) {
    paths.emplace_back("keys.passphrase_file", keys.passphrase_file);
  }
  if (!keys.token_pin_file.empty()) {
    paths.emplace_back("keys.token_pin_file", keys.token_pin_file);
  }
  return paths;
}

// What the way of unsealing needs is there, and nothing of another way.
Error CheckUnseal(const KeysConfig& keys) {
  constexpr std::array<std::string_view, 4> kWays = {"none", "passphrase", "shares", "token"};
  if (std::ranges::find(kWays, keys.unseal) == kWays.end()) {
    return "keys.unseal: must be none, passphrase, shares or token";
  }
  if ((keys.unseal == "passphrase") == keys.passphrase_file.empty()) {
    return "keys.passphrase_file: must be set when keys.unseal is \"passphrase\", and only then";
  }
  for (const auto& [key, value] : {std::pair("keys.token_module", &keys.token_module),
                                   std::pair("keys.token_label", &keys.token_label),
                                   std::pair("keys.token_pin_file", &keys.token_pin_file)}) {
    if ((keys.unseal == "token") == value->empty()) {
      return absl::StrCat(key, ": must be set when keys.unseal is \"token\", and only then");
    }
  }
  return std::nullopt;
}

Error CheckGallery(const Config& config) {
  if (config.gallery.refine != kRefineInMemory && config.gallery.refine != kRefineOnDisk) {
    return "gallery.refine: must be memory or disk";
  }
  return std::nullopt;
}

// A socket goes where only its owner writes and nothing is served from.
Error CheckSocket(const char* key, const std::string& path, const Config& config) {
  if (path.empty()) return std::nullopt;
  if (path.size() > kMaxSocketPathBytes) {
    return absl::StrCat(key, ": must be at most ", kMaxSocketPathBytes, " bytes as a whole path");
  }
  for (const auto& [other, directory] : {std::pair("audit.directory", &config.audit.directory),
                                         std::pair("vault.data", &config.vault.data),
                                         std::pair("vault.backups", &config.vault.backups)}) {
    if (IsWithin(path, *directory)) return absl::StrCat(key, ": must lie outside ", other);
  }
  return std::nullopt;
}

Error CheckFront(const Config& config) {
  const ServerConfig& server = config.server;
  if (server.front_socket.empty() != server.front_user.empty()) {
    return "server.front_user: must be set when server.front_socket is, and only then";
  }
  if (!server.front_socket.empty() && server.front_socket == config.metrics.socket) {
    return "server.front_socket: must be another file than metrics.socket";
  }
  return CheckSocket("server.front_socket", server.front_socket, config);
}

constexpr char kWithinData[] =
    ": must lie outside vault.data, so that no backup of the data carries keys";

Error CheckAudit(const Config& config) {
  const AuditConfig& audit = config.audit;
  if (audit.witness_quorum > static_cast<int64_t>(audit.witnesses.size())) {
    return "audit.witness_quorum: must not be more than there are audit.witnesses";
  }
  for (const auto& [key, path] :
       {std::pair("audit.directory", &audit.directory), std::pair("audit.anchor", &audit.anchor)}) {
    if (IsWithin(*path, config.vault.data)) {
      return absl::StrCat(key, ": must lie outside vault.data, which it watches over");
    }
  }
  if (IsWithin(audit.anchor, audit.directory)) {
    return "audit.anchor: must lie outside audit.directory, which is public";
  }
  if (IsWithin(config.vault.data, audit.directory) ||
      IsWithin(config.vault.backups, audit.directory) ||
      IsWithin(config.server.key, audit.directory)) {
    return "audit.directory: is public, and must not hold vault.data, vault.backups or server.key";
  }
  for (const auto& [key, path] : KeyPaths(config)) {
    if (IsWithin(path, audit.directory)) {
      return absl::StrCat(key, ": must lie outside audit.directory, which is public");
    }
    if (path == audit.anchor) {
      return absl::StrCat("audit.anchor: must be another file than ", key);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> UnsafeValue(const Config& config) {
  const std::optional<base::HostPort> listen = base::ParseHostPort(config.server.listen);
  if (!listen.has_value()) return "server.listen: must be host:port";
  if (!base::IsLoopback(listen->host) && !config.server.allow_remote) {
    return "server.listen: must be a loopback address unless server.allow_remote = true";
  }
  if (config.server.allow_remote && config.server.reflection) {
    return "server.reflection: must be false when server.allow_remote = true";
  }
  if (!IsTrustDomain(config.server.trust_domain)) {
    return "server.trust_domain: must be 1 to 255 of a-z, 0-9, '.', '-' and '_'";
  }
  constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warn", "error"};
  if (std::ranges::find(kLevels, config.log.level) == kLevels.end()) {
    return "log.level: must be debug, info, warn or error";
  }
  const auto paths = KeyPaths(config);
  for (size_t i = 0; i < paths.size(); ++i) {
    if (IsWithin(paths[i].second, config.vault.data)) {
      return absl::StrCat(paths[i].first, kWithinData);
    }
    if (IsWithin(paths[i].second, config.vault.backups)) {
      return absl::StrCat(paths[i].first, ": must lie outside vault.backups");
    }
    for (size_t j = 0; j < i; ++j) {
      if (paths[i].second == paths[j].second) {
        return absl::StrCat(paths[i].first, ": must be another file than ", paths[j].first);
      }
    }
  }
  if (IsWithin(config.vault.backups, config.vault.data) ||
      IsWithin(config.vault.data, config.vault.backups)) {
    return "vault.backups: must be another directory than vault.data, and not within it";
  }
  if (Error error = CheckUnseal(config.keys)) return error;
  if (Error error = CheckGallery(config)) return error;
  if (Error error = CheckSocket("metrics.socket", config.metrics.socket, config)) return error;
  if (Error error = CheckFront(config)) return error;
  return CheckAudit(config);
}

namespace {

bool IsOpenToOthers(const std::filesystem::file_status& status) {
  constexpr auto kOthers = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
  return (status.permissions() & kOthers) != std::filesystem::perms::none;
}

// A missing file is in order.
Error CheckPrivate(const std::string& key, const std::string& path, const char* mode) {
  std::error_code failure;
  const std::filesystem::file_status status = std::filesystem::status(path, failure);
  if (status.type() == std::filesystem::file_type::not_found) return std::nullopt;
  if (failure) return absl::StrCat(key, ": cannot look at ", path);
  if (!IsOpenToOthers(status)) return std::nullopt;
  return absl::StrCat(key, ": ", path, " is open to group or others: chmod ", mode, " ", path);
}

Error CheckKeys(const Config& config) {
  std::error_code failure;
  const std::filesystem::path data = std::filesystem::weakly_canonical(config.vault.data, failure);
  if (failure) return absl::StrCat("vault.data: cannot resolve ", config.vault.data);
  for (const auto& [key, path] : KeyPaths(config)) {
    const std::filesystem::path real = std::filesystem::weakly_canonical(path, failure);
    if (failure) return absl::StrCat(key, ": cannot resolve ", path);
    if (IsWithin(real, data)) return absl::StrCat(key, kWithinData);
    if (Error error = CheckPrivate(absl::StrCat(key, ": its directory"),
                                   real.parent_path().string(), "700")) {
      return error;
    }
    if (Error error = CheckPrivate(key, path, "600")) return error;
  }
  return std::nullopt;
}

Error CheckTls(const ServerConfig& server) {
  const std::array<std::pair<const char*, const std::string*>, 3> files = {
      {{"server.ca", &server.ca}, {"server.cert", &server.cert}, {"server.key", &server.key}}};
  for (const auto& [key, path] : files) {
    std::error_code failure;
    if (!std::filesystem::is_regular_file(*path, failure)) {
      return absl::StrCat(key, ": there is no file ", *path);
    }
  }
  std::error_code failure;
  if (!server.crl.empty() && !std::filesystem::is_regular_file(server.crl, failure)) {
    return absl::StrCat("server.crl: there is no file ", server.crl);
  }
  if (!server.front_user.empty() && !UserOf(server.front_user).has_value()) {
    return absl::StrCat("server.front_user: there is no user ", server.front_user);
  }
  return CheckPrivate("server.key", server.key, "600");
}

}  // namespace

std::optional<std::string> UnsafeFile(const Config& config) {
  if (Error error = CheckTls(config.server)) return error;
  return CheckKeys(config);
}

}  // namespace kluis::service
