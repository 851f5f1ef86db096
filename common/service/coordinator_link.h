#ifndef VECFERRY_COMMON_SERVICE_COORDINATOR_LINK_H_
#define VECFERRY_COMMON_SERVICE_COORDINATOR_LINK_H_

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/rpc/clients.h"
#include "common/service/routing.h"
#include "common/service/trouble.h"

namespace vecferry::service {

// One coordinator of a worker process: the clients towards it, and a thread that tells it that the worker is there.
// Thread-safe.
class CoordinatorLink {
 public:
  struct Clients {
    std::unique_ptr<rpc::WorkerClient> beats;
    std::shared_ptr<rpc::LeaseClient> leases;
    std::shared_ptr<rpc::SourceClient> sources;
  };
  // Beats from now on, at first at once.
  CoordinatorLink(const std::string& address, Clients clients, rpc::WorkerBeat beat);
  // Waits for a beat under way, which takes seconds when nobody answers.
  ~CoordinatorLink();
  CoordinatorLink(const CoordinatorLink&) = delete;
  CoordinatorLink& operator=(const CoordinatorLink&) = delete;

  // Tells it at once that the worker takes no more.
  void Drain();
  // Sends no more beats; for several links before they are destroyed, so that they end together.
  void End();

  Peer peer();
  // A beat was answered within the last three intervals.
  bool AnswersLately();
  // Copies of sources in use, as it said last.
  std::vector<std::string> snapshots();

 private:
  void Run(rpc::WorkerBeat beat);
  // Returns how long to wait for the next beat.
  absl::Duration Take(const absl::StatusOr<rpc::BeatAnswer>& answer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string address_;
  const Clients clients_;
  base::Mutex mutex_;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool answers_ ABSL_GUARDED_BY(mutex_) = false;  // the last beat
  absl::Time answered_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Duration interval_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> snapshots_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace vecferry::service

#endif  // VECFERRY_COMMON_SERVICE_COORDINATOR_LINK_H_
