#ifndef VECFERRY_WRITER_WORKER_WRITER_METRICS_H_
#define VECFERRY_WRITER_WORKER_WRITER_METRICS_H_

#include "common/telemetry/metrics.h"

namespace vecferry::writer {

// What a writer counts, over all its streams. Thread-safe; the registry must outlive it.
struct WriterMetrics {
  explicit WriterMetrics(prometheus::Registry& registry)
      : streams(registry, "vecferry_writer_streams", "Open streams, each with a connection to Postgres."),
        queue_bytes(registry, "vecferry_writer_queue_bytes",
                    "Bytes received and not yet sent to Postgres, of all streams."),
        batches(registry, "vecferry_writer_batches_total", "Batches committed."),
        rows(registry, "vecferry_writer_rows_total", "Source rows whose batch is committed, carried or not."),
        bytes(registry, "vecferry_writer_bytes_total", "Bytes held of the batches committed."),
        rejected(registry, "vecferry_writer_rejected_rows_total", "Rows that became rejections."),
        copy_seconds(registry, "vecferry_writer_copy_seconds",
                     "Seconds from a commit group's first tuples sent to Postgres to its last batch."),
        commit_seconds(registry, "vecferry_writer_commit_seconds",
                       "Seconds from a commit group's last batch to the end of its transaction.") {}

  telemetry::Gauge streams, queue_bytes;
  telemetry::Counter batches, rows, bytes, rejected;
  telemetry::LatencyHistogram copy_seconds, commit_seconds;
};

}  // namespace vecferry::writer

#endif  // VECFERRY_WRITER_WORKER_WRITER_METRICS_H_
