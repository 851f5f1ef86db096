#include "common/service/coordinator_link.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace vecferry::service {
namespace {

// Until the coordinator has said one. A beat that failed is tried again no later than after this either.
constexpr absl::Duration kInterval = absl::Seconds(1);
// What a coordinator may ask for; faster would be a mistake of its.
constexpr absl::Duration kIntervalMin = absl::Milliseconds(10), kIntervalMax = absl::Minutes(1);

}  // namespace

CoordinatorLink::CoordinatorLink(const std::string& address, Clients clients, rpc::WorkerBeat beat)
    : address_(address),
      clients_(std::move(clients)),
      draining_(beat.draining),
      interval_(kInterval),
      thread_([this, beat = std::move(beat)] { Run(beat); }) {}

CoordinatorLink::~CoordinatorLink() {
  End();
  thread_.join();
}

void CoordinatorLink::Drain() {
  base::MutexLock lock(&mutex_);
  draining_ = true;
}

void CoordinatorLink::End() {
  base::MutexLock lock(&mutex_);
  ending_ = true;
}

Peer CoordinatorLink::peer() {
  base::MutexLock lock(&mutex_);
  return {address_, answers_, clients_.leases, clients_.sources};
}

bool CoordinatorLink::AnswersLately() {
  base::MutexLock lock(&mutex_);
  return absl::Now() - answered_at_ < 3 * interval_;
}

std::vector<std::string> CoordinatorLink::snapshots() {
  base::MutexLock lock(&mutex_);
  return snapshots_;
}

void CoordinatorLink::Run(rpc::WorkerBeat beat) {
  Trouble trouble(absl::StrCat("coordinator ", address_, " does not answer"),
                  absl::StrCat("coordinator ", address_, " answers again"));
  while (true) {
    {
      base::MutexLock lock(&mutex_);
      // Who is gone without having said so is counted on for three intervals more.
      if (ending_ && draining_ == beat.draining) return;
      beat.draining = draining_;
    }
    const absl::StatusOr<rpc::BeatAnswer> answer = clients_.beats->Beat(beat);
    trouble.Note(answer.status());
    base::MutexLock lock(&mutex_);
    const absl::Time next = absl::Now() + Take(answer);
    mutex_.AwaitUntil(next,
                      [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return ending_ || draining_ != beat.draining; });
  }
}

absl::Duration CoordinatorLink::Take(const absl::StatusOr<rpc::BeatAnswer>& answer) {
  answers_ = answer.ok();
  if (!answer.ok()) return std::min(interval_, kInterval);
  answered_at_ = absl::Now();
  interval_ = std::clamp(answer->interval, kIntervalMin, kIntervalMax);
  snapshots_ = answer->snapshots;
  return interval_;
}

}  // namespace vecferry::service
