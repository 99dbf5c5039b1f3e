// SPDX-License-Identifier: Apache-2.0
// A name is told once: not once a handle, of which each search gives another to the same person.
#include <gtest/gtest.h>

#include <string>

#include "policy/record_key.h"
#include "tests/fakes/test_vault.h"

namespace kluis::disclosure_test {
namespace {

// Searches for the person, and has the candidate confirmed by two officers.
std::string Confirmed(const TestVault& vault, const std::string& name, const Person& person,
                      uint32_t capture) {
  const auto found = Must(vault.Identify(name, vault.Face(person, capture)), "identify");
  EXPECT_EQ(found.candidates_size(), 1);
  const std::string candidate = found.candidates(0);
  Must(vault.Confirm(candidate, "officer/one"), "confirm");
  Must(vault.Confirm(candidate, "officer/two"), "confirm");
  return candidate;
}

v1::CaseRecord CaseOf(TestVault& vault, const std::string& name) {
  return **policy::Find<v1::CaseRecord>(vault.vault().state(),
                                        policy::key::Case(policy::IdInName(name, "cases")));
}

TEST(Disclosure, NamesAPersonOncePerCaseHoweverOftenItIsFoundAlsoAfterARestart) {
  TestVault vault;
  const Person person = vault.NewPerson();
  const Person other = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  Must(vault.Enroll(other), "enroll");
  const std::string name = vault.ActiveCase();
  Must(vault.Disclose(Confirmed(vault, name, person, 1)), "disclose");
  const auto again = vault.Disclose(Confirmed(vault, name, person, 2));
  EXPECT_EQ(again.reason, "PERSON_NAMED");
  EXPECT_FALSE(again->has_details());
  vault.Restart();
  EXPECT_EQ(vault.Disclose(Confirmed(vault, name, person, 3)).reason, "PERSON_NAMED");
  EXPECT_EQ(vault.Holdings(person)->notices_size(), 1);
  Must(vault.Disclose(Confirmed(vault, name, other, 1)), "disclose somebody else");
  EXPECT_EQ(CaseOf(vault, name).named_size(), 2);
}

// What tells the same person again says nothing across cases.
TEST(Disclosure, LeavesADigestThatCannotBeComparedBetweenCases) {
  TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  const std::string one = vault.ActiveCase();
  const std::string two = vault.ActiveCase();
  Must(vault.Disclose(Confirmed(vault, one, person, 1)), "disclose");
  Must(vault.Disclose(Confirmed(vault, two, person, 1)), "disclose");
  EXPECT_NE(CaseOf(vault, one).named(0), CaseOf(vault, two).named(0));
}

}  // namespace
}  // namespace kluis::disclosure_test
