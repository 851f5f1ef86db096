#include "verifier/searches_of_plan.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/core/record.h"
#include "common/core/types.h"
#include "verifier/compared_table.h"
#include "verifier/expected_rows.h"
#include "verifier/recall.h"
#include "verifier/refused_rows.h"

namespace vecferry::verifier {
namespace {

bool IsSearched(const ComparedColumn& column) {
  const core::PgKind kind = column.type.kind;
  return (kind == core::PgKind::kVector || kind == core::PgKind::kHalfvec) && column.type.dimension > 0;
}

// The planned vector index of a column; "" = there is none.
std::string IndexOf(const Verification& verification, const std::string& table, const std::string& column) {
  if (!verification.options.indexes_wanted) return "";
  const std::string start = absl::StrCat("(", core::QuoteIdentifier(column), " ");
  for (const core::FinishStep& step : verification.plan.steps) {
    if (step.vector_index && step.table == table && absl::StrContains(step.sql, start)) return step.name;
  }
  return "";
}

// Each query is also asked without an index, which takes about 5 us a row of 768 dimensions: half a minute in all.
int ChooseQueries(const ComparedTable& table) {
  constexpr std::int64_t kRowsReadMax = 5'000'000;
  std::int64_t rows = 1;
  for (const Filling& filling : table.fillings) rows += filling.mapping->rows_estimate;
  return static_cast<int>(std::clamp<std::int64_t>(kRowsReadMax / rows, 10, 50));
}

// Rows that the ledger says Postgres refused; whether it does is another check's question.
bool IsRefused(const RefusedByMapping& refused, const RuledRow& row) {
  const auto of_mapping = refused.find(row.mapping.id);
  return of_mapping != refused.end() && !of_mapping->second.empty() &&
         of_mapping->second.contains(core::EncodeRecord(row.source.key));
}

absl::Status MeasureColumn(const Verification& verification, const ComparedTable& table, int column, bool different,
                           core::Findings& findings) {
  const ComparedColumn& measured = table.columns[static_cast<std::size_t>(column)];
  const core::Plan& plan = verification.plan;
  RecallTarget target{plan.identity.destination_schema, table.name, measured.name, measured.type,
                      plan.extension_schema};
  const bool is_main = plan.main_model && plan.main_model->dimension == measured.type.dimension;
  if (is_main) target.model = plan.main_model->name;
  target.metric = "cosine";
  target.index = IndexOf(verification, table.name, measured.name);
  RecallOptions options;
  options.queries = verification.options.recall_queries;
  if (options.queries == core::kRecallQueriesChosen) options.queries = ChooseQueries(table);
  options.index_min = verification.options.recall_index_min;
  // In a table that existed, rows of others are found too.
  if (different || !table.fresh) options.exact_min = 0;
  options.own_queries = verification.options.queries;
  RefusedByMapping refused;
  if (!verification.migration_id.empty()) {
    ASSIGN_OR_RETURN(refused, LoadRefused(verification.sessions[0], verification.migration_id, table));
  }
  const ForEachVector source = [&](const std::function<absl::Status(absl::string_view)>& take) {
    std::int64_t rows = 0;
    return ForEachRuledRow(verification.source, plan, table, [&](const RuledRow& row) -> absl::Status {
      if (++rows % 1000 == 0 && verification.stopping()) return absl::CancelledError("stopped");
      if (!row.ruling.carried || IsRefused(refused, row)) return absl::OkStatus();
      const std::optional<absl::string_view> vector = row.row.field(column);
      return vector ? take(*vector) : absl::OkStatus();
    });
  };
  return MeasureRecall(target, options, source, verification.sessions[0], findings);
}

}  // namespace

absl::Status CheckRecall(const Verification& verification, const std::set<std::string>& unreadable,
                         const std::set<std::string>& different, core::Findings& findings) {
  if (verification.options.recall_queries == 0 && verification.options.queries.empty()) return absl::OkStatus();
  for (const std::string& name : MappedTables(verification.plan)) {
    if (unreadable.contains(name)) continue;
    ASSIGN_OR_RETURN(const ComparedTable table, LayOutTable(verification.sessions[0], verification.plan, name));
    for (std::size_t column = 0; column < table.columns.size(); ++column) {
      if (!IsSearched(table.columns[column])) continue;
      RETURN_IF_ERROR(MeasureColumn(verification, table, static_cast<int>(column), different.contains(name), findings));
    }
  }
  return absl::OkStatus();
}

}  // namespace vecferry::verifier
