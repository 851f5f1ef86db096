#include "cli/conclude.h"

#include <errno.h>

#include "absl/strings/str_cat.h"
#include "cli/report_file.h"
#include "cli/report_html.h"
#include "cli/report_json.h"
#include "cli/summary.h"
#include "common/base/process_signals.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"

namespace vecferry::cli {
namespace {

constexpr absl::string_view kReportFlag = "--report", kReportHtmlFlag = "--report-html";

absl::Status WriteToStdout(absl::string_view flag, const std::string& text) {
  if (WriteAll(stdout, text)) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat(flag, ": cannot write to stdout"));
}

// Of a migration that ended. Best effort: the page says all by itself, and its digest lies beside it.
void KeepDigest(const core::Report& report, const std::string& html, rpc::MigrationClient& migrations,
                const std::string& connection) {
  if (report.migration_id.empty() || !core::IsEnded(report.state)) return;
  const absl::Status kept = migrations.RecordPage(report.migration_id, connection, base::Sha256Hex(html));
  if (kept.ok()) return;
  WriteAll(stderr, absl::StrCat("vecferry: the ledger did not take the page's digest: ", kept.message(), "\n"));
}

// Both are tried: a full disk under one does not take the other.
absl::Status WriteReports(const CopyOptions& copy, const core::Report& report, rpc::MigrationClient& migrations,
                          const std::string& connection) {
  absl::Status status;
  if (!copy.report_path.empty()) {
    const std::string json = ReportJson(report);
    status.Update(copy.report_path == "-" ? WriteToStdout(kReportFlag, json)
                                          : WriteBeside(kReportFlag, copy.report_path, json));
  }
  if (!copy.report_html_path.empty()) {
    const std::string html = ReportHtml(report);
    status.Update(copy.report_html_path == "-" ? WriteToStdout(kReportHtmlFlag, html)
                                               : WriteWithDigest(kReportHtmlFlag, copy.report_html_path, html));
    KeepDigest(report, html, migrations, connection);
  }
  return status;
}

}  // namespace

bool WriteAll(FILE* stream, const std::string& text) {
  const bool written = fwrite(text.data(), 1, text.size(), stream) == text.size();
  return fflush(stream) == 0 && written;
}

absl::Status CheckReportsWritable(const CopyOptions& copy) {
  if (!copy.report_path.empty() && copy.report_path != "-") {
    RETURN_IF_ERROR(CheckWritable(kReportFlag, copy.report_path));
  }
  if (copy.report_html_path.empty() || copy.report_html_path == "-") return absl::OkStatus();
  return CheckWritableWithDigest(kReportHtmlFlag, copy.report_html_path);
}

absl::StatusOr<int> Conclude(const CopyOptions& copy, core::Report report, DestinationBy by,
                             rpc::MigrationClient& migrations, const std::string& connection) {
  report.exit_code = core::ExitCode(report.state, report.totals);
  if (!report.failure.empty() && report.exit_code == base::kInterruptedExitCode) report.exit_code = 1;
  const bool report_to_stdout = copy.report_path == "-" || copy.report_html_path == "-";
  WriteAll(report_to_stdout ? stderr : stdout, FormatSummary(report, by));
  RETURN_IF_ERROR(WriteReports(copy, report, migrations, connection));
  if (!report.failure.empty()) WriteAll(stderr, absl::StrCat("vecferry: ", core::SanitizeText(report.failure), "\n"));
  if (report.exit_code == base::kInterruptedExitCode) {
    WriteAll(stderr, by == DestinationBy::kCoordinator
                         ? "vecferry: it was paused; `vecferry migrate resume` or the same copy command goes on\n"
                         : "vecferry: interrupted; the same command resumes\n");
  }
  return report.exit_code;
}

}  // namespace vecferry::cli
