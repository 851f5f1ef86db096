#include "common/telemetry/http_endpoints.h"

#include <CivetServer.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace vecferry::telemetry {
namespace {

constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";
constexpr char kTextType[] = "text/plain; charset=utf-8";

// One page, computed for each request.
class Page : public CivetHandler {
 public:
  struct Answer {
    int code = 200;
    const char* type = kTextType;
    std::string body;
  };
  explicit Page(std::function<Answer()> answer) : answer_(std::move(answer)) {}

  bool handleGet(CivetServer*, mg_connection* connection) override {
    const Answer answer = answer_();
    const std::string head = absl::StrCat("HTTP/1.1 ", answer.code, answer.code == 200 ? " OK" : " Service Unavailable",
                                          "\r\nContent-Type: ", answer.type, "\r\nContent-Length: ", answer.body.size(),
                                          "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n");
    mg_write(connection, head.data(), head.size());
    mg_write(connection, answer.body.data(), answer.body.size());
    return true;
  }

 private:
  const std::function<Answer()> answer_;
};

class CivetEndpoints : public HttpEndpoints {
 public:
  CivetEndpoints(const std::string& listen, const prometheus::Registry& registry, WhyNotReady why_not_ready)
      : why_not_ready_(std::move(why_not_ready)),
        metrics_([&registry]() -> Page::Answer {
          return {200, kMetricsType, prometheus::TextSerializer().Serialize(registry.Collect())};
        }),
        healthy_([]() -> Page::Answer {
          return {200, kTextType, "alive\n"};
        }),
        ready_([this] { return Ready(); }),
        host_(listen.substr(0, listen.rfind(':'))),
        // Throws when nothing can listen there: Start() catches it. A request that does not come to its end has its
        // thread for as long as the timeout.
        server_(std::vector<std::string>{"listening_ports", listen, "num_threads", "8", "request_timeout_ms", "2000"}) {
    server_.addHandler("/metrics$", metrics_);
    server_.addHandler("/healthz$", healthy_);
    server_.addHandler("/readyz$", ready_);
  }

  std::string address() const override {
    mg_server_port port = {};
    mg_get_server_ports(server_.getContext(), 1, &port);
    return absl::StrCat(host_, ":", port.port);
  }

 private:
  Page::Answer Ready() {
    const std::string why = why_not_ready_();
    return {why.empty() ? 200 : 503, kTextType, absl::StrCat(why.empty() ? "ready" : why, "\n")};
  }

  const WhyNotReady why_not_ready_;
  Page metrics_, healthy_, ready_;
  const std::string host_;
  CivetServer server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpEndpoints>> HttpEndpoints::Start(const std::string& listen,
                                                                    const prometheus::Registry& registry,
                                                                    WhyNotReady why_not_ready) {
  try {
    return std::make_unique<CivetEndpoints>(listen, registry, std::move(why_not_ready));
  } catch (const CivetException&) {
    return absl::UnavailableError(absl::StrCat("--metrics-listen ", listen,
                                               ": nothing can listen there; is another "
                                               "process on that port?"));
  }
}

}  // namespace vecferry::telemetry
