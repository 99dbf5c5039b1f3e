// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "service/process/config.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::service::config_test {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

absl::StatusOr<Config> Parse(const std::string& text) {
  return ParseConfig(text, "/etc/kluis", "kluisd.toml");
}

void ExpectRefused(const std::string& text, const std::string& message) {
  const absl::Status status = Parse(text).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
  EXPECT_THAT(std::string(status.message()), HasSubstr("kluisd.toml: " + message)) << text;
  EXPECT_EQ(status.message().find('\n'), std::string::npos);
}

std::string Example() {
  std::ifstream stream(KLUIS_TESTS_DIR "/../deploy/kluisd.example.toml");
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// Everything that a configuration says, for comparison.
std::string Dump(const Config& c) {
  std::string all;
  const auto add = [&all](const auto&... values) {
    (all.append(testing::PrintToString(values)).append("\n"), ...);
  };
  add(c.server.listen, c.server.allow_remote, c.server.trust_domain, c.server.ca, c.server.cert,
      c.server.key, c.server.crl, c.server.front_socket, c.server.front_user, c.server.reflection,
      c.server.max_message_kib, c.server.max_concurrent_streams, c.server.deadline_seconds,
      c.server.drain_seconds, c.server.connection_seconds);
  add(c.vault.data, c.vault.founding, c.vault.sweep_seconds, c.vault.reserve_mib);
  add(c.keys.keyring, c.keys.root_key, c.keys.log_signer, c.search.threads);
  add(c.gallery.refine, c.gallery.queue, c.metrics.socket);
  add(c.limits.calls, c.limits.streams, c.limits.member_calls, c.limits.member_streams,
      c.limits.member_rate, c.limits.subject_calls, c.limits.subject_rate, c.limits.rows,
      c.limits.member_rows, c.limits.rows_mib, c.limits.member_rows_mib, c.limits.answers_mib,
      c.limits.member_answers_kib, c.limits.portal_lines);
  add(c.log.level, c.log.file);
  add(c.audit.directory, c.audit.anchor, c.audit.checkpoint_seconds, c.audit.witnesses,
      c.audit.witness_quorum, c.audit.witness_seconds, c.clock.max_gap_hours);
  return all;
}

TEST(ParseConfig, TakesTheDefaultsAndResolvesPathsAgainstTheFilesDirectory) {
  const absl::StatusOr<Config> config = Parse("");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->server.listen, "127.0.0.1:7443");
  EXPECT_EQ(config->server.ca, "/etc/kluis/pki/ca.crt");
  EXPECT_EQ(config->keys.keyring, "/etc/kluis/keys/keyring");
  EXPECT_EQ(config->log.file, "");
}

TEST(ParseConfig, ReadsEveryKindOfValue) {
  const absl::StatusOr<Config> config = Parse(
      "[server]\nlisten = \"[::1]:0\"\nreflection = true\nmax_message_kib = 64\n"
      "[vault]\ndata = \"/srv/data/\"\n[keys]\nkeyring = \"../keys/ring\"\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->server.listen, "[::1]:0");
  EXPECT_TRUE(config->server.reflection);
  EXPECT_EQ(config->server.max_message_kib, 64);
  EXPECT_EQ(config->vault.data, "/srv/data");
  EXPECT_EQ(config->keys.keyring, "/etc/keys/ring");
}

TEST(ParseConfig, ReadsThePortalsOfSubjectsWithBoundsOfTheirOwn) {
  const auto config = Parse("[limits]\nportals = [\"city-hall 500 64\"]\n");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->limits.portals.size(), 1u);
  EXPECT_EQ(config->limits.portals[0].name, "city-hall");
  EXPECT_EQ(config->limits.portals[0].rate, 500);
  EXPECT_EQ(config->limits.portals[0].calls, 64);
  for (const char* line : {"city-hall", "city-hall 500", "city-hall 0 64", "city-hall 500 385",
                           " 500 64", "city-hall x 64", "city-hall 500 64 1"}) {
    ExpectRefused("[limits]\nportals = [\"" + std::string(line) + "\"]\n", "limits.portals: each");
  }
}

TEST(ParseConfig, KeepsTemplatesInMemoryUnlessTold) {
  EXPECT_EQ(Parse("")->gallery.refine, "memory");
  EXPECT_EQ(Parse("")->gallery.queue, 256);
  EXPECT_EQ(Parse("[gallery]\nrefine = \"disk\"\n")->gallery.refine, "disk");
  ExpectRefused("[gallery]\nrefine = \"tape\"", "gallery.refine: must be memory or disk");
  ExpectRefused("[gallery]\nqueue = 0", "gallery.queue: must be a whole number from 1 to 400");
}

TEST(ParseConfig, TellsMetricsNowhereUnlessToldAndNeverInAPublicDirectory) {
  EXPECT_TRUE(Parse("")->metrics.socket.empty());
  EXPECT_EQ(Parse("[metrics]\nsocket = \"run/metrics\"\n")->metrics.socket,
            "/etc/kluis/run/metrics");
  for (const char* directory : {"log", "data", "backups"}) {
    ExpectRefused(std::string("[metrics]\nsocket = \"") + directory + "/metrics\"",
                  "metrics.socket: must lie outside ");
  }
  ExpectRefused("[metrics]\nsocket = \"/" + std::string(107, 'x') + "\"",
                "metrics.socket: must be at most 107 bytes");
}

TEST(ParseConfig, SaysWhatTookThePlaceOfTheKeysOfHttp) {
  ExpectRefused("[metrics]\nlisten = \"127.0.0.1:9464\"",
                "metrics.listen: is gone, as kluisd serves no HTTP; metrics.socket");
  ExpectRefused("[audit]\nhttp_listen = \"127.0.0.1:8080\"",
                "audit.http_listen: is gone, as kluisd serves no HTTP; let `kluis-audit serve`");
}

TEST(ParseConfig, TakesWitnessesAsAListOfTexts) {
  const absl::StatusOr<Config> config =
      Parse("[audit]\nwitnesses = [\"http://127.0.0.1:1 a\", \"http://127.0.0.1:2 b\"]\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->audit.witnesses,
              testing::ElementsAre("http://127.0.0.1:1 a", "http://127.0.0.1:2 b"));
  EXPECT_FALSE(Parse("[audit]\nwitnesses = \"a\"\n").ok());
  EXPECT_FALSE(Parse("[audit]\nwitnesses = [1]\n").ok());
  EXPECT_FALSE(Parse("[audit]\nwitnesses = [\"a b\"]\nwitness_quorum = 2\n").ok());
}

TEST(ParseConfig, KeepsAnchorAndPublishedLogApartFromTheDatabaseAndEachOther) {
  EXPECT_FALSE(Parse("[audit]\nanchor = \"data/checkpoint\"\n").ok());
  EXPECT_FALSE(Parse("[audit]\ndirectory = \"data/log\"\n").ok());
  EXPECT_FALSE(Parse("[audit]\nanchor = \"log/anchor\"\n").ok());
  EXPECT_TRUE(Parse("[audit]\nanchor = \"elsewhere/anchor\"\n").ok());
}

TEST(ParseConfig, TheExampleHoldsEveryKeyWithItsDefault) {
  const std::string example = Example();
  const absl::StatusOr<Config> config = Parse(example);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(Dump(*config), Dump(*Parse("")));
  std::string section;
  std::vector<std::string> found;
  for (size_t at = 0; at < example.size();) {
    const size_t end = example.find('\n', at);
    const std::string line = example.substr(at, end - at);
    at = end + 1;
    if (line.starts_with('[')) section = line.substr(1, line.find(']') - 1);
    if (!line.starts_with('#') && line.find(" = ") != std::string::npos) {
      found.push_back(section + "." + line.substr(0, line.find(' ')));
      EXPECT_THAT(line, HasSubstr("  # ")) << "a key without an explanation";
    }
  }
  EXPECT_EQ(found, ConfigKeys());
}

TEST(ParseConfig, NamesTheNearestKnownKeyOfAnUnknownOne) {
  ExpectRefused("[server]\nlisen = \"x\"",
                "server.lisen: unknown; the nearest known key is server.listen");
  ExpectRefused("[sever]\nlisten = \"x\"", "sever: unknown");
  ExpectRefused("[vault]\nroot_key = \"x\"",
                "vault.root_key: unknown; the nearest known key is "
                "keys.root_key");
  ExpectRefused("listen = \"x\"", "listen: unknown");
  ExpectRefused("[server.tls]\nca = \"x\"", "server.tls: unknown");
  ExpectRefused("server = 1", "server: must be a section, [server]");
  ExpectRefused("[[server]]\nlisten = \"x\"", "server: must be a section");
}

TEST(ParseConfig, ChecksTypesAndBounds) {
  ExpectRefused("[server]\nlisten = 7443", "server.listen: must be a text in quotes");
  ExpectRefused("[server]\nallow_remote = \"yes\"", "server.allow_remote: must be true or false");
  ExpectRefused("[server]\ndeadline_seconds = 0",
                "server.deadline_seconds: must be a whole number from 1 to 3600");
  ExpectRefused("[server]\ndeadline_seconds = 3601", "server.deadline_seconds: must be a whole");
  ExpectRefused("[server]\ndeadline_seconds = 1.5", "server.deadline_seconds: must be a whole");
  ExpectRefused("[server]\nmax_message_kib = 63",
                "server.max_message_kib: must be a whole number "
                "from 64 to 4096");
  ExpectRefused("[server]\nmax_message_kib = 4097", "server.max_message_kib: must be");
  ExpectRefused("[vault]\ndata = \"\"", "vault.data: must not be empty");
  ExpectRefused("[vault]\ndata = \"a\\u0000b\"", "vault.data: must not contain a zero byte");
  ExpectRefused("[log]\nlevel = \"verbose\"", "log.level: must be debug, info, warn or error");
  ExpectRefused("[server]\ntrust_domain = \"\"", "server.trust_domain: must be");
  ExpectRefused("[server]\ntrust_domain = \"a/b\"", "server.trust_domain: must be");
}

TEST(ParseConfig, NamesTheLineThatIsNotToml) {
  ExpectRefused("[server]\nlisten = ", "line 2: not TOML");
  ExpectRefused("[server]\nlisten = \"a:1\"\nlisten = \"b:1\"", "line 3: not TOML");
}

TEST(ParseConfig, TakesLoopbackAddressesOnlyUnlessRemoteIsAllowed) {
  for (const char* listen : {"127.0.0.1:1", "127.255.0.9:65535", "localhost:0", "[::1]:7443"}) {
    EXPECT_TRUE(Parse(std::string("[server]\nlisten = \"") + listen + "\"").ok()) << listen;
  }
  for (const char* listen :
       {"0.0.0.0:1", "10.0.0.1:1", "[::]:1", "vault.example:1", "127.0.0:1", "127.0.0.256:1",
        "127.0.0.1.example.com:1", "127.evil.example:1", "128.0.0.1:1"}) {
    const std::string text = std::string("[server]\nlisten = \"") + listen + "\"\n";
    ExpectRefused(text, "server.listen: must be a loopback address");
    EXPECT_TRUE(Parse(text + "allow_remote = true").ok()) << listen;
  }
  for (const char* listen :
       {"", ":1", "7443", "localhost", "localhost:", "localhost:x", "localhost:65536",
        "localhost:-1", "::1:7443", "[127.0.0.1]:1", "unix:/tmp/a:1", "a b:1"}) {
    ExpectRefused(std::string("[server]\nlisten = \"") + listen + "\"",
                  "server.listen: must be host:port");
  }
}

TEST(ParseConfig, RefusesReflectionTowardsTheOutside) {
  ExpectRefused("[server]\nallow_remote = true\nreflection = true",
                "server.reflection: must be false when server.allow_remote = true");
}

TEST(ParseConfig, RefusesKeysWithinTheDataDirectoryAndSharedFiles) {
  ExpectRefused("[keys]\nroot_key = \"data/root.key\"",
                "keys.root_key: must lie outside vault.data");
  ExpectRefused("[keys]\nkeyring = \"x/../data/k/ring\"", "keys.keyring: must lie outside");
  ExpectRefused("[vault]\ndata = \"/\"", "keys.keyring: must lie outside");
  ExpectRefused("[vault]\ndata = \".\"", "keys.keyring: must lie outside");
  EXPECT_TRUE(Parse("[keys]\nroot_key = \"data-keys/root.key\"").ok());
  ExpectRefused("[keys]\nroot_key = \"keys/log.key\"",
                "keys.log_signer: must be another file than keys.root_key");
}

TEST(ParseConfig, TakesReplicasAsPairsOfPathsApartFromEverythingElse) {
  const absl::StatusOr<Config> config =
      Parse("[keyring]\nreplicas = [\"second/ring /mnt/root.key\"]\n");
  ASSERT_TRUE(config.ok()) << config.status();
  const std::vector<ReplicaConfig>& replicas = config->keys.replicas;
  ASSERT_EQ(replicas.size(), 1U);
  EXPECT_EQ(replicas[0].keyring, "/etc/kluis/second/ring");
  EXPECT_EQ(replicas[0].root_key, "/mnt/root.key");
  for (const char* bad : {"one", "one two three", "one ", " two"}) {
    ExpectRefused(absl::StrCat("[keyring]\nreplicas = [\"", bad, "\"]"),
                  "keyring.replicas: each must be two paths");
  }
  ExpectRefused("[keyring]\nreplicas = [\"data/ring /mnt/root.key\"]",
                "keyring.replicas: must lie outside vault.data");
  ExpectRefused("[keyring]\nreplicas = [\"keys/keyring /mnt/root.key\"]",
                "keyring.replicas: must be another file than keys.keyring");
}

TEST(ParseConfig, TakesWhatTheWayOfUnsealingNeedsAndNothingElse) {
  EXPECT_TRUE(Parse("[keys]\nunseal = \"shares\"").ok());
  EXPECT_TRUE(Parse("[keys]\nunseal = \"passphrase\"\npassphrase_file = \"keys/pass\"").ok());
  ExpectRefused("[keys]\nunseal = \"hope\"", "keys.unseal: must be none, passphrase,");
  ExpectRefused("[keys]\nunseal = \"passphrase\"", "keys.passphrase_file: must be set when");
  ExpectRefused("[keys]\npassphrase_file = \"keys/pass\"",
                "keys.passphrase_file: must be set when");
  ExpectRefused("[keys]\nunseal = \"token\"", "keys.token_module: must be set when");
  ExpectRefused("[keys]\nunseal = \"passphrase\"\npassphrase_file = \"data/pass\"",
                "keys.passphrase_file: must lie outside vault.data");
}

TEST(ParseConfig, KeepsKeysOutOfBackupsAndOfThePublishedLog) {
  ExpectRefused("[vault]\nbackups = \"data/backups\"", "vault.backups: must be another directory");
  ExpectRefused("[vault]\nbackups = \"keys\"", "keys.keyring: must lie outside vault.backups");
  ExpectRefused("[audit]\ndirectory = \"keys\"\nanchor = \"elsewhere/anchor\"",
                "keys.keyring: must lie outside audit.directory");
  ExpectRefused("[audit]\ndirectory = \"pki\"", "audit.directory: is public");
  ExpectRefused("[audit]\nanchor = \"keys/log.key\"",
                "audit.anchor: must be another file than keys.log_signer");
}

class LoadConfigTest : public testing::Test {
 protected:
  LoadConfigTest() {
    fs::create_directories(Path("pki"));
    for (const char* name : {"pki/ca.crt", "pki/server.crt", "pki/server.key"}) Write(name, "x");
    fs::create_directories(Path("keys"));
    fs::permissions(Path("keys"), fs::perms::owner_all);
    Write("kluisd.toml", "");
  }

  std::string Path(const std::string& name) const { return scratch_.path() + "/" + name; }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name)) << text;
    fs::permissions(Path(name), fs::perms::owner_read | fs::perms::owner_write);
  }

  void ExpectUnsafe(const std::string& message) const {
    const absl::Status status = LoadConfig(Path("kluisd.toml")).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("kluisd.toml: " + message));
  }

  ScratchDirectory scratch_;
};

TEST_F(LoadConfigTest, TakesASafeDirectoryBeforeAnyKeyIsMade) {
  const absl::StatusOr<Config> config = LoadConfig(Path("kluisd.toml"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->vault.data, Path("data"));
  fs::remove(Path("keys"));
  EXPECT_TRUE(LoadConfig(Path("kluisd.toml")).ok());
}

TEST_F(LoadConfigTest, TakesAFileOfTheCurrentDirectory) {
  const fs::path before = fs::current_path();
  fs::current_path(scratch_.path());
  const absl::StatusOr<Config> config = LoadConfig("kluisd.toml");
  fs::current_path(before);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->vault.data, Path("data"));
}

TEST_F(LoadConfigTest, TakesTheExample) {
  Write("kluisd.toml", Example());
  EXPECT_TRUE(LoadConfig(Path("kluisd.toml")).ok());
}

TEST_F(LoadConfigTest, RefusesAMissingFile) {
  EXPECT_EQ(LoadConfig(Path("other.toml")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(LoadConfig(Path("pki")).ok());
  fs::remove(Path("pki/server.crt"));
  ExpectUnsafe("server.cert: there is no file");
}

TEST_F(LoadConfigTest, RefusesKeysThatOthersMayRead) {
  fs::permissions(Path("keys"), fs::perms::others_exec, fs::perm_options::add);
  ExpectUnsafe("keys.keyring: its directory");
  fs::permissions(Path("keys"), fs::perms::owner_all);
  for (const char* name : {"keys/root.key", "keys/log.key", "pki/server.key"}) {
    Write(name, "x");
    EXPECT_TRUE(LoadConfig(Path("kluisd.toml")).ok());
    fs::permissions(Path(name), fs::perms::group_read, fs::perm_options::add);
    ExpectUnsafe(name == std::string("keys/root.key")  ? "keys.root_key: "
                 : name == std::string("keys/log.key") ? "keys.log_signer: "
                                                       : "server.key: ");
    fs::permissions(Path(name), fs::perms::owner_read);
  }
}

TEST_F(LoadConfigTest, RefusesKeysThatASymbolicLinkPutsIntoTheData) {
  fs::create_directories(Path("data/hidden"));
  fs::permissions(Path("data/hidden"), fs::perms::owner_all);
  fs::remove(Path("keys"));
  fs::create_directory_symlink(Path("data/hidden"), Path("keys"));
  ExpectUnsafe("keys.keyring: must lie outside vault.data");
}

}  // namespace
}  // namespace kluis::service::config_test
