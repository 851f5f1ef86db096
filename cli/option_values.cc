#include "cli/option_values.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"

namespace vecferry::cli {
namespace {

constexpr int kVectorDimensionMax = 16000;       // pgvector's bound for the type `vector`
constexpr std::size_t kIdentifierBytesMax = 63;  // NAMEDATALEN - 1

absl::Status Refuse(absl::string_view flag, absl::string_view value, absl::string_view allowed) {
  return absl::InvalidArgumentError(absl::StrCat(flag, ": '", value, "' is not allowed; allowed: ", allowed));
}

bool AllDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

}  // namespace

absl::StatusOr<std::int64_t> ParseNumber(absl::string_view flag, absl::string_view text, std::int64_t low,
                                         std::int64_t high) {
  std::int64_t number = 0;
  if (!AllDigits(text) || !absl::SimpleAtoi(text, &number) || number < low || number > high) {
    return Refuse(flag, text, absl::StrCat("a whole number from ", low, " to ", high));
  }
  return number;
}

absl::StatusOr<std::int64_t> ParseSize(absl::string_view flag, absl::string_view text, std::int64_t low,
                                       std::int64_t high) {
  static constexpr std::pair<const char*, std::int64_t> kUnits[] = {
      {"KiB", 1 << 10},    {"MiB", 1 << 20},           {"GiB", 1 << 30}, {"kB", 1000},
      {"MB", 1000 * 1000}, {"GB", 1000 * 1000 * 1000}, {"B", 1},         {"", 1}};
  for (const auto& [unit, bytes] : kUnits) {
    if (!absl::EndsWith(text, unit)) continue;
    const absl::string_view digits =
        absl::StripTrailingAsciiWhitespace(text.substr(0, text.size() - absl::string_view(unit).size()));
    std::int64_t number = 0;
    if (!AllDigits(digits) || !absl::SimpleAtoi(digits, &number)) break;
    if (number > high / bytes || number * bytes < low) break;
    return number * bytes;
  }
  return Refuse(flag, text, absl::StrCat("a size from ", low, " to ", high, " bytes, such as 65536, 512KiB or 64MiB"));
}

absl::StatusOr<std::string> ParseChoice(absl::string_view flag, absl::string_view text,
                                        const std::vector<std::string>& allowed) {
  if (std::find(allowed.begin(), allowed.end(), std::string(text)) != allowed.end()) return std::string(text);
  return Refuse(flag, text, absl::StrJoin(allowed, ", "));
}

absl::StatusOr<std::vector<std::string>> ParseNames(absl::string_view flag, absl::string_view text) {
  std::vector<std::string> names = absl::StrSplit(text, ',');
  if (std::any_of(names.begin(), names.end(), [](const std::string& name) { return name.empty(); })) {
    return Refuse(flag, text, "names separated by single commas, as one word");
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

absl::StatusOr<std::string> ParseVectorColumn(absl::string_view flag, absl::string_view text) {
  const std::string allowed = absl::StrCat("TABLE.COLUMN:DIMENSION with a dimension from 1 to ", kVectorDimensionMax,
                                           ", such as documents.embedding:768");
  const std::size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return Refuse(flag, text, allowed);
  const absl::string_view column = text.substr(0, colon);
  const std::size_t dot = column.find('.');
  if (dot == absl::string_view::npos || dot == 0 || dot + 1 == column.size() ||
      !ParseNumber(flag, text.substr(colon + 1), 1, kVectorDimensionMax).ok()) {
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
  if (text.empty() || text.size() > kIdentifierBytesMax || absl::StartsWith(text, "pg_") ||
      text == "information_schema" || text == "vecferry") {
    return Refuse(
        flag, text,
        "a schema's name of 1 to 63 bytes; not pg_*, information_schema, or vecferry, which holds the ledger");
  }
  return std::string(text);
}

std::string Nearest(absl::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  // A third of the word may be wrong: more is another word.
  std::size_t best_distance = word.size() / 3 + 2;
  for (const std::string& candidate : candidates) {
    // Levenshtein with transpositions, three rows of the table at a time.
    std::vector<std::size_t> before, previous(candidate.size() + 1), row(candidate.size() + 1);
    for (std::size_t j = 0; j <= candidate.size(); ++j) previous[j] = j;
    for (std::size_t i = 1; i <= word.size(); ++i) {
      row[0] = i;
      for (std::size_t j = 1; j <= candidate.size(); ++j) {
        const std::size_t differs = word[i - 1] == candidate[j - 1] ? 0 : 1;
        row[j] = std::min({previous[j] + 1, row[j - 1] + 1, previous[j - 1] + differs});
        if (i > 1 && j > 1 && word[i - 1] == candidate[j - 2] && word[i - 2] == candidate[j - 1]) {
          row[j] = std::min(row[j], before[j - 2] + 1);
        }
      }
      before = previous;
      previous = row;
    }
    if (previous.back() < best_distance) {
      best_distance = previous.back();
      best = candidate;
    }
  }
  return best;
}

}  // namespace vecferry::cli
