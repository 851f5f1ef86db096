#ifndef VECFERRY_CLI_REPORT_HTML_H_
#define VECFERRY_CLI_REPORT_HTML_H_

#include <string>

#include "common/core/report.h"

namespace vecferry::cli {

// The report as one page of HTML to read, print and sign before an application switches over (docs/interface.md). It
// needs nothing else: no network, no script, no font. All of it is bounded, whatever the source's names and values are;
// the same report gives the same bytes. Pure.
std::string ReportHtml(const core::Report& report);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_REPORT_HTML_H_
