// Sections of a report's page that tell what the verification found.
#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "cli/report_plots.h"
#include "cli/report_sections.h"

namespace vecferry::cli {
namespace {

constexpr double kWhole = 0.9995;  // shares from here on are told as 100.0 %

Markup Verdict(const std::string& verdict) {
  if (verdict == "pass") return "<span class=\"good\">&#10003; pass</span>";
  if (verdict == "skipped") return "<span class=\"warn\">&#8211; skipped</span>";
  return Cat("<strong class=\"bad\">&#10007; ", Escaped(verdict), "</strong>");
}

MarkupTable CheckTable(Markup caption) {
  return {std::move(caption),
          {{"Check"},
           {"Table"},
           {"Verdict", MarkupColumn::kWord},
           {"Expected", MarkupColumn::kLong},
           {"Found", MarkupColumn::kLong},
           {"Evidence", MarkupColumn::kLong}}};
}

void Add(const core::CheckReport& check, MarkupTable& table) {
  table.Add({Isolated(check.name), OrDash(Isolated(check.table)), Verdict(check.verdict),
             Isolated(check.expected, kValueCharactersMax), Isolated(check.actual, kValueCharactersMax),
             Isolated(check.evidence, kTextCharactersMax)});
}

// A line a kind of check: what a page of passed ones comes down to.
Markup ChecksByName(const core::Report& report) {
  std::map<std::string, CheckCounts> by_name;
  for (const core::CheckReport& check : report.checks) {
    CheckCounts& counts = by_name[check.name];
    (check.verdict == "pass" ? counts.passed : check.verdict == "skipped" ? counts.skipped : counts.failed) += 1;
  }
  MarkupTable table("Checks by kind", {{"Check"},
                                       {"Passed", MarkupColumn::kNumber},
                                       {"Failed", MarkupColumn::kNumber},
                                       {"Skipped", MarkupColumn::kNumber}});
  for (const auto& [name, counts] : by_name) {
    table.Add({Isolated(name), Number(counts.passed), Number(counts.failed), Number(counts.skipped)});
  }
  return table.Build();
}

Markup Share(double share) {
  if (!(share >= 0)) return OrDash({});
  if (share >= kWhole && share < 1) return Cat(Decimal(99.9, 1), " %");  // not 100 % where it is not
  return Cat(Decimal(100 * share, 1), " %");
}

Markup Latency(const core::LatencyReport& latency) {
  if (!(latency.p50 > 0)) return OrDash({});
  return Cat(Milliseconds(latency.p50), " / ", Milliseconds(latency.p95), " / ", Milliseconds(latency.p99));
}

}  // namespace

CheckCounts CountChecks(const core::Report& report) {
  CheckCounts counts;
  for (const core::CheckReport& check : report.checks) {
    (check.verdict == "pass" ? counts.passed : check.verdict == "skipped" ? counts.skipped : counts.failed) += 1;
  }
  return counts;
}

Markup ChecksSection(const core::Report& report) {
  if (report.checks.empty()) return Section("checks", "Checks", "<p>Nothing was checked.</p>\n");
  const CheckCounts counts = CountChecks(report);
  MarkupTable failed = CheckTable("Failed checks"), skipped = CheckTable("Skipped checks"),
              passed = CheckTable("Passed checks");
  for (const core::CheckReport& check : report.checks) {
    Add(check, check.verdict == "pass" ? passed : check.verdict == "skipped" ? skipped : failed);
  }
  Markup content = counts.failed > 0 ? failed.Build() : Markup("<p>No check failed.</p>\n");
  if (counts.skipped > 0) content += skipped.Build();
  content += ChecksByName(report);
  if (counts.passed > 0) {
    content += Cat("<details><summary>", Number(counts.passed), " passed, one by one</summary>\n", passed.Build(),
                   "</details>\n");
  }
  return Section("checks", "Checks", content);
}

Markup DifferencesSection(const core::Report& report) {
  if (report.differences.empty() && report.differences_more == 0) {
    return Section("differences", "Differences",
                   report.verify_level.empty()
                       ? Markup("<p>Source and destination were not compared.</p>\n")
                       : Cat("<p>None was found by the checks of level ", Escaped(report.verify_level), ".</p>\n"));
  }
  MarkupTable table("What differs between source and destination", {{"Table"},
                                                                    {"Key", MarkupColumn::kLong},
                                                                    {"Columns", MarkupColumn::kLong},
                                                                    {"Kind", MarkupColumn::kWord},
                                                                    {"Detail", MarkupColumn::kLong}});
  for (const core::DifferenceReport& difference : report.differences) {
    table.Add({Isolated(difference.table),
               difference.key.empty() ? OrDash({}) : Code(difference.key, kValueCharactersMax),
               difference.columns.empty() ? Markup("all") : Isolated(difference.columns, kValueCharactersMax),
               Cat("<strong class=\"bad\">", Escaped(difference.kind), "</strong>"),
               Isolated(difference.detail, kValueCharactersMax)});
  }
  table.CountMore(report.differences_more);
  return Section("differences", "Differences", table.Build());
}

Markup RecallSection(const core::Report& report) {
  if (report.recall.empty()) return Section("recall", "Search", "<p>Search was not measured.</p>\n");
  const auto number = MarkupColumn::kNumber;
  MarkupTable table(
      "What search finds at the destination, asked by sampled queries; times in milliseconds a query, p50 "
      "/ p95 / p99",
      {{"Searched"},
       {"Model"},
       {"Slice"},
       {"Metric", MarkupColumn::kWord},
       {"k", number},
       {"Queries", number},
       {"Exact", number},
       {"Index", number},
       {"Time with index", number},
       {"Time without index", number}});
  for (const core::RecallReport& one : report.recall) {
    table.Add({Isolated(one.table + "." + one.column), OrDash(Isolated(one.model)),
               one.slice.empty() ? Markup("all rows") : Isolated(one.slice), Escaped(one.metric), Number(one.k),
               Number(one.queries), Share(one.exact), Share(one.index), Latency(one.by_index),
               Latency(one.without_index)});
  }
  return Section(
      "recall", "Search",
      Cat(table.Build(),
          "<p class=\"remark\"><em>Exact</em>: of the source's nearest rows, how many the destination's exact "
          "search finds: whether the data changed. <em>Index</em>: of those, how many its index finds: what "
          "the index loses.</p>\n",
          LatencyPlot(report.recall)));
}

Markup SizesSection(const core::Report& report) {
  if (report.sizes.empty()) return Section("sizes", "Sizes", "<p>Sizes were not measured.</p>\n");
  const auto number = MarkupColumn::kNumber;
  MarkupTable table(
      "Tables of the destination when they were verified",
      {{"Table"}, {"Rows", number}, {"Table size", number}, {"Index size", number}, {"Dead tuples", number}});
  core::TableSize total;
  for (const core::TableSize& size : report.sizes) {
    table.Add({Isolated(size.table), Number(size.rows), Bytes(size.table_bytes), Bytes(size.index_bytes),
               Number(size.dead_tuples)});
    total.rows += size.rows;
    total.table_bytes += size.table_bytes;
    total.index_bytes += size.index_bytes;
    total.dead_tuples += size.dead_tuples;
  }
  table.SetTotal(
      {"Total", Number(total.rows), Bytes(total.table_bytes), Bytes(total.index_bytes), Number(total.dead_tuples)});
  return Section("sizes", "Sizes", table.Build());
}

}  // namespace vecferry::cli
