#ifndef VECFERRY_READER_WORKER_WRITER_CLIENTS_H_
#define VECFERRY_READER_WORKER_WRITER_CLIENTS_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/rpc/clients.h"

namespace vecferry::reader {

// The clients of one reader process towards writers, one an address, for all its streams. Thread-safe.
class WriterClients {
 public:
  using MakeClient = std::function<absl::StatusOr<std::shared_ptr<rpc::WriterClient>>(const std::string& address)>;

  // A client that nobody has held for `unused_max` is dropped when another one is asked for.
  explicit WriterClients(MakeClient make, absl::Duration unused_max = absl::Minutes(5))
      : make_(std::move(make)), unused_max_(unused_max) {}

  // Errors: kInternal: a lease without a writer's address; those of making a client.
  absl::StatusOr<std::shared_ptr<rpc::WriterClient>> Find(const std::string& address);

 private:
  struct Known {
    std::shared_ptr<rpc::WriterClient> client;
    absl::Time used;
  };

  std::shared_ptr<rpc::WriterClient> FindKnown(const std::string& address);

  const MakeClient make_;
  const absl::Duration unused_max_;
  base::Mutex mutex_;
  std::map<std::string, Known> known_ ABSL_GUARDED_BY(mutex_);  // by address
};

}  // namespace vecferry::reader

#endif  // VECFERRY_READER_WORKER_WRITER_CLIENTS_H_
