// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <sstream>

#include "audit/statement.h"
#include "base/completion.h"
#include "client/command_line.h"
#include "client/files.h"
#include "client/verbs/verbs.h"

namespace kluis::client::command_line_test {
namespace {

// Runs kluis in this process, with a directory of its own and no environment of the caller.
class CommandLineTest : public testing::Test {
 protected:
  CommandLineTest() {
    for (const char* name : {"KLUIS_SERVER", "KLUIS_HOME", "KLUIS_AS", "KLUIS_VAULT"}) {
      unsetenv(name);
    }
    std::string form = (std::filesystem::temp_directory_path() / "kluis-cli-XXXXXX").string();
    directory_ = mkdtemp(form.data());
  }
  ~CommandLineTest() override { std::filesystem::remove_all(directory_); }

  std::string Path(const std::string& name) const { return directory_ + "/" + name; }

  int Run(const std::vector<std::string>& arguments) {
    std::vector<const char*> argv = {"kluis"};
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    std::ostringstream out;
    std::ostringstream err;
    CommandLine line;
    AddVerbs(line);
    const ExitCode code = line.Run(static_cast<int>(argv.size()), argv.data(), out, err);
    out_ = out.str();
    err_ = err.str();
    return static_cast<int>(code);
  }

  std::string directory_;
  std::string out_;
  std::string err_;
};

TEST_F(CommandLineTest, HelpTellsTheExitCodes) {
  EXPECT_EQ(Run({"--help"}), 0);
  EXPECT_NE(out_.find("Exit codes:"), std::string::npos);
  EXPECT_EQ(Run({"case", "open", "--help"}), 0);
  EXPECT_NE(out_.find("Example:"), std::string::npos);
}

TEST_F(CommandLineTest, ShowsNothingHiddenWhateverPrintsIt) {
  const std::string hidden = "\xE2\x80\xAE";
  ASSERT_EQ(Run({"key", "new", Path("a.key")}), 0);
  ASSERT_EQ(Run({"--vault", "v.example", "statement", "sign", "stop-order", "--key", Path("a.key"),
                 "--set", "purpose=p", "--set", "reasons=no" + hidden + "w", "-o", Path("s.json")}),
            0);
  EXPECT_EQ(Run({"statement", "show", Path("s.json")}), 0);
  EXPECT_NE(out_.find("no\\u{202E}w"), std::string::npos) << out_;
  EXPECT_EQ(out_.find(hidden), std::string::npos);
  EXPECT_EQ(Run({"--output", "json", "statement", "show", Path("s.json")}), 0);
  EXPECT_NE(out_.find("no\\u202ew"), std::string::npos) << out_;
  EXPECT_EQ(out_.find(hidden), std::string::npos);
  // Not text of a verb, but of the parser.
  EXPECT_EQ(Run({"key", "show", Path("a.key"), hidden}), 2);
  EXPECT_NE(err_.find("\\u{202E}"), std::string::npos) << err_;
  EXPECT_EQ(err_.find(hidden), std::string::npos);
}

TEST_F(CommandLineTest, AnswersWrongUsageWithTwo) {
  EXPECT_EQ(Run({}), 2);
  EXPECT_EQ(Run({"case"}), 2);
  EXPECT_EQ(Run({"case", "open"}), 2);
  EXPECT_EQ(Run({"key", "new", Path("a.key"), "--colour"}), 2);
  EXPECT_EQ(Run({"order", "stop", "p", "--reasons", "r"}), 2);
}

TEST_F(CommandLineTest, ARecoveryOrderIsSignedByOneAndCosignedByAnother) {
  ASSERT_EQ(Run({"key", "new", Path("op-1.key")}), 0);
  ASSERT_EQ(Run({"key", "new", Path("op-2.key")}), 0);
  const std::string order = Path("order.json");
  ASSERT_EQ(Run({"statement", "sign", "recovery-order", "--vault", "vault.test/log", "--key",
                 Path("op-1.key"), "--set", "reasons=disk lost", "-o", order}),
            0)
      << err_;
  ASSERT_EQ(Run({"statement", "cosign", order, "--key", Path("op-2.key")}), 0) << err_;
  EXPECT_EQ(Run({"statement", "show", order, "--key", Path("op-1.key"), "--key", Path("op-2.key")}),
            0)
      << err_;
  EXPECT_NE(out_.find("disk lost"), std::string::npos);
}

TEST_F(CommandLineTest, RestoresOnARecoveryOrderOnly) {
  ASSERT_EQ(Run({"key", "new", Path("op-1.key")}), 0);
  const std::string order = Path("order.json");
  ASSERT_EQ(Run({"statement", "sign", "stop-order", "--vault", "vault.test/log", "--key",
                 Path("op-1.key"), "--set", "purpose=p", "--set", "reasons=r", "-o", order}),
            0);
  EXPECT_EQ(Run({"vault", "restore", "--order", order}), 4);
  EXPECT_EQ(Run({"vault", "restore"}), 2);
  EXPECT_EQ(Run({"vault", "restore", "--order", order, "--backup", "0"}), 2);
  EXPECT_EQ(Run({"vault", "backup", "--keep", "0"}), 2);
}

TEST_F(CommandLineTest, MakesAKeyOnceAndShowsIt) {
  ASSERT_EQ(Run({"key", "new", Path("a.key")}), 0);
  const std::string made = out_;
  EXPECT_NE(made.find("ed25519:"), std::string::npos);
  EXPECT_EQ(Run({"key", "show", Path("a.key")}), 0);
  EXPECT_EQ(out_, made);
  EXPECT_EQ(Run({"key", "new", Path("a.key")}), 4);
  EXPECT_TRUE(err_.starts_with("kluis: invalid: ")) << err_;
}

TEST_F(CommandLineTest, SignsCosignsAndShowsAStatementOffline) {
  ASSERT_EQ(Run({"key", "new", Path("a.key")}), 0);
  ASSERT_EQ(Run({"key", "new", Path("b.key")}), 0);
  // A kind that is also the name of a group, and a global option after the verb.
  ASSERT_EQ(Run({"statement", "sign", "consent", "--key", Path("a.key"), "--set",
                 "purpose=missing-persons", "--set", "explicit_consent=true", "-o",
                 Path("consent.json"), "--vault", "vault.example/nl"}),
            0)
      << err_;
  const absl::StatusOr<v1::Envelope> envelope = ReadStatement(Path("consent.json"));
  ASSERT_TRUE(envelope.ok());
  v1::Consent consent;
  ASSERT_TRUE(audit::ReadPayload(*envelope, consent).ok());
  EXPECT_EQ(consent.vault(), "vault.example/nl");
  EXPECT_EQ(consent.purpose(), "missing-persons");

  EXPECT_EQ(Run({"statement", "show", Path("consent.json"), "--key", Path("b.key")}), 7);
  ASSERT_EQ(Run({"statement", "cosign", Path("consent.json"), "--key", Path("b.key")}), 0) << err_;
  EXPECT_EQ(Run({"statement", "show", Path("consent.json"), "--key", Path("a.key"), "--key",
                 Path("b.key")}),
            0)
      << err_;
  EXPECT_NE(out_.find("missing-persons"), std::string::npos);
  EXPECT_NE(out_.find("verifies"), std::string::npos);
}

TEST_F(CommandLineTest, FoundsAVaultSignedByAllSupervisors) {
  for (const char* name : {"log.key", "dpa-1.key", "dpa-2.key", "anna.key"}) {
    ASSERT_EQ(Run({"key", "new", Path(name)}), 0);
  }
  const std::vector<std::string> found = {"vault",        "found",
                                          "--origin",     "vault.example/nl",
                                          "--log-key",    Path("log.key"),
                                          "--supervisor", "dpa-1=" + Path("dpa-1.key"),
                                          "--supervisor", "dpa-2=" + Path("dpa-2.key"),
                                          "--operator",   "anna=" + Path("anna.key"),
                                          "--auditor",    "press=" + Path("log.key"),
                                          "-o",           Path("founding.json"),
                                          "--threshold"};
  std::vector<std::string> good = found;
  good.push_back("2");
  ASSERT_EQ(Run(good), 0) << err_;
  const absl::StatusOr<v1::Envelope> envelope = ReadStatement(Path("founding.json"));
  ASSERT_TRUE(envelope.ok());
  EXPECT_EQ(envelope->signatures_size(), 2);
  v1::Founding founding;
  ASSERT_TRUE(audit::ReadPayload(*envelope, founding).ok());
  EXPECT_EQ(founding.vault(), "vault.example/nl");
  EXPECT_EQ(founding.threshold(), 2u);
  EXPECT_EQ(founding.supervisors(1).name(), "dpa-2");
  EXPECT_EQ(founding.legal_profile().consent_max_days(), 1825u);
  ASSERT_EQ(founding.operators_size(), 1);
  EXPECT_EQ(founding.operators(0).name(), "anna");
  EXPECT_EQ(founding.operators(0).valid_until().seconds(),
            founding.issued_at().seconds() + 365 * kDaySeconds);
  EXPECT_EQ(founding.auditors(0).name(), "press");

  std::vector<std::string> too_many = found;
  too_many.push_back("3");
  EXPECT_EQ(Run(too_many), 2);
}

TEST_F(CommandLineTest, TakesTheVaultsNameFromHome) {
  ASSERT_EQ(Run({"key", "new", Path("a.key")}), 0);
  const std::vector<std::string> sign = {"statement",    "sign",        "case-closing",
                                         "--key",        Path("a.key"), "--set",
                                         "case=cases/1", "-o",          Path("closing.json")};
  EXPECT_EQ(Run(sign), 4);
  EXPECT_NE(err_.find("--vault"), std::string::npos);
  ASSERT_TRUE(WriteText(Path("vault.txt"), "vault.example/nl\n").ok());
  std::vector<std::string> with_home = sign;
  with_home.insert(with_home.end(), {"--home", directory_});
  EXPECT_EQ(Run(with_home), 0) << err_;
}

TEST_F(CommandLineTest, SaysHowToIdentifyOneself) {
  EXPECT_EQ(Run({"case", "list"}), 4);
  EXPECT_NE(err_.find("--as ROLE/NAME"), std::string::npos) << err_;
}

TEST_F(CommandLineTest, ListsTheKindsOfStatements) {
  EXPECT_EQ(Run({"statement", "kinds"}), 0);
  EXPECT_NE(out_.find("case-opening\n  purpose legal_basis matter"), std::string::npos) << out_;
}

TEST(CompletionScript, KnowsVerbsAndTheirOptions) {
  CommandLine line;
  AddVerbs(line);
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const absl::StatusOr<std::string> script = base::CompletionScript(line.words(), shell);
    ASSERT_TRUE(script.ok()) << shell;
    EXPECT_NE(script->find("case open"), std::string::npos) << shell;
    EXPECT_NE(script->find("necessity"), std::string::npos) << shell;
  }
  EXPECT_FALSE(base::CompletionScript(line.words(), "tcsh").ok());
}

}  // namespace
}  // namespace kluis::client::command_line_test
