#ifndef VECFERRY_COORDINATOR_SOURCE_SERVICE_H_
#define VECFERRY_COORDINATOR_SOURCE_SERVICE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/sqlite/file_bytes.h"

namespace grpc {
class Service;
}

namespace vecferry::coordinator {

// A copy of a source as a file: whole, and changed by nobody. It may lose its name while it is sent.
struct SentCopy {
  std::string path;
  sqlite::FileSum sum;
};
// kNotFound: no such copy here.
using FindCopy = std::function<absl::StatusOr<SentCopy>(const std::string& snapshot)>;

// SourceService over these files. Each running call has a thread and one chunk in memory, so there are `fetches_max` at
// most: a caller who gets RESOURCE_EXHAUSTED asks again later. Thread-safe.
std::unique_ptr<grpc::Service> MakeSourceService(FindCopy find, int fetches_max = 8);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_SOURCE_SERVICE_H_
