#ifndef VECFERRY_WRITER_WORKER_INGEST_CALL_H_
#define VECFERRY_WRITER_WORKER_INGEST_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/sync_stream.h>

#include <cstddef>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/bounded_queue.h"
#include "common/base/mutex.h"
#include "vecferry/v1/writer.pb.h"
#include "writer-worker/queue_budget.h"

namespace vecferry::writer {

// The transport of one Ingest call: a thread of its own takes requests into a queue that is bounded in bytes, alone and
// together with those of other calls, while the call's thread works on earlier ones. Next, Send and Close are the
// call's thread's; Drain and Cancel may come from any. Context, stream and budget must outlive it.
class IngestCall {
 public:
  using Stream = grpc::ServerReaderWriter<v1::IngestResponse, v1::IngestRequest>;

  IngestCall(grpc::ServerContext& context, Stream& stream, std::size_t queue_bytes_max, QueueBudget& budget);
  ~IngestCall() { Close(); }
  IngestCall(const IngestCall&) = delete;
  IngestCall& operator=(const IngestCall&) = delete;

  // The next request. Errors: kDeadlineExceeded; kOutOfRange: the reader has sent all; kCancelled: the reader is gone;
  // kUnavailable: Drain() was called and what was received then has been handed out.
  absl::StatusOr<v1::IngestRequest> Next(absl::Time deadline);
  // Blocks until the reader takes it. An error shows at the next Next().
  void Send(const v1::IngestResponse& response);
  // Lets the reader end its requests, so that the call can end with a status; idempotent.
  void Close();
  void Drain();
  // Ends the call without a status of ours: a reader that takes nothing must not hold up the program's end.
  void Cancel() { context_.TryCancel(); }

 private:
  void Receive();
  void CloseQueue();

  grpc::ServerContext& context_;
  Stream& stream_;
  QueueBudget::Share share_;
  base::BoundedQueue<v1::IngestRequest> queue_;
  base::Mutex mutex_;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool receiver_ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread receiver_;  // last: it uses all of the above
};

}  // namespace vecferry::writer

#endif  // VECFERRY_WRITER_WORKER_INGEST_CALL_H_
