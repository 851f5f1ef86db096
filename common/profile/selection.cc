#include "common/profile/selection.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/profile/source.h"

namespace vecferry::profile {
namespace {

using sqlite::SourceTable;
using sqlite::TableKind;

std::string WhyLeftOut(const SourceTable& table) {
  switch (table.kind) {
    case TableKind::kView: return "a view: its rows are those of tables";
    case TableKind::kVirtual: return absl::StrCat("a virtual table of the module ", table.virtual_module);
    case TableKind::kShadow:
      return absl::StrCat("belongs to the virtual table ", table.owner, " (", table.virtual_module, ")");
    case TableKind::kOrdinary: return "";
  }
  return "";
}

absl::StatusOr<std::set<const SourceTable*>> FindNamed(const sqlite::SourceSchema& schema, const char* flag,
                                                       const std::vector<std::string>& names) {
  std::set<const SourceTable*> found;
  for (const std::string& name : names) {
    const SourceTable* table = schema.Find(name);
    if (table == nullptr) {
      std::vector<std::string> known;
      for (const SourceTable& candidate : schema.tables) {
        if (candidate.kind == TableKind::kOrdinary && known.size() < 20) known.push_back(candidate.name);
      }
      return absl::InvalidArgumentError(absl::StrCat(flag, " ", name, ": the source has no such table; it has ",
                                                     known.empty() ? "none" : absl::StrJoin(known, ", ")));
    }
    found.insert(table);
  }
  return found;
}

// What introspection does not list.
absl::Status NameTheRest(Draft& draft) {
  ASSIGN_OR_RETURN(sqlite::Statement rows,
                   draft.input.source.Prepare("SELECT type, name FROM sqlite_master WHERE (type = 'table' AND "
                                              "name LIKE 'sqlite\\_%' ESCAPE '\\') OR type = 'trigger' ORDER BY name"));
  std::vector<std::string> triggers;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) break;
    const std::string name(rows.Column(1).bytes);
    if (rows.Column(0).bytes == "trigger") {
      triggers.push_back(name);
    } else {
      draft.plan.left_out.push_back({name, "SQLite's own"});
    }
  }
  if (!triggers.empty()) draft.Note(absl::StrCat("triggers are not carried over: ", absl::StrJoin(triggers, ", ")));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<const SourceTable*>> SelectTables(Draft& draft) {
  const sqlite::SourceSchema& schema = draft.input.schema;
  ASSIGN_OR_RETURN(const std::set<const SourceTable*> only, FindNamed(schema, "--only", draft.input.identity.only));
  ASSIGN_OR_RETURN(const std::set<const SourceTable*> skip, FindNamed(schema, "--skip", draft.input.identity.skip));
  std::vector<const SourceTable*> selected;
  for (const SourceTable& table : schema.tables) {
    std::string why = WhyLeftOut(table);
    if (!why.empty() && only.count(&table) != 0) {
      return absl::InvalidArgumentError(absl::StrCat("--only ", table.name, ": cannot be carried: ", why));
    }
    if (why.empty() && skip.count(&table) != 0) why = "--skip";
    if (why.empty() && !only.empty() && only.count(&table) == 0) why = "not among --only";
    if (why.empty()) {
      selected.push_back(&table);
    } else {
      draft.plan.left_out.push_back({table.name, why});
    }
  }
  if (selected.empty()) {
    return absl::InvalidArgumentError(schema.tables.empty()
                                          ? "the source has no tables: nothing to carry"
                                          : "none of the source's tables is left to carry (see --only and --skip)");
  }
  RETURN_IF_ERROR(NameTheRest(draft));
  return OrderByParents(schema, selected);
}

}  // namespace vecferry::profile
