#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/formula_vectors.h"
#include "tests/support/status_matchers.h"
#include "verifier/exact_scan.h"
#include "verifier/searches.h"
#include "verifier/vector_numbers.h"

namespace vecferry::verifier {
namespace {

using core::PgKind;
using core::PgType;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using testing::FormulaVectors;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::Pointwise;
using testing::StatusIs;

std::vector<std::vector<double>> Scan(Metric metric, std::size_t k, const std::vector<std::vector<float>>& queries,
                                      const std::vector<std::vector<float>>& vectors) {
  ExactScan scan(metric, queries.front().size(), k, queries);
  for (const std::vector<float>& vector : vectors) scan.Add(vector);
  EXPECT_EQ(scan.vectors(), static_cast<std::int64_t>(vectors.size()));
  return scan.Finish();
}

TEST(ExactScanTest, AgreesWithNumpyForEveryMetric) {
  const nlohmann::json truth = nlohmann::json::parse(std::ifstream(VECFERRY_RECALL_TRUTH));
  const int dimension = truth.at("dimension").get<int>();
  const auto vectors = FormulaVectors(1, truth.at("rows").get<int>(), dimension);
  const auto queries = FormulaVectors(2, truth.at("queries").get<int>(), dimension);
  for (const auto& [metric, of_metric] : truth.at("metrics").items()) {
    const auto nearest = Scan(*ParseMetric(metric), 100, queries, vectors);
    for (std::size_t query = 0; query < queries.size(); ++query) {
      ASSERT_EQ(nearest[query].size(), 100u);
      for (const std::size_t k : {10, 100}) {
        const double expected = of_metric.at(std::to_string(k)).at("farthest").at(query).get<double>();
        EXPECT_NEAR(nearest[query][k - 1], expected, 2e-6 * std::max(1.0, std::abs(expected))) << metric << " " << k;
      }
    }
  }
}

// Of every length, so that the last step of a sum, of a run and of a block of vectors are all of different sizes.
TEST(ExactScanTest, KeepsItsAccuracyForEveryDimension) {
  for (const int dimension : {1, 2, 3, 15, 16, 17, 255, 256, 257, 1000, 1536, 16000}) {
    const auto vectors = FormulaVectors(4, 21, dimension);
    const auto queries = FormulaVectors(5, 2, dimension);
    const auto nearest = Scan(Metric::kL2, 21, queries, vectors);
    for (std::size_t query = 0; query < queries.size(); ++query) {
      std::vector<double> expected;
      for (const auto& vector : vectors) {
        double sum = 0;
        for (int i = 0; i < dimension; ++i) sum += std::pow(static_cast<double>(queries[query][i]) - vector[i], 2);
        expected.push_back(std::sqrt(sum));
      }
      std::sort(expected.begin(), expected.end());
      EXPECT_THAT(nearest[query], Pointwise(DoubleNear(2e-6 * expected.back()), expected)) << dimension;
    }
  }
}

TEST(ExactScanTest, TellsFewerDistancesWhereThereAreFewerVectors) {
  EXPECT_THAT(Scan(Metric::kL1, 5, {{1, 0}}, {{4, 0}, {1, 1}}), ElementsAre(ElementsAre(1, 3)));
  EXPECT_THAT(Scan(Metric::kL1, 5, {{1, 0}}, {}), ElementsAre(IsEmpty()));
}

TEST(ExactScanTest, SortsVectorsWithoutACosineLast) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_THAT(Scan(Metric::kCosine, 3, {{1, 0}}, {{0, 0}, {-1, 0}, {1, 0}}), ElementsAre(ElementsAre(0, 2, infinity)));
  EXPECT_FALSE(HasDistances(Metric::kCosine, {0, 0, 1e-30f}));
  EXPECT_TRUE(HasDistances(Metric::kCosine, {0, 0, 1}));
  EXPECT_TRUE(HasDistances(Metric::kL2, {0, 0}));
}

TEST(ExactScanTest, ToleratesWhatFloatsMayDifferBy) {
  ExactScan cosine(Metric::kCosine, 768, 1, FormulaVectors(1, 1, 768));
  EXPECT_NEAR(cosine.Tolerance(0, 0.5), 6.6e-6, 1e-7);
  ExactScan l2(Metric::kL2, 768, 1, FormulaVectors(1, 1, 768));
  EXPECT_EQ(l2.Tolerance(0, 0), 0);
  EXPECT_NEAR(l2.Tolerance(0, 100), 6.6e-4, 1e-5);
  ExactScan product(Metric::kInnerProduct, 4, 1, {{3, 0, 0, 0}});
  product.Add({0, 100, 0, 0});
  EXPECT_NEAR(product.Tolerance(0, 0), 4 * 0x1p-24 * 2 * 300, 1e-9);
}

TEST(CountRightTest, LetsEachDistanceAnswerForOne) {
  const auto within = [](double) { return 0.01; };
  EXPECT_EQ(CountRight({1, 2, 3}, {1, 2, 3}, within), 3);
  EXPECT_EQ(CountRight({1, 1, 1}, {1, 1, 1}, within), 3);  // ties
  EXPECT_EQ(CountRight({1, 1, 3}, {1, 3, 3}, within), 2);
  EXPECT_EQ(CountRight({1, 2, 3}, {1.005, 2.02, 2.995}, within), 2);
  EXPECT_EQ(CountRight({1, 2, 3}, {0.5, 1, 2}, within), 2);  // a nearer one that the truth does not have
  EXPECT_EQ(CountRight({1, 2, 3}, {2, 3, 4}, within), 2);    // one is missing
  EXPECT_EQ(CountRight({1, 2, 3}, {}, within), 0);
}

TEST(MetricTest, IsNamedAsReportsNameIt) {
  EXPECT_EQ(DistanceOperator(*ParseMetric("cosine")), "<=>");
  EXPECT_EQ(DistanceOperator(*ParseMetric("l2")), "<->");
  EXPECT_EQ(DistanceOperator(*ParseMetric("inner product")), "<#>");
  EXPECT_EQ(DistanceOperator(*ParseMetric("l1")), "<+>");
  EXPECT_THAT(ParseMetric("hamming"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"hamming\"")));
}

TEST(PercentileTest, IsTheNearestRank) {
  const std::vector<double> sorted = {15, 20, 35, 40, 50};
  EXPECT_EQ(Percentile(sorted, 5), 15);
  EXPECT_EQ(Percentile(sorted, 40), 20);
  EXPECT_EQ(Percentile(sorted, 50), 35);
  EXPECT_EQ(Percentile(sorted, 99), 50);
  EXPECT_EQ(Percentile({7}, 50), 7);
}

TEST(VectorNumbersTest, ReadsWhatPgvectorSends) {
  std::vector<float> numbers;
  const std::string vector("\0\2\0\0\x3f\x80\0\0\xc0\0\0\0", 12);
  EXPECT_THAT(ReadVector({PgKind::kVector, 2}, vector, numbers), IsOk());
  EXPECT_THAT(numbers, ElementsAre(1, -2));
  // 1, the largest, the smallest subnormal, the largest subnormal, -0.
  const std::string half("\0\5\0\0\x3c\0\x7b\xff\0\1\x03\xff\x80\0", 14);
  EXPECT_THAT(ReadVector({PgKind::kHalfvec, 5}, half, numbers), IsOk());
  EXPECT_THAT(numbers, ElementsAre(1, 65504, 0x1p-24f, 0x3ffp-24f, 0));
  EXPECT_THAT(ReadVector({PgKind::kVector, 3}, vector, numbers),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("2 numbers in 12 bytes stands where vector(3)")));
  EXPECT_THAT(ReadVector({PgKind::kVector, 2}, vector.substr(0, 11), numbers),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("11 bytes")));
  EXPECT_THAT(ReadVector({PgKind::kVector, 2}, "", numbers),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("0 bytes")));
}

TEST(VectorNumbersTest, WritesFloatsThatReadBack) {
  EXPECT_EQ(VectorText({0.1f, -2, 16777216}), "[0.100000001,-2,16777216]");
}

TEST(VectorNumbersTest, RoundsAsHalfvecDoes) {
  std::vector<float> numbers = {1 + 0x1p-11f, 1 + 3 * 0x1p-11f, -0.1f, 0x1p-25f, 0x1.8p-24f, 65519, 0};
  EXPECT_TRUE(RoundToType({PgKind::kHalfvec, 7}, numbers));
  EXPECT_THAT(numbers, ElementsAre(1, 1 + 0x1p-9f, -0x1.998p-4f, 0, 0x1p-23f, 65504, 0));
  numbers = {65520};
  EXPECT_FALSE(RoundToType({PgKind::kHalfvec, 1}, numbers));
  numbers = {65520};
  EXPECT_TRUE(RoundToType({PgKind::kVector, 1}, numbers));
  EXPECT_THAT(numbers, ElementsAre(65520));
}

}  // namespace
}  // namespace vecferry::verifier
