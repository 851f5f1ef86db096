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

// One thing that differs between source and destination. `table` is the destination's.
struct DifferenceReport {
  std::string table, key;  // key: JSON text as of the destination's key columns, "" = no single row
  std::string columns;     // destination columns, comma-separated; "" = the whole row or table
  std::string kind;        // missing | unexpected | differing | structure | signature | index | recall
  std::string detail;      // one line for people, both values shortened
};

// How many differences are named; all are counted.
inline constexpr int kDifferencesMax = 100;

// Milliseconds; 0 = not measured.
struct LatencyReport {
  double p50 = 0, p95 = 0, p99 = 0;
};

// What search finds at the destination, measured by sampled queries. Shares are from 0 to 1, -1 = not measured.
struct RecallReport {
  std::string table, column;  // of the destination
  std::string model;          // "" = not known
  std::string slice;          // "column = value"; "" = all rows
  std::string metric;         // cosine | l2 | inner product | l1
  int k = 0, queries = 0;
  double exact = -1;  // the destination's exact answers against the source's: has the data changed?
  double index = -1;  // answers by index against the destination's exact ones: what does the index lose?
  LatencyReport by_index, without_index;
};

// Of a destination table when it was verified.
struct TableSize {
  std::string table;
  std::int64_t rows = 0, table_bytes = 0, index_bytes = 0, dead_tuples = 0;  // table_bytes: TOAST included
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
  std::vector<DifferenceReport> differences;  // the first kDifferencesMax
  std::int64_t differences_more = 0;
  std::vector<RecallReport> recall;
  std::vector<TableSize> sizes;
  std::vector<std::string> notes;
  std::vector<std::pair<std::string, std::string>> left_out;  // name, reason
  std::string step;          // the finish step at work, or what is waited for; "" = none
  std::string verify_level;  // counts | sample | full; "" = not verified
  std::string trace_id;      // 32 hexadecimal digits, "" = not traced
};

// The exit code that the state and counters stand for (interface section 3).
int ExitCode(State state, const Counters& totals);

}  // namespace vecferry::core

#endif  // VECFERRY_COMMON_CORE_REPORT_H_
