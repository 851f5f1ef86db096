#include "common/sqlite/create_sql.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace vecferry::sqlite {
namespace {

bool IsWordByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Bytes up to and with `end`, or all that is left.
std::size_t Through(absl::string_view sql, absl::string_view end, std::size_t from) {
  const std::size_t at = sql.find(end, from);
  return at == absl::string_view::npos ? sql.size() : at + end.size();
}

// Bytes of the quoted text or comment that `sql` begins with; 0 = none. A doubled quote ends one text and begins the
// next, which comes to the same here.
std::size_t SkippedBytes(absl::string_view sql) {
  if (absl::StartsWith(sql, "--")) return Through(sql, "\n", 2);
  if (absl::StartsWith(sql, "/*")) return Through(sql, "*/", 2);
  if (sql[0] == '[') return Through(sql, "]", 1);
  if (sql[0] == '"' || sql[0] == '\'' || sql[0] == '`') return Through(sql, sql.substr(0, 1), 1);
  return 0;
}

}  // namespace

std::vector<std::string> BareWords(absl::string_view sql) {
  std::vector<std::string> words;
  while (!sql.empty()) {
    if (const std::size_t skipped = SkippedBytes(sql); skipped > 0) {
      sql.remove_prefix(skipped);
      continue;
    }
    std::size_t bytes = 0;
    while (bytes < sql.size() && IsWordByte(sql[bytes])) ++bytes;
    if (bytes > 0) words.push_back(absl::AsciiStrToUpper(sql.substr(0, bytes)));
    sql.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  return words;
}

bool SaysAutoincrement(absl::string_view sql) {
  const std::vector<std::string> words = BareWords(sql);
  // An unquoted column may have the name too: the keyword follows PRIMARY KEY [ASC] [ON CONFLICT ...].
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] != "AUTOINCREMENT") continue;
    const std::size_t first = i < 5 ? 0 : i - 5;
    if (std::find(words.begin() + first, words.begin() + i, "KEY") != words.begin() + i) return true;
  }
  return false;
}

std::string VirtualModule(absl::string_view sql) {
  const std::vector<std::string> words = BareWords(sql);
  // CREATE VIRTUAL TABLE [IF NOT EXISTS] [schema.]name USING module: the name may be quoted, or be "using" itself.
  const auto table = std::find(words.begin(), words.end(), "TABLE");
  if (table == words.end()) return "";
  const auto keyword = std::find(table, words.end(), "USING");
  if (keyword == words.end() || std::next(keyword) == words.end()) return "";
  const auto module = *std::next(keyword) == "USING" ? std::next(keyword, 2) : std::next(keyword);
  return module == words.end() ? "" : absl::AsciiStrToLower(*module);
}

}  // namespace vecferry::sqlite
