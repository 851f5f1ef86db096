#include "reader-worker/writer_clients.h"

#include <utility>

#include "absl/time/clock.h"
#include "common/base/status_macros.h"

namespace vecferry::reader {

absl::StatusOr<std::shared_ptr<rpc::WriterClient>> WriterClients::Find(const std::string& address) {
  if (address.empty()) return absl::InternalError("the lease names no writer");
  if (std::shared_ptr<rpc::WriterClient> known = FindKnown(address)) return known;
  ASSIGN_OR_RETURN(std::shared_ptr<rpc::WriterClient> client, make_(address));
  base::MutexLock lock(&mutex_);
  // Another stream may have been quicker.
  return known_.try_emplace(address, Known{client, absl::Now()}).first->second.client;
}

std::shared_ptr<rpc::WriterClient> WriterClients::FindKnown(const std::string& address) {
  const absl::Time now = absl::Now();
  base::MutexLock lock(&mutex_);
  for (auto known = known_.begin(); known != known_.end();) {
    Known& one = known->second;
    if (known->first == address || one.client.use_count() > 1) one.used = now;
    known = now - one.used > unused_max_ ? known_.erase(known) : std::next(known);
  }
  const auto known = known_.find(address);
  return known == known_.end() ? nullptr : known->second.client;
}

}  // namespace vecferry::reader
