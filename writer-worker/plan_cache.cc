#include "writer-worker/plan_cache.h"

#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"
#include "common/rpc/plan_codec.h"

namespace vecferry::writer {
namespace {

constexpr std::size_t kPlansMax = 4;  // a writer serves one migration at a time, or a few

}  // namespace

absl::StatusOr<std::shared_ptr<const core::Plan>> PlanCache::Get(postgres::Connection& session,
                                                                 const std::string& migration_id) {
  {
    base::MutexLock lock(&mutex_);
    for (const auto& [id, plan] : plans_) {
      if (id == migration_id) return plan;
    }
  }
  ASSIGN_OR_RETURN(const postgres::MigrationRow row, postgres::GetMigration(session, migration_id));
  ASSIGN_OR_RETURN(core::Plan parsed, rpc::ParsePlan(row.plan));
  auto plan = std::make_shared<const core::Plan>(std::move(parsed));
  base::MutexLock lock(&mutex_);
  if (plans_.size() == kPlansMax) plans_.erase(plans_.begin());
  plans_.emplace_back(migration_id, plan);
  return plan;
}

}  // namespace vecferry::writer
