#ifndef VECFERRY_COMMON_ROWS_ROW_ENCODER_H_
#define VECFERRY_COMMON_ROWS_ROW_ENCODER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "common/convert/convert.h"
#include "common/core/migration.h"
#include "common/core/plan.h"
#include "common/pgcopy/tuple.h"
#include "common/rows/moved_values.h"
#include "common/rows/row_cursor.h"

namespace vecferry::rows {

struct EncodedRow {
  bool carried = false;  // a tuple was appended
  bool repaired = false;
  std::uint64_t values_rounded = 0;
};

// Writes rows of one mapping as COPY tuples, by the rules of interface section 4: a value that its column cannot hold
// costs that value, a row that cannot be carried costs that row; both become issues. Keeps buffers between rows.
// Not thread-safe. The mapping must outlive it.
class RowEncoder {
 public:
  RowEncoder(const core::Mapping& mapping, std::int64_t row_bytes_max);

  // Appends the row's tuple to `tuples` and what befell it to `issues`; a rejected row leaves one issue and no tuple.
  EncodedRow Encode(const SourceRow& row, const std::string& key_record, std::string& tuples,
                    std::vector<core::RowIssue>& issues);

  // Whether Encode would reject the row, at the cost of its key columns.
  bool Rejects(const SourceRow& row, const std::string& key_record);

 private:
  // Why the whole row stays behind; kind empty = it does not.
  struct Refusal {
    absl::string_view kind;
    std::string column, reason;
  };
  // A column with what the constructor worked out.
  struct Prepared {
    const core::Column& column;
    bool is_key = false;
    bool may_reject = false;
    // Wire bytes. A fallback that the type cannot hold is none.
    std::optional<std::string> fallback, null_value;
  };
  struct Work;

  Refusal RefuseUnseen(const SourceRow& row, const std::string& key_record) const;
  // As EncodeColumn; a key column that makes the row's key longer than an index entry may be is refused.
  Refusal EncodeWithinKey(const Prepared& prepared, Work& work);
  Refusal EncodeColumn(const Prepared& prepared, Work& work);
  Refusal EncodeNull(const Prepared& prepared, Work& work);
  Refusal EncodeNatural(const Prepared& prepared, const core::ValueView& value, Work& work);
  Refusal EncodeFallback(const Prepared& prepared, absl::string_view kind, const std::string& reason, Work& work);
  void EncodeId(const Prepared& prepared, const core::ValueView& value, Work& work);
  void EncodeMainVector(const Prepared& prepared, const core::ValueView& value, Work& work);
  void EncodeMetadata(Work& work);
  convert::Outcome Convert(const core::Column& column, const core::ValueView& value, Work& work);
  convert::Outcome ConvertBoundedText(const core::Column& column, const core::ValueView& value, Work& work);
  void Repair(const core::Column& column, absl::string_view kind, std::string reason, Work& work) const;
  const std::string& SourceColumn(const core::Column& column) const;

  const core::Mapping& mapping_;
  const std::int64_t row_bytes_max_;
  const std::unordered_set<std::string> duplicates_;
  const bool keeps_metadata_;
  std::vector<Prepared> columns_;
  MovedValues moved_;
  std::string unused_tuple_;  // Rejects writes here
  std::vector<core::RowIssue> unused_issues_;
};

}  // namespace vecferry::rows

#endif  // VECFERRY_COMMON_ROWS_ROW_ENCODER_H_
