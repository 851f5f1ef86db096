#include "coordinator/sequences.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/core/types.h"

namespace vecferry::coordinator {

absl::Status AdvanceSequence(postgres::Connection& session, const std::string& table, const core::FinishStep& step) {
  // Of an identity or serial column, or one that an existing table's default takes its numbers from.
  ASSIGN_OR_RETURN(
      const postgres::Result sequence,
      session.Execute(
          "SELECT coalesce(pg_get_serial_sequence($1, $2), (SELECT min(d.refobjid)::regclass::text FROM "
          "pg_catalog.pg_attribute a JOIN pg_catalog.pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = "
          "a.attnum JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid "
          "= f.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass JOIN pg_catalog.pg_class s ON s.oid = "
          "d.refobjid AND s.relkind = 'S' WHERE a.attrelid = $1::regclass AND a.attname = $2))",
          {table, step.name}));
  if (sequence.is_null(0, 0)) return absl::OkStatus();  // an existing table may number its rows by other means
  const std::string name(sequence.text(0, 0));
  // A sequence that was made a moment ago stands at 1, not called.
  ASSIGN_OR_RETURN(
      const postgres::Result state,
      session.Execute(
          absl::StrCat("SELECT s.last_value, s.is_called, coalesce((SELECT max(", core::QuoteIdentifier(step.name),
                       ")::bigint FROM ", table,
                       "), 0), (SELECT seqmin FROM pg_sequence WHERE seqrelid = $1::regclass) FROM ", name, " s"),
          {name}));
  const std::int64_t last = state.integer(0, 0);
  const std::int64_t wanted = std::max(step.value, state.integer(0, 2));
  const bool behind = wanted > last || (wanted == last && !state.truth(0, 1));
  if (!behind || wanted < state.integer(0, 3)) return absl::OkStatus();
  return session.Execute("SELECT setval($1::regclass, $2)", {name, wanted}).status();
}

}  // namespace vecferry::coordinator
