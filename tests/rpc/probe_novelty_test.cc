// SPDX-License-Identifier: Apache-2.0
// A probe that a case had before, or nearly: it costs two searches, and the log says so.
#include <cmath>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/id.h"
#include "gtest/gtest.h"
#include "kluis/v1/sealed.pb.h"
#include "matching/probe_sketch.h"
#include "policy/facts.h"
#include "policy/record_key.h"
#include "storage/layout.h"
#include "tests/fakes/test_vault.h"

namespace kluis::probe_novelty_test {
namespace {

using storage::Column;

v1::Case CaseNow(const TestWorld& vault, const std::string& name) {
  v1::GetCaseRequest request;
  request.set_name(name);
  return Must(vault.Call("officer/one", &v1::CaseService::Stub::GetCase, request), "get").case_();
}

base::Id IdOf(const std::string& name) {
  return *base::IdFromBytes(policy::IdInName(name, "cases"));
}

bool HasSketches(TestVault& vault, const std::string& name, uint16_t row = 0) {
  const auto found =
      vault.vault().database().Get(Column::kSealed, storage::SketchesKey(IdOf(name), row));
  EXPECT_TRUE(found.ok());
  return found->has_value();
}

// The probe at this cosine from `probe`, in a direction of its own for each `seed`.
v1::Template Near(v1::Template probe, double cosine, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<double> aside(static_cast<size_t>(probe.values_size()));
  double squared = 0;
  double side = 0;
  for (int i = 0; i < probe.values_size(); ++i) {
    aside[static_cast<size_t>(i)] = normal(random);
    squared += static_cast<double>(probe.values(i)) * probe.values(i);
    side += std::pow(aside[static_cast<size_t>(i)], 2);
  }
  const double step = std::tan(std::acos(cosine)) * std::sqrt(squared / side);
  for (int i = 0; i < probe.values_size(); ++i) {
    probe.set_values(i, probe.values(i) + static_cast<float>(step * aside[static_cast<size_t>(i)]));
  }
  return probe;
}

bool Repeated(const Reply<v1::IdentifyResponse>& reply) {
  EXPECT_TRUE(reply.ok()) << reply.reason;
  return reply->repeated_probe();
}

TEST(ProbeNovelty, AProbeThatComesAgainCostsTwoSearchesAndTheLogSaysSo) {
  TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  const std::string name = vault.ActiveCase(/*budget=*/6);

  const auto first = vault.Identify(name, vault.Face(person, 1));
  EXPECT_FALSE(Repeated(first));
  EXPECT_EQ(CaseNow(vault, name).searches(), 1u);
  EXPECT_FALSE(vault.EntryAt(first->intent().log_index()).command().identify().repeated_probe());

  const auto again = vault.Identify(name, Near(vault.Face(person, 1), 0.99, 1), "officer/two");
  EXPECT_TRUE(Repeated(again));
  EXPECT_EQ(again->result(), v1::SEARCH_RESULT_MATCH);
  EXPECT_EQ(CaseNow(vault, name).searches(), 3u);
  EXPECT_EQ(CaseNow(vault, name).repeated_probes(), 1u);
  EXPECT_TRUE(vault.EntryAt(again->intent().log_index()).command().identify().repeated_probe());

  // Other photographs of the same person are other probes, and so is another person's.
  EXPECT_FALSE(Repeated(vault.Identify(name, vault.Face(person, 2))));
  EXPECT_FALSE(Repeated(vault.Identify(name, vault.Face(vault.NewPerson()))));
  EXPECT_EQ(CaseNow(vault, name).searches(), 5u);

  // One search is left: too little for a probe again, and enough for another.
  EXPECT_EQ(vault.Identify(name, vault.Face(person, 2)).reason, "BUDGET_SPENT");
  EXPECT_FALSE(Repeated(vault.Identify(name, vault.Face(person, 3))));
  EXPECT_EQ(vault.Identify(name, vault.Face(person, 4)).reason, "BUDGET_SPENT");
  EXPECT_EQ(CaseNow(vault, name).searches(), 6u);
  EXPECT_TRUE(vault.CheckVault().consistent());
}

TEST(ProbeNovelty, SurvivesARestartAndARotationOfThePurpose) {
  TestVault vault;
  const Person person = vault.NewPerson();
  Must(vault.Enroll(person), "enroll");
  const std::string name = vault.ActiveCase();
  EXPECT_FALSE(Repeated(vault.Identify(name, vault.Face(person, 1))));
  vault.Restart();
  EXPECT_TRUE(Repeated(vault.Identify(name, vault.Face(person, 1))));
  Must(vault.Rotate(), "rotate");
  EXPECT_TRUE(Repeated(vault.Identify(name, vault.Face(person, 1))));
  EXPECT_FALSE(Repeated(vault.Identify(name, vault.Face(person, 2))));
}

TEST(ProbeNovelty, OfOneCaseSaysNothingOfAnother) {
  TestVault vault;
  const std::string one = vault.ActiveCase();
  const std::string two = vault.ActiveCase();
  EXPECT_FALSE(Repeated(vault.Identify(one, vault.Face(7))));
  EXPECT_FALSE(Repeated(vault.Identify(two, vault.Face(7))));
  EXPECT_TRUE(Repeated(vault.Identify(two, vault.Face(7))));
}

// Whoever opens both rows cannot tell that two cases searched for the same face.
TEST(ProbeNovelty, CannotBeLinkedBetweenCases) {
  TestVault vault;
  std::vector<v1::SealedProbeSketches> rows;
  for (int i = 0; i < 2; ++i) {
    const std::string name = vault.ActiveCase();
    Must(vault.Identify(name, vault.Face(7)), "identify");
    const auto kase = policy::Find<v1::CaseRecord>(
        vault.vault().state(), policy::key::Case(policy::IdInName(name, "cases")));
    const std::string key = storage::SketchesKey(IdOf(name), 0);
    const auto sealed = vault.vault().database().Get(Column::kSealed, key);
    const auto opened = vault.vault().sealer().Open((*kase)->slot(), service::kNoveltyUse, key,
                                                    sealed->value_or(""));
    ASSERT_TRUE(opened.ok()) << opened.status();
    ASSERT_TRUE(rows.emplace_back().ParseFromString(std::string(service::AsText(*opened))));
    ASSERT_EQ(rows.back().sketches().size(), matching::kProbeSketchBytes);
  }
  const auto bytes = [&](size_t i) {
    const std::string& text = rows[i].sketches();
    return std::vector<uint8_t>(text.begin(), text.end());
  };
  EXPECT_GT(matching::DifferingBits(bytes(0), bytes(1)), matching::kMaxRepeatBits);
}

TEST(ProbeNovelty, GoesWithItsCase) {
  TestVault vault;
  const std::string name = vault.ActiveCase();
  EXPECT_FALSE(Repeated(vault.Identify(name, vault.Face(7))));
  EXPECT_TRUE(HasSketches(vault, name));
  Must(vault.Close(name), "close");
  EXPECT_EQ(vault.Identify(name, vault.Face(7)).reason, "CASE_NOT_ACTIVE");
  vault.Advance(365 * kDay - 1);
  vault.Sweep();
  EXPECT_TRUE(HasSketches(vault, name));
  vault.Advance(1);
  vault.Sweep();
  EXPECT_FALSE(HasSketches(vault, name));
}

TEST(ProbeNovelty, IsNotAskedOfACaseWhoseKeyIsGone) {
  const TestVault vault;
  const std::string name = Must(vault.OpenCase(), "open").case_().name();
  Must(vault.Refuse(name), "refuse");
  EXPECT_EQ(vault.Identify(name, vault.Face(7)).reason, "CASE_NOT_ACTIVE");
}

// A refused search asked nothing of the gallery.
TEST(ProbeNovelty, IsNotSpentByASearchThatWasRefused) {
  TestVault vault;
  const std::string name = vault.ActiveCase();
  v1::IdentifyRequest request = vault.IdentifyRequestOf(name, vault.Face(7));
  request.clear_evidence_id();
  EXPECT_FALSE(vault.Call("officer/one", &v1::SearchService::Stub::Identify, request).ok());
  EXPECT_FALSE(HasSketches(vault, name));
  EXPECT_FALSE(Repeated(vault.Identify(name, vault.Face(7))));
}

TEST(ProbeNovelty, OfEqualProbesAtTheSameTimeExactlyOneIsNew) {
  const TestVault vault;
  for (int round = 0; round < 8; ++round) {
    const std::string name = vault.ActiveCase();
    std::vector<Reply<v1::IdentifyResponse>> replies(8);
    std::vector<std::thread> threads;
    for (auto& reply : replies) {
      threads.emplace_back([&] { reply = vault.Identify(name, vault.Face(7)); });
    }
    for (std::thread& thread : threads) thread.join();
    int fresh = 0;
    for (const auto& reply : replies) fresh += Repeated(reply) ? 0 : 1;
    EXPECT_EQ(fresh, 1);
    EXPECT_EQ(CaseNow(vault, name).searches(), 15u);
    EXPECT_EQ(CaseNow(vault, name).repeated_probes(), 7u);
  }
}

// The rows of a case are read on; none grows over its size.
TEST(ProbeNovelty, FindsAProbeOfManySearchesBefore) {
  TestVault vault;
  const std::string name = vault.ActiveCase(/*budget=*/1000);
  for (uint64_t number = 0; number < 260; ++number) {
    EXPECT_FALSE(Repeated(vault.Identify(name, vault.Face(number))));
    EXPECT_EQ(HasSketches(vault, name, 1), number >= 256);
  }
  EXPECT_TRUE(Repeated(vault.Identify(name, vault.Face(0))));
  EXPECT_TRUE(Repeated(vault.Identify(name, vault.Face(255))));
  EXPECT_TRUE(Repeated(vault.Identify(name, vault.Face(256))));
  EXPECT_FALSE(Repeated(vault.Identify(name, vault.Face(300))));
}

TEST(ProbeNovelty, ASearchFailsWhenTheSketchesDoNotOpen) {
  TestVault vault;
  const std::string name = vault.ActiveCase();
  const std::string other = vault.ActiveCase();
  Must(vault.Identify(name, vault.Face(7)), "identify");
  Must(vault.Identify(other, vault.Face(7)), "identify");
  auto& database = vault.vault().database();
  const auto moved = database.Get(Column::kSealed, storage::SketchesKey(IdOf(other), 0));
  ASSERT_TRUE(moved.ok() && moved->has_value());
  storage::Batch batch;
  batch.Put(Column::kSealed, storage::SketchesKey(IdOf(name), 0), **moved);
  ASSERT_TRUE(database.Write(std::move(batch)).ok());
  EXPECT_FALSE(vault.Identify(name, vault.Face(8)).ok());
  EXPECT_EQ(CaseNow(vault, name).searches(), 1u);
  EXPECT_TRUE(vault.Identify(other, vault.Face(8)).ok());
}

}  // namespace
}  // namespace kluis::probe_novelty_test
