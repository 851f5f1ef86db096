#include "cli/option_values.h"

#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/core/limits.h"
#include "common/flags/values.h"

namespace vecferry::cli {
namespace {

using flags::Refuse;

constexpr int kVectorDimensionMax = 16000;  // pgvector's bound for the type `vector`

}  // namespace

absl::StatusOr<std::string> ParseVectorColumn(absl::string_view flag, absl::string_view text) {
  const std::string allowed = absl::StrCat("TABLE.COLUMN:DIMENSION with a dimension from 1 to ", kVectorDimensionMax,
                                           ", such as documents.embedding:768");
  const std::size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return Refuse(flag, text, allowed);
  const absl::string_view column = text.substr(0, colon);
  const std::size_t dot = column.find('.');
  if (dot == absl::string_view::npos || dot == 0 || dot + 1 == column.size() ||
      !flags::ParseNumber(flag, text.substr(colon + 1), 1, kVectorDimensionMax).ok()) {
    return Refuse(flag, text, allowed);
  }
  return std::string(text);
}

absl::StatusOr<core::SetValue> ParseSetValue(absl::string_view flag, absl::string_view text) {
  const std::size_t dot = text.find('.');
  const std::size_t equals = dot == absl::string_view::npos ? dot : text.find('=', dot);
  if (equals == absl::string_view::npos || dot == 0 || equals == dot + 1) {
    return Refuse(flag, text, "TABLE.COLUMN=VALUE, such as notes.person=1");
  }
  core::SetValue set;
  set.table = std::string(text.substr(0, dot));
  set.column = std::string(text.substr(dot + 1, equals - dot - 1));
  if (text.substr(equals + 1) != "NULL") set.text = std::string(text.substr(equals + 1));
  return set;
}

absl::StatusOr<std::string> ParseSchema(absl::string_view flag, absl::string_view text) {
  if (text.empty() || text.size() > core::kIdentifierBytesMax || absl::StartsWith(text, "pg_") ||
      text == "information_schema" || text == "vecferry") {
    return Refuse(
        flag, text,
        "a schema's name of 1 to 63 bytes; not pg_*, information_schema, or vecferry, which holds the ledger");
  }
  return std::string(text);
}

}  // namespace vecferry::cli
