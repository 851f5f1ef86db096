#ifndef VECFERRY_CLI_REPORT_PLOTS_H_
#define VECFERRY_CLI_REPORT_PLOTS_H_

#include <string>
#include <vector>

#include "cli/markup.h"
#include "common/core/report.h"

namespace vecferry::cli {

// Pictures of a report as inline SVG, each with a text alternative that has its numbers. Pure.

// A bar a stage, one after the other as they ran; nothing where nothing was measured.
Markup StagePlot(const core::StageSeconds& seconds);

// An axis of milliseconds from `low` to `high`, both positive; logarithmic where the values are far apart.
struct Axis {
  bool logarithmic = false;
  double low = 0, high = 1;
  std::vector<double> ticks;
  double Place(double value) const;  // 0 to 1
};
// For values of which at least one is above 0; the others are not measured and count for nothing.
Axis AxisOf(const std::vector<double>& values);

// p50, p95 and p99 of each measured entry with and without index, the first kLatenciesMax; nothing where none was
// measured.
Markup LatencyPlot(const std::vector<core::RecallReport>& recall);
inline constexpr std::size_t kLatenciesMax = 24;

Markup Milliseconds(double value);  // 0.04, 12.3, 1,234

// "notes.embedding, kind = a, k 10": what was searched.
std::string SearchedName(const core::RecallReport& recall);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_REPORT_PLOTS_H_
