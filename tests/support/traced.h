#ifndef VECFERRY_TESTS_SUPPORT_TRACED_H_
#define VECFERRY_TESTS_SUPPORT_TRACED_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/telemetry/tracing.h"
#include "tests/support/otlp_collector.h"

namespace vecferry::testing {

// Tracing of the test's process. A test has one at a time, and ends it before the collector.
class Traced {
 public:
  // `variables`: NAME, value. The library reads some of them from the process's environment: they are set there, too.
  explicit Traced(const std::string& endpoint, const std::vector<std::pair<std::string, std::string>>& variables = {}) {
    Set("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    for (const auto& [name, value] : variables) Set(name, value);
    auto tracing = telemetry::Tracing::Start("test", environment_);
    EXPECT_TRUE(tracing.ok()) << tracing.status();
    if (tracing.ok()) tracing_ = *std::move(tracing);
  }
  ~Traced() {
    Finish();
    for (const std::string& name : names_) unsetenv(name.c_str());
  }
  Traced(const Traced&) = delete;
  Traced& operator=(const Traced&) = delete;

  // Until the spans that have ended are with the collector; nothing is traced from here on.
  void Finish() { tracing_.reset(); }

 private:
  void Set(const std::string& name, const std::string& value) {
    setenv(name.c_str(), value.c_str(), 1);
    names_.push_back(name);
    environment_.push_back(name + "=" + value);
  }

  std::vector<std::string> names_, environment_;
  std::unique_ptr<telemetry::Tracing> tracing_;
};

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_TRACED_H_
