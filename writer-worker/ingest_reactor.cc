#include "writer-worker/ingest_reactor.h"

#include <utility>

#include "common/rpc/status_codec.h"

namespace vecferry::writer {

std::shared_ptr<IngestReactor> IngestReactor::Make(std::size_t queue_bytes_max) {
  std::shared_ptr<IngestReactor> reactor(new IngestReactor(queue_bytes_max));
  reactor->self_ = reactor;
  return reactor;
}

absl::StatusOr<v1::IngestRequest> IngestReactor::Next(absl::Time deadline) {
  ReadMore();
  v1::IngestRequest request;
  {
    base::MutexLock lock(&mutex_);
    mutex_.AwaitUntil(deadline, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return draining_ || cancelled_ || reads_over_ || !requests_.empty();
    });
    if (cancelled_) return absl::CancelledError("the reader is gone");
    if (draining_) return absl::UnavailableError("the writer is shutting down");
    if (requests_.empty()) {
      if (reads_over_) return absl::OutOfRangeError("the reader has sent all");
      return absl::DeadlineExceededError("no request yet");
    }
    request = std::move(requests_.front());
    requests_.pop_front();
    queued_bytes_ -= request.ByteSizeLong();
  }
  ReadMore();
  return request;
}

void IngestReactor::Send(v1::IngestResponse response) {
  {
    base::MutexLock lock(&mutex_);
    responses_.push_back(std::move(response));
  }
  WriteMore();
}

void IngestReactor::End(const absl::Status& status) {
  {
    base::MutexLock lock(&mutex_);
    ending_ = true;
    mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return starting_ == 0 && !writing_ && (responses_.empty() || cancelled_);
    });
  }
  Finish(rpc::ToGrpc(status));
}

void IngestReactor::Drain() {
  base::MutexLock lock(&mutex_);
  draining_ = true;
}

void IngestReactor::ReadMore() {
  {
    base::MutexLock lock(&mutex_);
    if (reading_ || reads_over_ || ending_ || queued_bytes_ > queue_bytes_max_) return;
    reading_ = true;
    ++starting_;
  }
  StartRead(&reading_into_);
  base::MutexLock lock(&mutex_);
  --starting_;
}

void IngestReactor::WriteMore() {
  {
    base::MutexLock lock(&mutex_);
    if (writing_ || responses_.empty() || cancelled_) return;
    writing_ = true;
    writing_from_ = std::move(responses_.front());
    responses_.pop_front();
    ++starting_;
  }
  StartWrite(&writing_from_);
  base::MutexLock lock(&mutex_);
  --starting_;
}

void IngestReactor::OnReadDone(bool ok) {
  {
    base::MutexLock lock(&mutex_);
    reading_ = false;
    if (ok) {
      queued_bytes_ += reading_into_.ByteSizeLong();
      requests_.push_back(std::move(reading_into_));
      reading_into_.Clear();
    } else {
      reads_over_ = true;
    }
  }
  ReadMore();
}

void IngestReactor::OnWriteDone(bool ok) {
  {
    base::MutexLock lock(&mutex_);
    writing_ = false;
    if (!ok) cancelled_ = true;
  }
  WriteMore();
}

void IngestReactor::OnCancel() {
  base::MutexLock lock(&mutex_);
  cancelled_ = true;
}

void IngestReactor::OnDone() {
  // Last: the thread may have left already, so this may destroy the object.
  const std::shared_ptr<IngestReactor> self = std::move(self_);
}

}  // namespace vecferry::writer
