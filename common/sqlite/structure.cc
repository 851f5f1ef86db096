#include "common/sqlite/structure.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/core/types.h"

namespace vecferry::sqlite {
namespace {

// What a check of the pages found first; "" = nothing. quick_check goes on to rows that break NOT NULL or CHECK
// constraints: those are no damage, and only the pages' part begins with stars.
absl::StatusOr<std::string> FirstDamage(Database& database, const std::string& pragma) {
  ASSIGN_OR_RETURN(Statement check, database.Prepare(pragma));
  const absl::StatusOr<bool> row = check.Step();
  if (!row.ok()) {
    if (row.status().code() == absl::StatusCode::kDataLoss) return std::string(row.status().message());
    // Not to be checked (a collation or function of the application's own in an index) is not damaged.
    if (row.status().code() == absl::StatusCode::kInvalidArgument) return std::string();
    return row.status();
  }
  const core::ValueView found = check.Column(0);
  if (!*row || !absl::StartsWith(found.bytes, "***")) return std::string();
  return absl::StrReplaceAll(core::SanitizeText(found.bytes), {{"*** in database main *** ", ""}});
}

}  // namespace

absl::Status CheckStructure(Database& database, absl::string_view path) {
  ASSIGN_OR_RETURN(const std::string damage, FirstDamage(database, "PRAGMA quick_check(1)"));
  if (damage.empty()) return absl::OkStatus();
  std::string where;
  absl::StatusOr<Statement> tables =
      database.Prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid");
  while (tables.ok() && where.empty()) {
    const absl::StatusOr<bool> row = tables->Step();
    if (!row.ok() || !*row) break;
    const std::string name(tables->Column(0).bytes);
    const auto of_table = FirstDamage(database, absl::StrCat("PRAGMA quick_check(", core::QuoteIdentifier(name), ")"));
    if (of_table.ok() && !of_table->empty()) where = absl::StrCat(" in table ", core::SanitizeText(name));
  }
  return absl::DataLossError(absl::StrCat(core::SanitizeText(path), " is damaged", where, ": ", damage,
                                          "; recover a copy (sqlite3 FILE .recover) and carry that"));
}

}  // namespace vecferry::sqlite
