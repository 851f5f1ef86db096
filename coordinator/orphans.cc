#include "coordinator/orphans.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/core/types.h"
#include "common/postgres/ledger.h"
#include "common/postgres/ledger_sql.h"
#include "coordinator/destination.h"
#include "coordinator/ledger_moves.h"
#include "coordinator/orphan_issues.h"
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

// The function that gives a value as COPY BINARY has it.
absl::string_view SendFunction(core::PgKind kind) {
  switch (kind) {
    case core::PgKind::kBool: return "boolsend";
    case core::PgKind::kInt2: return "int2send";
    case core::PgKind::kInt4: return "int4send";
    case core::PgKind::kInt8: return "int8send";
    case core::PgKind::kFloat8: return "float8send";
    case core::PgKind::kNumeric: return "numeric_send";
    case core::PgKind::kText: return "textsend";
    case core::PgKind::kBytea: return "byteasend";
    case core::PgKind::kUuid: return "uuid_send";
    case core::PgKind::kTimestamptz: return "timestamptz_send";
    case core::PgKind::kJsonb: return "jsonb_send";
    case core::PgKind::kTextArray:
    case core::PgKind::kUuidArray: return "array_send";
    case core::PgKind::kVector: return "vector_send";
    case core::PgKind::kHalfvec: return "halfvec_send";
  }
  return "textsend";
}

// The key of row `c` as readers write it: each field with its length. And as people read it.
std::string KeyFields(const core::Mapping& mapping) {
  std::vector<std::string> fields;
  for (const std::string& name : mapping.conflict_key) {
    const auto column = std::find_if(mapping.columns.begin(), mapping.columns.end(),
                                     [&](const core::Column& candidate) { return candidate.name == name; });
    const std::string sent =
        absl::StrCat(SendFunction(column == mapping.columns.end() ? core::PgKind::kText : column->type.kind), "(c.",
                     core::QuoteIdentifier(name), ")");
    fields.push_back(absl::StrCat("int4send(octet_length(", sent, ")) || ", sent));
  }
  return absl::StrJoin(fields, " || ");
}

std::string KeyJson(const core::Mapping& mapping) {
  std::vector<std::string> pairs;
  for (const std::string& name : mapping.conflict_key) {
    pairs.push_back(absl::StrCat(core::QuoteLiteral(name), ", c.", core::QuoteIdentifier(name)));
  }
  return absl::StrCat("jsonb_build_object(", absl::StrJoin(pairs, ", "), ")");
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

  // Removes up to kRowsATime rows into `orphans`; returns how many.
  absl::StatusOr<int> RemoveSome(Orphans& orphans) {
    if (mappings_.empty()) return 0;
    const core::Mapping& any = *mappings_.front();
    std::vector<std::string> references;
    for (const std::string& column : step_.columns) {
      references.push_back(absl::StrCat("c.", core::QuoteIdentifier(column), "::text"));
    }
    const std::string table = core::QualifiedName(context_.plan.identity.destination_schema, step_.table);
    const std::string sql =
        absl::StrCat("DELETE FROM ", table, " c WHERE c.ctid = ANY (ARRAY(SELECT c.ctid FROM ", table, " c WHERE ",
                     OrphanCondition(context_.plan.identity.destination_schema, step_), " LIMIT ", kRowsATime,
                     ")) RETURNING ", MappingOfRow(mappings_), ", ", KeyFields(any), ", ", KeyJson(any),
                     ", concat_ws(', ', ", absl::StrJoin(references, ", "), ")");
    absl::StatusOr<postgres::Result> removed = context_.session.Execute(sql);
    if (!removed.ok()) return NameStatement(removed.status(), "removing rows without their parent", sql);
    for (int row = 0; row < removed->rows(); ++row) {
      std::string reason = core::SanitizeText(absl::StrCat(
          absl::StrJoin(step_.columns, ", "), " = ", removed->text(row, 3), " names no row of ", step_.parent_table));
      orphans[static_cast<int>(removed->integer(row, 0))].emplace(
          removed->bytea(row, 1), Orphan{std::string(removed->text(row, 2)), std::move(reason)});
    }
    return removed->rows();
  }

 private:
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

// Rows of uncounted mappings stand for source rows that are told where they are counted.
std::int64_t CountTold(const FinishContext& context, const Orphans& orphans) {
  std::int64_t told = 0;
  for (const auto& [mapping, rows] : orphans) {
    if (context.plan.mappings[mapping].counted) told += static_cast<std::int64_t>(rows.size());
  }
  return told;
}

// Removes all orphans of one foreign key; returns how many rows went. `before`: rejected rows of the migration.
absl::StatusOr<std::int64_t> RemoveOrphansOf(const FinishContext& context, const core::FinishStep& step,
                                             Orphans& orphans, std::int64_t before) {
  OrphanRemover remover(context, step);
  std::int64_t gone = 0;
  while (true) {
    if (context.stopping()) return absl::CancelledError("stopped while looking for rows without their parent");
    ASSIGN_OR_RETURN(const int removed, remover.RemoveSome(orphans));
    if (removed == 0) return gone;
    gone += removed;
    RETURN_IF_ERROR(CheckRejects(context, step, before + CountTold(context, orphans)));
  }
}

absl::Status RemoveAll(const FinishContext& context, const std::vector<const core::FinishStep*>& foreign_keys) {
  ASSIGN_OR_RETURN(const std::int64_t before, postgres::CountRejected(context.session, context.migration_id));
  Orphans orphans;
  for (std::int64_t gone = 1; gone > 0;) {
    gone = 0;
    for (const core::FinishStep* step : foreign_keys) {
      ASSIGN_OR_RETURN(const std::int64_t more, RemoveOrphansOf(context, *step, orphans, before));
      gone += more;
    }
  }
  return TellOrphans(context, std::move(orphans));
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
