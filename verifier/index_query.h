#ifndef VECFERRY_VERIFIER_INDEX_QUERY_H_
#define VECFERRY_VERIFIER_INDEX_QUERY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/postgres/connection.h"
#include "verifier/planned_indexes.h"

namespace vecferry::verifier {

// The query that an index is for, made with what a stored row has.

struct IndexShape {
  std::string method;                        // btree | gin | hnsw | ...
  std::string predicate;                     // of a partial index; "" = none
  std::string op_class;                      // of its first column, as an oid
  std::string order_operator, order_schema;  // of an index that answers ORDER BY distance
  struct Column {
    std::string name;  // "" for an expression
    std::string type;
  };
  std::vector<Column> key;
};

// kNotFound: there is no such index (any more).
absl::StatusOr<IndexShape> ReadIndexShape(postgres::Connection& session, const std::string& schema,
                                          const std::string& index);

struct IndexQuery {
  std::string sql;            // selects ctid
  std::string shown;          // as people read it: the same query, by a stored value instead of a long one
  std::string row;            // ctid of a row that must be among the answers; "" = any
  std::int64_t rows_min = 1;  // answers that there must be
};

// At most this many answers are asked for: a key may have millions.
inline constexpr int kAnswersMax = 1000;

struct IndexQueries {
  std::string why_none;             // why there is no query: no rows, no values; "" = there is
  bool unknown = false;             // an index of a kind that no plan makes
  std::vector<IndexQuery> queries;  // the one that the index is for; then by fewer of its columns
};

absl::StatusOr<IndexQueries> MakeIndexQueries(postgres::Connection& session, const std::string& qualified_table,
                                              const IndexShape& shape);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_INDEX_QUERY_H_
