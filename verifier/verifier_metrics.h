#ifndef VECFERRY_VERIFIER_VERIFIER_METRICS_H_
#define VECFERRY_VERIFIER_VERIFIER_METRICS_H_

#include <string>

#include "common/telemetry/metrics.h"

namespace vecferry::verifier {

// What a verifier counts. Thread-safe; the registry must outlive it.
class VerifierMetrics {
 public:
  explicit VerifierMetrics(prometheus::Registry& registry)
      : seconds(registry, "vecferry_verifier_seconds",
                "Seconds that a call took, the fetching of its source included."),
        passed_(MakeChecks(registry, "pass")),
        failed_(MakeChecks(registry, "fail")),
        skipped_(MakeChecks(registry, "skipped")) {}

  // As core::CheckReport::verdict.
  void CountCheck(const std::string& verdict) {
    (verdict == "pass" ? passed_ : verdict == "fail" ? failed_ : skipped_).Add();
  }
  telemetry::LatencyHistogram seconds;

 private:
  static telemetry::Counter MakeChecks(prometheus::Registry& registry, const std::string& verdict) {
    return {registry, "vecferry_verifier_checks_total", "Checks told, by verdict.", {{"verdict", verdict}}};
  }

  telemetry::Counter passed_, failed_, skipped_;
};

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_VERIFIER_METRICS_H_
