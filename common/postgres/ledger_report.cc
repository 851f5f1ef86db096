// The report as far as the ledger knows it.
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"

namespace vecferry::postgres {
namespace {

constexpr int kIssuesMax = 20;

void AddTables(const std::vector<ShardRow>& shards, const core::Plan& plan, core::Report& report) {
  std::map<int, core::Counters> by_mapping;
  for (const ShardRow& shard : shards) by_mapping[shard.mapping] += shard.checkpoint.counters;
  std::map<int, core::TableReport*> tables;  // by mapping
  report.tables.reserve(plan.mappings.size());
  for (const core::Mapping& mapping : plan.mappings) {
    if (!mapping.counted) continue;
    core::TableReport& table = report.tables.emplace_back();
    tables[mapping.id] = &table;
    table.source = mapping.source_table;
    table.destination = mapping.destination_table;
    table.counters = by_mapping[mapping.id];
    table.rows_expected = mapping.rows_estimate;
    table.bytes_expected = mapping.bytes_estimate;
  }
  for (const core::Mapping& mapping : plan.mappings) {
    if (mapping.counted) continue;
    const core::Counters& second = by_mapping[mapping.id];
    core::TableReport* table = tables[mapping.counted_by];
    if (table != nullptr) table->counters.incomplete += second.rejected + second.conflicting;
  }
  for (const core::TableReport& table : report.tables) report.totals += table.counters;
}

absl::Status AddIssues(Connection& session, const Param& id, core::Report& report) {
  // Rejected rows before repaired ones: they are what a reader of the report must act on.
  ASSIGN_OR_RETURN(
      const Result issues,
      session.Execute(absl::StrCat("SELECT source_table, source_key, column_name, kind, action, reason FROM "
                                   "vecferry.row_issue WHERE migration_id = $1 AND action <> 'replayed' ORDER BY "
                                   "action = 'repaired', id LIMIT ",
                                   kIssuesMax),
                      {id}));
  for (int row = 0; row < issues.rows(); ++row) {
    const auto text = [&](int column) { return std::string(issues.text(row, column)); };
    report.issues.push_back({text(0), text(1), text(2), text(3), text(4), text(5)});
  }
  if (issues.rows() < kIssuesMax) return absl::OkStatus();
  ASSIGN_OR_RETURN(
      const Result count,
      session.Execute("SELECT count(*) FROM vecferry.row_issue WHERE migration_id = $1 AND action <> 'replayed'",
                      {id}));
  report.issues_more = count.integer(0, 0) - issues.rows();
  return absl::OkStatus();
}

absl::Status AddIndexes(Connection& session, const Param& id, core::Report& report) {
  ASSIGN_OR_RETURN(const Result indexes,
                   session.Execute("SELECT table_name, name, definition, seconds FROM vecferry.index_build WHERE "
                                   "migration_id = $1 ORDER BY built_at, table_name, name",
                                   {id}));
  for (int row = 0; row < indexes.rows(); ++row) {
    core::IndexReport& index = report.indexes.emplace_back();
    index.table = std::string(indexes.text(row, 0));
    index.name = std::string(indexes.text(row, 1));
    index.definition = std::string(indexes.text(row, 2));
    if (!absl::SimpleAtod(indexes.text(row, 3), &index.seconds)) index.seconds = 0;
  }
  return absl::OkStatus();
}

absl::Status AddServer(Connection& session, core::Report& report) {
  ASSIGN_OR_RETURN(const Result server,
                   session.Execute("SELECT current_setting('server_version'), (SELECT extversion FROM "
                                   "pg_catalog.pg_extension WHERE extname = 'vector')"));
  report.server_version = std::string(server.text(0, 0));
  report.pgvector_version = std::string(server.text(0, 1));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<core::Report> LoadReport(Connection& session, const MigrationRow& row, const core::Plan& plan) {
  core::Report report;
  report.vecferry_version = row.program_version;
  report.migration_id = row.id;
  report.state = row.state;
  report.failure = row.failure;
  report.source_kind = plan.identity.source_kind;
  report.source_path = plan.identity.source_path;
  report.profile = plan.profile;
  report.profile_reason = plan.profile_reason;
  report.schema_version = plan.schema_version;
  report.fingerprint = plan.source_fingerprint;
  report.destination_schema = plan.identity.destination_schema;
  report.started_at = row.started_at;
  report.finished_at = row.finished_at;
  report.resumed = row.resumed;
  report.seconds = row.seconds;
  report.verify_level = row.verify_level;
  report.notes = plan.notes;
  for (const core::LeftOut& left_out : plan.left_out) report.left_out.emplace_back(left_out.name, left_out.reason);
  ASSIGN_OR_RETURN(const std::vector<ShardRow> shards, LoadShards(session, row.id));
  AddTables(shards, plan, report);
  const Param id{row.id};
  RETURN_IF_ERROR(AddIssues(session, id, report));
  RETURN_IF_ERROR(AddIndexes(session, id, report));
  RETURN_IF_ERROR(LoadFindings(session, row.id, report));
  RETURN_IF_ERROR(AddServer(session, report));
  report.exit_code = core::ExitCode(report.state, report.totals);
  return report;
}

}  // namespace vecferry::postgres
