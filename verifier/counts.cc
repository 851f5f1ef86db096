#include "verifier/counts.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/core/types.h"
#include "verifier/source_tables.h"

namespace vecferry::verifier {
namespace {

// What the ledger counts for some mappings, and how many issues name rows of theirs.
struct Ledger {
  std::int64_t read = 0, inserted = 0, carried = 0, rejected = 0, conflicting = 0;
  std::int64_t issues_rejected = 0, issues_skipped = 0;
};

constexpr char kShardsSql[] =
    "SELECT coalesce(sum(rows_read), 0), coalesce(sum(inserted), 0), "
    "coalesce(sum(inserted + present + updated + conflicting), 0), coalesce(sum(rejected), 0), "
    "coalesce(sum(conflicting), 0) FROM vecferry.shard WHERE migration_id = $1 AND mapping = ANY ($2::integer[])";
constexpr char kIssuesSql[] =
    "SELECT count(*) FILTER (WHERE action = 'rejected'), count(*) FILTER (WHERE action = 'skipped') "
    "FROM vecferry.row_issue JOIN vecferry.shard USING (migration_id, shard) "
    "WHERE migration_id = $1 AND mapping = ANY ($2::integer[])";

class Counting {
 public:
  Counting(sqlite::SnapshotConnection& source, postgres::Connection& destination, const std::string& migration_id,
           const core::Plan& plan, const std::set<std::string>& unreadable, core::Findings& findings)
      : source_(source),
        destination_(destination),
        migration_id_(migration_id),
        plan_(plan),
        unreadable_(unreadable),
        findings_(findings) {}

  absl::Status Run() {
    ASSIGN_OR_RETURN(const std::vector<std::string> tables, ListSourceTables(*source_.Take()));
    for (const std::string& table : tables) RETURN_IF_ERROR(CheckSourceTable(table));
    std::set<std::string> destinations;
    for (const core::Mapping& mapping : plan_.mappings) {
      const std::string& table = mapping.destination_table;
      if (!unreadable_.contains(table) && destinations.insert(table).second) {
        RETURN_IF_ERROR(CheckDestinationTable(mapping.destination_table));
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Tell(absl::string_view name, const std::string& table, bool passed, std::string expected,
                    std::string actual, std::string evidence) {
    return findings_.Tell(core::CheckReport{std::string(name), table, passed ? "pass" : "fail", std::move(expected),
                                            std::move(actual), std::move(evidence)});
  }

  absl::Status TellEqual(absl::string_view name, const std::string& table, std::int64_t expected, std::int64_t actual,
                         std::string evidence) {
    return Tell(name, table, expected == actual, absl::StrCat(expected), absl::StrCat(actual), std::move(evidence));
  }

  absl::StatusOr<Ledger> ReadLedger(const std::vector<int>& mappings) {
    const std::vector<postgres::Param> which = {migration_id_, IntegerArray(mappings)};
    ASSIGN_OR_RETURN(const postgres::Result sums, destination_.Execute(kShardsSql, which));
    ASSIGN_OR_RETURN(const postgres::Result issues, destination_.Execute(kIssuesSql, which));
    return Ledger{sums.integer(0, 0), sums.integer(0, 1),   sums.integer(0, 2),  sums.integer(0, 3),
                  sums.integer(0, 4), issues.integer(0, 0), issues.integer(0, 1)};
  }

  static std::string IntegerArray(const std::vector<int>& mappings) {
    return absl::StrCat("{", absl::StrJoin(mappings, ","), "}");
  }

  std::string LedgerEvidence(absl::string_view column, const std::vector<int>& mappings) const {
    return absl::StrCat("SELECT sum(", column, ") FROM vecferry.shard WHERE migration_id = '", migration_id_,
                        "' AND mapping = ANY ('", IntegerArray(mappings), "')");
  }

  std::string IssueEvidence(absl::string_view action, const std::vector<int>& mappings) const {
    return absl::StrCat(
        "SELECT count(*) FROM vecferry.row_issue JOIN vecferry.shard USING (migration_id, shard) WHERE "
        "migration_id = '",
        migration_id_, "' AND action = '", action, "' AND mapping = ANY ('", IntegerArray(mappings), "')");
  }

  bool IsLeftOut(const std::string& table) const {
    return std::any_of(plan_.left_out.begin(), plan_.left_out.end(),
                       [&](const core::LeftOut& left_out) { return absl::EqualsIgnoreCase(left_out.name, table); });
  }

  // Every row of a source table was read, and every one that was not carried is named.
  absl::Status CheckSourceTable(const std::string& table) {
    std::vector<int> counted;
    for (const core::Mapping& mapping : plan_.mappings) {
      if (mapping.counted && absl::EqualsIgnoreCase(mapping.source_table, table)) counted.push_back(mapping.id);
    }
    if (counted.empty()) {
      const bool left_out = IsLeftOut(table);
      return Tell("table_planned", table, left_out, "carried, or left out with a reason",
                  left_out ? "left out with a reason" : "forgotten", "SELECT name FROM sqlite_master");
    }
    ASSIGN_OR_RETURN(const std::int64_t rows, CountSourceRows(*source_.Take(), table));
    ASSIGN_OR_RETURN(const Ledger ledger, ReadLedger(counted));
    RETURN_IF_ERROR(TellEqual("rows_read", table, rows, ledger.read,
                              absl::StrCat("SELECT count(*) FROM ", core::QuoteIdentifier(table), "; ",
                                           LedgerEvidence("rows_read", counted))));
    RETURN_IF_ERROR(TellEqual("rows_accounted", table, rows, ledger.carried + ledger.rejected,
                              LedgerEvidence("inserted + present + updated + conflicting + rejected", counted)));
    RETURN_IF_ERROR(
        TellEqual("rejects_named", table, ledger.rejected, ledger.issues_rejected,
                  absl::StrCat(LedgerEvidence("rejected", counted), "; ", IssueEvidence("rejected", counted))));
    return TellEqual("conflicts_named", table, ledger.conflicting, ledger.issues_skipped,
                     absl::StrCat(LedgerEvidence("conflicting", counted), "; ", IssueEvidence("skipped", counted)));
  }

  // The destination has the rows that the ledger says went there; where nobody else can have written, no others.
  absl::Status CheckDestinationTable(const std::string& table) {
    std::vector<int> mappings;
    std::vector<int> uncounted;
    bool fresh = true;
    for (const core::Mapping& mapping : plan_.mappings) {
      if (mapping.destination_table != table) continue;
      // Second rows of a source row are counted where the source row is.
      mappings.push_back(mapping.counted ? mapping.id : mapping.counted_by);
      fresh = fresh && mapping.mode == core::LoadMode::kFresh;
      if (!mapping.counted) uncounted.push_back(mapping.id);
    }
    // Rows that the profile itself makes are no rows of the source.
    const bool seeded = std::any_of(plan_.seed_sql.begin(), plan_.seed_sql.end(), [&](const std::string& sql) {
      return absl::StrContains(
          sql, absl::StrCat("INSERT INTO ", core::QualifiedName(plan_.identity.destination_schema, table), " "));
    });
    const std::string sql =
        absl::StrCat("SELECT count(*) FROM ", core::QualifiedName(plan_.identity.destination_schema, table));
    ASSIGN_OR_RETURN(const postgres::Result count, destination_.Execute(sql));
    ASSIGN_OR_RETURN(const Ledger ledger, ReadLedger(mappings));
    ASSIGN_OR_RETURN(const Ledger second, ReadLedger(uncounted));
    const std::int64_t rows = count.integer(0, 0);
    const std::int64_t expected = ledger.carried - second.rejected;
    std::string carried = LedgerEvidence("inserted + present + updated + conflicting", mappings);
    if (!uncounted.empty()) absl::StrAppend(&carried, "; ", LedgerEvidence("-rejected", uncounted));
    // The first rows may have been there already where the second ones are new.
    if (fresh && !uncounted.empty()) {
      return TellEqual("rows_arrived", table, expected, rows, absl::StrCat(sql, "; ", carried));
    }
    if (fresh && !seeded) {
      return TellEqual("rows_arrived", table, ledger.inserted, rows,
                       absl::StrCat(sql, "; ", LedgerEvidence("inserted", mappings)));
    }
    return Tell("rows_arrived", table, rows >= expected, absl::StrCat("at least ", expected), absl::StrCat(rows),
                absl::StrCat(sql, "; ", carried));
  }

  sqlite::SnapshotConnection& source_;
  postgres::Connection& destination_;
  const std::string& migration_id_;
  const core::Plan& plan_;
  const std::set<std::string>& unreadable_;
  core::Findings& findings_;
};

}  // namespace

absl::Status CheckCounts(sqlite::SnapshotConnection& source, postgres::Connection& destination,
                         const std::string& migration_id, const core::Plan& plan,
                         const std::set<std::string>& unreadable, core::Findings& findings) {
  RETURN_IF_ERROR(destination.ExecuteScript("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  RETURN_IF_ERROR(Counting(source, destination, migration_id, plan, unreadable, findings).Run());
  return destination.ExecuteScript("COMMIT");
}

}  // namespace vecferry::verifier
