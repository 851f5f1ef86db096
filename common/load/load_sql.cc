#include "common/load/load_sql.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace vecferry::load {
namespace {

constexpr char kStage[] = "pg_temp.vecferry_stage";
constexpr char kStageRows[] = "'pg_temp.vecferry_stage_rows'";

// The condition that $1 and $2 bound.
std::string InRange(absl::string_view alias) {
  return absl::StrCat(alias, ".vecferry_stage_row >= $1 AND ", alias, ".vecferry_stage_row < $2");
}

std::string ColumnList(const core::Mapping& mapping, absl::string_view prefix = "") {
  return absl::StrJoin(mapping.columns, ", ", [&](std::string* out, const core::Column& column) {
    absl::StrAppend(out, prefix, core::QuoteIdentifier(column.name));
  });
}

std::string KeyList(const core::Mapping& mapping) {
  return absl::StrJoin(mapping.conflict_key, ", ", [](std::string* out, const std::string& column) {
    absl::StrAppend(out, core::QuoteIdentifier(column));
  });
}

// left.k1 = right.k1 AND ...
std::string KeysEqual(const core::Mapping& mapping, absl::string_view left, absl::string_view right) {
  return absl::StrJoin(mapping.conflict_key, " AND ", [&](std::string* out, const std::string& column) {
    const std::string name = core::QuoteIdentifier(column);
    absl::StrAppend(out, left, ".", name, " = ", right, ".", name);
  });
}

// The mapped columns that are no part of the key.
std::vector<std::string> ValueColumns(const core::Mapping& mapping) {
  std::vector<std::string> names;
  for (const core::Column& column : mapping.columns) {
    const auto& key = mapping.conflict_key;
    if (std::find(key.begin(), key.end(), column.name) == key.end())
      names.push_back(core::QuoteIdentifier(column.name));
  }
  return names;
}

std::string ConflictAction(const std::vector<std::string>& values, OnConflict on_conflict) {
  if (on_conflict != OnConflict::kUpdate || values.empty()) return "DO NOTHING";
  const auto assignment = [](std::string* out, const std::string& name) {
    absl::StrAppend(out, name, " = excluded.", name);
  };
  const auto differs = [](std::string* out, const std::string& name) {
    absl::StrAppend(out, "t.", name, " IS DISTINCT FROM excluded.", name);
  };
  return absl::StrCat("DO UPDATE SET ", absl::StrJoin(values, ", ", assignment), " WHERE ",
                      absl::StrJoin(values, " OR ", differs));
}

// Whether a row that the merge returns was inserted, not updated.
std::string Inserted(absl::string_view schema, const core::Mapping& mapping, OnConflict on_conflict, bool partitioned) {
  if (on_conflict != OnConflict::kUpdate) return "true";
  // 0 on a row that was inserted.
  if (!partitioned) return "(t.xmax = 0)";
  // Such a table tells no system columns. Its rows are seen as they were before the statement.
  return absl::StrCat("NOT EXISTS (SELECT FROM ", core::QualifiedName(schema, mapping.destination_table), " b WHERE ",
                      KeysEqual(mapping, "b", "t"), ")");
}

}  // namespace

absl::StatusOr<OnConflict> ParseOnConflict(absl::string_view text) {
  if (text == "skip") return OnConflict::kSkip;
  if (text == "update") return OnConflict::kUpdate;
  if (text == "fail") return OnConflict::kFail;
  return absl::InvalidArgumentError(absl::StrCat("no way to treat conflicts: ", text));
}

std::string CopyFreshSql(absl::string_view schema, const core::Mapping& mapping) {
  return absl::StrCat("COPY ", core::QualifiedName(schema, mapping.destination_table), " (", ColumnList(mapping),
                      ") FROM STDIN (FORMAT binary)");
}

std::string CreateStageSql(absl::string_view schema, const core::Mapping& mapping) {
  return absl::StrCat(
      "CREATE TEMPORARY SEQUENCE vecferry_stage_rows MINVALUE 0; CREATE TEMPORARY TABLE "
      "vecferry_stage ON COMMIT DELETE ROWS AS SELECT ",
      ColumnList(mapping), " FROM ", core::QualifiedName(schema, mapping.destination_table),
      " WITH NO DATA; ALTER TABLE ", kStage, " ADD COLUMN vecferry_stage_row bigint PRIMARY KEY DEFAULT nextval(",
      kStageRows, ")");
}

std::string DropStageSql() {
  return absl::StrCat("DROP TABLE ", kStage, "; DROP SEQUENCE pg_temp.vecferry_stage_rows");
}

std::string NumberStageSql(std::size_t place) {
  return absl::StrCat("SELECT setval(", kStageRows, ", ", place, ", false)");
}

std::string CopyStageSql(const core::Mapping& mapping) {
  return absl::StrCat("COPY ", kStage, " (", ColumnList(mapping), ") FROM STDIN (FORMAT binary)");
}

std::string AnalyzeStageSql(const core::Mapping& mapping) {
  return absl::StrCat("ANALYZE ", kStage, " (vecferry_stage_row, ", KeyList(mapping), ")");
}

std::string MergeSql(absl::string_view schema, const core::Mapping& mapping, OnConflict on_conflict, bool partitioned) {
  const std::string columns = ColumnList(mapping);
  // The sequence is set as each row goes to the insertion: above the sort.
  return absl::StrCat(
      "WITH merged AS (INSERT INTO ", core::QualifiedName(schema, mapping.destination_table), " AS t (", columns,
      ") OVERRIDING SYSTEM VALUE SELECT ", columns, " FROM (SELECT * FROM ", kStage, " s WHERE ", InRange("s"),
      " ORDER BY vecferry_stage_row) s WHERE setval(", kStageRows, ", vecferry_stage_row) >= 0 ON CONFLICT (",
      KeyList(mapping), ") ", ConflictAction(ValueColumns(mapping), on_conflict), " RETURNING ", KeyList(mapping), ", ",
      Inserted(schema, mapping, on_conflict, partitioned), " AS vecferry_inserted), removed AS (DELETE FROM ", kStage,
      " AS s USING merged WHERE ", KeysEqual(mapping, "s", "merged"), " AND ", InRange("s"),
      " RETURNING 1) SELECT (SELECT count(*) FROM merged WHERE vecferry_inserted), (SELECT count(*) FROM "
      "merged WHERE NOT vecferry_inserted), (SELECT count(*) FROM removed), (SELECT count(*) FROM ",
      kStage, " s WHERE ", InRange("s"), ")");
}

std::string CompareSql(absl::string_view schema, const core::Mapping& mapping) {
  std::string differing = "''";
  if (const std::vector<std::string> values = ValueColumns(mapping); !values.empty()) {
    // An array, since a function takes 100 arguments at most.
    differing = absl::StrCat("array_to_string(ARRAY[",
                             absl::StrJoin(values, ", ",
                                           [](std::string* out, const std::string& name) {
                                             absl::StrAppend(out, "CASE WHEN t.", name, " IS DISTINCT FROM s.", name,
                                                             " THEN ", core::QuoteLiteral(name), " END");
                                           }),
                             "], ', ')");
  }
  const std::string first_key = core::QuoteIdentifier(mapping.conflict_key.front());
  return absl::StrCat("SELECT * FROM (SELECT s.vecferry_stage_row AS place, t.", first_key, " IS NULL AS missing, ",
                      differing, " AS differing FROM ", kStage, " s LEFT JOIN ",
                      core::QualifiedName(schema, mapping.destination_table), " t ON ", KeysEqual(mapping, "s", "t"),
                      " WHERE ", InRange("s"), ") c WHERE missing OR differing <> '' ORDER BY place");
}

std::string TakeFromStageSql() {
  return absl::StrCat("DELETE FROM ", kStage, " WHERE vecferry_stage_row = ANY ($1::bigint[])");
}

std::string FailedPlaceSql() {
  return absl::StrCat("SELECT last_value, EXISTS (SELECT FROM ", kStage,
                      " s WHERE s.vecferry_stage_row > last_value AND s.vecferry_stage_row < $1) FROM "
                      "pg_temp.vecferry_stage_rows");
}

std::string OrphansSql(absl::string_view schema, const core::Mapping& mapping, OnConflict on_conflict,
                       absl::string_view parent, const std::vector<KeyColumn>& columns, bool own) {
  std::vector<std::string> filled, there, staged;
  for (const KeyColumn& column : columns) {
    const std::string names_it =
        absl::StrCat(".", column.parent, " ", column.equal, " s.", column.child, column.collation);
    filled.push_back(absl::StrCat("s.", column.child, " IS NOT NULL"));
    there.push_back(absl::StrCat("t", names_it));
    staged.push_back(absl::StrCat("p", names_it));
  }
  const std::string partner =
      own ? absl::StrCat(" LEFT JOIN ", kStage, " p ON ", absl::StrJoin(staged, " AND "), " AND ", InRange("p")) : "";
  const std::string enters =
      on_conflict == OnConflict::kUpdate
          ? ""
          : absl::StrCat(" AND NOT EXISTS (SELECT FROM ", core::QualifiedName(schema, mapping.destination_table),
                         " k WHERE ", KeysEqual(mapping, "k", "s"), ")");
  return absl::StrCat("SELECT s.vecferry_stage_row, ", own ? "p.vecferry_stage_row" : "NULL", " FROM ", kStage, " s",
                      partner, " WHERE ", InRange("s"), " AND ", absl::StrJoin(filled, " AND "),
                      " AND NOT EXISTS (SELECT FROM ", parent, " t WHERE ", absl::StrJoin(there, " AND "), ")", enters);
}

}  // namespace vecferry::load
