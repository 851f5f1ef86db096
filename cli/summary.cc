#include "cli/summary.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/repair_rules.h"
#include "cli/text_format.h"

namespace vecferry::cli {
namespace {

using core::SanitizeText;

std::vector<std::string> CounterCells(const core::Counters& counters) {
  std::vector<std::string> cells;
  for (const std::int64_t number :
       {counters.read, counters.inserted, counters.present, counters.updated, counters.conflicting, counters.rejected,
        counters.repaired, counters.values_rounded}) {
    cells.push_back(GroupDigits(number));
  }
  cells.push_back(FormatBytes(static_cast<double>(counters.bytes)));
  return cells;
}

std::string Heading(const core::Report& report) {
  std::string text;
  if (!report.migration_id.empty()) {
    absl::StrAppend(&text, "migration    ", report.migration_id, ", ", core::ToString(report.state));
    if (report.resumed > 0)
      absl::StrAppend(&text, ", resumed ", report.resumed, report.resumed == 1 ? " time" : " times");
    text += "\n";
  }
  absl::StrAppend(&text, "source       ", SanitizeText(report.source_path), " (", report.profile);
  if (!report.profile_reason.empty()) absl::StrAppend(&text, ": ", SanitizeText(report.profile_reason));
  absl::StrAppend(&text, ")\ndestination  ", SanitizeText(report.destination_url), ", schema ",
                  SanitizeText(report.destination_schema));
  if (!report.server_version.empty()) absl::StrAppend(&text, ", PostgreSQL ", report.server_version);
  if (!report.pgvector_version.empty()) absl::StrAppend(&text, ", pgvector ", report.pgvector_version);
  return text + "\n";
}

std::string Tables(const core::Report& report) {
  std::vector<std::vector<std::string>> rows = {{"table", "destination", "read", "inserted", "already present",
                                                 "updated", "conflicting", "rejected", "repaired", "rounded", "size"}};
  const auto add = [&](std::string source, std::string destination, const core::Counters& counters) {
    rows.push_back({std::move(source), std::move(destination)});
    for (std::string& cell : CounterCells(counters)) rows.back().push_back(std::move(cell));
  };
  for (const core::TableReport& table : report.tables) {
    add(SanitizeText(table.source), SanitizeText(table.destination), table.counters);
  }
  add("total", "", report.totals);
  std::string text = FormatTable(rows, 2, "");
  for (const core::TableReport& table : report.tables) {
    if (table.counters.incomplete == 0) continue;
    absl::StrAppend(&text, "incomplete: ", GroupDigits(table.counters.incomplete), " rows of ",
                    SanitizeText(table.source), " were carried, but what else they should have become was refused\n");
  }
  return text;
}

std::string Times(const core::Report& report) {
  std::string text;
  if (report.seconds.copy > 0) {
    absl::StrAppend(
        &text, GroupDigits(static_cast<std::int64_t>(static_cast<double>(report.totals.read) / report.seconds.copy)),
        " rows/s, ", FormatBytes(static_cast<double>(report.totals.bytes) / report.seconds.copy), "/s; ");
  }
  absl::StrAppend(&text, "plan ", FormatSeconds(report.seconds.plan), ", copy ", FormatSeconds(report.seconds.copy),
                  ", finish ", FormatSeconds(report.seconds.finish), ", verify ", FormatSeconds(report.seconds.verify),
                  ", total ", FormatSeconds(report.seconds.total), "\n");
  return text;
}

std::string Issues(const core::Report& report) {
  if (report.issues.empty()) return "";
  std::string text = "\nissues\n";
  for (const core::IssueReport& issue : report.issues) {
    absl::StrAppend(&text, "  ", issue.action, " ", SanitizeText(issue.table), issue.column.empty() ? "" : ".",
                    SanitizeText(issue.column), " ", SanitizeText(issue.key), ": ", issue.kind, ", ",
                    SanitizeText(issue.reason), "\n");
  }
  if (report.issues_more > 0) {
    absl::StrAppend(&text, "  +", GroupDigits(report.issues_more),
                    " more: SELECT * FROM vecferry.issues WHERE "
                    "migration_id = '",
                    report.migration_id, "'\n");
  }
  return text;
}

std::string Indexes(const core::Report& report) {
  if (report.indexes.empty()) return "";
  std::vector<std::vector<std::string>> rows;
  for (const core::IndexReport& index : report.indexes) {
    rows.push_back({SanitizeText(index.table), SanitizeText(index.name), FormatSeconds(index.seconds)});
  }
  return absl::StrCat("\nkeys and indexes\n", FormatTable(rows, 2, "  "));
}

std::string Checks(const core::Report& report) {
  if (report.checks.empty()) return "";
  int passed = 0, failed = 0, skipped = 0;
  std::string lines;
  for (const core::CheckReport& check : report.checks) {
    if (check.verdict == "pass") {
      ++passed;
      continue;
    }
    (check.verdict == "skipped" ? skipped : failed) += 1;
    absl::StrAppend(&lines, "  ", check.verdict, " ", SanitizeText(check.name), " ", SanitizeText(check.table),
                    ": expected ", SanitizeText(check.expected), ", found ", SanitizeText(check.actual),
                    check.evidence.empty() ? "" : absl::StrCat(" (", SanitizeText(check.evidence), ")"), "\n");
  }
  return absl::StrCat("\nchecks (level ", report.verify_level.empty() ? "none" : report.verify_level, "): ", passed,
                      " passed, ", failed, " failed, ", skipped, " skipped\n", lines);
}

std::string Differences(const core::Report& report) {
  constexpr std::size_t kShownMax = 20;
  const std::size_t shown = std::min(report.differences.size(), kShownMax);
  const auto more = static_cast<std::int64_t>(report.differences.size() - shown) + report.differences_more;
  if (shown == 0 && more == 0) return "";
  std::string text = "\ndifferences\n";
  for (std::size_t i = 0; i < shown; ++i) {
    const core::DifferenceReport& difference = report.differences[i];
    absl::StrAppend(&text, "  ", SanitizeText(difference.kind), " ", SanitizeText(difference.table));
    for (const std::string& part : {difference.key, difference.columns}) {
      absl::StrAppend(&text, part.empty() ? "" : " ", SanitizeText(part));
    }
    absl::StrAppend(&text, ": ", SanitizeText(difference.detail), "\n");
  }
  if (more > 0) absl::StrAppend(&text, "  +", GroupDigits(more), " more\n");
  return text;
}

std::string Share(double share) { return share >= 0 ? absl::StrFormat("%.4f", share) : "-"; }

std::string Milliseconds(const core::LatencyReport& latency) {
  if (latency.p50 <= 0 && latency.p95 <= 0 && latency.p99 <= 0) return "-";
  return absl::StrFormat("%.2f / %.2f / %.2f ms", latency.p50, latency.p95, latency.p99);
}

std::string Recall(const core::Report& report) {
  if (report.recall.empty()) return "";
  std::vector<std::vector<std::string>> rows = {{"searched", "model", "slice", "metric", "k", "queries", "exact",
                                                 "index", "p50 / p95 / p99 by index", "without"}};
  for (const core::RecallReport& one : report.recall) {
    rows.push_back({SanitizeText(absl::StrCat(one.table, ".", one.column)), SanitizeText(one.model),
                    one.slice.empty() ? "all rows" : SanitizeText(one.slice), one.metric, GroupDigits(one.k),
                    GroupDigits(one.queries), Share(one.exact), Share(one.index), Milliseconds(one.by_index),
                    Milliseconds(one.without_index)});
  }
  return absl::StrCat("\nsearch\n", FormatTable(rows, 4, "  "));
}

std::string Remarks(const core::Report& report) {
  std::string text;
  for (const auto& [name, reason] : report.left_out) {
    absl::StrAppend(&text, text.empty() ? "\nleft out\n" : "", "  ", SanitizeText(name), ": ", SanitizeText(reason),
                    "\n");
  }
  for (std::size_t i = 0; i < report.notes.size(); ++i) {
    absl::StrAppend(&text, i == 0 ? "\nnotes\n" : "", "  ", SanitizeText(report.notes[i]), "\n");
  }
  return text;
}

std::string NextStep(const core::Report& report, DestinationBy by) {
  const bool remote = by == DestinationBy::kCoordinator;
  const char* const at_ledger = by == DestinationBy::kFlag ? " (with the same --postgres-url)"
                                : remote                   ? " --postgres-url URL (the destination's)"
                                                           : "";
  const char* const where = remote ? " (with the same --coordinator)" : at_ledger;
  switch (report.state) {
    case core::State::kVerified:
    case core::State::kCopied:
      if (report.migration_id.empty()) return "use the data";
      if (report.totals.rejected > 0 || report.totals.incomplete > 0) {
        return absl::StrCat("look at what was not carried: vecferry rejects list ", report.migration_id, at_ledger);
      }
      if (report.totals.conflicting > 0) {
        return absl::StrCat("look at what was not carried: SELECT * FROM vecferry.issues WHERE migration_id = '",
                            report.migration_id, "'");
      }
      return absl::StrCat("use the data; when no migration is needed any more, `vecferry ledger drop`", at_ledger,
                          " removes the ledger");
    case core::State::kDifferent: {
      const char* const look = "look at the failed checks above; do not use the data before they are understood";
      if (!HasRowsToCarry(report) || report.migration_id.empty()) return look;
      return absl::StrCat(look, "; vecferry verify ", report.migration_id, " --repair", at_ledger,
                          " takes the source's rows where they are missing or differ");
    }
    case core::State::kCancelled:
      return absl::StrCat("the same command resumes; `vecferry migrate cancel ", report.migration_id, " --drop`", where,
                          " removes what was made");
    case core::State::kDropped: return "nothing is left of this migration but its line in the ledger";
    default:
      if (!remote) return "run the command that began it again: it resumes";
      return core::IsRunning(report.state)
                 ? absl::StrCat("it goes on at the coordinator: vecferry migrate watch ", report.migration_id, where)
                 : absl::StrCat("the same copy command resumes, or vecferry migrate resume ", report.migration_id,
                                where);
  }
}

// The last line: how it ended, and what was proven.
std::string Verdict(const core::Report& report) {
  const std::string state(core::ToString(report.state));
  switch (report.state) {
    case core::State::kVerified:
    case core::State::kDifferent: return absl::StrCat(state, ": checked at level ", report.verify_level);
    case core::State::kCopied: return absl::StrCat(state, ": not verified (--no-verify)");
    case core::State::kFailed: return absl::StrCat(state, ": ", SanitizeText(report.failure));
    default: return absl::StrCat(state, ": not verified");
  }
}

}  // namespace

std::string FormatSummary(const core::Report& report, DestinationBy by) {
  // Without a migration nothing was carried that could be counted.
  const std::string carried =
      report.migration_id.empty() ? "" : absl::StrCat("\n", Tables(report), Times(report), Indexes(report));
  return absl::StrCat(Heading(report), carried, Remarks(report), Issues(report), Checks(report), Differences(report),
                      Recall(report), "\nnext: ", NextStep(report, by), "\n", Verdict(report), "\n");
}

std::string FormatList(const std::vector<core::Report>& reports) {
  std::vector<std::vector<std::string>> rows = {
      {"id", "state", "started", "source", "schema", "read", "inserted", "rejected"}};
  for (const core::Report& report : reports) {
    rows.push_back({report.migration_id, std::string(core::ToString(report.state)), report.started_at,
                    SanitizeText(report.source_path), SanitizeText(report.destination_schema),
                    GroupDigits(report.totals.read), GroupDigits(report.totals.inserted),
                    GroupDigits(report.totals.rejected)});
  }
  return FormatTable(rows, 5, "");
}

}  // namespace vecferry::cli
