#include "writer-worker/row_refusal.h"

#include "absl/strings/str_cat.h"
#include "common/postgres/connection.h"
#include "common/postgres/row_error.h"

namespace vecferry::writer {
namespace {

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

core::RowIssue NotCarried(const core::Mapping& mapping, const rpc::TupleSource& source, absl::string_view tuple) {
  core::RowIssue issue = IssueOf(mapping, source);
  issue.action = core::IssueAction::kRejected;
  issue.raw = std::string(tuple);
  issue.raw_format = "copy-tuple";
  return issue;
}

}  // namespace

core::RowIssue MakeRejection(const core::Mapping& mapping, const rpc::TupleSource& source, absl::string_view tuple,
                             const absl::Status& status) {
  core::RowIssue issue = NotCarried(mapping, source, tuple);
  if (const auto error = postgres::GetSqlError(status)) {
    issue.kind = std::string(postgres::KindOf(error->sqlstate));
    issue.column = error->column;
  }
  issue.reason = std::string(status.message());
  return issue;
}

core::RowIssue MakeWaiting(const core::Mapping& mapping, const rpc::TupleSource& source, absl::string_view tuple) {
  core::RowIssue issue = NotCarried(mapping, source, tuple);
  issue.kind = core::kWaiting;
  issue.reason = "names a row that is not there yet";
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
