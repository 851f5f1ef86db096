#ifndef VECFERRY_CLI_SUMMARY_H_
#define VECFERRY_CLI_SUMMARY_H_

#include <string>
#include <vector>

#include "cli/destination.h"
#include "common/core/report.h"

namespace vecferry::cli {

// What a migration did, for people: a line a table, totals, first issues, indexes, checks, differences, what search
// finds, the next step; the last line names the level that was checked. `by`: what named the destination, which the
// next step's command must name as well. Pure.
std::string FormatSummary(const core::Report& report, DestinationBy by);

// One line a migration under a heading. Pure.
std::string FormatList(const std::vector<core::Report>& reports);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_SUMMARY_H_
