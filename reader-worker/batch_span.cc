#include "reader-worker/batch_span.h"

namespace vecferry::reader {

BatchSpan BatchSpan::Start() {
  BatchSpan batch;
  batch.begin_ = absl::Now();
  batch.span_ = telemetry::Span::StartAt(batch.begin_, "batch", telemetry::CurrentTraceparent());
  return batch;
}

void BatchSpan::Describe(const absl::StatusOr<rpc::Batch>& batch) {
  if (!span_.recording()) return;
  const absl::Time converted_from = begin_ + times_.read;
  telemetry::Span::Tell("read", span_.traceparent(), telemetry::SpanKind::kInternal, begin_, converted_from);
  telemetry::Span::Tell("convert", span_.traceparent(), telemetry::SpanKind::kInternal, converted_from,
                        converted_from + times_.convert);
  span_.Fail(batch.status());
  if (!batch.ok()) return;
  span_.Set("vecferry.batch.sequence", batch->sequence);
  span_.Set("vecferry.rows", batch->rows_read);
  span_.Set("vecferry.bytes", batch->tuples.size());
}

}  // namespace vecferry::reader
