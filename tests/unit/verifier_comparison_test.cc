// Comparing two sets of rows: what is told of every way in which they can differ.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "tests/support/status_matchers.h"
#include "verifier/comparison.h"

namespace vecferry::verifier {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using vecferry::testing::IsOk;
using vecferry::testing::StatusIs;

struct Row {
  std::string key, value;
};
using Rows = std::vector<Row>;

Rows Numbered(int rows) {
  Rows numbered;
  for (int i = 0; i < rows; ++i) numbered.push_back({absl::StrCat("key ", i), absl::StrCat("value ", i)});
  return numbered;
}

ScanPart ScanOf(const Rows& rows) {
  return [&rows](const RowTaker& take) -> absl::Status {
    RowImage image;
    for (const Row& row : rows) {
      image.Clear();
      image.Add(row.key);
      image.Add(row.value);
      RETURN_IF_ERROR(take(image));
    }
    return absl::OkStatus();
  };
}

class ComparisonTest : public ::testing::Test {
 protected:
  absl::StatusOr<Outcome> CompareThem() {
    Sides sides;
    sides.key = {0};
    sides.only_source_rows = only_source_rows_;
    sides.source = ScanOf(source_);
    // Two parts, as two sessions read them.
    half_ = Rows(destination_.begin(), destination_.begin() + static_cast<std::ptrdiff_t>(destination_.size() / 2));
    rest_ = Rows(destination_.begin() + static_cast<std::ptrdiff_t>(destination_.size() / 2), destination_.end());
    sides.destination = {ScanOf(half_), ScanOf(rest_)};
    return Compare(sides, limits_);
  }

  // "missing|unexpected|differing key" of the rows that are named.
  std::vector<std::string> Named() {
    const absl::StatusOr<Outcome> outcome = CompareThem();
    EXPECT_THAT(outcome, IsOk());
    std::vector<std::string> named;
    for (const DifferentRow& row : outcome->rows) {
      const bool missing = row.kind == RowDifference::kMissing;
      named.push_back(absl::StrCat(missing                                  ? "missing "
                                   : row.kind == RowDifference::kUnexpected ? "unexpected "
                                                                            : "differing ",
                                   *(missing ? row.source : row.destination).field(0)));
    }
    std::sort(named.begin(), named.end());
    return named;
  }

  Rows source_ = Numbered(5000), destination_ = Numbered(5000), half_, rest_;
  bool only_source_rows_ = true;
  ComparisonLimits limits_;
};

TEST_F(ComparisonTest, TheSameRowsInAnotherOrderAreEqual) {
  std::reverse(destination_.begin(), destination_.end());
  const absl::StatusOr<Outcome> outcome = CompareThem();
  ASSERT_THAT(outcome, IsOk());
  EXPECT_THAT(outcome->rows, IsEmpty());
  EXPECT_EQ(outcome->source_rows, 5000);
  EXPECT_EQ(outcome->destination_rows, 5000);
}

TEST_F(ComparisonTest, NamesWhatIsMissingUnexpectedAndDiffering) {
  destination_[7].value = "other";
  destination_.erase(destination_.begin() + 4000);
  destination_.push_back({"new", "row"});
  EXPECT_THAT(Named(), ElementsAre("differing key 7", "missing key 4000", "unexpected new"));
}

TEST_F(ComparisonTest, TwoRowsThatChangedPlacesDiffer) {
  std::swap(destination_[1].value, destination_[2].value);
  EXPECT_THAT(Named(), ElementsAre("differing key 1", "differing key 2"));
}

TEST_F(ComparisonTest, ARowTwiceIsUnexpectedOnce) {
  destination_.push_back(destination_[10]);
  EXPECT_THAT(Named(), ElementsAre("unexpected key 10"));
}

TEST_F(ComparisonTest, ARowTwiceOnBothSidesIsEqual) {
  source_.push_back(source_[10]);
  destination_.insert(destination_.begin(), source_[10]);
  EXPECT_THAT(Named(), IsEmpty());
}

TEST_F(ComparisonTest, TwoSourceRowsOfOneKeyOfWhichOneArrivedAreOneMissingRow) {
  source_.push_back({"key 10", "another value"});
  EXPECT_THAT(Named(), ElementsAre("missing key 10"));
}

TEST_F(ComparisonTest, ShiftingABorderBetweenFieldsIsADifference) {
  source_[3] = {"key 3", "ab"};
  destination_[3] = {"key 3a", "b"};
  EXPECT_THAT(Named(), ElementsAre("missing key 3", "unexpected key 3a"));
}

TEST_F(ComparisonTest, RowsOfOthersAreCountedAndNoDifference) {
  only_source_rows_ = false;
  destination_.push_back({"new", "row"});
  destination_[7].value = "other";
  EXPECT_THAT(Named(), ElementsAre("differing key 7"));
  EXPECT_EQ(CompareThem()->destination_rows, 5001);
}

TEST_F(ComparisonTest, CountsAllOfManyDifferencesInSmallPieces) {
  limits_ = {.named_max = 10, .entries_max = 50};
  for (Row& row : destination_) row.value += "!";
  for (const bool only : {true, false}) {
    only_source_rows_ = only;
    const absl::StatusOr<Outcome> outcome = CompareThem();
    ASSERT_THAT(outcome, IsOk());
    EXPECT_EQ(outcome->differing, 5000);
    EXPECT_EQ(outcome->missing + outcome->unexpected, 0);
    EXPECT_THAT(outcome->rows, SizeIs(10));
  }
}

TEST_F(ComparisonTest, AnEmptySideIsAllMissing) {
  destination_.clear();
  const absl::StatusOr<Outcome> outcome = CompareThem();
  ASSERT_THAT(outcome, IsOk());
  EXPECT_EQ(outcome->missing, 5000);
}

TEST_F(ComparisonTest, ASideThatCannotBeReadIsAnErrorAndNoEmptySide) {
  for (const bool source_fails : {true, false}) {
    Sides sides;
    sides.key = {0};
    const ScanPart fails = [](const RowTaker&) { return absl::DataLossError("damaged"); };
    sides.source = source_fails ? fails : ScanOf(source_);
    sides.destination = {ScanOf(destination_), source_fails ? ScanOf(destination_) : fails};
    EXPECT_THAT(Compare(sides), StatusIs(absl::StatusCode::kDataLoss, "damaged"));
  }
}

}  // namespace
}  // namespace vecferry::verifier
