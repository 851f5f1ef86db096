#ifndef VECFERRY_COORDINATOR_WORKER_REGISTRY_H_
#define VECFERRY_COORDINATOR_WORKER_REGISTRY_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/rpc/clients.h"
#include "coordinator/workers.h"

namespace vecferry::coordinator {

// How often workers say that they are there, and after how long a silence (three beats) they count as gone.
inline constexpr absl::Duration kBeatInterval = absl::Seconds(2);
inline constexpr absl::Duration kSilenceMax = absl::Seconds(6);

// The workers of other processes, as their beats tell them. Nothing is stored: after a restart they are known one beat
// later. Thread-safe.
class WorkerRegistry : public Workers {
 public:
  // A client of the verifier at an address.
  using ConnectVerifier = std::function<absl::StatusOr<std::shared_ptr<rpc::VerifierClient>>(const std::string&)>;
  // `now`: monotonic time, since some start of the caller's.
  WorkerRegistry(ConnectVerifier connect_verifier, std::function<absl::Duration()> now);

  void Beat(const rpc::WorkerBeat& beat);
  // Readers that fell silent since the last call; they are forgotten.
  std::vector<std::string> TakeGoneReaders();
  int Count(rpc::WorkerKind kind);

  // The one with the smallest part of its streams in use.
  std::optional<std::string> ChooseWriter(const std::map<std::string, int>& streams) override;
  // In turn, so that one which fails is not chosen again at once.
  absl::StatusOr<std::shared_ptr<rpc::VerifierClient>> ChooseVerifier() override;

 private:
  struct Known {
    rpc::WorkerBeat beat;
    absl::Duration seen;
  };
  bool IsThere(const Known& worker) const { return now_() - worker.seen < kSilenceMax; }

  const ConnectVerifier connect_verifier_;
  const std::function<absl::Duration()> now_;
  base::Mutex mutex_;
  std::map<std::string, Known> workers_ ABSL_GUARDED_BY(mutex_);  // by name
  std::string last_verifier_ ABSL_GUARDED_BY(mutex_);             // name of the one that was chosen last
};

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_WORKER_REGISTRY_H_
