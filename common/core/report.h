#ifndef VECFERRY_COMMON_CORE_REPORT_H_
#define VECFERRY_COMMON_CORE_REPORT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/core/migration.h"

namespace vecferry::core {

// What a migration has done so far: the content of `vecferry.report.v1` (docs/interface.md), also while it runs.
// Counters are sums over the ledger, so they are right after any number of interruptions.

struct TableReport {
  std::string source;
  std::string destination;
  Counters counters;
  std::int64_t rows_expected = 0;  // estimate of the plan, for progress
  std::int64_t bytes_expected = 0;
};

struct IssueReport {
  std::string table, key, column, kind, action, reason;  // key: JSON text
};

struct IndexReport {
  std::string table, name, definition;
  double seconds = 0;
};

struct CheckReport {
  std::string name, table;
  std::string verdict;  // pass | fail | skipped
  std::string expected, actual, evidence;
};

struct StageSeconds {
  double plan = 0, copy = 0, finish = 0, verify = 0, total = 0;
};

struct Report {
  std::string vecferry_version;
  std::string migration_id;
  State state = State::kPlanned;
  int exit_code = 0;
  std::string failure;  // one line, what to do next included; "" = none
  std::string source_kind, source_path, profile, profile_reason, schema_version, fingerprint;
  std::string destination_url;  // masked; filled by whoever holds the connection
  std::string server_version, pgvector_version, destination_schema;
  std::string started_at, finished_at;  // RFC 3339 UTC, "" = not yet
  int resumed = 0;
  StageSeconds seconds;
  std::vector<TableReport> tables;
  Counters totals;
  std::vector<IssueReport> issues;  // first 20
  std::int64_t issues_more = 0;
  std::vector<IndexReport> indexes;
  std::vector<CheckReport> checks;
  std::vector<std::string> notes;
  std::vector<std::pair<std::string, std::string>> left_out;  // name, reason
  std::string step;          // the finish step at work, or what is waited for; "" = none
  std::string verify_level;  // "counts", "" = not verified
  std::string trace_id;      // 32 hexadecimal digits, "" = not traced
};

// The exit code that the state and counters stand for (interface section 3).
int ExitCode(State state, const Counters& totals);

}  // namespace vecferry::core

#endif  // VECFERRY_COMMON_CORE_REPORT_H_
