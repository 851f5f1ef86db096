#include "verifier/contents.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "verifier/compared_table.h"
#include "verifier/comparison.h"
#include "verifier/difference_text.h"
#include "verifier/expected_rows.h"
#include "verifier/recorded_issues.h"
#include "verifier/refused_rows.h"

namespace vecferry::verifier {
namespace {

constexpr std::size_t kClaimsMax = 1000;       // tried one by one
constexpr std::int64_t kRowsAsk = 1000;        // between two looks whether anybody still listens
constexpr std::int64_t kBlocksASession = 256;  // 2 MiB: below that another session costs more than it saves

// One table under comparison.
class TableCheck {
 public:
  TableCheck(const ContentsInput& input, ComparedTable table, core::Findings& findings)
      : input_(input), table_(std::move(table)), findings_(findings) {}

  // Within the snapshot.
  absl::Status CompareRows() {
    if (HasLedger()) RETURN_IF_ERROR(LoadLedger());
    ASSIGN_OR_RETURN(const std::vector<std::string> parts, DestinationParts());
    Sides sides;
    sides.key = table_.key;
    sides.only_source_rows = table_.fresh;
    sides.source = [this](const RowTaker& take) { return ScanSource(take); };
    for (std::size_t i = 0; i < parts.size(); ++i) {
      sides.destination.push_back([this, i, &parts](const RowTaker& take) {
        return ForEachDestinationRow(input_.sessions[i], Qualified(), table_.columns, parts[i], take);
      });
    }
    ASSIGN_OR_RETURN(const Outcome outcome, Compare(sides));
    RETURN_IF_ERROR(TellRows(outcome));
    if (!HasLedger()) return absl::OkStatus();
    RETURN_IF_ERROR(TellRounded());
    if (issues_expected_ == 0 && issues_recorded_ == 0) return absl::OkStatus();
    return CheckRecordedIssues(input_.source, input_.sessions[0], input_.migration_id, input_.plan, table_, refused_,
                               findings_);
  }

  // Also where rows were carried with other values on purpose.
  bool different() const { return different_ || replayed_ > 0; }

  // After it.
  absl::Status Prove() {
    return ProveClaims(input_.sessions[0], input_.plan, table_, claims_, claims_more_, findings_);
  }

 private:
  bool HasLedger() const { return !input_.migration_id.empty(); }
  std::string Qualified() const { return core::QualifiedName(input_.plan.identity.destination_schema, table_.name); }

  absl::Status LoadLedger() {
    ASSIGN_OR_RETURN(refused_, LoadRefused(input_.sessions[0], input_.migration_id, table_));
    for (const Filling& filling : table_.fillings) {
      ASSIGN_OR_RETURN(
          const postgres::Result numbers,
          input_.sessions[0].Execute(
              "SELECT (SELECT coalesce(sum(values_rounded), 0) FROM vecferry.shard WHERE migration_id = $1 AND mapping "
              "= $2), "
              "(SELECT count(*) FROM vecferry.row_issue JOIN vecferry.shard USING (migration_id, shard) WHERE "
              "migration_id = $1 AND mapping = $2 AND action IN ('repaired', 'rejected')), "
              "(SELECT count(*) FROM vecferry.row_issue JOIN vecferry.shard USING (migration_id, shard) WHERE "
              "migration_id = $1 AND mapping = $2 AND action = 'rejected' AND kind = 'foreign_key' AND raw_format = "
              "'')",
              {input_.migration_id, static_cast<std::int64_t>(filling.mapping->id)}));
      if (filling.mapping->counted) rounded_recorded_ += numbers.integer(0, 0);
      issues_recorded_ += numbers.integer(0, 1);
      orphans_without_key_ += numbers.integer(0, 2);
    }
    return absl::OkStatus();
  }

  // Conditions that tile the table: heap blocks, the last part without an end.
  absl::StatusOr<std::vector<std::string>> DestinationParts() {
    ASSIGN_OR_RETURN(const postgres::Result size,
                     input_.sessions[0].Execute("SELECT pg_catalog.pg_relation_size(oid) / "
                                                "current_setting('block_size')::bigint FROM pg_catalog.pg_class "
                                                "WHERE oid = $1::regclass AND relkind = 'r'",
                                                {Qualified()}));
    const std::int64_t blocks = size.rows() == 0 ? 0 : size.integer(0, 0);
    const std::int64_t parts =
        std::clamp<std::int64_t>(blocks / kBlocksASession, 1, static_cast<std::int64_t>(input_.sessions.size()));
    std::vector<std::string> conditions;
    for (std::int64_t part = 0; part < parts; ++part) {
      std::string condition;
      if (part > 0) condition = absl::StrCat("ctid >= '(", blocks * part / parts, ",0)'::tid");
      if (part + 1 < parts) {
        absl::StrAppend(&condition, condition.empty() ? "" : " AND ", "ctid < '(", blocks * (part + 1) / parts,
                        ",0)'::tid");
      }
      conditions.push_back(std::move(condition));
    }
    return conditions;
  }

  absl::Status ScanSource(const RowTaker& take) {
    // Comparing may scan more than once; what befell the rows is the same each time.
    const bool first = std::exchange(first_scan_, false);
    return ForEachRuledRow(input_.source, input_.plan, table_, [&](const RuledRow& row) -> absl::Status {
      if (++rows_scanned_ % kRowsAsk == 0 && input_.stopping()) return absl::CancelledError("stopped");
      const Refused* const refused = FindRefused(row);
      if (refused != nullptr && refused->action == kReplayed) {
        replayed_ += first ? 1 : 0;
        return absl::OkStatus();
      }
      if (first) Tally(row);
      if (!row.ruling.carried) return absl::OkStatus();
      if (refused != nullptr) {
        if (first && !refused->by_conversion) AddClaim(*refused, row.row);
        return absl::OkStatus();
      }
      return take(row.row);
    });
  }

  void Tally(const RuledRow& row) {
    if (row.mapping.counted && row.ruling.carried) rounded_expected_ += row.ruling.values_rounded;
    if (row.told_elsewhere) return;
    issues_expected_ += row.ruling.carried ? static_cast<std::int64_t>(row.ruling.repairs.size()) : 1;
  }

  const Refused* FindRefused(const RuledRow& row) const {
    const auto of_mapping = refused_.find(row.mapping.id);
    if (of_mapping == refused_.end() || of_mapping->second.empty()) return nullptr;
    const auto found = of_mapping->second.find(core::EncodeRecord(row.source.key));
    return found == of_mapping->second.end() ? nullptr : &found->second;
  }

  void AddClaim(const Refused& refused, const RowImage& row) {
    if (claims_.size() < kClaimsMax) {
      claims_.push_back({refused, row});
    } else {
      ++claims_more_;
    }
  }

  absl::Status TellRows(const Outcome& outcome) {
    // An orphan whose key Postgres wrote anew is told by the destination's key alone.
    const std::int64_t missing = outcome.missing > orphans_without_key_ ? outcome.missing : 0;
    if (missing < outcome.missing) RETURN_IF_ERROR(TellUnproven(outcome.missing));
    const std::int64_t excused = table_.seeded + replayed_;
    const std::int64_t unexpected = table_.fresh && outcome.unexpected > excused ? outcome.unexpected : 0;
    if (replayed_ > 0) RETURN_IF_ERROR(TellReplayed(outcome.unexpected));
    std::int64_t told = 0;
    for (const DifferentRow& row : outcome.rows) {
      if (unexpected == 0 && row.kind == RowDifference::kUnexpected) continue;
      if (missing == 0 && row.kind == RowDifference::kMissing) continue;
      RETURN_IF_ERROR(findings_.Tell(DescribeRow(table_.name, table_.columns, table_.key, row)));
      ++told;
    }
    const std::int64_t wrong = missing + outcome.differing + unexpected;
    different_ = different_ || wrong > 0;
    findings_.CountMoreDifferences(wrong - told);
    core::CheckReport check{"rows_equal", table_.name, wrong == 0 ? "pass" : "fail"};
    check.expected = absl::StrCat(outcome.source_rows, " rows");
    if (wrong == 0) {
      check.actual = absl::StrCat(outcome.source_rows, " equal");
    } else {
      check.actual = absl::StrCat(missing, " missing, ", outcome.differing, " differing, ",
                                  table_.fresh ? absl::StrCat(unexpected, " unexpected") : "others not counted");
    }
    check.evidence = absl::StrCat("every value of ", table_.columns.size(), " columns by XXH3-128, summed to ",
                                  absl::BytesToHexString(outcome.source_sum.ToBytes()), "; COPY ", Qualified(),
                                  " TO STDOUT (FORMAT binary)");
    if (!table_.fresh) {
      absl::StrAppend(&check.evidence, "; the table existed, ", outcome.unexpected, " more rows are there");
    }
    if (!table_.left_out.empty()) {
      absl::StrAppend(&check.evidence,
                      "; not compared, for the source says nothing of them: ", absl::StrJoin(table_.left_out, ", "));
    }
    return findings_.Tell(check);
  }

  absl::Status TellUnproven(std::int64_t rows) {
    return findings_.Tell(
        core::CheckReport{"orphans_missing", table_.name, "skipped",
                          absl::StrCat(orphans_without_key_, " orphans are missing"), absl::StrCat(rows, " rows are"),
                          "their issues name no source key: whether these rows are the orphans is unproven"});
  }

  // Of a table that existed it is not even known which rows are whose.
  absl::Status TellReplayed(std::int64_t unexpected) {
    const bool lost = table_.fresh && unexpected < replayed_;
    core::CheckReport check{"rows_replayed", table_.name, lost ? "fail" : "skipped"};
    check.expected =
        absl::StrCat(replayed_, " rows, carried by `rejects replay --set` with other values than the source's");
    check.actual = table_.fresh ? absl::StrCat(unexpected, " rows are not as the source has them") : "not looked for";
    check.evidence = "that these rows hold what was set is unproven";
    if (lost) {
      different_ = true;
      RETURN_IF_ERROR(
          findings_.Tell(core::DifferenceReport{table_.name, "", "", "missing",
                                                absl::StrCat(replayed_ - unexpected, " of the ", replayed_,
                                                             " rows that were carried by `rejects replay --set`")}));
    }
    return findings_.Tell(check);
  }

  absl::Status TellRounded() {
    if (rounded_expected_ == 0 && rounded_recorded_ == 0) return absl::OkStatus();
    const bool equal = rounded_expected_ == rounded_recorded_;
    return findings_.Tell(core::CheckReport{"values_rounded", table_.name,
                                            equal           ? "pass"
                                            : replayed_ > 0 ? "skipped"
                                                            : "fail",
                                            absl::StrCat(rounded_expected_), absl::StrCat(rounded_recorded_),
                                            "values beyond the destination's precision, by the verifier's own rules; "
                                            "sum(values_rounded) of vecferry.shard"});
  }

  const ContentsInput& input_;
  const ComparedTable table_;
  core::Findings& findings_;
  RefusedByMapping refused_;
  bool first_scan_ = true;
  std::int64_t rows_scanned_ = 0;
  std::int64_t rounded_expected_ = 0, rounded_recorded_ = 0, issues_expected_ = 0, issues_recorded_ = 0;
  std::vector<Claim> claims_;
  std::int64_t claims_more_ = 0, orphans_without_key_ = 0, replayed_ = 0;
  bool different_ = false;
};

// All sessions see what the first one sees.
absl::Status BeginSnapshot(std::vector<postgres::Connection>& sessions) {
  constexpr char kBegin[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
  RETURN_IF_ERROR(sessions[0].ExecuteScript(kBegin));
  if (sessions.size() == 1) return absl::OkStatus();
  ASSIGN_OR_RETURN(const postgres::Result snapshot, sessions[0].Execute("SELECT pg_catalog.pg_export_snapshot()"));
  for (std::size_t i = 1; i < sessions.size(); ++i) {
    RETURN_IF_ERROR(sessions[i].ExecuteScript(
        absl::StrCat(kBegin, "; SET TRANSACTION SNAPSHOT ", core::QuoteLiteral(snapshot.text(0, 0)))));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckContents(const ContentsInput& input, std::set<std::string>& different, core::Findings& findings) {
  std::vector<std::unique_ptr<TableCheck>> tables;
  RETURN_IF_ERROR(BeginSnapshot(input.sessions));
  for (const std::string& name : MappedTables(input.plan)) {
    if (input.unreadable.contains(name)) {
      RETURN_IF_ERROR(findings.Tell(
          core::CheckReport{"rows_equal", name, "skipped", "", "", "its structure does not let its rows be compared"}));
      continue;
    }
    ASSIGN_OR_RETURN(ComparedTable table, LayOutTable(input.sessions[0], input.plan, name));
    tables.push_back(std::make_unique<TableCheck>(input, std::move(table), findings));
    RETURN_IF_ERROR(tables.back()->CompareRows());
    if (tables.back()->different()) different.insert(name);
  }
  for (postgres::Connection& session : input.sessions) RETURN_IF_ERROR(session.ExecuteScript("COMMIT"));
  for (const std::unique_ptr<TableCheck>& table : tables) RETURN_IF_ERROR(table->Prove());
  return absl::OkStatus();
}

}  // namespace vecferry::verifier
