// Migrations towards readers: whose shard comes next, and who is gone.
#include <algorithm>
#include <map>

#include "common/base/status_macros.h"
#include "coordinator/migrations.h"

namespace vecferry::coordinator {
namespace {

constexpr int kEndedMax = 32;

}  // namespace

absl::StatusOr<rpc::Acquired> Migrations::Acquire(const std::string& worker) {
  rpc::Acquired none;
  none.retry_after = absl::Milliseconds(100);
  std::vector<DriverPointer> drivers = Drivers();
  none.finished = !drivers.empty() || stopping();
  std::map<std::string, int> streams;
  std::map<const Driver*, int> leases;
  for (const DriverPointer& driver : drivers) leases[driver.get()] = driver->CountStreams(streams);
  const std::optional<std::string> writer = workers_->ChooseWriter(streams);
  // Fair: whoever has the fewest streams comes first.
  std::stable_sort(drivers.begin(), drivers.end(),
                   [&](const DriverPointer& a, const DriverPointer& b) { return leases[a.get()] < leases[b.get()]; });
  for (const DriverPointer& driver : drivers) {
    if (!writer) {
      driver->NoteWaiting("waiting for a writer");
      continue;
    }
    ASSIGN_OR_RETURN(rpc::Acquired acquired, driver->Acquire({worker, *writer}));
    if (acquired.lease) return acquired;
    none.finished = none.finished && acquired.finished;
    if (!acquired.finished) none.retry_after = std::min(none.retry_after, acquired.retry_after);
  }
  return none;
}

absl::Status Migrations::Renew(const std::string& id, int shard, std::uint64_t epoch) {
  ASSIGN_OR_RETURN(const DriverPointer driver, NeedDriver(id));
  return driver->Renew(shard, epoch);
}

absl::Status Migrations::Complete(const std::string& id, int shard, std::uint64_t epoch) {
  ASSIGN_OR_RETURN(const DriverPointer driver, NeedDriver(id));
  return driver->Complete(shard, epoch);
}

absl::Status Migrations::Fail(const std::string& id, int shard, std::uint64_t epoch, const absl::Status& why) {
  ASSIGN_OR_RETURN(const DriverPointer driver, NeedDriver(id));
  return driver->Fail(shard, epoch, why);
}

absl::StatusOr<std::shared_ptr<const core::Plan>> Migrations::GetPlan(const std::string& id) {
  ASSIGN_OR_RETURN(const DriverPointer driver, NeedDriver(id));
  // Whoever drives it now may have another plan.
  if (driver->left()) return driver->NotHere();
  return driver->plan();
}

void Migrations::NoteGone(const std::vector<std::string>& readers) {
  for (const DriverPointer& driver : Drivers()) {
    for (const std::string& reader : readers) driver->NoteGone(reader);
  }
}

void Migrations::NoteWaiting(const std::string& what) {
  for (const DriverPointer& driver : Drivers()) driver->NoteWaiting(what);
}

void Migrations::ForgetEnded() {
  std::vector<DriverPointer> forgotten;  // destroyed, which joins threads, after the lock is free
  base::MutexLock lock(&mutex_);
  auto ended = std::count_if(drivers_.begin(), drivers_.end(), [](const DriverPointer& d) { return d->ended(); });
  for (auto at = drivers_.begin(); at != drivers_.end() && ended > kEndedMax;) {
    if (!(*at)->ended()) {
      ++at;
      continue;
    }
    forgotten.push_back(*at);
    at = drivers_.erase(at);
    --ended;
  }
}

void Migrations::Measure() {
  std::map<core::State, int> running;
  int waiting = 0, leased = 0;
  for (const DriverPointer& driver : Drivers()) {
    if (driver->ended()) continue;
    std::map<std::string, int> streams;
    const int leases = driver->CountStreams(streams);
    ++running[driver->stage()];
    leased += leases;
    if ((driver->copying() && leases == 0) || driver->waiting()) ++waiting;
  }
  for (auto& [state, gauge] : metrics_.migrations) gauge.Set(running[state]);
  metrics_.waiting.Set(waiting);
  metrics_.leases.Set(leased);
  for (auto& [kind, gauge] : metrics_.workers) gauge.Set(options_.duties.registry->Count(kind));
}

}  // namespace vecferry::coordinator
