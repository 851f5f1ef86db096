#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/rpc/plan_codec.h"

// Texts in which names and values of the source stand are made valid UTF-8, as a protobuf string must be; otherwise a
// whole batch or report would be refused.
namespace vecferry::rpc {
namespace {

using core::SanitizeText;

void ToProto(const core::Counters& counters, v1::Counters* proto) {
  proto->set_read(counters.read);
  proto->set_inserted(counters.inserted);
  proto->set_present(counters.present);
  proto->set_updated(counters.updated);
  proto->set_conflicting(counters.conflicting);
  proto->set_repaired(counters.repaired);
  proto->set_rejected(counters.rejected);
  proto->set_values_rounded(counters.values_rounded);
  proto->set_bytes(counters.bytes);
  proto->set_incomplete(counters.incomplete);
}

core::Counters FromProto(const v1::Counters& proto) {
  core::Counters counters;
  counters.read = proto.read();
  counters.inserted = proto.inserted();
  counters.present = proto.present();
  counters.updated = proto.updated();
  counters.conflicting = proto.conflicting();
  counters.repaired = proto.repaired();
  counters.rejected = proto.rejected();
  counters.values_rounded = proto.values_rounded();
  counters.bytes = proto.bytes();
  counters.incomplete = proto.incomplete();
  return counters;
}

void ToProto(const core::StageSeconds& seconds, v1::StageSeconds* proto) {
  proto->set_plan(seconds.plan);
  proto->set_copy(seconds.copy);
  proto->set_finish(seconds.finish);
  proto->set_verify(seconds.verify);
  proto->set_total(seconds.total);
}

void AddTables(const core::Report& report, v1::Migration& proto) {
  for (const core::TableReport& table : report.tables) {
    v1::TableProgress* added = proto.add_tables();
    added->set_source(SanitizeText(table.source));
    added->set_destination(table.destination);
    ToProto(table.counters, added->mutable_counters());
    added->set_rows_expected(table.rows_expected);
    added->set_bytes_expected(table.bytes_expected);
  }
}

void AddIssues(const core::Report& report, v1::Migration& proto) {
  for (const core::IssueReport& issue : report.issues) {
    v1::Issue* added = proto.add_issues();
    added->set_table(SanitizeText(issue.table));
    added->set_key(issue.key);
    added->set_column(SanitizeText(issue.column));
    added->set_kind(issue.kind);
    added->set_action(issue.action);
    added->set_reason(SanitizeText(issue.reason));
  }
  proto.set_issues_more(report.issues_more);
}

void AddIndexes(const core::Report& report, v1::Migration& proto) {
  for (const core::IndexReport& index : report.indexes) {
    v1::Index* added = proto.add_indexes();
    added->set_table(index.table);
    added->set_name(index.name);
    added->set_definition(index.definition);
    added->set_seconds(index.seconds);
  }
}

void AddFindings(const core::Report& report, v1::Migration& proto) {
  for (const core::CheckReport& check : report.checks) *proto.add_checks() = rpc::ToProto(check);
  for (const core::DifferenceReport& difference : report.differences)
    *proto.add_differences() = rpc::ToProto(difference);
  proto.set_differences_more(report.differences_more);
  for (const core::RecallReport& recall : report.recall) *proto.add_recall() = rpc::ToProto(recall);
  for (const core::TableSize& size : report.sizes) *proto.add_sizes() = rpc::ToProto(size);
}

void ReadFindings(const v1::Migration& proto, core::Report& report) {
  for (const v1::Check& check : proto.checks()) report.checks.push_back(rpc::FromProto(check));
  for (const v1::Difference& difference : proto.differences()) report.differences.push_back(rpc::FromProto(difference));
  report.differences_more = proto.differences_more();
  for (const v1::Recall& recall : proto.recall()) report.recall.push_back(rpc::FromProto(recall));
  for (const v1::TableSize& size : proto.sizes()) report.sizes.push_back(rpc::FromProto(size));
}

void ReadTables(const v1::Migration& proto, core::Report& report) {
  for (const v1::TableProgress& table : proto.tables()) {
    report.tables.push_back({table.source(), table.destination(), FromProto(table.counters()),
                             static_cast<std::int64_t>(table.rows_expected()),
                             static_cast<std::int64_t>(table.bytes_expected())});
    report.totals += report.tables.back().counters;
  }
}

}  // namespace

v1::Migration ToProto(const core::Report& report) {
  v1::Migration proto;
  proto.set_id(report.migration_id);
  proto.set_state(std::string(core::ToString(report.state)));
  proto.set_exit_code(report.exit_code);
  proto.set_failure(SanitizeText(report.failure));
  proto.set_vecferry_version(report.vecferry_version);
  proto.set_source_kind(report.source_kind);
  proto.set_source_path(report.source_path);
  proto.set_profile(report.profile);
  proto.set_profile_reason(report.profile_reason);
  proto.set_schema_version(report.schema_version);
  proto.set_fingerprint(report.fingerprint);
  proto.set_server_version(report.server_version);
  proto.set_pgvector_version(report.pgvector_version);
  proto.set_destination_schema(report.destination_schema);
  proto.set_started_at(report.started_at);
  proto.set_finished_at(report.finished_at);
  proto.set_resumed(report.resumed);
  ToProto(report.seconds, proto.mutable_seconds());
  AddTables(report, proto);
  AddIssues(report, proto);
  AddIndexes(report, proto);
  AddFindings(report, proto);
  for (const std::string& note : report.notes) proto.add_notes(SanitizeText(note));
  for (const auto& [name, reason] : report.left_out) {
    v1::LeftOut* added = proto.add_left_out();
    added->set_name(name);
    added->set_reason(SanitizeText(reason));
  }
  proto.set_step(report.step);
  proto.set_verify_level(report.verify_level);
  proto.set_trace_id(report.trace_id);
  proto.set_destination_url(SanitizeText(report.destination_url));
  return proto;
}

absl::StatusOr<core::Report> FromProto(const v1::Migration& proto) {
  core::Report report;
  report.migration_id = proto.id();
  ASSIGN_OR_RETURN(report.state, core::ParseState(proto.state()));
  report.exit_code = proto.exit_code();
  report.failure = proto.failure();
  report.vecferry_version = proto.vecferry_version();
  report.source_kind = proto.source_kind();
  report.source_path = proto.source_path();
  report.profile = proto.profile();
  report.profile_reason = proto.profile_reason();
  report.schema_version = proto.schema_version();
  report.fingerprint = proto.fingerprint();
  report.server_version = proto.server_version();
  report.pgvector_version = proto.pgvector_version();
  report.destination_schema = proto.destination_schema();
  report.started_at = proto.started_at();
  report.finished_at = proto.finished_at();
  report.resumed = proto.resumed();
  const v1::StageSeconds& seconds = proto.seconds();
  report.seconds = {seconds.plan(), seconds.copy(), seconds.finish(), seconds.verify(), seconds.total()};
  ReadTables(proto, report);
  for (const v1::Issue& issue : proto.issues()) {
    report.issues.push_back({issue.table(), issue.key(), issue.column(), issue.kind(), issue.action(), issue.reason()});
  }
  report.issues_more = proto.issues_more();
  for (const v1::Index& index : proto.indexes()) {
    report.indexes.push_back({index.table(), index.name(), index.definition(), index.seconds()});
  }
  ReadFindings(proto, report);
  report.notes.assign(proto.notes().begin(), proto.notes().end());
  for (const v1::LeftOut& left_out : proto.left_out()) {
    report.left_out.emplace_back(left_out.name(), left_out.reason());
  }
  report.step = proto.step();
  report.verify_level = proto.verify_level();
  report.trace_id = proto.trace_id();
  report.destination_url = proto.destination_url();
  return report;
}

v1::RowIssue ToProto(const core::RowIssue& issue) {
  v1::RowIssue proto;
  proto.set_source_table(SanitizeText(issue.source_table));
  proto.set_source_key(issue.source_key);
  proto.set_source_key_record(issue.source_key_record);
  if (issue.source_rowid) proto.set_source_rowid(*issue.source_rowid);
  proto.set_destination_table(issue.destination_table);
  proto.set_column(SanitizeText(issue.column));
  proto.set_kind(issue.kind);
  proto.set_action(std::string(core::ToString(issue.action)));
  proto.set_reason(SanitizeText(issue.reason));
  proto.set_raw(issue.raw);
  proto.set_raw_format(issue.raw_format);
  return proto;
}

absl::StatusOr<core::RowIssue> FromProto(const v1::RowIssue& proto) {
  core::RowIssue issue;
  issue.source_table = proto.source_table();
  issue.source_key = proto.source_key();
  issue.source_key_record = proto.source_key_record();
  if (proto.has_source_rowid()) issue.source_rowid = proto.source_rowid();
  issue.destination_table = proto.destination_table();
  issue.column = proto.column();
  issue.kind = proto.kind();
  ASSIGN_OR_RETURN(issue.action, core::ParseIssueAction(proto.action()));
  issue.reason = proto.reason();
  issue.raw = proto.raw();
  issue.raw_format = proto.raw_format();
  return issue;
}

}  // namespace vecferry::rpc
