#include "coordinator/upkeep.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/core/migration.h"
#include "common/telemetry/log.h"
#include "coordinator/stage_clock.h"

namespace vecferry::coordinator {
namespace {

constexpr absl::Duration kRound = absl::Seconds(1);

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
  absl::Duration next_look = Monotonic();
  while (true) {
    LookAfterReaders();
    if (Monotonic() >= next_look) {
      LookForMigrations();
      next_look = Monotonic() + duties_.look_interval;
    }
    base::MutexLock lock(&mutex_);
    looked_ = true;
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

void Upkeep::LookForMigrations() {
  for (const std::string& name : duties_.connection_names()) Tell(name, migrations_.TakeUp(name));
  if (!copies_kept_) DropCopies();
  duties_.tidy_copies();
}

void Upkeep::DropCopies() {
  std::set<std::string> used;
  for (const std::string& name : duties_.connection_names()) {
    const absl::StatusOr<std::vector<std::string>> snapshots = migrations_.SnapshotsOf(name);
    if (!snapshots.ok()) return;  // what is in use there is not known
    used.insert(snapshots->begin(), snapshots->end());
  }
  duties_.keep_copies(used);
  copies_kept_ = true;
}

void Upkeep::Tell(const std::string& connection, const absl::Status& status) {
  if (migrations_.stopping()) return;  // which ends a look, and is no fault of the connection
  const std::string message(status.message());
  std::string& told = hindered_[connection];
  if (told == message) return;
  told = message;
  if (status.ok()) {
    telemetry::LogInfo(absl::StrCat("connection ", connection, " can be looked through again"));
  } else {
    telemetry::LogWarning(absl::StrCat("connection ", connection,
                                       " cannot be looked through for migrations: ", core::SanitizeText(message)));
  }
}

}  // namespace vecferry::coordinator
