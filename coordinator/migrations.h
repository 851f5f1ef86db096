#ifndef VECFERRY_COORDINATOR_MIGRATIONS_H_
#define VECFERRY_COORDINATOR_MIGRATIONS_H_

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/core/replay.h"
#include "common/core/report.h"
#include "common/postgres/catalog.h"
#include "common/postgres/connection.h"
#include "common/rpc/clients.h"
#include "coordinator/coordinator.h"
#include "coordinator/driver.h"

namespace vecferry::coordinator {

// What the coordinator's two services decide, in the domain's words: draws and stores plans, starts a driver for each
// migration that runs here, and answers for every other from the ledger. Thread-safe.
class Migrations {
 public:
  Migrations(const CoordinatorOptions& options, std::shared_ptr<Sources> sources, std::shared_ptr<Workers> workers,
             postgres::ConnectionResolver resolver);
  ~Migrations();

  struct Drawn {
    core::Plan plan;
    std::string resumes_migration_id;
    std::map<int, std::int64_t> rows_present;  // of `merge` mappings, by id
  };
  // Writes nothing anywhere.
  absl::StatusOr<Drawn> Plan(const rpc::StartOptions& options);
  absl::StatusOr<rpc::Started> Start(const rpc::StartOptions& options);
  absl::StatusOr<core::Report> Get(const std::string& id, const std::string& connection);
  absl::StatusOr<std::vector<core::Report>> List(const std::string& connection);
  // Calls `on_report` at once, then twice a second, changed or not, until the migration no longer runs (in a command:
  // here) or `on_report` returns false. The last one is the one of the end. kUnavailable: this coordinator stops first.
  absl::Status Watch(const std::string& id, const std::string& connection,
                     const std::function<bool(const core::Report&)>& on_report);
  absl::StatusOr<core::Report> Pause(const std::string& id, const std::string& connection);
  absl::StatusOr<rpc::Started> Resume(const std::string& id, const std::string& connection);
  absl::StatusOr<core::Report> Cancel(const std::string& id, const std::string& connection, bool drop);

  absl::StatusOr<core::ReplayOutcome> Replay(const std::string& id, const std::string& connection,
                                             const core::ReplaySelection& selection);
  absl::Status RecordPage(const std::string& id, const std::string& connection, const std::string& sha256);

  absl::StatusOr<rpc::Acquired> Acquire(const std::string& worker);
  absl::Status Renew(const std::string& id, int shard, std::uint64_t epoch);
  absl::Status Complete(const std::string& id, int shard, std::uint64_t epoch);
  absl::Status Fail(const std::string& id, int shard, std::uint64_t epoch, const absl::Status& why);
  absl::StatusOr<std::shared_ptr<const core::Plan>> GetPlan(const std::string& id);

  // Readers that are gone: their shards are free for others.
  void NoteGone(const std::vector<std::string>& readers);
  // What running migrations wait for, told in their reports while no shard is being carried.
  void NoteWaiting(const std::string& what);
  // Drivers that ended are kept for those who watch; of many the oldest go.
  void ForgetEnded();
  // Takes up the unfinished migrations of one connection whose last command was for a service and that nobody drives.
  absl::Status TakeUp(const std::string& connection);
  // Copies of sources that unfinished migrations of one connection read.
  absl::StatusOr<std::vector<std::string>> SnapshotsOf(const std::string& connection);
  // Brings the gauges up to date.
  void Measure();

  void Stop();
  bool stopping();

 private:
  using DriverPointer = std::shared_ptr<Driver>;  // shared with RPCs that look at a migration while it is replaced

  absl::StatusOr<postgres::Connection> Open(const std::string& conninfo, const std::string& name);
  absl::StatusOr<std::string> Resolve(const std::string& connection);
  struct Found {
    postgres::MigrationRow row;
    std::shared_ptr<Source> source;  // of which the plan was drawn; nullptr: the migration was there already
    bool only_running = false;       // nobody asked: one that was halted meanwhile stays so
  };
  absl::StatusOr<Drawn> PlanToCompare(const std::string& conninfo, const core::Identity& identity);
  // Stores a new plan, unless a migration of this identity turns up.
  absl::StatusOr<Found> FindOrPlan(postgres::Connection& session, const rpc::StartOptions& options);
  absl::StatusOr<Found> PlanNew(postgres::Connection& session, const rpc::StartOptions& options);
  absl::StatusOr<core::Plan> Draw(const std::shared_ptr<Source>& source, const core::Identity& identity,
                                  const postgres::Catalog* catalog);
  absl::StatusOr<core::Plan> Look(const core::Identity& identity, const postgres::Catalog* catalog);
  absl::StatusOr<rpc::Started> Drive(const std::string& conninfo, const rpc::StartOptions& options, Found found,
                                     postgres::Connection ledger);
  // Until the driver here has ended; its last report. kCancelled: `on_report` returned false.
  absl::StatusOr<core::Report> WatchDriver(Driver& driver, const std::function<bool(const core::Report&)>& on_report);
  // Until the migration no longer runs anywhere, or (true) is driven from here. kCancelled as WatchDriver.
  absl::StatusOr<bool> WatchLedger(const std::string& id, const std::string& connection,
                                   const std::function<bool(const core::Report&)>& on_report);
  absl::StatusOr<core::Report> Halt(const std::string& id, const std::string& connection, core::State halted);
  // As the ledger has it.
  absl::StatusOr<core::Report> GetStored(const std::string& id, const std::string& connection);
  absl::Status DropMigration(const std::string& id, const std::string& connection);
  // Goes on with a migration by the options of its last command.
  absl::StatusOr<rpc::Started> DriveAgain(const std::string& conninfo, const std::string& connection, Found found,
                                          postgres::Connection ledger);
  absl::Status TakeUpOne(const std::string& conninfo, postgres::MigrationRow row);
  static absl::StatusOr<std::vector<postgres::MigrationRow>> Unfinished(postgres::Connection& session);
  class Cancellable;
  DriverPointer FindDriver(const std::string& id);
  // Who knows best about the migration: its driver until that has ended, which a service leaves to the ledger; a
  // command tells what became of its own. Else nullptr.
  DriverPointer FindWorking(const std::string& id);
  absl::StatusOr<DriverPointer> NeedDriver(const std::string& id);
  std::vector<DriverPointer> Drivers();

  const CoordinatorOptions options_;
  const std::shared_ptr<Sources> sources_;
  const postgres::ConnectionResolver resolver_;
  const std::shared_ptr<Workers> workers_;
  CoordinatorMetrics metrics_;

  base::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::list<postgres::Connection::Canceller> planning_ ABSL_GUARDED_BY(mutex_);  // of sessions that draw plans
  std::list<std::shared_ptr<Source>> planned_ ABSL_GUARDED_BY(mutex_);           // of which plans are being drawn
  std::vector<DriverPointer> drivers_ ABSL_GUARDED_BY(mutex_);                   // of this process, ended ones included
};

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_MIGRATIONS_H_
