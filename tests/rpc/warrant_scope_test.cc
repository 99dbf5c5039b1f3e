// SPDX-License-Identifier: Apache-2.0
// The categories of people that a warrant names: nobody else is compared, whoever is enrolled.
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/fakes/test_vault.h"

namespace kluis::warrant_scope_test {
namespace {

TEST(WarrantScope, FindsNobodyOfACategoryThatTheWarrantLeavesOut) {
  constexpr char kPurpose[] = "accident-identification";
  const TestVault vault;
  Must(vault.RegisterPurpose(kPurpose,
                             [](v1::PurposeRegistration& purpose) {
                               purpose.add_subject_categories(v1::SUBJECT_CATEGORY_VICTIM);
                               purpose.add_subject_categories(v1::SUBJECT_CATEGORY_WITNESS);
                             }),
       "purpose");
  TestWorld::Terms terms;
  terms.purpose = kPurpose;
  terms.category = v1::SUBJECT_CATEGORY_VICTIM;
  const Person victim = vault.NewPerson();
  Must(vault.Enroll(victim, terms), "enrol the victim");
  terms.category = v1::SUBJECT_CATEGORY_WITNESS;
  const Person witness = vault.NewPerson();
  Must(vault.Enroll(witness, terms), "enrol the witness");

  v1::CaseOpening opening = vault.Opening();
  opening.set_purpose(kPurpose);
  opening.clear_subject_categories();
  opening.add_subject_categories(v1::SUBJECT_CATEGORY_VICTIM);
  opening.add_subject_categories(v1::SUBJECT_CATEGORY_WITNESS);
  const std::string name = Must(vault.Call("officer/one", &v1::CaseService::Stub::OpenCase,
                                           vault.OpenCaseRequestOf(opening, vault.Details())),
                                "open")
                               .case_()
                               .name();
  v1::Warrant warrant = vault.WarrantFor(name);
  warrant.clear_subject_categories();
  warrant.add_subject_categories(v1::SUBJECT_CATEGORY_VICTIM);
  Must(vault.Issue(warrant), "warrant");
  Must(vault.Approve(name), "approve");

  const auto result_for = [&](const Person& person) {
    v1::IdentifyRequest request = vault.IdentifyRequestOf(name, vault.Face(person, 1));
    request.set_purpose(absl::StrCat("purposes/", kPurpose));
    return Must(vault.Call("officer/one", &v1::SearchService::Stub::Identify, request), "identify")
        .result();
  };
  EXPECT_EQ(result_for(victim), v1::SEARCH_RESULT_MATCH);
  EXPECT_EQ(result_for(witness), v1::SEARCH_RESULT_NO_MATCH);
}

}  // namespace
}  // namespace kluis::warrant_scope_test
