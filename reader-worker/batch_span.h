#ifndef VECFERRY_READER_WORKER_BATCH_SPAN_H_
#define VECFERRY_READER_WORKER_BATCH_SPAN_H_

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/rpc/clients.h"
#include "common/telemetry/tracing.h"

namespace vecferry::reader {

// How long the rows of one batch took to be read, and to be converted.
struct BatchTimes {
  absl::Duration read, convert;
};

// Adds what `call` takes to `*spent`. Two looks at the clock for each row are for batches that are told: for others
// `spent` is nullptr.
template <typename Call>
auto Timed(absl::Duration* spent, Call call) {
  if (spent == nullptr) return call();
  const absl::Time begin = absl::Now();
  auto result = call();
  *spent += absl::Now() - begin;
  return result;
}

// A batch, from its first row until it is sent, as a span below the current one, with `read` and `convert` below it.
// These two alternate row by row; they are told one behind the other, with what each took in sum.
class BatchSpan {
 public:
  // Tells nothing.
  BatchSpan() = default;
  static BatchSpan Start();

  // nullptr when nothing is told.
  BatchTimes* times() { return span_.recording() ? &times_ : nullptr; }
  // What came of reading it.
  void Describe(const absl::StatusOr<rpc::Batch>& batch);

 private:
  absl::Time begin_;
  BatchTimes times_;
  telemetry::Span span_;
};

}  // namespace vecferry::reader

#endif  // VECFERRY_READER_WORKER_BATCH_SPAN_H_
