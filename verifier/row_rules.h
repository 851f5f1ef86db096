#ifndef VECFERRY_VERIFIER_ROW_RULES_H_
#define VECFERRY_VERIFIER_ROW_RULES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/core/plan.h"
#include "common/core/value.h"
#include "verifier/canonical.h"
#include "verifier/row_image.h"

namespace vecferry::verifier {

// A change that a row is carried with: one issue. `input` is the mapping's input that it is told of.
struct ExpectedRepair {
  int input = 0;
  absl::string_view kind;
};

// What must become of a source row.
struct Ruling {
  bool carried = false;
  std::string kind;  // !carried: why
  std::vector<ExpectedRepair> repairs;
  int values_rounded = 0;
};

// The verifier's own statement of what a mapping makes of a source row (docs/interface.md section 4,
// docs/conversions.md, common/core/plan.h). Keeps buffers between rows. Not thread-safe; the mapping must outlive it.
class RowRules {
 public:
  RowRules(const core::Mapping& mapping, std::int64_t row_bytes_max);

  // Rules on a row of these values: of SourceKey::expressions and of Mapping::inputs. `row` becomes the destination's
  // columns in the mapping's order when the row is carried. Borrowed until the next call.
  const Ruling& RuleOn(absl::Span<const core::ValueView> key, absl::Span<const core::ValueView> inputs, RowImage& row);

 private:
  struct Prepared {
    const core::Column& column;
    bool is_key = false;
    // Canonical; a text that the type cannot hold is none.
    std::optional<std::string> fallback, null_value;
  };

  bool IsRuledOut(absl::Span<const core::ValueView> key, absl::Span<const core::ValueView> inputs);
  bool AddField(const Prepared& prepared, absl::Span<const core::ValueView> inputs, RowImage& row);
  bool AddNull(const Prepared& prepared, absl::Span<const core::ValueView> inputs, RowImage& row);
  bool AddFallback(const Prepared& prepared, absl::string_view kind, absl::Span<const core::ValueView> inputs,
                   RowImage& row);
  void AddId(const Prepared& prepared, const core::ValueView& value, RowImage& row);
  void AddMetadata(RowImage& row);
  void AddRowHash(absl::Span<const core::ValueView> inputs, RowImage& row);
  Reading Read(const core::Column& column, const core::ValueView& value, RowImage& row);
  void Repair(const core::Column& column, absl::string_view kind);
  bool Reject(absl::string_view kind);

  const core::Mapping& mapping_;
  const std::int64_t row_bytes_max_;
  const std::unordered_set<std::string> duplicates_;
  std::vector<Prepared> columns_;
  Ruling ruling_;
  // What this row's metadata column must hold: JSON text by name.
  std::map<std::string, std::string> moved_;
};

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_ROW_RULES_H_
