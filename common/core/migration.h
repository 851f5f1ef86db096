#ifndef VECFERRY_COMMON_CORE_MIGRATION_H_
#define VECFERRY_COMMON_CORE_MIGRATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/core/record.h"

namespace vecferry::core {

// States of a migration (protocol section 7).
enum class State {
  kPlanned,
  kCopying,
  kFinishing,
  kVerifying,  // running
  kPaused,
  kFailed,
  kCancelled,  // resumable
  kVerified,
  kDifferent,
  kCopied,
  kDropped,  // ended
};
absl::string_view ToString(State state);  // "COPYING"
absl::StatusOr<State> ParseState(absl::string_view text);
bool IsEnded(State state);
bool IsRunning(State state);

// What happened to the rows of a shard, a table, a migration. `bytes` are those of the COPY tuples. `incomplete` rows
// were carried, but their second row was refused or conflicts.
struct Counters {
  std::int64_t read = 0, inserted = 0, present = 0, updated = 0, conflicting = 0, repaired = 0, rejected = 0,
               values_rounded = 0, bytes = 0, incomplete = 0;
  // Nothing was left behind: neither rejected nor conflicting nor incomplete.
  bool all_carried() const { return rejected == 0 && conflicting == 0 && incomplete == 0; }
  Counters& operator+=(const Counters& other);
  bool operator==(const Counters&) const = default;
};

// How far a shard is committed.
struct Checkpoint {
  std::uint64_t next_sequence = 0;
  std::optional<std::string> last_key;  // record; nullopt = nothing read
  bool done = false;
  Counters counters;
  std::int64_t source_count = 0;  // source rows up to last_key
  Sum128 source_sum;              // sum of their HashRow
};

enum class IssueAction { kRepaired, kRejected, kSkipped, kReplayed };
absl::string_view ToString(IssueAction action);  // "repaired"
absl::StatusOr<IssueAction> ParseIssueAction(absl::string_view text);

// The kind of a rejected row whose parent may come later in the migration: it does not count against --max-rejects
// until the finish has tried it again.
inline constexpr char kWaiting[] = "waiting";

// A row that could not be carried as it was.
struct RowIssue {
  std::string source_table;
  std::string source_key;         // JSON text {column: value}; see SourceKeyJson
  std::string source_key_record;  // the position, a record
  std::optional<std::int64_t> source_rowid;
  std::string destination_table;
  std::string column;  // "" = the whole row
  std::string kind;    // such as invalid_json, null_key, duplicate_key, foreign_key, too_large
  IssueAction action = IssueAction::kRepaired;
  std::string reason;      // one line, valid UTF-8
  std::string raw;         // bytes as they were
  std::string raw_format;  // text | blob | integer | real | sqlite-record | copy-tuple | ""
};

// {"column": value} as protocol section 8 writes it: integers and valid NUL-free text as they are, everything else
// {"hex": "...", "type": "text"|"blob"|"real"|"null"}. `columns` and `values` have one length.
std::string SourceKeyJson(const std::vector<std::string>& columns, absl::Span<const ValueView> values);

// `text` as valid UTF-8 without NUL and control characters, for the ledger, reports and terminals.
std::string SanitizeText(absl::string_view text);

}  // namespace vecferry::core

#endif  // VECFERRY_COMMON_CORE_MIGRATION_H_
