#include "coordinator/upkeep.h"

#include <chrono>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/core/migration.h"
#include "common/telemetry/log.h"
#include "coordinator/stage_clock.h"

namespace vecferry::coordinator {
namespace {

constexpr absl::Duration kRound = absl::Milliseconds(250);

}  // namespace

Upkeep::Upkeep(const CoordinatorOptions::Duties& duties, Migrations& migrations)
    : duties_(duties), migrations_(migrations), thread_([this] { Run(); }) {}

Upkeep::~Upkeep() {
  {
    base::MutexLock lock(&mutex_);
    ending_ = true;
  }
  thread_.join();
}

bool Upkeep::looked() {
  base::MutexLock lock(&mutex_);
  return looked_;
}

void Upkeep::Run() {
  while (true) {
    LookAfterReaders();
    const bool looked = LookForMigrations();
    TidyCopies();
    base::MutexLock lock(&mutex_);
    looked_ = looked_ || looked;
    if (mutex_.AwaitUntil(absl::Now() + kRound, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return ending_; })) {
      return;
    }
  }
}

void Upkeep::LookAfterReaders() {
  migrations_.NoteGone(duties_.registry->TakeGoneReaders());
  if (duties_.registry->Count(rpc::WorkerKind::kReader) == 0) migrations_.NoteWaiting("waiting for a reader");
  migrations_.ForgetEnded();
  migrations_.Measure();
}

bool Upkeep::LookForMigrations() {
  const absl::StatusOr<std::vector<std::string>> names = duties_.connection_names();
  Tell("the connections cannot be listed", names.status());
  if (!names.ok()) return false;
  bool looked = true;
  for (const std::string& name : *names) {
    Task& look = looks_[name];
    const auto outcome = Advance(look, duties_.look_interval, [this, name] { return migrations_.TakeUp(name); });
    if (outcome) Tell(absl::StrCat("connection ", name, " cannot be looked through for migrations"), *outcome);
    looked = looked && look.was_done;
  }
  return looked;
}

void Upkeep::TidyCopies() {
  duties_.tidy_copies();
  const auto outcome = Advance(tidying_, duties_.tidy_interval, [this] { return DropCopies(); });
  if (outcome) Tell("copies of sources that nobody needs cannot be told from others", *outcome);
}

absl::Status Upkeep::DropCopies() {
  const absl::StatusOr<std::vector<std::string>> names = duties_.connection_names();
  if (!names.ok()) return names.status();
  std::set<std::string> used;
  for (const std::string& name : *names) {
    const absl::StatusOr<std::vector<std::string>> snapshots = migrations_.SnapshotsOf(name);
    if (!snapshots.ok()) return snapshots.status();  // what is in use there is not known
    used.insert(snapshots->begin(), snapshots->end());
  }
  duties_.keep_copies(used);
  return absl::OkStatus();
}

std::optional<absl::Status> Upkeep::Advance(Task& task, absl::Duration interval, std::function<absl::Status()> work) {
  std::optional<absl::Status> outcome;
  if (task.running.valid()) {
    if (task.running.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return outcome;
    outcome = task.running.get();
    task.was_done = true;
    task.next = Monotonic() + interval;
  }
  if (Monotonic() >= task.next) task.running = std::async(std::launch::async, std::move(work));
  return outcome;
}

void Upkeep::Tell(const std::string& what, const absl::Status& status) {
  if (migrations_.stopping()) return;  // which ends a look, and is no fault of the connection
  const std::string message(status.message());
  std::string& told = hindered_[what];
  if (told == message) return;
  told = message;
  if (status.ok()) {
    telemetry::LogInfo(absl::StrCat("no longer: ", what));
  } else {
    telemetry::LogWarning(absl::StrCat(what, ": ", core::SanitizeText(message)));
  }
}

}  // namespace vecferry::coordinator
