#ifndef VECFERRY_CLI_REPORT_VERDICT_H_
#define VECFERRY_CLI_REPORT_VERDICT_H_

#include "cli/markup.h"
#include "common/core/report.h"

namespace vecferry::cli {

// How a report ends, for someone who reads nothing else.
struct ReportVerdict {
  enum class Tone { kGood, kWarn, kBad, kStopped } tone = Tone::kStopped;
  Markup headline;             // in words: "VERIFIED"
  Markup meaning;              // one sentence, or two
  std::vector<Markup> points;  // what more must be known, each a sentence
};

// Pure.
ReportVerdict JudgeReport(const core::Report& report);

// The box at the top of the page: symbol, words, level, and what that level did not look at.
Markup VerdictSection(const core::Report& report);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_REPORT_VERDICT_H_
