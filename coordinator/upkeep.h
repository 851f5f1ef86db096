#ifndef VECFERRY_COORDINATOR_UPKEEP_H_
#define VECFERRY_COORDINATOR_UPKEEP_H_

#include <map>
#include <string>
#include <thread>

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
  void Run();
  void LookAfterReaders();
  void LookForMigrations();
  void DropCopies();
  // Logs what hinders at a connection when it begins, changes, and ends.
  void Tell(const std::string& connection, const absl::Status& status);

  const CoordinatorOptions::Duties duties_;
  Migrations& migrations_;
  std::map<std::string, std::string> hindered_;  // by connection, what was logged last; the thread's own
  bool copies_kept_ = false;                     // the thread's own
  base::Mutex mutex_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool looked_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_UPKEEP_H_
