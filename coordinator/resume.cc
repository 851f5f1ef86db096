#include "coordinator/resume.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/core/types.h"
#include "common/postgres/ledger_sql.h"
#include "common/profile/profile.h"
#include "common/rows/rows.h"
#include "common/rpc/plan_codec.h"
#include "common/sqlite/schema.h"
#include "coordinator/destination.h"
#include "coordinator/ledger_moves.h"

namespace vecferry::coordinator {
namespace {

constexpr std::size_t kShardsNamed = 10;

std::string NameShards(const core::Plan& plan, const std::vector<int>& shards) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(shards.size(), kShardsNamed); ++i) {
    const core::Mapping& mapping = plan.mappings[plan.shards[shards[i]].mapping];
    names.push_back(absl::StrCat(shards[i], " of ", core::QuoteIdentifier(mapping.source_table)));
  }
  const std::size_t more = shards.size() - names.size();
  return absl::StrCat(absl::StrJoin(names, ", "), more > 0 ? absl::StrCat(" and ", more, " more") : "");
}

absl::Status Refuse(const core::Plan& plan, const std::vector<int>& shards, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(
      "the source changed since the migration began, in rows that were carried already or that share a key with such "
      "(shard ",
      NameShards(plan, shards), "), and ", why,
      ": restore the source as it was and run the same command again, or `vecferry migrate cancel --drop` and begin "
      "anew"));
}

bool Existed(const core::Plan& plan, const std::string& name) {
  return std::any_of(plan.tables.begin(), plan.tables.end(),
                     [&](const core::Table& table) { return table.name == name && table.existed; });
}

// Empties the tables of the affected mappings together with what the ledger says about them.
absl::Status CarryAgain(const ResumeContext& context, const std::set<int>& affected, const core::Plan& plan) {
  const std::string& schema = plan.identity.destination_schema;
  std::set<std::string> tables;
  for (const int id : affected) tables.insert(plan.mappings[id].destination_table);
  std::vector<std::string> names;
  for (const std::string& table : tables) names.push_back(core::QualifiedName(schema, table));
  return postgres::InTransaction(context.session, [&]() -> absl::Status {
    RETURN_IF_ERROR(CheckEpoch(context.session, context.migration_id, context.coordinator_epoch));
    // A foreign key that stands already would refuse the emptying, and the rows while they arrive in any order.
    for (const core::FinishStep& step : plan.steps) {
      if (step.kind != core::StepKind::kForeignKey) continue;
      if (!tables.contains(step.table) && !tables.contains(step.parent_table)) continue;
      if (Existed(plan, step.table)) continue;
      RETURN_IF_ERROR(
          context.session.ExecuteScript(absl::StrCat("ALTER TABLE ", core::QualifiedName(schema, step.table),
                                                     " DROP CONSTRAINT IF EXISTS ", core::QuoteIdentifier(step.name))));
    }
    RETURN_IF_ERROR(context.session.ExecuteScript(absl::StrCat("TRUNCATE ", absl::StrJoin(names, ", "))));
    for (const std::string& sql : plan.seed_sql) RETURN_IF_ERROR(context.session.ExecuteScript(sql));
    RETURN_IF_ERROR(ResetMappings(context.session, context.migration_id, affected));
    return postgres::SetPlan(context.session, context.migration_id, context.coordinator_epoch,
                             rpc::SerializePlan(plan));
  });
}

absl::Status Reconcile(const ResumeContext& context, const std::vector<int>& shards, const core::Plan& plan) {
  if (context.on_source_change == "fail") return Refuse(plan, shards, "--on-source-change fail stops then");
  std::set<int> changed;
  for (const int shard : shards) changed.insert(plan.shards[shard].mapping);
  ASSIGN_OR_RETURN(const std::set<int> lost_parent, MappingsWithOrphans(context.session, context.migration_id));
  const std::set<int> affected = AffectedMappings(plan, changed, lost_parent);
  for (const int id : affected) {
    if (plan.mappings[id].mode != core::LoadMode::kMerge) continue;
    return Refuse(plan, shards,
                  absl::StrCat("table ", core::QuoteIdentifier(plan.mappings[id].destination_table),
                               " existed before, so that it cannot be emptied and loaded again"));
  }
  RETURN_IF_ERROR(CarryAgain(context, affected, plan));
  return postgres::RecordEvent(context.session, context.migration_id, "reconciled",
                               absl::StrCat("the source changed in carried rows (shard ", NameShards(plan, shards),
                                            "); their tables were emptied and are carried again"));
}

// Rows that count as duplicates in one of two plans only.
std::set<std::string> DifferingDuplicates(const core::Mapping& one, const core::Mapping& other) {
  const std::set<std::string> first(one.duplicates.begin(), one.duplicates.end());
  const std::set<std::string> second(other.duplicates.begin(), other.duplicates.end());
  std::set<std::string> differing;
  std::set_symmetric_difference(first.begin(), first.end(), second.begin(), second.end(),
                                std::inserter(differing, differing.end()));
  return differing;
}

// Whether one of the source keys in `keys` lies in what a shard has carried.
absl::StatusOr<bool> CarriedAny(sqlite::Database& source, const core::Mapping& mapping, const core::Shard& shard,
                                const core::Checkpoint& at, const std::set<std::string>& keys) {
  if (keys.empty()) return false;
  core::Mapping keys_only = mapping;
  keys_only.inputs.clear();
  ASSIGN_OR_RETURN(const sqlite::RangeQuery query,
                   sqlite::MakeRangeQuery(keys_only, shard.lower, shard.upper, /*after=*/std::nullopt,
                                          at.done ? std::nullopt : at.last_key));
  ASSIGN_OR_RETURN(sqlite::Statement rows, source.Prepare(query.sql));
  int parameter = 0;
  for (const core::Value& value : query.parameters) rows.Bind(++parameter, value.view());
  std::vector<core::ValueView> key(mapping.key.expressions.size());
  while (true) {
    ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return false;
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = rows.Column(static_cast<int>(i));
    if (keys.contains(core::EncodeRecord(key))) return true;
  }
}

}  // namespace

absl::StatusOr<std::vector<int>> FindChangedShards(const ResumeContext& context, const core::Plan& plan,
                                                   const core::Plan& renewed,
                                                   const std::vector<postgres::ShardRow>& shards) {
  std::vector<std::set<std::string>> differing;
  for (const core::Mapping& mapping : plan.mappings) {
    differing.push_back(DifferingDuplicates(mapping, renewed.mappings[mapping.id]));
  }
  std::vector<int> changed;
  for (const postgres::ShardRow& row : shards) {
    const core::Mapping& mapping = plan.mappings[row.mapping];
    const core::Checkpoint& at = row.checkpoint;
    if (!at.done && !at.last_key) continue;  // nothing was read from it
    if (context.stopping()) return absl::CancelledError("stopped while comparing the source");
    ASSIGN_OR_RETURN(const auto digest,
                     rows::DigestRange(*context.source.Take(), mapping, plan.shards[row.id], at.last_key, at.done));
    bool same = digest.count == at.source_count && digest.sum == at.source_sum &&
                mapping.from_sql == renewed.mappings[mapping.id].from_sql;
    if (same) {
      ASSIGN_OR_RETURN(const bool judged_otherwise,
                       CarriedAny(*context.source.Take(), mapping, plan.shards[row.id], at, differing[mapping.id]));
      same = !judged_otherwise;
    }
    if (!same) changed.push_back(row.id);
  }
  return changed;
}

std::set<int> AffectedMappings(const core::Plan& plan, const std::set<int>& changed, const std::set<int>& lost_parent) {
  std::set<int> affected = changed;
  std::set<std::string> tables;
  for (bool grown = true; grown;) {
    const std::size_t before = affected.size();
    for (const int id : affected) tables.insert(plan.mappings[id].destination_table);
    for (const core::Mapping& mapping : plan.mappings) {
      const bool parent_changes = lost_parent.contains(mapping.id) &&
                                  std::any_of(plan.steps.begin(), plan.steps.end(), [&](const core::FinishStep& step) {
                                    return step.kind == core::StepKind::kForeignKey &&
                                           step.table == mapping.destination_table &&
                                           tables.contains(step.parent_table);
                                  });
      if (parent_changes || tables.contains(mapping.destination_table)) affected.insert(mapping.id);
    }
    grown = affected.size() > before;
  }
  return affected;
}

absl::Status ReconcileSource(const ResumeContext& context, core::Plan& plan) {
  if (context.fingerprint == plan.source_fingerprint) {
    if (context.snapshot == plan.snapshot) return absl::OkStatus();
    plan.snapshot = context.snapshot;  // another copy of the same state
    return postgres::SetPlan(context.session, context.migration_id, context.coordinator_epoch,
                             rpc::SerializePlan(plan));
  }
  // Whoever still carries a shard of the former state, by the former plan, must ask anew: from here on nothing of it
  // is added to what is compared.
  RETURN_IF_ERROR(FenceWriters(context.session, context.migration_id));
  ASSIGN_OR_RETURN(const sqlite::SourceSchema schema, sqlite::ReadSchema(*context.source.Take()));
  if (schema.hash != plan.source_schema_hash) {
    return absl::FailedPreconditionError(
        "tables or columns of the source changed since the migration began: restore them, or `vecferry migrate cancel "
        "--drop`, then run the same command again");
  }
  ASSIGN_OR_RETURN(const std::vector<postgres::ShardRow> shards,
                   postgres::LoadShards(context.session, context.migration_id));
  core::Plan renewed = plan;
  ++renewed.revision;
  renewed.source_fingerprint = context.fingerprint;
  renewed.snapshot = context.snapshot;
  RETURN_IF_ERROR(profile::RenewPlan(*context.source.Take(), schema, renewed));
  ASSIGN_OR_RETURN(const std::vector<int> changed, FindChangedShards(context, plan, renewed, shards));
  plan = std::move(renewed);
  if (!changed.empty()) return Reconcile(context, changed, plan);
  RETURN_IF_ERROR(
      postgres::SetPlan(context.session, context.migration_id, context.coordinator_epoch, rpc::SerializePlan(plan)));
  return postgres::RecordEvent(context.session, context.migration_id, "source_rewritten",
                               "the source's bytes changed since the migration began, but no row that was carried");
}

}  // namespace vecferry::coordinator
