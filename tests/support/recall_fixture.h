#ifndef VECFERRY_TESTS_SUPPORT_RECALL_FIXTURE_H_
#define VECFERRY_TESTS_SUPPORT_RECALL_FIXTURE_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/support/formula_vectors.h"
#include "tests/support/test_postgres.h"
#include "tests/support/told_findings.h"
#include "verifier/recall.h"

namespace vecferry::verifier {

using Told = testing::ToldFindings;
using Vectors = std::vector<std::vector<float>>;

inline constexpr int kDimension = 48;

// A table `copy` that searches are measured in, and others that stand for sources. Not thread-safe.
class RecallTest : public ::testing::Test {
 protected:
  RecallTest() { options_.queries = 25; }

  void MakeTable(const std::string& table, const std::string& type, const Vectors& vectors) {
    database_.Run(
        absl::StrCat("CREATE TABLE ", table, " (id integer PRIMARY KEY, slice integer, embedding ", type, ")"));
    std::vector<std::string> rows;
    for (const std::vector<float>& vector : vectors) {
      rows.push_back(absl::StrCat("(", rows.size(), ", ", rows.size() % 3, ", '[", absl::StrJoin(vector, ","), "]')"));
    }
    if (!rows.empty()) database_.Run(absl::StrCat("INSERT INTO ", table, " VALUES ", absl::StrJoin(rows, ",")));
    database_.Run(absl::StrCat("ANALYZE ", table));
  }

  // The vectors of a table as pgvector sends them.
  ForEachVector Source(const std::string& table, const std::string& type = "vector",
                       const std::string& where = "true") {
    return [rows = database_.Query(absl::StrCat("SELECT encode(", type, "_send(embedding), 'hex') FROM ", table,
                                                " WHERE ", where, " ORDER BY id"))](const auto& each) -> absl::Status {
      for (const std::string& row : rows) {
        const absl::Status status = each(absl::HexStringToBytes(row));
        if (!status.ok()) return status;
      }
      return absl::OkStatus();
    };
  }

  RecallTarget Target(const std::string& metric, const std::string& index = "") {
    return {.schema = "public",
            .table = "copy",
            .column = "embedding",
            .type = {core::PgKind::kVector, kDimension},
            .extension_schema = "public",
            .metric = metric,
            .index = index};
  }

  // The figures of the damaged copy, by the test's own formula and those of numpy.
  const Vectors stored_ = testing::FormulaVectors(1, 1000, kDimension),
                asked_ = testing::FormulaVectors(2, 20, kDimension);
  testing::TestDatabase database_;
  postgres::Connection session_ = database_.Connect();
  RecallOptions options_;
  Told told_;
};

}  // namespace vecferry::verifier

#endif  // VECFERRY_TESTS_SUPPORT_RECALL_FIXTURE_H_
