#include "cli/own_migration.h"

#include <stdio.h>

#include <algorithm>
#include <thread>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/conclude.h"
#include "cli/progress.h"
#include "cli/remote_command.h"
#include "common/base/status_macros.h"
#include "common/core/limits.h"

namespace vecferry::cli {

int CountStreams(const CopyOptions& copy) {
  const int room = copy.connections_max - core::kLedgerConnections;
  const int cores = std::max(2, static_cast<int>(std::thread::hardware_concurrency()));
  const int writers = copy.writers > 0 ? copy.writers : std::min(room, cores);
  return copy.readers > 0 ? std::min(copy.readers, writers) : writers;
}

absl::Status OwnMigration::BeginPlanning() {
  planning_ = true;
  // Asked after planning_ was set: an interrupt that comes now is seen here, or sees it.
  return interrupted_() ? absl::CancelledError("interrupted") : absl::OkStatus();
}

absl::StatusOr<rpc::DrawnPlan> OwnMigration::Plan() {
  const auto planned = absl::MakeCleanup([this] { planning_ = false; });
  RETURN_IF_ERROR(BeginPlanning());
  return pipeline_.migrations().Plan(MakeRequest(copy_, pipeline_.connection(), streams_));
}

absl::StatusOr<rpc::Started> OwnMigration::Start() {
  const auto planned = absl::MakeCleanup([this] { planning_ = false; });
  RETURN_IF_ERROR(BeginPlanning());
  return pipeline_.migrations().Start(MakeRequest(copy_, pipeline_.connection(), streams_));
}

absl::StatusOr<core::Report> OwnMigration::Run() {
  ASSIGN_OR_RETURN(const rpc::Started started, Start());
  WriteAll(stderr, absl::StrCat(started.resumed ? "resuming" : "starting", " migration ", started.migration_id, "\n"));
  pipeline_.StartReaders();
  Progress progress(copy_.progress);
  absl::StatusOr<core::Report> report =
      pipeline_.migrations().Watch(started.migration_id, pipeline_.connection(), [&](const core::Report& now) {
        progress.Update(now);
        return true;
      });
  progress.Stop();
  const absl::Status readers = pipeline_.JoinReaders();
  if (!report.ok()) return readers.ok() ? report.status() : readers;
  if (!readers.ok() && report->failure.empty() && !core::IsEnded(report->state)) {
    report->failure = std::string(readers.message());
  }
  return report;
}

void OwnMigration::Interrupt() {
  pipeline_.Interrupt();
  // Between two statements there is nothing to end; planning runs many.
  for (; planning_; absl::SleepFor(absl::Milliseconds(50))) pipeline_.InterruptPlanning();
}

}  // namespace vecferry::cli
