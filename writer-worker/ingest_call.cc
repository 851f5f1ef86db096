#include "writer-worker/ingest_call.h"

#include <utility>

#include "absl/time/clock.h"
#include "vecferry/v1/writer.grpc.pb.h"

namespace vecferry::writer {
namespace {

// A reader that was told to end its requests and does not is cut off; it needs one row's time to notice.
constexpr absl::Duration kCloseMax = absl::Seconds(10);

}  // namespace

IngestCall::IngestCall(grpc::ServerContext& context, Stream& stream, std::size_t queue_bytes_max, QueueBudget& budget)
    : context_(context), stream_(stream), share_(budget), queue_(queue_bytes_max), receiver_([this] { Receive(); }) {}

void IngestCall::Receive() {
  v1::IngestRequest request;
  while (stream_.Read(&request)) {
    const std::size_t bytes = request.ByteSizeLong();
    // Once the queue is closed, what still comes is read and dropped: the reader must get to its end.
    if (share_.Take(bytes) && !queue_.Push(std::move(request), bytes).ok()) share_.Give(bytes);
    request.Clear();
  }
  queue_.Close();
  base::MutexLock lock(&mutex_);
  receiver_ended_ = true;
}

absl::StatusOr<v1::IngestRequest> IngestCall::Next(absl::Time deadline) {
  absl::StatusOr<v1::IngestRequest> request = queue_.Pop(deadline);
  if (request.ok()) share_.Give(request->ByteSizeLong());
  if (request.ok() || absl::IsDeadlineExceeded(request.status())) return request;
  if (context_.IsCancelled()) return absl::CancelledError("the reader is gone");
  base::MutexLock lock(&mutex_);
  if (draining_) return absl::UnavailableError("the writer is shutting down");
  return absl::OutOfRangeError("the reader has sent all");
}

void IngestCall::Send(const v1::IngestResponse& response) { stream_.Write(response); }

void IngestCall::Close() {
  if (!receiver_.joinable()) return;
  CloseQueue();
  // gRPC's ordinary calls cannot end while a request is waited for: the reader must end first.
  v1::IngestResponse closing;
  closing.set_closing(true);
  stream_.Write(closing);
  bool ended = false;
  {
    base::MutexLock lock(&mutex_);
    ended = mutex_.AwaitUntil(absl::Now() + kCloseMax,
                              [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return receiver_ended_; });
  }
  if (!ended) context_.TryCancel();
  receiver_.join();
}

void IngestCall::Drain() {
  {
    base::MutexLock lock(&mutex_);
    draining_ = true;
  }
  CloseQueue();
}

void IngestCall::CloseQueue() {
  queue_.Close();
  share_.Close();
}

}  // namespace vecferry::writer
