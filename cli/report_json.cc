#include "cli/report_json.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace vecferry::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string Text(const Json& json, int indent) { return json.dump(indent, ' ', false, Json::error_handler_t::replace); }

Json OrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

void AddCounters(const core::Counters& counters, Json& json) {
  json["read"] = counters.read;
  json["inserted"] = counters.inserted;
  json["already_present"] = counters.present;
  json["updated"] = counters.updated;
  json["conflicting"] = counters.conflicting;
  json["rejected"] = counters.rejected;
  json["repaired"] = counters.repaired;
  json["values_rounded"] = counters.values_rounded;
  json["bytes"] = counters.bytes;
  json["incomplete"] = counters.incomplete;
}

Json Tables(const core::Report& report) {
  Json tables = Json::array();
  for (const core::TableReport& table : report.tables) {
    Json json = {{"source", table.source}, {"destination", table.destination}};
    AddCounters(table.counters, json);
    tables.push_back(std::move(json));
  }
  return tables;
}

Json Totals(const core::Report& report) {
  Json totals = Json::object();
  AddCounters(report.totals, totals);
  const double seconds = report.seconds.copy;
  totals["rows_per_second"] = seconds > 0 ? static_cast<double>(report.totals.read) / seconds : 0;
  totals["bytes_per_second"] = seconds > 0 ? static_cast<double>(report.totals.bytes) / seconds : 0;
  return totals;
}

// Keys are JSON in JSON where they are any.
Json Key(const std::string& text) {
  Json key = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return key.is_discarded() ? Json(text) : key;
}

Json Issues(const core::Report& report) {
  Json issues = Json::array();
  for (const core::IssueReport& issue : report.issues) {
    issues.push_back({{"table", issue.table},
                      {"key", Key(issue.key)},
                      {"column", OrNull(issue.column)},
                      {"kind", issue.kind},
                      {"action", issue.action},
                      {"reason", issue.reason}});
  }
  return issues;
}

Json Indexes(const core::Report& report) {
  Json indexes = Json::array();
  for (const core::IndexReport& index : report.indexes) {
    indexes.push_back(
        {{"table", index.table}, {"name", index.name}, {"definition", index.definition}, {"seconds", index.seconds}});
  }
  return indexes;
}

Json Checks(const core::Report& report) {
  Json checks = Json::array();
  for (const core::CheckReport& check : report.checks) {
    checks.push_back({{"name", check.name},
                      {"table", OrNull(check.table)},
                      {"verdict", check.verdict},
                      {"expected", check.expected},
                      {"actual", check.actual},
                      {"evidence", check.evidence}});
  }
  return checks;
}

Json Differences(const core::Report& report) {
  Json differences = Json::array();
  for (const core::DifferenceReport& difference : report.differences) {
    differences.push_back({{"table", difference.table},
                           {"key", difference.key.empty() ? Json(nullptr) : Key(difference.key)},
                           {"columns", OrNull(difference.columns)},
                           {"kind", difference.kind},
                           {"detail", difference.detail}});
  }
  return differences;
}

Json Share(double share) { return share >= 0 ? Json(share) : Json(nullptr); }

Json Milliseconds(const core::LatencyReport& latency) {
  if (latency.p50 <= 0 && latency.p95 <= 0 && latency.p99 <= 0) return nullptr;
  return {{"p50", latency.p50}, {"p95", latency.p95}, {"p99", latency.p99}};
}

Json Recall(const core::Report& report) {
  Json recall = Json::array();
  for (const core::RecallReport& one : report.recall) {
    recall.push_back({{"table", one.table},
                      {"column", one.column},
                      {"model", OrNull(one.model)},
                      {"slice", OrNull(one.slice)},
                      {"metric", one.metric},
                      {"k", one.k},
                      {"queries", one.queries},
                      {"exact", Share(one.exact)},
                      {"index", Share(one.index)},
                      {"by_index_ms", Milliseconds(one.by_index)},
                      {"without_index_ms", Milliseconds(one.without_index)}});
  }
  return recall;
}

Json Sizes(const core::Report& report) {
  Json sizes = Json::array();
  for (const core::TableSize& size : report.sizes) {
    sizes.push_back({{"table", size.table},
                     {"rows", size.rows},
                     {"table_bytes", size.table_bytes},
                     {"index_bytes", size.index_bytes},
                     {"dead_tuples", size.dead_tuples}});
  }
  return sizes;
}

Json LeftOut(const core::Report& report) {
  Json left_out = Json::array();
  for (const auto& [name, reason] : report.left_out) left_out.push_back({{"name", name}, {"reason", reason}});
  return left_out;
}

void AddProgress(const core::TableReport& table, const RateMeter& rate, Json& json) {
  json["read"] = table.counters.read;
  json["rows_expected"] = table.rows_expected;
  json["bytes"] = table.counters.bytes;
  json["rows_per_second"] = rate.rows_per_second();
  json["bytes_per_second"] = rate.bytes_per_second();
  const double left = SecondsLeft(table, rate);
  json["seconds_left"] = left < 0 ? Json(nullptr) : Json(left);
}

}  // namespace

std::string ReportJson(const core::Report& report) {
  Json json;
  json["format"] = "vecferry.report.v1";
  json["vecferry_version"] = report.vecferry_version;
  json["migration_id"] = report.migration_id;
  json["trace_id"] = OrNull(report.trace_id);
  json["state"] = std::string(core::ToString(report.state));
  json["exit_code"] = report.exit_code;
  json["failure"] = OrNull(report.failure);
  json["source"] = {{"kind", report.source_kind},
                    {"path", report.source_path},
                    {"profile", report.profile},
                    {"profile_reason", report.profile_reason},
                    {"schema_version", OrNull(report.schema_version)},
                    {"fingerprint", report.fingerprint}};
  json["destination"] = {{"url", report.destination_url},
                         {"server_version", report.server_version},
                         {"pgvector_version", report.pgvector_version},
                         {"schema", report.destination_schema}};
  json["started_at"] = OrNull(report.started_at);
  json["finished_at"] = OrNull(report.finished_at);
  json["resumed"] = report.resumed;
  json["seconds"] = {{"plan", report.seconds.plan},
                     {"copy", report.seconds.copy},
                     {"finish", report.seconds.finish},
                     {"verify", report.seconds.verify},
                     {"total", report.seconds.total}};
  json["tables"] = Tables(report);
  json["totals"] = Totals(report);
  json["issues"] = Issues(report);
  json["issues_more"] = report.issues_more;
  json["indexes"] = Indexes(report);
  json["verify_level"] = OrNull(report.verify_level);
  json["checks"] = Checks(report);
  json["differences"] = Differences(report);
  json["differences_more"] = report.differences_more;
  json["recall"] = Recall(report);
  json["sizes"] = Sizes(report);
  json["left_out"] = LeftOut(report);
  json["notes"] = report.notes;
  return Text(json, 2) + "\n";
}

std::string ListJson(const std::vector<core::Report>& reports) {
  Json list = Json::array();
  for (const core::Report& report : reports) {
    list.push_back({{"migration_id", report.migration_id},
                    {"state", std::string(core::ToString(report.state))},
                    {"failure", OrNull(report.failure)},
                    {"source", report.source_path},
                    {"profile", report.profile},
                    {"schema", report.destination_schema},
                    {"started_at", OrNull(report.started_at)},
                    {"finished_at", OrNull(report.finished_at)},
                    {"resumed", report.resumed},
                    {"totals", Totals(report)}});
  }
  return Text(list, 2) + "\n";
}

std::string ProgressJson(const core::Report& report, const Rates& rates) {
  Json json = {{"migration_id", report.migration_id},
               {"state", std::string(core::ToString(report.state))},
               {"step", OrNull(report.step)}};
  AddProgress(Total(report), rates.OfAll(), json);
  json["tables"] = Json::array();
  for (const core::TableReport& table : report.tables) {
    Json one = {{"source", table.source}, {"destination", table.destination}};
    AddProgress(table, rates.OfTable(table), one);
    json["tables"].push_back(std::move(one));
  }
  return Text(json, -1);
}

}  // namespace vecferry::cli
