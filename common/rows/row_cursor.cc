#include "common/rows/row_cursor.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/sqlite/schema.h"

namespace vecferry::rows {
namespace {

constexpr std::int64_t kNumberBytes = 8;

absl::Status InTable(const absl::Status& status, const std::string& table) {
  return absl::Status(status.code(), absl::StrCat("reading table ", core::SanitizeText(table), ": ", status.message()));
}

}  // namespace

SourceRow MakeSourceRow(absl::Span<const core::ValueView> key, absl::Span<const core::ValueView> inputs) {
  SourceRow row{key, inputs, {}, 0};
  for (const core::ValueView& value : row.inputs) {
    const bool has_bytes = value.storage == core::StorageClass::kText || value.storage == core::StorageClass::kBlob;
    row.bytes += has_bytes ? static_cast<std::int64_t>(value.bytes.size()) : kNumberBytes;
  }
  row.hash = core::HashRow(row.inputs);
  return row;
}

absl::StatusOr<RowCursor> RowCursor::Open(sqlite::Database& source, const core::Mapping& mapping,
                                          const KeyRange& range) {
  ASSIGN_OR_RETURN(const sqlite::RangeQuery query,
                   sqlite::MakeRangeQuery(mapping, range.lower, range.upper, range.after, range.through));
  absl::StatusOr<sqlite::Statement> rows = source.Prepare(query.sql);
  if (!rows.ok()) return InTable(rows.status(), mapping.source_table);
  for (std::size_t i = 0; i < query.parameters.size(); ++i) {
    rows->Bind(static_cast<int>(i) + 1, query.parameters[i].view());
  }
  return RowCursor(*std::move(rows), mapping.source_table, mapping.key.expressions.size());
}

absl::StatusOr<bool> RowCursor::Next() {
  const absl::StatusOr<bool> more = rows_.Step();
  if (!more.ok()) return InTable(more.status(), table_);
  if (!*more) return false;
  for (std::size_t i = 0; i < values_.size(); ++i) values_[i] = rows_.Column(static_cast<int>(i));
  return true;
}

SourceRow RowCursor::row() const {
  const absl::Span<const core::ValueView> values(values_);
  return MakeSourceRow(values.subspan(0, key_columns_), values.subspan(key_columns_));
}

void RowCursor::SeekTo(absl::Span<const core::ValueView> key) {
  rows_.Reset();
  for (std::size_t i = 0; i < key.size(); ++i) {
    rows_.Bind(static_cast<int>(i) + 1, key[i]);
    rows_.Bind(static_cast<int>(key.size() + i) + 1, key[i]);
  }
}

}  // namespace vecferry::rows
