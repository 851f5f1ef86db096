#ifndef VECFERRY_VERIFIER_VERIFIER_SERVICE_H_
#define VECFERRY_VERIFIER_VERIFIER_SERVICE_H_

#include <memory>

#include "common/postgres/connection.h"
#include "common/sqlite/snapshot_connection.h"

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
  // From any thread: ends the call at work with CANCELLED, its statements included, and refuses later ones.
  virtual void Stop() = 0;
};
// `source` must outlive the service.
std::unique_ptr<VerifierService> MakeVerifierService(sqlite::SnapshotConnection& source,
                                                     postgres::ConnectionResolver resolver);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_VERIFIER_SERVICE_H_
