// A collector for tests of programs: otlp_collector FILE listens on a free port of 127.0.0.1, says
// "listening on HOST:PORT", and writes each span that comes as one line of JSON to FILE. Ends on SIGTERM or SIGINT.
#include <signal.h>
#include <stdio.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/otlp_collector.h"

namespace {

nlohmann::json LineOf(const vecferry::testing::ToldSpan& span) {
  return {{"name", span.name},
          {"service", span.service},
          {"kind", span.kind},
          {"trace_id", span.trace_id},
          {"span_id", span.span_id},
          {"parent_id", span.parent_id},
          {"begin_ns", absl::ToUnixNanos(span.begin)},
          {"end_ns", absl::ToUnixNanos(span.end)},
          {"failed", span.failed},
          {"why_failed", span.why_failed},
          {"attributes", span.attributes}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fputs("usage: otlp_collector FILE\n", stderr);
    return 2;
  }
  // Before there are threads, which inherit it: the signal waits for sigwait().
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigprocmask(SIG_BLOCK, &ends, nullptr);

  std::ofstream file(argv[1], std::ios::app);
  if (!file) {
    fprintf(stderr, "otlp_collector: cannot write to %s\n", argv[1]);
    return 1;
  }
  const vecferry::testing::OtlpCollector collector(
      [&file](const vecferry::testing::ToldSpan& span) { file << LineOf(span).dump() << std::endl; });
  printf("listening on %s\n", collector.address().c_str());
  fflush(stdout);
  int received = 0;
  sigwait(&ends, &received);
  return 0;
}
