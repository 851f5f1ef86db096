#include "verifier/source_tables.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/core/types.h"

namespace vecferry::verifier {
namespace {

struct Virtual {
  std::string name, module;
};

absl::StatusOr<std::vector<std::string>> Names(sqlite::Database& source, absl::string_view sql) {
  ASSIGN_OR_RETURN(sqlite::Statement statement, source.Prepare(sql));
  std::vector<std::string> names;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return names;
    names.emplace_back(statement.Column(0).bytes);
  }
}

// The word after USING in CREATE VIRTUAL TABLE name USING module(...).
std::string ModuleOf(absl::string_view sql) {
  const std::string lower = absl::AsciiStrToLower(sql);
  const std::size_t at = lower.rfind(" using ", lower.find('('));
  if (at == std::string::npos) return "";
  const std::size_t begin = lower.find_first_not_of(" \t\r\n", at + 7);
  if (begin == std::string::npos) return "";
  return lower.substr(begin, lower.find_first_of("( \t\r\n", begin) - begin);
}

// A virtual table has no page of its own.
absl::StatusOr<std::vector<Virtual>> VirtualTables(sqlite::Database& source) {
  ASSIGN_OR_RETURN(sqlite::Statement statement,
                   source.Prepare("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND rootpage = 0"));
  std::vector<Virtual> tables;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return tables;
    tables.push_back({std::string(statement.Column(0).bytes), ModuleOf(statement.Column(1).bytes)});
  }
}

}  // namespace

bool IsShadowName(const std::string& name, const std::string& owner, const std::string& module) {
  if (!absl::StartsWithIgnoreCase(name, absl::StrCat(owner, "_"))) return false;
  const std::string suffix = absl::AsciiStrToLower(absl::string_view(name).substr(owner.size() + 1));
  const std::set<std::string> fts = {"data", "idx", "content", "docsize", "config", "segments", "segdir", "stat"};
  if (absl::StartsWith(module, "fts")) return fts.contains(suffix);
  if (absl::StartsWith(module, "rtree")) return suffix == "node" || suffix == "parent" || suffix == "rowid";
  if (module != "vec0") return false;
  return suffix == "chunks" || suffix == "rowids" || suffix == "info" || suffix == "auxiliary" ||
         absl::StartsWith(suffix, "vector_chunks") || absl::StartsWith(suffix, "metadatachunks") ||
         absl::StartsWith(suffix, "metadatatext");
}

absl::StatusOr<std::vector<std::string>> ListSourceTables(sqlite::Database& source) {
  ASSIGN_OR_RETURN(std::vector<std::string> tables,
                   Names(source,
                         "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage <> 0 "
                         "AND lower(substr(name, 1, 7)) <> 'sqlite_' ORDER BY name"));
  ASSIGN_OR_RETURN(const std::vector<std::string> shadows,
                   Names(source, "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'"));
  ASSIGN_OR_RETURN(const std::vector<Virtual> virtuals, VirtualTables(source));
  std::erase_if(tables, [&](const std::string& table) {
    return std::find(shadows.begin(), shadows.end(), table) != shadows.end() ||
           std::any_of(virtuals.begin(), virtuals.end(),
                       [&](const Virtual& owner) { return IsShadowName(table, owner.name, owner.module); });
  });
  return tables;
}

absl::StatusOr<std::int64_t> CountSourceRows(sqlite::Database& source, const std::string& table) {
  ASSIGN_OR_RETURN(const core::Value count,
                   source.QueryValue(absl::StrCat("SELECT count(*) FROM ", core::QuoteIdentifier(table))));
  if (count.storage != core::StorageClass::kInteger) {
    return absl::DataLossError(absl::StrCat("counting the rows of ", core::QuoteIdentifier(table), " told no number"));
  }
  return count.integer;
}

}  // namespace vecferry::verifier
