#include "verifier/expected_rows.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace vecferry::verifier {
namespace {

using core::ValueView;

// A mapping that is not counted carries rows a second time: what is wrong with them is told where they are counted.
// Its rows are read by the counted mapping's query, which holds all that both need.
class SecondRows {
 public:
  static absl::StatusOr<SecondRows> Make(const core::Mapping& second, const core::Mapping& counted,
                                         std::int64_t row_bytes_max) {
    SecondRows rows(counted, row_bytes_max);
    for (const core::Input& input : second.inputs) {
      const auto same = std::find_if(counted.inputs.begin(), counted.inputs.end(),
                                     [&](const core::Input& candidate) { return candidate.sql == input.sql; });
      if (same == counted.inputs.end() || second.from_sql != counted.from_sql) {
        return absl::InternalError(
            absl::StrCat("the plan's mapping ", counted.id, " lacks an input of mapping ", second.id));
      }
      rows.places_.push_back(static_cast<std::size_t>(same - counted.inputs.begin()));
    }
    rows.inputs_.resize(rows.places_.size());
    return rows;
  }

  absl::Span<const ValueView> Inputs(const SourceRow& row) {
    for (std::size_t i = 0; i < places_.size(); ++i) inputs_[i] = row.inputs[places_[i]];
    return inputs_;
  }

  // What the counted mapping says of the row.
  const Ruling& RuleOnCounted(const SourceRow& row) { return rules_.RuleOn(row.key, row.inputs, unused_); }

  bool Tells(const Ruling& counted, const core::Input& input) const {
    return std::any_of(counted.repairs.begin(), counted.repairs.end(), [&](const ExpectedRepair& repair) {
      return counted_->inputs[static_cast<std::size_t>(repair.input)].source_column == input.source_column;
    });
  }

 private:
  SecondRows(const core::Mapping& counted, std::int64_t row_bytes_max)
      : counted_(&counted), rules_(counted, row_bytes_max) {}

  const core::Mapping* counted_;
  RowRules rules_;
  std::vector<std::size_t> places_;
  std::vector<ValueView> inputs_;
  RowImage unused_;
};

void Arrange(const Filling& filling, const RowImage& mapped, RowImage& row) {
  row.Clear();
  for (std::size_t i = 0; i < filling.places.size(); ++i) {
    const int place = filling.places[i];
    std::optional<absl::string_view> value;
    if (place >= 0) {
      value = mapped.field(place);
    } else if (filling.constants[i]) {
      value = *filling.constants[i];
    }
    value ? row.Add(*value) : row.AddNull();
  }
}

absl::Status ForEachOf(sqlite::SnapshotConnection& source, const core::Plan& plan, const Filling& filling,
                       const std::function<absl::Status(const RuledRow&)>& take, const RowFilter& filter) {
  const core::Mapping& mapping = *filling.mapping;
  const std::int64_t row_bytes_max = plan.identity.max_row_bytes;
  std::optional<SecondRows> second;
  const core::Mapping* read = &mapping;
  if (!mapping.counted && mapping.counted_by >= 0) {
    read = &plan.mappings[static_cast<std::size_t>(mapping.counted_by)];
    ASSIGN_OR_RETURN(SecondRows made, SecondRows::Make(mapping, *read, row_bytes_max));
    second.emplace(std::move(made));
  }
  RowRules rules(mapping, row_bytes_max);
  RowImage mapped, arranged;
  return ForEachSourceRow(source, *read, [&](const SourceRow& row) -> absl::Status {
    if (filter != nullptr && !filter(mapping, row)) return absl::OkStatus();
    const SourceRow own{row.key, second ? second->Inputs(row) : row.inputs};
    const Ruling* ruling = &rules.RuleOn(own.key, own.inputs, mapped);
    bool told_elsewhere = false;
    Ruling rest;
    if (second) {
      const Ruling& counted = second->RuleOnCounted(row);
      told_elsewhere = !counted.carried;
      rest = *ruling;
      if (told_elsewhere) rest.carried = false;
      std::erase_if(rest.repairs, [&](const ExpectedRepair& repair) {
        return second->Tells(counted, mapping.inputs[static_cast<std::size_t>(repair.input)]);
      });
      ruling = &rest;
    }
    if (ruling->carried && !filling.same_order) Arrange(filling, mapped, arranged);
    return take({mapping, own, *ruling, told_elsewhere, filling.same_order ? mapped : arranged});
  });
}

}  // namespace

absl::Status ForEachRuledRow(sqlite::SnapshotConnection& source, const core::Plan& plan, const ComparedTable& table,
                             const std::function<absl::Status(const RuledRow&)>& take, const RowFilter& filter) {
  for (const Filling& filling : table.fillings) RETURN_IF_ERROR(ForEachOf(source, plan, filling, take, filter));
  return absl::OkStatus();
}

}  // namespace vecferry::verifier
