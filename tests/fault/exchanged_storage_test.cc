// SPDX-License-Identifier: Apache-2.0
// The files of a running vault are moved, deleted or exchanged: it notices within seconds, answers
// nobody, and does not open something else in their place by itself.
#include <filesystem>
#include <string>

#include "gtest/gtest.h"
#include "tests/fakes/kept_vault.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::exchanged_storage_test {
namespace {

namespace fs = std::filesystem;

class ExchangedStorage : public testing::TestWithParam<std::string> {
 protected:
  // The vault says which path it is, and neither reads nor writes for anybody.
  void ExpectOutOfService() {
    ASSERT_TRUE(Eventually([&] { return !vault_.vault().fault().text().empty(); }));
    EXPECT_NE(vault_.vault().fault().text().find(path_), std::string::npos)
        << vault_.vault().fault().text();
    EXPECT_EQ(vault_.Enroll(vault_.NewPerson()).status.error_code(), grpc::UNAVAILABLE);
    EXPECT_EQ(vault_.Holdings(person_).status.error_code(), grpc::UNAVAILABLE);
    ASSERT_TRUE(vault_.Keep().ok());
    EXPECT_EQ(vault_.reopened(), 0);
    EXPECT_EQ(vault_.Holdings(person_).status.error_code(), grpc::UNAVAILABLE);
  }

  void SetUp() override {
    Must(vault_.Enroll(person_), "enroll");
    ASSERT_TRUE(vault_.Holdings(person_).ok());
  }

  const ScratchDirectory scratch_;
  KeptVault vault_{scratch_.path()};
  const Person person_ = vault_.NewPerson();
  const std::string path_ = scratch_.path() + "/" + GetParam();
};

TEST_P(ExchangedStorage, IsNoticedWhenMovedAway) {
  fs::rename(path_, path_ + ".old");
  ExpectOutOfService();
}

TEST_P(ExchangedStorage, IsNoticedWhenDeleted) {
  fs::remove_all(path_);
  ExpectOutOfService();
}

TEST_P(ExchangedStorage, IsNoticedWhenACopyTakesItsPlace) {
  fs::copy(path_, path_ + ".copy", fs::copy_options::recursive);
  fs::rename(path_, path_ + ".old");
  fs::rename(path_ + ".copy", path_);
  ExpectOutOfService();
}

INSTANTIATE_TEST_SUITE_P(Directories, ExchangedStorage, testing::Values("data", "log"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace kluis::exchanged_storage_test
