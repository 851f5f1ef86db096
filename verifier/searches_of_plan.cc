#include "verifier/searches_of_plan.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/core/record.h"
#include "common/core/types.h"
#include "verifier/canonical.h"
#include "verifier/compared_table.h"
#include "verifier/expected_rows.h"
#include "verifier/recall.h"
#include "verifier/recall_slices.h"
#include "verifier/refused_rows.h"

namespace vecferry::verifier {
namespace {

constexpr std::size_t kSlicesMeasured = 10;

bool IsVector(const core::PgType& type) {
  return type.kind == core::PgKind::kVector || type.kind == core::PgKind::kHalfvec;
}

// Types whose equal values are the same bytes, here and there.
bool IsSliceable(const core::PgType& type) {
  switch (type.kind) {
    case core::PgKind::kText:
    case core::PgKind::kUuid:
    case core::PgKind::kBool:
    case core::PgKind::kInt2:
    case core::PgKind::kInt4:
    case core::PgKind::kInt8:
    case core::PgKind::kTimestamptz: return true;
    default: return false;
  }
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

// One vector column of a table.
class ColumnSearches {
 public:
  // `different`: the table's rows differ. All must outlive it.
  ColumnSearches(const Verification& verification, const ComparedTable& table, int column, bool different,
                 core::Findings& findings)
      : verification_(verification), table_(table), column_(column), findings_(findings) {
    options_.queries = verification.options.recall_queries;
    if (options_.queries == core::kRecallQueriesChosen) options_.queries = ChooseQueries(table);
    options_.index_min = verification.options.recall_index_min;
    // In a table that existed, rows of others are found too.
    if (different || !table.fresh) options_.exact_min = 0;
    options_.own_queries = verification.options.queries;
  }

  absl::Status Measure() {
    if (!verification_.migration_id.empty()) {
      ASSIGN_OR_RETURN(refused_, LoadRefused(verification_.sessions[0], verification_.migration_id, table_));
    }
    // Vectors of several dimensions have no distance from each other: each model is searched for itself.
    const bool any_dimension = searched().type.dimension == 0;
    RETURN_IF_ERROR(any_dimension ? MeasureSlices(FindModel(table_)) : MeasureSlice({}));
    for (const std::string& wanted : verification_.options.recall_slices) {
      for (std::size_t i = 0; i < table_.columns.size(); ++i) {
        if (wanted != absl::StrCat(table_.name, ".", table_.columns[i].name)) continue;
        RETURN_IF_ERROR(MeasureSlices(static_cast<int>(i)));
      }
    }
    return absl::OkStatus();
  }

 private:
  using TakeRow = std::function<absl::Status(const RowImage& row, absl::string_view vector)>;

  const ComparedColumn& searched() const { return table_.columns[static_cast<std::size_t>(column_)]; }

  absl::Status MeasureSlices(int column) {
    SliceCounts counts(column, searched().type.dimension == 0);
    RETURN_IF_ERROR(ForEachRow([&](const RowImage& row, absl::string_view vector) {
      counts.Add(row, vector);
      return absl::OkStatus();
    }));
    if (counts.overflown()) RETURN_IF_ERROR(TellTooMany(column));
    const std::vector<Slice> slices = counts.Largest(kSlicesMeasured);
    for (const Slice& slice : slices) RETURN_IF_ERROR(MeasureSlice(slice));
    if (counts.size() == slices.size()) return absl::OkStatus();
    return findings_.Tell(core::CheckReport{"recall_slices", table_.name, "skipped",
                                            absl::StrCat(counts.size(), " slices of ", searched().name),
                                            absl::StrCat("the ", slices.size(), " largest are measured"), ""});
  }

  absl::Status TellTooMany(int column) {
    const std::string name = column < 0 ? "" : table_.columns[static_cast<std::size_t>(column)].name;
    return findings_.Tell(core::CheckReport{"recall_slices", table_.name, "skipped",
                                            absl::StrCat("at most ", SliceCounts::kSlicesMax, " values of ", name,
                                                         ", of ", SliceCounts::kValueBytesMax, " bytes each"),
                                            "more, or longer",
                                            "the largest slices among the values that came first are measured"});
  }

  absl::Status MeasureSlice(const Slice& slice) {
    const core::Plan& plan = verification_.plan;
    RecallTarget target{plan.identity.destination_schema, table_.name, searched().name, searched().type,
                        plan.extension_schema};
    target.metric = "cosine";
    target.index = IndexOf(verification_, table_.name, searched().name);
    Narrow(slice, table_, target);
    if (slice.column >= 0 && slice.column == FindModel(table_) && slice.value) {
      target.model = CanonicalText(table_.columns[static_cast<std::size_t>(slice.column)].type, *slice.value);
    } else if (plan.main_model && plan.main_model->dimension == target.type.dimension) {
      target.model = plan.main_model->name;
    }
    const ForEachVector source = [&](const std::function<absl::Status(absl::string_view)>& take) {
      return ForEachRow([&](const RowImage& row, absl::string_view vector) {
        return IsIn(slice, row, vector) ? take(vector) : absl::OkStatus();
      });
    };
    return MeasureRecall(target, options_, source, verification_.sessions[0], findings_);
  }

  // The source's rows with a vector, as they must have arrived.
  absl::Status ForEachRow(const TakeRow& take) {
    std::int64_t rows = 0;
    return ForEachRuledRow(verification_.source, verification_.plan, table_, [&](const RuledRow& row) -> absl::Status {
      if (++rows % 1000 == 0 && verification_.stopping()) return absl::CancelledError("stopped");
      if (!row.ruling.carried || IsRefused(refused_, row)) return absl::OkStatus();
      const std::optional<absl::string_view> vector = row.row.field(column_);
      return vector ? take(row.row, *vector) : absl::OkStatus();
    });
  }

  const Verification& verification_;
  const ComparedTable& table_;
  const int column_;
  core::Findings& findings_;
  RecallOptions options_;
  RefusedByMapping refused_;
};

}  // namespace

absl::Status CheckRecall(const Verification& verification, const std::set<std::string>& unreadable,
                         const std::set<std::string>& different, core::Findings& findings) {
  if (verification.options.recall_queries == 0 && verification.options.queries.empty()) return absl::OkStatus();
  for (const std::string& name : MappedTables(verification.plan)) {
    if (unreadable.contains(name)) continue;
    ASSIGN_OR_RETURN(const ComparedTable table, LayOutTable(verification.sessions[0], verification.plan, name));
    for (std::size_t column = 0; column < table.columns.size(); ++column) {
      if (!IsVector(table.columns[column].type)) continue;
      ColumnSearches searches(verification, table, static_cast<int>(column), different.contains(name), findings);
      RETURN_IF_ERROR(searches.Measure());
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSlices(const core::Plan& plan, const std::vector<std::string>& slices) {
  for (const std::string& slice : slices) {
    const bool known = std::any_of(plan.mappings.begin(), plan.mappings.end(), [&](const core::Mapping& mapping) {
      const auto& columns = mapping.columns;
      return std::any_of(columns.begin(), columns.end(), [](const core::Column& c) { return IsVector(c.type); }) &&
             std::any_of(columns.begin(), columns.end(), [&](const core::Column& c) {
               return slice == absl::StrCat(mapping.destination_table, ".", c.name) && IsSliceable(c.type);
             });
    });
    if (known) continue;
    return absl::InvalidArgumentError(absl::StrCat("--slice: '", core::SanitizeText(slice),
                                                   "'; allowed: TABLE.COLUMN, a column of text, uuid, boolean, whole "
                                                   "numbers or times that the migration fills in a "
                                                   "table of the destination with vectors"));
  }
  return absl::OkStatus();
}

}  // namespace vecferry::verifier
