// SPDX-License-Identifier: Apache-2.0
// What monitoring reads of a real vault, and what it cannot.
#include <cctype>
#include <sstream>
#include <string>

#include "gtest/gtest.h"
#include "tests/fakes/scratch_directory.h"
#include "tests/fakes/test_vault.h"
#include "tests/fakes/unix_client.h"

namespace kluis::metrics_test {
namespace {

// The value of the sample that begins with `name` and its labels; empty: there is none.
std::string ValueOf(const std::string& text, const std::string& name) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + " ")) return line.substr(name.size() + 1);
  }
  return "";
}

TEST(Metrics, TellOfLogGalleriesAndQueueInPrometheusText) {
  const ScratchDirectory place;
  const std::string socket = place.path() + "/metrics";
  TestVault vault([&](service::Config& config) { config.metrics.socket = socket; });
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enrol");
  const std::string name = vault.ActiveCase();
  Must(vault.Identify(name, vault.Face(person, 1)), "identify");
  const std::string answer = UnixExchange(socket, "GET /metrics HTTP/1.1\r\n\r\n").value_or("");
  ASSERT_TRUE(answer.starts_with("HTTP/1.0 200 OK\r\n")) << answer;
  const std::string text = answer.substr(answer.find("\r\n\r\n") + 4);
  const std::string of_purpose = std::string("{purpose=\"") + TestWorld::kPurpose + "\"}";
  EXPECT_EQ(ValueOf(text, "kluis_log_entries"), std::to_string(vault.vault().ledger().size()));
  EXPECT_EQ(ValueOf(text, "kluis_sealed"), "0");
  EXPECT_EQ(ValueOf(text, "kluis_pending_erasures"), "0");
  EXPECT_EQ(ValueOf(text, "kluis_gallery_ready" + of_purpose), "1");
  EXPECT_EQ(ValueOf(text, "kluis_gallery_loaded_templates" + of_purpose), "1");
  EXPECT_EQ(ValueOf(text, "kluis_gallery_searches_total" + of_purpose), "1");
  EXPECT_EQ(ValueOf(text, "kluis_searches_in_flight" + of_purpose), "0");
  EXPECT_EQ(ValueOf(text, "kluis_searches_refused_total"), "0");
  // Each line is a comment of its family or a sample: name, labels, number.
  std::istringstream lines(text);
  std::string family;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) family = line.substr(7, line.find(' ', 7) - 7);
    if (line.starts_with("#")) continue;
    EXPECT_TRUE(line.starts_with(family)) << line;
    const size_t space = line.rfind(' ');
    size_t read = 0;
    std::stod(line.substr(space + 1), &read);
    EXPECT_EQ(read, line.size() - space - 1) << line;
  }
  EXPECT_EQ(text.find(name.substr(6)), std::string::npos);  // the case
  vault.ShutDown();
  EXPECT_EQ(UnixConnect(socket), -1);
}

}  // namespace
}  // namespace kluis::metrics_test
