#include "common/profile/duplicates.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/convert/convert.h"
#include "common/core/record.h"
#include "common/profile/source.h"

namespace vecferry::profile {
namespace {

using core::Conversion;
using core::PgKind;
using core::StorageClass;

constexpr std::size_t kHashesMax = 2'000'000;      // 32 MiB in memory at once; more are looked up in several passes
constexpr std::size_t kDuplicatesMax = 1'000'000;  // they stand in the plan

struct Hash {
  std::uint64_t high, low;
  auto operator<=>(const Hash&) const = default;
};

bool IsCanonicalUuid(absl::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (hyphen ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

// The one form of a destination value that no other source value shares with another canonical one.
bool IsCanonical(const core::ValueView& value, const core::Column& column, convert::Fidelity fidelity) {
  if (column.type.kind == PgKind::kUuid) return value.storage == StorageClass::kText && IsCanonicalUuid(value.bytes);
  if (fidelity != convert::Fidelity::kExact) return false;
  switch (column.type.kind) {
    case PgKind::kText: return value.storage == StorageClass::kText;
    case PgKind::kBytea: return value.storage == StorageClass::kBlob;
    case PgKind::kInt2:
    case PgKind::kInt4:
    case PgKind::kInt8:
    case PgKind::kNumeric: return value.storage == StorageClass::kInteger;
    case PgKind::kBool: return value.storage == StorageClass::kInteger;
    case PgKind::kFloat8: return value.storage == StorageClass::kReal;
    default: return false;
  }
}

// Reads the key of each row as the destination will have it.
class KeyReader {
 public:
  // `ordered`: by source key. Without it SQLite may answer from an index alone.
  static absl::StatusOr<KeyReader> Open(const PlanInput& input, const core::Mapping& mapping,
                                        const std::vector<const core::Column*>& columns, bool ordered) {
    std::vector<std::string> selected = mapping.key.expressions;
    for (const core::Column* column : columns) selected.push_back(mapping.inputs[column->input].sql);
    std::string sql = absl::StrCat("SELECT ", absl::StrJoin(selected, ", "), " FROM ", mapping.from_sql);
    if (ordered) absl::StrAppend(&sql, " ORDER BY ", absl::StrJoin(mapping.key.expressions, ", "));
    ASSIGN_OR_RETURN(sqlite::Statement rows, input.source.Prepare(sql));
    return KeyReader(std::move(rows), static_cast<int>(mapping.key.expressions.size()), columns);
  }

  // False at the end. Rows without a key (NULL, or nothing that the type holds) are passed over.
  absl::StatusOr<bool> Next() {
    while (true) {
      ASSIGN_OR_RETURN(const bool row, rows_.Step());
      if (!row) return false;
      if (Convert()) return true;
    }
  }
  bool canonical() const { return canonical_; }
  Hash hash() const {
    const core::ValueView value = core::ValueView::Blob(bytes_);
    const core::Sum128 sum = core::HashRow(absl::MakeConstSpan(&value, 1));
    return {sum.high, sum.low};
  }
  std::string source_key() const {
    std::vector<core::ValueView> values;
    for (int i = 0; i < key_columns_; ++i) values.push_back(rows_.Column(i));
    return core::EncodeRecord(values);
  }

 private:
  KeyReader(sqlite::Statement rows, int key_columns, std::vector<const core::Column*> columns)
      : rows_(std::move(rows)), key_columns_(key_columns), columns_(std::move(columns)) {}

  bool Convert() {
    bytes_.clear();
    canonical_ = true;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const core::Column& column = *columns_[i];
      core::ValueView value = rows_.Column(key_columns_ + static_cast<int>(i));
      if (value.is_null() && column.null_value) value = core::ValueView::Text(*column.null_value);
      field_.clear();
      const bool id = column.conversion == Conversion::kId || column.conversion == Conversion::kIdReference ||
                      column.conversion == Conversion::kIdMention;
      convert::Outcome outcome = id ? convert::ToId(value, field_) : convert::Convert(value, column.type, field_);
      const bool missing =
          outcome.fidelity == convert::Fidelity::kNull || outcome.fidelity == convert::Fidelity::kUnfit;
      if (missing) {
        if (!column.fallback) return false;
        field_.clear();
        convert::Convert(core::ValueView::Text(*column.fallback), column.type, field_);
      }
      canonical_ = canonical_ && !missing && IsCanonical(value, column, outcome.fidelity);
      absl::StrAppend(&bytes_, field_.size(), ":", field_);
    }
    return true;
  }

  sqlite::Statement rows_;
  int key_columns_;
  std::vector<const core::Column*> columns_;
  std::string bytes_, field_;
  bool canonical_ = true;
};

// One pass: hashes of the keys, of those whose hash falls into `part` of `parts`, that another row may share.
absl::StatusOr<std::vector<Hash>> CollectSuspects(KeyReader rows, bool all, std::uint64_t part, std::uint64_t parts) {
  std::vector<Hash> suspects;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, rows.Next());
    if (!row) break;
    if (!all && rows.canonical()) continue;
    const Hash hash = rows.hash();
    if (hash.low % parts == part) suspects.push_back(hash);
  }
  std::sort(suspects.begin(), suspects.end());
  suspects.erase(std::unique(suspects.begin(), suspects.end()), suspects.end());
  return suspects;
}

absl::StatusOr<std::size_t> CountSuspects(KeyReader rows, bool all) {
  std::size_t count = 0;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, rows.Next());
    if (!row) return count;
    count += all || !rows.canonical() ? 1 : 0;
  }
}

absl::Status CollectDuplicates(KeyReader rows, const std::vector<Hash>& suspects, const core::Mapping& mapping,
                               std::set<std::string>& duplicates) {
  std::vector<bool> seen(suspects.size());
  while (true) {
    ASSIGN_OR_RETURN(const bool row, rows.Next());
    if (!row) return absl::OkStatus();
    const Hash hash = rows.hash();
    const auto found = std::lower_bound(suspects.begin(), suspects.end(), hash);
    if (found == suspects.end() || *found != hash) continue;
    const std::size_t at = static_cast<std::size_t>(found - suspects.begin());
    if (seen[at]) duplicates.insert(rows.source_key());
    seen[at] = true;
    if (duplicates.size() > kDuplicatesMax) {
      return absl::FailedPreconditionError(
          absl::StrCat("table ", mapping.source_table, ": over ", kDuplicatesMax,
                       " rows have a key that another row has too, once converted; leave the table out with --skip ",
                       mapping.source_table));
    }
  }
}

absl::Status FindFor(const PlanInput& input, const std::vector<const core::Column*>& columns, bool all,
                     const core::Mapping& mapping, std::set<std::string>& duplicates) {
  ASSIGN_OR_RETURN(KeyReader counted, KeyReader::Open(input, mapping, columns, false));
  ASSIGN_OR_RETURN(const std::size_t count, CountSuspects(std::move(counted), all));
  if (count == 0) return absl::OkStatus();
  const std::uint64_t parts = count / kHashesMax + 1;
  for (std::uint64_t part = 0; part < parts; ++part) {
    ASSIGN_OR_RETURN(KeyReader collected, KeyReader::Open(input, mapping, columns, false));
    ASSIGN_OR_RETURN(const std::vector<Hash> suspects, CollectSuspects(std::move(collected), all, part, parts));
    ASSIGN_OR_RETURN(KeyReader matched, KeyReader::Open(input, mapping, columns, true));
    RETURN_IF_ERROR(CollectDuplicates(std::move(matched), suspects, mapping, duplicates));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status FindDuplicates(const PlanInput& input, const sqlite::SourceTable& table,
                            const std::vector<std::vector<std::string>>& unique_keys, core::Mapping& mapping) {
  std::set<std::string> duplicates;
  for (const std::vector<std::string>& key : unique_keys) {
    std::vector<const core::Column*> columns;
    std::vector<std::string> source_columns;
    bool numbers_only = true;
    bool by_content = false;
    for (const core::Column& column : mapping.columns) {
      if (std::find(key.begin(), key.end(), column.name) == key.end()) continue;
      if (column.input < 0) {
        by_content = true;
        continue;
      }
      columns.push_back(&column);
      source_columns.push_back(mapping.inputs[column.input].source_column);
      const sqlite::SourceColumn* source = FindColumn(table, source_columns.back());
      numbers_only = numbers_only && column.type.kind == PgKind::kInt8 && source != nullptr &&
                     source->primary_key == 1 && PrimaryKey(table).size() == 1 && mapping.key.is_rowid;
    }
    const bool unique = IsUniqueBy(table, source_columns);
    // Neither the hash of a row's content nor an INTEGER PRIMARY KEY repeats.
    if (by_content || columns.empty() || (numbers_only && unique)) continue;
    RETURN_IF_ERROR(FindFor(input, columns, !unique, mapping, duplicates));
  }
  mapping.duplicates.assign(duplicates.begin(), duplicates.end());
  return absl::OkStatus();
}

}  // namespace vecferry::profile
