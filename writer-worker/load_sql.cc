#include "writer-worker/load_sql.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace vecferry::writer {
namespace {

constexpr char kStage[] = "pg_temp.vecferry_stage";

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

}  // namespace

std::string CopyFreshSql(absl::string_view schema, const core::Mapping& mapping) {
  return absl::StrCat("COPY ", core::QualifiedName(schema, mapping.destination_table), " (", ColumnList(mapping),
                      ") FROM STDIN (FORMAT binary)");
}

std::string CreateStageSql(absl::string_view schema, const core::Mapping& mapping) {
  return absl::StrCat("CREATE TEMPORARY TABLE vecferry_stage ON COMMIT DELETE ROWS AS SELECT ", ColumnList(mapping),
                      " FROM ", core::QualifiedName(schema, mapping.destination_table), " WITH NO DATA; ALTER TABLE ",
                      kStage, " ADD COLUMN vecferry_stage_row bigint GENERATED ALWAYS AS IDENTITY");
}

std::string CopyStageSql(const core::Mapping& mapping) {
  return absl::StrCat("COPY ", kStage, " (", ColumnList(mapping), ") FROM STDIN (FORMAT binary)");
}

std::string MergeSql(absl::string_view schema, const core::Mapping& mapping, OnConflict on_conflict) {
  const std::string columns = ColumnList(mapping);
  // xmax is 0 on a row that was inserted, and tells an updated one.
  return absl::StrCat(
      "WITH merged AS (INSERT INTO ", core::QualifiedName(schema, mapping.destination_table), " AS t (", columns,
      ") OVERRIDING SYSTEM VALUE SELECT ", columns, " FROM ", kStage, " ORDER BY vecferry_stage_row ON CONFLICT (",
      KeyList(mapping), ") ", ConflictAction(ValueColumns(mapping), on_conflict), " RETURNING ", KeyList(mapping),
      ", (t.xmax = 0) AS vecferry_inserted), removed AS (DELETE FROM ", kStage, " AS s USING merged WHERE ",
      KeysEqual(mapping, "s", "merged"),
      " RETURNING 1) SELECT (SELECT count(*) FROM merged WHERE vecferry_inserted), (SELECT count(*) FROM "
      "merged WHERE NOT vecferry_inserted), (SELECT count(*) FROM removed)");
}

std::string CompareSql(absl::string_view schema, const core::Mapping& mapping) {
  std::string differing = "''";
  if (const std::vector<std::string> values = ValueColumns(mapping); !values.empty()) {
    differing = absl::StrCat("concat_ws(', ', ",
                             absl::StrJoin(values, ", ",
                                           [](std::string* out, const std::string& name) {
                                             absl::StrAppend(out, "CASE WHEN t.", name, " IS DISTINCT FROM s.", name,
                                                             " THEN ", core::QuoteLiteral(name), " END");
                                           }),
                             ")");
  }
  const std::string first_key = core::QuoteIdentifier(mapping.conflict_key.front());
  // $1 is the number of rows of the COPY, whose numbers end at the sequence's present value.
  return absl::StrCat("SELECT * FROM (SELECT s.vecferry_stage_row - currval(pg_get_serial_sequence('", kStage,
                      "', 'vecferry_stage_row')) + $1::bigint AS place, t.", first_key, " IS NULL AS missing, ",
                      differing, " AS differing FROM ", kStage, " s LEFT JOIN ",
                      core::QualifiedName(schema, mapping.destination_table), " t ON ", KeysEqual(mapping, "s", "t"),
                      ") c WHERE missing OR differing <> '' ORDER BY place");
}

}  // namespace vecferry::writer
