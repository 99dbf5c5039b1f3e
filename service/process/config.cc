// SPDX-License-Identifier: Apache-2.0
#include "service/process/config.h"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "service/process/config_checks.h"

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
    Field{"server", "crl", Path{[](Config& c) -> std::string& { return c.server.crl; }, true}},
    Field{"server", "front_socket",
          Path{[](Config& c) -> std::string& { return c.server.front_socket; }, true}},
    Field{"server", "front_user",
          Text{[](Config& c) -> std::string& { return c.server.front_user; }}},
    Field{"server", "reflection", Flag{[](Config& c) -> bool& { return c.server.reflection; }}},
    Field{"server", "max_message_kib",
          Number{[](Config& c) -> int64_t& { return c.server.max_message_kib; }, 64, 4096}},
    Field{"server", "max_concurrent_streams",
          Number{[](Config& c) -> int64_t& { return c.server.max_concurrent_streams; }, 1, 65536}},
    Field{"server", "deadline_seconds",
          Number{[](Config& c) -> int64_t& { return c.server.deadline_seconds; }, 1, 3600}},
    Field{"server", "drain_seconds",
          Number{[](Config& c) -> int64_t& { return c.server.drain_seconds; }, 0, 600}},
    Field{"server", "connection_seconds",
          Number{[](Config& c) -> int64_t& { return c.server.connection_seconds; }, 1, 86400}},
    Field{"vault", "data", Path{[](Config& c) -> std::string& { return c.vault.data; }}},
    Field{"vault", "founding", Path{[](Config& c) -> std::string& { return c.vault.founding; }}},
    Field{"vault", "sweep_seconds",
          Number{[](Config& c) -> int64_t& { return c.vault.sweep_seconds; }, 1, 3600}},
    Field{"vault", "reserve_mib",
          Number{[](Config& c) -> int64_t& { return c.vault.reserve_mib; }, 1, 65536}},
    Field{"vault", "backups", Path{[](Config& c) -> std::string& { return c.vault.backups; }}},
    Field{"keys", "keyring", Path{[](Config& c) -> std::string& { return c.keys.keyring; }}},
    Field{"keys", "root_key", Path{[](Config& c) -> std::string& { return c.keys.root_key; }}},
    Field{"keys", "log_signer", Path{[](Config& c) -> std::string& { return c.keys.log_signer; }}},
    Field{"keys", "unseal", Text{[](Config& c) -> std::string& { return c.keys.unseal; }}},
    Field{"keys", "passphrase_file",
          Path{[](Config& c) -> std::string& { return c.keys.passphrase_file; }, true}},
    Field{"keys", "token_module",
          Path{[](Config& c) -> std::string& { return c.keys.token_module; }, true}},
    Field{"keys", "token_label", Text{[](Config& c) -> std::string& { return c.keys.token_label; }}},
    Field{"keys", "token_pin_file",
          Path{[](Config& c) -> std::string& { return c.keys.token_pin_file; }, true}},
    Field{"keyring", "replicas",
          Texts{[](Config& c) -> std::vector<std::string>& { return c.keys.replica_lines; }}},
    Field{"search", "threads",
          Number{[](Config& c) -> int64_t& { return c.search.threads; }, 1, 64}},
    Field{"gallery", "refine", Text{[](Config& c) -> std::string& { return c.gallery.refine; }}},
    Field{"gallery", "queue",
          Number{[](Config& c) -> int64_t& { return c.gallery.queue; }, 1, 400}},
    Field{"metrics", "socket",
          Path{[](Config& c) -> std::string& { return c.metrics.socket; }, true}},
    Field{"limits", "calls",
          Number{[](Config& c) -> int64_t& { return c.limits.calls; }, 16, 384}},
    Field{"limits", "streams",
          Number{[](Config& c) -> int64_t& { return c.limits.streams; }, 1, 384}},
    Field{"limits", "member_calls",
          Number{[](Config& c) -> int64_t& { return c.limits.member_calls; }, 1, 384}},
    Field{"limits", "member_streams",
          Number{[](Config& c) -> int64_t& { return c.limits.member_streams; }, 1, 384}},
    Field{"limits", "member_rate",
          Number{[](Config& c) -> int64_t& { return c.limits.member_rate; }, 1, 1000000}},
    Field{"limits", "subject_calls",
          Number{[](Config& c) -> int64_t& { return c.limits.subject_calls; }, 1, 384}},
    Field{"limits", "subject_rate",
          Number{[](Config& c) -> int64_t& { return c.limits.subject_rate; }, 1, 1000000}},
    Field{"limits", "rows",
          Number{[](Config& c) -> int64_t& { return c.limits.rows; }, 1000, 1000000}},
    Field{"limits", "member_rows",
          Number{[](Config& c) -> int64_t& { return c.limits.member_rows; }, 1000, 1000000}},
    Field{"limits", "rows_mib",
          Number{[](Config& c) -> int64_t& { return c.limits.rows_mib; }, 1, 65536}},
    Field{"limits", "member_rows_mib",
          Number{[](Config& c) -> int64_t& { return c.limits.member_rows_mib; }, 1, 65536}},
    Field{"limits", "answers_mib",
          Number{[](Config& c) -> int64_t& { return c.limits.answers_mib; }, 0, 65536}},
    Field{"limits", "member_answers_kib",
          Number{[](Config& c) -> int64_t& { return c.limits.member_answers_kib; }, 0, 1048576}},
    Field{"limits", "portals",
          Texts{[](Config& c) -> std::vector<std::string>& { return c.limits.portal_lines; }}},
    Field{"log", "level", Text{[](Config& c) -> std::string& { return c.log.level; }}},
    Field{"log", "file", Path{[](Config& c) -> std::string& { return c.log.file; }, true}},
    Field{"audit", "directory", Path{[](Config& c) -> std::string& { return c.audit.directory; }}},
    Field{"audit", "anchor", Path{[](Config& c) -> std::string& { return c.audit.anchor; }}},
    Field{"audit", "checkpoint_seconds",
          Number{[](Config& c) -> int64_t& { return c.audit.checkpoint_seconds; }, 1, 3600}},
    Field{"audit", "witnesses",
          Texts{[](Config& c) -> std::vector<std::string>& { return c.audit.witnesses; }}},
    Field{"audit", "witness_quorum",
          Number{[](Config& c) -> int64_t& { return c.audit.witness_quorum; }, 0, 16}},
    Field{"audit", "witness_seconds",
          Number{[](Config& c) -> int64_t& { return c.audit.witness_seconds; }, 1, 60}},
    Field{"clock", "max_gap_hours",
          Number{[](Config& c) -> int64_t& { return c.clock.max_gap_hours; }, 1, 744}},
};
// clang-format on

using Error = std::optional<std::string>;  // "<key>: <rule>"

// Keys that kluisd once knew, and what took their place.
constexpr std::pair<std::string_view, std::string_view> kGone[] = {
    {"metrics.listen",
     "is gone, as kluisd serves no HTTP; metrics.socket names a Unix socket that tells the same"},
    {"audit.http_listen",
     "is gone, as kluisd serves no HTTP; let `kluis-audit serve` or a web server "
     "(deploy/nginx-log.conf) serve audit.directory"},
};

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
  for (const auto& [gone, instead] : kGone) {
    if (name == gone) return absl::StrCat(name, ": ", std::string(instead));
  }
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

// Absolute, without "." and "..", without a slash at the end.
std::string Resolve(const std::filesystem::path& directory, const std::string& path) {
  std::filesystem::path whole = (directory / path).lexically_normal();
  if (!whole.has_filename() && whole.has_relative_path()) whole = whole.parent_path();
  return whole.string();
}

Error ReadPortals(LimitsConfig& limits) {
  for (const std::string& line : limits.portal_lines) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    PortalLimits portal;
    if (words.size() != 3 || words[0].empty() || !absl::SimpleAtoi(words[1], &portal.rate) ||
        !absl::SimpleAtoi(words[2], &portal.calls) || portal.rate < 1 || portal.rate > 1'000'000 ||
        portal.calls < 1 || portal.calls > 384) {
      return "limits.portals: each must be \"<name> <calls a second> <calls at a time>\", the "
             "numbers 1 to 1000000 and 1 to 384";
    }
    portal.name = words[0];
    limits.portals.push_back(std::move(portal));
  }
  return std::nullopt;
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
  for (const std::string& line : config.keys.replica_lines) {
    const std::vector<std::string> paths = absl::StrSplit(line, ' ');
    if (paths.size() != 2 || paths[0].empty() || paths[1].empty()) {
      return absl::InvalidArgumentError(
          Line(name, "keyring.replicas: each must be two paths, \"<keyring> <root key>\""));
    }
    config.keys.replicas.push_back({Resolve(base, paths[0]), Resolve(base, paths[1])});
  }
  if (const Error error = ReadPortals(config.limits)) {
    return absl::InvalidArgumentError(Line(name, *error));
  }
  if (const Error error = UnsafeValue(config)) {
    return absl::InvalidArgumentError(Line(name, *error));
  }
  return config;
}

absl::Status CheckFiles(const Config& config, std::string_view name) {
  const Error error = UnsafeFile(config);
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
      ParseConfig(text, std::filesystem::absolute(path).parent_path().string(), name);
  if (!config.ok()) return config;
  const absl::Status safe = CheckFiles(*config, name);
  if (!safe.ok()) return safe;
  return config;
}

}  // namespace kluis::service
