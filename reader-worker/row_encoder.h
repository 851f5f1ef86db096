#ifndef VECFERRY_READER_WORKER_ROW_ENCODER_H_
#define VECFERRY_READER_WORKER_ROW_ENCODER_H_

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "absl/types/span.h"
#include "common/convert/convert.h"
#include "common/core/migration.h"
#include "common/core/plan.h"
#include "common/pgcopy/tuple.h"
#include "reader-worker/moved_values.h"

namespace vecferry::reader {

// One row as the cursor stands on it. Borrowed until the cursor moves.
struct SourceRow {
  absl::Span<const core::ValueView> key;     // values of SourceKey::expressions
  absl::Span<const core::ValueView> inputs;  // values of Mapping::inputs
};

struct EncodedRow {
  bool carried = false;        // a tuple was appended
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

  // {column: value} of the declared key; "" when rows are known by their rowid alone.
  std::string ReportedKey(const SourceRow& row) const;

 private:
  // Why the whole row stays behind; kind empty = it does not.
  struct Refusal {
    absl::string_view kind;
    std::string column, reason;
  };
  struct Work;

  Refusal RefuseUnseen(const SourceRow& row, const std::string& key_record) const;
  Refusal EncodeColumns(Work& work);
  Refusal EncodeColumn(const core::Column& column, Work& work);
  Refusal EncodeNull(const core::Column& column, Work& work);
  Refusal EncodeNatural(const core::Column& column, const core::ValueView& value, Work& work);
  Refusal EncodeId(const core::Column& column, const core::ValueView& value, Work& work);
  void EncodeMainVector(const core::Column& column, const core::ValueView& value, Work& work);
  Refusal EncodeFallback(const core::Column& column, absl::string_view kind, const std::string& reason, Work& work);
  convert::Outcome Convert(const core::Column& column, const core::ValueView& value, Work& work);
  bool IsKey(const core::Column& column) const;
  void Repair(const core::Column& column, absl::string_view kind, std::string reason, Work& work) const;
  core::RowIssue MakeIssue(const SourceRow& row, const std::string& key_record) const;
  core::RowIssue MakeRejection(const SourceRow& row, const std::string& key_record, Refusal refusal) const;

  const core::Mapping& mapping_;
  const std::int64_t row_bytes_max_;
  const std::unordered_set<std::string> duplicates_;
  const bool keeps_metadata_;
  std::vector<bool> is_key_;  // by column
  MovedValues moved_;
};

}  // namespace vecferry::reader

#endif  // VECFERRY_READER_WORKER_ROW_ENCODER_H_
