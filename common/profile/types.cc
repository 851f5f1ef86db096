#include "common/profile/types.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/convert/convert.h"
#include "common/core/value.h"

namespace vecferry::profile {
namespace {

using core::PgKind;
using core::StorageClass;

// INTEGER, BIGINT, UNSIGNED BIG INT, INT(11), INT8 and the like; not POINT or INTERVAL, which SQLite takes for integers
// as well but whose values have a say.
bool IsIntegerWord(absl::string_view type) {
  const absl::string_view word = absl::StripAsciiWhitespace(type.substr(0, type.find('(')));
  for (const char* known : {"INT", "INTEGER", "INT2", "INT4", "INT8", "INT64", "INT32", "INT16", "UINT", "UNSIGNED"}) {
    if (word == known || absl::EndsWith(word, absl::StrCat(" ", known))) return true;
  }
  for (const char* known : {"BIGINT", "SMALLINT", "TINYINT", "MEDIUMINT"}) {
    if (absl::StrContains(word, known)) return true;
  }
  return absl::StartsWith(word, "INTEGER ") || absl::StartsWith(word, "INT ");
}

bool ContainsAny(absl::string_view type, std::initializer_list<const char*> words) {
  for (const char* word : words) {
    if (absl::StrContains(type, word)) return true;
  }
  return false;
}

// A literal of SQLite's grammar; nullopt for expressions.
std::optional<core::Value> ReadLiteral(absl::string_view sql) {
  if (sql.size() >= 2 && sql.front() == '\'' && sql.back() == '\'') {
    const absl::string_view inner = sql.substr(1, sql.size() - 2);
    const std::string text = absl::StrReplaceAll(inner, {{"''", "'"}});
    // Another literal may begin after a lone quote: 'a' || 'b'.
    if (absl::StrContains(absl::StrReplaceAll(inner, {{"''", ""}}), "'")) return std::nullopt;
    return core::Value(core::ValueView::Text(text));
  }
  if (sql.size() >= 3 && (sql[0] == 'x' || sql[0] == 'X') && sql[1] == '\'' && sql.back() == '\'') {
    return core::Value(core::ValueView::Blob(absl::HexStringToBytes(sql.substr(2, sql.size() - 3))));
  }
  if (absl::EqualsIgnoreCase(sql, "true")) return core::Value(core::ValueView::Integer(1));
  if (absl::EqualsIgnoreCase(sql, "false")) return core::Value(core::ValueView::Integer(0));
  std::int64_t integer = 0;
  if (absl::SimpleAtoi(sql, &integer)) return core::Value(core::ValueView::Integer(integer));
  double real = 0;
  const bool number = !sql.empty() && sql.find_first_not_of("0123456789+-.eE") == absl::string_view::npos;
  if (number && absl::SimpleAtod(sql, &real)) return core::Value(core::ValueView::Real(real));
  return std::nullopt;
}

absl::string_view StripParentheses(absl::string_view sql) {
  sql = absl::StripAsciiWhitespace(sql);
  while (sql.size() >= 2 && sql.front() == '(' && sql.back() == ')') {
    sql = absl::StripAsciiWhitespace(sql.substr(1, sql.size() - 2));
  }
  return sql;
}

// SQLite's clock words, in UTC like there; text columns keep its format.
std::string TranslateClock(absl::string_view sql, const core::PgType& type) {
  const std::string word = absl::AsciiStrToLower(absl::StrReplaceAll(sql, {{" ", ""}, {"\"", "'"}}));
  const char* format = nullptr;
  if (word == "current_timestamp" || word == "datetime('now')") {
    if (type.kind == PgKind::kTimestamptz) return "now()";
    format = "YYYY-MM-DD HH24:MI:SS";
  } else if (word == "current_date" || word == "date('now')") {
    format = "YYYY-MM-DD";
  } else if (word == "current_time" || word == "time('now')") {
    format = "HH24:MI:SS";
  }
  if (format == nullptr || type.kind != PgKind::kText) return "";
  return absl::StrCat("to_char(now() AT TIME ZONE 'UTC', '", format, "')");
}

// The text form of a literal in Postgres; "" when it has none that is surely the same value.
std::string WriteLiteral(absl::string_view sql, const core::Value& value, const core::PgType& type) {
  switch (type.kind) {
    case PgKind::kBool: return value.integer != 0 ? "true" : "false";
    case PgKind::kBytea: return absl::StrCat("'\\x", absl::BytesToHexString(value.bytes), "'::bytea");
    case PgKind::kText:
    case PgKind::kJsonb:
    case PgKind::kUuid:
      if (value.storage == StorageClass::kText) return core::QuoteLiteral(value.bytes);
      return value.storage == StorageClass::kInteger ? core::QuoteLiteral(absl::StrCat(value.integer)) : "";
    case PgKind::kInt2:
    case PgKind::kInt4:
    case PgKind::kInt8:
    case PgKind::kFloat8:
    case PgKind::kNumeric:
      if (value.storage == StorageClass::kInteger) return absl::StrCat("'", value.integer, "'");
      return value.storage == StorageClass::kReal ? core::QuoteLiteral(sql) : "";
    default: return "";
  }
}

}  // namespace

Declaration ReadDeclaration(absl::string_view declared_type) {
  const std::string type = absl::AsciiStrToUpper(absl::StripAsciiWhitespace(declared_type));
  if (type.empty() || type == "ANY") return {{PgKind::kText}, true, true};
  if (IsIntegerWord(type)) return {{PgKind::kInt8}};
  if (ContainsAny(type, {"CHAR", "CLOB", "TEXT"})) return {{PgKind::kText}};
  if (ContainsAny(type, {"BLOB", "BINARY", "BYTEA"})) return {{PgKind::kBytea}};
  if (ContainsAny(type, {"REAL", "FLOA", "DOUB"})) return {{PgKind::kFloat8}};
  if (ContainsAny(type, {"BOOL"})) return {{PgKind::kBool}, true};
  if (ContainsAny(type, {"DATE", "TIME"})) return {{PgKind::kTimestamptz}, true};
  if (ContainsAny(type, {"JSON"})) return {{PgKind::kJsonb}, true};
  if (ContainsAny(type, {"UUID", "GUID"})) return {{PgKind::kUuid}, true};
  if (ContainsAny(type, {"NUMERIC", "DECIMAL"})) return {{PgKind::kNumeric}, true};
  if (ContainsAny(type, {"INT"})) return {{PgKind::kInt8}, true};
  return {{PgKind::kText}, true, true};
}

core::PgType TypeFound(const ValueFacts& facts) {
  int classes = 0;
  core::PgType found{PgKind::kText};
  const std::pair<StorageClass, PgKind> kinds[] = {{StorageClass::kInteger, PgKind::kInt8},
                                                   {StorageClass::kReal, PgKind::kFloat8},
                                                   {StorageClass::kText, PgKind::kText},
                                                   {StorageClass::kBlob, PgKind::kBytea}};
  for (const auto& [storage, kind] : kinds) {
    if (!facts.Saw(storage)) continue;
    ++classes;
    found.kind = kind;
  }
  return classes == 1 ? found : core::PgType{PgKind::kText};
}

std::string TranslateDefault(absl::string_view default_sql, const core::PgType& type) {
  const absl::string_view sql = StripParentheses(default_sql);
  const std::string clock = TranslateClock(sql, type);
  if (!clock.empty()) return clock;
  const std::optional<core::Value> literal = ReadLiteral(sql);
  if (!literal) return "";
  std::string bytes;
  if (convert::Convert(literal->view(), type, bytes).fidelity != convert::Fidelity::kExact) return "";
  return WriteLiteral(sql, *literal, type);
}

std::string EmptyValue(const core::PgType& type) {
  switch (type.kind) {
    case PgKind::kBool: return "false";
    case PgKind::kInt2:
    case PgKind::kInt4:
    case PgKind::kInt8:
    case PgKind::kFloat8:
    case PgKind::kNumeric: return "0";
    case PgKind::kTimestamptz: return "1970-01-01T00:00:00Z";
    case PgKind::kJsonb: return "{}";
    case PgKind::kTextArray:
    case PgKind::kUuidArray: return "[]";
    case PgKind::kUuid: return "00000000-0000-0000-0000-000000000000";
    default: return "";
  }
}

}  // namespace vecferry::profile
