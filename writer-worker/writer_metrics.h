#ifndef VECFERRY_WRITER_WORKER_WRITER_METRICS_H_
#define VECFERRY_WRITER_WORKER_WRITER_METRICS_H_

#include "common/telemetry/metrics.h"

namespace vecferry::writer {

// What a writer counts, over all its streams. Thread-safe; the registry must outlive it.
struct WriterMetrics {
  explicit WriterMetrics(prometheus::Registry& registry)
      : streams(registry, "vecferry_writer_streams", "Open streams, each with a connection to Postgres."),
        batches(registry, "vecferry_writer_batches_total", "Batches committed."),
        rows(registry, "vecferry_writer_rows_total", "Source rows whose batch is committed, carried or not."),
        bytes(registry, "vecferry_writer_bytes_total", "Bytes held of the batches committed."),
        rejected(registry, "vecferry_writer_rejected_rows_total", "Rows that became rejections."),
        commit_seconds(registry, "vecferry_writer_commit_seconds",
                       "Seconds from a commit group's last batch to the end of its transaction.") {}

  telemetry::Gauge streams;
  telemetry::Counter batches, rows, bytes, rejected;
  telemetry::LatencyHistogram commit_seconds;
};

}  // namespace vecferry::writer

#endif  // VECFERRY_WRITER_WORKER_WRITER_METRICS_H_
