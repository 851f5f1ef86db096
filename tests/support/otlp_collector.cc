#include "tests/support/otlp_collector.h"

#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/method_handler.h>
#include <grpcpp/impl/codegen/rpc_service_method.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace vecferry::testing {
namespace {

using nlohmann::json;

constexpr char kMethod[] = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
constexpr char kRequest[] = "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest";

// Debian's package has the library of OTLP's messages without their headers: they are read by their descriptors.
json ParseRequest(const std::string& bytes) {
  const auto* const type = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(kRequest);
  if (type == nullptr) {
    fprintf(stderr, "not linked with libopentelemetry_proto\n");
    abort();
  }
  const auto* const prototype = google::protobuf::MessageFactory::generated_factory()->GetPrototype(type);
  const std::unique_ptr<google::protobuf::Message> request(prototype->New());
  std::string text;
  if (!request->ParseFromString(bytes)) return json::object();
  if (!google::protobuf::util::MessageToJsonString(*request, &text).ok()) return json::object();
  return json::parse(text);
}

const json& Array(const json& parent, const char* name) {
  static const auto& none = *new json(json::array());
  const auto found = parent.find(name);
  return found == parent.end() ? none : *found;
}

std::string Hex(const json& span, const char* name) {
  std::string bytes;
  return absl::Base64Unescape(span.value(name, ""), &bytes) ? absl::BytesToHexString(bytes) : "";
}

absl::Time TimeOf(const json& span, const char* name) {
  std::int64_t nanoseconds = 0;
  if (!absl::SimpleAtoi(span.value(name, ""), &nanoseconds)) return absl::InfinitePast();
  return absl::FromUnixNanos(nanoseconds);
}

// {"stringValue": ...} and the like.
std::string ValueOf(const json& attribute) {
  const json& value = attribute.at("value").begin().value();
  return value.is_string() ? value.get<std::string>() : value.dump();
}

ToldSpan SpanOf(const json& told, const std::string& service) {
  ToldSpan span;
  span.name = told.value("name", "");
  span.service = service;
  span.kind = told.value("kind", "");
  if (absl::StartsWith(span.kind, "SPAN_KIND_")) span.kind.erase(0, 10);
  span.trace_id = Hex(told, "traceId");
  span.span_id = Hex(told, "spanId");
  span.parent_id = Hex(told, "parentSpanId");
  for (const json& attribute : Array(told, "attributes")) span.attributes[attribute.at("key")] = ValueOf(attribute);
  if (const auto status = told.find("status"); status != told.end()) {
    span.failed = status->value("code", "") == "STATUS_CODE_ERROR";
    span.why_failed = status->value("message", "");
  }
  span.begin = TimeOf(told, "startTimeUnixNano");
  span.end = TimeOf(told, "endTimeUnixNano");
  return span;
}

std::string ServiceOf(const json& resource_spans) {
  const auto resource = resource_spans.find("resource");
  if (resource == resource_spans.end()) return "";
  for (const json& attribute : Array(*resource, "attributes")) {
    if (attribute.at("key") == "service.name") return ValueOf(attribute);
  }
  return "";
}

}  // namespace

// As protoc would generate it, but that messages stay bytes.
class OtlpCollector::Service : public grpc::Service {
 public:
  explicit Service(OtlpCollector& collector) : collector_(collector) {
    using Handler = grpc::internal::RpcMethodHandler<Service, grpc::ByteBuffer, grpc::ByteBuffer>;
    AddMethod(new grpc::internal::RpcServiceMethod(
        kMethod, grpc::internal::RpcMethod::NORMAL_RPC,
        new Handler([](Service* service, grpc::ServerContext*, const grpc::ByteBuffer* request,
                       grpc::ByteBuffer* response) { return service->Export(*request, response); },
                    this)));
  }

 private:
  grpc::Status Export(const grpc::ByteBuffer& request, grpc::ByteBuffer* response) {
    std::vector<grpc::Slice> slices;
    if (!request.Dump(&slices).ok()) return {grpc::StatusCode::INTERNAL, "no request"};
    std::string bytes;
    for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    collector_.Take(bytes);
    const grpc::Slice empty;
    *response = grpc::ByteBuffer(&empty, 1);
    return grpc::Status::OK;
  }

  OtlpCollector& collector_;
};

struct OtlpCollector::Server {
  explicit Server(OtlpCollector& collector) : service(collector) {}
  Service service;
  std::unique_ptr<grpc::Server> server;
};

OtlpCollector::OtlpCollector(std::function<void(const ToldSpan&)> on_span)
    : on_span_(std::move(on_span)), server_(std::make_unique<Server>(*this)) {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&server_->service);
  server_->server = builder.BuildAndStart();
  address_ = absl::StrCat("127.0.0.1:", port);
}

OtlpCollector::~OtlpCollector() { server_->server->Shutdown(); }

void OtlpCollector::Take(const std::string& request) {
  const json told = ParseRequest(request);
  base::MutexLock lock(&mutex_);
  for (const json& resource : Array(told, "resourceSpans")) {
    for (const json& scope : Array(resource, "scopeSpans")) {
      for (const json& span : Array(scope, "spans")) {
        spans_.push_back(SpanOf(span, ServiceOf(resource)));
        if (on_span_ != nullptr) on_span_(spans_.back());
      }
    }
  }
}

std::vector<ToldSpan> OtlpCollector::spans() {
  base::MutexLock lock(&mutex_);
  std::vector<ToldSpan> sorted = spans_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const ToldSpan& one, const ToldSpan& other) { return one.begin < other.begin; });
  return sorted;
}

std::vector<ToldSpan> OtlpCollector::spans(const std::string& name) {
  std::vector<ToldSpan> named = spans();
  std::erase_if(named, [&](const ToldSpan& span) { return span.name != name; });
  return named;
}

}  // namespace vecferry::testing
