#ifndef VECFERRY_COMMON_TELEMETRY_METRICS_H_
#define VECFERRY_COMMON_TELEMETRY_METRICS_H_

#include <map>
#include <memory>
#include <string>

#include "absl/time/time.h"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
class Registry;
}  // namespace prometheus

namespace vecferry::telemetry {

// What a service counts, by Prometheus' rules for names: vecferry_<what>_<unit>, _total for counters. All objects live
// as long as the registry that they were made in; making one of the same name again gives the same.
// Thread-safe; adding costs one atomic operation.
class Counter {
 public:
  Counter(prometheus::Registry& registry, const std::string& name, const std::string& help,
          const std::map<std::string, std::string>& labels = {});
  void Add(double amount = 1);

 private:
  prometheus::Counter* counter_;
};

class Gauge {
 public:
  Gauge(prometheus::Registry& registry, const std::string& name, const std::string& help);
  void Set(double value);
  void Add(double amount);  // or less

 private:
  prometheus::Gauge* gauge_;
};

// Of seconds, in buckets from a millisecond to a minute.
class LatencyHistogram {
 public:
  LatencyHistogram(prometheus::Registry& registry, const std::string& name, const std::string& help);
  void Observe(absl::Duration duration);

 private:
  prometheus::Histogram* histogram_;
};

std::shared_ptr<prometheus::Registry> MakeRegistry();

}  // namespace vecferry::telemetry

#endif  // VECFERRY_COMMON_TELEMETRY_METRICS_H_
