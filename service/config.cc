#include "service/config.h"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

namespace kluis::service {
namespace {

struct Text {
  std::string& (*at)(Config&);
};
struct Path {
  std::string& (*at)(Config&);
  bool may_be_empty = false;
};
struct Flag {
  bool& (*at)(Config&);
};
struct Number {
  int64_t& (*at)(Config&);
  int64_t min;
  int64_t max;
};

struct Texts {
  std::vector<std::string>& (*at)(Config&);
};

struct Field {
  std::string_view section;
  std::string_view key;
  std::variant<Text, Path, Flag, Number, Texts> value;

  std::string Name() const { return absl::StrCat(std::string(section), ".", std::string(key)); }
};

// clang-format off
const std::array kFields = {
    Field{"server", "listen", Text{[](Config& c) -> std::string& { return c.server.listen; }}},
    Field{"server", "allow_remote", Flag{[](Config& c) -> bool& { return c.server.allow_remote; }}},
    Field{"server", "trust_domain",
          Text{[](Config& c) -> std::string& { return c.server.trust_domain; }}},
    Field{"server", "ca", Path{[](Config& c) -> std::string& { return c.server.ca; }}},
    Field{"server", "cert", Path{[](Config& c) -> std::string& { return c.server.cert; }}},
    Field{"server", "key", Path{[](Config& c) -> std::string& { return c.server.key; }}},
    Field{"server", "reflection", Flag{[](Config& c) -> bool& { return c.server.reflection; }}},
    Field{"server", "max_message_kib",
          Number{[](Config& c) -> int64_t& { return c.server.max_message_kib; }, 64, 4096}},
    Field{"server", "max_concurrent_streams",
          Number{[](Config& c) -> int64_t& { return c.server.max_concurrent_streams; }, 1, 65536}},
    Field{"server", "deadline_seconds",
          Number{[](Config& c) -> int64_t& { return c.server.deadline_seconds; }, 1, 3600}},
    Field{"server", "drain_seconds",
          Number{[](Config& c) -> int64_t& { return c.server.drain_seconds; }, 0, 600}},
    Field{"vault", "data", Path{[](Config& c) -> std::string& { return c.vault.data; }}},
    Field{"vault", "founding", Path{[](Config& c) -> std::string& { return c.vault.founding; }}},
    Field{"vault", "sweep_seconds",
          Number{[](Config& c) -> int64_t& { return c.vault.sweep_seconds; }, 1, 3600}},
    Field{"vault", "reserve_mib",
          Number{[](Config& c) -> int64_t& { return c.vault.reserve_mib; }, 1, 65536}},
    Field{"keys", "keyring", Path{[](Config& c) -> std::string& { return c.keys.keyring; }}},
    Field{"keys", "root_key", Path{[](Config& c) -> std::string& { return c.keys.root_key; }}},
    Field{"keys", "log_signer", Path{[](Config& c) -> std::string& { return c.keys.log_signer; }}},
    Field{"search", "threads",
          Number{[](Config& c) -> int64_t& { return c.search.threads; }, 1, 64}},
    Field{"log", "level", Text{[](Config& c) -> std::string& { return c.log.level; }}},
    Field{"log", "file", Path{[](Config& c) -> std::string& { return c.log.file; }, true}},
    Field{"audit", "directory", Path{[](Config& c) -> std::string& { return c.audit.directory; }}},
    Field{"audit", "anchor", Path{[](Config& c) -> std::string& { return c.audit.anchor; }}},
    Field{"audit", "checkpoint_seconds",
          Number{[](Config& c) -> int64_t& { return c.audit.checkpoint_seconds; }, 1, 3600}},
    Field{"audit", "http_listen", Text{[](Config& c) -> std::string& { return c.audit.http_listen; }}},
    Field{"audit", "witnesses",
          Texts{[](Config& c) -> std::vector<std::string>& { return c.audit.witnesses; }}},
    Field{"audit", "witness_quorum",
          Number{[](Config& c) -> int64_t& { return c.audit.witness_quorum; }, 0, 16}},
    Field{"audit", "witness_seconds",
          Number{[](Config& c) -> int64_t& { return c.audit.witness_seconds; }, 1, 60}},
};
// clang-format on

using Error = std::optional<std::string>;  // "<key>: <rule>"

// Levenshtein's distance.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string Unknown(const std::string& name) {
  const auto nearest = std::ranges::min_element(
      kFields, {}, [&](const Field& field) { return Distance(name, field.Name()); });
  return absl::StrCat(name, ": unknown; the nearest known key is ", nearest->Name());
}

Error Set(const Field& field, const toml::node& node, Config& config) {
  const auto wrong = [&](const char* rule) { return absl::StrCat(field.Name(), ": ", rule); };
  if (const auto* flag = std::get_if<Flag>(&field.value)) {
    if (!node.is_boolean()) return wrong("must be true or false");
    flag->at(config) = node.as_boolean()->get();
    return std::nullopt;
  }
  if (const auto* number = std::get_if<Number>(&field.value)) {
    if (!node.is_integer() || node.as_integer()->get() < number->min ||
        node.as_integer()->get() > number->max) {
      return absl::StrCat(field.Name(), ": must be a whole number from ", number->min, " to ",
                          number->max);
    }
    number->at(config) = node.as_integer()->get();
    return std::nullopt;
  }
  if (const auto* texts = std::get_if<Texts>(&field.value)) {
    if (!node.is_array()) return wrong("must be a list of texts");
    texts->at(config).clear();
    for (const toml::node& text : *node.as_array()) {
      if (!text.is_string()) return wrong("must be a list of texts");
      texts->at(config).push_back(text.as_string()->get());
    }
    return std::nullopt;
  }
  if (!node.is_string()) return wrong("must be a text in quotes");
  const std::string& text = node.as_string()->get();
  if (text.find('\0') != std::string::npos) return wrong("must not contain a zero byte");
  if (const auto* path = std::get_if<Path>(&field.value)) {
    if (text.empty() && !path->may_be_empty) return wrong("must not be empty");
    path->at(config) = text;
  } else {
    std::get<Text>(field.value).at(config) = text;
  }
  return std::nullopt;
}

Error SetAll(const toml::table& file, Config& config) {
  for (const auto& [section, node] : file) {
    const std::string_view section_name = section.str();
    if (std::ranges::find(kFields, section_name, &Field::section) == kFields.end()) {
      return Unknown(std::string(section_name));
    }
    if (!node.is_table()) {
      return absl::StrCat(std::string(section_name), ": must be a section, [",
                          std::string(section_name), "]");
    }
    for (const auto& [key, value] : *node.as_table()) {
      const std::string_view key_name = key.str();
      const auto field = std::ranges::find_if(kFields, [&](const Field& known) {
        return known.section == section_name && known.key == key_name;
      });
      if (field == kFields.end()) {
        return Unknown(absl::StrCat(std::string(section_name), ".", std::string(key_name)));
      }
      if (Error error = Set(*field, value, config)) return error;
    }
  }
  return std::nullopt;
}

// The host of "host:port" or "[v6]:port"; nullopt: any other form.
std::optional<std::string_view> HostOf(std::string_view listen) {
  const size_t colon = listen.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = listen.substr(0, colon);
  const std::string_view port = listen.substr(colon + 1);
  uint16_t number = 0;
  const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (failure != std::errc() || end != port.data() + port.size()) return std::nullopt;
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos) return std::nullopt;
  } else if (host.find_first_of(":[]/ ") != std::string_view::npos) {
    return std::nullopt;
  }
  if (host.empty()) return std::nullopt;
  return host;
}

// 127.0.0.0/8 in four plain decimal numbers, ::1 or localhost: "127.evil.example" is none of them.
bool IsLoopback(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  if (!host.starts_with("127.")) return false;
  int parts = 1;
  const char* at = host.data() + 3;
  const char* const end = host.data() + host.size();
  while (at != end && *at == '.') {
    uint8_t number = 0;
    const auto [next, failure] = std::from_chars(at + 1, end, number);
    if (failure != std::errc()) return false;
    at = next;
    ++parts;
  }
  return at == end && parts == 4;
}

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

std::array<std::pair<const char*, const std::string*>, 3> KeyPaths(const Config& config) {
  return {{{"keys.keyring", &config.keys.keyring},
           {"keys.root_key", &config.keys.root_key},
           {"keys.log_signer", &config.keys.log_signer}}};
}

constexpr char kWithinData[] =
    ": must lie outside vault.data, so that no backup of the data carries keys";

Error CheckAudit(const Config& config) {
  const AuditConfig& audit = config.audit;
  if (!audit.http_listen.empty()) {
    const std::optional<std::string_view> host = HostOf(audit.http_listen);
    if (!host.has_value()) return "audit.http_listen: must be host:port";
    if (!IsLoopback(*host) && !config.server.allow_remote) {
      return "audit.http_listen: must be a loopback address unless server.allow_remote = true";
    }
  }
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
  return std::nullopt;
}

Error CheckValues(const Config& config) {
  const std::optional<std::string_view> host = HostOf(config.server.listen);
  if (!host.has_value()) return "server.listen: must be host:port";
  if (!IsLoopback(*host) && !config.server.allow_remote) {
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
    if (IsWithin(*paths[i].second, config.vault.data)) {
      return absl::StrCat(paths[i].first, kWithinData);
    }
    for (size_t j = 0; j < i; ++j) {
      if (*paths[i].second == *paths[j].second) {
        return absl::StrCat(paths[i].first, ": must be another file than ", paths[j].first);
      }
    }
  }
  return CheckAudit(config);
}

// Absolute, without "." and "..", without a slash at the end.
std::string Resolve(const std::filesystem::path& directory, const std::string& path) {
  std::filesystem::path whole = (directory / path).lexically_normal();
  if (!whole.has_filename() && whole.has_relative_path()) whole = whole.parent_path();
  return whole.string();
}

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
    const std::filesystem::path real = std::filesystem::weakly_canonical(*path, failure);
    if (failure) return absl::StrCat(key, ": cannot resolve ", *path);
    if (IsWithin(real, data)) return absl::StrCat(key, kWithinData);
    if (Error error = CheckPrivate(absl::StrCat(key, ": its directory"),
                                   real.parent_path().string(), "700")) {
      return error;
    }
    if (Error error = CheckPrivate(key, *path, "600")) return error;
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
  return CheckPrivate("server.key", server.key, "600");
}

std::string Line(std::string_view name, const std::string& error) {
  return absl::StrCat(std::string(name), ": ", error);
}

}  // namespace

std::vector<std::string> ConfigKeys() {
  std::vector<std::string> keys;
  for (const Field& field : kFields) keys.push_back(field.Name());
  return keys;
}

absl::StatusOr<Config> ParseConfig(std::string_view text, const std::string& directory,
                                   std::string_view name) {
  Config config;
  try {
    const toml::table file = toml::parse(text);
    if (const Error error = SetAll(file, config)) {
      return absl::InvalidArgumentError(Line(name, *error));
    }
  } catch (const toml::parse_error& error) {  // toml++ reports by exception; it ends here
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(name), ": line ", error.source().begin.line,
                     ": not TOML: ", std::string(error.description())));
  }
  std::error_code failure;
  const std::filesystem::path base = std::filesystem::absolute(directory, failure);
  if (failure) return absl::InvalidArgumentError(Line(name, "its directory cannot be resolved"));
  for (const Field& field : kFields) {
    const auto* path = std::get_if<Path>(&field.value);
    if (path == nullptr || path->at(config).empty()) continue;
    path->at(config) = Resolve(base, path->at(config));
  }
  if (const Error error = CheckValues(config)) {
    return absl::InvalidArgumentError(Line(name, *error));
  }
  return config;
}

absl::Status CheckFiles(const Config& config, std::string_view name) {
  Error error = CheckTls(config.server);
  if (!error) error = CheckKeys(config);
  return error ? absl::FailedPreconditionError(Line(name, *error)) : absl::OkStatus();
}

absl::StatusOr<Config> LoadConfig(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename().string();
  std::error_code failure;
  std::ifstream stream(path, std::ios::binary);
  if (!std::filesystem::is_regular_file(path, failure) || !stream) {
    return absl::NotFoundError(absl::StrCat(path, ": there is no such file, or it cannot be read"));
  }
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  absl::StatusOr<Config> config =
      ParseConfig(text, std::filesystem::path(path).parent_path().string(), name);
  if (!config.ok()) return config;
  const absl::Status safe = CheckFiles(*config, name);
  if (!safe.ok()) return safe;
  return config;
}

}  // namespace kluis::service
