// What monitoring reads of a real vault, and what it cannot.
#include <cctype>
#include <sstream>
#include <string>

#include "gtest/gtest.h"
#include "tests/fakes/kept_vault.h"
#include "tests/fakes/loopback_client.h"
#include "tests/fakes/test_vault.h"

namespace kluis {
namespace {

void ServeMetrics(service::Config& config) { config.metrics.listen = "127.0.0.1:0"; }

// The value of the sample that begins with `name` and its labels; empty: there is none.
std::string ValueOf(const std::string& text, const std::string& name) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + " ")) return line.substr(name.size() + 1);
  }
  return "";
}

TEST(Metrics, AreOffUnlessAskedFor) {
  TestVault vault;
  EXPECT_EQ(vault.daemon().metrics_port(), 0);
}

TEST(Metrics, TellOfLogGalleriesAndQueueInPrometheusText) {
  TestVault vault(ServeMetrics);
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enrol");
  const std::string name = vault.ActiveCase();
  Must(vault.Identify(name, vault.Face(person, 1)), "identify");
  const HttpAnswer answer = HttpGet(vault.daemon().metrics_port(), "/metrics");
  ASSERT_EQ(answer.status, 200);
  const std::string& text = answer.body;
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
  for (const char* path : {"/", "/metrics/", "/checkpoint", "/../keys/log.key"}) {
    EXPECT_EQ(HttpGet(vault.daemon().metrics_port(), path).status, 404) << path;
  }
}

}  // namespace
}  // namespace kluis
