#ifndef VECFERRY_COORDINATOR_COORDINATOR_METRICS_H_
#define VECFERRY_COORDINATOR_COORDINATOR_METRICS_H_

#include <map>

#include "common/core/migration.h"
#include "common/rpc/clients.h"
#include "common/telemetry/metrics.h"

namespace vecferry::coordinator {

// What a coordinator counts (docs/services.md). Thread-safe; the registry must outlive it.
struct CoordinatorMetrics {
  explicit CoordinatorMetrics(prometheus::Registry& registry);

  std::map<core::State, telemetry::Gauge> migrations;  // the running states
  std::map<core::State, telemetry::Counter> ended;
  telemetry::Gauge waiting, leases;
  telemetry::Counter granted, lost, rejected;
  std::map<rpc::WorkerKind, telemetry::Gauge> workers;
};

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_COORDINATOR_METRICS_H_
