#include "writer-worker/row_refusal.h"

#include <iterator>

#include "absl/strings/str_cat.h"
#include "common/postgres/connection.h"

namespace vecferry::writer {
namespace {

struct NamedError {
  absl::string_view sqlstate;  // five characters, or two: the class
  absl::string_view kind;
};
// The first that fits.
constexpr NamedError kKinds[] = {
    {"23505", "duplicate_key"}, {"23502", "null_value"},   {"23503", "foreign_key"},  {"23514", "check"},
    {"23P01", "exclusion"},     {"22001", "too_long"},     {"54000", "too_long"},     {"22003", "out_of_range"},
    {"22007", "invalid_time"},  {"22008", "invalid_time"}, {"22021", "invalid_text"}, {"22P05", "invalid_text"},
    {"P0001", "trigger"},       {"44", "check"},           {"23", "constraint"},      {"22", "invalid_value"},
};

core::RowIssue IssueOf(const core::Mapping& mapping, const rpc::TupleSource& source) {
  core::RowIssue issue;
  issue.source_table = mapping.source_table;
  issue.source_key = source.reported_key;
  issue.source_key_record = source.key;
  issue.destination_table = mapping.destination_table;
  const auto key = core::DecodeRecord(source.key);
  if (mapping.key.is_rowid && key.ok() && key->size() == 1 && key->front().storage == core::StorageClass::kInteger) {
    issue.source_rowid = key->front().integer;
    if (issue.source_key.empty()) issue.source_key = core::SourceKeyJson({"rowid"}, {key->front().view()});
  }
  return issue;
}

}  // namespace

bool IsRowError(const absl::Status& status) {
  const auto error = postgres::GetSqlError(status);
  if (!error) return false;
  const absl::string_view sqlstate = error->sqlstate;
  if (sqlstate == "22P03" || sqlstate == "22P04") return false;  // the COPY's own format is wrong
  const absl::string_view sqlclass = sqlstate.substr(0, 2);
  return sqlclass == "22" || sqlclass == "23" || sqlclass == "44" || sqlstate == "21000" || sqlstate == "54000" ||
         sqlstate == "54001" || sqlstate == "P0001";
}

absl::string_view KindOf(absl::string_view sqlstate) {
  for (const NamedError& named : kKinds) {
    if (sqlstate.substr(0, named.sqlstate.size()) == named.sqlstate) return named.kind;
  }
  return "refused";
}

core::RowIssue MakeRejection(const core::Mapping& mapping, const rpc::TupleSource& source, absl::string_view tuple,
                             const absl::Status& status) {
  core::RowIssue issue = IssueOf(mapping, source);
  issue.action = core::IssueAction::kRejected;
  if (const auto error = postgres::GetSqlError(status)) {
    issue.kind = std::string(KindOf(error->sqlstate));
    issue.column = error->column;
  }
  issue.reason = std::string(status.message());
  issue.raw = std::string(tuple);
  issue.raw_format = "copy-tuple";
  return issue;
}

core::RowIssue MakeConflict(const core::Mapping& mapping, const rpc::TupleSource& source,
                            absl::string_view differing_columns) {
  core::RowIssue issue = IssueOf(mapping, source);
  issue.action = core::IssueAction::kSkipped;
  issue.kind = "conflict";
  issue.reason = absl::StrCat("the key is already there with other content in: ", differing_columns);
  return issue;
}

}  // namespace vecferry::writer
