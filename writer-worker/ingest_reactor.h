#ifndef VECFERRY_WRITER_WORKER_INGEST_REACTOR_H_
#define VECFERRY_WRITER_WORKER_INGEST_REACTOR_H_

#include <grpcpp/support/server_callback.h>

#include <cstddef>
#include <deque>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "vecferry/v1/writer.pb.h"

namespace vecferry::writer {

// The transport of one Ingest call: requests in a queue that is bounded in bytes, responses out in order. gRPC's
// callback form, because an ordinary handler cannot end a call with its status while it waits for a request.
// One thread calls Next, Send and End; Drain may come from any. Shared by gRPC, until the call is over, and that thread.
class IngestReactor : public grpc::ServerBidiReactor<v1::IngestRequest, v1::IngestResponse> {
 public:
  // Beyond `queue_bytes_max` no further request is taken: HTTP/2 then stops the reader.
  static std::shared_ptr<IngestReactor> Make(std::size_t queue_bytes_max);

  // The next request. Errors: kDeadlineExceeded; kOutOfRange: the reader has sent all; kCancelled: the reader is gone;
  // kUnavailable: Drain() was called, what is queued is left.
  absl::StatusOr<v1::IngestRequest> Next(absl::Time deadline);
  void Send(v1::IngestResponse response);
  // Sends what is left of the responses, then the status. Nothing else may be called afterwards.
  void End(const absl::Status& status);
  void Drain();

 private:
  explicit IngestReactor(std::size_t queue_bytes_max) : queue_bytes_max_(queue_bytes_max) {}

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // Each begins the next operation if there is one to begin. Never under the lock: gRPC may answer at once, on this
  // thread. `starting_` keeps End() from finishing the call meanwhile.
  void ReadMore();
  void WriteMore();

  const std::size_t queue_bytes_max_;
  std::shared_ptr<IngestReactor> self_;  // gRPC's share; set before the call can end, dropped by OnDone alone
  v1::IngestRequest reading_into_;       // gRPC's between StartRead and OnReadDone
  v1::IngestResponse writing_from_;      // gRPC's between StartWrite and OnWriteDone

  base::Mutex mutex_;
  std::deque<v1::IngestRequest> requests_ ABSL_GUARDED_BY(mutex_);
  std::size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<v1::IngestResponse> responses_ ABSL_GUARDED_BY(mutex_);
  int starting_ ABSL_GUARDED_BY(mutex_) = 0;
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool reads_over_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace vecferry::writer

#endif  // VECFERRY_WRITER_WORKER_INGEST_REACTOR_H_
