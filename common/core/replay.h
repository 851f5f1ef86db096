#ifndef VECFERRY_COMMON_CORE_REPLAY_H_
#define VECFERRY_COMMON_CORE_REPLAY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/core/migration.h"
#include "common/core/report.h"

namespace vecferry::core {

// Carrying rejected rows later (docs/rejects.md). Plain data.

// A value that mends every selected row of a source table.
struct SetValue {
  std::string table, column;        // of the source
  std::optional<std::string> text;  // taken as if the source held this text; nullopt = NULL
};

// Ends the reason of the issue of a row that was carried with such a value; the column's name follows, or several.
inline constexpr char kCarriedWithAnother[] = "; carried with another ";

// A rejected row as the ledger kept it.
struct RawRow {
  std::string key_record;  // its position in the source
  std::string raw, raw_format;
  std::vector<SetValue> sets;  // of its table
};

// The same row as it goes to the destination.
struct ReplayRow {
  std::vector<std::optional<std::string>> fields;  // of COPY BINARY, one a column of the mapping; empty = refused
  std::vector<RowIssue> issues;                    // repairs; or, refused, the one rejection that says why
  bool repaired = false;
  std::int64_t values_rounded = 0, bytes = 0;  // that the copy did not count
};

// Which rejected rows to carry; an empty member selects all.
struct ReplaySelection {
  std::string table, kind;  // of the source; as the issue tells it
  std::int64_t issue = 0;   // the issue's number
  std::vector<SetValue> sets;
  bool dry_run = false;
};

struct ReplayOutcome {
  std::int64_t carried = 0, present = 0;         // rows; present: were there already with equal content
  std::map<std::string, std::int64_t> rejected;  // selected rows that stay behind, by kind
  std::vector<IssueReport> issues;               // the first 20 of those
};

}  // namespace vecferry::core

#endif  // VECFERRY_COMMON_CORE_REPLAY_H_
