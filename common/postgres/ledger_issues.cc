// Row issues and their raw bytes (protocol section 8).
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"
#include "common/postgres/ledger_sql.h"

namespace vecferry::postgres {
namespace {

// More raw bytes than this are stored in parts of this size: one value may not grow to the wire's limits.
constexpr std::size_t kRawPartBytes = 1 << 20;

constexpr char kInsertIssue[] =
    "INSERT INTO vecferry.row_issue (migration_id, shard, source_table, source_key, source_key_record, source_rowid, "
    "destination_table, column_name, kind, action, reason, raw, raw_format) VALUES";

std::vector<Param> IssueRow(const std::string& migration_id, int shard, const core::RowIssue& issue) {
  std::string key = issue.source_key;
  if (key.empty()) key = issue.source_rowid ? absl::StrCat("{\"rowid\": ", *issue.source_rowid, "}") : "{}";
  const bool in_parts = issue.raw.size() > kRawPartBytes;
  return {migration_id,
          std::int64_t{shard},
          core::SanitizeText(issue.source_table),
          std::move(key),
          Param::Bytea(issue.source_key_record),
          issue.source_rowid ? Param(*issue.source_rowid) : Param(std::nullopt),
          core::SanitizeText(issue.destination_table),
          core::SanitizeText(issue.column),
          core::SanitizeText(issue.kind),
          std::string(core::ToString(issue.action)),
          core::SanitizeText(issue.reason),
          in_parts || issue.raw_format.empty() ? Param(std::nullopt) : Param::Bytea(issue.raw),
          core::SanitizeText(issue.raw_format)};
}

absl::Status InsertParts(Connection& session, std::int64_t issue_id, absl::string_view raw) {
  for (std::int64_t part = 0; !raw.empty(); ++part) {
    RETURN_IF_ERROR(session
                        .Execute("INSERT INTO vecferry.row_issue_raw_part (issue_id, part, bytes) VALUES ($1, $2, $3)",
                                 {issue_id, part, Param::Bytea(std::string(raw.substr(0, kRawPartBytes)))})
                        .status());
    raw.remove_prefix(std::min(raw.size(), kRawPartBytes));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status InsertIssues(Connection& session, absl::string_view migration_id, int shard,
                          absl::Span<const core::RowIssue> issues) {
  const std::string id(migration_id);
  const std::vector<std::string> casts = {"uuid", "integer", "text", "jsonb", "bytea", "bigint", "text",
                                          "text", "text",    "text", "text",  "bytea", "text"};
  RowsInsert insert(kInsertIssue, casts);
  for (const core::RowIssue& issue : issues) {
    insert.Add(IssueRow(id, shard, issue));
    const bool in_parts = issue.raw.size() > kRawPartBytes;
    if (insert.full() || in_parts) RETURN_IF_ERROR(insert.Flush(session));
    if (!in_parts) continue;
    ASSIGN_OR_RETURN(const Result issue_id,
                     session.Execute("SELECT currval(pg_get_serial_sequence('vecferry.row_issue', 'id'))"));
    RETURN_IF_ERROR(InsertParts(session, issue_id.integer(0, 0), issue.raw));
  }
  return insert.Flush(session);
}

}  // namespace vecferry::postgres
