#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/recall_fixture.h"
#include "tests/support/status_matchers.h"

// Searches of a real server against brute force that shares nothing with the scan under test.
namespace vecferry::verifier {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::SizeIs;

double Cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double product = 0, a_squares = 0, b_squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += static_cast<double>(a[i]) * b[i];
    a_squares += static_cast<double>(a[i]) * a[i];
    b_squares += static_cast<double>(b[i]) * b[i];
  }
  return 1 - product / std::sqrt(a_squares * b_squares);
}

// The rows nearest to a query.
std::set<int> Nearest(const Vectors& vectors, const std::vector<float>& query, std::size_t k) {
  std::vector<std::pair<double, int>> rows;
  for (const std::vector<float>& vector : vectors) rows.emplace_back(Cosine(query, vector), rows.size());
  std::sort(rows.begin(), rows.end());
  std::set<int> nearest;
  for (std::size_t i = 0; i < k; ++i) nearest.insert(rows[i].second);
  return nearest;
}

TEST_F(RecallTest, AgreesWithNumpyOfADamagedCopy) {
  Vectors damaged = stored_;
  for (std::size_t row = 3; row < damaged.size(); row += 10) damaged[row] = testing::FormulaVector(3, row, kDimension);
  MakeTable("source", "vector(48)", stored_);
  MakeTable("copy", "vector(48)", damaged);
  const nlohmann::json truth = nlohmann::json::parse(std::ifstream(VECFERRY_RECALL_TRUTH));
  options_.exact_min = 0;
  for (const auto& [metric, of_metric] : truth.at("metrics").items()) {
    for (const bool every_row : {false, true}) {
      options_.queries = every_row ? 1000 : 0;
      options_.own_queries = every_row ? Vectors() : asked_;
      Told told;
      ASSERT_THAT(MeasureRecall(Target(metric), options_, Source("source"), session_, told), IsOk());
      ASSERT_THAT(told.recall, SizeIs(2));
      for (const core::RecallReport& report : told.recall) {
        const nlohmann::json& figures = of_metric.at(std::to_string(report.k));
        EXPECT_NEAR(report.exact, figures.at(every_row ? "recall_of_every_row" : "recall_of_queries").get<double>(),
                    5e-4)
            << metric << " at " << report.k;
        EXPECT_EQ(report.queries, every_row ? 1000 : 20);
      }
    }
  }
}

TEST_F(RecallTest, MeasuresWhatAnIndexLoses) {
  MakeTable("copy", "vector(48)", stored_);
  // Of few links, so that there is something to lose.
  database_.Run("CREATE INDEX near ON copy USING hnsw (embedding vector_cosine_ops) WITH (m = 3, ef_construction = 6)");
  options_.queries = 0;
  options_.own_queries = asked_;
  ASSERT_THAT(MeasureRecall(Target("cosine", "near"), options_, Source("copy"), session_, told_), IsOk());
  ASSERT_THAT(told_.recall, SizeIs(2));
  for (const core::RecallReport& report : told_.recall) {
    database_.Run(absl::StrCat("SET enable_seqscan = off; SET hnsw.ef_search = ", std::max(report.k, 40)));
    int found = 0;
    for (const std::vector<float>& query : asked_) {
      const std::set<int> nearest = Nearest(stored_, query, report.k);
      for (const std::string& id : database_.Query(absl::StrCat("SELECT id FROM copy ORDER BY embedding <=> '[",
                                                                absl::StrJoin(query, ","), "]' LIMIT ", report.k))) {
        found += static_cast<int>(nearest.count(std::stoi(id)));
      }
    }
    EXPECT_EQ(report.exact, 1);
    EXPECT_DOUBLE_EQ(report.index, found / static_cast<double>(report.k * asked_.size()));
    EXPECT_LT(report.index, 1) << "the test's index loses nothing";
    for (const core::LatencyReport& latency : {report.by_index, report.without_index}) {
      EXPECT_GT(latency.p50, 0);
      EXPECT_LE(latency.p50, latency.p95);
      EXPECT_LE(latency.p95, latency.p99);
    }
  }
  EXPECT_EQ(told_.Check("recall_exact@10").actual, "1.0000");
  EXPECT_THAT(told_.Check("recall_index@10").evidence, HasSubstr("by index near at hnsw.ef_search 40 "));
  EXPECT_THAT(told_.Check("recall_index@100").evidence, HasSubstr("by index near at hnsw.ef_search 100 "));
  EXPECT_THAT(told_.differences, IsEmpty());
}

TEST_F(RecallTest, CountsDeletedRowsAsWrongAnswers) {
  MakeTable("source", "vector(48)", stored_);
  MakeTable("copy", "vector(48)", stored_);
  database_.Run("DELETE FROM copy WHERE id % 7 = 0");
  options_.queries = 0;
  options_.own_queries = asked_;
  ASSERT_THAT(MeasureRecall(Target("cosine"), options_, Source("source"), session_, told_), IsOk());
  int kept = 0;
  for (const std::vector<float>& query : asked_) {
    for (const int id : Nearest(stored_, query, 10)) kept += id % 7 == 0 ? 0 : 1;
  }
  ASSERT_EQ(told_.recall.front().k, 10);
  EXPECT_DOUBLE_EQ(told_.recall.front().exact, kept / 200.0);
  const core::CheckReport& check = told_.Check("recall_exact@10");
  EXPECT_EQ(check.verdict, "fail");
  EXPECT_EQ(check.expected, ">= 0.999");
  EXPECT_THAT(std::stod(check.actual), ::testing::DoubleNear(kept / 200.0, 1e-4));
  EXPECT_THAT(check.evidence, HasSubstr("0 of 1000 vectors (seed 1) and 20 of the given queries"));
  ASSERT_THAT(told_.differences, SizeIs(2));
  EXPECT_EQ(told_.differences.front().kind, "recall");
  EXPECT_EQ(told_.differences.front().columns, "embedding");
  EXPECT_THAT(told_.differences.front().detail,
              HasSubstr(absl::StrCat(200 - kept, " of 200 answers are wrong or missing")));
}

TEST_F(RecallTest, CountsAnswersThatAreTooNearAsWrong) {
  MakeTable("source", "vector(48)", stored_);
  Vectors shrunk = stored_;
  for (std::vector<float>& vector : shrunk) {
    for (float& number : vector) number /= 2;
  }
  MakeTable("copy", "vector(48)", shrunk);
  options_.queries = 0;
  options_.own_queries = asked_;
  ASSERT_THAT(MeasureRecall(Target("l2"), options_, Source("source"), session_, told_), IsOk());
  EXPECT_LT(told_.recall.front().exact, 0.02);
}

TEST_F(RecallTest, CountsTies) {
  Vectors repeated;
  for (int row = 0; row < 500; ++row) repeated.push_back(stored_[row % 50]);
  MakeTable("copy", "vector(48)", repeated);
  database_.Run("CREATE INDEX near ON copy USING hnsw (embedding vector_cosine_ops)");
  ASSERT_THAT(MeasureRecall(Target("cosine", "near"), options_, Source("copy"), session_, told_), IsOk());
  for (const core::RecallReport& report : told_.recall) {
    EXPECT_EQ(report.exact, 1);
    EXPECT_GT(report.index, 0.98);
  }
}

TEST_F(RecallTest, AsksForTheSameVectorsInEveryRun) {
  MakeTable("source", "vector(48)", stored_);
  MakeTable("copy", "vector(48)", stored_);
  database_.Run("DELETE FROM copy WHERE id % 3 = 0");
  std::map<std::uint64_t, double> shares;
  std::set<double> distinct;
  for (const std::uint64_t seed : {1, 2, 3, 4, 1, 2}) {
    options_.seed = seed;
    Told told;
    ASSERT_THAT(MeasureRecall(Target("cosine"), options_, Source("source"), session_, told), IsOk());
    const double share = told.recall.back().exact;
    EXPECT_EQ(shares.emplace(seed, share).first->second, share);
    distinct.insert(share);
  }
  EXPECT_GT(distinct.size(), 1u);
}

TEST_F(RecallTest, HoldsAnIndexToWhatIsRequiredOfIt) {
  MakeTable("copy", "vector(48)", stored_);
  database_.Run("CREATE INDEX near ON copy USING hnsw (embedding vector_cosine_ops) WITH (m = 2, ef_construction = 4)");
  options_.index_min = 1;
  ASSERT_THAT(MeasureRecall(Target("cosine", "near"), options_, Source("copy"), session_, told_), IsOk());
  EXPECT_EQ(told_.Check("recall_index@10").verdict, "fail");
  EXPECT_EQ(told_.Check("recall_index@10").expected, ">= 1");
  EXPECT_THAT(told_.differences.front().detail, HasSubstr("recall_index@10 of embedding is 0."));
}

}  // namespace
}  // namespace vecferry::verifier
