#ifndef VECFERRY_TESTS_SUPPORT_OTLP_COLLECTOR_H_
#define VECFERRY_TESTS_SUPPORT_OTLP_COLLECTOR_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/base/mutex.h"

namespace vecferry::testing {

// A span as it came to a collector.
struct ToldSpan {
  std::string name, service;
  std::string kind;                               // INTERNAL, SERVER, CLIENT
  std::string trace_id, span_id, parent_id;       // hexadecimal; parent_id "" = a root
  std::map<std::string, std::string> attributes;  // numbers as text
  bool failed = false;
  std::string why_failed;
  absl::Time begin, end;
};

// A collector of spans by OTLP over gRPC, on a free port of 127.0.0.1. Thread-safe.
class OtlpCollector {
 public:
  // `on_span` is called for each span as it comes, one at a time.
  explicit OtlpCollector(std::function<void(const ToldSpan&)> on_span = nullptr);
  ~OtlpCollector();
  OtlpCollector(const OtlpCollector&) = delete;
  OtlpCollector& operator=(const OtlpCollector&) = delete;

  const std::string& address() const { return address_; }  // HOST:PORT
  // For OTEL_EXPORTER_OTLP_ENDPOINT.
  std::string endpoint() const { return "http://" + address_; }

  // What has come; by name, in the order of their begins.
  std::vector<ToldSpan> spans();
  std::vector<ToldSpan> spans(const std::string& name);

 private:
  class Service;
  struct Server;
  void Take(const std::string& request);

  const std::function<void(const ToldSpan&)> on_span_;
  base::Mutex mutex_;
  std::vector<ToldSpan> spans_ ABSL_GUARDED_BY(mutex_);
  std::string address_;
  std::unique_ptr<Server> server_;  // last: it calls Take
};

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_OTLP_COLLECTOR_H_
