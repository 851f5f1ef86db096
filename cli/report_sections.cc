#include "cli/report_sections.h"

#include <utility>

#include "cli/report_plots.h"

namespace vecferry::cli {
namespace {

// A count that should be 0.
Markup Flagged(std::int64_t number) {
  return number == 0 ? Number(0) : Cat("<strong class=\"flag\">", Number(number), "</strong>");
}

std::vector<Markup> CounterCells(Markup source, Markup destination, const core::Counters& counters) {
  return {std::move(source),
          std::move(destination),
          Number(counters.read),
          Number(counters.inserted),
          Number(counters.present),
          Number(counters.updated),
          Flagged(counters.conflicting),
          Flagged(counters.rejected),
          Flagged(counters.incomplete),
          Number(counters.repaired),
          Number(counters.values_rounded),
          Bytes(counters.bytes)};
}

Markup Item(Markup name, const Markup& value) {
  return Cat("<div><dt>", name, "</dt><dd>", OrDash(value), "</dd></div>\n");
}

Markup LeftOut(const core::Report& report) {
  if (report.left_out.empty()) return "<p>Nothing of the source was left out.</p>\n";
  MarkupTable table("Left out of the copy", {{"Object of the source"}, {"Reason", MarkupColumn::kLong}});
  for (const auto& [name, reason] : report.left_out) {
    table.Add({Isolated(name), Isolated(reason, kTextCharactersMax)});
  }
  return table.Build();
}

Markup Notes(const core::Report& report) {
  if (report.notes.empty()) return "<p>The plan has no notes.</p>\n";
  Markup list = "<ul class=\"notes\">\n";
  for (std::size_t i = 0; i < report.notes.size() && i < kRowsMax; ++i) {
    list += Cat("<li>", Isolated(report.notes[i], kTextCharactersMax), "</li>\n");
  }
  list += "</ul>\n";
  if (report.notes.size() > kRowsMax) {
    list +=
        Cat("<p class=\"more\">+", Number(static_cast<std::int64_t>(report.notes.size() - kRowsMax)), " more</p>\n");
  }
  return list;
}

}  // namespace

Markup Section(Markup id, Markup heading, const Markup& content) {
  return Cat("<section id=\"", id, "\">\n<h2>", heading, "</h2>\n", content, "</section>\n");
}

Markup TablesSection(const core::Report& report) {
  if (report.tables.empty()) return Section("tables", "Tables", "<p>No table was carried.</p>\n");
  const auto number = MarkupColumn::kNumber;
  MarkupTable table("Rows of each source table: read = inserted + present + updated + conflicting + rejected",
                    {{"Source"},
                     {"Destination"},
                     {"Read", number},
                     {"Inserted", number},
                     {"Present", number},
                     {"Updated", number},
                     {"Conflicting", number},
                     {"Rejected", number},
                     {"Incomplete", number},
                     {"Repaired", number},
                     {"Rounded", number},
                     {"Size", number}});
  for (const core::TableReport& one : report.tables) {
    table.Add(CounterCells(Isolated(one.source), Isolated(one.destination), one.counters));
  }
  table.SetTotal(CounterCells("Total", "", report.totals));
  return Section("tables", "Tables",
                 Cat(table.Build(),
                     "<p class=\"remark\"><em>Present</em>: was at the destination already, with equal content. "
                     "<em>Conflicting</em>: the key was there with other content, which was kept. <em>Incomplete</em>: "
                     "carried, but the second row that it should have become was refused. <em>Repaired</em>: carried "
                     "with a stated change of a value. <em>Rounded</em>: values beyond their type's precision. "
                     "Inserted, present and updated rows may be repaired or incomplete "
                     "as well.</p>\n"));
}

Markup IssuesSection(const core::Report& report) {
  if (report.issues.empty()) return Section("issues", "Issues", "<p>No issue is named.</p>\n");
  MarkupTable table("Rows that were not carried as they were", {{"Source table"},
                                                                {"Key", MarkupColumn::kLong},
                                                                {"Column"},
                                                                {"Action", MarkupColumn::kWord},
                                                                {"Kind", MarkupColumn::kWord},
                                                                {"Reason", MarkupColumn::kLong}});
  for (const core::IssueReport& issue : report.issues) {
    table.Add({Isolated(issue.table), Code(issue.key, kValueCharactersMax), Isolated(issue.column),
               Escaped(issue.action), Escaped(issue.kind), Isolated(issue.reason, kValueCharactersMax)});
  }
  table.CountMore(report.issues_more);
  Markup content = table.Build();
  if (report.issues_more > 0) {
    content +=
        Cat("<p class=\"remark\">All of them: ",
            Code("SELECT * FROM vecferry.issues WHERE migration_id = '" + report.migration_id + "'", 200), "</p>\n");
  }
  return Section("issues", "Issues", content);
}

Markup StagesSection(const core::Report& report) {
  const Markup plot = StagePlot(report.seconds);
  return Section("stages", "Time", plot.empty() ? Markup("<p>No time was measured.</p>\n") : plot);
}

Markup IndexesSection(const core::Report& report) {
  if (report.indexes.empty()) {
    return Section("indexes", "Keys and indexes", "<p>The copy made no key and no index.</p>\n");
  }
  MarkupTable table("Keys and indexes that the copy made",
                    {{"Name"}, {"Table"}, {"Definition", MarkupColumn::kLong}, {"Time", MarkupColumn::kNumber}});
  for (const core::IndexReport& index : report.indexes) {
    table.Add({Isolated(index.name), Isolated(index.table), Code(index.definition, kTextCharactersMax),
               Seconds(index.seconds)});
  }
  return Section("indexes", "Keys and indexes", table.Build());
}

Markup EndsSection(const core::Report& report) {
  const Markup source =
      Cat(Item("Path", Code(report.source_path, kValueCharactersMax)), Item("Kind", Escaped(report.source_kind)),
          Item("Schema version", Escaped(report.schema_version)),
          Item("Fingerprint", Code(report.fingerprint, kValueCharactersMax)));
  const Markup destination = Cat(Item("Address", Code(report.destination_url, kValueCharactersMax)),
                                 Item("Schema", Isolated(report.destination_schema)));
  const Markup versions =
      Cat(Item("vecferry", Escaped(report.vecferry_version)), Item("PostgreSQL", Escaped(report.server_version)),
          Item("pgvector", Escaped(report.pgvector_version)));
  return Section(
      "ends", "Source, destination, versions",
      Cat("<div class=\"ends\"><div><h3>Source</h3><dl>\n", source, "</dl></div>\n<div><h3>Destination</h3><dl>\n",
          destination, "</dl></div>\n<div><h3>Versions</h3><dl>\n", versions, "</dl></div></div>\n"));
}

Markup NotesSection(const core::Report& report) {
  const Markup plan = Cat("<dl>\n", Item("Profile", Isolated(report.profile)),
                          Item("Because", Isolated(report.profile_reason, kTextCharactersMax)), "</dl>\n");
  return Section("notes", "Plan and notes", Cat(plan, Notes(report), LeftOut(report)));
}

Markup SignatureSection() {
  return Section("signature", "Signature",
                 "<p>I have read this report. The application: &#9744; switches over to the destination &#9744; does "
                 "not switch over</p>\n"
                 "<div class=\"lines\"><span>Name</span><span>Date</span><span>Signature</span>"
                 "<span class=\"wide\">SHA-256 of the file that was read, as its .sha256 file has it</span></div>\n");
}

}  // namespace vecferry::cli
