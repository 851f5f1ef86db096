#include "verifier/sql_literal.h"

#include "absl/strings/str_cat.h"
#include "verifier/canonical.h"

namespace vecferry::verifier {

std::string SqlLiteral(const core::PgType& type, const std::optional<absl::string_view>& value,
                       absl::string_view extension_schema) {
  if (!value) return "NULL";
  return absl::StrCat(core::QuoteLiteral(CanonicalText(type, *value)), "::", core::ToSql(type, extension_schema));
}

}  // namespace vecferry::verifier
