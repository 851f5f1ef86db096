#ifndef VECFERRY_COMMON_TELEMETRY_HTTP_ENDPOINTS_H_
#define VECFERRY_COMMON_TELEMETRY_HTTP_ENDPOINTS_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace prometheus {
class Registry;
}

namespace vecferry::telemetry {

// /metrics in Prometheus' text form; /healthz: 200 while the process runs; /readyz: 200, or 503 with the reason. Plain
// HTTP without secrets, for a cluster's own network. Thread-safe.
class HttpEndpoints {
 public:
  // "" when the service can take work, else why not; called from several threads.
  using WhyNotReady = std::function<std::string()>;

  // `listen` is HOST:PORT, port 0 = any. `registry` must outlive it. Errors: kUnavailable: nothing can listen there.
  static absl::StatusOr<std::unique_ptr<HttpEndpoints>> Start(const std::string& listen,
                                                              const prometheus::Registry& registry,
                                                              WhyNotReady why_not_ready);
  virtual ~HttpEndpoints() = default;
  // HOST:PORT with the port that was chosen.
  virtual std::string address() const = 0;
};

}  // namespace vecferry::telemetry

#endif  // VECFERRY_COMMON_TELEMETRY_HTTP_ENDPOINTS_H_
