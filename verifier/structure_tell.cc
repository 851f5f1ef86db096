#include "verifier/structure_tell.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/core/types.h"
#include "common/core/utf8.h"

namespace vecferry::verifier {
namespace {

constexpr std::size_t kShownBytes = 400;  // every definition of an index or a key; a long expression is cut

std::string Regclass(const std::string& qualified_table) {
  return absl::StrCat("to_regclass(", core::QuoteLiteral(qualified_table), ")");
}

// "column body: text", or what was found there; the table itself has no name of its own.
std::string Said(const StructureDifference& difference, const std::string& what) {
  return Shorten(difference.object.empty() ? what : absl::StrCat(difference.object, ": ", what));
}

absl::Status TellDifferences(core::Findings& findings, absl::string_view check, const std::string& table,
                             const Comparison& comparison) {
  std::int64_t more = 0;
  for (const StructureDifference& difference : comparison.differences) {
    if (more > 0 || &difference - comparison.differences.data() >= core::kDifferencesMax) {
      ++more;
      continue;
    }
    core::DifferenceReport report;
    report.table = table;
    report.columns = difference.columns;
    report.kind = check == "indexes" || check == "index_used" ? "index" : "structure";
    report.detail = absl::StrCat(difference.object, difference.object.empty() ? "" : ": ", "expected ",
                                 Shorten(difference.expected), ", found ", Shorten(difference.found));
    RETURN_IF_ERROR(findings.Tell(report));
  }
  if (more > 0) findings.CountMoreDifferences(more);
  return absl::OkStatus();
}

}  // namespace

absl::Status TellComparison(core::Findings& findings, absl::string_view check, const std::string& table,
                            const Comparison& comparison, std::string planned, std::string evidence) {
  if (comparison.compared == 0) return absl::OkStatus();
  const std::size_t differing = comparison.differences.size();
  core::CheckReport report{std::string(check), table, differing == 0 ? "pass" : "fail"};
  report.expected = std::move(planned);
  report.actual = report.expected;
  if (differing == 1) {
    report.expected = Said(comparison.differences.front(), comparison.differences.front().expected);
    report.actual = Said(comparison.differences.front(), comparison.differences.front().found);
  } else if (differing > 1) {
    report.actual = absl::StrCat(
        differing, " differ, the first: ", Said(comparison.differences.front(), comparison.differences.front().found));
  }
  report.evidence = std::move(evidence);
  RETURN_IF_ERROR(TellDifferences(findings, check, table, comparison));
  return findings.Tell(report);
}

std::string Count(absl::string_view noun, const Comparison& comparison) {
  return absl::StrCat(noun, ": ", comparison.compared);
}

std::string Shorten(absl::string_view text) {
  std::string line = core::SanitizeText(text);
  for (char& c : line) {
    if (c == '\n' || c == '\t') c = ' ';
  }
  if (line.size() <= kShownBytes) return line;
  line.resize(kShownBytes);
  line.resize(core::ValidUtf8Prefix(line));
  return absl::StrCat(line, " ...");
}

std::string ColumnsEvidence(const std::string& qualified_table) {
  return absl::StrCat(
      "SELECT attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, pg_get_expr(adbin, "
      "adrelid) FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid = ",
      Regclass(qualified_table), " AND attnum > 0 AND NOT attisdropped; ", ConstraintsEvidence(qualified_table, "'c'"));
}

std::string ConstraintsEvidence(const std::string& qualified_table, absl::string_view types) {
  return absl::StrCat("SELECT conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint WHERE conrelid = ",
                      Regclass(qualified_table), " AND contype IN (", types, ")");
}

std::string IndexesEvidence(const std::string& qualified_table, absl::string_view where) {
  return absl::StrCat("SELECT pg_get_indexdef(indexrelid), indisvalid, indisready FROM pg_index WHERE indrelid = ",
                      Regclass(qualified_table), where);
}

std::string TriggersEvidence(const std::string& qualified_table) {
  return absl::StrCat("SELECT pg_get_triggerdef(oid), tgenabled FROM pg_trigger WHERE tgrelid = ",
                      Regclass(qualified_table), " AND NOT tgisinternal");
}

std::string RowSecurityEvidence(const std::string& qualified_table) {
  return absl::StrCat("SELECT relrowsecurity, relforcerowsecurity, row_security_active(oid) FROM pg_class WHERE oid = ",
                      Regclass(qualified_table));
}

}  // namespace vecferry::verifier
