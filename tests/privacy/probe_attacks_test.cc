// SPDX-License-Identifier: Apache-2.0
// Who is allowed to search, and wants a template instead of an answer. Each attack is played twice:
// against an oracle that leaks the score, where it must succeed, or it would prove nothing; and
// against the vault, over its API and within a warrant's budget, where it must not.
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "matching/kernels.h"
#include "matching/threshold.h"
#include "matching/transform.h"
#include "tests/fakes/boundary_attack.h"
#include "tests/fakes/test_vault.h"

namespace kluis::probe_attacks_test {
namespace {

using Vector = std::vector<float>;

constexpr size_t kPeople = 100;
constexpr double kFpir = 1e-3;

Vector ValuesOf(const v1::Template& face) { return {face.values().begin(), face.values().end()}; }

double Dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

// 0 for a vector of zeros: nothing is known.
double Cosine(std::span<const float> a, std::span<const float> b) {
  const double lengths = std::sqrt(Dot(a, a) * Dot(b, b));
  return lengths > 0 ? Dot(a, b) / lengths : 0;
}

// The vault with a hundred people, the first of whom the attacker is after.
class Attacked {
 public:
  Attacked() : vault_(kFpir) {
    for (size_t i = 0; i < kPeople; ++i) {
      const Person person = vault_.NewPerson();
      if (i == 0) {
        target_ = ValuesOf(vault_.Face(person));
        picture_ = ValuesOf(vault_.Face(person, 1));
      }
      Must(vault_.Enroll(person), "enroll");
    }
  }

  const Vector& target() const { return target_; }
  // Of the same person, captured another time.
  const Vector& picture() const { return picture_; }
  Vector Stranger() const { return ValuesOf(vault_.Face(vault_.NewPerson())); }
  double cut() const {
    return matching::CutFor(*matching::FindAlgorithm(TestWorld::kAlgorithm), kFpir, kPeople);
  }
  std::string NewCase(uint32_t budget) const { return vault_.ActiveCase(budget); }

  // Whether anybody matched; nothing once the budget is spent.
  std::optional<bool> Ask(const std::string& name, const Vector& probe) const {
    v1::Template face;
    face.set_algorithm(TestWorld::kAlgorithm);
    face.mutable_values()->Add(probe.begin(), probe.end());
    const auto reply = vault_.Identify(name, face);
    if (reply.reason == "BUDGET_SPENT") return std::nullopt;
    EXPECT_TRUE(reply.ok()) << reply.reason;
    return reply->result() != v1::SEARCH_RESULT_NO_MATCH;
  }

 private:
  TestVault vault_;
  Vector target_;
  Vector picture_;
};

// The control: a matcher that answers with the score, as one that Kluis has not, or with yes and no
// as often as one likes. It protects and compares with Kluis' own transform and kernel.
class LeakyOracle {
 public:
  explicit LeakyOracle(const Vector& target)
      : transform_(*matching::Transform::Create(algorithm_, std::array<uint8_t, 32>{7})),
        protected_(target.size()) {
    EXPECT_TRUE(transform_.Apply(target, protected_).ok());
  }

  double Score(const Vector& probe) const {
    Vector hidden(probe.size());
    EXPECT_TRUE(transform_.Apply(probe, hidden).ok());
    float score = 0;
    matching::BestKernels().dot(hidden.data(), protected_.data(), 1, hidden.size(), &score);
    return static_cast<double>(score);
  }

 private:
  const matching::Algorithm& algorithm_ = *matching::FindAlgorithm(TestWorld::kAlgorithm);
  const matching::Transform transform_;
  Vector protected_;
};

// A step of the hill climber, in a random direction, to a cosine of 0.91: too far for the vault to
// take it for the same probe again.
Vector Step(const Vector& probe, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  const double size = 0.45 * std::sqrt(Dot(probe, probe) / static_cast<double>(probe.size()));
  Vector next = probe;
  for (float& value : next) value += static_cast<float>(size * normal(random));
  return next;
}

struct Climb {
  double start = 0;
  double end = 0;
  int asked = 0;
  int kept = 0;
};

constexpr int kMostSearches = 10'000;  // far beyond every budget here

// Goes on from wherever `better` says so, until it says nothing.
Climb HillClimb(const Vector& target, Vector probe, std::mt19937_64& random,
                const std::function<std::optional<bool>(const Vector&)>& better) {
  Climb climb{Cosine(probe, target)};
  while (climb.asked < kMostSearches) {
    const Vector next = Step(probe, random);
    const std::optional<bool> yes = better(next);
    if (!yes.has_value()) break;
    ++climb.asked;
    if (!*yes) continue;
    probe = next;
    ++climb.kept;
  }
  climb.end = Cosine(probe, target);
  return climb;
}

TEST(HillClimbing, SucceedsOnScoresAndGainsNothingFromTheVaultWithinItsBudget) {
  const Attacked attacked;
  std::mt19937_64 random(3);
  const Vector start = attacked.Stranger();

  const LeakyOracle oracle(attacked.target());
  double best = oracle.Score(start);
  int left = 2000;
  const Climb leaky =
      HillClimb(attacked.target(), start, random, [&](const Vector& probe) -> std::optional<bool> {
        if (left-- == 0) return std::nullopt;
        const double score = oracle.Score(probe);
        if (score <= best) return false;
        best = score;
        return true;
      });
  std::printf("hill climbing: with scores from %.2f to %.2f in %d searches; the cut is %.2f\n",
              leaky.start, leaky.end, leaky.asked, attacked.cut());
  EXPECT_GT(leaky.end, attacked.cut());

  for (const uint32_t budget : {100U, 2000U}) {
    const std::string name = attacked.NewCase(budget);
    const Climb climb = HillClimb(attacked.target(), start, random,
                                  [&](const Vector& probe) { return attacked.Ask(name, probe); });
    std::printf("hill climbing: with the vault's answers from %.2f to %.2f in %d searches\n",
                climb.start, climb.end, climb.asked);
    EXPECT_EQ(climb.asked, static_cast<int>(budget));  // each step was a new probe
    EXPECT_EQ(climb.kept, 0);
    EXPECT_EQ(climb.end, climb.start);
  }
}

// Mean over attacks, so that no single lucky direction decides.
boundary::Reached MeanOf(int attacks, const std::function<boundary::Reached()>& attack) {
  boundary::Reached mean;
  for (int i = 0; i < attacks; ++i) {
    const boundary::Reached one = attack();
    mean.cosine += one.cosine / attacks;
    mean.asked += one.asked;
  }
  mean.asked /= attacks;
  return mean;
}

// Who has a matching picture does learn from yes and no; what stops it is the budget alone.
TEST(BoundaryAttackOnTheVault, GainsNoMoreThanTheBudgetGivesWhereAMatcherWithoutOneGivesAll) {
  const Attacked attacked;
  std::mt19937_64 random(7);
  const auto unit = [](const Vector& values) {
    return boundary::Unit(boundary::Vector(values.begin(), values.end()));
  };
  const boundary::Start start = {unit(attacked.target()), unit(attacked.picture()),
                                 unit(attacked.Stranger()), attacked.cut()};
  const double picture = boundary::Dot(start.picture, start.target);
  ASSERT_GT(picture, attacked.cut());

  const LeakyOracle oracle(attacked.target());
  const boundary::Reached without =
      boundary::Attack(start, boundary::kWideStep, kMostSearches, random,
                       [&](const boundary::Vector& probe) -> std::optional<bool> {
                         return oracle.Score(boundary::Floats(probe)) >= attacked.cut();
                       });
  std::printf("boundary attack: from %.2f to %.2f in %d searches without a budget\n", picture,
              without.cosine, without.asked);
  EXPECT_EQ(without.asked, kMostSearches);
  EXPECT_GT(without.cosine, 0.95);

  constexpr int kBudget = 100;
  const auto on_the_vault = [&](double step) {
    const std::string name = attacked.NewCase(kBudget);
    return boundary::Attack(start, step, kMostSearches, random, [&](const boundary::Vector& probe) {
      return attacked.Ask(name, boundary::Floats(probe));
    });
  };
  const boundary::Reached wide = MeanOf(5, [&] { return on_the_vault(boundary::kWideStep); });
  const boundary::Reached small = MeanOf(5, [&] { return on_the_vault(boundary::kSmallStep); });
  std::printf("boundary attack: on the vault to %.2f by %d wide steps, to %.2f by %d small ones\n",
              wide.cosine, wide.asked, small.cosine, small.asked);
  EXPECT_LE(wide.asked, kBudget);  // one that looks like an earlier one costs two
  EXPECT_GT(wide.asked, kBudget * 9 / 10);
  EXPECT_LT(wide.cosine, picture + 0.08);
  // All but the first are the same probe again, and cost two.
  EXPECT_GE(small.asked, kBudget / 2);
  EXPECT_LT(small.asked, kBudget * 6 / 10);
  EXPECT_LT(small.cosine, picture + 0.08);
}

// The template out of the score of one probe along each axis.
Vector Recover(size_t dimension, const std::function<double(const Vector&)>& score) {
  Vector recovered(dimension);
  for (size_t axis = 0; axis < dimension; ++axis) {
    Vector probe(dimension);
    probe[axis] = 1;
    recovered[axis] = static_cast<float>(score(probe));
  }
  return recovered;
}

TEST(ScoreRecovery, FindsTheTemplateByScoresInAsManySearchesAsItHasValuesAndNothingByAnswers) {
  const Attacked attacked;
  const size_t dimension = attacked.target().size();

  const LeakyOracle oracle(attacked.target());
  const Vector by_scores =
      Recover(dimension, [&](const Vector& probe) { return oracle.Score(probe); });
  const double leaked = Cosine(by_scores, attacked.target());

  const std::string name = attacked.NewCase(static_cast<uint32_t>(dimension));
  const Vector by_answers = Recover(dimension, [&](const Vector& probe) {
    const std::optional<bool> found = attacked.Ask(name, probe);
    EXPECT_TRUE(found.has_value());
    return found.value_or(false) ? 1.0 : 0.0;
  });
  const double told = Cosine(by_answers, attacked.target());
  std::printf("score recovery: cosine %.4f from %zu scores, %.4f from as many answers\n", leaked,
              dimension, told);
  EXPECT_GT(leaked, 0.99);
  EXPECT_LT(std::abs(told), 0.2);
}

}  // namespace
}  // namespace kluis::probe_attacks_test
