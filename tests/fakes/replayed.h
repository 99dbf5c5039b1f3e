// SPDX-License-Identifier: Apache-2.0
// Folds the published log of a vault again, as an auditor does. Functions of their arguments.
#ifndef KLUIS_TESTS_FAKES_REPLAYED_H_
#define KLUIS_TESTS_FAKES_REPLAYED_H_

#include <istream>

#include "audit/replay/replay.h"
#include "audit/verifier_key.h"
#include "gtest/gtest.h"
#include "service/publish/publisher.h"
#include "tests/fakes/test_vault.h"

namespace kluis {

// Signs what there is, then replays it from the directory; `details` as `kluis order inspect`
// writes them, or null. A replay that cannot be made is a failure.
inline audit::ReplayReport Replayed(TestVault& vault, std::istream* details = nullptr) {
  service::Publisher& publisher = vault.vault().publisher();
  EXPECT_TRUE(publisher.Sign().ok());
  audit::ReplayOptions options;
  options.details = details;
  const auto key = audit::VerifierKey::Parse(publisher.verifier_key());
  const auto report = audit::ReplayDirectory(vault.config().audit.directory, *key, {}, 0, options);
  EXPECT_TRUE(report.ok()) << report.status();
  return report.ok() ? *report : audit::ReplayReport();
}

// The same, and that there is nothing to find.
inline audit::ReplayReport CleanlyReplayed(TestVault& vault) {
  const audit::ReplayReport report = Replayed(vault);
  EXPECT_TRUE(report.clean()) << audit::ReplayText(report, 20);
  return report;
}

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_REPLAYED_H_
