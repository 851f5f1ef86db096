#include "cli/report_json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

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

Json Issues(const core::Report& report) {
  Json issues = Json::array();
  for (const core::IssueReport& issue : report.issues) {
    Json key = Json::parse(issue.key, nullptr, /*allow_exceptions=*/false);
    issues.push_back({{"table", issue.table},
                      {"key", key.is_discarded() ? Json(issue.key) : key},
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

absl::Status FileError(absl::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("--report: ", what, " '", path, "'"));
}

// A device, a pipe, a socket, or a link to one: what others hold open, and what a renamed file would take the place of.
bool IsDevice(const std::string& path) {
  struct stat found {};
  return stat(path.c_str(), &found) == 0 && !S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode);
}

absl::Status WriteInto(const std::string& path, const std::string& text) {
  FILE* const file = fopen(path.c_str(), "we");
  if (file == nullptr) return FileError("cannot write", path);
  bool written = fwrite(text.data(), 1, text.size(), file) == text.size();
  written = fclose(file) == 0 && written;
  return written ? absl::OkStatus() : FileError("cannot write", path);
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

absl::Status CheckWritable(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) {
    errno = EISDIR;
    return FileError("cannot write", path);
  }
  if (IsDevice(path)) return access(path.c_str(), W_OK) == 0 ? absl::OkStatus() : FileError("cannot write", path);
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  if (access(folder.c_str(), W_OK | X_OK) != 0) return FileError("cannot write", path);
  return absl::OkStatus();
}

absl::Status WriteBeside(const std::string& path, const std::string& text) {
  if (IsDevice(path)) return WriteInto(path, text);
  const std::string beside = absl::StrCat(path, ".", getpid(), ".new");
  FILE* const file = fopen(beside.c_str(), "we");
  if (file == nullptr) return FileError("cannot write", beside);
  bool written = fwrite(text.data(), 1, text.size(), file) == text.size();
  written = fflush(file) == 0 && written;
  written = fsync(fileno(file)) == 0 && written;
  written = fclose(file) == 0 && written;
  if (!written || rename(beside.c_str(), path.c_str()) != 0) {
    absl::Status status = FileError("cannot write", path);
    unlink(beside.c_str());
    return status;
  }
  return absl::OkStatus();
}

}  // namespace vecferry::cli
