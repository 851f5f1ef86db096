#ifndef VECFERRY_COMMON_SERVICE_COORDINATORS_H_
#define VECFERRY_COMMON_SERVICE_COORDINATORS_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/rpc/clients.h"
#include "common/rpc/security.h"
#include "common/service/address.h"
#include "common/service/coordinator_link.h"
#include "common/service/routing.h"
#include "common/service/trouble.h"

namespace vecferry::service {

// Copies of sources that are in use, as coordinators say.
struct KnownSnapshots {
  std::set<std::string> in_use;
  bool all_answered = false;  // every coordinator, lately: only then may others be removed
};

struct CoordinatorsOptions {
  std::vector<HostPort> targets;  // where coordinators are; each name may have several addresses, of one each
  rpc::WorkerBeat beat;           // `draining` is this class's
  rpc::TlsFiles tls;
  bool insecure = false;  // plain text beyond this machine
  std::function<absl::StatusOr<std::vector<std::string>>(const HostPort&)> resolve = ResolveHost;
  // A coordinator that starts again has another address, and should know its workers soon.
  absl::Duration resolve_interval = absl::Seconds(2);
  // A copy counts as in use for so long after it was named last: a coordinator that dies is silent about its own until
  // another has taken its migrations up.
  absl::Duration snapshots_kept = absl::Minutes(5);
  // Called with every look at the names, once all coordinators have answered; may be empty.
  std::function<void(const std::set<std::string>&)> on_snapshots;
};

// The coordinators of one worker process: finds them by their names, again and again, and tells each that the worker is
// there. One that is found no more is kept while it answers, or leases of it run. Thread-safe.
class Coordinators {
 public:
  explicit Coordinators(CoordinatorsOptions options);
  // Tells a drain that was begun to all that answer.
  ~Coordinators();
  Coordinators(const Coordinators&) = delete;
  Coordinators& operator=(const Coordinators&) = delete;

  // Once: begins. `listening` is where the worker is reached, unless the options say another address.
  void Start(const std::string& listening);
  // Tells all at once that the worker takes no more.
  void BeginDrain();

  // Over all coordinators; they live as long as this object, and find nobody before Start().
  rpc::LeaseClient& leases() { return leases_; }
  rpc::SourceClient& sources() { return *sources_; }
  const std::string& worker() const { return options_.beat.worker; }
  KnownSnapshots snapshots();
  // "" once a coordinator has answered within its last three intervals.
  std::string WhyNotReady();

 private:
  using Links = std::map<std::string, std::shared_ptr<CoordinatorLink>>;  // by address

  void Run();
  void Resolve();
  bool Join(const std::string& address);  // false: not now; said
  absl::StatusOr<CoordinatorLink::Clients> MakeClients(const std::string& address) const;
  void LeaveThoseGone();
  void NoteSnapshots();
  Links links();
  std::vector<Peer> peers();

  CoordinatorsOptions options_;
  RoutedLeases leases_;
  const std::unique_ptr<rpc::SourceClient> sources_;
  // Run's thread's own: by target, and by address that could not be joined.
  std::vector<std::vector<std::string>> found_;
  std::vector<Trouble> resolve_troubles_;
  std::map<std::string, Trouble> join_troubles_;

  base::Mutex mutex_;
  Links links_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, absl::Time> named_ ABSL_GUARDED_BY(mutex_);  // snapshots, and when last
  bool all_joined_ ABSL_GUARDED_BY(mutex_) = false;                  // every name was found, every address joined
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace vecferry::service

#endif  // VECFERRY_COMMON_SERVICE_COORDINATORS_H_
