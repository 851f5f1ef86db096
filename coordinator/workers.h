#ifndef VECFERRY_COORDINATOR_WORKERS_H_
#define VECFERRY_COORDINATOR_WORKERS_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/rpc/clients.h"

namespace vecferry::coordinator {

// Who writes and checks what a coordinator drives. Thread-safe.
class Workers {
 public:
  virtual ~Workers() = default;
  // The address of the writer for one more stream, given how many each serves now. nullopt: none has room.
  virtual std::optional<std::string> ChooseWriter(const std::map<std::string, int>& streams) = 0;
  // kUnavailable: none is there. Its answer kUnavailable may mean that it went away: another may be there by then.
  virtual absl::StatusOr<std::shared_ptr<rpc::VerifierClient>> ChooseVerifier() = 0;
};

// Those of this process: a writer that its readers know without an address, and this verifier.
std::shared_ptr<Workers> MakeOwnWorkers(std::shared_ptr<rpc::VerifierClient> verifier);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_WORKERS_H_
