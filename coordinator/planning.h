#ifndef VECFERRY_COORDINATOR_PLANNING_H_
#define VECFERRY_COORDINATOR_PLANNING_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/core/plan.h"
#include "common/postgres/catalog.h"
#include "common/postgres/connection.h"
#include "common/postgres/ledger.h"
#include "common/sqlite/database.h"

namespace vecferry::coordinator {

// Draws the whole plan, shards included, and writes nothing. `destination` nullptr: no server runs yet.
// Errors: as profile::MakePlan; kCancelled when the database was interrupted.
absl::StatusOr<core::Plan> DrawPlan(sqlite::Database& source, const std::string& fingerprint,
                                    const core::Identity& identity, const postgres::Catalog* destination,
                                    std::int64_t shard_bytes_max);

// Whether what is in `schema` can be compared with a source at all. Errors, each with what to do: kInvalidArgument (the
// schema's name), kFailedPrecondition (server version, encoding).
absl::Status CheckComparable(const postgres::Catalog& catalog, absl::string_view schema);

// Whether a migration into `schema` can work at all. Errors as CheckComparable, and kFailedPrecondition (read-only,
// pgvector missing), kPermissionDenied (CREATE rights).
absl::Status CheckDestination(const postgres::Catalog& catalog, absl::string_view schema, bool ledger_exists);

// kResourceExhausted when role or database may have fewer connections than the command may use.
absl::Status CheckConnectionLimit(postgres::Connection& session, int wanted);

// Holds the right to plan into one schema while it lives: a session advisory lock.
class PlanningLock {
 public:
  // Tries for `patience`. kAlreadyExists: another process plans into the schema, with its pid and since when.
  static absl::StatusOr<PlanningLock> Take(postgres::Connection& session, absl::string_view schema,
                                           absl::Duration patience);
  PlanningLock(PlanningLock&& other) noexcept : session_(other.session_), key_(std::move(other.key_)) {
    other.session_ = nullptr;
  }
  PlanningLock& operator=(PlanningLock&&) = delete;
  ~PlanningLock();

 private:
  PlanningLock(postgres::Connection& session, std::string key) : session_(&session), key_(std::move(key)) {}
  postgres::Connection* session_;
  std::string key_;
};

// Stores a drawn plan: makes the ledger if there is none; then, in one transaction, the destination's tables and the
// migration with its shards and claims. Sets the oids in `plan`, and of `row` id, plan and the seconds that planning
// took since `begin` (Monotonic). Errors: kAlreadyExists naming who claims a table; whatever the server says to a
// statement, which is named.
absl::Status StorePlan(postgres::Connection& session, const postgres::Catalog& catalog, core::Plan& plan,
                       absl::Duration begin, postgres::MigrationRow& row);

// kAlreadyExists naming the unfinished migration that claims a table of the schema which `plan` would load (all of the
// schema's when `plan` is null). Looked at before tables are compared: half-loaded ones would only look odd.
absl::Status CheckClaims(postgres::Connection& session, absl::string_view schema, const core::Plan* plan);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_PLANNING_H_
