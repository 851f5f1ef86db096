#ifndef VECFERRY_CLI_REPORT_JSON_H_
#define VECFERRY_CLI_REPORT_JSON_H_

#include <string>
#include <vector>

#include "cli/rate_meter.h"
#include "common/core/report.h"

namespace vecferry::cli {

// Reports as JSON text (docs/interface.md). Pure. Bytes that are no UTF-8 become U+FFFD.

std::string ReportJson(const core::Report& report);              // vecferry.report.v1
std::string ListJson(const std::vector<core::Report>& reports);  // an array, one short object a migration
// One line: rows, bytes and rates of each table and of all.
std::string ProgressJson(const core::Report& report, const Rates& rates);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_REPORT_JSON_H_
