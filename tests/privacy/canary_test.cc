// SPDX-License-Identifier: Apache-2.0
// A person with recognisable data goes through the whole story; afterwards no file of the vault, no
// log line and no log entry holds any of it in the clear.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "base/codec.h"
#include "gtest/gtest.h"
#include "service/acts/search.h"
#include "storage/layout.h"
#include "tests/fakes/file_bytes.h"
#include "tests/fakes/test_vault.h"

namespace kluis::canary_test {
namespace {

constexpr char kReasons[] = "The canarybird's sister was not asked.";

using Needles = std::map<std::string, std::string>;  // what it is, and its bytes

// The same in the records themselves: tables of the log and the state are compressed on disk, where
// a needle may be cut up.
void FindInRecords(TestVault& vault, const Needles& needles, std::vector<std::string>& found) {
  for (const storage::Column column : storage::kColumns) {
    const absl::Status scanned = vault.vault().database().Scan(
        column, "", [&](std::string_view key, std::string_view value) {
          for (const auto& [what, needle] : needles) {
            if (key.find(needle) == std::string::npos && value.find(needle) == std::string::npos) {
              continue;
            }
            found.push_back("/records/" + std::string(storage::ColumnName(column)) + ": " + what);
          }
          return true;
        });
    EXPECT_TRUE(scanned.ok());
  }
}

// "file: needle" for every needle in every file of the vault but its keys, and in every record.
std::vector<std::string> Found(TestVault& vault, const Needles& needles) {
  std::vector<std::string> found;
  FindInRecords(vault, needles, found);
  size_t files = 0;
  for (const auto& item : std::filesystem::recursive_directory_iterator(vault.directory())) {
    const std::string path = item.path().string();
    if (!item.is_regular_file() || path.starts_with(vault.directory() + "/keys/")) continue;
    ++files;
    const std::string bytes = FileBytes(item.path());
    for (const auto& [what, needle] : needles) {
      if (bytes.find(needle) != std::string::npos) found.push_back(path + ": " + what);
    }
  }
  EXPECT_GT(files, 4u);  // the database's and kluisd's log
  return found;
}

bool Holds(const std::vector<std::string>& found, const std::string& path,
           const std::string& what) {
  for (const std::string& each : found) {
    if (each.find(path) != std::string::npos && each.ends_with(": " + what)) return true;
  }
  return false;
}

// Four pieces of 16 bytes of the floats, so that a copy of a part is found too.
void AddFloats(const std::string& what, std::string_view bytes, Needles& needles) {
  for (const size_t at : {size_t{0}, size_t{64}, size_t{1024}, bytes.size() - 16}) {
    needles[what + " at " + std::to_string(at)] = std::string(bytes.substr(at, 16));
  }
}

void AddTemplate(TestVault& vault, const std::string& what, const v1::Template& face,
                 Needles& needles) {
  AddFloats(what,
            {reinterpret_cast<const char*>(face.values().data()),
             static_cast<size_t>(face.values_size()) * sizeof(float)},
            needles);
  const auto room = vault.vault().galleries().Room(TestWorld::kPurpose);
  ASSERT_TRUE(room.ok());
  const auto protected_bytes = service::ProtectProbe(**room, face);
  ASSERT_TRUE(protected_bytes.ok());
  AddFloats("protected " + what, service::AsText(*protected_bytes), needles);
}

Needles NeedlesOf(TestVault& vault, const Person& person) {
  Needles needles;
  needles["name"] = person.details.full_name();
  needles["contact"] = person.details.contact();
  const std::string_view key(reinterpret_cast<const char*>(person.key.public_key().data()), 32);
  needles["public key"] = std::string(key);
  needles["public key in hex"] = base::ToHex(key);
  needles["public key in base64"] = crypto::PublicKeyText(person.key.public_key()).substr(8);
  needles["key id"] = crypto::KeyIdOf(person.key.public_key());
  needles["case reference"] = "FILE-2026-7";
  needles["matter"] = "a person without papers or memory";
  needles["necessity"] = "other way of finding out who this person is";
  needles["reasons of a refusal"] = kReasons;
  AddTemplate(vault, "template", vault.Face(person, 0), needles);
  AddTemplate(vault, "probe", vault.Face(person, 1), needles);
  return needles;
}

Person CanaryPerson(const TestWorld& vault) {
  Person person = vault.NewPerson();
  person.details.set_full_name("Quetzalcoatl Canarybird");
  person.details.set_contact("canarybird@nowhere.test");
  return person;
}

// Everything that can be done with a person, allowed and refused. The subject's name.
std::string LiveThrough(TestVault& vault, const Person& person) {
  v1::EnrollRequest spoilt = vault.EnrollRequestOf(person);
  spoilt.mutable_consent()->mutable_signatures(0)->mutable_sig()->at(5) ^= 1;
  EXPECT_FALSE(vault.Call("registrar/desk", &v1::EnrollmentService::Stub::Enroll, spoilt).ok());
  spoilt = vault.EnrollRequestOf(person);
  spoilt.mutable_details()->mutable_contact()->append(200, '.');
  EXPECT_FALSE(vault.Call("registrar/desk", &v1::EnrollmentService::Stub::Enroll, spoilt).ok());
  EXPECT_FALSE(vault.Call("officer/one", &v1::EnrollmentService::Stub::Enroll, spoilt).ok());

  const std::string subject = Must(vault.Enroll(person), "enroll").subject();
  Must(vault.Refuse(Must(vault.OpenCase(), "open").case_().name(), kReasons), "refuse");
  v1::CaseDetails copied = vault.Details();
  Must(vault.OpenCaseWith(copied), "open");
  EXPECT_EQ(vault.OpenCaseWith(copied).reason, "NECESSITY_COPIED");
  v1::OpenCaseRequest altered = vault.OpenCaseRequestOf(vault.Opening(), vault.Details());
  altered.mutable_details()->back() ^= 1;
  EXPECT_FALSE(vault.Call("officer/one", &v1::CaseService::Stub::OpenCase, altered).ok());
  const std::string name = vault.ActiveCase();
  const v1::Template probe = vault.Face(person, 1);
  EXPECT_FALSE(vault.Identify(name, probe, "officer/outside").ok());
  const auto found = vault.Identify(name, probe);
  EXPECT_EQ(found->candidates_size(), 1);
  EXPECT_EQ(vault.Verify(subject, probe)->result(), v1::SEARCH_RESULT_MATCH);
  Must(vault.Confirm(found->candidates(0), "officer/one"), "confirm");
  Must(vault.Confirm(found->candidates(0), "officer/two"), "confirm");
  Must(vault.Disclose(found->candidates(0)), "disclose");
  EXPECT_EQ(vault.Holdings(person)->notices_size(), 1);
  vault.Checkpoint();  // all of it is published
  return subject;
}

TEST(Canary, IsInNoFileOfTheVaultAtAnyStepOfTheStory) {
  TestVault vault;
  const Person person = CanaryPerson(vault);
  const Needles needles = NeedlesOf(vault, person);
  LiveThrough(vault, person);
  EXPECT_EQ(Found(vault, needles), std::vector<std::string>()) << "before a flush";
  ASSERT_TRUE(vault.vault().database().Flush().ok());
  EXPECT_EQ(Found(vault, needles), std::vector<std::string>()) << "after a flush";
  Must(vault.Withdraw(person), "withdraw");
  vault.Advance(500 * kDay);
  vault.Sweep();
  vault.Restart();
  EXPECT_EQ(Found(vault, needles), std::vector<std::string>()) << "after the end";
}

TEST(Canary, TheSearchFindsWhatDoesStandThere) {
  TestVault vault;
  const Person person = CanaryPerson(vault);
  const std::string subject = LiveThrough(vault, person);
  const Needles controls = {{"legal basis", "Police Act 2012, article 3"},
                            {"authority", "Authority One"},
                            {"subject id", *base::FromHex(subject.substr(subject.find('/') + 1))},
                            {"event", "\"event\":\"served\""}};
  for (const bool flushed : {false, true}) {
    if (flushed) {
      ASSERT_TRUE(vault.vault().database().Flush().ok());
    }
    const std::vector<std::string> found = Found(vault, controls);
    for (const char* what : {"legal basis", "authority", "subject id"}) {
      EXPECT_TRUE(Holds(found, "/records/log", what)) << flushed;
      EXPECT_TRUE(Holds(found, "/tile/entries/", what)) << what;
      if (!flushed) {  // the write-ahead log is not compressed
        EXPECT_TRUE(Holds(found, "/data/", what));
      }
    }
    EXPECT_TRUE(Holds(found, "/kluisd.log", "event")) << flushed;
  }
  // The needles themselves are found where they are: in a file of the requests that were sent.
  const std::string file = vault.directory() + "/planted";
  std::ofstream(file, std::ios::binary)
      << vault.EnrollRequestOf(person).SerializeAsString()
      << vault.OpenCaseRequestOf(vault.Opening(), vault.Details()).SerializeAsString();
  const std::vector<std::string> found = Found(vault, NeedlesOf(vault, person));
  for (const char* what : {"name", "contact", "template at 0", "template at 1024", "case reference",
                           "matter", "necessity"}) {
    EXPECT_TRUE(Holds(found, file, what)) << what;
  }
}

TEST(Canary, IsInNoEntryOfTheLog) {
  TestVault vault;
  const Person person = CanaryPerson(vault);
  const Needles needles = NeedlesOf(vault, person);
  LiveThrough(vault, person);
  Must(vault.Withdraw(person), "withdraw");
  const std::vector<std::string> entries = vault.Entries();
  bool basis = false;
  for (size_t i = 0; i < entries.size(); ++i) {
    basis = basis || entries[i].find("Police Act 2012, article 3") != std::string::npos;
    for (const auto& [what, needle] : needles) {
      EXPECT_EQ(entries[i].find(needle), std::string::npos) << what << " in entry " << i;
    }
  }
  EXPECT_TRUE(basis);
}

TEST(Canary, TheOperatorsLogHoldsNoIdOfAnybodyEither) {
  TestVault vault;
  const Person person = CanaryPerson(vault);
  const std::string subject = LiveThrough(vault, person);
  const std::string id = subject.substr(subject.find('/') + 1);
  const std::string log = FileBytes(vault.directory() + "/kluisd.log");
  EXPECT_NE(log.find("\"method\":\"Enroll\""), std::string::npos);
  EXPECT_EQ(log.find(id), std::string::npos);
  EXPECT_EQ(log.find(id.substr(0, 8)), std::string::npos);
  EXPECT_EQ(log.find("officer"), std::string::npos);
  EXPECT_EQ(log.find("FILE-2026-7"), std::string::npos);
}

}  // namespace
}  // namespace kluis::canary_test
