#include "cli/conclude.h"

#include <errno.h>

#include "absl/strings/str_cat.h"
#include "cli/report_json.h"
#include "cli/summary.h"
#include "common/base/process_signals.h"
#include "common/base/status_macros.h"

namespace vecferry::cli {

bool WriteAll(FILE* stream, const std::string& text) {
  const bool written = fwrite(text.data(), 1, text.size(), stream) == text.size();
  return fflush(stream) == 0 && written;
}

absl::StatusOr<int> Conclude(const CopyOptions& copy, core::Report report, DestinationBy by) {
  report.exit_code = core::ExitCode(report.state, report.totals);
  if (!report.failure.empty() && report.exit_code == base::kInterruptedExitCode) report.exit_code = 1;
  const bool report_to_stdout = copy.report_path == "-";
  WriteAll(report_to_stdout ? stderr : stdout, FormatSummary(report, by));
  if (report_to_stdout) {
    if (!WriteAll(stdout, ReportJson(report))) return absl::ErrnoToStatus(errno, "--report: cannot write to stdout");
  } else if (!copy.report_path.empty()) {
    RETURN_IF_ERROR(WriteBeside(copy.report_path, ReportJson(report)));
  }
  if (!report.failure.empty()) WriteAll(stderr, absl::StrCat("vecferry: ", core::SanitizeText(report.failure), "\n"));
  if (report.exit_code == base::kInterruptedExitCode) {
    WriteAll(stderr, by == DestinationBy::kCoordinator
                         ? "vecferry: it was paused; `vecferry migrate resume` or the same copy command goes on\n"
                         : "vecferry: interrupted; the same command resumes\n");
  }
  return report.exit_code;
}

}  // namespace vecferry::cli
