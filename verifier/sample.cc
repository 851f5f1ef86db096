#include "verifier/sample.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/core/record.h"
#include "common/core/types.h"
#include "verifier/compared_table.h"
#include "verifier/comparison.h"
#include "verifier/difference_text.h"
#include "verifier/expected_rows.h"
#include "verifier/recorded_issues.h"
#include "verifier/sql_literal.h"

namespace vecferry::verifier {
namespace {

constexpr double kRows = 1000;  // with none of them wrong, less than 0.5 % of a table is, by 99 % of all samples
constexpr std::size_t kRowsATime = 100;
constexpr std::size_t kBytesATime = 8 << 20;

// One table's sample.
class TableSample {
 public:
  TableSample(const ContentsInput& input, const ComparedTable& table, core::Findings& findings)
      : input_(input), table_(table), findings_(findings) {}

  absl::Status Run() {
    if (!input_.migration_id.empty()) {
      ASSIGN_OR_RETURN(refused_, LoadRefused(input_.sessions[0], input_.migration_id, table_));
    }
    const auto take = [this](const RuledRow& row) { return Take(row); };
    const auto filter = [](const core::Mapping& mapping, const SourceRow& row) { return IsDrawn(mapping, row); };
    RETURN_IF_ERROR(ForEachRuledRow(input_.source, input_.plan, table_, take, filter));
    RETURN_IF_ERROR(LookUp());
    return Tell();
  }

 private:
  // By the key's hash, which says nothing about where in the table the row stands.
  static bool IsDrawn(const core::Mapping& mapping, const SourceRow& row) {
    const double share = kRows / std::max<double>(1, static_cast<double>(mapping.rows_estimate));
    if (share >= 1) return true;
    return static_cast<double>(Hash128(core::EncodeRecord(row.key)).low) < share * 18446744073709551616.0;  // 2^64
  }

  absl::Status Take(const RuledRow& row) {
    if (!row.ruling.carried) return absl::OkStatus();
    const auto of_mapping = refused_.find(row.mapping.id);
    if (of_mapping != refused_.end() && of_mapping->second.contains(core::EncodeRecord(row.source.key))) {
      return absl::OkStatus();
    }
    bytes_ += row.row.bytes();
    rows_.push_back(row.row);
    return rows_.size() < kRowsATime && bytes_ < kBytesATime ? absl::OkStatus() : LookUp();
  }

  // The rows at hand against those of the same keys.
  absl::Status LookUp() {
    if (rows_.empty()) return absl::OkStatus();
    Sides sides;
    sides.key = table_.key;
    sides.only_source_rows = false;
    sides.source = [this](const RowTaker& take) -> absl::Status {
      for (const RowImage& row : rows_) RETURN_IF_ERROR(take(row));
      return absl::OkStatus();
    };
    const std::string condition = KeysCondition();
    sides.destination.push_back([&](const RowTaker& take) -> absl::Status {
      const std::string from = core::QualifiedName(input_.plan.identity.destination_schema, table_.name);
      return ForEachDestinationRow(input_.sessions[0], from, table_.columns, condition, take);
    });
    ASSIGN_OR_RETURN(const Outcome outcome, Compare(sides));
    for (const DifferentRow& row : outcome.rows) {
      RETURN_IF_ERROR(findings_.Tell(DescribeRow(table_.name, table_.columns, table_.key, row)));
    }
    compared_ += outcome.source_rows;
    missing_ += outcome.missing;
    differing_ += outcome.differing;
    rows_.clear();
    bytes_ = 0;
    return absl::OkStatus();
  }

  // (a, b) IN (VALUES (1, 'x'), ...)
  std::string KeysCondition() const {
    std::vector<std::string> names, keys;
    for (const int field : table_.key) {
      names.push_back(core::QuoteIdentifier(table_.columns[static_cast<std::size_t>(field)].name));
    }
    for (const RowImage& row : rows_) {
      std::vector<std::string> values;
      for (const int field : table_.key) {
        values.push_back(SqlLiteral(table_.columns[static_cast<std::size_t>(field)].type, row.field(field),
                                    input_.plan.extension_schema));
      }
      keys.push_back(absl::StrCat("(", absl::StrJoin(values, ", "), ")"));
    }
    return absl::StrCat("(", absl::StrJoin(names, ", "), ") IN (VALUES ", absl::StrJoin(keys, ", "), ")");
  }

  absl::Status Tell() {
    const bool equal = missing_ + differing_ == 0;
    core::CheckReport check{"rows_equal", table_.name, equal ? "pass" : "fail"};
    check.expected = absl::StrCat(compared_, " sampled rows");
    check.actual =
        equal ? absl::StrCat(compared_, " equal") : absl::StrCat(missing_, " missing, ", differing_, " differing");
    check.evidence = absl::StrCat("a sample by the source keys' hashes, every value of ", table_.columns.size(),
                                  " columns, looked up by key");
    return findings_.Tell(check);
  }

  const ContentsInput& input_;
  const ComparedTable& table_;
  core::Findings& findings_;
  RefusedByMapping refused_;
  std::vector<RowImage> rows_;
  std::size_t bytes_ = 0;
  std::int64_t compared_ = 0, missing_ = 0, differing_ = 0;
};

}  // namespace

absl::Status CheckSample(const ContentsInput& input, core::Findings& findings) {
  postgres::Connection& session = input.sessions[0];
  RETURN_IF_ERROR(session.ExecuteScript("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  for (const std::string& name : MappedTables(input.plan)) {
    if (input.unreadable.contains(name)) continue;
    ASSIGN_OR_RETURN(const ComparedTable table, LayOutTable(session, input.plan, name));
    RETURN_IF_ERROR(TableSample(input, table, findings).Run());
  }
  return session.ExecuteScript("COMMIT");
}

}  // namespace vecferry::verifier
