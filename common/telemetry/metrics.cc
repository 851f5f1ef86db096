#include "common/telemetry/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace vecferry::telemetry {
namespace {

const prometheus::Histogram::BucketBoundaries& Seconds() {
  static const auto& bounds =
      *new prometheus::Histogram::BucketBoundaries{0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 60};
  return bounds;
}

}  // namespace

Counter::Counter(prometheus::Registry& registry, const std::string& name, const std::string& help,
                 const std::map<std::string, std::string>& labels)
    : counter_(&prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(labels)) {}

void Counter::Add(double amount) { counter_->Increment(amount); }

Gauge::Gauge(prometheus::Registry& registry, const std::string& name, const std::string& help)
    : gauge_(&prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({})) {}

void Gauge::Set(double value) { gauge_->Set(value); }
void Gauge::Add(double amount) { gauge_->Increment(amount); }

LatencyHistogram::LatencyHistogram(prometheus::Registry& registry, const std::string& name, const std::string& help)
    : histogram_(&prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({}, Seconds())) {}

void LatencyHistogram::Observe(absl::Duration duration) { histogram_->Observe(absl::ToDoubleSeconds(duration)); }

std::shared_ptr<prometheus::Registry> MakeRegistry() {
  return std::make_shared<prometheus::Registry>(prometheus::Registry::InsertBehavior::Merge);
}

}  // namespace vecferry::telemetry
