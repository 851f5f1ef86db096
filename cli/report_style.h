#ifndef VECFERRY_CLI_REPORT_STYLE_H_
#define VECFERRY_CLI_REPORT_STYLE_H_

#include "cli/markup.h"

namespace vecferry::cli {

// How a report's page looks: on a screen, light or dark, wide or narrow, and on A4 paper.
Markup ReportStyle();

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_REPORT_STYLE_H_
