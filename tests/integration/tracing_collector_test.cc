// Spans of this process as a collector gets them, over calls of real gRPC too.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/mutex.h"
#include "common/rpc/admission.h"
#include "common/rpc/call_span.h"
#include "common/rpc/channel.h"
#include "common/rpc/clients.h"
#include "common/telemetry/log.h"
#include "tests/support/otlp_collector.h"
#include "tests/support/status_matchers.h"
#include "tests/support/told_findings.h"
#include "tests/support/traced.h"
#include "vecferry/v1/verifier.grpc.pb.h"

namespace vecferry::telemetry {
namespace {

using ::testing::_;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::OtlpCollector;
using ::vecferry::testing::StatusIs;
using ::vecferry::testing::ToldSpan;
using ::vecferry::testing::Traced;

std::string SpanIdOf(const std::string& traceparent) { return traceparent.substr(36, 16); }

TEST(TracingCollectorTest, TellsARootUnderItsStoredIdsAfterAnotherProcessTookItUp) {
  OtlpCollector collector;
  std::string stored;
  {
    Traced first(collector.endpoint());
    stored = NewTraceparent();
    ASSERT_TRUE(IsTraceparent(stored));
    EXPECT_NE(stored, NewTraceparent());
    Span::Start("plan", stored).Set("vecferry.shards", 7);
  }
  const absl::Time begin = absl::FromUnixSeconds(1'700'000'000), end = begin + absl::Hours(3);
  {
    // As a coordinator whose sampler would not want a new trace; what was begun is told to its end.
    Traced second(collector.endpoint(), {{"OTEL_TRACES_SAMPLER", "parentbased_always_off"}});
    EXPECT_EQ(NewTraceparent(), "");
    Span::Start("finish", stored);
    TellRoot(stored, "migration", begin, end, {{"vecferry.rows", 5}, {"vecferry.state", "VERIFIED"}}, absl::OkStatus());
  }
  const std::vector<ToldSpan> spans = collector.spans();
  ASSERT_THAT(spans, SizeIs(3));
  for (const ToldSpan& span : spans) EXPECT_EQ(span.trace_id, TraceIdOf(stored));
  EXPECT_EQ(spans[0].name, "migration");
  EXPECT_EQ(spans[0].span_id, SpanIdOf(stored));
  EXPECT_EQ(spans[0].parent_id, "");
  EXPECT_EQ(spans[0].begin, begin);
  EXPECT_EQ(spans[0].end, end);
  EXPECT_FALSE(spans[0].failed);
  EXPECT_THAT(spans[0].attributes, ElementsAre(Pair("vecferry.rows", "5"), Pair("vecferry.state", "VERIFIED")));
  EXPECT_EQ(spans[1].name, "plan");
  EXPECT_EQ(spans[1].parent_id, SpanIdOf(stored));
  EXPECT_THAT(spans[1].attributes, ElementsAre(Pair("vecferry.shards", "7")));
  EXPECT_EQ(spans[2].parent_id, SpanIdOf(stored));
}

TEST(TracingCollectorTest, MarksFailuresAndCleansTexts) {
  OtlpCollector collector;
  Traced traced(collector.endpoint());
  const std::string root = NewTraceparent();
  {
    Span span = Span::Start("shard", root);
    span.Set("vecferry.table", "caf\xe9");
    span.Set("vecferry.seconds", 0.5);
    span.Fail(absl::UnavailableError(std::string(5000, 'x')));
  }
  TellRoot(root, "migration", absl::UnixEpoch(), absl::Now(), {}, absl::DataLossError("3 rows differ"));
  traced.Finish();
  const std::vector<ToldSpan> spans = collector.spans();
  ASSERT_THAT(spans, SizeIs(2));
  EXPECT_TRUE(spans[0].failed);
  EXPECT_EQ(spans[0].why_failed, "3 rows differ");
  EXPECT_THAT(spans[0].attributes, ElementsAre(Pair("error.type", "DATA_LOSS")));
  EXPECT_TRUE(spans[1].failed);
  EXPECT_EQ(spans[1].why_failed, std::string(500, 'x'));
  EXPECT_THAT(spans[1].attributes, ElementsAre(Pair("error.type", "UNAVAILABLE"), Pair("vecferry.seconds", "0.5"),
                                               Pair("vecferry.table", "caf\xef\xbf\xbd")));
}

TEST(TracingCollectorTest, TheEnvironmentNamesTheService) {
  OtlpCollector collector;
  {
    Traced traced(collector.endpoint());
    EXPECT_THAT(Tracing::Start("test", {"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.endpoint()}),
                StatusIs(absl::StatusCode::kFailedPrecondition, _));
    Span::Start("one", NewTraceparent());
  }
  {
    Traced traced(collector.endpoint(), {{"OTEL_SERVICE_NAME", "reader-a"}});
    Span::Start("two", NewTraceparent());
  }
  {
    Traced traced(collector.endpoint(), {{"OTEL_RESOURCE_ATTRIBUTES", "service.name=reader-b,zone=x"}});
    Span::Start("three", NewTraceparent());
  }
  EXPECT_EQ(collector.spans("one").at(0).service, "test");
  EXPECT_EQ(collector.spans("two").at(0).service, "reader-a");
  EXPECT_EQ(collector.spans("three").at(0).service, "reader-b");
}

TEST(TracingCollectorTest, TellsNothingThatTheSamplerDoesNotWant) {
  OtlpCollector collector;
  {
    Traced traced(collector.endpoint(),
                  {{"OTEL_TRACES_SAMPLER", "parentbased_traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "0"}});
    EXPECT_EQ(NewTraceparent(), "");
    EXPECT_FALSE(Span::Start("unsampled", "00-11111111111111111111111111111111-2222222222222222-00").recording());
    EXPECT_TRUE(Span::Start("sampled", "00-11111111111111111111111111111111-2222222222222222-01").recording());
  }
  {
    Traced traced(collector.endpoint(), {{"OTEL_TRACES_SAMPLER", "always_off"}});
    EXPECT_FALSE(Span::Start("off", "00-11111111111111111111111111111111-2222222222222222-01").recording());
  }
  EXPECT_THAT(collector.spans(), SizeIs(1));
}

// A span that outlives its Tracing is lost, and harms nobody.
TEST(TracingCollectorTest, ASpanMayEndAfterTracingDid) {
  OtlpCollector collector;
  Traced traced(collector.endpoint());
  Span late = Span::Start("late", NewTraceparent());
  traced.Finish();
  late.Set("rows", 1);
  late.End();
  EXPECT_THAT(collector.spans(), IsEmpty());
}

// ---- over gRPC ----

class Verifier final : public v1::VerifierService::Service {
 public:
  grpc::Status Verify(grpc::ServerContext* context, const v1::VerifyRequest*,
                      grpc::ServerWriter<v1::VerifyResponse>*) override {
    return rpc::Handle(*context, {rpc::Role::kClient}, rpc::kVerify, [&] {
      base::MutexLock lock(&mutex_);
      current_ = CurrentTraceparent();
      return answer_;
    });
  }
  void set_answer(const absl::Status& answer) {
    base::MutexLock lock(&mutex_);
    answer_ = answer;
  }
  std::string current() {
    base::MutexLock lock(&mutex_);
    return current_;
  }

 private:
  base::Mutex mutex_;
  absl::Status answer_ ABSL_GUARDED_BY(mutex_);
  std::string current_ ABSL_GUARDED_BY(mutex_);
};

class TracedCallTest : public ::testing::Test {
 protected:
  TracedCallTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&verifier_);
    server_ = builder.BuildAndStart();
    channel_ = server_->InProcessChannel(rpc::MakeChannelArguments());
  }
  absl::Status Verify() {
    testing::ToldFindings unused;
    return rpc::MakeVerifierClient(channel_)->Verify({"m", "c"}, unused);
  }
  void VerifyWith(const std::vector<std::string>& traceparents) {
    grpc::ClientContext context;
    rpc::Introduce(context);
    for (const std::string& text : traceparents) context.AddMetadata("traceparent", text);
    v1::VerifyResponse response;
    const auto reader = v1::VerifierService::Stub(channel_).Verify(&context, v1::VerifyRequest());
    while (reader->Read(&response)) {
    }
    ASSERT_TRUE(reader->Finish().ok());
  }

  OtlpCollector collector_;
  Verifier verifier_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

constexpr char kVerifyName[] = "vecferry.v1.VerifierService/Verify";

TEST_F(TracedCallTest, IsASpanOnBothSidesBelowTheCallersCurrentOne) {
  Traced traced(collector_.endpoint());
  std::string outer;
  {
    const Span span = Span::Start("verify", NewTraceparent());
    outer = span.traceparent();
    const TraceScope scope(outer);
    EXPECT_THAT(Verify(), IsOk());
    EXPECT_EQ(CurrentTraceparent(), outer);
  }
  traced.Finish();
  const std::vector<ToldSpan> calls = collector_.spans(kVerifyName);
  ASSERT_THAT(calls, SizeIs(2));
  EXPECT_EQ(calls[0].kind, "CLIENT");
  EXPECT_EQ(calls[0].parent_id, SpanIdOf(outer));
  EXPECT_EQ(calls[1].kind, "SERVER");
  EXPECT_EQ(calls[1].parent_id, calls[0].span_id);
  EXPECT_EQ(calls[1].span_id, SpanIdOf(verifier_.current()));
  for (const ToldSpan& call : calls) {
    EXPECT_EQ(call.trace_id, TraceIdOf(outer));
    EXPECT_THAT(call.attributes,
                ElementsAre(Pair("rpc.method", "Verify"), Pair("rpc.service", "vecferry.v1.VerifierService"),
                            Pair("rpc.system", "grpc")));
    EXPECT_FALSE(call.failed);
  }
}

TEST_F(TracedCallTest, FailsOnBothSidesWithTheCallsCode) {
  Traced traced(collector_.endpoint());
  verifier_.set_answer(absl::FailedPreconditionError("no ledger"));
  {
    const TraceScope scope(NewTraceparent());
    EXPECT_THAT(Verify(), StatusIs(absl::StatusCode::kFailedPrecondition, _));
  }
  traced.Finish();
  ASSERT_THAT(collector_.spans(kVerifyName), SizeIs(2));
  for (const ToldSpan& call : collector_.spans(kVerifyName)) {
    EXPECT_TRUE(call.failed);
    EXPECT_EQ(call.why_failed, "no ledger");
    EXPECT_THAT(call.attributes, Contains(Pair("rpc.grpc.status_code", "9")));
    EXPECT_THAT(call.attributes, Contains(Pair("error.type", "FAILED_PRECONDITION")));
  }
}

TEST_F(TracedCallTest, IsNotToldWithoutAParentOrWithAWrongOne) {
  Traced traced(collector_.endpoint());
  EXPECT_THAT(Verify(), IsOk());
  VerifyWith({"00-XYZ"});
  VerifyWith({"00-11111111111111111111111111111111-2222222222222222-01",
              "00-33333333333333333333333333333333-4444444444444444-01"});
  EXPECT_EQ(verifier_.current(), "");
  VerifyWith({"00-11111111111111111111111111111111-2222222222222222-01"});
  EXPECT_EQ(TraceIdOf(verifier_.current()), "11111111111111111111111111111111");
  traced.Finish();
  const std::vector<ToldSpan> spans = collector_.spans();
  ASSERT_THAT(spans, SizeIs(1));
  EXPECT_EQ(spans[0].parent_id, "2222222222222222");
}

TEST_F(TracedCallTest, PassesTheTraceOnWhereNothingIsRecorded) {
  const TraceScope scope("00-11111111111111111111111111111111-2222222222222222-01");
  EXPECT_THAT(Verify(), IsOk());
  EXPECT_EQ(verifier_.current(), CurrentTraceparent());
}

// ---- a collector that is away ----

std::size_t CountOf(const std::string& text, absl::string_view what) {
  const std::vector<std::string> parts = absl::StrSplit(text, what);
  return parts.size() - 1;
}

// More spans than the queue holds, in batches that are sent at once.
absl::Duration TellMany() {
  const absl::Time begin = absl::Now();
  const std::string root = NewTraceparent();
  for (int i = 0; i < 5000; ++i) Span::Start("batch", root).Set("i", i);
  return absl::Now() - begin;
}

const std::vector<std::pair<std::string, std::string>>& SmallBatches() {
  static const auto& variables = *new std::vector<std::pair<std::string, std::string>>{
      {"OTEL_BSP_MAX_QUEUE_SIZE", "1000"}, {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100"}, {"OTEL_BSP_SCHEDULE_DELAY", "1"}};
  return variables;
}

TEST(CollectorAwayTest, HoldsNothingUpAndIsToldOnce) {
  std::string endpoint;
  { endpoint = OtlpCollector().endpoint(); }  // where nobody listens now
  ASSERT_THAT(StartLogging({}), IsOk());
  CaptureStderr();
  auto traced = std::make_unique<Traced>(endpoint, SmallBatches());
  EXPECT_LT(TellMany(), absl::Seconds(5));
  const absl::Time begin = absl::Now();
  traced.reset();
  EXPECT_LT(absl::Now() - begin, absl::Seconds(4));
  const std::string said = GetCapturedStderr();
  EXPECT_EQ(CountOf(said, "\n"), 1u) << said;
  EXPECT_EQ(CountOf(said, "warning tracing: "), 1u) << said;
}

// It takes connections and never answers: the end waits for the call at work and begins no other.
TEST(CollectorAwayTest, ASilentOneDelaysTheEndForSecondsAtMost) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 16), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ASSERT_THAT(StartLogging({.level = "off"}), IsOk());
  auto traced = std::make_unique<Traced>(absl::StrCat("http://127.0.0.1:", ntohs(address.sin_port)), SmallBatches());
  EXPECT_LT(TellMany(), absl::Seconds(5));
  const absl::Time begin = absl::Now();
  traced.reset();
  EXPECT_LT(absl::Now() - begin, absl::Seconds(6));
  close(listener);
}

}  // namespace
}  // namespace vecferry::telemetry
