#include "verifier/index_query.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/base/status_macros.h"
#include "common/core/types.h"
#include "verifier/structure_tell.h"

namespace vecferry::verifier {
namespace {

constexpr int kNeighbours = 10;

constexpr char kShapeSql[] =
    "SELECT m.amname, pg_catalog.pg_get_expr(i.indpred, i.indrelid), o.oid, p.oprname, n.nspname, a.attname, "
    "pg_catalog.format_type(a.atttypid, a.atttypmod) FROM pg_catalog.pg_class x "
    "JOIN pg_catalog.pg_namespace s ON s.oid = x.relnamespace AND s.nspname = $1 "
    "JOIN pg_catalog.pg_index i ON i.indexrelid = x.oid JOIN pg_catalog.pg_am m ON m.oid = x.relam "
    "CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) AS k(place) "
    "LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.place] "
    "JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[k.place] "
    "LEFT JOIN pg_catalog.pg_amop r ON r.amopfamily = o.opcfamily AND r.amoppurpose = 'o' AND r.amoplefttype = "
    "o.opcintype LEFT JOIN pg_catalog.pg_operator p ON p.oid = r.amopopr "
    "LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.oprnamespace WHERE x.relname = $2 ORDER BY k.place";

class Queries {
 public:
  Queries(postgres::Connection& session, const std::string& table, const IndexShape& shape)
      : session_(session), table_(table), shape_(shape) {}

  absl::StatusOr<IndexQueries> Make() {
    const bool expression = std::any_of(shape_.key.begin(), shape_.key.end(),
                                        [](const IndexShape::Column& column) { return column.name.empty(); });
    if (expression || shape_.key.empty()) return Unknown();
    if (!shape_.order_operator.empty() && shape_.method != "gist") return ByDistance();
    if (shape_.method == "btree" || shape_.method == "hash") return ByEquality();
    if (shape_.method == "gin" && shape_.key.size() == 1) return ByElement();
    return Unknown();
  }

 private:
  static IndexQueries Unknown() {
    IndexQueries queries;
    queries.unknown = true;
    return queries;
  }

  std::string Condition(std::vector<std::string> conditions) const {
    if (!shape_.predicate.empty()) conditions.push_back(absl::StrCat("(", shape_.predicate, ")"));
    return conditions.empty() ? "" : absl::StrCat(" WHERE ", absl::StrJoin(conditions, " AND "));
  }

  // The first row of `select` under these conditions; nullopt = there is none.
  absl::StatusOr<std::optional<postgres::Result>> Sample(const std::string& select,
                                                         const std::vector<std::string>& conditions) {
    ASSIGN_OR_RETURN(postgres::Result row, session_.Execute(absl::StrCat("SELECT ctid, ", select, " FROM ", table_,
                                                                         Condition(conditions), " LIMIT 1")));
    if (row.rows() == 0) return std::optional<postgres::Result>();
    return std::optional<postgres::Result>(std::move(row));
  }

  absl::StatusOr<IndexQueries> None() {
    ASSIGN_OR_RETURN(const postgres::Result any, session_.Execute(absl::StrCat("SELECT FROM ", table_, " LIMIT 1")));
    IndexQueries queries;
    queries.why_none = any.rows() == 0 ? "the table has no rows" : "no row has a value for it";
    return queries;
  }

  absl::StatusOr<IndexQueries> ByDistance() {
    const IndexShape::Column& column = shape_.key.front();
    const std::string name = core::QuoteIdentifier(column.name);
    std::vector<std::string> indexed = {absl::StrCat(name, " IS NOT NULL")};
    if (shape_.order_operator == "<=>") {
      // A zero vector has no direction: indexes by cosine leave it out.
      const bool half = absl::StrContains(column.type, "halfvec");
      indexed.push_back(
          absl::StrCat(core::QualifiedName(shape_.order_schema, half ? "l2_norm" : "vector_norm"), "(", name, ") > 0"));
    }
    ASSIGN_OR_RETURN(const auto row, Sample(absl::StrCat(name, "::text"), indexed));
    if (!row) return None();
    ASSIGN_OR_RETURN(const postgres::Result count,
                     session_.Execute(absl::StrCat("SELECT count(*) FROM (SELECT FROM ", table_, Condition(indexed),
                                                   " LIMIT ", kNeighbours, ") AS indexed")));
    const auto sql = [&](const std::string& vector) {
      return absl::StrCat("SELECT ctid FROM ", table_, Condition({}), " ORDER BY ", name, " OPERATOR(",
                          core::QuoteIdentifier(shape_.order_schema), ".", shape_.order_operator, ") ", vector,
                          " LIMIT ", kNeighbours);
    };
    IndexQuery query;
    query.sql = sql(absl::StrCat(core::QuoteLiteral(row->text(0, 1)), "::", column.type));
    query.shown = sql(absl::StrCat("(SELECT ", name, " FROM ", table_, Condition(indexed), " LIMIT 1)"));
    query.rows_min = count.integer(0, 0);
    return IndexQueries{"", false, {query}};
  }

  absl::StatusOr<IndexQueries> ByEquality() {
    std::vector<std::string> values, filled;
    for (const IndexShape::Column& column : shape_.key) {
      values.push_back(absl::StrCat(core::QuoteIdentifier(column.name), "::text"));
      filled.push_back(absl::StrCat(core::QuoteIdentifier(column.name), " IS NOT NULL"));
    }
    ASSIGN_OR_RETURN(auto row, Sample(absl::StrJoin(values, ", "), filled));
    if (!row) {
      ASSIGN_OR_RETURN(row, Sample(absl::StrJoin(values, ", "), {}));
    }
    if (!row) return None();
    std::vector<std::string> conditions;
    for (std::size_t i = 0; i < shape_.key.size(); ++i) {
      const int field = static_cast<int>(i) + 1;
      const std::string name = core::QuoteIdentifier(shape_.key[i].name);
      conditions.push_back(row->is_null(0, field) ? absl::StrCat(name, " IS NULL")
                                                  : absl::StrCat(name, " = ", core::QuoteLiteral(row->text(0, field)),
                                                                 "::", shape_.key[i].type));
    }
    IndexQueries queries;
    // Another index may serve all columns better, such as a primary key among them: then by the first ones.
    for (; !conditions.empty(); conditions.pop_back()) queries.queries.push_back(Find(*row, conditions));
    return queries;
  }

  absl::StatusOr<IndexQueries> ByElement() {
    const IndexShape::Column& column = shape_.key.front();
    const std::string name = core::QuoteIdentifier(column.name);
    std::string select, filled;
    if (column.type == "tsvector") {
      select = absl::StrCat("(tsvector_to_array(", name, "))[1]");
      filled = absl::StrCat("length(", name, ") > 0");
    } else if (absl::EndsWith(column.type, "[]")) {
      select =
          absl::StrCat("(SELECT element::text FROM unnest(", name, ") AS element WHERE element IS NOT NULL LIMIT 1)");
      filled = absl::StrCat("cardinality(", name, ") > 0 AND ", select, " IS NOT NULL");
    } else if (column.type == "jsonb") {
      select = absl::StrCat(name, "::text");
      filled = absl::StrCat(name, " NOT IN ('{}', '[]')");
    } else {
      return Unknown();
    }
    ASSIGN_OR_RETURN(const auto row, Sample(select, {filled}));
    if (!row) return None();
    const std::string value(row->text(0, 1));
    if (column.type == "tsvector") {
      const std::string lexeme = absl::StrCat("'", absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"'", "''"}}), "'");
      return IndexQueries{
          "", false, {Find(*row, {absl::StrCat(name, " @@ ", core::QuoteLiteral(lexeme), "::tsquery")})}};
    }
    const std::string part = column.type == "jsonb"
                                 ? absl::StrCat(core::QuoteLiteral(value), "::jsonb")
                                 : absl::StrCat("ARRAY[", core::QuoteLiteral(value), "]::", column.type);
    return IndexQueries{"", false, {Find(*row, {absl::StrCat(name, " @> ", part)})}};
  }

  IndexQuery Find(const postgres::Result& row, const std::vector<std::string>& conditions) const {
    IndexQuery query;
    query.sql = absl::StrCat("SELECT ctid FROM ", table_, Condition(conditions), " LIMIT ", kAnswersMax);
    query.shown = Shorten(query.sql);
    query.row = std::string(row.text(0, 0));
    return query;
  }

  postgres::Connection& session_;
  const std::string& table_;
  const IndexShape& shape_;
};

}  // namespace

absl::StatusOr<IndexShape> ReadIndexShape(postgres::Connection& session, const std::string& schema,
                                          const std::string& index) {
  ASSIGN_OR_RETURN(const postgres::Result rows, session.Execute(kShapeSql, {schema, index}));
  if (rows.rows() == 0) return absl::NotFoundError(absl::StrCat("no index ", index));
  IndexShape shape;
  shape.method = std::string(rows.text(0, 0));
  shape.predicate = std::string(rows.text(0, 1));
  shape.op_class = std::string(rows.text(0, 2));
  shape.order_operator = std::string(rows.text(0, 3));
  shape.order_schema = std::string(rows.text(0, 4));
  for (int row = 0; row < rows.rows(); ++row) {
    shape.key.push_back({std::string(rows.text(row, 5)), std::string(rows.text(row, 6))});
  }
  return shape;
}

absl::StatusOr<IndexQueries> MakeIndexQueries(postgres::Connection& session, const std::string& qualified_table,
                                              const IndexShape& shape) {
  return Queries(session, qualified_table, shape).Make();
}

}  // namespace vecferry::verifier
