#include "common/flags/values.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace vecferry::flags {
namespace {

bool AllDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

}  // namespace

absl::Status Refuse(absl::string_view flag, absl::string_view value, absl::string_view allowed) {
  return absl::InvalidArgumentError(absl::StrCat(flag, ": '", value, "' is not allowed; allowed: ", allowed));
}

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

}  // namespace vecferry::flags
