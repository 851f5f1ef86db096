#ifndef VECFERRY_READER_WORKER_READER_METRICS_H_
#define VECFERRY_READER_WORKER_READER_METRICS_H_

#include "common/telemetry/metrics.h"

namespace vecferry::reader {

// What a reader counts, over all its streams. Rows that are sent again, since their commit was not told, count again.
// Thread-safe; the registry must outlive it.
struct ReaderMetrics {
  explicit ReaderMetrics(prometheus::Registry& registry)
      : leases(registry, "vecferry_reader_leases", "Leases that are being carried."),
        batches(registry, "vecferry_reader_batches_total", "Batches sent."),
        rows(registry, "vecferry_reader_rows_total", "Source rows read whose batch is sent, carried or not."),
        bytes(registry, "vecferry_reader_bytes_total", "Bytes held of the batches sent."),
        issues(registry, "vecferry_reader_issues_total", "Row issues sent.") {}

  telemetry::Gauge leases;
  telemetry::Counter batches, rows, bytes, issues;
};

}  // namespace vecferry::reader

#endif  // VECFERRY_READER_WORKER_READER_METRICS_H_
