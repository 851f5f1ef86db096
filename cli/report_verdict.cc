#include "cli/report_verdict.h"

#include <string>

#include "cli/report_sections.h"

namespace vecferry::cli {
namespace {

using Tone = ReportVerdict::Tone;

// What a level looks at, and what it does not.
struct Scope {
  Markup looked_at, not_looked_at;
};

Scope ScopeOf(const std::string& level) {
  if (level == "full") {
    return {"Every carried row was compared with its row of the source, value by value.",
            "Not looked at: what was left out or rejected (listed below), rows that other programs put there, and what "
            "was written to the source after it was read."};
  }
  if (level == "sample") {
    return {
        "Rows were counted, and a sample of them compared with the source, value by value.",
        "Not looked at: the values of rows outside of the sample, what was left out or rejected (listed below), and "
        "what was written to the source after it was read."};
  }
  if (level == "counts") {
    return {
        "Rows were counted: those of the source, those that the ledger says were carried, those at the destination.",
        "Not looked at: the values of rows, so that a row with another content is not found; what was left out or "
        "rejected (listed below); and what was written to the source after it was read."};
  }
  return {"Nothing was compared.", "Whether source and destination are equal is not known."};
}

Markup Symbol(Tone tone) {
  switch (tone) {
    case Tone::kGood: return "<path d=\"M13 25l8 8 15-18\"/>";
    case Tone::kBad: return "<path d=\"M15 15l18 18M33 15L15 33\"/>";
    case Tone::kWarn: return "<path d=\"M24 12v14M24 34v1\"/>";
    case Tone::kStopped: return "<path d=\"M19 15v18M29 15v18\"/>";
  }
  return {};
}

Markup Css(Tone tone) {
  switch (tone) {
    case Tone::kGood: return "good";
    case Tone::kBad: return "bad";
    case Tone::kWarn: return "warn";
    case Tone::kStopped: return "stopped";
  }
  return {};
}

// "3 rows were rejected. See ..." where there are any.
void Count(std::int64_t number, Markup one, Markup many, Markup where, std::vector<Markup>& points) {
  if (number == 0) return;
  points.push_back(Cat("<strong>", Number(number), " ", number == 1 ? one : many, "</strong> (<a href=\"#", where,
                       "\">", where, "</a>)."));
}

std::vector<Markup> Points(const core::Report& report) {
  std::vector<Markup> points;
  const CheckCounts checks = CountChecks(report);
  Count(checks.failed, "check failed", "checks failed", "checks", points);
  Count(static_cast<std::int64_t>(report.differences.size()) + report.differences_more, "difference was found",
        "differences were found", "differences", points);
  Count(report.totals.rejected, "row was rejected: it is not at the destination",
        "rows were rejected: they are not at the destination", "issues", points);
  Count(report.totals.conflicting, "row conflicts: the destination has another content under its key",
        "rows conflict: the destination has other contents under their keys", "issues", points);
  Count(report.totals.incomplete, "row is incomplete: what else it should have become was refused",
        "rows are incomplete: what else they should have become was refused", "issues", points);
  if (report.state == core::State::kVerified && checks.passed == 0) points.push_back("No check is in this report.");
  Count(checks.skipped, "check was skipped", "checks were skipped", "checks", points);
  return points;
}

ReportVerdict Ended(const core::Report& report) {
  const bool all = report.totals.all_carried();
  switch (report.state) {
    case core::State::kVerified:
      return all ? ReportVerdict{Tone::kGood, "VERIFIED", "No check found a difference between source and destination."}
                 : ReportVerdict{Tone::kWarn, "VERIFIED, with rows left behind",
                                 "No check found a difference, but not every row of the source was carried."};
    case core::State::kDifferent:
      return {Tone::kBad, "DIFFERENT",
              "Source and destination differ. Do not switch over before the differences are understood."};
    case core::State::kCopied:
      return all ? ReportVerdict{Tone::kWarn, "COPIED, not verified",
                                 "Every row was carried. Nothing was checked afterwards, as it was asked for."}
                 : ReportVerdict{Tone::kWarn, "COPIED, not verified, with rows left behind",
                                 "Not every row of the source was carried. Nothing was checked afterwards, as it was "
                                 "asked for."};
    case core::State::kFailed:
      return {Tone::kBad, "FAILED", "The migration did not end. What it carried stays; it can go on."};
    case core::State::kCancelled:
      return {Tone::kStopped, "CANCELLED, not verified",
              "The migration was stopped before its end. What it carried stays; it can go on."};
    case core::State::kDropped:
      return {Tone::kStopped, "DROPPED", "The tables that the migration made were removed again."};
    default: return {};
  }
}

}  // namespace

ReportVerdict JudgeReport(const core::Report& report) {
  ReportVerdict verdict = Ended(report);
  if (verdict.headline.empty()) {
    verdict = {Tone::kStopped, Cat(Escaped(core::ToString(report.state)), ", not verified"),
               "The migration has not ended: this page tells how far it came. The same command goes on."};
  }
  verdict.points = Points(report);
  const bool contradicted = CountChecks(report).failed > 0 || !report.differences.empty();
  if (report.state == core::State::kVerified && contradicted) {
    verdict = {Tone::kBad, "VERIFIED, but not every check passed",
               "The state contradicts the checks: trust the checks.", verdict.points};
  }
  return verdict;
}

Markup VerdictSection(const core::Report& report) {
  const ReportVerdict verdict = JudgeReport(report);
  const Scope scope = ScopeOf(report.verify_level);
  Markup box = Cat("<section class=\"verdict ", Css(verdict.tone),
                   "\" aria-labelledby=\"verdict\">\n<svg class=\"symbol\" viewBox=\"0 0 48 48\" width=\"48\" "
                   "height=\"48\" aria-hidden=\"true\"><circle cx=\"24\" cy=\"24\" r=\"22\"/>",
                   Symbol(verdict.tone), "</svg>\n<div>\n<h1 id=\"verdict\">", verdict.headline, "</h1>\n<p>",
                   verdict.meaning, "</p>\n");
  if (!report.failure.empty()) {
    box += Cat("<p class=\"failure\">", Isolated(report.failure, kTextCharactersMax), "</p>\n");
  }
  if (!verdict.points.empty()) {
    box += "<ul>\n";
    for (const Markup& point : verdict.points) box += Cat("<li>", point, "</li>\n");
    box += "</ul>\n";
  }
  const Markup level = report.verify_level.empty() ? Markup("none") : Escaped(report.verify_level);
  box += Cat("<p class=\"level\"><strong>Level of verification: ", level, ".</strong> ", scope.looked_at, " ",
             scope.not_looked_at, "</p>\n</div>\n</section>\n");
  return box;
}

}  // namespace vecferry::cli
