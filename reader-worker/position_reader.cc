#include "reader-worker/position_reader.h"

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace vecferry::reader {
namespace {

constexpr absl::Duration kLookAtStop = absl::Milliseconds(50);

}  // namespace

PositionReader::PositionReader(rpc::BatchStream& stream, std::size_t bytes_in_flight_max)
    : stream_(stream), bytes_in_flight_max_(bytes_in_flight_max), thread_([this] { Run(); }) {}

PositionReader::~PositionReader() { Join(); }

bool PositionReader::AwaitRoom(std::uint64_t sequence, std::size_t bytes, const StopFlag& stop) {
  base::MutexLock lock(&mutex_);
  const auto ready = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return ended_ || in_flight_.empty() || bytes_in_flight_ + bytes <= bytes_in_flight_max_;
  };
  // The flag does not wake this wait.
  while (!mutex_.AwaitUntil(absl::Now() + kLookAtStop, ready)) {
    if (stop.IsSet()) return false;
  }
  if (ended_) return false;
  in_flight_.emplace_back(sequence, bytes);
  bytes_in_flight_ += bytes;
  return true;
}

void PositionReader::Join() {
  if (thread_.joinable()) thread_.join();
}

bool PositionReader::done() {
  base::MutexLock lock(&mutex_);
  return done_;
}

bool PositionReader::moved() {
  base::MutexLock lock(&mutex_);
  return moved_;
}

void PositionReader::Run() {
  while (true) {
    const absl::StatusOr<rpc::StreamPosition> position = stream_.NextPosition();
    base::MutexLock lock(&mutex_);
    if (!position.ok()) {
      ended_ = true;
      return;
    }
    moved_ = true;
    done_ = position->done;
    while (!in_flight_.empty() && in_flight_.front().first < position->next_sequence) {
      bytes_in_flight_ -= in_flight_.front().second;
      in_flight_.pop_front();
    }
  }
}

}  // namespace vecferry::reader
