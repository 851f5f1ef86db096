#include "cli/report_html.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "cli/markup.h"
#include "cli/report_sections.h"
#include "cli/report_style.h"
#include "cli/report_verdict.h"

namespace vecferry::cli {
namespace {

// The migration on each printed page, so that a page belongs to its report. A string of CSS is not escaped as text is.
Markup PageFooter(const std::string& id) {
  const bool plain = std::all_of(id.begin(), id.end(), [](char c) { return absl::ascii_isalnum(c) || c == '-'; });
  if (!plain) return {};
  return Cat("@page { @bottom-left { content: \"", Escaped(id), "\"; font: 8pt sans-serif; } }\n");
}

Markup Head(const core::Report& report) {
  // Nothing is loaded and nothing runs, whatever stands in the page; a digest of the style would forbid no more.
  return Cat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "base-uri 'none'; form-action 'none'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
      "<title>",
      JudgeReport(report).headline, " - vecferry report ", Escaped(report.migration_id), "</title>\n<style>\n",
      ReportStyle(), PageFooter(report.migration_id), "</style>\n</head>\n");
}

Markup Figure(Markup name, const Markup& value) { return Cat("<div><dt>", name, "</dt><dd>", value, "</dd></div>\n"); }

// What happened, in a dozen numbers.
Markup Summary(const core::Report& report) {
  const core::Counters& totals = report.totals;
  const CheckCounts checks = CountChecks(report);
  Markup figures =
      Cat(Figure("Tables", Number(static_cast<std::int64_t>(report.tables.size()))),
          Figure("Rows read", Number(totals.read)),
          Figure("Rows carried", Number(totals.inserted + totals.present + totals.updated)),
          Figure("Rejected", Number(totals.rejected)), Figure("Conflicting", Number(totals.conflicting)),
          Figure("Repaired", Number(totals.repaired)), Figure("Size", Bytes(totals.bytes)),
          Figure("Checks passed", Number(checks.passed)), Figure("Checks failed", Number(checks.failed)),
          Figure("Differences", Number(static_cast<std::int64_t>(report.differences.size()) + report.differences_more)),
          Figure("Time", Seconds(report.seconds.total)), Figure("Exit code", Number(report.exit_code)));
  if (report.seconds.copy > 0) {
    const double rows = static_cast<double>(totals.read) / report.seconds.copy;
    figures += Figure("Rows a second", Number(static_cast<std::int64_t>(std::min(rows, 1e15))));
  }
  return Section("summary", "In numbers", Cat("<dl class=\"figures\">\n", figures, "</dl>\n"));
}

Markup Header(const core::Report& report) {
  Markup header = Cat("<header>\n<p class=\"title\">vecferry migration report</p>\n<p>", Code(report.migration_id),
                      "</p>\n<p>", Utc(report.started_at));
  header += report.finished_at.empty() ? Markup(", not finished") : Cat(" to ", Utc(report.finished_at));
  if (report.resumed > 0) {
    header += Cat(", resumed ", Number(report.resumed), report.resumed == 1 ? Markup(" time") : Markup(" times"));
  }
  header += "</p>\n";
  if (!report.step.empty()) header += Cat("<p>At work: ", Isolated(report.step, kValueCharactersMax), "</p>\n");
  if (!report.trace_id.empty()) header += Cat("<p>Trace ", Code(report.trace_id), "</p>\n");
  header += "</header>\n";
  return header;
}

Markup Contents() {
  return "<nav aria-label=\"Contents\"><a href=\"#summary\">In numbers</a> <a href=\"#tables\">Tables</a> <a "
         "href=\"#checks\">Checks</a> <a href=\"#differences\">Differences</a> <a href=\"#issues\">Issues</a> <a "
         "href=\"#recall\">Search</a> <a href=\"#stages\">Time</a> <a href=\"#sizes\">Sizes</a> <a "
         "href=\"#indexes\">Indexes</a> <a href=\"#ends\">Source and destination</a> <a "
         "href=\"#notes\">Notes</a></nav>\n";
}

}  // namespace

std::string ReportHtml(const core::Report& report) {
  const Markup page =
      Cat(Head(report), "<body>\n<main>\n", Header(report), VerdictSection(report), Contents(), Summary(report),
          TablesSection(report), ChecksSection(report), DifferencesSection(report), IssuesSection(report),
          RecallSection(report), StagesSection(report), SizesSection(report), IndexesSection(report),
          EndsSection(report), NotesSection(report), SignatureSection(), "</main>\n</body>\n</html>\n");
  return page.text();
}

}  // namespace vecferry::cli
