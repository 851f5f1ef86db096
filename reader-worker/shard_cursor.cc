#include "reader-worker/shard_cursor.h"

#include <utility>

#include "common/base/status_macros.h"

namespace vecferry::reader {

absl::StatusOr<ShardCursor> ShardCursor::Open(sqlite::Database& source, const core::Mapping& mapping,
                                              const core::Shard& shard, const std::optional<std::string>& after,
                                              const std::optional<std::string>& through) {
  ASSIGN_OR_RETURN(const sqlite::RangeQuery query,
                   sqlite::MakeRangeQuery(mapping, shard.lower, shard.upper, after, through));
  ASSIGN_OR_RETURN(sqlite::Statement statement, source.Prepare(query.sql));
  for (std::size_t i = 0; i < query.parameters.size(); ++i) {
    statement.Bind(static_cast<int>(i) + 1, query.parameters[i].view());
  }
  return ShardCursor(std::move(statement), mapping.key.expressions.size());
}

absl::StatusOr<bool> ShardCursor::Next() {
  ASSIGN_OR_RETURN(const bool there, statement_.Step());
  if (!there) return false;
  values_.clear();
  for (int i = 0; i < statement_.columns(); ++i) values_.push_back(statement_.Column(i));
  return true;
}

}  // namespace vecferry::reader
