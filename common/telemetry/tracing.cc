#include "common/telemetry/tracing.h"

#include <atomic>
#include <utility>

#include "absl/time/clock.h"
#include "common/base/mutex.h"
#include "common/telemetry/log.h"
#include "common/telemetry/tracing_options.h"

namespace vecferry::telemetry {
namespace {

// The sender of the Tracing that runs. Never destroyed: spans may end while the process does.
class Running {
 public:
  static Running& Get() {
    static auto& running = *new Running;
    return running;
  }

  std::shared_ptr<SpanSender> sender() {
    if (!on_.load(std::memory_order_relaxed)) return nullptr;
    base::MutexLock lock(&mutex_);
    return sender_;
  }
  bool Take(const std::shared_ptr<SpanSender>& sender) {
    base::MutexLock lock(&mutex_);
    if (sender_ != nullptr) return false;
    sender_ = sender;
    on_ = true;
    return true;
  }
  void Leave() {
    base::MutexLock lock(&mutex_);
    on_ = false;
    sender_ = nullptr;
  }

 private:
  std::atomic<bool> on_ = false;
  base::Mutex mutex_;
  std::shared_ptr<SpanSender> sender_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<Tracing>> Tracing::Start(const std::string& service_name,
                                                        const std::vector<std::string>& environment) {
  std::vector<std::string> warnings;
  const TracingOptions options = ReadTracingOptions(environment, warnings);
  for (const std::string& warning : warnings) LogWarning(warning);
  std::shared_ptr<SpanSender> sender;
  if (options.enabled) {
    if (Running::Get().sender() != nullptr) return absl::FailedPreconditionError("tracing runs already");
    sender = SpanSender::Start(service_name, options);
    if (!Running::Get().Take(sender)) return absl::FailedPreconditionError("tracing runs already");
  }
  return std::unique_ptr<Tracing>(new Tracing(std::move(sender)));
}

Tracing::~Tracing() {
  if (sender_ == nullptr) return;
  Running::Get().Leave();
  sender_->Close();
}

struct Span::Recording {
  SpanRecord record;
  bool over = false;                   // its end was told
  std::shared_ptr<SpanSender> sender;  // shared: a span may end after the Tracing that it began under
};

Span::Span() = default;
Span::Span(std::unique_ptr<Recording> recording) : recording_(std::move(recording)) {}
Span::Span(Span&& other) noexcept = default;
Span& Span::operator=(Span&& other) noexcept {
  if (this == &other) return *this;
  End();
  recording_ = std::move(other.recording_);
  return *this;
}
Span::~Span() { End(); }

Span Span::StartAt(absl::Time begin, absl::string_view name, absl::string_view parent_traceparent, SpanKind kind) {
  std::shared_ptr<SpanSender> sender = Running::Get().sender();
  if (sender == nullptr || !IsTraceparent(parent_traceparent)) return {};
  const std::string traceparent = sender->NewSpan(name, kind, parent_traceparent);
  if (traceparent.empty()) return {};
  auto recording = std::make_unique<Recording>();
  recording->sender = std::move(sender);
  recording->record = {.traceparent = traceparent,
                       .parent = std::string(parent_traceparent),
                       .name = std::string(name),
                       .kind = kind,
                       .begin = begin};
  return Span(std::move(recording));
}

Span Span::Start(absl::string_view name, absl::string_view parent_traceparent, SpanKind kind) {
  return StartAt(parent_traceparent.empty() ? absl::InfinitePast() : absl::Now(), name, parent_traceparent, kind);
}

void Span::Tell(absl::string_view name, absl::string_view parent_traceparent, SpanKind kind, absl::Time begin,
                absl::Time end, Attributes attributes) {
  const Span span = StartAt(begin, name, parent_traceparent, kind);
  if (!span.recording()) return;
  span.recording_->record.attributes = std::move(attributes);
  span.recording_->record.end = end;
  span.recording_->over = true;
}

std::string Span::traceparent() const { return recording() ? recording_->record.traceparent : ""; }

void Span::Set(absl::string_view key, absl::string_view value) {
  if (recording()) SetValue(key, std::string(value));
}

void Span::SetValue(absl::string_view key, AttributeValue value) {
  if (recording()) recording_->record.attributes.emplace_back(std::string(key), std::move(value));
}

void Span::Fail(const absl::Status& status) {
  if (!recording() || status.ok()) return;
  recording_->record.failed = true;
  recording_->record.why_failed = std::string(status.message());
  Set("error.type", absl::StatusCodeToString(status.code()));
}

void Span::End() {
  if (!recording()) return;
  const std::unique_ptr<Recording> ended = std::move(recording_);
  if (!ended->over) ended->record.end = absl::Now();
  ended->sender->Send(ended->record);
}

std::string NewTraceparent() {
  const std::shared_ptr<SpanSender> sender = Running::Get().sender();
  return sender == nullptr ? "" : sender->NewTrace();
}

void TellRoot(absl::string_view traceparent, absl::string_view name, absl::Time begin, absl::Time end,
              Attributes attributes, const absl::Status& status) {
  const std::shared_ptr<SpanSender> sender = Running::Get().sender();
  if (sender == nullptr || !IsTraceparent(traceparent)) return;
  if (!status.ok()) attributes.emplace_back("error.type", absl::StatusCodeToString(status.code()));
  sender->Send({.traceparent = std::string(traceparent),
                .name = std::string(name),
                .begin = begin,
                .end = end,
                .attributes = std::move(attributes),
                .failed = !status.ok(),
                .why_failed = std::string(status.message())});
}

}  // namespace vecferry::telemetry
