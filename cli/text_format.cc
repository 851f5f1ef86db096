#include "cli/text_format.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace vecferry::cli {
namespace {

// Characters, not bytes: every byte but UTF-8's continuation bytes.
std::size_t Width(absl::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

}  // namespace

std::string GroupDigits(std::int64_t number) {
  const std::string digits = absl::StrCat(number);
  const std::size_t first = number < 0 ? 1 : 0;
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > first && (digits.size() - i) % 3 == 0) text.push_back(',');
    text.push_back(digits[i]);
  }
  return text;
}

std::string FormatBytes(double bytes) {
  for (const char* unit : {"B", "kB", "MB", "GB"}) {
    if (bytes < 999.5) return absl::StrFormat("%.*f %s", *unit == 'B' ? 0 : 1, bytes, unit);
    bytes /= 1000;
  }
  return absl::StrFormat("%.1f TB", bytes);
}

std::string FormatSeconds(double seconds) { return absl::StrFormat("%.2f s", seconds); }

std::string FormatClock(double seconds) {
  const std::int64_t whole = std::llround(std::min(seconds, 359999.0));
  if (whole >= 3600) return absl::StrFormat("%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
  return absl::StrFormat("%d:%02d", whole / 60, whole % 60);
}

std::string FormatTable(const std::vector<std::vector<std::string>>& rows, std::size_t first_number,
                        absl::string_view indent) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line(indent);
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - Width(row[i]), ' ');
      const bool number = i >= first_number;
      absl::StrAppend(&line, i > 0 ? "  " : "", number ? padding : "", row[i], number ? "" : padding);
    }
    absl::StrAppend(&text, absl::StripTrailingAsciiWhitespace(line), "\n");
  }
  return text;
}

bool WantsAscii() {
  const auto value = [](const char* name) {
    const char* const text = std::getenv(name);
    return std::string(text == nullptr ? "" : text);
  };
  if (!value("NO_COLOR").empty() || value("TERM") == "dumb") return true;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string locale = absl::AsciiStrToLower(value(name));
    if (!locale.empty()) return !absl::StrContains(locale, "utf-8") && !absl::StrContains(locale, "utf8");
  }
  return true;
}

}  // namespace vecferry::cli
