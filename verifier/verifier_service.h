#ifndef VECFERRY_VERIFIER_VERIFIER_SERVICE_H_
#define VECFERRY_VERIFIER_VERIFIER_SERVICE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/postgres/connection.h"
#include "common/sqlite/snapshot_connection.h"
#include "common/telemetry/metrics.h"

namespace grpc {
class Service;
}

namespace vecferry::verifier {

// VerifierService (proto/vecferry/v1/verifier.proto). Counts, by its own SQL: for each source table, which it lists
// itself, rows in the snapshot against rows at the destination and in the ledger, so that a table which the profile
// forgot is a failed check, and a row lost or doubled by any fault of ours is too. Thread-safe.
class VerifierService {
 public:
  virtual ~VerifierService() = default;
  virtual grpc::Service* service() = 0;
  // From any thread: ends the calls at work with CANCELLED, its statements included, and refuses later ones.
  virtual void Stop() = 0;
  // Refuses new calls with UNAVAILABLE, and returns when those at work have ended; past `deadline` stops them.
  virtual void Drain(absl::Time deadline) = 0;
};
// A connection to the copy of a source that a call names ("" = the one that this process has open). May take long, for
// a copy that must be fetched first; asks `stopping` now and then.
using OpenSource = std::function<absl::StatusOr<std::shared_ptr<sqlite::SnapshotConnection>>(
    const std::string& snapshot, const std::function<bool()>& stopping)>;
// `registry` takes the service's metrics.
std::unique_ptr<VerifierService> MakeVerifierService(
    OpenSource open_source, postgres::ConnectionResolver resolver,
    std::shared_ptr<prometheus::Registry> registry = telemetry::MakeRegistry());

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_VERIFIER_SERVICE_H_
