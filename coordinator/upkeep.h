#ifndef VECFERRY_COORDINATOR_UPKEEP_H_
#define VECFERRY_COORDINATOR_UPKEEP_H_

#include <functional>
#include <future>
#include <map>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "coordinator/coordinator.h"
#include "coordinator/migrations.h"

namespace vecferry::coordinator {

// What a service does beside its calls, on a thread of its own: frees the shards of readers that fell silent, and takes
// up migrations that nobody drives, at its start and whenever their coordinator is gone. `migrations` must outlive it.
class Upkeep {
 public:
  Upkeep(const CoordinatorOptions::Duties& duties, Migrations& migrations);
  ~Upkeep();
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

  // All connections were looked through once, reached or not: what this coordinator has to do it does by now.
  bool looked();

 private:
  // What is done again and again, on a thread of its own: what waits for a database that is away keeps nothing else
  // from being done.
  struct Task {
    std::future<absl::Status> running;
    absl::Duration next;    // when it begins again
    bool was_done = false;  // once, at least
  };

  void Run();
  void LookAfterReaders();
  // Whether all were looked through.
  bool LookForMigrations();
  void TidyCopies();
  absl::Status DropCopies();
  // Begins `work` when it is due and not running. Its result when it has just ended.
  static std::optional<absl::Status> Advance(Task& task, absl::Duration interval, std::function<absl::Status()> work);
  // Logs what hinders `what` when it begins, changes, and ends.
  void Tell(const std::string& what, const absl::Status& status);

  const CoordinatorOptions::Duties duties_;
  Migrations& migrations_;
  // The thread's own.
  std::map<std::string, std::string> hindered_;  // what was logged last of each
  std::map<std::string, Task> looks_;            // by connection
  Task tidying_;

  base::Mutex mutex_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool looked_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_UPKEEP_H_
