// kluis-audit: verifies an exported log with public keys and nothing else.
// Exit codes: 0 verified, 1 it does not verify, 2 wrong usage.
#include <google/protobuf/util/json_util.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <string>

#include "absl/strings/ascii.h"
#include "audit/log_directory.h"

namespace kluis::audit {
namespace {

enum ExitCode { kVerified = 0, kDiffers = 1, kUsage = 2 };

int Tell(const absl::Status& failure, ExitCode code) {
  std::cerr << "kluis-audit: " << failure.message() << "\n";
  return code;
}

// `text` is the key itself or @FILE.
absl::StatusOr<VerifierKey> ReadKey(std::string text) {
  if (text.starts_with('@')) {
    const std::string path = text.substr(1);
    std::ifstream stream(path);
    if (!stream) return absl::InvalidArgumentError("--key: cannot read " + path);
    std::getline(stream, text);
  }
  absl::StatusOr<VerifierKey> key =
      VerifierKey::Parse(std::string(absl::StripAsciiWhitespace(text)));
  if (!key.ok()) {
    return absl::InvalidArgumentError("--key: " + std::string(key.status().message()));
  }
  if (key->type() != KeyType::kEd25519) {
    return absl::InvalidArgumentError("--key: must be the log's own key, of type 01");
  }
  return key;
}

int Verify(const std::string& directory, const std::string& key_text, bool json) {
  const absl::StatusOr<VerifierKey> key = ReadKey(key_text);
  if (!key.ok()) return Tell(key.status(), kUsage);
  const absl::StatusOr<DirectoryReport> report = LogDirectory(directory).Verify(*key);
  if (!report.ok()) return Tell(report.status(), kDiffers);
  std::cout << (json ? ReportJson(*report) : ReportText(*report));
  return kVerified;
}

int PrintEntry(const std::string& directory, uint64_t index) {
  const absl::StatusOr<v1::Entry> entry = LogDirectory(directory).ReadEntry(index);
  if (absl::IsOutOfRange(entry.status())) return Tell(entry.status(), kUsage);
  if (!entry.ok()) return Tell(entry.status(), kDiffers);
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(*entry, &json, options).ok()) {
    return Tell(absl::DataLossError("the entry has no JSON form"), kDiffers);
  }
  std::cout << json;
  return kVerified;
}

int Run(int argc, char** argv) {
  CLI::App app("kluis-audit: verifies an exported log with public keys and nothing else",
               "kluis-audit");
  app.set_version_flag("--version", "kluis-audit 0.1.0");
  app.require_subcommand(1);
  app.footer("Exit codes: 0 verified, 1 it does not verify, 2 wrong usage.");
  std::string directory;
  std::string key;
  std::string output = "human";
  uint64_t index = 0;

  CLI::App* const verify =
      app.add_subcommand("verify", "Verify the checkpoint and every entry under it");
  verify->add_option("DIR", directory, "An exported log: checkpoint and tile/")
      ->check(CLI::ExistingDirectory)
      ->required();
  verify->add_option("--key", key, "The log's verifier key, or @FILE that holds it")
      ->type_name("VKEY|@FILE")
      ->required();
  verify->add_option("--output", output, "human or json")
      ->check(CLI::IsMember({"human", "json"}))
      ->capture_default_str();

  CLI::App* const entry = app.add_subcommand("entry", "Print one entry as JSON; verifies nothing");
  entry->add_option("DIR", directory, "An exported log: checkpoint and tile/")
      ->check(CLI::ExistingDirectory)
      ->required();
  entry->add_option("INDEX", index, "From 0")->required();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {  // CLI11 reports by exception; it ends here
    return app.exit(error) == 0 ? kVerified : kUsage;
  }
  return *verify ? Verify(directory, key, output == "json") : PrintEntry(directory, index);
}

}  // namespace
}  // namespace kluis::audit

int main(int argc, char** argv) { return kluis::audit::Run(argc, argv); }
