#include "verifier/difference_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/core/migration.h"
#include "verifier/canonical.h"

namespace vecferry::verifier {
namespace {

constexpr std::size_t kShownBytes = 60;
constexpr std::size_t kBeforeBytes = 20;  // of what both values have in common
constexpr int kColumnsShown = 5;

std::string TextOf(const ComparedColumn& column, const std::optional<absl::string_view>& value) {
  return value ? CanonicalText(column.type, *value) : "NULL";
}

std::string Shorten(const std::string& text, std::size_t from) {
  const std::string shown = core::SanitizeText(absl::string_view(text).substr(from, kShownBytes));
  return absl::StrCat(from > 0 ? "..." : "", shown, text.size() > from + kShownBytes ? "..." : "");
}

std::string Bytes(const std::string& text) { return absl::StrCat(text.size(), " bytes"); }

// "content: source 'a b', destination 'a c'".
std::string DescribeValues(const ComparedColumn& column, const std::optional<absl::string_view>& source,
                           const std::optional<absl::string_view>& destination) {
  const std::string a = TextOf(column, source), b = TextOf(column, destination);
  const auto parting = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin();
  const bool long_text = std::max(a.size(), b.size()) > kShownBytes;
  const std::size_t at = static_cast<std::size_t>(parting);
  const std::size_t from = long_text && at > kBeforeBytes ? at - kBeforeBytes : 0;
  // What looks alike differs in something that text does not show.
  const std::string alike = a == b ? absl::StrCat(" (their bits differ: ", Bytes(a), ")") : "";
  return absl::StrCat(column.name, ": source ", source ? "'" : "", Shorten(a, from), source ? "'" : "",
                      ", destination ", destination ? "'" : "", Shorten(b, from), destination ? "'" : "",
                      from > 0 ? absl::StrCat(" (from character ", from + 1, ")") : "", alike);
}

}  // namespace

std::string DescribeKey(const std::vector<ComparedColumn>& columns, const std::vector<int>& key, const RowImage& row) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const int field : key) {
    const ComparedColumn& column = columns[static_cast<std::size_t>(field)];
    const std::optional<absl::string_view> value = row.field(field);
    const std::string text = value ? core::SanitizeText(CanonicalText(column.type, *value)) : "";
    const bool whole = column.type.kind == core::PgKind::kInt2 || column.type.kind == core::PgKind::kInt4 ||
                       column.type.kind == core::PgKind::kInt8;
    if (!value) {
      json[core::SanitizeText(column.name)] = nullptr;
    } else if (whole) {
      json[core::SanitizeText(column.name)] = nlohmann::ordered_json::parse(text);
    } else {
      json[core::SanitizeText(column.name)] = text.substr(0, 200);
    }
  }
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

core::DifferenceReport DescribeRow(const std::string& table, const std::vector<ComparedColumn>& columns,
                                   const std::vector<int>& key, const DifferentRow& row) {
  core::DifferenceReport difference{table, "", "", "differing", ""};
  if (row.kind == RowDifference::kMissing) {
    difference.key = DescribeKey(columns, key, row.source);
    difference.kind = "missing";
    difference.detail = "the source has this row, the destination does not";
    return difference;
  }
  difference.key = DescribeKey(columns, key, row.destination);
  if (row.kind == RowDifference::kUnexpected) {
    difference.kind = "unexpected";
    difference.detail = "the destination has this row, or has it once more, than the source";
    return difference;
  }
  int differing = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto source = row.source.field(static_cast<int>(i)), destination = row.destination.field(static_cast<int>(i));
    if (source == destination) continue;
    absl::StrAppend(&difference.columns, difference.columns.empty() ? "" : ",", columns[i].name);
    if (++differing > kColumnsShown) continue;
    absl::StrAppend(&difference.detail, difference.detail.empty() ? "" : "; ",
                    DescribeValues(columns[i], source, destination));
  }
  if (differing > kColumnsShown) absl::StrAppend(&difference.detail, "; and ", differing - kColumnsShown, " more");
  return difference;
}

}  // namespace vecferry::verifier
