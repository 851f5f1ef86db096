#include "common/telemetry/span_sender.h"

#include <opentelemetry/common/key_value_iterable.h>
#include <opentelemetry/exporters/otlp/otlp_grpc_exporter_factory.h>
#include <opentelemetry/exporters/otlp/otlp_grpc_exporter_options.h>
#include <opentelemetry/sdk/common/global_log_handler.h>
#include <opentelemetry/sdk/instrumentationscope/instrumentation_scope.h>
#include <opentelemetry/sdk/resource/resource.h>
#include <opentelemetry/sdk/resource/resource_detector.h>
#include <opentelemetry/sdk/trace/batch_span_processor_factory.h>
#include <opentelemetry/sdk/trace/batch_span_processor_options.h>
#include <opentelemetry/sdk/trace/exporter.h>
#include <opentelemetry/sdk/trace/id_generator.h>
#include <opentelemetry/sdk/trace/processor.h>
#include <opentelemetry/sdk/trace/random_id_generator_factory.h>
#include <opentelemetry/sdk/trace/recordable.h>
#include <opentelemetry/sdk/trace/sampler.h>
#include <opentelemetry/sdk/trace/samplers/always_off_factory.h>
#include <opentelemetry/sdk/trace/samplers/always_on_factory.h>
#include <opentelemetry/sdk/trace/samplers/parent_factory.h>
#include <opentelemetry/sdk/trace/samplers/trace_id_ratio_factory.h>
#include <opentelemetry/trace/propagation/http_trace_context.h>
#include <opentelemetry/trace/span_context_kv_iterable.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/core/migration.h"
#include "common/telemetry/log.h"
#include "common/telemetry/rare_warning.h"
#include "common/telemetry/trace_context.h"

namespace vecferry::telemetry {
namespace {

namespace nostd = opentelemetry::nostd;
namespace otlp = opentelemetry::exporter::otlp;
namespace sdk = opentelemetry::sdk;
namespace trace = opentelemetry::trace;

using Recordables = nostd::span<std::unique_ptr<sdk::trace::Recordable>>;

// A call to the collector cannot be broken off: a program's end waits for the one at work, so it must be short,
// whatever OTEL_EXPORTER_OTLP_TIMEOUT says. Within a cluster it takes milliseconds.
constexpr absl::Duration kExportMax = absl::Seconds(2);
// After Close() no call is begun later than this.
constexpr absl::Duration kLastExport = absl::Seconds(2);
// Texts of errors and of names that come from the source.
constexpr std::size_t kTextBytesMax = 500;

nostd::string_view View(absl::string_view text) { return {text.data(), text.size()}; }

// The collector takes a message with text that is not UTF-8 for a broken one.
std::string Clean(absl::string_view text) { return core::SanitizeText(text.substr(0, kTextBytesMax)); }

// The library would write to stdout and stderr.
class LogHandler : public sdk::common::internal_log::LogHandler {
 public:
  void Handle(sdk::common::internal_log::LogLevel, const char*, int, const char* message,
              const sdk::common::AttributeMap&) noexcept override {
    warning_.Log(absl::StrCat("tracing: ", core::SanitizeText(message)));
  }

 private:
  RareWarning warning_{absl::Minutes(1)};
};

void TakeOverLog() {
  using sdk::common::internal_log::GlobalLogHandler;
  GlobalLogHandler::SetLogHandler(nostd::shared_ptr<sdk::common::internal_log::LogHandler>(new LogHandler));
  GlobalLogHandler::SetLogLevel(sdk::common::internal_log::LogLevel::Warning);
}

// Lets the end of a program wait for no collector that is away.
class PatientOnlyWhileOpen : public sdk::trace::SpanExporter {
 public:
  explicit PatientOnlyWhileOpen(std::unique_ptr<sdk::trace::SpanExporter> exporter) : exporter_(std::move(exporter)) {}

  std::unique_ptr<sdk::trace::Recordable> MakeRecordable() noexcept override { return exporter_->MakeRecordable(); }
  sdk::common::ExportResult Export(const Recordables& spans) noexcept override {
    if (closing_ && (away_ || absl::Now() > last_export_)) return sdk::common::ExportResult::kFailure;
    const sdk::common::ExportResult result = exporter_->Export(spans);
    away_ = result != sdk::common::ExportResult::kSuccess;
    return result;
  }
  bool ForceFlush(std::chrono::microseconds timeout) noexcept override { return exporter_->ForceFlush(timeout); }
  bool Shutdown(std::chrono::microseconds timeout) noexcept override { return exporter_->Shutdown(timeout); }

  void Close() {
    last_export_ = absl::Now() + kLastExport;
    closing_ = true;  // after the time, which it gives to the exporting thread
  }

 private:
  const std::unique_ptr<sdk::trace::SpanExporter> exporter_;
  absl::Time last_export_;
  std::atomic<bool> closing_ = false;
  bool away_ = false;  // the exporting thread's own
};

std::unique_ptr<sdk::trace::Sampler> MakeSampler(const TracingOptions& options) {
  std::unique_ptr<sdk::trace::Sampler> sampler;
  switch (options.sampling) {
    case Sampling::kAlwaysOn: sampler = sdk::trace::AlwaysOnSamplerFactory::Create(); break;
    case Sampling::kAlwaysOff: sampler = sdk::trace::AlwaysOffSamplerFactory::Create(); break;
    case Sampling::kRatio: sampler = sdk::trace::TraceIdRatioBasedSamplerFactory::Create(options.ratio); break;
  }
  return options.parent_based ? sdk::trace::ParentBasedSamplerFactory::Create(std::move(sampler)) : std::move(sampler);
}

// What the environment says of the program goes before what the program says.
sdk::resource::Resource MakeResource(const std::string& service_name) {
  return sdk::resource::Resource::Create({{"service.name", service_name}, {"service.version", VECFERRY_VERSION}})
      .Merge(sdk::resource::OTELResourceDetector().Detect());
}

// `traceparent` is valid, or "" for no span.
trace::SpanContext ContextOf(absl::string_view traceparent) {
  if (traceparent.empty()) return trace::SpanContext::GetInvalid();
  using Text = trace::propagation::HttpTraceContext;
  return {Text::TraceIdFromHex(View(traceparent.substr(3, 32))), Text::SpanIdFromHex(View(traceparent.substr(36, 16))),
          Text::TraceFlagsFromHex(View(traceparent.substr(53, 2))), /*is_remote=*/true};
}

template <typename Id>
std::string Hex(const Id& id) {
  char text[2 * Id::kSize];
  id.ToLowerBase16(text);
  return {text, sizeof(text)};
}

std::string TraceparentOf(const trace::TraceId& trace, const trace::SpanId& span) {
  return absl::StrCat("00-", Hex(trace), "-", Hex(span), "-01");
}

trace::SpanKind KindOf(SpanKind kind) {
  switch (kind) {
    case SpanKind::kServer: return trace::SpanKind::kServer;
    case SpanKind::kClient: return trace::SpanKind::kClient;
    case SpanKind::kInternal: break;
  }
  return trace::SpanKind::kInternal;
}

opentelemetry::common::SystemTimestamp TimestampOf(absl::Time time) {
  return opentelemetry::common::SystemTimestamp(absl::ToChronoTime(time));
}

class OtlpSpanSender : public SpanSender {
 public:
  OtlpSpanSender(const std::string& service_name, const TracingOptions& options)
      : resource_(MakeResource(service_name)),
        scope_(sdk::instrumentationscope::InstrumentationScope::Create("vecferry", VECFERRY_VERSION)),
        sampler_(MakeSampler(options)),
        ids_(sdk::trace::RandomIdGeneratorFactory::Create()) {
    otlp::OtlpGrpcExporterOptions collector;  // by the environment
    const absl::Duration timeout = std::min(absl::FromChrono(collector.timeout), options.export_timeout);
    collector.timeout = absl::ToChronoNanoseconds(std::min(timeout, kExportMax));
    auto exporter = std::make_unique<PatientOnlyWhileOpen>(otlp::OtlpGrpcExporterFactory::Create(collector));
    exporter_ = exporter.get();
    sdk::trace::BatchSpanProcessorOptions batches;
    batches.max_queue_size = options.queue_spans_max;
    batches.max_export_batch_size = options.batch_spans_max;
    batches.schedule_delay_millis = absl::ToChronoMilliseconds(options.batch_delay);
    processor_ = sdk::trace::BatchSpanProcessorFactory::Create(std::move(exporter), batches);
  }

  std::string NewTrace() override {
    const trace::TraceId trace = ids_->GenerateTraceId();
    if (!Wants(trace::SpanContext::GetInvalid(), trace, "", SpanKind::kInternal)) return "";
    return TraceparentOf(trace, ids_->GenerateSpanId());
  }

  std::string NewSpan(absl::string_view name, SpanKind kind, absl::string_view parent) override {
    const trace::SpanContext context = ContextOf(parent);
    if (!Wants(context, context.trace_id(), name, kind)) return "";
    return TraceparentOf(context.trace_id(), ids_->GenerateSpanId());
  }

  // The library's tracer is passed by: it makes a span's ids itself, and a migration's root has those of the ledger.
  void Send(const SpanRecord& span) override {
    std::unique_ptr<sdk::trace::Recordable> told = processor_->MakeRecordable();
    told->SetIdentity(ContextOf(span.traceparent), ContextOf(span.parent).span_id());
    told->SetTraceFlags(trace::TraceFlags(trace::TraceFlags::kIsSampled));
    told->SetName(View(Clean(span.name)));
    told->SetSpanKind(KindOf(span.kind));
    told->SetResource(resource_);
    told->SetInstrumentationScope(*scope_);
    told->SetStartTime(TimestampOf(span.begin));
    told->SetDuration(absl::ToChronoNanoseconds(std::max(span.end - span.begin, absl::ZeroDuration())));
    for (const auto& [key, value] : span.attributes) SetAttribute(*told, key, value);
    if (span.failed) told->SetStatus(trace::StatusCode::kError, View(Clean(span.why_failed)));
    processor_->OnEnd(std::move(told));
  }

  void Close() override {
    exporter_->Close();
    processor_->Shutdown();
  }

 private:
  bool Wants(const trace::SpanContext& parent, const trace::TraceId& trace, absl::string_view name, SpanKind kind) {
    const opentelemetry::common::NoopKeyValueIterable no_attributes;
    const trace::NullSpanContext no_links;
    return sampler_->ShouldSample(parent, trace, View(name), KindOf(kind), no_attributes, no_links).IsSampled();
  }

  static void SetAttribute(sdk::trace::Recordable& told, const std::string& key, const AttributeValue& value) {
    if (const auto* const integer = std::get_if<std::int64_t>(&value)) {
      told.SetAttribute(key, *integer);
    } else if (const auto* const number = std::get_if<double>(&value)) {
      told.SetAttribute(key, *number);
    } else {
      const std::string text = Clean(std::get<std::string>(value));
      told.SetAttribute(key, View(text));
    }
  }

  const sdk::resource::Resource resource_;  // spans point at it and at the scope until they are sent
  const nostd::unique_ptr<sdk::instrumentationscope::InstrumentationScope> scope_;
  const std::unique_ptr<sdk::trace::Sampler> sampler_;
  const std::unique_ptr<sdk::trace::IdGenerator> ids_;
  PatientOnlyWhileOpen* exporter_ = nullptr;  // the processor's
  std::unique_ptr<sdk::trace::SpanProcessor> processor_;
};

}  // namespace

std::shared_ptr<SpanSender> SpanSender::Start(const std::string& service_name, const TracingOptions& options) {
  TakeOverLog();
  return std::make_shared<OtlpSpanSender>(service_name, options);
}

}  // namespace vecferry::telemetry
