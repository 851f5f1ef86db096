#ifndef VECFERRY_WRITER_WORKER_PLAN_CACHE_H_
#define VECFERRY_WRITER_WORKER_PLAN_CACHE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/core/plan.h"
#include "common/postgres/connection.h"

namespace vecferry::writer {

// The plans of the migrations that this writer serves. Frozen, so each is read and parsed once. Thread-safe.
class PlanCache {
 public:
  // Shared: a stream goes on with its plan after the cache let it go.
  absl::StatusOr<std::shared_ptr<const core::Plan>> Get(postgres::Connection& session, const std::string& migration_id);

 private:
  base::Mutex mutex_;
  // The oldest first.
  std::vector<std::pair<std::string, std::shared_ptr<const core::Plan>>> plans_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace vecferry::writer

#endif  // VECFERRY_WRITER_WORKER_PLAN_CACHE_H_
