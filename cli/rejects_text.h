#ifndef VECFERRY_CLI_REJECTS_TEXT_H_
#define VECFERRY_CLI_REJECTS_TEXT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/core/replay.h"
#include "common/postgres/ledger_rejects.h"

namespace vecferry::cli {

// Rejected rows for people and programs. Pure.

using KindCounts = std::map<std::string, std::int64_t>;

// "yes", or why a row cannot be carried from what the ledger kept.
std::string CanBeReplayed(const postgres::Reject& reject);

// `shown` in lines, how many more there are, and all by kind.
std::string FormatRejects(const std::vector<postgres::Reject>& shown, const KindCounts& by_kind);

// One JSON object on one line.
std::string RejectJson(const postgres::Reject& reject);
std::string KindsJson(const KindCounts& by_kind);

// One record of RFC 4180, its line end included.
std::string CsvRecord(const std::vector<std::string>& fields);

// What became of the selected rows of this migration, and of those that stay.
std::string FormatReplay(const core::ReplayOutcome& outcome, const std::string& migration_id, bool dry_run);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_REJECTS_TEXT_H_
