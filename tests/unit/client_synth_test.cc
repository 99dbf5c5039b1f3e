// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "client/npy.h"
#include "client/synth.h"

namespace kluis::client::synth_test {
namespace {

using Template = std::vector<float>;

constexpr uint64_t kPeople = 4000;

Population Of(std::string_view shape, uint64_t seed) {
  absl::StatusOr<Population> population = Population::Create(shape, seed);
  EXPECT_TRUE(population.ok());
  return *population;
}

Template Row(const Population& population, uint64_t person, uint32_t capture) {
  Template row(population.dimension());
  population.Capture(person, capture, row);
  return row;
}

double Dot(const Template& a, const Template& b) {
  double sum = 0.0;
  for (size_t k = 0; k < a.size(); ++k) sum += double{a[k]} * double{b[k]};
  return sum;
}

double Length(const Template& a) { return std::sqrt(Dot(a, a)); }

double Cosine(const Template& a, const Template& b) { return Dot(a, b) / (Length(a) * Length(b)); }

double Distance(const Template& a, const Template& b) {
  return std::sqrt(Dot(a, a) + Dot(b, b) - 2.0 * Dot(a, b));
}

class Moments {
 public:
  void Add(double value) {
    ++count_;
    sum_ += value;
    squares_ += value * value;
  }
  double mean() const { return sum_ / count_; }
  double deviation() const { return std::sqrt(squares_ / count_ - mean() * mean()); }

 private:
  double count_ = 0, sum_ = 0, squares_ = 0;
};

struct Measured {
  Moments genuine, impostor, length;
  double mean_length = 0;           // of the mean of all vectors
  double effective_dimensions = 0;  // (trace C)^2 / trace C^2 of the covariance C
};

Measured Measure(const Population& population,
                 const std::function<double(const Template&, const Template&)>& score) {
  std::vector<Template> enrolled, probes;
  std::vector<double> mean(population.dimension());
  for (uint64_t i = 0; i < kPeople; ++i) {
    enrolled.push_back(Row(population, i, 0));
    probes.push_back(Row(population, i, 1));
    for (size_t k = 0; k < mean.size(); ++k) mean[k] += double{enrolled[i][k]} / double{kPeople};
  }
  Measured measured;
  for (uint64_t i = 0; i < kPeople; ++i) {
    measured.genuine.Add(score(enrolled[i], probes[i]));
    measured.length.Add(Length(enrolled[i]));
    for (const uint64_t step : {1, 17, 333}) {
      measured.impostor.Add(score(enrolled[i], probes[(i + step) % kPeople]));
    }
  }
  for (const double value : mean) measured.mean_length += value * value;
  measured.mean_length = std::sqrt(measured.mean_length);

  // For independent centred x and y: E|x|^2 = trace C and E(x.y)^2 = trace C^2.
  for (std::vector<Template>* set : {&enrolled, &probes}) {
    for (Template& row : *set) {
      for (size_t k = 0; k < row.size(); ++k) row[k] -= static_cast<float>(mean[k]);
    }
  }
  double trace = 0, trace_of_square = 0;
  for (uint64_t i = 0; i < kPeople; ++i) {
    trace += Dot(enrolled[i], enrolled[i]) / double{kPeople};
    for (const uint64_t step : {1, 17, 333}) {
      const double product = Dot(enrolled[i], probes[(i + step) % kPeople]);
      trace_of_square += product * product / (3.0 * double{kPeople});
    }
  }
  measured.effective_dimensions = trace * trace / trace_of_square;
  return measured;
}

TEST(SplitMix64, GivesThePublishedSequence) {
  SplitMix64 source(1234567);
  EXPECT_EQ(source.Next(), 6457827717110365317ULL);
  EXPECT_EQ(source.Next(), 3203168211198807973ULL);
  EXPECT_EQ(source.Next(), 9817491932198370423ULL);
}

TEST(Xoshiro256pp, GivesTheSequenceOfTheReferenceImplementation) {
  Xoshiro256pp random(std::array<uint64_t, 4>{1, 2, 3, 4});
  for (const uint64_t expected :
       {41943041ULL, 58720359ULL, 3588806011781223ULL, 3591011842654386ULL, 9228616714210784205ULL,
        9973669472204895162ULL, 14011001112246962877ULL}) {
    EXPECT_EQ(random.Next(), expected);
  }
}

TEST(Xoshiro256pp, GaussianHasMeanZeroAndDeviationOne) {
  Xoshiro256pp random(5);
  std::vector<double> values(100'001);
  random.Gaussian(values);
  Moments moments;
  for (const double value : values) moments.Add(value);
  EXPECT_NEAR(moments.mean(), 0.0, 0.015);
  EXPECT_NEAR(moments.deviation(), 1.0, 0.015);
}

TEST(Population, ArcfaceScoresAreAsMeasuredOnFaces) {
  const Measured measured = Measure(Of("arcface-512", 1), Cosine);
  EXPECT_NEAR(measured.genuine.mean(), 0.74, 0.01);
  EXPECT_NEAR(measured.genuine.deviation(), 0.09, 0.015);
  EXPECT_NEAR(measured.impostor.mean(), 0.01, 0.01);
  EXPECT_NEAR(measured.impostor.deviation(), 0.10, 0.015);
  EXPECT_GT(measured.effective_dimensions, 80.0);
  EXPECT_LT(measured.effective_dimensions, 130.0);
}

TEST(Population, ArcfaceVectorsAreNotOfLengthOne) {
  const Measured measured = Measure(Of("arcface-512", 2), Cosine);
  EXPECT_NEAR(measured.length.mean(), 20.0, 1.0);
  EXPECT_GT(measured.length.deviation(), 1.0);
}

TEST(Population, DlibDistancesAreAsMeasuredOnFaces) {
  const Measured measured = Measure(Of("dlib-128", 3), Distance);
  EXPECT_NEAR(measured.genuine.mean(), 0.39, 0.015);
  EXPECT_NEAR(measured.genuine.deviation(), 0.07, 0.015);
  EXPECT_NEAR(measured.impostor.mean(), 0.88, 0.015);
  EXPECT_NEAR(measured.impostor.deviation(), 0.08, 0.015);
}

TEST(Population, DlibVectorsShareAMeanAndVaryLittleInLength) {
  const Measured measured = Measure(Of("dlib-128", 4), Distance);
  EXPECT_NEAR(measured.length.mean(), 1.51, 0.015);
  EXPECT_NEAR(measured.length.deviation(), 0.07, 0.015);
  EXPECT_NEAR(measured.mean_length, 1.39, 0.015);
}

TEST(Population, NoCoordinateCarriesMuchOfTheVariance) {
  const Population population = Of("arcface-512", 6);
  std::vector<Moments> moments(population.dimension());
  for (uint64_t i = 0; i < 500; ++i) {
    const Template row = Row(population, i, 0);
    for (size_t k = 0; k < row.size(); ++k) moments[k].Add(row[k]);
  }
  double largest = 0.0, total = 0.0;
  for (const Moments& m : moments) {
    const double variance = m.deviation() * m.deviation();
    largest = std::max(largest, variance);
    total += variance;
  }
  EXPECT_LT(largest, 0.01 * total);
}

TEST(Population, IsAFunctionOfShapeSeedPersonAndCapture) {
  const Population population = Of("dlib-128", 7);
  const Template row = Row(population, 3, 1);
  EXPECT_EQ(row, Row(Of("dlib-128", 7), 3, 1));
  EXPECT_NE(row, Row(Of("dlib-128", 8), 3, 1));
  EXPECT_NE(row, Row(population, 4, 1));
  EXPECT_NE(row, Row(population, 3, 2));
}

TEST(Population, RowsAreTheSameInAnyOrder) {
  const Population population = Of("arcface-512", 9);
  std::vector<Template> forward;
  for (uint64_t i = 0; i < 20; ++i) forward.push_back(Row(population, i, 0));
  for (uint64_t i = 20; i-- > 0;) EXPECT_EQ(Row(population, i, 0), forward[i]) << i;
}

// Fails when the model changes: then it needs another name than kluis-synth-1.
TEST(Population, FirstValuesOfTheModelAreFixed) {
  EXPECT_EQ(kSynthModel, "kluis-synth-1");
  const Template arcface = Row(Of("arcface-512", 1), 0, 0);
  const Template dlib = Row(Of("dlib-128", 1), 999'999, 1);
  EXPECT_NEAR(arcface[0], -0.451276809, 1e-5);
  EXPECT_NEAR(arcface[511], -0.176088303, 1e-5);
  EXPECT_NEAR(dlib[0], 0.0122521762, 1e-6);
  EXPECT_NEAR(dlib[127], 0.0544247739, 1e-6);
}

TEST(PopulationCreate, RefusesAnUnknownShapeAndNamesTheKnownOnes) {
  const absl::Status status = Population::Create("facenet", 1).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("arcface-512, dlib-128"));
}

class WritePopulationTest : public testing::Test {
 protected:
  WritePopulationTest() { std::filesystem::remove_all(folder_); }
  ~WritePopulationTest() override { std::filesystem::remove_all(folder_); }

  const std::string folder_ = testing::TempDir() + "kluis_write_population_" +
                              testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(WritePopulationTest, RowIOfEveryFileIsPersonI) {
  const Population population = Of("dlib-128", 11);
  ASSERT_TRUE(WritePopulation(population, 50, 3, folder_).ok());
  uint32_t capture = 0;
  for (const char* name : {"/enrolled.npy", "/probes.npy", "/probes-2.npy"}) {
    absl::StatusOr<NpyReader> reader = NpyReader::Open(folder_ + name);
    ASSERT_TRUE(reader.ok()) << reader.status();
    EXPECT_EQ(reader->rows(), 50u);
    for (uint64_t person = 0; person < 50; ++person) {
      Template row(128);
      ASSERT_TRUE(reader->ReadRow(row).ok());
      EXPECT_EQ(row, Row(population, person, capture));
    }
    ++capture;
  }
}

TEST_F(WritePopulationTest, SummarySaysHowToMakeItAgain) {
  ASSERT_TRUE(WritePopulation(Of("dlib-128", ~0ULL), 5, 2, folder_).ok());
  std::ifstream file(folder_ + "/population.json");
  const nlohmann::json summary = nlohmann::json::parse(file);
  EXPECT_EQ(summary["model"], "kluis-synth-1");
  EXPECT_EQ(summary["shape"], "dlib-128");
  EXPECT_EQ(summary["seed"], ~0ULL);
  EXPECT_EQ(summary["people"], 5);
  EXPECT_EQ(summary["captures"], 2);
  EXPECT_EQ(summary["files"], (std::vector<std::string>{"enrolled.npy", "probes.npy"}));
}

TEST_F(WritePopulationTest, DoesNotOverwrite) {
  const Population population = Of("dlib-128", 12);
  ASSERT_TRUE(WritePopulation(population, 2, 2, folder_).ok());
  EXPECT_EQ(WritePopulation(population, 2, 2, folder_).code(),
            absl::StatusCode::kFailedPrecondition);
  std::filesystem::remove(folder_ + "/population.json");
  EXPECT_EQ(WritePopulation(population, 2, 2, folder_).code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(WritePopulationTest, RefusesCountsOutOfRangeAndWritesNothing) {
  const Population population = Of("dlib-128", 13);
  for (const auto& [people, captures] : std::vector<std::pair<uint64_t, uint32_t>>{
           {0, 2}, {10'000'001, 2}, {1, 0}, {1, 1}, {1, 17}}) {
    EXPECT_EQ(WritePopulation(population, people, captures, folder_).code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_FALSE(std::filesystem::exists(folder_));
}

TEST_F(WritePopulationTest, ReportsAFolderThatCannotBeMade) {
  const absl::Status status = WritePopulation(Of("dlib-128", 14), 1, 2, folder_ + "/a/b");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace kluis::client::synth_test
