#include "coordinator/coordinator_metrics.h"

#include <string>

namespace vecferry::coordinator {
namespace {

using core::State;

template <typename Metric>
std::map<State, Metric> ByState(prometheus::Registry& registry, const std::string& name, const std::string& help,
                                std::initializer_list<State> states) {
  std::map<State, Metric> metrics;
  for (const State state : states) {
    metrics.emplace(state, Metric(registry, name, help, {{"state", std::string(core::ToString(state))}}));
  }
  return metrics;
}

std::map<rpc::WorkerKind, telemetry::Gauge> ByKind(prometheus::Registry& registry) {
  std::map<rpc::WorkerKind, telemetry::Gauge> gauges;
  const std::map<rpc::WorkerKind, std::string> kinds = {{rpc::WorkerKind::kReader, "reader"},
                                                        {rpc::WorkerKind::kWriter, "writer"},
                                                        {rpc::WorkerKind::kVerifier, "verifier"}};
  for (const auto& [kind, name] : kinds) {
    gauges.emplace(
        kind, telemetry::Gauge(registry, "vecferry_coordinator_workers", "Workers that are there.", {{"kind", name}}));
  }
  return gauges;
}

}  // namespace

CoordinatorMetrics::CoordinatorMetrics(prometheus::Registry& registry)
    : migrations(ByState<telemetry::Gauge>(registry, "vecferry_coordinator_migrations", "Migrations driven here.",
                                           {State::kPlanned, State::kCopying, State::kFinishing, State::kVerifying})),
      ended(ByState<telemetry::Counter>(registry, "vecferry_coordinator_migrations_ended_total",
                                        "Migrations that ended here, for now or for good.",
                                        {State::kPaused, State::kFailed, State::kCancelled, State::kVerified,
                                         State::kDifferent, State::kCopied, State::kDropped})),
      waiting(registry, "vecferry_coordinator_waiting_migrations", "Migrations that wait for a worker."),
      leases(registry, "vecferry_coordinator_leases", "Shards in readers' hands."),
      granted(registry, "vecferry_coordinator_leases_granted_total", "Leases given out."),
      lost(registry, "vecferry_coordinator_leases_lost_total", "Leases taken back from readers that fell silent."),
      rejected(registry, "vecferry_coordinator_rejected_rows_total", "Rejected rows of migrations that ended here."),
      workers(ByKind(registry)) {}

}  // namespace vecferry::coordinator
