#include "common/profile/fit.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace vecferry::profile {
namespace {

using core::PgKind;
using postgres::CatalogColumn;
using postgres::CatalogTable;

const CatalogColumn* Find(const CatalogTable& table, const std::string& name) {
  const auto found = std::find_if(table.columns.begin(), table.columns.end(),
                                  [&](const CatalogColumn& column) { return column.name == name; });
  return found == table.columns.end() ? nullptr : &*found;
}

// A type that takes every value of `type`, in the same wire form.
bool Takes(const std::string& there, const core::PgType& type) {
  if (type.kind == PgKind::kText && there == "character varying") return true;
  const absl::StatusOr<core::PgType> parsed = core::ParsePgType(there);
  if (!parsed.ok() || parsed->kind != type.kind) return false;
  return parsed->dimension == 0 || parsed->dimension == type.dimension;
}

void CompareColumn(const std::string& table, const CatalogColumn* there, const core::Column& column,
                   std::vector<std::string>& differences) {
  const std::string name = absl::StrCat(table, ".", column.name);
  if (there == nullptr) {
    differences.push_back(absl::StrCat(name, " is missing (", core::ToString(column.type), ")"));
  } else if (there->generated) {
    differences.push_back(absl::StrCat(name, " is a generated column"));
  } else if (!Takes(there->type, column.type)) {
    differences.push_back(absl::StrCat(name, " is ", there->type, ", not ", core::ToString(column.type)));
  }
}

bool HasUsableIndex(const CatalogTable& table, const std::vector<std::string>& key) {
  const std::set<std::string> wanted(key.begin(), key.end());
  return std::any_of(table.indexes.begin(), table.indexes.end(), [&](const postgres::CatalogIndex& index) {
    return index.unique && index.valid && !index.partial && !index.deferrable &&
           std::set<std::string>(index.columns.begin(), index.columns.end()) == wanted;
  });
}

void CompareMapping(const CatalogTable& table, const core::Mapping& mapping, std::vector<std::string>& differences) {
  std::set<std::string> mapped;
  for (const core::Column& column : mapping.columns) {
    mapped.insert(column.name);
    CompareColumn(mapping.destination_table, Find(table, column.name), column, differences);
  }
  for (const CatalogColumn& column : table.columns) {
    const bool filled = !column.not_null || column.has_default || column.identity || column.generated;
    if (filled || mapped.count(column.name) != 0) continue;
    differences.push_back(absl::StrCat(mapping.destination_table, ".", column.name,
                                       " is NOT NULL without a default, and the source has nothing for it"));
  }
  if (!HasUsableIndex(table, mapping.conflict_key)) {
    differences.push_back(absl::StrCat(mapping.destination_table, " has no valid unique index on exactly (",
                                       absl::StrJoin(mapping.conflict_key, ", "),
                                       ") that is neither partial nor deferrable"));
  }
}

// What no merge can be right about.
void CheckBehaviour(const std::string& name, const CatalogTable& table, std::vector<std::string>& differences) {
  if (table.hides_rows) {
    differences.push_back(absl::StrCat(name,
                                       " has row-level security that applies to this role and may hide rows from it "
                                       "(come as a role with BYPASSRLS, or as the owner without FORCE ROW LEVEL "
                                       "SECURITY)"));
  }
  if (table.has_children) {
    differences.push_back(absl::StrCat(name, " has tables that inherit from it, whose rows its keys do not cover"));
  }
  if (table.rewrites_rows) {
    differences.push_back(absl::StrCat(name, " has rules on INSERT or UPDATE, which ON CONFLICT does not allow"));
  }
}

}  // namespace

absl::Status FitExistingTables(Draft& draft) {
  std::vector<std::string> differences;
  for (const DraftTable& table : draft.tables) {
    const CatalogTable* existing = draft.Existing(table.name);
    if (existing == nullptr) continue;
    if (existing->kind != 'r' && existing->kind != 'p') {
      differences.push_back(absl::StrCat(table.name, " is there and is no table"));
      continue;
    }
    CheckBehaviour(table.name, *existing, differences);
    for (core::Mapping& mapping : draft.plan.mappings) {
      if (mapping.destination_table != table.name) continue;
      mapping.mode = core::LoadMode::kMerge;
      CompareMapping(*existing, mapping, differences);
    }
  }
  if (differences.empty()) return absl::OkStatus();
  // Two mappings may fill one table.
  std::sort(differences.begin(), differences.end());
  differences.erase(std::unique(differences.begin(), differences.end()), differences.end());
  return absl::FailedPreconditionError(
      absl::StrCat("schema ", draft.input.identity.destination_schema,
                   " holds tables that do not fit: ", absl::StrJoin(differences, "; "),
                   ". Choose another schema with --schema, leave tables out with --skip, or change the tables"));
}

}  // namespace vecferry::profile
