#ifndef VECFERRY_CLI_REPORT_SECTIONS_H_
#define VECFERRY_CLI_REPORT_SECTIONS_H_

#include "cli/markup.h"
#include "common/core/report.h"

namespace vecferry::cli {

// The sections of a report's page, each under its heading; one without content says why it has none. Pure.

// What was carried.
Markup TablesSection(const core::Report& report);
Markup IssuesSection(const core::Report& report);
Markup StagesSection(const core::Report& report);
Markup IndexesSection(const core::Report& report);
Markup EndsSection(const core::Report& report);   // source, destination, versions
Markup NotesSection(const core::Report& report);  // plan, notes, what was left out
Markup SignatureSection();

// What was found.
Markup ChecksSection(const core::Report& report);
Markup DifferencesSection(const core::Report& report);
Markup RecallSection(const core::Report& report);
Markup SizesSection(const core::Report& report);

// How many checks ended how.
struct CheckCounts {
  std::int64_t passed = 0, failed = 0, skipped = 0;
};
CheckCounts CountChecks(const core::Report& report);

// `id` stands in links.
Markup Section(Markup id, Markup heading, const Markup& content);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_REPORT_SECTIONS_H_
