#include "common/postgres/row_error.h"

#include "common/postgres/connection.h"

namespace vecferry::postgres {
namespace {

struct NamedError {
  absl::string_view sqlstate;  // five characters, or two: the class
  absl::string_view kind;
};
// The first that fits.
constexpr NamedError kKinds[] = {
    {"23505", "duplicate_key"}, {"23502", "null_value"},   {"23503", "foreign_key"},  {"23514", "check"},
    {"23P01", "exclusion"},     {"22001", "too_long"},     {"54000", "too_long"},     {"22003", "out_of_range"},
    {"22007", "invalid_time"},  {"22008", "invalid_time"}, {"22021", "invalid_text"}, {"22P05", "invalid_text"},
    {"P0001", "trigger"},       {"44", "check"},           {"23", "constraint"},      {"22", "invalid_value"},
};

}  // namespace

bool IsRowError(const absl::Status& status) {
  const auto error = GetSqlError(status);
  if (!error) return false;
  const absl::string_view sqlstate = error->sqlstate;
  if (sqlstate == "22P03" || sqlstate == "22P04") return false;  // the COPY's own format is wrong
  const absl::string_view sqlclass = sqlstate.substr(0, 2);
  return sqlclass == "22" || sqlclass == "23" || sqlclass == "44" || sqlstate == "21000" || sqlstate == "54000" ||
         sqlstate == "54001" || sqlstate == "P0001";
}

absl::string_view KindOf(absl::string_view sqlstate) {
  for (const NamedError& named : kKinds) {
    if (sqlstate.substr(0, named.sqlstate.size()) == named.sqlstate) return named.kind;
  }
  return "refused";
}

}  // namespace vecferry::postgres
