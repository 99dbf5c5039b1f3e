// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "service/process/fault.h"

namespace kluis::service::fault_test {
namespace {

using Leaves = Fault::Leaves;

const absl::Status kWitnessed = absl::DataLossError("a witness holds another log");
const absl::Status kExchanged = absl::DataLossError("the database was exchanged");

TEST(Fault, ThatIsNoneLetsEverythingPass) {
  Fault fault;
  fault.Set(absl::OkStatus());
  EXPECT_TRUE(fault.Check(Leaves::kNothing).ok());
  EXPECT_TRUE(fault.Check(Leaves::kRevocations).ok());
  EXPECT_EQ(fault.text(), "");
}

TEST(Fault, LeavesWhatItSays) {
  Fault witnessed;
  witnessed.Set(kWitnessed, Leaves::kRevocations);
  EXPECT_TRUE(absl::IsUnavailable(witnessed.Check(Leaves::kNothing)));
  EXPECT_TRUE(witnessed.Check(Leaves::kRevocations).ok());
  Fault exchanged;
  exchanged.Set(kExchanged);
  EXPECT_TRUE(absl::IsUnavailable(exchanged.Check(Leaves::kNothing)));
  EXPECT_TRUE(absl::IsUnavailable(exchanged.Check(Leaves::kRevocations)));
}

TEST(Fault, IsReplacedByAWorseOne) {
  Fault fault;
  std::vector<std::string> told;
  fault.Tell([&](const std::string& text) { told.push_back(text); });
  fault.Set(kWitnessed, Leaves::kRevocations);
  fault.Set(kExchanged, Leaves::kNothing);
  EXPECT_TRUE(absl::IsUnavailable(fault.Check(Leaves::kRevocations)));
  EXPECT_EQ(fault.text(), kExchanged.message());
  EXPECT_EQ(told, (std::vector<std::string>{std::string(kWitnessed.message()),
                                            std::string(kExchanged.message())}));
}

TEST(Fault, IsNotReplacedByOneThatIsNotWorse) {
  for (const Leaves first : {Leaves::kNothing, Leaves::kRevocations}) {
    Fault fault;
    int told = 0;
    fault.Tell([&](const std::string&) { ++told; });
    fault.Set(kExchanged, first);
    fault.Set(kWitnessed, first);
    fault.Set(kWitnessed, Leaves::kRevocations);
    EXPECT_EQ(fault.text(), kExchanged.message());
    EXPECT_EQ(fault.Check(Leaves::kRevocations).ok(), first == Leaves::kRevocations);
    EXPECT_EQ(told, 1);
  }
}

}  // namespace
}  // namespace kluis::service::fault_test
