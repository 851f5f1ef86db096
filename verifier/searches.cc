#include "verifier/searches.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "verifier/vector_numbers.h"

namespace vecferry::verifier {
namespace {

constexpr int kEfSearchMax = 1000;  // pgvector's

// A sort is forbidden too: under a condition, another index and a sort would compete with the target's.
constexpr char kIndexOnly[] =
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off; "
    "SET LOCAL enable_indexscan = on";
constexpr char kNoIndex[] =
    "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off; "
    "SET LOCAL enable_seqscan = on; SET LOCAL enable_sort = on";

constexpr char kMethodSql[] =
    "SELECT method.amname FROM pg_catalog.pg_class index JOIN pg_catalog.pg_am method ON method.oid = index.relam "
    "WHERE index.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1) AND index.relname = $2";

std::string DistanceSql(const RecallTarget& target, Metric metric) {
  return absl::StrCat(core::QuoteIdentifier(target.column), " OPERATOR(",
                      core::QuoteIdentifier(target.extension_schema), ".", DistanceOperator(metric),
                      ") $1::", core::ToSql(target.type, target.extension_schema));
}

// Whether a plan in EXPLAIN's JSON has rows in the order of this index.
bool Uses(const nlohmann::json& plan, const std::string& index) {
  if (plan.value("Index Name", "") == index && plan.contains("Order By")) return true;
  const auto parts = plan.find("Plans");
  return parts != plan.end() &&
         std::any_of(parts->begin(), parts->end(), [&](const nlohmann::json& part) { return Uses(part, index); });
}

// Distances of the first column, without NULL (rows without a vector) and what is no number.
std::vector<double> Distances(const postgres::Result& rows) {
  std::vector<double> distances;
  for (int row = 0; row < rows.rows(); ++row) {
    double distance = 0;
    if (absl::SimpleAtod(rows.text(row, 0), &distance) && std::isfinite(distance)) distances.push_back(distance);
  }
  // Indexes sort by what they store, which may differ in the last bits.
  std::sort(distances.begin(), distances.end());
  return distances;
}

}  // namespace

double Percentile(const std::vector<double>& sorted, int percent) {
  const std::size_t rank = (sorted.size() * static_cast<std::size_t>(percent) + 99) / 100;
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

Searches::Searches(const RecallTarget& target, Metric metric, const std::vector<std::vector<float>>& queries,
                   postgres::Connection& connection)
    : target_(target), distance_(DistanceSql(target, metric)), connection_(connection) {
  for (const std::vector<float>& query : queries) parameters_.emplace_back(VectorText(query));
}

std::string Searches::Sql(int k) const {
  const std::string where = target_.slice_condition.empty() ? "" : absl::StrCat(" WHERE ", target_.slice_condition);
  return absl::StrCat("SELECT ", distance_, " FROM ", core::QualifiedName(target_.schema, target_.table), where,
                      " ORDER BY ", distance_, " LIMIT ", k);
}

absl::StatusOr<Answers> Searches::WithoutIndex(int k) {
  RETURN_IF_ERROR(connection_.ExecuteScript(kNoIndex));
  return Ask(k);
}

absl::StatusOr<std::string> Searches::WhyNotByIndex(int k) {
  RETURN_IF_ERROR(LookUpIndex());
  if (method_.empty()) return absl::StrCat("there is no index ", target_.index);
  RETURN_IF_ERROR(AllowIndexOnly(k));
  ASSIGN_OR_RETURN(const postgres::Result explained,
                   connection_.Execute(absl::StrCat("EXPLAIN (FORMAT JSON) ", Sql(k)), {parameters_.front()}));
  const nlohmann::json plan = nlohmann::json::parse(std::string(explained.text(0, 0)), nullptr, false);
  if (!plan.is_array() || plan.empty()) return absl::InternalError("EXPLAIN (FORMAT JSON) told no plan");
  return Uses(plan.front().value("Plan", nlohmann::json::object()), target_.index)
             ? std::string()
             : absl::StrCat("searches cannot use index ", target_.index, ", even where nothing else is allowed");
}

absl::StatusOr<Answers> Searches::ByIndex(int k) {
  RETURN_IF_ERROR(AllowIndexOnly(k));
  return Ask(k);
}

absl::Status Searches::LookUpIndex() {
  ASSIGN_OR_RETURN(const postgres::Result method, connection_.Execute(kMethodSql, {target_.schema, target_.index}));
  method_ = method.rows() == 0 ? "" : std::string(method.text(0, 0));
  if (method_ == "hnsw") {
    ASSIGN_OR_RETURN(const postgres::Result set, connection_.Execute("SELECT current_setting('hnsw.ef_search')"));
    server_ef_search_ = static_cast<int>(set.integer(0, 0));
  } else if (method_ == "ivfflat") {
    ASSIGN_OR_RETURN(const postgres::Result set, connection_.Execute("SELECT current_setting('ivfflat.probes')"));
    effort_ = absl::StrCat("ivfflat.probes ", set.text(0, 0));
  }
  return absl::OkStatus();
}

absl::Status Searches::AllowIndexOnly(int k) {
  RETURN_IF_ERROR(connection_.ExecuteScript(kIndexOnly));
  if (method_ != "hnsw") return absl::OkStatus();
  // Its searches return at most so many rows.
  const int ef_search = std::max(server_ef_search_, std::min(k, kEfSearchMax));
  effort_ = absl::StrCat("hnsw.ef_search ", ef_search);
  return connection_.ExecuteScript(absl::StrCat("SET LOCAL hnsw.ef_search = ", ef_search));
}

absl::StatusOr<Answers> Searches::Ask(int k) {
  const std::string sql = Sql(k);
  Answers answers;
  std::vector<double> milliseconds;
  for (const postgres::Param& parameter : parameters_) {
    const auto begun = std::chrono::steady_clock::now();
    ASSIGN_OR_RETURN(const postgres::Result rows, connection_.Execute(sql, {parameter}));
    const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - begun;
    milliseconds.push_back(taken.count());
    answers.distances.push_back(Distances(rows));
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  answers.latency = {Percentile(milliseconds, 50), Percentile(milliseconds, 95), Percentile(milliseconds, 99)};
  return answers;
}

}  // namespace vecferry::verifier
