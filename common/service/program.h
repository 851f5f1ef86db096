#ifndef VECFERRY_COMMON_SERVICE_PROGRAM_H_
#define VECFERRY_COMMON_SERVICE_PROGRAM_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/flags/arguments.h"
#include "common/service/options.h"

namespace grpc {
class Service;
}
namespace prometheus {
class Registry;
}

namespace vecferry::service {

// One service of a program, made by its main. Thread-safe.
class Service {
 public:
  virtual ~Service() = default;
  virtual std::vector<grpc::Service*> services() = 0;
  // Once, before "listening on" is told: calls are taken at `address`, HOST:PORT with the port that was chosen.
  virtual void Listening(const std::string& /*address*/) {}
  // "" when it can take work, else why not. After Drain() it is not asked any more.
  virtual std::string WhyNotReady() = 0;
  // Takes no new work, and returns when what was begun is finished, cut off past `deadline`.
  virtual void Drain(absl::Time deadline) = 0;
};

// What a service is made with. References live as long as the program.
struct Setup {
  const ServiceOptions& options;
  const flags::Arguments& arguments;  // with the program's own flags
  const Connections& connections;
  const std::shared_ptr<prometheus::Registry>& registry;
};

struct Program {
  std::string name, about;
  std::function<void(flags::Arguments&)> add_flags;
  std::function<absl::StatusOr<std::unique_ptr<Service>>(const Setup&)> make;
};

// Runs the program until SIGTERM or SIGINT: serves, tells where ("listening on HOST:PORT" on stdout), drains. A second
// signal ends it at once. Returns the exit code: 0 drained, 1 failed, 2 wrong usage.
int Run(const Program& program, const std::vector<std::string>& words);

}  // namespace vecferry::service

#endif  // VECFERRY_COMMON_SERVICE_PROGRAM_H_
