#ifndef VECFERRY_COORDINATOR_DRIVER_H_
#define VECFERRY_COORDINATOR_DRIVER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/core/plan.h"
#include "common/core/report.h"
#include "common/postgres/connection.h"
#include "common/postgres/ledger.h"
#include "common/rpc/clients.h"
#include "coordinator/coordinator.h"
#include "coordinator/coordinator_metrics.h"
#include "coordinator/hold.h"
#include "coordinator/in_turn.h"
#include "coordinator/lease_table.h"
#include "coordinator/migration_trace.h"
#include "coordinator/stage_clock.h"

namespace vecferry::coordinator {

// What a driver drives. References must outlive it.
struct DriverSetup {
  std::string migration_id;
  rpc::StartOptions options;
  std::string conninfo;
  const CoordinatorOptions& coordinator;
  Sources& sources;
  Workers& workers;
  CoordinatorMetrics& metrics;
};

// What becomes of a migration whose driver is stopped.
enum class Leave {
  kPaused,   // until somebody resumes it
  kRunning,  // for the next coordinator that looks for such
};

// Drives one migration from its stored plan to an end state, on two threads of its own: one goes through the stages,
// one renews the hold on the migration every second and notices when it is lost. Statements that may take long run on a
// third session, which exists while no writer does. When the destination goes away, it is tried again for a while, the
// hold is taken anew, and the stages are gone through again from what the ledger then says. Thread-safe.
class Driver {
 public:
  // `source`: nullptr: resumed, to be opened again and compared with what was read of it.
  Driver(DriverSetup setup, std::shared_ptr<Source> source, core::Plan plan, Hold hold);
  ~Driver();  // as Stop(Leave::kPaused), and waits for the end
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  const std::string& migration_id() const { return setup_.migration_id; }
  std::shared_ptr<const core::Plan> plan() const;

  // A shard to carry. `finished`: none will come any more.
  absl::StatusOr<rpc::Acquired> Acquire(const LeaseParties& parties);
  absl::Status Renew(int shard, std::uint64_t epoch);
  absl::Status Complete(int shard, std::uint64_t epoch);
  // A reader gives its shard back. What may pass is tried again, a bounded number of times; else the migration fails.
  absl::Status Fail(int shard, std::uint64_t epoch, const absl::Status& why);

  // Streams of this migration now, added up by their writer's address; returns how many.
  int CountStreams(std::map<std::string, int>& streams) const;
  // A reader that is gone: its shards are free.
  void NoteGone(const std::string& reader);
  // Told in reports while no shard is being carried; "" = for nothing.
  void NoteWaiting(const std::string& what);

  // No more leases, and nothing new begins. Returns at once.
  void Stop(Leave leave);
  // Ends what runs now, wherever, after Stop(). May take seconds.
  void CancelStatement();
  // kService: it ended here, was stopped or taken over; somebody else may drive it.
  bool left() const;
  absl::Status NotHere() const;  // kNotFound
  bool ended() const;
  core::State stage() const;  // as it works through them here
  bool copying() const;       // there are shards to lease
  bool waiting() const;       // for a verifier
  // Waits until the migration no longer runs here, for `patience` at most. Returns ended().
  bool AwaitEnd(absl::Duration patience);
  // As the ledger has it now, or had it when it could be read last; after the end, as it was then.
  absl::StatusOr<core::Report> GetReport();
  // One that was read for another caller a moment ago, where there is one: many may watch.
  absl::StatusOr<core::Report> GetRecentReport();

 private:
  // ---- stages, on the driving thread ----
  void Run();
  absl::Status Drive();
  absl::Status OpenSource();
  void CloseSource();
  absl::Status CheckSource();
  absl::Status Copy();
  absl::Status CopyOnce();
  absl::Status FinishTables();
  absl::Status CheckCopyWhole();
  absl::StatusOr<core::State> Verify();
  absl::Status VerifyOnce(bool& different);
  absl::StatusOr<std::shared_ptr<rpc::VerifierClient>> AwaitVerifier();
  // Reports show `why` meanwhile. Returns early what interrupts.
  absl::Status WaitForVerifier(absl::Duration pause, absl::string_view why);
  absl::Status StoreEnd(core::State state);
  void End(const absl::Status& status);
  void TellEnd(const core::Report& report);  // in metrics, trace and log
  absl::Status StoreOutcome(const absl::Status& status);

  absl::Status GiveBack(int shard, std::uint64_t epoch, const absl::Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // ---- the hold ----
  void Pulse();  // on the renewing thread
  void Beat();
  // Takes the hold anew after it went for the reason `why`; `why` again when the destination stays away.
  absl::Status Reconnect(const absl::Status& why);
  absl::StatusOr<Hold> AwaitHold(std::uint64_t former_epoch);
  void NoteAway();

  absl::StatusOr<postgres::Connection> OpenWorkSession();
  absl::Status EnterStage(core::State state, StageClock::Stage stage);
  absl::Status FlushClock();
  void LeaveStage();
  absl::Status Interruption() const;
  std::shared_ptr<Source> source() const;  // nullptr before it is opened
  // Of what has to end for good.
  bool ending() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !lost_.ok() || !failed_.ok(); }
  // Of what has to end, perhaps to begin again.
  bool interrupted() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return ending() || !away_.ok(); }
  bool Stopping() const;
  bool HasFailed() const;  // a shard has, for good
  // Whoever drives it now goes on with its leases.
  bool IsLeftToOthers() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !lost_.ok() || (stopping_ && leave_ == Leave::kRunning);
  }
  // kNotFound: leases are another's, perhaps; kAborted: there are none.
  absl::Status CheckLeases() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<core::Report> ReadReport();

  // Runs `work(hold)` when its turn comes. kUnavailable while there is no hold, and after the end.
  template <typename Work>
  auto WithHold(Work work) -> decltype(work(std::declval<Hold&>())) {
    return hold_.Run([&](std::optional<Hold>& hold) -> decltype(work(*hold)) {
      if (!hold) return absl::UnavailableError("the migration is not held from here");
      auto result = work(*hold);
      if (!hold->ledger.alive()) NoteAway();
      return result;
    });
  }
  std::uint64_t epoch();  // of the hold, on the driving thread alone

  const DriverSetup setup_;
  MigrationTrace trace_;
  InTurn<std::optional<Hold>> hold_;  // mutex_ is not held by who takes a turn

  mutable base::Mutex mutex_;
  std::shared_ptr<const core::Plan> plan_ ABSL_GUARDED_BY(mutex_);  // shared with RPCs; a reconcile makes a new one
  std::optional<LeaseTable> leases_ ABSL_GUARDED_BY(mutex_);
  core::State stage_ ABSL_GUARDED_BY(mutex_) = core::State::kPlanned;
  bool copying_ ABSL_GUARDED_BY(mutex_) = false;
  bool copied_ ABSL_GUARDED_BY(mutex_) = false;  // for good: no shard is leased any more
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Leave leave_ ABSL_GUARDED_BY(mutex_) = Leave::kPaused;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status lost_ ABSL_GUARDED_BY(mutex_);    // why the migration is no longer ours to write
  absl::Status away_ ABSL_GUARDED_BY(mutex_);    // why the destination has to be reached anew
  absl::Status failed_ ABSL_GUARDED_BY(mutex_);  // why a shard cannot be carried
  StageClock clock_ ABSL_GUARDED_BY(mutex_);
  bool clock_starts_with_lease_ ABSL_GUARDED_BY(mutex_) = false;
  std::string step_ ABSL_GUARDED_BY(mutex_);
  std::optional<postgres::Connection::Canceller> canceller_ ABSL_GUARDED_BY(mutex_);
  bool verifying_ ABSL_GUARDED_BY(mutex_) = false;
  bool waiting_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration report_read_ ABSL_GUARDED_BY(mutex_);  // when it was begun for watchers, Monotonic
  absl::StatusOr<core::Report> last_report_ ABSL_GUARDED_BY(mutex_) = absl::NotFoundError("no report yet");

  std::shared_ptr<Source> source_ ABSL_GUARDED_BY(mutex_);
  bool source_checked_ = false;  // the driving thread's own
  std::thread pulse_;
  std::thread run_;  // the last member: it uses all others
};

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_DRIVER_H_
