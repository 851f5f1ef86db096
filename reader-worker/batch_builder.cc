#include "reader-worker/batch_builder.h"

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "common/core/record.h"
#include "common/rows/row_issue.h"

namespace vecferry::reader {

BatchBuilder::BatchBuilder(const core::Mapping& mapping, std::int64_t row_bytes_max, const BatchLimits& limits,
                           const rpc::StreamPosition& begin, CountedRows* counted)
    : mapping_(mapping), limits_(limits), encoder_(mapping, row_bytes_max), counted_(counted) {
  batch_.sequence = begin.next_sequence;
  batch_.key_before_first = begin.last_key;
  batch_.last_key = begin.last_key;
}

bool BatchBuilder::IsFullFor(const rows::SourceRow& row) const {
  if (batch_.rows_read == 0) return false;
  return batch_.rows_read >= limits_.rows_max || bytes_ + static_cast<std::size_t>(row.bytes) > limits_.bytes_max;
}

absl::Status BatchBuilder::Add(const rows::SourceRow& row) {
  std::string key_record = core::EncodeRecord(row.key);
  ++batch_.rows_read;
  batch_.source_sum += row.hash;
  bool carries = true;
  if (counted_ != nullptr) {
    ASSIGN_OR_RETURN(carries, counted_->Carries(row.key, key_record));
  }
  if (carries) {
    AddEncoded(row, key_record);
  } else {
    ++batch_.rows_rejected;  // told where it is counted
  }
  batch_.last_key = std::move(key_record);
  return absl::OkStatus();
}

void BatchBuilder::AddEncoded(const rows::SourceRow& row, const std::string& key_record) {
  const std::size_t tuple_at = batch_.tuples.size(), issues_at = batch_.issues.size();
  const rows::EncodedRow encoded = encoder_.Encode(row, key_record, batch_.tuples, batch_.issues);
  if (counted_ != nullptr) DropToldIssues(issues_at, key_record);
  for (std::size_t i = issues_at; i < batch_.issues.size(); ++i) bytes_ += batch_.issues[i].raw.size();
  batch_.values_rounded += encoded.values_rounded;
  if (!encoded.carried) {
    ++batch_.rows_rejected;
    return;
  }
  batch_.rows_repaired += encoded.repaired ? 1 : 0;
  batch_.tuple_bytes.push_back(static_cast<std::uint32_t>(batch_.tuples.size() - tuple_at));
  batch_.sources.push_back({key_record, ReportedKey(mapping_, row), encoded.repaired});
  bytes_ += batch_.tuples.size() - tuple_at;
}

void BatchBuilder::DropToldIssues(std::size_t first, const std::string& key_record) {
  const auto begin = batch_.issues.begin() + static_cast<std::ptrdiff_t>(first);
  batch_.issues.erase(
      std::remove_if(begin, batch_.issues.end(),
                     [&](const core::RowIssue& issue) { return counted_->Tells(issue.column, key_record); }),
      batch_.issues.end());
}

rpc::Batch BatchBuilder::Take(bool end_of_shard) {
  batch_.end_of_shard = end_of_shard;
  rpc::Batch taken = std::exchange(batch_, {});
  batch_.sequence = taken.sequence + 1;
  batch_.key_before_first = taken.last_key;
  batch_.last_key = taken.last_key;
  // The next batch will be about as large: no growing by copies.
  batch_.tuples.reserve(std::min(taken.tuples.size(), limits_.bytes_max));
  bytes_ = 0;
  return taken;
}

}  // namespace vecferry::reader
