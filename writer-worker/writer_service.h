#ifndef VECFERRY_WRITER_WORKER_WRITER_SERVICE_H_
#define VECFERRY_WRITER_WORKER_WRITER_SERVICE_H_

#include <memory>

#include "absl/time/time.h"
#include "common/postgres/connection.h"
#include "common/telemetry/metrics.h"

namespace grpc {
class Service;
}

namespace vecferry::writer {

struct WriterOptions {
  // Bytes of tuples that one transaction commits. Larger groups amortise commits; a refused one is taken apart in
  // memory, so each stream may hold this much, the queue and one batch more.
  std::size_t commit_group_bytes = 16 << 20;
  absl::Duration commit_group_time = absl::Seconds(1);
  // Bytes received and not yet sent to Postgres, per stream. Beyond it the stream is not read: back-pressure.
  std::size_t queue_bytes_max = 4 << 20;
  std::size_t all_queues_bytes_max = 256 << 20;   // of all streams together; 64 of them fill it
  int streams_max = 2;                            // more are RESOURCE_EXHAUSTED, with numbers
  absl::Duration lease_time = absl::Seconds(30);  // a session idle in its transaction for longer is ended
  std::shared_ptr<prometheus::Registry> registry = telemetry::MakeRegistry();  // takes the service's metrics
};

// WriterService (proto/vecferry/v1/writer.proto): one connection and one transaction per stream; relays tuples to COPY
// without decoding them; rows, issues and checkpoint commit together; the answer follows the commit. Thread-safe.
class WriterService {
 public:
  virtual ~WriterService() = default;
  virtual grpc::Service* service() = 0;  // to register at a server; lives as long as this object
  // Lets each stream commit what it has, then ends it with UNAVAILABLE; past `deadline` cancels statements.
  virtual void Drain(absl::Time deadline) = 0;
};
std::unique_ptr<WriterService> MakeWriterService(const WriterOptions& options, postgres::ConnectionResolver resolver);

}  // namespace vecferry::writer

#endif  // VECFERRY_WRITER_WORKER_WRITER_SERVICE_H_
