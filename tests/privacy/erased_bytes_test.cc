// After an erasure the ciphertext is unreadable at once; after the next compaction it is also in no
// file of the database.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "crypto/codec.h"
#include "storage/layout.h"
#include "tests/fakes/test_vault.h"

namespace kluis {
namespace {

namespace fs = std::filesystem;
using storage::Column;

class ErasedBytes : public testing::Test {
 protected:
  static storage::Id IdIn(const std::string& name) {
    return *storage::IdFromBytes(*crypto::FromHex(name.substr(name.rfind('/') + 1)));
  }
  // Of a row that is there, without its nonce: nothing else has these bytes.
  std::string RowOf(Column column, const std::string& key) {
    const auto row = vault_.vault().database().Get(column, key);
    EXPECT_TRUE(row.ok() && row->has_value());
    return (*row)->substr(24, 32);
  }
  bool OnDisk(const std::string& bytes) const {
    for (const auto& item : fs::directory_iterator(vault_.directory() + "/data")) {
      std::ifstream file(item.path(), std::ios::binary);
      const std::string all(std::istreambuf_iterator<char>(file), {});
      if (all.find(bytes) != std::string::npos) return true;
    }
    return false;
  }

  TestVault vault_;
};

TEST_F(ErasedBytes, OfAWithdrawnTemplateAreInNoFileAfterTheNextCompaction) {
  const Person person = vault_.NewPerson();
  const v1::EnrollResponse enrolled = Must(vault_.Enroll(person), "enrol");
  const std::string row =
      RowOf(Column::kSealed, storage::TemplateKey(IdIn(enrolled.template_record())));
  ASSERT_TRUE(OnDisk(row));
  Must(vault_.Withdraw(person), "withdraw");
  ASSERT_TRUE(vault_.vault().sweeper().CompactErased().ok());
  EXPECT_FALSE(OnDisk(row));
}

TEST_F(ErasedBytes, OfAForgottenSubjectAreInNoFileAfterTheNextCompactionOfALaterProcess) {
  const Person person = vault_.NewPerson();
  const v1::EnrollResponse enrolled = Must(vault_.Enroll(person), "enrol");
  const std::string row = RowOf(Column::kDetails, storage::SubjectKey(IdIn(enrolled.subject())));
  Must(vault_.Withdraw(person), "withdraw");
  vault_.Advance(91 * kDay);
  vault_.Sweep();
  vault_.Restart();
  ASSERT_TRUE(vault_.vault().sweeper().CompactErased().ok());
  EXPECT_FALSE(OnDisk(row));
}

}  // namespace
}  // namespace kluis
