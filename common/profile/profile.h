#ifndef VECFERRY_COMMON_PROFILE_PROFILE_H_
#define VECFERRY_COMMON_PROFILE_PROFILE_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/postgres/catalog.h"
#include "common/sqlite/database.h"
#include "common/sqlite/schema.h"

namespace vecferry::profile {

// What a profile looks at. All must outlive the call.
struct PlanInput {
  sqlite::Database& source;
  const sqlite::SourceSchema& schema;
  const core::Identity& identity;
  // nullptr: no server runs yet (a dry run against the private one): an empty destination is assumed.
  const postgres::Catalog* destination;
};

// Draws the whole plan but for shards, oids and fingerprint, which the coordinator adds: recognises the store
// (identity.profile "auto"), maps every table and column, decides types by declaration and values, finds duplicate
// keys, names what is left out, writes DDL and finish steps, compares tables that exist.
// Errors: kInvalidArgument (an unknown table in --only, a bad --vector-column, nothing to carry);
// kFailedPrecondition (another embedding model is registered; existing tables do not fit: all differences listed;
// no usable unique index for a merge); kDataLoss (damaged file).
absl::StatusOr<core::Plan> MakePlan(const PlanInput& input);

// Brings a stored plan up to date with a source of the same tables and columns whose rows changed: which rows share a
// destination key, how equal rows of a table without a key are told apart, and where numbering goes on. All else stays
// as it is frozen.
absl::Status RenewPlan(sqlite::Database& source, const sqlite::SourceSchema& schema, core::Plan& plan);

}  // namespace vecferry::profile

#endif  // VECFERRY_COMMON_PROFILE_PROFILE_H_
