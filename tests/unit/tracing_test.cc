// What of tracing needs no collector: the text of Trace Context, the variables, log lines.
#include "common/telemetry/tracing.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "common/telemetry/log.h"
#include "common/telemetry/rare_warning.h"
#include "common/telemetry/trace_context.h"
#include "common/telemetry/tracing_options.h"
#include "tests/support/status_matchers.h"

namespace vecferry::telemetry {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

constexpr char kTrace[] = "0af7651916cd43dd8448eb211c80319c";
constexpr char kText[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr char kOther[] = "00-11111111111111111111111111111111-2222222222222222-00";

TEST(TraceContextTest, TakesOnlyWholeTraceparentsOfTheKnownVersion) {
  EXPECT_TRUE(IsTraceparent(kText));
  EXPECT_TRUE(IsTraceparent(kOther));
  const std::string good = kText;
  for (const std::string& bad :
       std::vector<std::string>{"", "00", good + "-", good + " ", " " + good, good.substr(0, 54), "01" + good.substr(2),
                                "ff" + good.substr(2), "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                                "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                                "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
                                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
                                "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
                                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01", std::string(55, '\0')}) {
    EXPECT_FALSE(IsTraceparent(bad)) << bad;
    EXPECT_EQ(TraceIdOf(bad), "") << bad;
  }
  EXPECT_EQ(TraceIdOf(kText), kTrace);
}

TEST(TraceContextTest, ScopesNestAndBelongToTheirThread) {
  EXPECT_EQ(CurrentTraceparent(), "");
  {
    const TraceScope outer(kText);
    EXPECT_EQ(CurrentTraceparent(), kText);
    EXPECT_EQ(CurrentTraceId(), kTrace);
    {
      const TraceScope inner(kOther);
      EXPECT_EQ(CurrentTraceparent(), kOther);
      const TraceScope none("no traceparent");
      EXPECT_EQ(CurrentTraceparent(), "");
      EXPECT_EQ(CurrentTraceId(), "");
    }
    std::thread([] { EXPECT_EQ(CurrentTraceparent(), ""); }).join();
    EXPECT_EQ(CurrentTraceparent(), kText);
  }
  EXPECT_EQ(CurrentTraceparent(), "");
}

TracingOptions Read(std::vector<std::string> environment, std::vector<std::string>* warnings = nullptr) {
  environment.emplace_back("OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317");
  std::vector<std::string> said;
  TracingOptions options = ReadTracingOptions(environment, warnings == nullptr ? said : *warnings);
  EXPECT_THAT(said, IsEmpty());
  return options;
}

TEST(TracingOptionsTest, IsOffWithoutAnEndpointAndWhenToldSo) {
  std::vector<std::string> warnings;
  EXPECT_FALSE(ReadTracingOptions({}, warnings).enabled);
  EXPECT_FALSE(ReadTracingOptions({"OTEL_EXPORTER_OTLP_ENDPOINT=", "OTEL_TRACES_SAMPLER=odd"}, warnings).enabled);
  EXPECT_TRUE(ReadTracingOptions({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c:1"}, warnings).enabled);
  EXPECT_THAT(warnings, IsEmpty());
  EXPECT_TRUE(Read({}).enabled);
  EXPECT_TRUE(
      Read({"OTEL_SDK_DISABLED=false", "OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}).enabled);
  EXPECT_FALSE(Read({"OTEL_SDK_DISABLED=TRUE"}).enabled);
  EXPECT_FALSE(Read({"OTEL_TRACES_EXPORTER=none"}).enabled);
}

TEST(TracingOptionsTest, ReadsTheSamplers) {
  const TracingOptions defaults = Read({});
  EXPECT_EQ(defaults.sampling, Sampling::kAlwaysOn);
  EXPECT_TRUE(defaults.parent_based);
  const TracingOptions off = Read({"OTEL_TRACES_SAMPLER=always_off"});
  EXPECT_EQ(off.sampling, Sampling::kAlwaysOff);
  EXPECT_FALSE(off.parent_based);
  const TracingOptions ratio = Read({"OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.25"});
  EXPECT_EQ(ratio.sampling, Sampling::kRatio);
  EXPECT_TRUE(ratio.parent_based);
  EXPECT_EQ(ratio.ratio, 0.25);
  EXPECT_EQ(Read({"OTEL_TRACES_SAMPLER=traceidratio"}).ratio, 1);
  EXPECT_EQ(Read({"OTEL_TRACES_SAMPLER_ARG=no number"}).ratio, 1) << "of no sampler that takes one";
}

TEST(TracingOptionsTest, ReadsTheBatches) {
  const TracingOptions options = Read({"OTEL_BSP_SCHEDULE_DELAY=200", "OTEL_BSP_EXPORT_TIMEOUT=900",
                                       "OTEL_BSP_MAX_QUEUE_SIZE=64", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=32"});
  EXPECT_EQ(options.batch_delay, absl::Milliseconds(200));
  EXPECT_EQ(options.export_timeout, absl::Milliseconds(900));
  EXPECT_EQ(options.queue_spans_max, 64u);
  EXPECT_EQ(options.batch_spans_max, 32u);
  EXPECT_EQ(Read({"OTEL_BSP_MAX_QUEUE_SIZE=64"}).batch_spans_max, 64u) << "no batch is larger than the queue";
}

TEST(TracingOptionsTest, WarnsOfWhatItDoesNotUnderstandAndGoesOn) {
  std::vector<std::string> warnings;
  const TracingOptions options =
      Read({"OTEL_TRACES_SAMPLER=sometimes", "OTEL_BSP_SCHEDULE_DELAY=soon", "OTEL_BSP_MAX_QUEUE_SIZE=0",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=4000", "OTEL_SDK_DISABLED=perhaps", "OTEL_TRACES_EXPORTER=zipkin",
            "OTEL_EXPORTER_OTLP_PROTOCOL=http/json"},
           &warnings);
  EXPECT_TRUE(options.enabled);
  EXPECT_EQ(options.sampling, Sampling::kAlwaysOn);
  EXPECT_EQ(options.batch_delay, absl::Seconds(5));
  EXPECT_EQ(options.queue_spans_max, 2048u);
  EXPECT_EQ(options.batch_spans_max, 512u);
  EXPECT_THAT(warnings,
              ElementsAre(HasSubstr("OTEL_SDK_DISABLED=perhaps"), HasSubstr("OTEL_TRACES_EXPORTER=zipkin"),
                          HasSubstr("OTEL_EXPORTER_OTLP_PROTOCOL=http/json"),
                          HasSubstr("OTEL_TRACES_SAMPLER=sometimes"), HasSubstr("OTEL_BSP_MAX_QUEUE_SIZE=0"),
                          HasSubstr("OTEL_BSP_MAX_EXPORT_BATCH_SIZE=4000"), HasSubstr("OTEL_BSP_SCHEDULE_DELAY=soon")));
  warnings.clear();
  EXPECT_EQ(Read({"OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=2"}, &warnings).ratio, 1);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("OTEL_TRACES_SAMPLER_ARG=2")));
}

TEST(TracingTest, RecordsNothingWithoutAnEndpoint) {
  const auto tracing = Tracing::Start("test", {"OTEL_TRACES_SAMPLER=always_on"});
  ASSERT_THAT(tracing, ::vecferry::testing::IsOk());
  EXPECT_EQ(NewTraceparent(), "");
  Span span = Span::Start("shard", kText);
  EXPECT_FALSE(span.recording());
  EXPECT_EQ(span.traceparent(), "");
  span.Set("rows", 5);
  span.Set("table", "notes");
  span.Fail(absl::InternalError("broken"));
  Span moved = std::move(span);
  moved.End();
  TellRoot(kText, "migration", absl::Now(), absl::Now(), {{"rows", 5}}, absl::OkStatus());
}

TEST(RareWarningTest, LogsOneLineAnInterval) {
  ASSERT_THAT(StartLogging({}), ::vecferry::testing::IsOk());
  RareWarning warning(absl::Minutes(1));
  const absl::Time begin = absl::FromUnixSeconds(1'700'000'000);
  CaptureStderr();
  for (const int second : {0, 1, 59}) warning.LogAt(begin + absl::Seconds(second), "the collector is away");
  EXPECT_THAT(GetCapturedStderr(), EndsWith("warning the collector is away\n"));
  CaptureStderr();
  warning.LogAt(begin + absl::Seconds(60), "it still is");
  EXPECT_THAT(GetCapturedStderr(), HasSubstr("it still is (2 more such lines left out before)"));
}

TEST(LogTest, SaysWhatIsSaidOnceOnce) {
  ASSERT_THAT(StartLogging({}), ::vecferry::testing::IsOk());
  CaptureStderr();
  for (const char* line : {"refused: first", "refused: second", "refused: first"}) LogWarningOnce(line);
  const std::string text = GetCapturedStderr();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  EXPECT_THAT(text, AllOf(HasSubstr("refused: first\n"), HasSubstr("refused: second\n")));
}

TEST(LogTest, LinesWithinASpanCarryItsTrace) {
  ASSERT_THAT(StartLogging({.format = LogFormat::kText}), ::vecferry::testing::IsOk());
  CaptureStderr();
  LogWarning("outside");
  {
    const TraceScope scope(kText);
    LogWarning("inside");
  }
  const std::string text = GetCapturedStderr();
  EXPECT_THAT(text,
              AllOf(HasSubstr(" warning outside\n"), HasSubstr(std::string(" warning inside trace=") + kTrace + "\n")));

  ASSERT_THAT(StartLogging({.format = LogFormat::kJson}), ::vecferry::testing::IsOk());
  CaptureStderr();
  LogWarning("outside");
  const TraceScope scope(kText);
  LogWarning("inside");
  const std::string json = GetCapturedStderr();
  EXPECT_THAT(json, AllOf(HasSubstr(R"("message":"outside"})"),
                          HasSubstr(std::string(R"("message":"inside","trace_id":")") + kTrace + R"("})")));
  EXPECT_THAT(json, Not(HasSubstr("trace=")));
}

}  // namespace
}  // namespace vecferry::telemetry
