#include "coordinator/orphans.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/core/types.h"
#include "common/postgres/ledger.h"
#include "common/postgres/ledger_sql.h"
#include "coordinator/destination.h"
#include "coordinator/ledger_moves.h"
#include "coordinator/steps.h"

namespace vecferry::coordinator {
namespace {

constexpr int kRowsATime = 500;  // removed rows held in memory at once

std::string Literal(const core::Input& input) {
  const bool quoted = input.sql.size() >= 2 && input.sql.front() == '\'' && input.sql.back() == '\'';
  return input.source_column.empty() && quoted ? input.sql : "";
}

// The mapping that loaded row `c`, as SQL: several mappings of one table differ in a column that each fills with a
// constant of its own (such as the source table's name).
std::string MappingOfRow(const std::vector<const core::Mapping*>& mappings) {
  std::string cases;
  for (const core::Mapping* mapping : mappings) {
    std::vector<std::string> conditions;
    for (const core::Column& column : mapping->columns) {
      const std::string literal = column.input < 0 ? "" : Literal(mapping->inputs[column.input]);
      if (literal.empty() || column.type.kind != core::PgKind::kText) continue;
      conditions.push_back(absl::StrCat("c.", core::QuoteIdentifier(column.name), " = ", literal));
    }
    if (!conditions.empty()) {
      absl::StrAppend(&cases, " WHEN ", absl::StrJoin(conditions, " AND "), " THEN ", mapping->id);
    }
  }
  const int otherwise = mappings.front()->id;
  return cases.empty() ? absl::StrCat(otherwise) : absl::StrCat("CASE", cases, " ELSE ", otherwise, " END");
}

core::ValueView KeyValue(const core::Mapping& mapping, const std::string& column, absl::string_view text,
                         std::string& storage) {
  const auto found = std::find_if(mapping.columns.begin(), mapping.columns.end(),
                                  [&](const core::Column& candidate) { return candidate.name == column; });
  std::int64_t number = 0;
  switch (found == mapping.columns.end() ? core::PgKind::kText : found->type.kind) {
    case core::PgKind::kInt2:
    case core::PgKind::kInt4:
    case core::PgKind::kInt8:
      if (absl::SimpleAtoi(text, &number)) return core::ValueView::Integer(number);
      break;
    case core::PgKind::kBytea: return core::ValueView::Blob(storage);
    default: break;
  }
  storage = std::string(text);
  return core::ValueView::Text(storage);
}

// One foreign key's orphans: looks for them, removes them, tells them.
class OrphanRemover {
 public:
  OrphanRemover(const FinishContext& context, const core::FinishStep& foreign_key)
      : context_(context), step_(foreign_key) {
    for (const core::Mapping& mapping : context.plan.mappings) {
      if (mapping.destination_table == step_.table) mappings_.push_back(&mapping);
    }
  }

  // Removes up to kRowsATime rows; returns how many. Counts those that are told in `rejected`, by mapping id.
  absl::StatusOr<int> RemoveSome(std::map<int, std::int64_t>& rejected) {
    if (mappings_.empty()) return 0;
    const core::Mapping& any = *mappings_.front();
    std::vector<std::string> keys;
    for (const std::string& column : any.conflict_key) {
      keys.push_back(absl::StrCat("c.", core::QuoteIdentifier(column)));
    }
    std::vector<std::string> references;
    for (const std::string& column : step_.columns) {
      references.push_back(absl::StrCat("c.", core::QuoteIdentifier(column), "::text"));
    }
    const std::string table = core::QualifiedName(context_.plan.identity.destination_schema, step_.table);
    const std::string sql =
        absl::StrCat("DELETE FROM ", table, " c WHERE c.ctid = ANY (ARRAY(SELECT c.ctid FROM ", table, " c WHERE ",
                     OrphanCondition(context_.plan.identity.destination_schema, step_), " LIMIT ", kRowsATime,
                     ")) RETURNING ", MappingOfRow(mappings_), ", row_to_json(c)::text, concat_ws(', ', ",
                     absl::StrJoin(references, ", "), ")", keys.empty() ? "" : ", ", absl::StrJoin(keys, ", "));
    absl::StatusOr<postgres::Result> removed = context_.session.Execute(sql);
    if (!removed.ok()) return NameStatement(removed.status(), "removing rows without their parent", sql);
    std::map<int, std::vector<core::RowIssue>> issues;
    for (int row = 0; row < removed->rows(); ++row) {
      const core::Mapping& mapping = context_.plan.mappings[removed->integer(row, 0)];
      if (mapping.counted) issues[mapping.id].push_back(MakeIssue(*removed, row, mapping));
    }
    for (const auto& [mapping, told] : issues) {
      RETURN_IF_ERROR(postgres::InsertIssues(context_.session, context_.migration_id, FirstShard(mapping), told));
      rejected[mapping] += static_cast<std::int64_t>(told.size());
    }
    return removed->rows();
  }

 private:
  int FirstShard(int mapping) const {
    for (const core::Shard& shard : context_.plan.shards) {
      if (shard.mapping == mapping) return shard.id;
    }
    return 0;
  }

  core::RowIssue MakeIssue(const postgres::Result& removed, int row, const core::Mapping& mapping) const {
    core::RowIssue issue;
    issue.source_table = mapping.source_table;
    issue.destination_table = mapping.destination_table;
    issue.kind = "foreign_key";
    issue.action = core::IssueAction::kRejected;
    issue.reason = core::SanitizeText(absl::StrCat(absl::StrJoin(step_.columns, ", "), " = ", removed.text(row, 2),
                                                   " names no row of ", step_.parent_table));
    issue.raw = std::string(removed.text(row, 1));
    issue.raw_format = "text";
    std::vector<std::string> storage(mapping.conflict_key.size());
    std::vector<core::ValueView> values;
    for (std::size_t i = 0; i < mapping.conflict_key.size(); ++i) {
      const int column = 3 + static_cast<int>(i);
      storage[i] = IsBytea(mapping, mapping.conflict_key[i]) ? removed.bytea(row, column) : "";
      values.push_back(KeyValue(mapping, mapping.conflict_key[i], removed.text(row, column), storage[i]));
    }
    issue.source_key = core::SourceKeyJson(mapping.conflict_key, values);
    return issue;
  }

  static bool IsBytea(const core::Mapping& mapping, const std::string& column) {
    return std::any_of(mapping.columns.begin(), mapping.columns.end(), [&](const core::Column& candidate) {
      return candidate.name == column && candidate.type.kind == core::PgKind::kBytea;
    });
  }

  const FinishContext& context_;
  const core::FinishStep& step_;
  std::vector<const core::Mapping*> mappings_;
};

// Foreign keys that are still to be made on tables that the migration made.
absl::StatusOr<std::vector<const core::FinishStep*>> OpenForeignKeys(const FinishContext& context) {
  std::vector<const core::FinishStep*> open;
  for (const core::FinishStep& step : context.plan.steps) {
    if (step.kind != core::StepKind::kForeignKey) continue;
    const bool existed =
        std::any_of(context.plan.tables.begin(), context.plan.tables.end(),
                    [&](const core::Table& table) { return table.name == step.table && table.existed; });
    if (existed) continue;
    ASSIGN_OR_RETURN(const bool done, IsDone(context.session, context.plan.identity.destination_schema, step));
    if (!done) open.push_back(&step);
  }
  return open;
}

absl::Status CheckRejects(const FinishContext& context, const core::FinishStep& step, std::int64_t rejected) {
  if (rejected <= context.rejects_max) return absl::OkStatus();
  return absl::OutOfRangeError(
      absl::StrCat("more rows than --max-rejects ", context.rejects_max, " allows would be rejected: rows of ",
                   core::QuoteIdentifier(step.table), " name rows of ", core::QuoteIdentifier(step.parent_table),
                   " that do not exist; nothing was deleted; run the same command again with a higher --max-rejects"));
}

// Removes all orphans of one foreign key; returns how many rows went. `total` counts rejected rows of the migration.
absl::StatusOr<std::int64_t> RemoveOrphansOf(const FinishContext& context, const core::FinishStep& step,
                                             std::map<int, std::int64_t>& rejected, std::int64_t before) {
  OrphanRemover remover(context, step);
  std::int64_t gone = 0;
  while (true) {
    if (context.stopping()) return absl::CancelledError("stopped while looking for rows without their parent");
    ASSIGN_OR_RETURN(const int removed, remover.RemoveSome(rejected));
    if (removed == 0) return gone;
    gone += removed;
    std::int64_t total = before;
    for (const auto& [mapping, rows] : rejected) total += rows;
    RETURN_IF_ERROR(CheckRejects(context, step, total));
  }
}

absl::Status RemoveAll(const FinishContext& context, const std::vector<const core::FinishStep*>& foreign_keys) {
  ASSIGN_OR_RETURN(const std::int64_t before, postgres::CountRejected(context.session, context.migration_id));
  std::map<int, std::int64_t> rejected;  // by mapping
  for (std::int64_t gone = 1; gone > 0;) {
    gone = 0;
    for (const core::FinishStep* step : foreign_keys) {
      ASSIGN_OR_RETURN(const std::int64_t more, RemoveOrphansOf(context, *step, rejected, before));
      gone += more;
    }
  }
  for (const auto& [mapping, rows] : rejected) {
    RETURN_IF_ERROR(MoveToRejected(context.session, context.migration_id, mapping, rows));
  }
  return absl::OkStatus();
}

}  // namespace

std::string OrphanCondition(absl::string_view schema, const core::FinishStep& foreign_key) {
  std::vector<std::string> conditions;
  std::vector<std::string> matches;
  for (std::size_t i = 0; i < foreign_key.columns.size(); ++i) {
    const std::string child = absl::StrCat("c.", core::QuoteIdentifier(foreign_key.columns[i]));
    conditions.push_back(absl::StrCat(child, " IS NOT NULL"));
    matches.push_back(absl::StrCat("p.", core::QuoteIdentifier(foreign_key.parent_columns[i]), " = ", child));
  }
  return absl::StrCat(absl::StrJoin(conditions, " AND "), " AND NOT EXISTS (SELECT FROM ",
                      core::QualifiedName(schema, foreign_key.parent_table), " p WHERE ",
                      absl::StrJoin(matches, " AND "), ")");
}

absl::Status RemoveOrphans(const FinishContext& context) {
  ASSIGN_OR_RETURN(const std::vector<const core::FinishStep*> foreign_keys, OpenForeignKeys(context));
  if (foreign_keys.empty()) return absl::OkStatus();
  return postgres::InTransaction(context.session, [&]() -> absl::Status {
    RETURN_IF_ERROR(CheckEpoch(context.session, context.migration_id, context.coordinator_epoch));
    return RemoveAll(context, foreign_keys);
  });
}

}  // namespace vecferry::coordinator
