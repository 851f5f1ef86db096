#include "verifier/structure_sql.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/core/types.h"

namespace vecferry::verifier {
namespace {

// The end of what begins at `begin` with a quote that is doubled within.
std::size_t EndOfQuoted(const std::string& sql, std::size_t begin) {
  const char quote = sql[begin];
  std::size_t at = begin + 1;
  while (at < sql.size()) {
    if (sql[at] != quote) {
      ++at;
    } else if (at + 1 < sql.size() && sql[at + 1] == quote) {
      at += 2;
    } else {
      return at + 1;
    }
  }
  return sql.size();
}

// The end of a literal between $tag$ and $tag$; `begin` + 1 when it is none.
std::size_t EndOfDollarQuoted(const std::string& sql, std::size_t begin) {
  std::size_t tag_end = begin + 1;
  while (tag_end < sql.size() && (std::isalnum(static_cast<unsigned char>(sql[tag_end])) != 0 || sql[tag_end] == '_')) {
    ++tag_end;
  }
  if (tag_end >= sql.size() || sql[tag_end] != '$') return begin + 1;
  const std::string tag = sql.substr(begin, tag_end + 1 - begin);
  const std::size_t end = sql.find(tag, tag_end + 1);
  return end == std::string::npos ? sql.size() : end + tag.size();
}

std::string Unquote(const std::string& sql, std::size_t begin, std::size_t end) {
  return absl::StrReplaceAll(sql.substr(begin + 1, end - begin - 2), {{"\"\"", "\""}});
}

}  // namespace

std::string MapQualifiedNames(const std::string& sql,
                              absl::FunctionRef<std::string(const std::string&, const std::string&)> replace) {
  std::string mapped;
  std::size_t at = 0;
  while (at < sql.size()) {
    std::size_t end = at + 1;
    if (sql[at] == '\'') end = EndOfQuoted(sql, at);
    if (sql[at] == '$') end = EndOfDollarQuoted(sql, at);
    if (sql[at] == '"') {
      end = EndOfQuoted(sql, at);
      const std::size_t second = end + 1;
      if (second < sql.size() && sql[end] == '.' && sql[second] == '"') {
        const std::size_t second_end = EndOfQuoted(sql, second);
        const std::string replaced = replace(Unquote(sql, at, end), Unquote(sql, second, second_end));
        end = second_end;
        if (!replaced.empty()) {
          mapped += replaced;
          at = end;
        }
      }
    }
    mapped.append(sql, at, end - at);
    at = end;
  }
  return mapped;
}

TemporarySql::TemporarySql(const core::Plan& plan, std::string extension_schema)
    : plan_(plan), extension_schema_(std::move(extension_schema)) {
  for (const core::Table& table : plan.tables) made_.insert(table.name);
  for (const std::string& sql : plan.setup_sql) {
    std::string function;
    MapQualifiedNames(sql, [&](const std::string& schema, const std::string& name) {
      if (function.empty() && schema == plan_.identity.destination_schema) function = name;
      return "";
    });
    if (function.empty()) continue;
    made_.insert(function);
    functions_.push_back(function);
  }
}

std::string TemporarySql::Rewrite(const std::string& sql) const {
  return MapQualifiedNames(sql, [&](const std::string& schema, const std::string& name) -> std::string {
    if (schema == plan_.identity.destination_schema && made_.count(name) != 0) return Name(name);
    if (schema == plan_.extension_schema) return core::QualifiedName(extension_schema_, name);
    return "";
  });
}

std::string TemporarySql::RewriteSeed(const std::string& sql, const std::string& table) const {
  const std::string name = core::QualifiedName(plan_.identity.destination_schema, table);
  const std::string in_literal = absl::StrReplaceAll(name, {{"'", "''"}});
  if (!absl::StrContains(sql, absl::StrCat("ALTER TABLE ", in_literal, " "))) return "";
  return absl::StrReplaceAll(sql, {{in_literal, absl::StrReplaceAll(Name(table), {{"'", "''"}})}});
}

std::string TemporarySql::Name(const std::string& name) {
  return absl::StrCat("pg_temp.", core::QuoteIdentifier(name));
}

}  // namespace vecferry::verifier
