#ifndef VECFERRY_CLI_OWN_MIGRATION_H_
#define VECFERRY_CLI_OWN_MIGRATION_H_

#include <atomic>
#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/options.h"
#include "cli/pipeline.h"
#include "common/core/report.h"

namespace vecferry::cli {

// Streams that a copy gets: readers, and as many writers. Each is a reader thread, a writer thread and a server
// process; more than the cores only take turns.
int CountStreams(const CopyOptions& copy);

// A migration that this process drives. Interrupt may be called from another thread, the others not.
class OwnMigration {
 public:
  // All must outlive it. interrupted(): whether the process is to end.
  OwnMigration(const CopyOptions& copy, Pipeline& pipeline, int streams, std::function<bool()> interrupted)
      : copy_(copy), pipeline_(pipeline), streams_(streams), interrupted_(std::move(interrupted)) {}

  absl::StatusOr<rpc::DrawnPlan> Plan();
  // Starts it, or resumes the unfinished one, and shows its progress until it ends. Once for each pipeline.
  // Errors: kCancelled when interrupted before it began; what hindered its start; what readers alone know.
  absl::StatusOr<core::Report> Run();
  // Leaves a resumable state, whatever is under way.
  void Interrupt();

 private:
  absl::Status BeginPlanning();
  absl::StatusOr<rpc::Started> Start();

  const CopyOptions& copy_;
  Pipeline& pipeline_;
  const int streams_;
  const std::function<bool()> interrupted_;
  std::atomic<bool> planning_{false};
};

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_OWN_MIGRATION_H_
