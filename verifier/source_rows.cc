#include "verifier/source_rows.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"

namespace vecferry::verifier {
namespace {

constexpr std::int64_t kRowsATurn = 10'000;  // of 4 KB, about 20 ms

std::string SelectList(const core::Mapping& mapping) {
  std::vector<std::string> list;
  for (const std::string& expression : mapping.key.expressions) {
    list.emplace_back(absl::StripSuffix(expression, " DESC"));
  }
  for (const core::Input& input : mapping.inputs) list.push_back(input.sql);
  return absl::StrJoin(list, ", ");
}

class Scan {
 public:
  Scan(sqlite::SnapshotConnection& source, const core::Mapping& mapping)
      : source_(source), mapping_(mapping), values_(mapping.key.expressions.size() + mapping.inputs.size()) {}

  absl::Status Run(const std::function<absl::Status(const SourceRow&)>& take) {
    std::optional<sqlite::Statement> rows;
    sqlite::Database* database = nullptr;
    for (bool more = true; more;) {
      const sqlite::SnapshotConnection::Turn turn = source_.Take();
      if (database != &*turn) {
        rows.reset();
        ASSIGN_OR_RETURN(rows, Open(*turn));
        database = &*turn;
      }
      absl::StatusOr<bool> left = TakeTurn(*turn, *rows, take);
      if (!left.ok() || !*left) rows.reset();  // a statement goes within a turn
      RETURN_IF_ERROR(left.status());
      more = *left;
    }
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<std::optional<sqlite::Statement>> Open(sqlite::Database& database) {
    std::string sql = absl::StrCat("SELECT ", SelectList(mapping_), " FROM ", mapping_.from_sql);
    if (mapping_.key.is_rowid) {
      const std::string& key = mapping_.key.expressions[0];
      absl::StrAppend(&sql, last_rowid_ ? absl::StrCat(" WHERE ", key, " > ?1") : "", " ORDER BY ", key);
    }
    ASSIGN_OR_RETURN(sqlite::Statement rows, database.Prepare(sql));
    if (last_rowid_) rows.Bind(1, core::ValueView::Integer(*last_rowid_));
    return std::optional<sqlite::Statement>(std::move(rows));
  }

  // False: no row is left.
  absl::StatusOr<bool> TakeTurn(sqlite::Database& database, sqlite::Statement& rows,
                                const std::function<absl::Status(const SourceRow&)>& take) {
    const absl::Span<const core::ValueView> values(values_);
    const std::size_t key_columns = mapping_.key.expressions.size();
    for (std::int64_t i = 0; i < kRowsATurn || !mapping_.key.is_rowid; ++i) {
      ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) return false;
      for (std::size_t at = 0; at < values_.size(); ++at) values_[at] = rows.Column(static_cast<int>(at));
      if (mapping_.key.is_rowid) last_rowid_ = values_[0].integer;
      RETURN_IF_ERROR(take({values.subspan(0, key_columns), values.subspan(key_columns)}));
    }
    RETURN_IF_ERROR(database.CheckWhole());
    return true;
  }

  sqlite::SnapshotConnection& source_;
  const core::Mapping& mapping_;
  std::vector<core::ValueView> values_;
  std::optional<std::int64_t> last_rowid_;
};

}  // namespace

absl::Status ForEachSourceRow(sqlite::SnapshotConnection& source, const core::Mapping& mapping,
                              const std::function<absl::Status(const SourceRow&)>& take) {
  const absl::Status status = Scan(source, mapping).Run(take);
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("the source's table ", core::SanitizeText(mapping.source_table), ": ",
                                                  status.message()));
}

}  // namespace vecferry::verifier
