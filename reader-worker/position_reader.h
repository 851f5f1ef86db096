#ifndef VECFERRY_READER_WORKER_POSITION_READER_H_
#define VECFERRY_READER_WORKER_POSITION_READER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"
#include "common/rpc/clients.h"
#include "reader-worker/stop_flag.h"

namespace vecferry::reader {

// Takes the positions that a writer tells after its commits, on a thread of its own, and bounds what is sent and not
// yet committed. The stream must outlive it. AwaitRoom and Join are for the sending thread.
class PositionReader {
 public:
  PositionReader(rpc::BatchStream& stream, std::size_t bytes_in_flight_max);
  // The stream must have ended, or been cancelled.
  ~PositionReader();
  PositionReader(const PositionReader&) = delete;
  PositionReader& operator=(const PositionReader&) = delete;

  // Blocks until a batch of `bytes` may be sent. A batch larger than the bound goes alone. False: the writer has ended
  // the stream, or `stop` was set.
  bool AwaitRoom(std::uint64_t sequence, std::size_t bytes, const StopFlag& stop);
  // Waits until the writer says no more.
  void Join();
  // After Join: whether the last position was the shard's end, and whether there was any.
  bool done();
  bool moved();

 private:
  void Run();

  rpc::BatchStream& stream_;
  const std::size_t bytes_in_flight_max_;
  base::Mutex mutex_;
  std::deque<std::pair<std::uint64_t, std::size_t>> in_flight_ ABSL_GUARDED_BY(mutex_);  // sequence, bytes
  std::size_t bytes_in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  bool moved_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace vecferry::reader

#endif  // VECFERRY_READER_WORKER_POSITION_READER_H_
